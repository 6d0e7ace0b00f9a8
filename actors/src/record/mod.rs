//! Record: what strategies take in, on its way to files, and how the files are played again. `docs/record.md` describes it.
//!
//! Whoever records hands a message over and never waits: when the queue is full the message is counted as lost, and
//! the next thing that is recorded of its strategy is how the strategy is by then. One thread writes.

pub mod build;
pub mod fault;
pub mod files;
pub mod recall;
pub mod replay;
pub mod report;
mod seat;
mod sink;
mod track;
mod volume;
mod writer;

pub use sink::{Create, Output, create};
pub use track::Track;
pub use volume::Pace;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ploy::config::StrategyConfig;
use ploy::kernel::{Input, Memory};
use ploy::order::StrategyId;
use ploy::record::{CommandNote, End, Fact, Mark, PhaseNote, Saved, Start};
use ploy::status::{Mode, RecordPhase, RecordStatus};
use ploy::time::Timestamp;
use tokio::sync::watch;

use crate::ports::Past;
use writer::Writer;

/// Messages that may wait: a fifth of a second of a tape at full speed, and at most some 20 MiB of books.
const QUEUE_MAX: usize = 8192;
/// Messages that wake the writer; fewer wait until it looks by itself.
const WAKE_AT: usize = 512;

/// Takes what strategies consume on its way to the files. Copies are handles of the same one.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Handle>>);

/// Where a record goes, and how large it may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The folder of the files. It is made where it is missing.
    pub folder: PathBuf,
    /// How large a file grows before the next is begun, in bytes on the disk.
    pub file_bytes: u64,
    /// How long a file is written to before the next is begun.
    pub file_span: Duration,
    /// How large all files in the folder grow before the oldest are deleted, in bytes on the disk.
    pub total_bytes: u64,
}

/// Whose record it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The id of the run.
    pub run: String,
    /// Whether orders are paper or real.
    pub mode: Mode,
    /// The version of the program.
    pub program: String,
    /// The first instant of the run's events.
    pub from: Timestamp,
}

/// What a recorder is built of.
pub struct Args {
    /// Where it goes.
    pub limits: Limits,
    /// Whose it is.
    pub origin: Origin,
    /// How often it is flushed, and when a failed write is tried again.
    pub pace: Pace,
    /// How a file is made.
    pub create: Create,
}

/// Ends the writer when the last copy is gone.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
}

/// What the writer and those who hand it messages share.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Rises when a further file is to begin: a strategy that sees a new number first says how it is, and the file
    /// begins with that.
    epoch: AtomicU64,
    status: Mutex<RecordStatus>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Msg>,
    /// Taken out, and not written yet.
    in_hand: usize,
    is_closing: bool,
    /// Inputs that were lost at the end of an incarnation, until somebody says so.
    owed: BTreeMap<StrategyId, u64>,
}

/// What is handed to the writer.
#[derive(Debug)]
enum Msg {
    Start { start: Box<Start>, past: Vec<Fact>, epoch: u64 },
    Input { strategy: StrategyId, mark: Mark, input: Input },
    Checkpoint { saved: Box<Saved>, lost: u64, epoch: u64 },
    End { end: Box<End>, lost: u64 },
    Command(Box<CommandNote>),
    Phase(Box<PhaseNote>),
}

/// The message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Full;

impl Recorder {
    /// Returns a recorder that keeps nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts the thread that writes. A folder that cannot be written is no failure here: it is said in log and
    /// status, and tried again.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(args: Args) -> std::io::Result<Self> {
        let folder = args.limits.folder.display().to_string();
        let status = RecordStatus { state: RecordPhase::Recording, folder, ..off() };
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            epoch: AtomicU64::new(0),
            status: Mutex::new(status),
        });
        let (told, ended) = watch::channel(false);
        let own = Arc::clone(&shared);
        thread::Builder::new().name("record".to_owned()).spawn(move || {
            Writer::new(args, own).run();
            told.send_replace(true);
        })?;
        Ok(Self(Some(Arc::new(Handle { shared, ended }))))
    }

    /// Writes down that a strategy is being built, and returns what follows this incarnation.
    #[must_use]
    pub fn begin(
        &self,
        config: &StrategyConfig,
        incarnation: u64,
        memory: &Memory,
        past: &[Past],
    ) -> Track {
        Track::begin(self.0.clone(), config, incarnation, (memory, past))
    }

    /// Writes down that somebody asked for something.
    pub fn command(&self, note: impl FnOnce() -> CommandNote) {
        if let Some(handle) = &self.0 {
            handle.shared.note(Msg::Command(Box::new(note())));
        }
    }

    /// Writes down that a strategy moved to another phase.
    pub fn phase(&self, note: impl FnOnce() -> PhaseNote) {
        if let Some(handle) = &self.0 {
            handle.shared.note(Msg::Phase(Box::new(note())));
        }
    }

    /// Tells whether more than half of the queue is in use: a tape then pauses.
    #[must_use]
    pub fn pressure(&self) -> bool {
        self.0.as_ref().is_some_and(|handle| QUEUE_MAX < 2 * handle.shared.queue().waiting())
    }

    /// Returns how the record is.
    #[must_use]
    pub fn status(&self) -> RecordStatus {
        let Some(handle) = &self.0 else { return off() };
        let queued = handle.shared.queue().waiting();
        let status = handle.shared.status().clone();
        RecordStatus { queued: u64::try_from(queued).unwrap_or(u64::MAX), ..status }
    }

    /// Takes nothing more, writes what waits, and ends the file in good order.
    ///
    /// # Errors
    /// When that was not done in time.
    pub async fn close(&self, within: Duration) -> Result<(), String> {
        let Some(handle) = &self.0 else { return Ok(()) };
        handle.shared.close();
        let mut ended = handle.ended.clone();
        let done = async { ended.wait_for(|ended| *ended).await.is_ok() };
        match tokio::time::timeout(within, done).await {
            Ok(_) => Ok(()), // a writer that is gone has nothing left to do
            Err(_) => Err(format!("the record did not end within {within:?}")),
        }
    }
}

impl Shared {
    /// Hands a message over, in its order.
    ///
    /// # Errors
    /// When the queue is full.
    fn send(&self, msg: Msg) -> Result<(), Full> {
        let mut queue = self.queue();
        if queue.is_closing {
            return Ok(()); // after the end nothing is recorded, and nothing is lost
        }
        if QUEUE_MAX <= queue.waiting() {
            return Err(Full);
        }
        queue.items.push_back(msg);
        let wake = queue.items.len() == WAKE_AT;
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Tells whether a message would be taken now.
    fn has_room(&self) -> bool {
        self.queue().waiting() < QUEUE_MAX
    }

    fn note(&self, msg: Msg) {
        if self.send(msg) == Err(Full) {
            self.lose(1);
        }
    }

    /// Counts what was not taken.
    fn lose(&self, messages: u64) {
        self.status().lost += messages;
    }

    fn close(&self) {
        self.queue().is_closing = true;
        self.filled.notify_one();
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, RecordStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn waiting(&self) -> usize {
        self.items.len() + self.in_hand
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn off() -> RecordStatus {
    RecordStatus {
        state: RecordPhase::Off,
        folder: String::new(),
        file: None,
        files: 0,
        inputs: 0,
        bytes: 0,
        queued: 0,
        lost: 0,
        deleted: 0,
        errors: 0,
        last_error: None,
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").field("limits", &self.limits).finish_non_exhaustive()
    }
}
