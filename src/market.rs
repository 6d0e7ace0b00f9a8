//! Markets: one question with two outcomes, its ids and its trading rules.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fees::FeeSchedule;
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// The venue's id of a market: 32 bytes, written as `0x` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConditionId([u8; 32]);

/// The venue's id of one outcome's share, as the venue writes it.
pub type TokenId = Arc<str>;

/// One of the two outcomes of a market. In an up-or-down market `Yes` is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The first outcome: yes, up, or the first team.
    Yes,
    /// The second outcome: no, down, or the second team.
    No,
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Shares in, cash out.
    Buy,
    /// Cash in, shares out.
    Sell,
}

/// The smallest step between two prices of a market, in millionths of a USDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TickSize(u32);

/// One question, its two outcomes, when it trades and by which rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// The venue's id.
    pub id: ConditionId,
    /// The venue's short name, for people: `btc-updown-15m-1790586000`.
    pub slug: Arc<str>,
    /// The question as the venue asks it.
    pub question: Arc<str>,
    /// What the venue calls the outcomes: `["Up", "Down"]`.
    pub outcomes: [Arc<str>; 2],
    /// The venue's ids of the two shares, where the source tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<[TokenId; 2]>,
    /// The smallest price step.
    pub tick: TickSize,
    /// The smallest order, in shares.
    pub min_size: Size,
    /// What a taker pays.
    pub fees: FeeSchedule,
    /// When the question's window begins.
    pub opens_at: Timestamp,
    /// When it ends; trading past it is gambling on the settlement.
    pub closes_at: Timestamp,
    /// The price of the underlying that decides, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike_usd: Option<Usdc>,
    /// The event that it is a question of, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// An event of the venue: several questions about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRef {
    /// The venue's id of the event.
    pub id: Arc<str>,
    /// Whether at most one of its questions is answered by yes, as the venue's neg-risk events are.
    pub neg_risk: bool,
}

/// The text is no such id, or the number no such step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not 62 or 64 hex digits.
    #[error("`{0}` is not a condition id: 0x and 62 or 64 hex digits are expected")]
    ConditionId(String),
    /// Not one of the venue's steps.
    #[error("{0} is not a tick size: 0.1, 0.01, 0.005, 0.0025, 0.001 or 0.0001 are expected")]
    TickSize(String),
}

impl ConditionId {
    /// Returns the id of these 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes of the id.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Outcome {
    /// Both outcomes, in the order of the venue.
    pub const BOTH: [Self; 2] = [Self::Yes, Self::No];

    /// Returns the other outcome.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
        }
    }

    /// Returns this outcome's part of a pair.
    #[must_use]
    pub fn of<T>(self, pair: &[T; 2]) -> &T {
        let [yes, no] = pair;
        match self {
            Self::Yes => yes,
            Self::No => no,
        }
    }

    /// Returns this outcome's part of a pair, to change it.
    #[must_use]
    pub fn of_mut<T>(self, pair: &mut [T; 2]) -> &mut T {
        let [yes, no] = pair;
        match self {
            Self::Yes => yes,
            Self::No => no,
        }
    }

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

impl Side {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl TickSize {
    /// One cent, the usual step.
    pub const CENT: Self = Self(10_000);

    /// Returns the step of so many millionths.
    ///
    /// # Errors
    /// When the venue knows no such step.
    pub fn from_micros(micros: i64) -> Result<Self, Invalid> {
        const STEPS: [u32; 6] = [100_000, 10_000, 5_000, 2_500, 1_000, 100];
        match u32::try_from(micros) {
            Ok(step) if STEPS.contains(&step) => Ok(Self(step)),
            Ok(_) | Err(_) => Err(Invalid::TickSize(crate::price::decimal(micros))),
        }
    }

    /// Returns the step in millionths of a USDC.
    #[must_use]
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// Returns `price` moved to the grid so that an order is never worse than decided: a buy never above it,
    /// a sell never below it. Nothing where the grid has no such price.
    #[must_use]
    pub fn limit(self, price: Price, side: Side) -> Option<Price> {
        match side {
            Side::Buy => price.round_down(self.0),
            Side::Sell => price.round_up(self.0),
        }
    }
}

impl Market {
    /// Returns the smallest buy that the venue accepts from a taker.
    pub const MIN_BUY: &'static str = "1";

    /// Returns the underlying of an up-or-down market, as its short name says it: `btc`.
    ///
    /// The venue names such markets `btc-updown-15m-…` or `bitcoin-up-or-down-…`; other markets have none.
    #[must_use]
    pub fn underlying(&self) -> Option<&str> {
        let (name, rest) = self.slug.split_once('-')?;
        let is_one = rest.starts_with("updown-") || rest.starts_with("up-or-down-");
        is_one.then_some(match name {
            "bitcoin" => "btc",
            "ethereum" => "eth",
            "solana" => "sol",
            symbol => symbol,
        })
    }

    /// Returns what the venue calls this outcome.
    #[must_use]
    pub fn label(&self, outcome: Outcome) -> &str {
        let label: &Arc<str> = outcome.of(&self.outcomes);
        label
    }
}

impl fmt::Display for ConditionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ConditionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ConditionId {
    type Err = Invalid;
    /// Reads hex digits with or without `0x`; the 62 digits of a version 2 id are padded on the right.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::ConditionId(text.chars().take(80).collect());
        let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
        if digits.len() != 62 && digits.len() != 64 {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return Err(bad()) };
            *byte = nibble(*high).ok_or_else(bad)? << 4 | nibble(*low).ok_or_else(bad)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Serialize for ConditionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConditionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl serde::de::Visitor<'_> for Hex {
            type Value = ConditionId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition id")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ConditionId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for TickSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&crate::price::decimal(i64::from(self.0)))
    }
}

impl Serialize for TickSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TickSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = Usdc::deserialize(deserializer)?;
        Self::from_micros(step.micros()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_id_is_64_digits_and_a_short_one_is_padded() {
        let text = format!("0x{}", "ab".repeat(32));
        assert_eq!(text.parse::<ConditionId>().unwrap().to_string(), text);
        let short: ConditionId = "cd".repeat(31).parse().unwrap();
        assert_eq!(short.to_string(), format!("0x{}00", "cd".repeat(31)));
        for bad in ["", "0x", "0xabc", &"zz".repeat(32)] {
            assert!(bad.parse::<ConditionId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_never_worse_than_decided() {
        let price: Price = "0.456".parse().unwrap();
        let cent = TickSize::CENT;
        assert_eq!(cent.limit(price, Side::Buy).unwrap().to_string(), "0.45");
        assert_eq!(cent.limit(price, Side::Sell).unwrap().to_string(), "0.46");
    }

    #[test]
    fn only_the_steps_of_the_venue_are_ticks() {
        assert!(TickSize::from_micros(2_500).is_ok());
        for bad in [0, 1, 20_000, -10_000] {
            assert!(TickSize::from_micros(bad).is_err(), "{bad}");
        }
    }
}
