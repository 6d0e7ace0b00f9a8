//! Settings as data: each is declared once, with its unit, range, default and meaning; all readers share it.

use std::fmt;

/// One setting, as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name within its section.
    pub key: &'static str,
    /// What it means, in one or two sentences.
    pub doc: &'static str,
    /// What it counts, in the plural: `shares`, `USDC a share`, `ms`; empty for words and texts.
    pub unit: &'static str,
    /// What holds where the file does not say it.
    pub default: Preset,
    /// What a new file begins with where there is no default and the least would not do.
    pub example: Option<&'static str>,
    /// What is accepted.
    pub range: Range,
    /// What a change needs.
    pub applies: Applies,
}

/// What holds where the file does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Nothing: the file must say it.
    Required,
    /// This, as it would be written in the file.
    Value(&'static str),
    /// What follows from other settings, said in words.
    Derived(&'static str),
}

/// What is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// A number with at most six decimals, in the unit; both bounds are accepted.
    Decimal {
        /// The smallest.
        min: &'static str,
        /// The largest.
        max: &'static str,
    },
    /// A whole number, in the unit; both bounds are accepted.
    Whole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// True or false.
    Switch,
    /// A text that is not blank.
    Text,
    /// A list of at least one text, none of them blank.
    Texts,
    /// A [`super::Speed`].
    Speed,
    /// An address and port of this machine that only this machine reaches.
    Loopback,
    /// The name of a [`crate::zone::Zone`].
    Zone,
}

/// What a change of a setting needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It can be taken over by what runs.
    Live,
    /// What it belongs to must be restarted: the strategy, or the service.
    Restart,
}

/// A section of a file, with all that may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, as in `[name]`.
    pub name: &'static str,
    /// Its settings, in the order in which they are best explained.
    pub settings: &'static [Setting],
    /// Keys that are known but do not belong here, each with the reason.
    pub refused: &'static [(&'static str, &'static str)],
}

impl Applies {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Restart => "restart",
        }
    }
}

impl Setting {
    pub(super) const fn decimal(
        key: &'static str,
        unit: &'static str,
        (min, max): (&'static str, &'static str),
    ) -> Self {
        Self::new(key, unit, Range::Decimal { min, max })
    }

    pub(super) const fn whole(
        key: &'static str,
        unit: &'static str,
        (min, max): (u64, u64),
    ) -> Self {
        Self::new(key, unit, Range::Whole { min, max })
    }

    pub(super) const fn other(key: &'static str, range: Range) -> Self {
        Self::new(key, "", range)
    }

    const fn new(key: &'static str, unit: &'static str, range: Range) -> Self {
        let (default, example, applies) = (Preset::Required, None, Applies::Restart);
        Self { key, doc: "", unit, default, example, range, applies }
    }

    /// Says what it means, and that a change can be taken over by what runs.
    pub(super) const fn live(self, doc: &'static str) -> Self {
        let applies = Applies::Live;
        Self { doc, applies, ..self }
    }

    /// Says what it means, and that a change needs a restart.
    pub(super) const fn restart(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    /// Says what holds where the file does not.
    pub(super) const fn or(self, text: &'static str) -> Self {
        let default = Preset::Value(text);
        Self { default, ..self }
    }

    /// Says what a new file begins with.
    pub(super) const fn begin(self, text: &'static str) -> Self {
        let example = Some(text);
        Self { example, ..self }
    }

    /// Says, in words, from what its default follows.
    pub(super) const fn or_derived(self, words: &'static str) -> Self {
        let default = Preset::Derived(words);
        Self { default, ..self }
    }

    /// Returns what is accepted, with the unit.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.unit {
            "" => self.range.to_string(),
            "fraction" => format!("a fraction of {}", self.range),
            unit => format!("{} {unit}", self.range),
        }
    }

    /// Returns the noun for what is accepted: `a number of shares`.
    pub(super) fn noun(&self) -> String {
        match (self.range, self.unit) {
            (Range::Decimal { .. }, "fraction") => "a fraction".to_owned(),
            (Range::Decimal { .. }, unit) => format!("a number of {unit}"),
            (Range::Whole { .. }, unit) => format!("a whole number of {unit}"),
            (Range::Word(_), _) => "a known word".to_owned(),
            (Range::Switch, _) => "a switch".to_owned(),
            (Range::Text, _) => "a text".to_owned(),
            (Range::Texts, _) => "a list of texts".to_owned(),
            (Range::Speed, _) => "a speed".to_owned(),
            (Range::Loopback, _) => "an address with a port".to_owned(),
            (Range::Zone, _) => "a known time zone".to_owned(),
        }
    }
}

impl Section {
    pub(super) const fn new(name: &'static str, settings: &'static [Setting]) -> Self {
        Self { name, settings, refused: &[] }
    }

    pub(super) fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &'static Setting> {
        self.settings.iter().filter(|setting| setting.default == Preset::Required)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { min, max } => write!(f, "{min} to {max}"),
            Self::Whole { min, max } => write!(f, "{min} to {max}"),
            Self::Word(words) => {
                for (i, word) in words.iter().enumerate() {
                    let gap = match i {
                        0 => "",
                        _ if i + 1 == words.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{gap}\"{word}\"")?;
                }
                Ok(())
            }
            Self::Switch => f.write_str("true or false"),
            Self::Text => f.write_str("a text in quotes that is not blank"),
            Self::Texts => f.write_str("a list of texts that are not blank, such as [\"btc-\"]"),
            Self::Speed => f.write_str("\"max\" or \"0.1x\" to \"100000x\""),
            Self::Loopback => {
                f.write_str("a loopback address with a port, such as \"127.0.0.1:8080\"")
            }
            Self::Zone => f.write_str("a time zone, such as \"UTC\" or \"America/New_York\""),
        }
    }
}
