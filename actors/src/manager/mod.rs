//! StrategyManager: starts, stops and restarts strategies; a failure of one is judged by its own policy alone.
//!
//! owns: every strategy's phase, restart budget and present incarnation
//! takes: commands, the ends of what it started, and the deaths of its strategies
//! emits: runtimes, phases to the status board, lifecycle rows and what must outlive the process to the store
//! dies: never of a strategy; with its supervisor

mod commands;
mod config;
mod deaths;
mod entry;
mod go_on;
mod hang;
mod registry;
mod rollout;
mod safe_mode;
mod shadow;
mod standing;
mod steps;
mod work;

pub use deaths::COMPLETED;
pub use hang::Emergency;
pub use registry::{Build, Make, Registration, Restore, StrategyRegistry, TryBuild};
pub use rollout::Told;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ploy::config::Move;
use ploy::order::StrategyId;
use ploy::restart::Failure;
use ploy::status::Recent;
use ploy::time::Timestamp;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::bus::Ticket;
use crate::bus::command::{Request, RolloutRequest};
use crate::bus::safe_mode::Leave;
use crate::halt::Halts;
use crate::ports::config::{InForce, Wait};
use crate::ports::rollout::RolloutPast;
use crate::ports::{Clock, Row, StrategyRecord};
use crate::pulse::Pulses;
use crate::runtime::Surroundings;
use crate::telemetry::events;
use entry::Entry;
use hang::Watch;
use rollout::Rolling;
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
    /// What a look at the files of strategies changes; nothing new lets those that wait be looked at again.
    Config(Vec<Move>),
    /// Somebody wants to leave safe mode.
    LeaveSafeMode(Leave),
    /// Somebody asks what is in force of some strategies' settings.
    Standing(Wait, Vec<StrategyId>, oneshot::Sender<BTreeMap<StrategyId, InForce>>),
    /// End every strategy; answer when all have ended.
    Shutdown(oneshot::Sender<()>),
    /// Look whether a strategy hangs, and ask to be told again.
    Beat,
    /// Who runs a strategy now: for those who must end it from outside, past the manager.
    Who(StrategyId, oneshot::Sender<Option<ActorCell>>),
    /// Something that the manager started has come to its end.
    Done(StrategyId, u64, Outcome),
    /// Somebody asks about a version on its way, or decides about it.
    Decision(RolloutRequest),
    /// Something has happened to a roll-out of settings.
    Rollout(StrategyId, Told),
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
    TakenOver(Result<(), String>),
}

/// What the manager needs.
#[derive(Debug)]
pub struct Args {
    /// Which strategies there are.
    pub registry: StrategyRegistry,
    /// What earlier processes left.
    pub earlier: Earlier,
    /// Where runtimes stand.
    pub surroundings: Surroundings,
    /// How long an order takes to the venue: shadows trade on paper.
    pub latency: Duration,
    /// Whom it tells what all must be halted for.
    pub halts: Halts,
    /// Where runtimes run: strategies that burn the CPU must not starve feeds and executor.
    pub strategies: Handle,
    /// Where the pulses of all that must move are shown.
    pub pulses: Pulses,
    /// Whom it asks for the end of the process.
    pub emergency: Emergency,
    /// Why no strategy may start until a person says so.
    pub safe_mode: Option<String>,
    /// The machine's clock, for the history of settings and for safe mode.
    pub wall: fn() -> Timestamp,
}

/// What earlier processes left.
#[derive(Debug)]
pub struct Earlier {
    /// Who is wanted, who is halted.
    pub records: Vec<StrategyRecord>,
    /// How the roll-outs of settings stood.
    pub rollouts: Vec<RolloutPast>,
}

/// The manager's private memory.
pub struct State {
    myself: ActorRef<Msg>,
    around: Surroundings,
    latency: Duration,
    halts: Halts,
    strategies: Handle,
    entries: BTreeMap<StrategyId, Entry>,
    /// What earlier processes left of strategies that have no file.
    records: BTreeMap<StrategyId, StrategyRecord>,
    /// Those who wait to be told what is in force.
    asked: Vec<standing::Asked>,
    wall: fn() -> Timestamp,
    /// The same, of roll-outs.
    rollouts: BTreeMap<StrategyId, RolloutPast>,
    /// How a version that comes later is built.
    make: Make,
    booting: Vec<oneshot::Sender<()>>,
    ending: Vec<oneshot::Sender<()>>,
    is_ending: bool,
    watch: Watch,
    emergency: Emergency,
    safe_mode: Option<String>,
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
        let mut records: BTreeMap<_, _> = args
            .earlier
            .records
            .into_iter()
            .map(|record| (record.strategy.clone(), record))
            .collect();
        let of = |past: RolloutPast| (past.record.strategy.clone(), past);
        let mut rollouts: BTreeMap<_, _> = args.earlier.rollouts.into_iter().map(of).collect();
        let now = args.surroundings.clock.now();
        let entries: BTreeMap<_, _> = args
            .registry
            .iter()
            .map(|registration| {
                let id = registration.config.id.clone();
                let mut entry = Entry::new(registration.clone(), records.remove(&id), now);
                entry.config_since = Some((args.wall)());
                entry.rolling = Rolling::recall(&id, rollouts.remove(&id));
                (id, entry)
            })
            .collect();
        let state = State {
            myself,
            around: args.surroundings,
            latency: args.latency,
            halts: args.halts,
            strategies: args.strategies,
            entries,
            records,
            asked: Vec::new(),
            wall: args.wall,
            rollouts,
            make: args.registry.make(),
            booting: Vec::new(),
            ending: Vec::new(),
            is_ending: false,
            watch: Watch::new(args.pulses),
            emergency: args.emergency,
            safe_mode: args.safe_mode,
        };
        drop(state.myself.cast(Msg::Beat));
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
            Msg::Config(moves) => state.on_config(moves),
            Msg::LeaveSafeMode(leave) => state.on_leave_safe_mode(leave),
            Msg::Standing(wait, of, reply) => state.on_standing(wait, of, reply),
            Msg::Shutdown(reply) => state.on_shutdown(reply),
            Msg::Beat => state.on_beat(),
            Msg::Who(id, reply) => {
                let actor = state.entries.get(&id).and_then(|entry| entry.actor.as_ref());
                drop(reply.send(actor.map(ActorRef::get_cell))); // an asker that left is no failure
            }
            Msg::Done(id, incarnation, Outcome(step)) => {
                state.on_done(&id, incarnation, step).await;
            }
            Msg::Decision(request) => state.on_rollout_request(request),
            Msg::Rollout(id, told) => state.on_told(&id, told),
        }
        state.answer_waiting();
        state.answer_asked();
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
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                state.on_end(&cell, reason.as_deref());
            }
        }
        state.answer_waiting();
        state.answer_asked();
        Ok(())
    }
}

impl State {
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

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("entries", &self.entries).finish_non_exhaustive()
    }
}
