//! The reader: a file's text against the declared settings; every fault is noted, none is thrown.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fault::{Fault, Faults, nearest, shown};
use super::setting::{Preset, Section, Setting};
use super::value::{self, Unfit};
use super::values::Values;

/// No settings file comes near this; a longer one is some other file.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// What the name of a secret contains, without `_` and `-`.
const SECRET_WORDS: [&str; 6] =
    ["secret", "password", "passphrase", "privatekey", "apikey", "token"];

/// One file while it is read.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    root: DeTable<'t>,
    sections: Vec<Section>,
    faults: Faults<'t>,
}

impl<'t> Reader<'t> {
    /// Takes a file in.
    ///
    /// # Errors
    /// When it is no TOML: the first place where it is not.
    pub(super) fn new(file: &'t str, text: &'t str) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::new(file, text);
        if TEXT_BYTES_MAX < text.len() {
            let problem = format!(
                "{} bytes are too many for settings; at most {TEXT_BYTES_MAX} are read",
                text.len()
            );
            faults.add(0, String::new(), problem, None);
            return Err(faults.into_sorted());
        }
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { root: root.into_inner(), sections: Vec::new(), faults }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let problem = format!("not valid TOML: {}", error.message());
                faults.add(at, String::new(), problem, None);
                Err(faults.into_sorted())
            }
        }
    }

    /// Returns a word of the file before its sections are known, to choose them by.
    pub(super) fn peek(&self, section: &str, key: &str) -> Option<&str> {
        let section = self.root.get(section)?.get_ref().as_table()?;
        section.get(key)?.get_ref().as_str()
    }

    /// Says which sections the file may have, and notes all that stands outside of them, and secrets.
    pub(super) fn expect(&mut self, sections: Vec<Section>) {
        self.sections = sections;
        let Self { root, sections, faults } = self;
        refuse_secrets(root, "", faults);
        for (key, value) in root.iter() {
            let name = key.get_ref().as_ref();
            if is_secret(name) || sections.iter().any(|section| section.name == name) {
                continue;
            }
            let value = value.get_ref();
            let is_section =
                value.is_table() || value.get(0).is_some_and(|item| item.get_ref().is_table());
            let (problem, hint) = if is_section {
                let names = sections.iter().map(|section| section.name);
                let hint = nearest(name, names).map(|near| format!("did you mean [{near}]?"));
                ("unknown section", hint)
            } else {
                ("a setting outside of every section", home(sections, name))
            };
            faults.add(key.span().start, shown(name), problem.to_owned(), hint);
        }
    }

    /// Reads a section: what the file says, and the declared defaults for what it does not.
    pub(super) fn read(&mut self, name: &'static str) -> Values {
        let Self { root, sections, faults } = self;
        let Some(section) = sections.iter().find(|section| section.name == name) else {
            return Values::new(name, 0);
        };
        let Some((header, body)) = root.get_key_value(name) else {
            let needed: Vec<&str> = section.required().map(|setting| setting.key).collect();
            if !needed.is_empty() {
                let problem = format!("the section is missing; it must say {}", needed.join(", "));
                faults.add(0, name.to_owned(), problem, None);
            }
            return defaults(section, Values::new(name, 0));
        };
        let at = header.span().start;
        let Some(table) = body.get_ref().as_table() else {
            let problem = format!("not one section; it is written [{name}], once");
            faults.add(at, name.to_owned(), problem, None);
            return Values::new(name, at);
        };
        let mut values = Values::new(name, at);
        for (key, value) in table {
            match section.setting(key.get_ref()) {
                Some(setting) => {
                    let span = value.span();
                    let found = faults.literal(span.clone());
                    match value::parse(setting, value.get_ref()) {
                        Ok(read) => values.set(setting.key, read, Some(key.span().start)),
                        Err(unfit) => misfit(setting, &unfit, (name, found, span.start), faults),
                    }
                }
                None => unknown(sections, section, key, faults),
            }
        }
        for setting in section.required() {
            if !table.contains_key(setting.key) {
                let problem = format!("missing; expected {}", setting.expected());
                faults.add(at, format!("{name}.{}", setting.key), problem, None);
            }
        }
        let stated: Vec<&str> = table.keys().map(|key| key.get_ref().as_ref()).collect();
        defaults_except(section, &stated, values)
    }

    /// Notes that settings which fit alone do not fit together; the place is the first of them that the file
    /// states.
    pub(super) fn clash(&mut self, values: &Values, keys: [&Setting; 2], problem: String) {
        let [first, second] = keys;
        let (key, at) = match (values.place(first.key), values.place(second.key)) {
            (Some(at), _) => (first.key, at),
            (None, Some(at)) => (second.key, at),
            (None, None) => (first.key, values.header()),
        };
        self.faults.add(at, format!("{}.{key}", values.section()), problem, None);
    }

    /// Returns the value when nothing is at fault.
    ///
    /// # Errors
    /// Every fault, in the order of the file.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        let faults = self.faults.into_sorted();
        if faults.is_empty() {
            Ok(value.expect("a setting that is declared and not at fault has its value"))
        } else {
            Err(faults)
        }
    }
}

fn defaults(section: &Section, values: Values) -> Values {
    defaults_except(section, &[], values)
}

/// Adds the defaults of what the file does not state, rightly or wrongly.
fn defaults_except(section: &Section, stated: &[&str], mut values: Values) -> Values {
    for setting in section.settings {
        match setting.default {
            Preset::Value(text) if !stated.contains(&setting.key) => {
                let read = value::preset(setting, text);
                values.set(setting.key, read, None);
            }
            Preset::Value(_) | Preset::Required | Preset::Derived(_) => {}
        }
    }
    values
}

/// Notes that a value is not what its setting accepts.
fn misfit(
    setting: &Setting,
    unfit: &Unfit,
    (section, literal, at): (&str, &str, usize),
    faults: &mut Faults<'_>,
) {
    let found = unfit.found.clone().unwrap_or_else(|| shown(literal));
    let problem = format!("{found} {}", unfit.problem);
    let key = format!("{section}.{}", setting.key);
    faults.add(at, key, problem, unfit.hint.clone());
}

/// Notes a key that the section does not have.
fn unknown(
    sections: &[Section],
    section: &Section,
    key: &Spanned<DeString<'_>>,
    faults: &mut Faults<'_>,
) {
    let name = key.get_ref().as_ref();
    if is_secret(name) {
        return;
    }
    let path = format!("{}.{}", section.name, shown(name));
    let refused = section.refused.iter().find(|(known, _)| *known == name);
    let (problem, hint) = match refused {
        Some((_, why)) => ((*why).to_owned(), None),
        None => {
            let near = nearest(name, section.settings.iter().map(|setting| setting.key));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            ("unknown setting".to_owned(), home(sections, name).or(hint))
        }
    };
    faults.add(key.span().start, path, problem, hint);
}

/// Says in which section a setting belongs, where there is one.
pub(super) fn home(sections: &[Section], key: &str) -> Option<String> {
    sections
        .iter()
        .find(|section| section.setting(key).is_some())
        .map(|section| format!("it belongs in [{}]", section.name))
}

/// Notes every key, at any depth, whose name says that a secret stands there.
fn refuse_secrets(table: &DeTable<'_>, above: &str, faults: &mut Faults<'_>) {
    for (key, value) in table {
        let path = format!("{above}{}", shown(key.get_ref()));
        if is_secret(key.get_ref()) {
            let problem = "a secret does not belong in this file".to_owned();
            let hint = "give it through the environment or a file of its own".to_owned();
            faults.add(key.span().start, path, problem, Some(hint));
        } else {
            refuse_secrets_within(value.get_ref(), &format!("{path}."), faults);
        }
    }
}

fn refuse_secrets_within(value: &DeValue<'_>, above: &str, faults: &mut Faults<'_>) {
    match value {
        DeValue::Table(table) => refuse_secrets(table, above, faults),
        DeValue::Array(items) => {
            for item in items {
                refuse_secrets_within(item.get_ref(), above, faults);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

fn is_secret(key: &str) -> bool {
    let letters: String = key
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_WORDS.iter().any(|word| letters.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_secret_is_known_in_any_spelling() {
        for name in ["secret", "API_KEY", "apiKey", "private-key", "db_password", "access_token"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["key", "market_prefixes", "api", "pass"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_file_far_too_long_for_settings_is_not_read() {
        let text = "#".repeat(TEXT_BYTES_MAX + 1);
        let faults = Reader::new("a.toml", &text).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "a.toml:1:1: 262145 bytes are too many for settings; at most 262144 are read"
        );
    }

    #[test]
    fn a_file_nested_without_end_is_refused_and_does_no_harm() {
        for text in [
            format!("a = {}", "[".repeat(100_000)),
            format!("{}x = 1", "a.".repeat(100_000)),
            format!("a = {}", "{a=".repeat(50_000)),
        ] {
            assert_eq!(Reader::new("a.toml", &text).unwrap_err().len(), 1);
        }
    }
}
