//! StrategyManager: starts, stops and restarts strategies; a failure of one is judged by its own policy alone.
//!
//! owns: every strategy's phase, restart budget and present incarnation
//! takes: commands, the ends of what it started, and the deaths of its strategies
//! emits: runtimes, phases to the status board, lifecycle rows and what must outlive the process to the store
//! dies: never of a strategy; with its supervisor

mod entry;
mod registry;
mod work;

pub use registry::{Build, Registration, StrategyRegistry};

use std::collections::BTreeMap;

use ploy::command::{Accepted, Action, Command, Refusal};
use ploy::lifecycle::{Effect, Input, Phase};
use ploy::order::StrategyId;
use ploy::restart::{Failure, FailureClass, Verdict};
use ploy::status::Recent;
use ploy::time::Timestamp;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::bus::Ticket;
use crate::bus::command::Request;
use crate::clock::Sleeper;
use crate::ports::{Clock, CommandRecord, ErrorRecord, LifecycleRecord, Row, StrategyRecord};
use crate::runtime::{self, Died, StrategyRuntime, Surroundings};
use crate::telemetry::events;
use entry::Entry;
use work::{Built, Ended};

/// Starts, stops and restarts strategies.
#[derive(Debug)]
pub struct StrategyManager;

/// What the manager is told.
#[derive(Debug)]
pub enum Msg {
    /// Start every strategy that is wanted; answer when none is on its way any more.
    Boot(oneshot::Sender<()>),
    /// Somebody asks for something.
    Command(Request),
    /// End every strategy; answer when all have ended.
    Shutdown(oneshot::Sender<()>),
    /// Something that the manager started has come to its end.
    Done(StrategyId, u64, Outcome),
}

/// How something ended that the manager started.
#[derive(Debug)]
pub struct Outcome(Step);

#[derive(Debug)]
enum Step {
    Built(Result<Box<Built>, Failure>, Ticket),
    Warm(Ticket),
    Ended(Box<Ended>),
    Retry(Ticket),
}

/// What the manager needs.
#[derive(Debug)]
pub struct Args {
    /// Which strategies there are.
    pub registry: StrategyRegistry,
    /// What earlier processes left: who is wanted, who is halted.
    pub records: Vec<StrategyRecord>,
    /// Where runtimes stand.
    pub surroundings: Surroundings,
    /// Where runtimes run: strategies that burn the CPU must not starve feeds and executor.
    pub strategies: Handle,
}

/// The manager's private memory.
#[derive(Debug)]
pub struct State {
    myself: ActorRef<Msg>,
    around: Surroundings,
    strategies: Handle,
    entries: BTreeMap<StrategyId, Entry>,
    booting: Vec<oneshot::Sender<()>>,
    ending: Vec<oneshot::Sender<()>>,
    is_ending: bool,
}

impl Actor for StrategyManager {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let mut records: BTreeMap<_, _> =
            args.records.into_iter().map(|record| (record.strategy.clone(), record)).collect();
        let entries: BTreeMap<_, _> = args
            .registry
            .iter()
            .map(|registration| {
                let id = registration.config.id.clone();
                let entry = Entry::new(registration.clone(), records.remove(&id));
                (id, entry)
            })
            .collect();
        let state = State {
            myself,
            around: args.surroundings,
            strategies: args.strategies,
            entries,
            booting: Vec::new(),
            ending: Vec::new(),
            is_ending: false,
        };
        let now = state.now();
        state.entries.values().for_each(|entry| state.around.board.strategy(entry.status(now)));
        Ok(state)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Boot(reply) => state.on_boot(reply),
            Msg::Command(request) => state.on_command(request),
            Msg::Shutdown(reply) => state.on_shutdown(reply),
            Msg::Done(id, incarnation, Outcome(step)) => {
                state.on_done(&id, incarnation, step).await;
            }
        }
        state.answer_waiting();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
            SupervisionEvent::ActorFailed(cell, error) => state.on_death(&cell, error),
            SupervisionEvent::ActorTerminated(cell, _, reason) => state.on_end(&cell, reason),
        }
        state.answer_waiting();
        Ok(())
    }
}

impl State {
    fn on_boot(&mut self, reply: oneshot::Sender<()>) {
        let wanted: Vec<StrategyId> = self
            .entries
            .values()
            .filter(|entry| entry.is_wanted() && entry.phase == Phase::Stopped)
            .map(|entry| entry.id().clone())
            .collect();
        for id in wanted {
            self.step(&id, &Input::Start, "it is wanted", Ticket::none());
        }
        for entry in self.entries.values() {
            if let Phase::Halted { cause } = &entry.phase {
                tracing::error!(event.name = events::STRATEGY_HALTED, strategy.id = %entry.id(),
                    cause, "still halted from an earlier run");
            }
        }
        self.booting.push(reply);
    }

    fn on_command(&mut self, request: Request) {
        let Request { command, reply } = request;
        let answer = self.command(&command);
        let said = match &answer {
            Ok(accepted) => {
                tracing::info!(event.name = events::COMMAND_ACCEPTED, strategy.id = %command.strategy,
                    action = command.action.name(), actor = command.actor, "command accepted");
                format!("accepted: {}", accepted.phase)
            }
            Err(refusal) => {
                tracing::warn!(event.name = events::COMMAND_REFUSED, strategy.id = %command.strategy,
                    action = command.action.name(), actor = command.actor, "{refusal}");
                refusal.to_string()
            }
        };
        self.store(Row::Command(CommandRecord {
            at: self.now(),
            actor: command.actor,
            strategy: command.strategy.to_string(),
            action: command.action.name().to_owned(),
            answer: said,
        }));
        drop(reply.send(answer)); // an asker that left is no failure
    }

    fn command(&mut self, command: &Command) -> Result<Accepted, Refusal> {
        let id = &command.strategy;
        if self.is_ending {
            return Err(Refusal::Unavailable);
        }
        if !self.entries.contains_key(id) {
            let known: Vec<&str> = self.entries.keys().map(StrategyId::as_str).collect();
            return Err(Refusal::NotFound(id.to_string(), known.join(", ")));
        }
        let Some(entry) = self.entries.get_mut(id) else { return Err(Refusal::Unavailable) };
        if let (Action::Resume, Phase::Running, Some(actor)) =
            (command.action, &entry.phase, &entry.actor)
        {
            drop(actor.cast(runtime::Msg::Release));
            return Ok(Accepted { strategy: id.clone(), phase: entry.phase.name().to_owned() });
        }
        entry.phase.next(&command.action.input())?;
        entry.wanted = Some(command.action != Action::Stop);
        match command.action {
            Action::Start | Action::Stop => {}
            Action::Restart => entry.count_restart("operator"),
            Action::Resume => entry.count_restart("resume"),
        }
        let why = format!("{} by {}", command.action.name(), command.actor);
        self.step(id, &command.action.input(), &why, Ticket::none());
        let phase = self.entries.get(id).map_or("unknown", |entry| entry.phase.name());
        Ok(Accepted { strategy: id.clone(), phase: phase.to_owned() })
    }

    fn on_shutdown(&mut self, reply: oneshot::Sender<()>) {
        self.is_ending = true;
        let ids: Vec<StrategyId> = self.entries.keys().cloned().collect();
        for id in ids {
            self.around.clock.cancel(&Sleeper::Retry(id.as_str().to_owned()));
            let can = self.entries.get(&id).is_some_and(|e| e.phase.next(&Input::Stop).is_ok());
            if can {
                self.step(&id, &Input::Stop, "the service ends", Ticket::none());
            }
        }
        self.ending.push(reply);
    }

    async fn on_done(&mut self, id: &StrategyId, incarnation: u64, step: Step) {
        let current = self.entries.get(id).map(|entry| entry.incarnation);
        if current != Some(incarnation) {
            return; // of an incarnation that is no more
        }
        match step {
            Step::Built(Ok(built), ticket) => self.on_built(id, *built, ticket).await,
            Step::Built(Err(failure), ticket) => self.on_failure(id, &failure, ticket),
            Step::Warm(ticket) => self.step(id, &Input::Warm, "it has what is known", ticket),
            Step::Ended(ended) => self.on_ended(id, *ended),
            Step::Retry(ticket) => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.count_restart("failure");
                }
                self.step(id, &Input::Retry, "its wait is over", ticket);
            }
        }
    }

    async fn on_built(&mut self, id: &StrategyId, built: Built, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id).filter(|e| e.phase == Phase::Starting) else {
            return; // stopped meanwhile: the build is thrown away
        };
        let args = runtime::Args {
            kernel: built.kernel,
            incarnation: entry.incarnation,
            mailbox: built.mailbox,
            surroundings: self.around.clone(),
        };
        let cell = self.myself.get_cell();
        let spawn = async move { Actor::spawn_linked(None, StrategyRuntime, args, cell).await };
        match self.strategies.spawn(spawn).await {
            Ok(Ok((actor, _handle))) => {
                entry.actor = Some(actor.clone());
                let incarnation = entry.incarnation;
                self.step(id, &Input::Spawned, "it was built", Ticket::none());
                self.await_warm(id.clone(), incarnation, &actor, ticket);
            }
            Ok(Err(error)) => {
                let failure = Failure { class: FailureClass::Panic, message: error.to_string() };
                self.on_failure(id, &failure, ticket);
            }
            Err(error) => {
                let failure = Failure { class: FailureClass::Panic, message: error.to_string() };
                self.on_failure(id, &failure, ticket);
            }
        }
    }

    /// A report is answered after everything that waited before it has been taken in.
    fn await_warm(
        &self,
        id: StrategyId,
        incarnation: u64,
        actor: &ActorRef<runtime::Msg>,
        ticket: Ticket,
    ) {
        let (reply, reported) = oneshot::channel();
        drop(actor.cast(runtime::Msg::Report(reply)));
        let myself = self.myself.clone();
        tokio::spawn(async move {
            if reported.await.is_ok() {
                drop(myself.cast(Msg::Done(id, incarnation, Outcome(Step::Warm(ticket)))));
            }
        });
    }

    fn on_ended(&mut self, id: &StrategyId, ended: Ended) {
        let now = self.now();
        if !ended.settled {
            let message = "its open orders did not come to an end in time".to_owned();
            tracing::error!(event.name = events::STRATEGY_FAILED, strategy.id = %id, "{message}");
            let part = "manager".to_owned();
            self.store(Row::Error(ErrorRecord {
                at: now,
                strategy: Some(id.clone()),
                part,
                message,
            }));
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.actor = None;
            entry.memory = ended.memory.unwrap_or_else(|| std::mem::take(&mut entry.memory));
        }
        self.step(id, &Input::Settled { now }, "its orders are settled", ended.ticket);
    }

    /// A runtime has failed: of something it says, or of a panic outside its kernel.
    fn on_death(&mut self, cell: &ActorCell, error: ActorProcessingErr) {
        let Some(id) = self.whose(cell) else { return };
        let (failure, memory, ticket) = match error.downcast::<Died>() {
            Ok(died) => {
                let ticket = died.ticket.take();
                (died.failure, Some(*died.memory), ticket)
            }
            Err(other) => {
                let failure = Failure { class: FailureClass::Panic, message: other.to_string() };
                (failure, None, Ticket::none())
            }
        };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.actor = None;
            if let Some(memory) = memory {
                entry.memory = memory;
            }
        }
        self.on_failure(&id, &failure, ticket);
    }

    /// A runtime has ended without failing: as asked, or nobody knows why.
    fn on_end(&mut self, cell: &ActorCell, reason: Option<String>) {
        let Some(id) = self.whose(cell) else { return };
        let asked = self.entries.get(&id).is_some_and(|entry| match entry.phase {
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => false,
            Phase::Backoff { .. } | Phase::Halted { .. } => false,
        });
        if !asked {
            let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
            let message = format!("ended without being asked: {reason}");
            let failure = Failure { class: FailureClass::Error, message };
            self.on_failure(&id, &failure, Ticket::none());
        }
    }

    fn on_failure(&mut self, id: &StrategyId, failure: &Failure, ticket: Ticket) {
        let now = self.now();
        let message = format!("{} ({})", failure.message, failure.class.name());
        tracing::error!(event.name = events::STRATEGY_FAILED, strategy.id = %id,
            error.r#type = failure.class.name(), error.message = failure.message, "strategy failed");
        self.say(id, events::STRATEGY_FAILED, format!("failed: {message}"));
        let part = "runtime".to_owned();
        let record = ErrorRecord { at: now, strategy: Some(id.clone()), part, message };
        self.store(Row::Error(record));
        let Some(entry) = self.entries.get_mut(id) else { return };
        let verdict = entry.judge(failure, now);
        let why = match &verdict {
            Verdict::Retry { attempt, delay } => {
                format!("{}; try {attempt} in {} ms", failure.class.name(), delay.as_millis())
            }
            Verdict::Halt { cause } => format!("halts: {cause}"),
        };
        if entry.phase.next(&Input::Failed(verdict.clone())).is_ok() {
            self.step(id, &Input::Failed(verdict), &why, ticket);
        }
    }

    /// Moves a strategy and does what the move asks for. The ticket goes on to what the move starts.
    fn step(&mut self, id: &StrategyId, input: &Input, why: &str, ticket: Ticket) {
        let now = self.now();
        let Some(entry) = self.entries.get_mut(id) else { return };
        let (effect, record) = match entry.step(input, why, now) {
            Ok(moved) => moved,
            Err(refusal) => {
                tracing::debug!(strategy.id = %id, "{refusal}");
                return;
            }
        };
        let moved = record.from != record.to;
        let halted = record.to == "halted" || record.from == "halted";
        let said = format!("{} → {}: {}", record.from, record.to, record.why);
        let (status, lasting) = (entry.status(now), entry.record(now));
        self.around.board.strategy(status);
        if moved {
            if let Some(name) = log_phase(id, &record) {
                self.say(id, name, said);
            }
            self.store(Row::Lifecycle(record));
        }
        if halted || matches!(input, Input::Start | Input::Stop | Input::Restart) {
            self.store(Row::Intent(lasting));
        }
        match effect {
            None => drop(ticket),
            Some(Effect::Spawn) => self.build(id, ticket),
            Some(Effect::EndAndSettle) => self.end(id, ticket),
            Some(Effect::ScheduleRetry) => self.schedule_retry(id, ticket),
        }
    }

    fn build(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.incarnation += 1;
        let incarnation = entry.incarnation;
        let work = work::build(
            entry.registration.clone(),
            incarnation,
            entry.memory.clone(),
            self.around.clone(),
            ticket.clone(),
        );
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Built(work.await.map(Box::new), ticket);
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    fn end(&mut self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let incarnation = entry.incarnation;
        let grace = entry.registration.config.restart.stop_grace;
        let actor = entry.actor.clone();
        let work = work::end(id.clone(), actor, grace, self.around.clone(), ticket);
        let (myself, id) = (self.myself.clone(), id.clone());
        tokio::spawn(async move {
            let step = Step::Ended(Box::new(work.await));
            drop(myself.cast(Msg::Done(id, incarnation, Outcome(step))));
        });
    }

    fn schedule_retry(&self, id: &StrategyId, ticket: Ticket) {
        let Some(entry) = self.entries.get(id) else { return };
        let Phase::Backoff { until, .. } = entry.phase else { return };
        let (myself, incarnation, of) = (self.myself.clone(), entry.incarnation, id.clone());
        let alarm = move |_at: Timestamp, ticket| {
            drop(myself.cast(Msg::Done(of, incarnation, Outcome(Step::Retry(ticket)))));
        };
        let sleeper = Sleeper::Retry(id.as_str().to_owned());
        self.around.clock.wake_at(until, sleeper, Box::new(alarm));
        drop(ticket);
    }

    /// Answers those who wait for all to be started, or for all to have ended.
    fn answer_waiting(&mut self) {
        let on_its_way = |entry: &Entry| matches!(entry.phase, Phase::Starting | Phase::Warming);
        if !self.entries.values().any(on_its_way) {
            self.booting.drain(..).for_each(|reply| reply.send(()).unwrap_or_default());
        }
        let lives = |entry: &Entry| match entry.phase {
            Phase::Stopped | Phase::Halted { .. } | Phase::Backoff { .. } => false,
            Phase::Starting | Phase::Warming | Phase::Running => true,
            Phase::Stopping { .. } | Phase::Quarantine { .. } => true,
        };
        if self.is_ending && !self.entries.values().any(lives) {
            self.ending.drain(..).for_each(|reply| reply.send(()).unwrap_or_default());
        }
    }

    fn whose(&self, cell: &ActorCell) -> Option<StrategyId> {
        let is = |entry: &&Entry| entry.actor.as_ref().is_some_and(|a| a.get_id() == cell.get_id());
        self.entries.values().find(is).map(|entry| entry.id().clone())
    }

    fn now(&self) -> Timestamp {
        self.around.clock.now()
    }

    fn say(&self, id: &StrategyId, event: &str, message: String) {
        let recent =
            Recent { at: self.now(), strategy: Some(id.clone()), event: event.to_owned(), message };
        self.around.board.say(recent);
    }

    fn store(&self, row: Row) {
        if let Err(error) = self.around.store.record(row, Ticket::none()) {
            tracing::error!(event.name = events::STORE_FULL, error.message = %error,
                "a record could not be queued");
        }
    }
}

/// Logs that a strategy has reached a phase. Returns the event's name; a phase in passing has none.
fn log_phase(id: &StrategyId, record: &LifecycleRecord) -> Option<&'static str> {
    let LifecycleRecord { from, to, why, .. } = record;
    match to.as_str() {
        "running" => {
            tracing::info!(event.name = events::STRATEGY_STARTED, strategy.id = %id, why, "strategy runs");
            Some(events::STRATEGY_STARTED)
        }
        "stopped" => {
            tracing::info!(event.name = events::STRATEGY_STOPPED, strategy.id = %id, why, "strategy has stopped");
            Some(events::STRATEGY_STOPPED)
        }
        "backoff" => {
            tracing::warn!(event.name = events::STRATEGY_BACKOFF, strategy.id = %id, why, "strategy waits for its next try");
            Some(events::STRATEGY_BACKOFF)
        }
        "halted" => {
            tracing::error!(event.name = events::STRATEGY_HALTED, strategy.id = %id, why, "strategy is halted");
            Some(events::STRATEGY_HALTED)
        }
        _ => {
            tracing::debug!(strategy.id = %id, from, to, why, "strategy moves on");
            None
        }
    }
}
