//! The one snapshot of the whole system that API, CLI, metrics, live view and report all render.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Gate, Phase};
use crate::market::Outcome;
use crate::order::StrategyId;
use crate::price::{Price, Size, Usdc};
use crate::tape::Books;
use crate::time::Timestamp;

/// Everything at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemStatus {
    /// The number of this snapshot; every reader of the same number sees the same.
    pub snapshot: u64,
    /// The program's version.
    pub version: String,
    /// The id of this run.
    pub run: String,
    /// When the run began, by the machine's clock.
    pub started_at: Timestamp,
    /// When the snapshot was taken, by the machine's clock.
    pub taken_at: Timestamp,
    /// The time that decisions run on: of the events on a tape, else the machine's.
    pub now: Timestamp,
    /// Whether orders are paper or real.
    pub mode: Mode,
    /// What stands in the way of being ready; empty when ready.
    pub not_ready: Vec<String>,
    /// The feed.
    pub feed: FeedStatus,
    /// The store.
    pub store: StoreStatus,
    /// The record of what strategies take in.
    pub record: RecordStatus,
    /// The folder of strategies' settings.
    #[serde(default)]
    pub config: ConfigStatus,
    /// Every strategy, by id.
    pub strategies: Vec<StrategyStatus>,
    /// The newest things worth a line, newest last; at most [`SystemStatus::RECENT_MAX`].
    pub recent: Vec<Recent>,
}

/// Whether orders are paper or real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Filled in memory against recorded or live books.
    Paper,
}

/// The feed at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: FeedPhase,
    /// What it plays, for people: the titles of all its tapes.
    pub title: String,
    /// Whether its books were recorded or modelled; modelled where those of any tape are.
    pub books: Books,
    /// The tapes, in the order in which they were given.
    #[serde(default)]
    pub tapes: Vec<TapeStatus>,
    /// Events sent on so far.
    pub events: u64,
    /// The instant of the newest event.
    pub last_event_at: Option<Timestamp>,
    /// The first instant of all tapes.
    pub from: Option<Timestamp>,
    /// The last instant of all tapes.
    pub to: Option<Timestamp>,
    /// How fast event time runs: `max`, or a multiple such as `60x`.
    pub speed: String,
    /// What went wrong, when it failed.
    pub error: Option<String>,
}

/// A tape that is played, as its header says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeStatus {
    /// What it is, for people.
    pub title: String,
    /// Whether its books were recorded or modelled.
    pub books: Books,
    /// Its first instant.
    pub from: Timestamp,
    /// Its last instant.
    pub to: Timestamp,
}

/// Where a feed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedPhase {
    /// Not begun.
    Waiting,
    /// Events come.
    Playing,
    /// The tape has ended.
    Ended,
    /// It broke; the error says how.
    Failed,
}

/// The store at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Whether its last write succeeded.
    pub up: bool,
    /// Where it is, without secrets.
    pub place: String,
    /// Rows written durably.
    pub rows: u64,
    /// Rows waiting to be written.
    pub queued: u64,
    /// Writes that failed.
    pub errors: u64,
    /// The newest failure.
    pub last_error: Option<String>,
}

/// The record at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordStatus {
    /// Whether it is written.
    pub state: RecordPhase,
    /// The folder of its files.
    pub folder: String,
    /// The file that is being written.
    pub file: Option<String>,
    /// Files begun in this run.
    pub files: u64,
    /// Inputs written in this run; one that two strategies took in counts twice.
    pub inputs: u64,
    /// What the files of this run take on the disk.
    pub bytes: u64,
    /// Messages waiting to be written.
    pub queued: u64,
    /// Messages that were not written: the queue was full, or no file could be written.
    pub lost: u64,
    /// Old files deleted in this run, so that all together stay within their limit.
    pub deleted: u64,
    /// Writes that failed.
    pub errors: u64,
    /// The newest failure.
    pub last_error: Option<String>,
}

/// Whether the record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordPhase {
    /// The settings say that nothing is recorded.
    Off,
    /// It is written.
    Recording,
    /// It cannot be written; it is tried again.
    Failing,
}

/// The folder of strategies' settings at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// The folder; empty where none is watched.
    pub folder: String,
    /// Readings of the whole folder so far.
    pub looks: u64,
    /// When it was read last, on the machine's clock.
    pub looked_at: Option<Timestamp>,
    /// Why the folder itself cannot be read.
    pub error: Option<String>,
    /// Every fault of every file, with its place. What was read from such a file last stays in force.
    pub faults: Vec<String>,
}

/// One strategy at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyStatus {
    /// Its id: the stem of its file.
    pub id: StrategyId,
    /// What kind of strategy it is: `split_arb`.
    pub kind: String,
    /// A word on how it is set, for people: `legged`.
    pub variant: String,
    /// Where it stands in its life.
    #[serde(flatten)]
    pub phase: Phase,
    /// Since when it stands there, on the time that decisions run on.
    pub since: Timestamp,
    /// Whether orders may pass.
    pub gate: Gate,
    /// The first 12 digits of its settings' hash.
    pub config_version: String,
    /// Why a newer version of its settings is not in force yet, or that its file is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_pending: Option<String>,
    /// How many times it was started again after a failure, a command or a new config, by cause.
    pub restarts: BTreeMap<String, u64>,
    /// Failures that count against its budget now.
    pub failures: u32,
    /// What it failed of last.
    pub last_error: Option<String>,
    /// Where the books of the markets come from that it was shown in this run; each at most once.
    #[serde(default)]
    pub books: Vec<Books>,
    /// What its kernel says; of its last incarnation while it does not run.
    pub kernel: KernelStatus,
}

/// What one strategy's kernel has seen, decided, sent and made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelStatus {
    /// Inputs taken in.
    pub inputs: u64,
    /// Books that a newer one replaced before they were read.
    pub conflated: u64,
    /// Public trades that were missed because too many came at once.
    pub missed: u64,
    /// Decisions taken.
    pub decisions: u64,
    /// The fingerprint of all of them, 64 hex digits.
    pub digest: String,
    /// Decisions that were intents, approved or refused.
    pub intents: u64,
    /// Noes by reason, and refusals by rule, with the newest numbers: over all markets, and once more for each
    /// market that is open. [`KernelStatus::totals`] tells the former.
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
    /// Used ÷ limit in thousandths; above 1000 when passed by a price move.
    pub permille: u64,
}

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// When, on the time that decisions run on.
    pub at: Timestamp,
    /// Whose, where it is about one strategy.
    pub strategy: Option<StrategyId>,
    /// The event's name: `order.filled`, `strategy.failed`.
    pub event: String,
    /// What happened, for people.
    pub message: String,
}

impl KernelStatus {
    /// Returns noes by reason and refusals by rule over all markets, each once, the most frequent first.
    #[must_use]
    pub fn totals(&self) -> Vec<&Tally> {
        let mut totals: Vec<&Tally> =
            self.causes.iter().filter(|tally| tally.market.is_none()).collect();
        totals.sort_by_key(|tally| std::cmp::Reverse(tally.count));
        totals
    }
}

impl SystemStatus {
    /// How many recent lines are kept.
    pub const RECENT_MAX: usize = 50;

    /// Tells whether the service can do its work.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.not_ready.is_empty()
    }

    /// Returns one strategy.
    #[must_use]
    pub fn strategy(&self, id: &str) -> Option<&StrategyStatus> {
        self.strategies.iter().find(|strategy| strategy.id.as_str() == id)
    }
}
