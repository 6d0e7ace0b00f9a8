//! Changes of settings as somebody asks for them: what is wanted, what stands in force, and what became of it.

use ploy::config::{Change, Fault};
use ploy::order::StrategyId;
use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Page, Pending, Row, StoreError};

/// How many settings one request may change.
pub const SETS_MAX: usize = 64;
/// How many bytes a file of a strategy may have: a hundred times what the largest needs.
pub const FILE_BYTES_MAX: usize = 256 * 1024;

/// Reads the folder of settings now, and writes into it.
pub trait ConfigDesk: Send + Sync + 'static {
    /// Reads the folder without waiting for it to come to rest, and returns what came of each file.
    fn reload(&self) -> Pending<'_, Result<Reloaded, DeskError>>;
    /// Returns the file of a strategy and what is in force of it.
    fn file(&self, id: StrategyId) -> Pending<'_, Result<FileState, DeskError>>;
    /// Changes the file of a strategy, reads the folder, and returns what came of it.
    fn update(&self, update: Update) -> Pending<'_, Result<Updated, DeskError>>;
    /// Returns what became of a strategy's settings, the newest first, over all runs.
    fn history(
        &self,
        id: StrategyId,
        page: HistoryPage,
    ) -> Pending<'_, Result<Page<HistoryRecord>, DeskError>>;
}

/// What was stored of settings, and where more is stored.
pub trait ConfigRecords: Send + Sync + 'static {
    /// Returns a page of what became of a strategy's settings, the newest first, over all runs.
    fn history(
        &self,
        id: StrategyId,
        page: HistoryPage,
    ) -> Pending<'_, Result<Page<HistoryRecord>, StoreError>>;
    /// Returns the text of the one version that begins with these digits, or why there is not exactly one.
    fn version(
        &self,
        id: StrategyId,
        prefix: String,
    ) -> Pending<'_, Result<Result<String, String>, StoreError>>;
    /// Queues a row.
    ///
    /// # Errors
    /// When it was not taken.
    fn keep(&self, row: Row) -> Result<(), StoreError>;
}

/// When somebody is told what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As it is.
    Now,
    /// When nothing of it is on its way any more.
    Settled,
}

/// Which page of a history is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// How many at most, 1 to 1000.
    pub limit: u32,
    /// Only those older than this cursor.
    pub before: Option<i64>,
}

/// A change of a strategy's file that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Whose file.
    pub strategy: StrategyId,
    /// On what the change is based.
    pub base: Base,
    /// What the file is to say.
    pub edit: Edit,
    /// Who asks.
    pub actor: String,
    /// Whether it is written.
    pub run: Run,
}

/// On what a change is based: what is not as it was then is never overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// This version, or the first 12 digits of it or more.
    Version(String),
    /// There is no such file.
    Absent,
}

/// What a file is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This, word for word.
    Text(String),
    /// What it says, with these settings said otherwise; nothing is the default.
    Sets(Vec<(String, Option<String>)>),
    /// What it said in this version, of which the first digits are enough.
    Rollback(String),
}

/// Whether a change is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It is written.
    Write,
    /// It is only said what it would change.
    Dry,
}

/// The file of a strategy and what is in force of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The strategy.
    pub strategy: StrategyId,
    /// The version on which a change is based: of the file, or where that has faults, of what was read before.
    pub version: String,
    /// The file, word for word; absent where it is gone.
    pub text: Option<String>,
    /// What is wrong in it.
    pub faults: Vec<FaultRecord>,
    /// What is in force.
    pub in_force: InForce,
}

/// What is in force of a strategy's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The version.
    pub version: String,
    /// The file that said so, word for word.
    pub text: String,
    /// How it came into force; absent since the start of the service.
    pub how: Option<How>,
    /// Why a newer version is not in force yet, or that the file is gone.
    pub pending: Option<String>,
}

/// How a version came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Between two inputs of the running strategy.
    Live,
    /// With a start, or a restart, of the strategy.
    Restart,
    /// While the strategy did not run.
    Idle,
    /// As a strategy that was not there before.
    Added,
}

/// What came of reading the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Every file, by name.
    pub strategies: Vec<Found>,
}

/// What came of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The file's name without `.toml`.
    pub strategy: String,
    /// What came of it.
    #[serde(flatten)]
    pub became: Became,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Became {
    /// It means what was in force already.
    Unchanged {
        /// The version in force.
        version: String,
    },
    /// It is in force.
    Applied {
        /// The version in force.
        version: String,
        /// How it came into force.
        how: How,
    },
    /// It is not in force yet.
    Pending {
        /// The version in force.
        version: String,
        /// Why.
        why: String,
    },
    /// It has faults; what was in force stays.
    Faulty {
        /// All of them.
        faults: Vec<FaultRecord>,
    },
    /// It is gone, and so its strategy is stopped.
    Removed,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// The strategy.
    pub strategy: StrategyId,
    /// The version before; absent of a new strategy.
    pub before: Option<String>,
    /// The version of the file now, or as it would be.
    pub version: String,
    /// What it says otherwise.
    pub changes: Vec<ChangeRecord>,
    /// Whether the file was written: it is not where it says so already, nor where that was not asked for.
    pub written: bool,
    /// What became of it; absent where it was not to be written.
    pub became: Option<Became>,
}

/// A setting that two versions mean differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Its name with its section.
    pub setting: String,
    /// What it was; absent where there was no such setting.
    pub from: Option<String>,
    /// What it is; absent where there is no such setting any more.
    pub to: Option<String>,
    /// `live` or `restart`.
    pub applies: String,
    /// `tighter` or `looser` for a limit that moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The setting with its section; empty where the whole file is meant.
    pub key: String,
    /// What was found and what is expected.
    pub problem: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

/// Something that happened to a strategy's settings, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// The strategy, or the file's name where it names none.
    pub strategy: String,
    /// `in_force`, `written`, `rolled_back`, `refused` or `removed`.
    pub event: String,
    /// The version; absent where what was read means nothing.
    pub version: Option<String>,
    /// Who asked; `file` where the file was changed by other means, `start` where the service began with it.
    pub actor: String,
    /// What it came to: how it was applied and what it changes, or what is at fault.
    pub what: String,
    /// Of a version in force when another took its place; absent while it is in force, and otherwise.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Why a request about settings is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No strategy of this name.
    #[error("no strategy is called `{0}`")]
    Unknown(StrategyId),
    /// The base is not what is there.
    #[error("`{strategy}` is at {}, not at {}: look at what has changed, then try again", short(.current), short(.base))]
    Conflict {
        /// The strategy.
        strategy: StrategyId,
        /// The version that the change was based on.
        base: String,
        /// The version that is there.
        current: String,
    },
    /// What the file would say has faults.
    #[error("{}", first(.0))]
    Faulty(Vec<FaultRecord>),
    /// No version, or several, begin so.
    #[error("{0}")]
    Version(String),
    /// The file must not, or cannot, be written.
    #[error("{0}")]
    NotWritable(String),
    /// The folder cannot be read, or nobody reads it now.
    #[error("{0}")]
    Unavailable(String),
    /// The records cannot be read.
    #[error("the records cannot be read now: {0}")]
    Store(#[from] StoreError),
}

impl Became {
    /// Tells whether what the file says is in force.
    #[must_use]
    pub const fn is_in_force(&self) -> bool {
        match self {
            Self::Unchanged { .. } | Self::Applied { .. } => true,
            Self::Pending { .. } | Self::Faulty { .. } | Self::Removed => false,
        }
    }
}

impl How {
    /// Returns how it is said in one line, behind `applied`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Restart => "with a start",
            Self::Idle => "while it does not run",
            Self::Added => "as a new strategy",
        }
    }
}

impl From<&Change> for ChangeRecord {
    fn from(change: &Change) -> Self {
        Self {
            setting: format!("{}.{}", change.section, change.key),
            from: change.from.clone(),
            to: change.to.clone(),
            applies: change.applies.name().to_owned(),
            limit: ploy::config::lean(change).map(|lean| lean.name().to_owned()),
        }
    }
}

impl From<Fault> for FaultRecord {
    fn from(fault: Fault) -> Self {
        let Fault { file, line, column, key, problem, hint } = fault;
        Self { file, line, column, key, problem, hint }
    }
}

impl From<FaultRecord> for Fault {
    fn from(fault: FaultRecord) -> Self {
        let FaultRecord { file, line, column, key, problem, hint } = fault;
        Self { file, line, column, key, problem, hint }
    }
}

/// Returns as much of a version as names it; words stay whole.
fn short(version: &str) -> &str {
    if version.len() == 64 { version.get(..12).unwrap_or(version) } else { version }
}

fn first(faults: &[FaultRecord]) -> String {
    let first = faults.first().cloned().map(|fault| Fault::from(fault).to_string());
    match (first, faults.len()) {
        (None, _) => "the file has faults".to_owned(),
        (Some(first), 1) => first,
        (Some(first), count) => format!("{count} faults, the first: {first}"),
    }
}
