//! Halts and pauses as they run: the one place that moves the switch, and keeps what must outlive the process.
//!
//! Whoever halts needs no actor to be well: a wish is granted by whoever asks, under a lock. First the switch moves,
//! so that no order passes any more; then the runtimes are told, so that their kernels decide by it; then it is
//! written down. What is opened is written down first: a process that dies in between comes up closed.

mod asked;
mod file;
mod kept;
mod words;

pub mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::halt::{Cause, Effect, Gates, GatesStatus, Input, ResumeRule, StillThere, Why};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::status::Recent;
use ploy::time::Timestamp;
use tokio::time::Instant;

use crate::bus::gates::{Switch, Waiting};
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::ports::{Clock as _, StoreError};
use crate::store::Store;
use crate::telemetry::events;

/// How long a strategy may take to take in that its gate has moved. Its orders are held back all the same.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// No closing has been measured yet.
const NOT_MEASURED: u64 = u64::MAX;

/// The gates with their surroundings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Halts {
    inner: Arc<Inner>,
}

/// What the gates need.
#[derive(Debug)]
pub struct Args {
    /// What an outage that is over leads to.
    pub rule: ResumeRule,
    /// The file that halts all while it is there; none is watched where there is none.
    pub file: Option<PathBuf>,
    /// What orders meet.
    pub switch: Switch,
    /// Where halts and pauses are kept.
    pub store: Store,
    /// Where it is said.
    pub board: StatusBus,
    /// The time that decisions run on.
    pub clock: EventClock,
    /// The machine's time.
    pub wall: fn() -> Timestamp,
}

#[derive(Debug)]
struct Inner {
    args: Args,
    gates: Mutex<Gates>,
    /// People are served one after the other.
    turn: tokio::sync::Mutex<()>,
    /// When the process began, by both clocks: how long something has been well is measured by the one that never
    /// jumps.
    began: (Timestamp, Instant),
    /// How long the newest closing took, in microseconds.
    closed_within_us: AtomicU64,
}

/// What came of telling all runtimes.
struct Told {
    strategies: u64,
    late: Vec<StrategyId>,
    within_us: u64,
}

impl Halts {
    /// Returns the gates as the last process left them, and as the signal file says.
    ///
    /// # Errors
    /// When what the last process left cannot be read.
    pub async fn open(args: Args) -> Result<Self, StoreError> {
        let records = args.store.gate_records().await?;
        let began = ((args.wall)(), Instant::now());
        let inner = Inner {
            args,
            gates: Mutex::new(Gates::default()),
            turn: tokio::sync::Mutex::new(()),
            began,
            closed_within_us: AtomicU64::new(NOT_MEASURED),
        };
        let halts = Self { inner: Arc::new(inner) };
        for record in records {
            halts.restore(record);
        }
        if let Some(path) = &halts.inner.args.file {
            halts.saw_file(&file::read(path));
        }
        halts.inner.args.switch.set(&halts.gates());
        Ok(halts)
    }

    /// Returns what is held back, and why.
    #[must_use]
    pub fn status(&self) -> GatesStatus {
        let measured = self.inner.closed_within_us.load(Ordering::Relaxed);
        let closed_within_us = (measured != NOT_MEASURED).then_some(measured);
        GatesStatus { closed_within_us, ..self.gates().status() }
    }

    /// Returns what a strategy may send as far as halts and pauses go.
    #[must_use]
    pub fn gate(&self, id: &StrategyId) -> Gate {
        self.gates().of(id)
    }

    /// A part says that a cause stands; when it returns nothing passes by the older gates. Saying it again changes
    /// nothing.
    pub fn raise(&self, cause: Cause, reason: &str, actor: &str) {
        let reason = words::bounded(reason);
        let why = Why { reason, actor: actor.to_owned(), since: self.now() };
        self.apply_alone(Input::Raise { cause, why });
    }

    /// A part says that its cause is no more.
    pub fn over(&self, cause: Cause) {
        self.apply_alone(Input::Over { cause, at: self.now() });
    }

    /// Time has passed: outages that have healed may be forgotten.
    fn tick(&self) {
        self.apply_alone(Input::Tick { at: self.now(), rule: self.inner.args.rule });
    }

    /// Takes in what a look at the signal file found. A file that cannot be read halts too: it is there.
    fn saw_file(&self, seen: &file::Seen) {
        let path = self.inner.args.file.as_ref();
        let name = path.map(|path| path.display().to_string()).unwrap_or_default();
        match seen {
            file::Seen::Gone => self.over(Cause::SignalFile),
            file::Seen::There(line) if line.is_empty() => {
                self.raise(Cause::SignalFile, &format!("{name} is there"), "signal_file");
            }
            file::Seen::There(line) => {
                let reason = format!("{name} says: {line}");
                self.raise(Cause::SignalFile, &reason, "signal_file");
            }
        }
    }

    /// Takes in what a part says, tells the runtimes and keeps it; nobody waits for an answer.
    fn apply_alone(&self, input: Input) {
        // No part resumes: nothing is refused.
        let Ok((effects, waiting)) = self.turn_switch(input) else { return };
        if effects.is_empty() {
            return;
        }
        self.keep(self.rows(&effects));
        let halts = self.clone();
        let began = Instant::now();
        let closes = effects.iter().any(|effect| matches!(effect, Effect::Raised(_)));
        tokio::spawn(async move {
            let told = await_told(waiting, began).await;
            halts.measured(&told, closes);
        });
    }

    /// Moves the gates and the switch, tells the runtimes, and says what has changed. Whoever sees the gates moved
    /// finds the runtimes told.
    fn turn_switch(&self, input: Input) -> Result<(Vec<Effect>, Waiting), StillThere> {
        let mut gates = self.gates();
        let before = gates.clone();
        let effects = gates.next(input)?;
        if !effects.is_empty() {
            self.inner.args.switch.set(&gates);
        }
        let waiting = if effects.is_empty() { Vec::new() } else { self.inner.args.switch.tell() };
        let after = gates.clone();
        drop(gates);
        for effect in &effects {
            self.say(effect, &before, &after);
        }
        Ok((effects, waiting))
    }

    /// Says on log and board what has changed.
    fn say(&self, effect: &Effect, before: &Gates, after: &Gates) {
        let told = words::told(effect, before, after);
        let name = match effect {
            Effect::Raised(cause) => {
                tracing::error!(
                    event.name = events::SERVICE_HALTED,
                    cause = cause.name(),
                    "{told}"
                );
                events::SERVICE_HALTED
            }
            Effect::Lifted(cause) => {
                tracing::info!(
                    event.name = events::SERVICE_RESUMED,
                    cause = cause.name(),
                    "{told}"
                );
                events::SERVICE_RESUMED
            }
            Effect::Paused(_) => {
                tracing::warn!(event.name = events::STRATEGY_PAUSED, "{told}");
                events::STRATEGY_PAUSED
            }
            Effect::Opened(_) => {
                tracing::info!(event.name = events::STRATEGY_RESUMED, "{told}");
                events::STRATEGY_RESUMED
            }
        };
        let strategy = words::strategy_of(effect);
        let at = self.inner.args.clock.now();
        let event = name.to_owned();
        self.inner.args.board.say(Recent { at, strategy, event, message: told });
    }

    fn measured(&self, told: &Told, closes: bool) {
        if closes {
            self.inner.closed_within_us.store(told.within_us, Ordering::Relaxed);
        }
        if !told.late.is_empty() {
            let late: Vec<&str> = told.late.iter().map(StrategyId::as_str).collect();
            tracing::error!(
                event.name = events::GATE_LATE,
                strategies = late.join(", "),
                "strategies have not taken in that their gate moved; the executor holds their orders back"
            );
        }
    }

    fn now(&self) -> Timestamp {
        let (wall, began) = self.inner.began;
        wall + began.elapsed()
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        // No code panics between two halves of a change, so a poisoned state is still whole.
        self.inner.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until every runtime has taken it in, or is gone, or has been given long enough.
async fn await_told(waiting: Waiting, began: Instant) -> Told {
    let until = began + TOLD_WITHIN;
    let (mut strategies, mut late) = (0, Vec::new());
    for (id, answer) in waiting {
        match tokio::time::timeout_at(until, answer).await {
            Ok(Ok(())) => strategies += 1,
            Ok(Err(_gone)) => {}
            Err(_elapsed) => late.push(id),
        }
    }
    let within_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Told { strategies, late, within_us }
}
