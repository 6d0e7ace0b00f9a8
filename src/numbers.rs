//! Numbers of a decision: exact values by name, in the order they were compared.
//!
//! Names are words of the program itself, so numbers that are read back take theirs from [`Numbers::NAMES`]: that
//! costs no memory, whatever is read. A name that is not there is refused.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::price::{Price, Size, Usdc};

/// A fraction in millionths: a probability, a relative move. May be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frac(i64);

/// One number of a decision, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// A price.
    Price(Price),
    /// Cash.
    Usdc(Usdc),
    /// Shares.
    Size(Size),
    /// So many of something.
    Count(u64),
    /// A span of time.
    Span(Duration),
    /// A probability or a relative move.
    Frac(Frac),
}

/// The numbers of a decision by name, in the order they were compared. At most [`Numbers::MAX`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    items: [(&'static str, Value); Self::MAX],
    len: usize,
}

impl Frac {
    /// Returns the fraction of so many millionths.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the fraction in millionths.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns it without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Numbers {
    /// How many numbers a decision carries at most; more are left out.
    pub const MAX: usize = 7;

    /// Every name that a strategy gives a number, in the order of the alphabet.
    #[rustfmt::skip]
    pub const NAMES: &[&str] = &[
        "age",
        "ask",
        "attempt",
        "before_close",
        "best",
        "best_depth",
        "best_depth_min",
        "bid",
        "book_age_max",
        "book_skew_max",
        "chance",
        "chance_up",
        "closed_for",
        "confidence",
        "confidence_min",
        "cooldown",
        "cost",
        "daily_max",
        "depth",
        "depth_min",
        "edge",
        "edge_max",
        "edge_min",
        "entries",
        "entry",
        "entry_price_max",
        "entry_price_min",
        "exit_before_close",
        "failed",
        "fair_value",
        "fall",
        "fall_max",
        "fee",
        "feeds_down",
        "gain",
        "gain_min",
        "game_age_max",
        "hedge_max",
        "hedge_wait_max",
        "held",
        "held_min",
        "high",
        "history",
        "history_min",
        "imbalance",
        "imbalance_max",
        "known",
        "lag",
        "lag_max",
        "left",
        "left_max",
        "left_min",
        "liquidity",
        "liquidity_min",
        "min_size",
        "momentum",
        "net_ev",
        "net_ev_min",
        "no_ask",
        "open_for",
        "open_orders",
        "opens_in",
        "other_ask",
        "other_ask_max",
        "p",
        "p_no",
        "p_yes",
        "peak",
        "pending",
        "positions",
        "positions_max",
        "price",
        "price_max",
        "price_min",
        "profit",
        "profit_min",
        "quote_age",
        "quote_age_max",
        "quotes",
        "quotes_min",
        "reset_after",
        "same_side",
        "same_side_max",
        "signal_delay",
        "since_end",
        "since_exit",
        "size",
        "skew",
        "spent",
        "spot",
        "spot_age_max",
        "spread",
        "spread_frac",
        "spread_frac_max",
        "spread_max",
        "stop",
        "stop_loss",
        "strike",
        "sum",
        "take_profit",
        "target_sum",
        "threshold",
        "tick",
        "time_stop",
        "trades",
        "trades_min",
        "trailing_stop",
        "unhedged",
        "unhedged_max",
        "value",
        "value_min",
        "velocity",
        "velocity_max",
        "wait",
        "waited",
        "warnings",
        "window_exposure_max",
        "yes_ask",
    ];

    /// Returns no numbers.
    #[must_use]
    pub const fn none() -> Self {
        Self { items: [("", Value::Count(0)); Self::MAX], len: 0 }
    }

    /// Returns these numbers with one more; the eighth and later ones are left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = (name, value.into());
            self.len += 1;
        }
        self
    }

    /// Returns the numbers with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.items.iter().take(self.len).copied()
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &value.to_string())?;
        }
        map.end()
    }
}

impl Numbers {
    /// Writes the numbers with their kinds, so that [`Numbers::read`] gives the same. The usual way to write them
    /// is for people, and leaves the kinds out.
    pub(crate) fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }

    /// Reads what [`Numbers::write`] has written.
    pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<(Cow<'de, str>, Value)>::deserialize(deserializer)?;
        if Self::MAX < items.len() {
            return Err(D::Error::invalid_length(items.len(), &"at most seven numbers"));
        }
        items.into_iter().try_fold(Self::none(), |numbers, (name, value)| {
            let place = Self::NAMES.binary_search(&name.as_ref()).ok();
            let known = place.and_then(|place| Self::NAMES.get(place)).copied();
            let unknown = || D::Error::custom(format_args!("`{name}` is not the name of a number"));
            known.map(|known| numbers.with(known, value)).ok_or_else(unknown)
        })
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            write!(f, "{gap}{name} {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Frac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&crate::price::decimal(self.0))
    }
}

impl Serialize for Frac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Frac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::price::parse_micros(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a count. One that could not go on counting is refused.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    let too_large = || D::Error::custom(format_args!("{count} is too large to go on counting"));
    is_count(count).then_some(count).ok_or_else(too_large)
}

/// Tells whether something was ever counted that far: half of the type's range is left.
pub(crate) fn is_count(number: u64) -> bool {
    i64::try_from(number).is_ok()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Price(price) => price.fmt(f),
            Self::Usdc(amount) => amount.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Span(span) => {
                let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                write!(f, "{}s", crate::price::decimal(micros))
            }
            Self::Frac(fraction) => fraction.fmt(f),
        }
    }
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}
value_from!(Price => Price, Usdc => Usdc, Size => Size, u64 => Count, Duration => Span, Frac => Frac);

impl Value {
    /// Returns the kind and the number, for the digest.
    pub(crate) fn raw(self) -> (u8, i64) {
        match self {
            Self::Price(price) => (1, price.micros()),
            Self::Usdc(amount) => (2, amount.micros()),
            Self::Size(size) => (3, size.micros()),
            Self::Count(count) => (4, i64::try_from(count).unwrap_or(i64::MAX)),
            Self::Span(span) => (5, i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
            Self::Frac(fraction) => (6, fraction.micros()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_compared() {
        let numbers = Numbers::none()
            .with("ask", "0.46".parse::<Price>().unwrap())
            .with("age", Duration::from_millis(5200))
            .with("move", Frac::from_micros(-1500));
        assert_eq!(numbers.to_string(), "ask 0.46, age 5.2s, move -0.0015");
        let json = r#"{"ask":"0.46","age":"5.2s","move":"-0.0015"}"#;
        assert_eq!(serde_json::to_string(&numbers).unwrap(), json);
    }

    #[test]
    fn an_eighth_number_is_left_out() {
        let all = (0..9).fold(Numbers::none(), |numbers, _| numbers.with("n", 1));
        assert_eq!(all.iter().count(), Numbers::MAX);
    }
}
