//! What the parts offer each other without knowing each other: rows to store, records to read, time, venues.

pub mod account;
pub mod audit;
pub mod config;
pub mod gates;
pub mod memory;
pub mod process;
pub mod rollout;
pub mod why;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ploy::event::MarketEvent;
use ploy::life::Saved;
use ploy::lifecycle::Gate;
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{ClientOrderId, Fill, OrderEvent, StrategyId};
use ploy::order_path::{Found, Lookup, OrderKey, Outgoing};
use ploy::price::{Price, Size, Usdc};
use ploy::tape::Books;
use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A future that a trait object returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One fact to be stored. Facts are appended, never changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// An order that is about to be sent, with its bytes and what it ties up. Durable before it is.
    Order(Outgoing),
    /// What a venue told about an order: submitted, filled, done.
    OrderEvent(OrderEvent),
    /// A market was settled while a strategy held shares of it.
    Settlement(Settlement),
    /// An intent, approved or refused.
    Decision(DecisionRecord),
    /// The breaker of a strategy tripped, is half open, or was released.
    Risk(RiskRecord),
    /// A strategy moved to another phase.
    Lifecycle(LifecycleRecord),
    /// Something failed.
    Error(ErrorRecord),
    /// Somebody asked for something, and what came of it.
    Command(CommandRecord),
    /// What must outlive the process about a strategy: whether it is wanted, halted, what counts against it.
    Intent(StrategyRecord),
    /// A version of a strategy's settings is run. Of the same version only the first is kept.
    Config(ConfigRecord),
    /// What the next process must know of this one.
    Process(process::ProcessRecord),
    /// Orders are held back, or are not any more.
    Gate(gates::GateRecord),
    /// Something happened to a strategy's settings.
    History(config::HistoryRecord),
    /// The roll-out of a strategy's settings stands otherwise than before.
    Rollout(rollout::RolloutRecord),
    /// The guard of the account stands otherwise than before.
    Account(account::AccountRecord),
    /// Rows that explain are deleted because of their age.
    Prune(audit::Prune),
    /// What a strategy remembers and no fact tells. The newest counts.
    Memory(memory::MemoryRecord),
    /// The source of the run was played to its end.
    Played(process::PlayedRecord),
}

/// A version of a strategy's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    /// The strategy.
    pub strategy: StrategyId,
    /// The SHA-256 of what its file means, 64 hex digits.
    pub version: String,
    /// What kind of strategy it is.
    pub kind: String,
    /// Its file, word for word.
    pub text: String,
    /// When it was seen, by the machine's clock.
    pub at: Timestamp,
}

/// Shares that turned into cash because their market was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Whose shares.
    pub strategy: StrategyId,
    /// The market.
    pub market: ConditionId,
    /// What a share of yes and of no pays, in USDC.
    pub payouts: [Usdc; 2],
    /// The cash that came in.
    pub amount: Usdc,
    /// Profit or loss of the whole round in this market.
    pub profit: Usdc,
    /// When.
    pub at: Timestamp,
}

/// A decision as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Its number within the strategy.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub strategy: StrategyId,
    /// The market's id, where there was one.
    pub market_id: Option<String>,
    /// The market's short name, where there was one.
    pub market: Option<String>,
    /// `order`, `rejected` or `no`.
    pub verdict: String,
    /// The order's number, the rule that refused, or the reason of a no.
    pub cause: String,
    /// What was wanted, in one line; absent for a no.
    pub intent: Option<String>,
    /// The numbers compared, by name, in order; for a refusal also `used`, `limit` and what would have passed.
    pub numbers: Vec<(String, String)>,
    /// Why it came out so; absent on pages, where a decision is one of many, and for what older versions stored.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub grounds: Option<why::Grounds>,
}

/// A trip of a breaker, or its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskRecord {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub strategy: StrategyId,
    /// `tripped`, `half_open` or `released`.
    pub event: String,
    /// The rule.
    pub rule: String,
    /// What it had come to.
    pub used: String,
    /// What is allowed.
    pub limit: String,
}

/// A move from phase to phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRecord {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub strategy: StrategyId,
    /// The phase left.
    pub from: String,
    /// The phase reached.
    pub to: String,
    /// Why: a command, a failure, a timer.
    pub why: String,
}

/// A failure of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// When.
    pub at: Timestamp,
    /// Whose, where it is about one strategy.
    pub strategy: Option<StrategyId>,
    /// Which part: `runtime`, `executor`, `feed`.
    pub part: String,
    /// What happened, with its causes.
    pub message: String,
}

/// A command with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// About which strategy.
    pub strategy: String,
    /// What was asked.
    pub action: String,
    /// `accepted` or the refusal.
    pub answer: String,
    /// How what it is about stood before, where the one who answers knows it: a phase, a gate, a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What must outlive the process about a strategy. The newest one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyRecord {
    /// Which strategy.
    pub strategy: StrategyId,
    /// What of its life must outlive the process.
    pub saved: Saved,
    /// When it was so.
    pub at: Timestamp,
}

/// An order as it is shown, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Its id.
    pub id: ClientOrderId,
    /// When it was decided.
    pub at: Timestamp,
    /// The market's id.
    pub market_id: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Buy or sell.
    pub side: Side,
    /// The worst acceptable price.
    pub limit: Price,
    /// The shares asked for.
    pub size: Size,
    /// The venue's word for how long it may wait: `FAK`.
    pub time_in_force: String,
    /// `entry`, `hedge` or `exit`.
    pub purpose: String,
    /// `pending`, `accepted`, `rejected`, `unknown`, `filled` or `unfilled`.
    pub state: String,
    /// The shares filled.
    pub filled: Size,
    /// Why it ended or was refused.
    pub cause: Option<String>,
}

/// A fill as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillRecord {
    /// The order it belongs to.
    pub order: ClientOrderId,
    /// Its number within the order.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// The market's id.
    pub market_id: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Bought or sold.
    pub side: Side,
    /// The price of a share.
    pub price: Price,
    /// The shares.
    pub size: Size,
    /// The fee in USDC.
    pub fee_usdc: Usdc,
    /// `taker` or `maker`.
    pub liquidity: String,
}

/// What a strategy did before, in the order it happened: what a new incarnation is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// A fill of its own.
    Fill(Fill),
    /// A market that was settled while it held shares.
    Settled {
        /// The market.
        market: ConditionId,
        /// What a share of yes and of no paid.
        payouts: [Usdc; 2],
    },
}

/// Which records are wanted: the newest first, of one strategy, within this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Of which strategy.
    pub strategy: StrategyId,
    /// How many at most, 1 to 1000.
    pub limit: u32,
    /// Only those older than this cursor.
    pub before: Option<i64>,
}

/// One page of records, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// The cursor of the next (older) page, if there is one.
    pub next: Option<i64>,
}

/// The store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer in time, or refused.
    #[error("the store failed: {0}")]
    Failed(String),
    /// Its queue is full.
    #[error("the store's queue is full")]
    Full,
    /// It has ended.
    #[error("the store has ended")]
    Ended,
}

/// Reads what was stored; used by the API.
pub trait Records: Send + Sync + 'static {
    /// Returns the intents of a strategy, approved and refused.
    fn decisions(&self, query: Query) -> Pending<'_, Result<Page<DecisionRecord>, StoreError>>;
    /// Returns the orders of a strategy.
    fn orders(&self, query: Query) -> Pending<'_, Result<Page<OrderRecord>, StoreError>>;
    /// Returns the fills of a strategy.
    fn fills(&self, query: Query) -> Pending<'_, Result<Page<FillRecord>, StoreError>>;
}

/// Time as decisions see it: of the machine, or of the events on a tape.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;
}

/// Where orders go. What comes of them arrives as [`News`] on the channel given at start, in the order in which it
/// was true at the venue. No method waits: each hands over and returns.
pub trait Venue: Send + Sync + 'static {
    /// Hands an order over, to be sent once: the bytes that go out are the payload's, letter for letter. Its outcome,
    /// also a refusal, comes as an event. Where the venue itself notices that the answer was lost it says so with
    /// [`Submission::Unknown`](ploy::order::Submission::Unknown); where nothing is said within [`Windows::answer`]
    /// the executor takes it for lost. A refusal may only be told where it is certain that nothing can be filled.
    fn submit(&self, order: Outgoing, ticket: crate::bus::Ticket);
    /// Asks to cancel an order, also one that is not known to have arrived. Its end comes as an event; a cancel of
    /// what is over, or was never there, brings none.
    fn cancel(&self, order: OrderKey, ticket: crate::bus::Ticket);
    /// Asks what became of an order. Exactly one [`News::Found`] answers it, or none when it is lost; a venue that
    /// cannot be asked says so with [`Standing::Unanswered`](ploy::order_path::Standing::Unanswered). It must never
    /// say [`Standing::Absent`](ploy::order_path::Standing::Absent) unless the venue looked, at a time after the
    /// question was put, through all orders that it has or had.
    fn lookup(&self, lookup: Lookup, ticket: crate::bus::Ticket);
    /// Returns how long an answer may take, and how long an order may be on its way.
    fn windows(&self) -> Windows;
    /// Tells that it takes orders. Never waits.
    ///
    /// # Errors
    /// When it does not: why, for people.
    fn health(&self) -> Result<(), String>;
}

/// How long a venue may take, by the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// After this long without a word an order's answer counts as lost. Nothing for a venue in this process, which
    /// loses none and answers in event time.
    pub answer: Option<Duration>,
    /// After this long an order, or a cancel, that was sent has arrived or never will: only then does a venue that
    /// does not know an order prove that it is nowhere.
    pub admission: Duration,
}

/// What a venue tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Something happened to an order.
    Order(OrderEvent),
    /// The answer to a question.
    Found(Found),
}

impl From<OrderEvent> for News {
    fn from(event: OrderEvent) -> Self {
        Self::Order(event)
    }
}

/// What an executor is told about a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Which incarnation of the strategy may send.
    pub incarnation: u64,
    /// Whether its orders may pass.
    pub gate: Gate,
}

/// An event as it comes from an adapter, or the adapter's end.
#[derive(Debug)]
pub enum FeedItem {
    /// Where the books come from of the markets that are announced from here on.
    Books(Books),
    /// Something happened.
    Event(MarketEvent),
    /// There is no more: so many events were there.
    End {
        /// The number of events.
        events: u64,
    },
    /// The source broke; the message names the place.
    Broken(String),
}
