//! The question what became of an order, and what a venue answers to it.

use serde::{Deserialize, Serialize};

use super::payload::OrderHash;
use crate::order::{ClientOrderId, DoneCause, Fill, Origin};
use crate::price::Size;
use crate::time::Timestamp;

/// By what an order is known: to us by its number, to a venue by the hash of its bytes, which it keeps over the ends of
/// processes on either side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderKey {
    /// Our number of it.
    pub id: ClientOrderId,
    /// What its bytes hash to.
    pub hash: OrderHash,
}

/// The question what became of an order. It changes nothing at the venue and may be asked any number of times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Which order.
    pub order: OrderKey,
    /// Which question about this order it is, from 1: an answer repeats it, so that a late one is not taken for the
    /// answer to a newer question.
    pub number: u64,
}

/// What a venue answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// To what question.
    pub lookup: Lookup,
    /// When it was true.
    pub at: Timestamp,
    /// How the order stands.
    pub standing: Standing,
}

/// How an order stands at its venue. Fills are all fills that it ever had, in their order, with the numbers that they
/// were, or will be, told under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// The venue has it, and more of it may be filled. Also one that it has taken and not looked at yet.
    Open {
        /// What was filled.
        fills: Vec<Fill>,
    },
    /// Nothing more of it will be filled.
    Done {
        /// What was filled.
        fills: Vec<Fill>,
        /// The shares that were not.
        unfilled: Size,
        /// Why it ended.
        cause: DoneCause,
    },
    /// The venue refused it: nothing of it was or will be filled.
    Rejected {
        /// Why.
        reason: String,
        /// Whose fault it was.
        origin: Origin,
    },
    /// The venue has no order of this hash. It may still be on its way there.
    Absent,
    /// The venue could not be asked, or gave no answer that can be relied on: nothing is known.
    Unanswered {
        /// Why, for people.
        reason: String,
    },
}
