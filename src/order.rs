//! What is told of orders: their numbers, what came of sending them, their fills, their end.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::market::{ConditionId, Outcome, Side};
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// The name of a strategy: the stem of its file. Lower-case letters, digits, `_` and `-`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrategyId(Arc<str>);

/// Our number of an order: the strategy and a count that never goes back within a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    /// Whose order it is.
    pub strategy: StrategyId,
    /// Its number, from 1.
    pub number: u64,
}

/// What came of sending an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Submission {
    /// The venue has it.
    Accepted,
    /// The venue, or we before sending, refused it: nothing of it can be filled.
    Rejected {
        /// Why, in the words of whoever refused.
        reason: String,
        /// Who refused, and whose fault it was.
        #[serde(default)]
        origin: Origin,
    },
    /// The answer was lost: the order may rest on the book. It is looked up, never sent again blindly.
    Unknown,
}

/// Who refused an order, and whose fault it was. Records that are older than this word do not say it: their
/// refusals are taken as our own, which count for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// We did, before sending: the venue never heard of it.
    #[default]
    Unsent,
    /// The venue did, for what was asked of it: the price, the size, the balance, the market. Our fault.
    Order,
    /// The venue did, for what the order has nothing to do with: it is closed, overloaded, or broken.
    Venue,
}

/// Something that the venue told about one of our orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEvent {
    /// When it was true.
    pub at: Timestamp,
    /// Which order.
    pub order: ClientOrderId,
    /// What it was.
    pub update: Update,
}

/// What happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Update {
    /// Sending it came to this.
    Submitted(Submission),
    /// A part of it, or all, was filled.
    Filled(Fill),
    /// Nothing more of it will be filled: it is filled, or the rest was cancelled.
    Done {
        /// The shares that were not filled.
        unfilled: Size,
        /// Why it ended.
        cause: DoneCause,
    },
}

/// Why an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneCause {
    /// All of it was filled.
    Filled,
    /// It did not find enough to match, as FAK and FOK orders do.
    Unmatched,
    /// We cancelled it.
    Cancelled,
    /// The market was settled.
    Resolved,
    /// The venue does not have it, which was proven: it was lost on its way, or by the venue.
    Absent,
}

/// Shares of ours that changed hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The number of this fill within its order, from 1: the same fill told twice is booked once.
    pub number: u32,
    /// The order it belongs to.
    pub order: ClientOrderId,
    /// The market.
    pub market: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Whether we bought or sold.
    pub side: Side,
    /// The price of a share.
    pub price: Price,
    /// The shares.
    pub size: Size,
    /// What we paid for it beside the price, in USDC.
    pub fee: Usdc,
    /// Whether we took from the book or rested on it.
    pub liquidity: Liquidity,
    /// When it happened.
    pub at: Timestamp,
}

/// Who was there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liquidity {
    /// We took an order that rested.
    Taker,
    /// Ours rested and was taken.
    Maker,
}

/// The text is no strategy id, or no order id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a valid id: lower-case letters, digits, `_` and `-` are, up to 64")]
pub struct InvalidId(String);

impl StrategyId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name under which facts of the whole account are stored. No file can have it.
    #[must_use]
    pub fn account() -> Self {
        Self("(account)".into())
    }

    /// Returns the name under which a version in shadow of it sees events. No file can have it.
    #[must_use]
    pub fn shadow(&self) -> Self {
        Self(format!("{}~shadow", self.0).into())
    }
}

impl FromStr for StrategyId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId(text.chars().take(80).collect()))
        }
    }
}

impl FromStr for ClientOrderId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = || InvalidId(text.chars().take(100).collect());
        let (strategy, number) = text.rsplit_once(':').ok_or_else(bad)?;
        let number = number.parse().map_err(|_not_a_number| bad())?;
        Ok(Self { strategy: strategy.parse()?, number })
    }
}

impl fmt::Display for StrategyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.strategy, self.number)
    }
}

macro_rules! text_serde {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
text_serde!(StrategyId);
text_serde!(ClientOrderId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_words_and_numbers() {
        let id: ClientOrderId = "split_arb:12".parse().unwrap();
        assert_eq!(
            (id.strategy.as_str(), id.number, id.to_string()),
            ("split_arb", 12, "split_arb:12".into())
        );
        for bad in ["", "Split", "a b", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<StrategyId>().is_err(), "{bad}");
        }
        for bad in ["a", "a:", ":1", "a:x"] {
            assert!(bad.parse::<ClientOrderId>().is_err(), "{bad}");
        }
    }
}
