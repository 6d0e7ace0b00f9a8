//! The writer: all that arrives while a transaction is on its way to the disk goes into the next one.

use std::fs::File;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::status::StoreStatus;
use ploy::time::Timestamp;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Notify, oneshot, watch};

use super::rows::{self, Fault, Place};
use crate::ports::{ErrorRecord, Row, StoreError};

/// Rows that may wait. At some 20 000 rows a second this is under half a second of work, and a few megabytes.
pub(super) const QUEUE_MAX: usize = 8192;
/// Committed rows may use as much again: a flood of records must not keep an order from being stored.
const COMMITTED_MAX: usize = 2 * QUEUE_MAX;
/// The first wait after a failed transaction; it doubles.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// What the writer and those who hand it rows share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    wake: Notify,
}

/// Rows that were handed over together.
#[derive(Debug)]
struct Job {
    /// The number of the first row; the others follow.
    seq: i64,
    rows: Vec<Row>,
    /// Who waits for it. Rows for which nobody waits are kept until they are written.
    reply: Option<Reply>,
}

#[derive(Debug)]
struct State {
    queue: Vec<Job>,
    /// Rows in the queue and in the transaction on its way.
    waiting: usize,
    last_seq: i64,
    /// When the newest row was true.
    at: Timestamp,
    life: Life,
    /// A transaction failed; the next try is at the end of the backoff or when somebody waits for it.
    retrying: bool,
    up: bool,
    place: String,
    rows: u64,
    errors: u64,
    last_error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Nothing more is taken; what waits is written, however often that needs to be tried.
    Closing,
    /// Nobody holds the store any more: what waits is tried once.
    Abandoned,
    Ended,
}

/// The one task that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    conn: Option<SqliteConnection>,
    run: String,
    /// Counts the transactions tried; the channel ends with the writer.
    tries: watch::Sender<u64>,
    /// Let go after the connection is closed.
    _lock: Option<File>,
}

impl Shared {
    pub(super) fn new(place: String, last_seq: i64, at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            wake: Notify::new(),
            state: Mutex::new(State {
                queue: Vec::new(),
                waiting: 0,
                last_seq,
                at,
                life: Life::Open,
                retrying: false,
                up: true,
                place,
                rows: 0,
                errors: 0,
                last_error: None,
            }),
        })
    }

    /// Queues a row for which nobody waits.
    pub(super) fn record(&self, row: Row) -> Result<(), StoreError> {
        let wake = {
            let mut state = self.state();
            state.push(vec![row], None, QUEUE_MAX)?;
            !state.retrying
        };
        if wake {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Queues rows that are written together, and returns where the answer comes.
    pub(super) fn commit(
        &self,
        rows: Vec<Row>,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.state().push(rows, Some(reply), COMMITTED_MAX)?;
        self.wake.notify_one();
        Ok(answer)
    }

    /// Notes that an answer did not come in time.
    pub(super) fn late(&self, message: &str) {
        self.state().down(message);
        self.wake.notify_one();
    }

    /// Takes nothing more; what waits is written.
    pub(super) fn close(&self) {
        self.state().end_with(Life::Closing);
        self.wake.notify_one();
    }

    /// Takes nothing more; what waits is tried once.
    pub(super) fn abandon(&self) {
        self.state().end_with(Life::Abandoned);
        self.wake.notify_one();
    }

    pub(super) fn waiting(&self) -> usize {
        self.state().waiting
    }

    pub(super) fn status(&self) -> StoreStatus {
        let state = self.state();
        StoreStatus {
            up: state.up,
            place: state.place.clone(),
            rows: state.rows,
            queued: count(state.waiting),
            errors: state.errors,
            last_error: state.last_error.clone(),
        }
    }

    /// Takes all that waits. Rows whose caller has given up are left out: it was told that they are not stored.
    fn take(&self) -> Vec<Job> {
        let mut state = self.state();
        let (gone, group): (Vec<_>, Vec<_>) = mem::take(&mut state.queue)
            .into_iter()
            .partition(|job| job.reply.as_ref().is_some_and(oneshot::Sender::is_closed));
        state.waiting -= rows_of(&gone);
        group
    }

    fn written(&self, group: Vec<Job>, contradictions: Vec<Option<String>>) {
        let mut state = self.state();
        if !state.up {
            tracing::info!("the store writes again");
        }
        state.up = true;
        state.retrying = false;
        for (job, contradiction) in group.into_iter().zip(contradictions) {
            state.waiting -= job.rows.len();
            let answer = match contradiction {
                None => {
                    state.rows += count(job.rows.len());
                    Ok(())
                }
                Some(message) => {
                    tracing::error!(error = message, "a fact was refused by the store");
                    state.failed(&message);
                    Err(StoreError::Failed(message))
                }
            };
            job.answer(answer);
        }
    }

    /// Keeps what nobody waits for, and answers the others.
    fn kept(&self, group: Vec<Job>, message: &str) {
        let mut state = self.state();
        let mut kept = Vec::new();
        for job in group {
            if job.reply.is_none() {
                kept.push(job);
            } else {
                state.waiting -= job.rows.len();
                job.answer(Err(StoreError::Failed(message.to_owned())));
            }
        }
        kept.append(&mut state.queue);
        state.queue = kept;
        state.retrying = true;
        state.down(message);
    }

    fn life(&self) -> Life {
        self.state().life
    }

    /// Ends for good: who still waits is told, and rows that were not written are said to be lost.
    fn ended(&self) {
        let mut state = self.state();
        state.life = Life::Ended;
        let lost: usize = state.waiting;
        state.queue.clear();
        if lost != 0 {
            state.up = false;
            let message = format!("the store ended with {lost} rows that were not written");
            tracing::error!(lost, "the store ended before all rows were written");
            state.failed(&message);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics between two halves of a change, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, rows: Vec<Row>, reply: Option<Reply>, max: usize) -> Result<(), StoreError> {
        match self.life {
            Life::Open => {}
            Life::Closing | Life::Abandoned | Life::Ended => return Err(StoreError::Ended),
        }
        if max < self.waiting + rows.len() {
            self.failed("the queue is full: a row was refused");
            return Err(StoreError::Full);
        }
        self.add(rows, reply);
        Ok(())
    }

    fn add(&mut self, rows: Vec<Row>, reply: Option<Reply>) {
        let seq = self.last_seq + 1;
        self.at = rows.last().map_or(self.at, rows::at);
        self.last_seq += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        self.waiting += rows.len();
        self.queue.push(Job { seq, rows, reply });
    }

    /// Notes that the store cannot write. The failure is itself a fact: it waits with the others, is stored when
    /// the store is well again, and until then it is what the store is tried with.
    fn down(&mut self, message: &str) {
        self.failed(message);
        if mem::replace(&mut self.up, false) {
            tracing::error!(error = message, "the store cannot write");
            let error = ErrorRecord {
                at: self.at,
                strategy: None,
                part: "store".to_owned(),
                message: message.to_owned(),
            };
            self.add(vec![Row::Error(error)], None);
        }
    }

    fn failed(&mut self, message: &str) {
        self.errors += 1;
        self.last_error = Some(message.to_owned());
    }

    fn end_with(&mut self, life: Life) {
        if self.life == Life::Open {
            self.life = life;
        }
    }
}

impl Job {
    fn answer(self, answer: Result<(), StoreError>) {
        // An asker that left is no failure.
        if let Some(reply) = self.reply {
            drop(reply.send(answer));
        }
    }
}

impl Writer {
    /// Returns the writer and where its tries are counted.
    pub(super) fn new(
        shared: Arc<Shared>,
        conn: SqliteConnection,
        run: String,
        lock: Option<File>,
    ) -> (Self, watch::Receiver<u64>) {
        let (tries, counted) = watch::channel(0);
        let writer = Self { shared, conn: Some(conn), run, tries, _lock: lock };
        (writer, counted)
    }

    /// Writes until the store is closed and nothing waits.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        loop {
            let group = self.shared.take();
            if group.is_empty() {
                match self.shared.life() {
                    Life::Open => self.shared.wake.notified().await,
                    Life::Closing | Life::Abandoned | Life::Ended => break,
                }
                continue;
            }
            let result = self.write(&group).await;
            match result {
                Ok(contradictions) => {
                    failures = 0;
                    self.shared.written(group, contradictions);
                }
                Err(error) => {
                    self.shared.kept(group, &super::chain(&error));
                    if self.shared.life() == Life::Abandoned {
                        break;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(backoff(failures)) => {}
                        () = self.shared.wake.notified() => {}
                    }
                    failures += 1;
                }
            }
        }
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }

    /// Writes a group in one transaction. Returns for each job what it contradicts, if it does.
    async fn write(&mut self, group: &[Job]) -> Result<Vec<Option<String>>, sqlx::Error> {
        if rows_of(group) == 0 {
            return Ok(group.iter().map(|_| None).collect());
        }
        self.tries.send_modify(|tries| *tries += 1);
        let conn = self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let mut tx = conn.begin_with("begin immediate").await?;
        let mut contradictions = Vec::with_capacity(group.len());
        for job in group {
            contradictions.push(job.write(&mut tx, &self.run).await?);
        }
        tx.commit().await?;
        Ok(contradictions)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.ended();
    }
}

impl Job {
    /// Writes all rows, or none where one of them contradicts what is stored.
    async fn write(
        &self,
        conn: &mut SqliteConnection,
        run: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        if let [row] = &*self.rows {
            let place = Place { run, seq: self.seq };
            return contradiction(rows::insert(conn, place, row).await);
        }
        let mut part = conn.begin().await?;
        for (seq, row) in (self.seq..).zip(&self.rows) {
            let written = rows::insert(&mut part, Place { run, seq }, row).await;
            if let Some(contradiction) = contradiction(written)? {
                part.rollback().await?;
                return Ok(Some(contradiction));
            }
        }
        part.commit().await?;
        Ok(None)
    }
}

fn contradiction(written: Result<(), Fault>) -> Result<Option<String>, sqlx::Error> {
    match written {
        Ok(()) => Ok(None),
        Err(fault @ Fault::Contradiction(_)) => Ok(Some(fault.to_string())),
        Err(Fault::Sql(error)) => Err(error),
    }
}

/// Returns how long to wait after so many failures in a row.
fn backoff(failures: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(BACKOFF_MAX)
}

fn rows_of(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.rows.len()).sum()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits = [0, 1, 2, 3, 4, 5, 6, 40].map(|failures| backoff(failures).as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
