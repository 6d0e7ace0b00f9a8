//! Store: the facts of a run, durable in a database: a file or a server. One task writes, a few connections read.
//!
//! An order is committed before it is sent. Everything else is recorded: queued, and written with the next
//! group. A failed transaction loses no record: it is kept, tried again, and shown in the status meanwhile.

mod account;
pub mod admin;
pub mod audit;
mod cells;
mod config_history;
mod gates;
mod grounds;
mod history;
mod hold;
mod identity;
mod joined;
mod location;
mod memories;
mod moment;
mod open;
mod owner;
mod probe;
mod process;
mod queue;
mod recovery;
mod retention;
mod rollouts;
mod round;
mod rows;
mod runs;
mod server;
mod sql;
mod unfinished;
pub mod versions;
mod why;
mod writer;

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ploy::status::{Mode, StoreStatus};
use ploy::time::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::bus::Ticket;
use crate::ports::{Row, StoreError};
use hold::Hold;
use open::Opened;
use queue::{QUEUE_MAX, Shared};
use sql::Pool;
use writer::{Held, Writer};

pub use location::{Location, ServerUrl, UrlError};
pub use open::OpenError;
pub use recovery::Sums;
pub use runs::{Begin, Entered, Plays, Resume};
pub use unfinished::Told;

/// How long a caller waits for its rows to be durable, or for its records. A disk that needs longer is down.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_hours(24);

/// The store of one run, which may have begun in an earlier process. Cheap to clone; when the last clone is gone the writer ends.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What is known of a run when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's id, different for every start of the program; one that goes on keeps the id that it has.
    pub id: String,
    /// When this process began, by the machine's clock.
    pub started_at: Timestamp,
    /// The program's version.
    pub version: String,
    /// Whether orders are paper or real.
    pub mode: Mode,
    /// What is played or traded, for people.
    pub title: String,
    /// What is played, by content, and whether an earlier run of it may be gone on with; absent where never.
    pub plays: Option<Plays>,
}

struct Inner {
    run: String,
    entered: Entered,
    shared: Arc<Shared>,
    pool: Pool,
    /// The folder of the file, where the database is one.
    folder: Option<PathBuf>,
    writer: AbortHandle,
    /// What looks after the store while the service runs.
    keepers: Mutex<Vec<AbortHandle>>,
    tries: watch::Receiver<u64>,
}

impl Store {
    /// Opens the store in this file. The folder and the file are made where they are missing, the schema is
    /// brought up to date, and the run is written down. No other process can open it until this one ends.
    ///
    /// # Errors
    /// When the place cannot be used; the error says why and what to do. A file that was made is removed again.
    pub async fn open(path: &Path, run: RunInfo) -> Result<Self, OpenError> {
        let opened = open::file(path, Some(&run), &open::MIGRATIONS).await?;
        Ok(Self::start(opened, &run))
    }

    /// Opens the store at this place, as [`Store::open`] does for a file.
    ///
    /// # Errors
    /// When the place cannot be used; the error says why and what to do.
    pub async fn open_at(location: &Location, run: RunInfo) -> Result<Self, OpenError> {
        match location {
            Location::File(path) => Self::open(path, run).await,
            Location::Server(url) => {
                let opened = server::open(url, Some(&run), &server::MIGRATIONS).await?;
                Ok(Self::start(opened, &run))
            }
        }
    }

    /// Opens a store that is gone when it ends, for tests.
    ///
    /// # Errors
    /// When the database cannot be made.
    pub async fn open_in_memory(run: RunInfo) -> Result<Self, OpenError> {
        let _hold = Hold::new();
        let opened = open::in_memory(&run).await?;
        Ok(Self::start(opened, &run))
    }

    /// Stores these rows, all or none. They are on the disk when this returns `Ok`.
    ///
    /// # Errors
    /// When they could not be written within 5 s, contradict what is stored, or the store is full or has ended.
    /// They are then not known to be stored.
    pub async fn commit(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        let answer = self.inner.shared.commit(rows)?;
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Ended),
            Err(_) => {
                let message = format!("no answer within {} s", ANSWER_WITHIN.as_secs());
                self.inner.shared.late(&message);
                Err(StoreError::Failed(message))
            }
        }
    }

    /// Queues a row; it is written with the next group, and kept until that succeeds. Never waits. The ticket
    /// is given back at once: a tape does not wait for the disk, see [`Store::pressure`].
    ///
    /// # Errors
    /// When 8192 rows wait already, or the store has ended: the row is not taken.
    pub fn record(&self, row: Row, ticket: Ticket) -> Result<(), StoreError> {
        self.record_all(vec![row], ticket)
    }

    /// Queues rows as [`Store::record`] does one; they are written together, all or none.
    ///
    /// # Errors
    /// When too many wait already, or the store has ended: none is taken.
    pub fn record_all(&self, rows: Vec<Row>, ticket: Ticket) -> Result<(), StoreError> {
        let queued = self.inner.shared.record(rows);
        drop(ticket);
        queued
    }

    /// Returns the id of the run that it keeps.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.inner.run
    }

    /// Returns the run that is kept, and how this process came to it.
    #[must_use]
    pub fn entered(&self) -> &Entered {
        &self.inner.entered
    }

    /// Tells whether more than half of the queue is in use: a tape then pauses.
    #[must_use]
    pub fn pressure(&self) -> bool {
        QUEUE_MAX < 2 * self.inner.shared.waiting()
    }

    /// Tells whether so many rows wait that records are being refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        QUEUE_MAX <= self.inner.shared.waiting()
    }

    /// Returns when all that was queued before is on the disk.
    ///
    /// # Errors
    /// When it could not be written within 5 s.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.commit(Vec::new()).await
    }

    /// Begins to check the audit chain in the background, and to delete the rows that explain of runs that are older
    /// than so many days; 0: none.
    pub fn look_after(&self, keep_days: u32, wall: fn() -> Timestamp) {
        let inner = &self.inner;
        let (shared, pool) = (Arc::clone(&inner.shared), inner.pool.clone());
        let checking = audit::watch::keep_checking(Arc::clone(&shared), pool.clone());
        let mut keepers = vec![tokio::spawn(checking).abort_handle()];
        if keep_days != 0 {
            let (run, keep) = (inner.run.clone(), DAY * keep_days);
            let retention =
                retention::Retention { shared, pool, run, keep, wall, pause: retention::PAUSE };
            keepers.push(tokio::spawn(retention.keep_deleting()).abort_handle());
        }
        inner.keep(keepers);
    }

    /// Takes nothing more, writes what waits, and ends the writer within this time.
    ///
    /// # Errors
    /// When rows were not written; the message says how many.
    pub async fn close(&self, within: Duration) -> Result<(), StoreError> {
        let inner = &self.inner;
        inner.shared.close();
        inner.keep(Vec::new());
        let mut tries = inner.tries.clone();
        let ended = async { while tries.changed().await.is_ok() {} };
        let closed = async {
            let _hold = inner.shared.hold();
            inner.pool.close().await;
        };
        let all = async { tokio::join!(ended, closed) };
        let in_time = tokio::time::timeout(within, all).await.is_ok();
        inner.writer.abort();
        match inner.shared.waiting() {
            0 if in_time => Ok(()),
            0 => Err(StoreError::Failed(format!("it did not end within {within:?}"))),
            lost => Err(StoreError::Failed(format!("{lost} rows were not written"))),
        }
    }

    /// Returns how the store is: whether it can write, what waits, what failed.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let free_bytes = self.inner.folder.as_deref().and_then(identity::free_bytes);
        StoreStatus { free_bytes, ..self.inner.shared.status() }
    }

    fn start(opened: Opened, run: &RunInfo) -> Self {
        let shared = Shared::new(&opened, run.started_at);
        let entered = opened.entered.unwrap_or_else(|| Entered::unknown(run));
        let run = entered.run.clone();
        let folder = opened.files.as_ref().map(|files| files.folder().to_owned());
        let Opened { conn, files, owner, chain, pool, .. } = opened;
        let held = Held { conn, files, owner, chain };
        let (writer, tries) = Writer::new(Arc::clone(&shared), run.clone(), held);
        let writer = tokio::spawn(writer.run()).abort_handle();
        let keepers = Mutex::default();
        let inner = Inner { run, entered, shared, pool, folder, writer, keepers, tries };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// Ends what looked after the store before, and keeps these instead.
    fn keep(&self, keepers: Vec<AbortHandle>) {
        let mut kept = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *kept, keepers).iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keep(Vec::new());
        self.shared.abandon();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("run", &self.inner.run)
            .field("shared", &self.inner.shared)
            .finish_non_exhaustive()
    }
}

/// Writes a failure with its causes in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
