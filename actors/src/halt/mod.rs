//! Halts and pauses as they run: the one place that moves the switch, and keeps what must outlive the process.
//!
//! Whoever halts needs no actor to be well: a wish is granted by whoever asks, under a lock. First the switch moves,
//! so that no order passes any more; then the runtimes are told, so that their kernels decide by it; then it is
//! written down. What is opened is written down first: a process that dies in between comes up closed.

mod file;
mod words;

pub mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::halt::{Cause, Effect, Gates, GatesStatus, Input, ResumeRule, Scope, Why};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::status::Recent;
use ploy::time::Timestamp;
use tokio::time::Instant;

use crate::bus::Ticket;
use crate::bus::gates::{Switch, Waiting};
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::ports::gates::{Ask, Brake, Denied, GateRecord, Turned, Wish};
use crate::ports::{Clock as _, CommandRecord, Pending, Row, StoreError};
use crate::store::Store;
use crate::telemetry::events;

/// How long a strategy may take to take in that its gate has moved. Its orders are held back all the same.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// How long an answer waits for the disk. A person who halts must not wait for a store that hangs.
const STORED_WITHIN: Duration = Duration::from_secs(1);
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

    fn restore(&self, record: GateRecord) {
        let GateRecord { at, strategy, cause, gate, reason, actor } = record;
        let why = Why { reason, actor, since: at };
        let known = Cause::ALL.into_iter().find(|known| known.name() == cause);
        let mut gates = self.gates();
        if cause == words::PAUSE {
            let scope = strategy.map_or(Scope::All, Scope::One);
            drop(gates.next(Input::Pause { scope, gate, why }));
            return;
        }
        // A cause that this program does not know was a halt all the same.
        let cause = known.unwrap_or(Cause::Operator);
        tracing::error!(
            event.name = events::SERVICE_HALTED,
            cause = cause.name(),
            reason = why.reason,
            "still halted from an earlier run"
        );
        drop(gates.next(Input::Raise { cause, why }));
        // Its source says so if it is still there.
        drop(gates.next(Input::Over { cause, at: self.now() }));
    }

    /// Takes in what a part says, tells the runtimes and keeps it; nobody waits for an answer.
    fn apply_alone(&self, input: Input) {
        // No part resumes: nothing is refused.
        let Ok(effects) = self.turn_switch(input) else { return };
        if effects.is_empty() {
            return;
        }
        self.keep(self.rows(&effects));
        let waiting = self.inner.args.switch.tell();
        let halts = self.clone();
        let began = Instant::now();
        let closes = effects.iter().any(|effect| matches!(effect, Effect::Raised(_)));
        tokio::spawn(async move {
            let told = await_told(waiting, began).await;
            halts.measured(&told, closes);
        });
    }

    /// Moves the gates and the switch; says what has changed.
    fn turn_switch(&self, input: Input) -> Result<Vec<Effect>, ploy::halt::StillThere> {
        let mut gates = self.gates();
        let before = gates.clone();
        let effects = gates.next(input)?;
        if !effects.is_empty() {
            self.inner.args.switch.set(&gates);
        }
        let after = gates.clone();
        drop(gates);
        for effect in &effects {
            self.say(effect, &before, &after);
        }
        Ok(effects)
    }

    async fn grant(&self, ask: Ask) -> Result<Turned, Denied> {
        words::check(&ask)?;
        let _turn = self.inner.turn.lock().await;
        let answer = match &ask.wish {
            Wish::Halt => Ok(self.close(self.halt_input(&ask), &ask).await),
            Wish::Pause(scope, gate) if *gate != Gate::Open => {
                let (scope, gate) = (scope.clone(), *gate);
                let why = self.why(&ask);
                Ok(self.close(Input::Pause { scope, gate, why }, &ask).await)
            }
            Wish::Pause(scope, gate) => {
                let (scope, gate, why) = (scope.clone(), *gate, self.why(&ask));
                self.open_up(Input::Pause { scope, gate, why }, &ask).await
            }
            Wish::Resume => self.open_up(Input::Resume, &ask).await,
        };
        // A resume of one strategy is the manager's to note, unless it ended a pause.
        let is_idle = matches!((&ask.wish, &answer), (Wish::Pause(_, Gate::Open), Ok(turned)) if !turned.changed);
        let (accepted, said) = match &answer {
            Ok(turned) => (true, turned.said.clone()),
            Err(denied) => (false, denied.to_string()),
        };
        if is_idle {
            tracing::debug!("{said}");
        } else if accepted {
            tracing::info!(
                event.name = events::COMMAND_ACCEPTED,
                action = words::action(&ask.wish),
                actor = ask.actor,
                reason = ask.reason,
                "command accepted"
            );
        } else {
            tracing::warn!(
                event.name = events::COMMAND_REFUSED,
                action = words::action(&ask.wish),
                actor = ask.actor,
                reason = ask.reason,
                "{said}"
            );
        }
        if !is_idle {
            self.keep(vec![Row::Command(self.audit(&ask, &said))]);
        }
        answer
    }

    fn halt_input(&self, ask: &Ask) -> Input {
        Input::Raise { cause: Cause::Operator, why: self.why(ask) }
    }

    /// Closes: the switch first, then the kernels, and the disk meanwhile.
    async fn close(&self, input: Input, ask: &Ask) -> Turned {
        let began = Instant::now();
        let before = self.gates().clone();
        let effects = self.turn_switch(input).unwrap_or_default();
        let waiting = self.inner.args.switch.tell();
        let rows = self.rows(&effects);
        let (told, is_stored) = tokio::join!(await_told(waiting, began), self.store(rows.clone()));
        self.measured(&told, !effects.is_empty());
        let mut durable = is_stored;
        let mut note = String::new();
        if !is_stored {
            self.keep(rows);
            note = self.without_store(ask).await;
            durable = note.contains("written to");
        }
        let said = format!("{}{note}", words::closed(&ask.wish, &before, &self.gates()));
        self.turned(!effects.is_empty(), said, told, durable)
    }

    /// Opens: what is to be opened is written down first.
    async fn open_up(&self, input: Input, ask: &Ask) -> Result<Turned, Denied> {
        let began = Instant::now();
        let before = self.gates().clone();
        let effects = before.clone().next(input.clone()).map_err(Denied::StillThere)?;
        if !effects.is_empty() && !self.store(rows_of(&effects, &before, &self.why(ask))).await {
            let error = self.inner.args.store.status().last_error;
            return Err(Denied::NotStored(
                error.unwrap_or_else(|| "it does not answer".to_owned()),
            ));
        }
        let effects = self.turn_switch(input).map_err(|still| {
            // Something came meanwhile: what was written as over is not.
            let standing = self.standing();
            self.keep(standing);
            Denied::StillThere(still)
        })?;
        let told = await_told(self.inner.args.switch.tell(), began).await;
        let said = words::opened(&ask.wish, &before, &self.gates(), &effects);
        Ok(self.turned(!effects.is_empty(), said, told, true))
    }

    fn turned(&self, changed: bool, said: String, told: Told, durable: bool) -> Turned {
        let Told { strategies, late, within_us } = told;
        Turned { changed, said, gate: self.gates().all(), strategies, late, within_us, durable }
    }

    /// The store could not take a halt: the signal file keeps it, so that the next process comes up halted. It is
    /// written as soon as the store takes rows again, too.
    async fn without_store(&self, ask: &Ask) -> String {
        let waits = "; it is not stored yet, and will be when the store takes rows again";
        let (Wish::Halt, Some(path)) = (&ask.wish, self.inner.args.file.clone()) else {
            return waits.to_owned();
        };
        let line = format!("halted by {}: {}\n", ask.actor, ask.reason);
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || file::write(&path, &line)).await;
        match written {
            Ok(Ok(())) => {
                format!(
                    "; the store cannot keep it, so it was written to {shown}: remove that file before you resume"
                )
            }
            Ok(Err(error)) => {
                tracing::error!(event.name = events::HALT_UNWRITTEN, path = shown, error.message = %error,
                    "a halt can be written neither to the store nor to the signal file");
                format!("{waits}; {shown} cannot be written either: {error}")
            }
            Err(error) => format!("{waits}; {shown} was not written: {error}"),
        }
    }

    /// Stores rows at once. Returns whether they are on the disk.
    async fn store(&self, rows: Vec<Row>) -> bool {
        if rows.is_empty() {
            return true;
        }
        let stored = tokio::time::timeout(STORED_WITHIN, self.inner.args.store.commit(rows)).await;
        matches!(stored, Ok(Ok(())))
    }

    /// Queues rows; they are written when the store can.
    fn keep(&self, rows: Vec<Row>) {
        for row in rows {
            if let Err(error) = self.inner.args.store.record(row, Ticket::none()) {
                tracing::error!(event.name = events::STORE_FULL, error.message = %error,
                    "a record could not be queued");
            }
        }
    }

    fn rows(&self, effects: &[Effect]) -> Vec<Row> {
        let by = Why { reason: "healed".to_owned(), actor: "auto".to_owned(), since: self.now() };
        let gates = self.gates();
        rows_of(effects, &gates, &by)
    }

    /// Returns all that holds orders back now, as rows.
    fn standing(&self) -> Vec<Row> {
        let status = self.gates().status();
        let halts =
            status.halts.into_iter().map(|halt| (None, halt.cause.name(), halt.gate, halt.why));
        let pauses =
            status.pauses.into_iter().map(|one| (one.strategy, words::PAUSE, one.gate, one.why));
        halts
            .chain(pauses)
            .map(|(strategy, cause, gate, why)| row(strategy, cause, gate, &why))
            .collect()
    }

    fn audit(&self, ask: &Ask, said: &str) -> CommandRecord {
        CommandRecord {
            at: self.inner.args.clock.now(),
            actor: ask.actor.clone(),
            strategy: words::subject(&ask.wish),
            action: words::action(&ask.wish).to_owned(),
            answer: format!("{said} (reason: {})", ask.reason),
        }
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

    fn why(&self, ask: &Ask) -> Why {
        Why { reason: ask.reason.clone(), actor: ask.actor.clone(), since: self.now() }
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

impl Brake for Halts {
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Turned, Denied>> {
        Box::pin(self.grant(ask))
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

/// Returns what effects mean to the next process. What is over is told with who ended it.
fn rows_of(effects: &[Effect], after: &Gates, by: &Why) -> Vec<Row> {
    let row_of = |effect: &Effect| match effect {
        Effect::Raised(cause) => {
            let why = after.halt(*cause).unwrap_or(by);
            row(None, cause.name(), cause.gate(), why)
        }
        Effect::Lifted(cause) => row(None, cause.name(), Gate::Open, by),
        Effect::Paused(scope) => {
            let (gate, why) = after.pause_of(scope).unwrap_or((Gate::Closed, by));
            row(words::one(scope), words::PAUSE, gate, why)
        }
        Effect::Opened(scope) => row(words::one(scope), words::PAUSE, Gate::Open, by),
    };
    effects.iter().map(row_of).collect()
}

fn row(strategy: Option<StrategyId>, cause: &str, gate: Gate, why: &Why) -> Row {
    let Why { reason, actor, since: at } = why.clone();
    Row::Gate(GateRecord { at, strategy, cause: cause.to_owned(), gate, reason, actor })
}
