//! The grounds of decisions as they are stored and shown, and the chain from an event to what an order became.

use ploy::market::{Outcome, Side};
use ploy::order::StrategyId;
use ploy::price::{Size, Usdc};
use ploy::status::Tally;
use ploy::time::Timestamp;
use ploy::trigger::Trigger;
use serde::{Deserialize, Serialize};

use super::{
    DecisionRecord, FillRecord, LifecycleRecord, OrderRecord, Pending, RiskRecord, StoreError,
};

/// Why a decision came out as it did, beside the numbers compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// What moved the strategy to look.
    pub trigger: Trigger,
    /// The gates of the strategy that were passed, in their order.
    pub gates: Vec<String>,
    /// What the guard found, where it was told in full.
    pub risk: Option<RiskAnswer>,
}

/// What the guard found, rule by rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAnswer {
    /// Every rule in the order in which they are asked.
    pub checks: Vec<CheckRecord>,
    /// Of a refused order the size that would have passed every rule, where a smaller one would.
    pub passing: Option<Size>,
    /// Of a refused order when time alone lets such an order pass.
    pub until: Option<Timestamp>,
}

/// One rule of the guard, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The rule.
    pub rule: String,
    /// `passed`, `refused`, `exempt` or `not_reached`.
    pub finding: String,
    /// What the order comes to, where the rule counts something.
    pub used: Option<String>,
    /// What is allowed.
    pub limit: Option<String>,
    /// What of it would be left, where the rule sets an upper limit.
    pub room: Option<String>,
}

/// Of which strategy, and in which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of {
    /// The strategy.
    pub strategy: StrategyId,
    /// The id of a run, or how it begins; absent: the present one.
    pub run: Option<String>,
}

/// What was found in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// It.
    There(T),
    /// The run has no such record.
    Nothing {
        /// The run's id.
        run: String,
    },
    /// There is no such run, or several begin so: the newest ones that there are.
    NoRun(Vec<String>),
}

/// The chain from an event to what became of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The id of the run.
    pub run: String,
    /// The decision; absent where it was not stored.
    pub decision: Option<DecisionRecord>,
    /// The order that it led to, if any.
    pub order: Option<OrderStory>,
}

/// An order and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStory {
    /// The order.
    pub order: OrderRecord,
    /// What the venue told of it, in order.
    pub events: Vec<OrderEventRecord>,
    /// Its fills, in order.
    pub fills: Vec<FillRecord>,
    /// The round in its market that it was part of; absent for an order without a fill.
    pub round: Option<Round>,
}

/// What a venue told about an order, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEventRecord {
    /// When it was true.
    pub at: Timestamp,
    /// `accepted`, `rejected`, `unknown`, `filled` or `done`.
    pub kind: String,
    /// Of a fill its number within the order.
    pub fill: Option<u32>,
    /// Why it was rejected or done.
    pub cause: Option<String>,
    /// Of a done order the shares that were not filled.
    pub unfilled: Option<Size>,
}

/// A round in one market: from the first share bought until none is held any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// What each order of it traded, in order. At most the first 1000.
    pub trades: Vec<Trade>,
    /// The shares of yes and of no that were held when it ended, or are held now.
    pub held: [Size; 2],
    /// Its end; absent while shares are held.
    pub end: Option<RoundEnd>,
}

/// What one order traded within a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The order's number.
    pub order: u64,
    /// `entry`, `hedge` or `exit`.
    pub purpose: String,
    /// Bought or sold.
    pub side: Side,
    /// Whose shares.
    pub outcome: Outcome,
    /// The first fill's instant.
    pub at: Timestamp,
    /// The shares.
    pub size: Size,
    /// What came in, fees deducted; negative for what went out.
    pub cash_usdc: Usdc,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundEnd {
    /// When.
    pub at: Timestamp,
    /// What a share of yes and of no paid; absent where all was sold before.
    pub payouts_usdc: Option<[Usdc; 2]>,
    /// The cash that the settlement brought.
    pub amount_usdc: Usdc,
    /// What the whole round made, fees deducted.
    pub profit_usdc: Usdc,
}

/// What a strategy was doing at an instant, as far as is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The id of the run.
    pub run: String,
    /// The strategy.
    pub strategy: StrategyId,
    /// The instant.
    pub at: Timestamp,
    /// The move that brought it into the phase it was in; absent before the first.
    pub phase: Option<LifecycleRecord>,
    /// The trip of the breaker in force.
    pub tripped: Option<RiskRecord>,
    /// The intents of up to then, newest first: at most 10.
    pub before: Vec<DecisionRecord>,
    /// The intents after it, oldest first: at most 3.
    pub after: Vec<DecisionRecord>,
    /// The orders that were on their way or rested, oldest first: at most 100.
    pub orders: Vec<OrderRecord>,
    /// What was held, by market and outcome.
    pub held: Vec<Held>,
    /// What it had said no to, with counts up to then; absent where nobody knows it that exactly.
    pub noes: Option<Vec<Tally>>,
}

/// Shares held at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The market's id.
    pub market_id: String,
    /// The market's short name, where a stored decision tells it.
    pub market: Option<String>,
    /// Whose shares.
    pub outcome: Outcome,
    /// The shares.
    pub size: Size,
}

/// Reads chains and moments; used by the API. What is still queued is not read.
pub trait Chains: Send + Sync + 'static {
    /// Returns a decision by its number, with the order it led to.
    fn decision(&self, of: Of, seq: u64) -> Pending<'_, Result<Found<Chain>, StoreError>>;
    /// Returns an order by its number, with the decision that led to it.
    fn order(&self, of: Of, number: u64) -> Pending<'_, Result<Found<Chain>, StoreError>>;
    /// Returns what a strategy was doing at an instant.
    fn moment(&self, of: Of, at: Timestamp) -> Pending<'_, Result<Found<Moment>, StoreError>>;
}

/// Knows the noes of the past, which are not stored: by playing what was recorded again.
pub trait Recall: Send + Sync + 'static {
    /// Returns what a strategy had said no to up to an instant of a run; nothing where no record reaches there.
    fn noes(
        &self,
        run: &str,
        strategy: &StrategyId,
        at: Timestamp,
    ) -> Pending<'_, Option<Vec<Tally>>>;
}
