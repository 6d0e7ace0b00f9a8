//! What a strategy remembers from one incarnation to the next: numbers, counts, its digest, its breaker.
//!
//! It can be written down and read, with the same care as a checkpoint, of which it is a part.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::decision::{Decision, DecisionDigest, Verdict};
use crate::numbers::{count, is_count};
use crate::open_orders::OpenOrder;
use crate::order::{Submission, Update};
use crate::position::Valuation;
use crate::risk::{Breaker, Rule};
use crate::status::OrderCounts;
use crate::time::Timestamp;

use super::Tallies;

/// Counts and numbers that go on when a strategy is built anew. Positions are not here: they follow from fills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The newest instant: what is told again to the next incarnation is older, and is not news by then.
    pub(super) now: Timestamp,
    #[serde(deserialize_with = "count")]
    pub(super) inputs: u64,
    #[serde(deserialize_with = "count")]
    pub(super) seq: u64,
    #[serde(deserialize_with = "count")]
    pub(super) last_order: u64,
    #[serde(deserialize_with = "count")]
    pub(super) intents: u64,
    #[serde(deserialize_with = "count")]
    pub(super) fills: u64,
    #[serde(deserialize_with = "order_counts")]
    pub(super) orders: OrderCounts,
    #[serde(deserialize_with = "rejections")]
    pub(super) rejections: BTreeMap<Rule, u64>,
    pub(super) digest: DecisionDigest,
    pub(super) tallies: Tallies,
    pub(super) breaker: Breaker,
    pub(super) valuation: Valuation,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) last_decision_at: Option<Timestamp>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) last_trade_at: Option<Timestamp>,
    /// How often each open order was answered: what is told of it again by the store is no news.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) answers: BTreeMap<u64, u64>,
}

impl Memory {
    /// Returns these memories for an incarnation that begins without an open order, with order numbers that go on after
    /// `number`, when that is further.
    #[must_use]
    pub fn after_order(mut self, number: u64) -> Self {
        self.answers.clear();
        self.last_order = self.last_order.max(number);
        self
    }

    /// Returns these memories with decision numbers that go on after `number`, when that is further.
    #[must_use]
    pub fn after_decision(mut self, number: u64) -> Self {
        self.seq = self.seq.max(number);
        self
    }

    /// Returns the number of the newest order.
    #[must_use]
    pub const fn last_order(&self) -> u64 {
        self.last_order
    }

    /// Returns the newest instant.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns how many inputs were taken in.
    #[must_use]
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Returns the fingerprint of all decisions.
    #[must_use]
    pub const fn digest(&self) -> &DecisionDigest {
        &self.digest
    }

    /// Counts in what was told of an order, and its end where it has come.
    pub(super) fn count(&mut self, (number, update): (u64, &Update), ended: Option<&OpenOrder>) {
        match update {
            Update::Submitted(Submission::Accepted | Submission::Unknown) => {
                *self.answers.entry(number).or_default() += 1;
            }
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                self.answers.remove(&number);
            }
            Update::Filled(_) => {}
        }
        let counts = &mut self.orders;
        match (update, ended) {
            (Update::Submitted(Submission::Accepted), _) => counts.accepted += 1,
            (Update::Submitted(Submission::Rejected { .. }), _) => counts.rejected += 1,
            (Update::Submitted(Submission::Unknown), _) => counts.unknown += 1,
            (Update::Done { .. }, Some(order)) if order.filled.is_zero() => counts.unfilled += 1,
            (Update::Done { .. }, Some(_)) => counts.filled += 1,
            (Update::Done { .. }, None) | (Update::Filled(_), _) => {}
        }
    }

    /// Counts a decision in. Tells whether it is a refusal that only repeats the guard's last one.
    pub(super) fn note(&mut self, decision: &Decision) -> bool {
        self.seq = decision.seq;
        self.last_decision_at = Some(decision.at);
        self.digest.add(decision);
        match &decision.verdict {
            Verdict::Order { .. } => self.intents += 1,
            Verdict::Rejected { rejection, .. } => {
                self.intents += 1;
                *self.rejections.entry(rejection.rule).or_default() += 1;
            }
            Verdict::No(_) => {}
        }
        self.tallies.note(decision)
    }
}

fn order_counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OrderCounts, D::Error> {
    let counts = OrderCounts::deserialize(deserializer)?;
    let OrderCounts { submitted, accepted, rejected, unknown, filled, unfilled, open } = counts;
    let all = [submitted, accepted, rejected, unknown, filled, unfilled, open];
    all.into_iter().all(is_count).then_some(counts).ok_or_else(too_large)
}

fn rejections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Rule, u64>, D::Error> {
    let rejections = BTreeMap::<Rule, u64>::deserialize(deserializer)?;
    let is_sound = rejections.values().copied().all(is_count);
    is_sound.then_some(rejections).ok_or_else(too_large)
}

fn too_large<E: serde::de::Error>() -> E {
    E::custom("a count is too large to go on counting")
}
