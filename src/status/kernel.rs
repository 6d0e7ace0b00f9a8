//! What a strategy's kernel says of itself in the snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::market::Outcome;
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// What one strategy's kernel has seen, decided, sent and made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelStatus {
    /// Inputs taken in.
    pub inputs: u64,
    /// Books that a newer one replaced before they were read.
    pub conflated: u64,
    /// Public trades that were missed because too many came at once.
    pub missed: u64,
    /// Market events set aside by this incarnation, because an earlier one died at them.
    #[serde(default)]
    pub set_aside: u64,
    /// Decisions taken.
    pub decisions: u64,
    /// The fingerprint of all of them, 64 hex digits.
    pub digest: String,
    /// Decisions that were intents, approved or refused.
    pub intents: u64,
    /// Noes by reason, refusals by rule: over all markets ([`KernelStatus::totals`]), and for each open market.
    pub causes: Vec<Tally>,
    /// What became of orders.
    pub orders: OrderCounts,
    /// Fills booked.
    pub fills: u64,
    /// Refusals of the guard by rule.
    pub rejections: BTreeMap<String, u64>,
    /// The newest decision.
    pub last_decision_at: Option<Timestamp>,
    /// The newest fill.
    pub last_trade_at: Option<Timestamp>,
    /// What it holds.
    pub positions: Vec<PositionStatus>,
    /// Markets that have paid, and are not settled while an order in them is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settling: Vec<SettlingStatus>,
    /// What it made.
    pub pnl: PnlStatus,
    /// How much of each limit is used.
    pub risk: Vec<RiskUse>,
    /// The breaker's trip in force, for people.
    pub tripped: Option<String>,
    /// The rule whose cooldown is over, while one entry at a time tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_open: Option<String>,
    /// Markets it watches.
    pub markets: u64,
}

/// How often the same thing was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// `no` or `rejected`.
    pub verdict: String,
    /// The reason or the rule.
    pub cause: String,
    /// The market, by its short name; absent where settled markets, and looks at none, are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: Timestamp,
    /// The newest time.
    pub last_at: Timestamp,
    /// The newest numbers, by name, in the order they were compared.
    pub numbers: Vec<(String, String)>,
}

/// What became of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderCounts {
    /// Approved and handed on.
    pub submitted: u64,
    /// The venue took it.
    pub accepted: u64,
    /// The venue, or the executor before sending, refused it.
    pub rejected: u64,
    /// The answer was lost.
    pub unknown: u64,
    /// Ended with at least one fill.
    pub filled: u64,
    /// Ended without any.
    pub unfilled: u64,
    /// Outstanding now.
    pub open: u64,
}

/// Shares of one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionStatus {
    /// The market's short name.
    pub market: String,
    /// The market's id.
    pub market_id: String,
    /// The outcome.
    pub outcome: Outcome,
    /// What the venue calls the outcome.
    pub label: String,
    /// The shares.
    pub size: Size,
    /// What they cost, fees included.
    pub cost_usdc: Usdc,
    /// What one could be sold for now.
    pub bid: Option<Price>,
    /// Where nobody bids now, the last bid that still counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_bid: Option<Price>,
    /// Until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_bid_until: Option<Timestamp>,
}

/// A market that has paid and is not settled: an order in it is open, of which a fill may still be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlingStatus {
    /// The market's short name.
    pub market: String,
    /// The market's id.
    pub market_id: String,
    /// What one share of yes and of no pays, in USDC.
    pub payouts_usdc: [Usdc; 2],
    /// The numbers of the orders whose end is waited for.
    pub orders: Vec<u64>,
}

/// What a strategy made, from a start of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnlStatus {
    /// Of what was sold or settled, fees included.
    pub realised_usdc: Usdc,
    /// Of what is held: marked value less cost.
    pub unrealised_usdc: Usdc,
    /// Both.
    pub total_usdc: Usdc,
    /// Fees paid, already in the above.
    pub fees_usdc: Usdc,
    /// Price × size of all fills.
    pub volume_usdc: Usdc,
    /// Came in less went out.
    pub cash_usdc: Usdc,
    /// How far the equity is below its peak.
    pub drawdown_usdc: Usdc,
    /// The worst such fall.
    pub drawdown_max_usdc: Usdc,
}

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskUse {
    /// The rule.
    pub rule: String,
    /// What is used now.
    pub used: String,
    /// What is allowed.
    pub limit: String,
    /// What is left of it.
    pub room: String,
    /// Used ÷ limit in thousandths; above 1000 when passed by a price move.
    pub permille: u64,
}

impl KernelStatus {
    /// Returns noes by reason and refusals by rule over all markets, each once, the most frequent first.
    #[must_use]
    pub fn totals(&self) -> Vec<&Tally> {
        let mut totals: Vec<_> = self.causes.iter().filter(|one| one.market.is_none()).collect();
        totals.sort_by_key(|tally| std::cmp::Reverse(tally.count));
        totals
    }
}
