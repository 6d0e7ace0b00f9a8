//! Tallies: how often a strategy said no or was refused, by cause, with the newest numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decision::{Decision, Reason, Verdict};
use crate::market::ConditionId;
use crate::numbers::Numbers;
use crate::risk::Rule;
use crate::time::Timestamp;

/// Why a look did not end in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A gate of the strategy said no.
    No(Reason),
    /// A rule of the guard refused.
    Rejected(Rule),
}

/// How often, since when, and with what numbers at the newest time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// How often.
    #[serde(deserialize_with = "crate::numbers::count")]
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The newest time.
    pub last_at: Timestamp,
    /// The numbers of the newest time.
    #[serde(serialize_with = "Numbers::write", deserialize_with = "Numbers::read")]
    pub numbers: Numbers,
}

/// Counts by cause over all markets, and by market for those that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tallies {
    all: BTreeMap<Cause, Count>,
    open: BTreeMap<ConditionId, Market>,
}

/// What is said of one open market.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Market {
    causes: BTreeMap<Cause, Count>,
    /// The guard's last answer, where it was a refusal.
    #[serde(deserialize_with = "Option::deserialize")]
    refused: Option<Rule>,
}

impl Tallies {
    /// Counts a decision in. Tells whether it is a refusal that only repeats the guard's last answer for this
    /// market: looks that end before the guard do not come between.
    pub fn note(&mut self, decision: &Decision) -> bool {
        let cause = match &decision.verdict {
            Verdict::Order { .. } => None,
            Verdict::Rejected { rejection, .. } => Some(Cause::Rejected(rejection.rule)),
            Verdict::No(reason) => Some(Cause::No(*reason)),
        };
        if let Some(cause) = cause {
            add(&mut self.all, cause, decision);
        }
        let Some(market) = decision.market else { return false };
        let open = self.open.entry(market).or_default();
        if let Some(cause) = cause {
            add(&mut open.causes, cause, decision);
        }
        match cause {
            Some(Cause::No(_)) => false,
            Some(Cause::Rejected(rule)) => open.refused.replace(rule) == Some(rule),
            None => {
                open.refused = None;
                false
            }
        }
    }

    /// Drops a market that is settled; its counts stay in those over all markets.
    pub fn forget(&mut self, market: ConditionId) {
        self.open.remove(&market);
    }

    /// Returns the counts over all markets, by cause.
    pub fn all(&self) -> impl Iterator<Item = (Cause, &Count)> {
        self.all.iter().map(|(cause, count)| (*cause, count))
    }

    /// Returns the counts of the open markets, by market and cause.
    pub fn open(&self) -> impl Iterator<Item = (ConditionId, Cause, &Count)> {
        self.open.iter().flat_map(|(market, open)| {
            open.causes.iter().map(|(cause, count)| (*market, *cause, count))
        })
    }
}

impl Cause {
    /// Returns `no` or `rejected`.
    #[must_use]
    pub const fn verdict(self) -> &'static str {
        match self {
            Self::No(_) => "no",
            Self::Rejected(_) => "rejected",
        }
    }

    /// Returns the reason's or the rule's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::No(reason) => reason.name(),
            Self::Rejected(rule) => rule.name(),
        }
    }
}

/// `no stale_book`, `rejected throttle`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verdict(), self.name())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = StrDeserializer::<Error>::new;
        let cause = match text.split_once(' ') {
            Some(("no", name)) => Reason::deserialize(word(name)).map(Self::No),
            Some(("rejected", name)) => Rule::deserialize(word(name)).map(Self::Rejected),
            Some((_, _)) | None => Err(Error::custom("neither `no` nor `rejected`")),
        };
        cause.map_err(|problem| D::Error::custom(format_args!("`{text}`: {problem}")))
    }
}

fn add(counts: &mut BTreeMap<Cause, Count>, cause: Cause, decision: &Decision) {
    let (at, numbers) = (decision.at, decision.numbers);
    let count =
        counts.entry(cause).or_insert(Count { count: 0, first_at: at, last_at: at, numbers });
    count.count += 1;
    count.last_at = at;
    count.numbers = numbers;
}
