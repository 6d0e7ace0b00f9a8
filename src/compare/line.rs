//! The decisions file: all that a replay told of its strategies, one JSON object a line; text in, lines out, and back.
//!
//! Each object has one key, which names its kind. `docs/compare.md` describes it. A line says all that a comparison
//! needs, so that the file is enough for one, without tape and settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pairs::Pairs;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{Liquidity, StrategyId};
use crate::price::{Price, Size, Usdc};
use crate::tape::Books;
use crate::time::Timestamp;

/// One line of a decisions file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first line: what was played.
    Decisions(Header),
    /// A look ended.
    Decision(Decided),
    /// Shares changed hands.
    Fill(Filled),
    /// An order ended, or was refused by the venue.
    Done(Done),
    /// A market was settled while shares of it were held.
    Settled(Settled),
    /// The breaker tripped or let go.
    Risk(Risk),
    /// The last line: what it came to. A file without it was cut off.
    End(End),
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`VERSION`](super::decoder::VERSION).
    pub version: u32,
    /// The program's version.
    pub program: String,
    /// The tapes, in the order in which they were named.
    pub tapes: Vec<Played>,
    /// How long an order took to the venue, in milliseconds.
    pub latency_ms: u64,
    /// From when on is told; what was before was played and is not told.
    pub from: Option<Timestamp>,
    /// Up to when was played, this instant included.
    pub to: Option<Timestamp>,
    /// The strategies, by id.
    pub strategies: Vec<Set>,
}

/// A tape as its own header tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// What it is, in one line.
    pub title: String,
    /// Whether its books were recorded or modelled.
    pub books: Books,
    /// The instant of its first event.
    pub from: Timestamp,
    /// The instant of its last event.
    pub to: Timestamp,
}

/// A strategy and how it was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Its id.
    pub id: StrategyId,
    /// What kind of strategy it is.
    pub kind: String,
    /// A word on how it is set.
    pub variant: String,
    /// The SHA-256 of what its file means, 64 hex digits.
    pub config_version: String,
    /// The SHA-256 of the text of its file, 64 hex digits.
    pub text_sha256: String,
    /// Every setting with its value, defaults too, as `section.key`.
    pub settings: BTreeMap<String, String>,
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The guard approved.
    Order,
    /// The guard refused.
    Rejected,
    /// The strategy itself said no.
    No,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// When it was taken.
    pub at: Timestamp,
    /// Whose it is.
    pub strategy: StrategyId,
    /// Its number within the strategy, from 1.
    pub seq: u64,
    /// The market's short name, where there is a market and it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Arc<str>>,
    /// The market's id, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_id: Option<ConditionId>,
    /// What came of it.
    pub verdict: Verdict,
    /// Of an order its number within the strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Of a no the gate that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a refusal the rule that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Of an order or a refusal what was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Wanted>,
    /// Of a refusal what the order would have come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
    /// Of a refusal what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Of a refusal the size that would have passed, where a smaller one would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passing: Option<Size>,
    /// The numbers that were compared.
    pub numbers: Pairs,
}

/// What a strategy wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Whose shares.
    pub outcome: Outcome,
    /// Buy or sell.
    pub side: Side,
    /// The worst acceptable price.
    pub limit: Price,
    /// The shares.
    pub size: Size,
    /// How long the order may wait.
    pub tif: TimeInForce,
    /// What it is for.
    pub purpose: Purpose,
}

/// Shares of ours that changed hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// When.
    pub at: Timestamp,
    /// Whose they are.
    pub strategy: StrategyId,
    /// The order's number within the strategy.
    pub order: u64,
    /// The fill's number within its order, from 1.
    pub number: u32,
    /// The market's short name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Arc<str>>,
    /// The market's id.
    pub market_id: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Bought or sold.
    pub side: Side,
    /// The price of a share.
    pub price: Price,
    /// The shares.
    pub size: Size,
    /// What was paid beside the price.
    pub fee_usdc: Usdc,
    /// Whether it took from the book or rested on it.
    pub liquidity: Liquidity,
    /// Profit or loss so far, with what is held at its bids.
    pub equity_usdc: Usdc,
}

/// The end of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// When.
    pub at: Timestamp,
    /// Whose order it was.
    pub strategy: StrategyId,
    /// Its number within the strategy.
    pub order: u64,
    /// `filled`, `unmatched`, `cancelled`, `resolved`, or `refused` by the venue.
    pub cause: String,
    /// The shares that were not filled; absent of one that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfilled: Option<Size>,
    /// Why the venue refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A settlement of a market that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// Who held it.
    pub strategy: StrategyId,
    /// The market's short name.
    pub market: Arc<str>,
    /// The market's id.
    pub market_id: ConditionId,
    /// What a share of yes and of no paid.
    pub pays: [Usdc; 2],
    /// The cash that came in.
    pub amount_usdc: Usdc,
    /// Profit or loss of the whole round.
    pub profit_usdc: Usdc,
    /// Profit or loss so far, with what is held at its bids.
    pub equity_usdc: Usdc,
}

/// A trip of the breaker, or its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// When.
    pub at: Timestamp,
    /// Whose breaker.
    pub strategy: StrategyId,
    /// `tripped`, `half_open` or `released`.
    pub event: String,
    /// The rule.
    pub rule: String,
    /// Of a trip what was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<String>,
    /// Of a trip what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The lines before this one, the first included.
    pub lines: u64,
    /// Events played, those before `from` included.
    pub events: u64,
    /// Each strategy's sums, by id.
    pub strategies: Vec<Total>,
}

/// What one strategy came to, over what was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// Its id.
    pub id: StrategyId,
    /// Decisions taken.
    pub decisions: u64,
    /// Orders approved and handed on.
    pub orders: u64,
    /// Intents that the guard refused.
    pub rejections: u64,
    /// Fills booked.
    pub fills: u64,
    /// Fees paid, already in the profit and loss.
    pub fees_usdc: Usdc,
    /// Price × size of all fills.
    pub volume_usdc: Usdc,
    /// Profit or loss of what was sold or settled.
    pub realised_usdc: Usdc,
    /// Profit or loss, with what is held at its bids.
    pub pnl_usdc: Usdc,
    /// The worst fall from a peak, over all that was played.
    pub drawdown_max_usdc: Usdc,
    /// The fingerprint of all its decisions, also of those that are not told.
    pub digest: String,
    /// What it failed of, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Line {
    /// Returns when it was, of all but the first and the last.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Decision(line) => Some(line.at),
            Self::Fill(line) => Some(line.at),
            Self::Done(line) => Some(line.at),
            Self::Settled(line) => Some(line.at),
            Self::Risk(line) => Some(line.at),
            Self::Decisions(_) | Self::End(_) => None,
        }
    }

    /// Returns whose it is, of all but the first and the last.
    #[must_use]
    pub const fn strategy(&self) -> Option<&StrategyId> {
        match self {
            Self::Decision(line) => Some(&line.strategy),
            Self::Fill(line) => Some(&line.strategy),
            Self::Done(line) => Some(&line.strategy),
            Self::Settled(line) => Some(&line.strategy),
            Self::Risk(line) => Some(&line.strategy),
            Self::Decisions(_) | Self::End(_) => None,
        }
    }

    /// Returns the line under another name, where it is of this strategy; of first and last line, its part.
    #[must_use]
    pub fn named(self, id: &StrategyId, name: &StrategyId) -> Option<Self> {
        let mut line = self;
        let own = match &mut line {
            Self::Decision(line) => &mut line.strategy,
            Self::Fill(line) => &mut line.strategy,
            Self::Done(line) => &mut line.strategy,
            Self::Settled(line) => &mut line.strategy,
            Self::Risk(line) => &mut line.strategy,
            Self::Decisions(header) => {
                header.strategies.retain(|set| set.id == *id);
                header.strategies.iter_mut().for_each(|set| set.id = name.clone());
                return Some(line);
            }
            Self::End(end) => {
                end.strategies.retain(|total| total.id == *id);
                end.strategies.iter_mut().for_each(|total| total.id = name.clone());
                return Some(line);
            }
        };
        if own != id {
            return None;
        }
        *own = name.clone();
        Some(line)
    }

    /// Writes it as one line of JSON, without a line end.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a line is plain strings and numbers")
    }
}

impl Decided {
    /// Returns the word for what said no: the gate, the rule, or nothing of an order.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.reason.as_deref().or(self.rule.as_deref())
    }
}

impl From<&Intent> for Wanted {
    fn from(intent: &Intent) -> Self {
        let Intent { outcome, side, limit, size, time_in_force: tif, purpose, .. } = *intent;
        Self { outcome, side, limit, size, tif, purpose }
    }
}
