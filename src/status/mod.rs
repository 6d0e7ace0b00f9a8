//! The one snapshot of the whole system that API, CLI, metrics, live view and report all render.

mod account;
mod kernel;

pub use account::{AccountLimitStatus, AccountStatus, AccountTripStatus};
pub use kernel::{
    KernelStatus, OrderCounts, PnlStatus, PositionStatus, RiskUse, SettlingStatus, Tally,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::halt::GatesStatus;
use crate::ledger::LedgerStatus;
use crate::lifecycle::{Gate, Phase};
use crate::market::{ConditionId, Outcome};
use crate::order::{ClientOrderId, StrategyId};
use crate::rollout::RolloutStatus;
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
    /// How this process goes on with a run that began in an earlier one; absent where it began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued: Option<ContinuedStatus>,
    /// When the snapshot was taken, by the machine's clock.
    pub taken_at: Timestamp,
    /// The time that decisions run on: of the events on a tape, else the machine's.
    pub now: Timestamp,
    /// Whether orders are paper or real.
    pub mode: Mode,
    /// What stands in the way of being ready; empty when ready.
    pub not_ready: Vec<String>,
    /// Why no strategy starts until a person says so; absent where they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_mode: Option<String>,
    /// The feed.
    pub feed: FeedStatus,
    /// The store.
    pub store: StoreStatus,
    /// The record of what strategies take in.
    pub record: RecordStatus,
    /// The folder of strategies' settings.
    #[serde(default)]
    pub config: ConfigStatus,
    /// Who holds orders back.
    #[serde(default)]
    pub gates: GatesStatus,
    /// The account's ledger.
    #[serde(default)]
    pub ledger: LedgerStatus,
    /// The limits of the whole account.
    #[serde(default)]
    pub account: AccountStatus,
    /// Orders of which nobody knows how they stand.
    #[serde(default, skip_serializing_if = "UnknownOrders::is_none")]
    pub unknown_orders: UnknownOrders,
    /// Every strategy, by id.
    pub strategies: Vec<StrategyStatus>,
    /// The newest things worth a line, newest last; at most [`SystemStatus::RECENT_MAX`].
    pub recent: Vec<Recent>,
}

/// How a process goes on with a run that began in an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinuedStatus {
    /// How often the run was gone on with, this time included.
    pub times: u64,
    /// When this process began, by the machine's clock.
    pub since: Timestamp,
    /// The instant from which it goes on, on the time that decisions run on; absent where nothing had happened.
    pub from: Option<Timestamp>,
    /// How many events of its source were past.
    pub events: u64,
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
    /// How long the oldest of them waits, in milliseconds; 0 where none does.
    pub lag_ms: u64,
    /// Writes that failed, and rows that were refused.
    pub errors: u64,
    /// Rows that were refused, the queue being full.
    pub refused: u64,
    /// Bytes that are free where its file is; absent where it is on a server.
    pub free_bytes: Option<u64>,
    /// The newest failure.
    pub last_error: Option<String>,
    /// The audit chain.
    #[serde(default)]
    pub audit: AuditStatus,
}

/// The audit chain at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStatus {
    /// How many rows it has: the number of the newest one.
    pub rows: u64,
    /// The hash of the newest one, 64 hex digits; empty where there is none.
    pub hash: String,
    /// Up to which row this process has checked it.
    pub checked: u64,
    /// What the check found first, where it found something.
    pub broken: Option<String>,
    /// Rows that this process has deleted with age.
    pub pruned: u64,
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
    /// Whether orders may pass: the strictest of halts, pauses and its phase.
    pub gate: Gate,
    /// The first 12 digits of its settings' hash.
    pub config_version: String,
    /// Since when these settings are in force, on the machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_since: Option<Timestamp>,
    /// Why a newer version of its settings is not in force yet, or that its file is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_pending: Option<String>,
    /// How its newest version comes into force.
    #[serde(default, skip_serializing_if = "RolloutStatus::is_settled")]
    pub rollout: RolloutStatus,
    /// How many times it was started again after a failure, a command or a new config, by cause.
    pub restarts: BTreeMap<String, u64>,
    /// Failures that count against its budget now.
    pub failures: u32,
    /// How often in a row something that it needs was missing at its start; it waits for it without end.
    #[serde(default)]
    pub dependency_tries: u32,
    /// What it failed of last.
    pub last_error: Option<String>,
    /// Market events at which it died, newest last: they are set aside when they are told again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub poison: Vec<String>,
    /// For how long it has worked on the same input, in milliseconds, while that is longer than its `hang_warn_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_ms: Option<u64>,
    /// Where the books of the markets come from that it was shown in this run; each at most once.
    #[serde(default)]
    pub books: Vec<Books>,
    /// What its kernel says; of its last incarnation while it does not run.
    pub kernel: KernelStatus,
}

/// The orders of which nobody knows how they stand: their venue's answer was lost, or an earlier process sent them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownOrders {
    /// How many there are.
    pub count: u64,
    /// Since when the oldest is unknown, by the machine's clock.
    pub oldest_since: Option<Timestamp>,
    /// The oldest of them, at most 50.
    pub orders: Vec<UnknownOrder>,
}

/// An order of which nobody knows how it stands. It counts as if all of it could still be filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownOrder {
    /// Our number of it.
    pub order: ClientOrderId,
    /// What its bytes hash to, by which the venue knows it: 64 hex digits.
    pub hash: String,
    /// The market.
    pub market: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Since when nobody knows, by the machine's clock.
    pub since: Timestamp,
    /// How often the venue was asked.
    pub lookups: u64,
    /// Why it is still unknown.
    pub why: String,
}

impl UnknownOrders {
    fn is_none(&self) -> bool {
        self.count == 0
    }
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
