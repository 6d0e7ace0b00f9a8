//! StrategyRuntime: runs one strategy's kernel on what waits for it, and carries what it decides on.
//!
//! owns: the kernel of one incarnation of one strategy
//! takes: market events, its own order events and timers by its mailbox; requests to report
//! emits: approved orders to the executor, decisions to the store, its state to the status board, its pulse
//! dies: of a panic or a fault of its strategy, of books that do not add up, when it cannot keep up, or when stopped;
//! one that hangs is killed by the manager

mod died;
mod drill;
mod effects;
mod meter;
mod poison;
pub(crate) mod records;
mod take_over;
mod work;

pub use died::{Died, Will};
pub use drill::undergo_start;
pub use meter::Meter;
pub use poison::describe;

use std::sync::Arc;

use ploy::config::StrategyConfig;
use ploy::event::{Kind, MarketEvent};
use ploy::kernel::{Checkpoint, Effect, Input, Kernel, Memory};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;
use ploy::restart::FailureClass;
use ploy::strategy::drill::Ordeal;
use ploy::strategy::fault::Fault;
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::bus::Ticket;
use crate::bus::event::{Delivery, EventBus, Mailbox};
use crate::bus::gates::Switch;
use crate::bus::status::StatusBus;
use crate::clock::{EventClock, Sleeper};
use crate::executor::ExecutorHandle;
use crate::ledger::AccountLedger;
use crate::panics;
use crate::ports::Clock;
use crate::pulse::Pulse;
use crate::record::{Recorder, Track};
use crate::store::Store;
use poison::Poison;

/// One strategy that runs.
#[derive(Debug)]
pub struct StrategyRuntime;

/// What a runtime is told.
#[derive(Debug)]
pub enum Msg {
    /// Something waits in its mailbox.
    Ready,
    /// Write how you are on the board.
    Report(oneshot::Sender<()>),
    /// Its phase lets so much pass from now on.
    Gate(Gate),
    /// Halts or pauses have changed; the answer is given when the kernel knows.
    Regate(oneshot::Sender<()>),
    /// A person released the breaker.
    Release,
    /// Go on by these settings from here on, with all you know, and count where they are on trial. The answer says
    /// why it cannot be.
    TakeOver(Box<StrategyConfig>, Option<Arc<Meter>>, oneshot::Sender<Result<(), String>>),
    /// Say all that your next decisions depend on.
    Checkpoint(oneshot::Sender<Box<Checkpoint>>),
    /// Count here what you want and are refused, or nowhere any more.
    Watch(Option<Arc<Meter>>),
    /// Say what your next incarnation must remember. The runtime is about to be stopped.
    Remember(oneshot::Sender<Memory>),
}

/// Where a runtime stands in the service.
#[derive(Clone)]
pub struct Surroundings {
    /// Carries events.
    pub bus: EventBus,
    /// Takes approved orders.
    pub executor: ExecutorHandle,
    /// Keeps facts.
    pub store: Store,
    /// The account's books.
    pub ledger: AccountLedger,
    /// The guard of the whole account.
    pub account: crate::account::Account,
    /// Takes what strategies consume.
    pub recorder: Recorder,
    /// Event time.
    pub clock: EventClock,
    /// The status board.
    pub board: StatusBus,
    /// What halts and pauses let pass.
    pub gates: Switch,
}

/// What a runtime is built of.
#[derive(Debug)]
pub struct Args {
    /// The kernel, with its history.
    pub kernel: Kernel,
    /// Which incarnation of the strategy it is.
    pub incarnation: u64,
    /// What waits for it.
    pub mailbox: Arc<Mailbox>,
    /// What it takes in is written down here.
    pub track: Track,
    /// The version of its settings.
    pub settings: String,
    /// Counts what it wants and is refused, while its settings are on trial.
    pub meter: Option<Arc<Meter>>,
    /// What it works on is shown here.
    pub pulse: Arc<Pulse>,
    /// What its next incarnation must remember is left here, should it be killed between two inputs.
    pub will: oneshot::Sender<Will>,
    /// Market events at which earlier incarnations died: they are set aside.
    pub poison: Vec<MarketEvent>,
    /// Where it stands.
    pub surroundings: Surroundings,
}

/// A runtime's private memory.
#[derive(Debug)]
pub struct State {
    kernel: Kernel,
    id: StrategyId,
    incarnation: u64,
    mailbox: Arc<Mailbox>,
    track: Track,
    settings: String,
    meter: Option<Arc<Meter>>,
    pulse: Arc<Pulse>,
    will: Option<oneshot::Sender<Will>>,
    poison: Poison,
    /// What its strategy must undergo before its next input.
    ordeal: Option<Ordeal>,
    /// Memory that an ordeal took.
    ballast: Vec<Vec<u8>>,
    /// Whether its kernel is within an input: what it holds then may be half changed.
    is_torn: bool,
    around: Surroundings,
    /// What its phase lets pass.
    allowed: Gate,
    /// What its kernel was told; nothing while it does not know what time it is: its mailbox begins with what was
    /// true before it was built.
    told: Option<Gate>,
    /// Whether it has said what must be remembered: what it would decide after that, nobody would know of.
    is_over: bool,
    asked: Option<Timestamp>,
    conflated: u64,
    missed: u64,
    effects: Vec<Effect>,
}

impl Actor for StrategyRuntime {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let Args { kernel, incarnation, mailbox, track, settings, .. } = args;
        let (meter, pulse, will, poison) = (args.meter, args.pulse, args.will, args.poison);
        let around = args.surroundings;
        let ready = myself.clone();
        mailbox.attach(Box::new(move || drop(ready.cast(Msg::Ready))));
        let id = kernel.id().clone();
        let reporting = myself.clone();
        let ask = move |done| drop(reporting.cast(Msg::Report(done)));
        around.board.reporter(&id, Box::new(ask));
        let telling = myself.clone();
        let tell = move |done| drop(telling.cast(Msg::Regate(done)));
        around.gates.listen(&id, Box::new(tell));
        let effects = Vec::new();
        Ok(State {
            kernel,
            id,
            incarnation,
            mailbox,
            track,
            settings,
            meter,
            pulse,
            will: Some(will),
            poison: Poison::of(poison),
            ordeal: None,
            ballast: Vec::new(),
            is_torn: false,
            around,
            allowed: Gate::Open,
            told: None,
            is_over: false,
            asked: None,
            conflated: 0,
            missed: 0,
            effects,
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let now = state.around.clock.now();
        state.pulse.begin(msg.work());
        match msg {
            Msg::Ready => state.on_ready(now).await?,
            Msg::Report(done) => {
                state.report();
                if !state.is_over {
                    state.around.ledger.compare(&state.id, state.kernel.portfolio());
                }
                done.send(()).ok(); // an asker that left is no failure
            }
            Msg::Gate(gate) => {
                state.allowed = gate;
                state.on_gates(now)?;
            }
            Msg::Regate(done) => {
                state.on_gates(now)?;
                done.send(()).ok(); // an asker that left is no failure
            }
            Msg::Release => state.take(&Input::Release { at: now }, &Ticket::none())?,
            Msg::TakeOver(config, meter, reply) => {
                drop(reply.send(state.on_take_over(&config, meter)));
            }
            Msg::Checkpoint(reply) => drop(reply.send(Box::new(state.kernel.checkpoint()))),
            Msg::Watch(meter) => state.meter = meter,
            Msg::Remember(reply) => {
                state.report();
                let memory = state.kernel.memory();
                if !std::mem::replace(&mut state.is_over, true) {
                    state.track.end(&memory, None);
                    state.remember(Vec::new(), &Ticket::none());
                }
                drop(reply.send(memory));
            }
        }
        state.undergo(None).await;
        state.pulse.rest();
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.around.clock.cancel(&state.sleeper());
        Ok(())
    }
}

impl State {
    /// Takes in everything that waits, in order.
    async fn on_ready(&mut self, now: Timestamp) -> Result<(), Died> {
        if self.told.is_none() {
            self.on_gates(now)?;
        }
        let batch = self.mailbox.take();
        self.conflated += batch.conflated;
        self.missed += batch.missed;
        if self.mailbox.has_overflowed() {
            let message = "more waits for it than it may hold: it does not keep up".to_owned();
            return Err(self.died(FailureClass::Error, message, Ticket::none()));
        }
        if batch.missed != 0 {
            let gap = MarketEvent { at: now, kind: Kind::Gap { missed: batch.missed } };
            self.take(&Input::Market(gap), &Ticket::none())?;
        }
        // All tickets are held until the clock knows when the next timer is due.
        let mut tickets = Vec::with_capacity(batch.items.len());
        for delivery in batch.items {
            let (input, ticket) = match delivery {
                Delivery::Market(event, ticket) if self.poison.is(&event) => {
                    self.set_aside(&event, &ticket);
                    tickets.push(ticket);
                    continue;
                }
                Delivery::Market(event, ticket) => (Input::Market(event), ticket),
                Delivery::Order(event, ticket) => (Input::Order(*event), ticket),
                Delivery::Timer(at, ticket) => {
                    self.asked = None;
                    (Input::Timer(at), ticket)
                }
                Delivery::Save(ticket) => {
                    self.remember(Vec::new(), &ticket);
                    tickets.push(ticket);
                    continue;
                }
            };
            self.take(&input, &ticket)?;
            self.undergo(Some(&input)).await;
            tickets.push(ticket);
        }
        self.ask();
        Ok(())
    }

    /// Tells the kernel the strictest of what its phase, halts and pauses let pass, where that is news.
    fn on_gates(&mut self, now: Timestamp) -> Result<(), Died> {
        let gate = self.allowed.max(self.around.gates.gate(&self.id));
        if self.told.replace(gate) == Some(gate) {
            return Ok(());
        }
        self.take(&Input::Gate { at: now, gate }, &Ticket::none())
    }

    /// Gives the kernel one input and carries on what comes of it. A panic ends this incarnation, and only it. The
    /// input is recorded before: also the one that is not survived.
    fn take(&mut self, input: &Input, ticket: &Ticket) -> Result<(), Died> {
        if self.is_over {
            return Ok(());
        }
        self.pulse.begin(work::of(input));
        self.track.input(&self.kernel, input);
        let mut effects = std::mem::take(&mut self.effects);
        let kernel = &mut self.kernel;
        self.is_torn = true;
        let outcome = panics::catch(|| kernel.handle(input, &mut effects));
        self.is_torn = false;
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => Some((FailureClass::Accounting, broken.to_string())),
            Err(panic) => Some((FailureClass::Panic, panic)),
        };
        if let Some((class, message)) = failure {
            let mut died = self.died(class, message, ticket.clone());
            died.poison = poison::of(class, input).map(Box::new);
            return Err(died);
        }
        if let Some(meter) = &self.meter {
            meter.take(&self.kernel, input, &effects, ticket);
        }
        if let Input::Order(event) = input {
            records::say_order(event, &self.kernel, &self.around.board);
        }
        let mut rows = Vec::new();
        for effect in effects.drain(..) {
            self.carry(effect, &mut rows, ticket);
        }
        self.effects = effects;
        if !rows.is_empty() || matches!(input, Input::Order(_)) {
            self.remember(rows, ticket);
        }
        match self.kernel.fault() {
            None => Ok(()),
            Some(Fault::Error(why)) => Err(self.died(FailureClass::Error, why, ticket.clone())),
            Some(Fault::Config(why)) => Err(self.died(FailureClass::Config, why, ticket.clone())),
            Some(Fault::Drill(ordeal)) => {
                self.ordeal = Some(ordeal);
                Ok(())
            }
        }
    }

    /// Asks the clock to be woken when the kernel wants it.
    fn ask(&mut self) {
        let next = self.kernel.next_timer();
        if next == self.asked {
            return;
        }
        self.asked = next;
        let Some(at) = next else { return self.around.clock.cancel(&self.sleeper()) };
        let mailbox = Arc::clone(&self.mailbox);
        let alarm = move |at, ticket| mailbox.timer(at, ticket);
        self.around.clock.wake_at(at, self.sleeper(), Box::new(alarm));
    }

    fn sleeper(&self) -> Sleeper {
        Sleeper::Strategy(self.id.as_str().to_owned())
    }

    fn report(&self) {
        let mut status = self.kernel.status();
        status.conflated = self.conflated;
        status.missed = self.missed;
        status.set_aside = self.poison.met();
        self.around.board.kernel(&self.id, status);
        if let Some(meter) = &self.meter {
            self.around.board.trial(&self.id, meter.counts());
        }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
