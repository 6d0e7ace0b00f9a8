//! The queue: what waits to be written, how the store is, and who is told what came of it.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ploy::audit::Head;
use ploy::status::{AuditStatus, StoreStatus};
use ploy::time::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::audit;
use super::hold::Hold;
use super::open::Opened;
use super::rows;
use crate::ports::{ErrorRecord, Row, StoreError};
use crate::telemetry::events;

/// Rows that may wait. At some 20 000 rows a second this is under half a second of work, and a few megabytes.
pub(super) const QUEUE_MAX: usize = 8192;
/// Committed rows may use as much again: a flood of records must not keep an order from being stored.
const COMMITTED_MAX: usize = 2 * QUEUE_MAX;

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// What the writer and those who hand it rows share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Called when the writer has something to do.
    pub(super) wake: Notify,
    /// A paused clock of a test is to stand still while the database works.
    holds: bool,
}

/// Rows that were handed over together, and since when they wait.
#[derive(Debug)]
pub(super) struct Job {
    /// The number of the first row; the others follow.
    pub(super) seq: i64,
    pub(super) rows: Vec<Row>,
    since: Instant,
    /// Who waits for it. Rows for which nobody waits are kept until they are written.
    reply: Option<Reply>,
}

#[derive(Debug)]
struct State {
    queue: Vec<Job>,
    /// Rows in the queue and in the transaction on its way.
    waiting: usize,
    /// Since when the oldest row of the transaction on its way waits.
    in_flight_since: Option<Instant>,
    /// Something is in the queue that is not to wait for others.
    pressing: bool,
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
    /// Rows that were not taken, the queue being full.
    refused: u64,
    /// It was said that rows are refused, and none has been written since.
    is_full: bool,
    last_error: Option<String>,
    audit: AuditStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    /// Nothing more is taken; what waits is written, however often that needs to be tried.
    Closing,
    /// Nobody holds the store any more: what waits is tried once.
    Abandoned,
    Ended,
}

impl Shared {
    pub(super) fn new(opened: &Opened, at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            wake: Notify::new(),
            holds: opened.holds,
            state: Mutex::new(State {
                queue: Vec::new(),
                waiting: 0,
                in_flight_since: None,
                pressing: false,
                last_seq: opened.last_seq,
                at,
                life: Life::Open,
                retrying: false,
                up: true,
                place: opened.place.clone(),
                rows: 0,
                errors: 0,
                refused: 0,
                is_full: false,
                last_error: None,
                audit: opened.chain.known().map(audit::status).unwrap_or_default(),
            }),
        })
    }

    /// Holds a test's paused clock while the database works.
    pub(super) fn hold(&self) -> Option<Hold> {
        self.holds.then(Hold::new)
    }

    /// Queues rows for which nobody waits; they are written together.
    pub(super) fn record(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        let wake = {
            let mut state = self.state();
            let first = state.queue.is_empty();
            state.push(rows, None, QUEUE_MAX)?;
            (first || state.pressing) && !state.retrying
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
            lag_ms: state.lag_ms(),
            errors: state.errors,
            refused: state.refused,
            free_bytes: None,
            last_error: state.last_error.clone(),
            audit: state.audit.clone(),
        }
    }

    /// Notes the newest row of the audit chain.
    pub(super) fn sealed(&self, head: Head) {
        let AuditStatus { rows, hash, .. } = audit::status(head);
        let audit = &mut self.state().audit;
        (audit.rows, audit.hash) = (rows, hash);
    }

    /// Returns the newest row of the audit chain, as far as it is known.
    pub(super) fn head(&self) -> Option<Head> {
        let state = self.state();
        let AuditStatus { rows, hash, .. } = &state.audit;
        Some(Head { number: *rows, hash: hash.parse().ok()? })
    }

    /// Notes what a check of the audit chain, or a deletion with age, has come to.
    pub(super) fn audited(&self, note: impl FnOnce(&mut AuditStatus)) {
        note(&mut self.state().audit);
    }

    /// Takes all that waits. Rows whose caller has given up are left out: it was told that they are not stored.
    pub(super) fn take(&self) -> Vec<Job> {
        let mut state = self.state();
        state.pressing = false;
        let (gone, group): (Vec<_>, Vec<_>) = mem::take(&mut state.queue)
            .into_iter()
            .partition(|job| job.reply.as_ref().is_some_and(oneshot::Sender::is_closed));
        state.waiting -= rows_of(&gone);
        state.in_flight_since = group.first().map(|job| job.since);
        group
    }

    pub(super) fn written(&self, group: Vec<Job>, contradictions: Vec<Option<String>>) {
        let mut state = self.state();
        if !state.up {
            tracing::info!(event.name = events::STORE_RECOVERED, "the store takes writes again");
        }
        state.up = true;
        state.retrying = false;
        state.is_full = false;
        state.in_flight_since = None;
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
    pub(super) fn kept(&self, group: Vec<Job>, message: &str) {
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
        state.in_flight_since = None;
        state.retrying = true;
        state.down(message);
    }

    /// Tells whether what is in the queue may wait for others: only decisions, which nobody waits for.
    pub(super) fn may_wait(&self) -> bool {
        let state = self.state();
        state.life == Life::Open && !state.queue.is_empty() && !state.pressing
    }

    pub(super) fn life(&self) -> Life {
        self.state().life
    }

    /// Ends for good: who still waits is told, and rows that were not written are said to be lost.
    pub(super) fn ended(&self) {
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
            self.refuse(rows.len());
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
        let notes_only = rows.iter().all(|row| matches!(row, Row::Decision(_) | Row::Memory(_)));
        self.pressing |= reply.is_some() || !notes_only;
        self.queue.push(Job { seq, rows, since: Instant::now(), reply });
    }

    /// Notes that the store cannot write. The failure is itself a fact: it waits with the others, is stored when
    /// the store is well again, and until then it is what the store is tried with.
    fn down(&mut self, message: &str) {
        self.failed(message);
        if mem::replace(&mut self.up, false) {
            tracing::error!(
                event.name = events::STORE_FAILED,
                error.message = message,
                "the store cannot write"
            );
            let error = ErrorRecord {
                at: self.at,
                strategy: None,
                part: "store".to_owned(),
                message: message.to_owned(),
            };
            self.add(vec![Row::Error(error)], None);
        }
    }

    /// Counts rows that are not taken, and says so once until there is room. Why the store is down stays what is shown of it.
    fn refuse(&mut self, rows: usize) {
        self.refused += count(rows);
        if !mem::replace(&mut self.is_full, true) {
            tracing::error!(
                event.name = events::STORE_FULL,
                queued = self.waiting,
                "the queue is full: rows are refused until some are written"
            );
        }
        if self.up {
            self.failed("the queue is full: a row was refused");
        } else {
            self.errors += 1;
        }
    }

    /// Returns how long the oldest row that is not written waits, in milliseconds.
    fn lag_ms(&self) -> u64 {
        let queued = self.queue.first().map(|job| job.since);
        let oldest = [self.in_flight_since, queued].into_iter().flatten().min();
        oldest.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
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
    /// Tells whether somebody waits for it.
    pub(super) const fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }

    fn answer(self, answer: Result<(), StoreError>) {
        // An asker that left is no failure.
        if let Some(reply) = self.reply {
            drop(reply.send(answer));
        }
    }
}

pub(super) fn rows_of(jobs: &[Job]) -> usize {
    jobs.iter().map(|job| job.rows.len()).sum()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
