//! StrategyRuntime: runs one strategy's kernel on what waits for it, and carries what it decides on.
//!
//! owns: the kernel of one incarnation of one strategy
//! takes: market events, its own order events and timers by its mailbox; requests to report
//! emits: approved orders to the executor, decisions to the store, its state to the status board
//! dies: of a panic of its strategy, of books that do not add up, when it cannot keep up, or when stopped

mod died;
mod records;

pub use died::Died;

use std::sync::Arc;

use ploy::config::StrategyConfig;
use ploy::event::{Kind, MarketEvent};
use ploy::kernel::{Effect, Input, Kernel, Memory};
use ploy::lifecycle::Gate;
use ploy::order::{OrderEvent, Origin, StrategyId, Submission, Update};
use ploy::restart::{Failure, FailureClass};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::bus::Ticket;
use crate::bus::event::{Delivery, EventBus, Mailbox};
use crate::bus::status::StatusBus;
use crate::clock::{EventClock, Sleeper};
use crate::executor::ExecutorHandle;
use crate::panics;
use crate::ports::{Clock, Row};
use crate::record::{Recorder, Track};
use crate::store::Store;

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
    /// Order entry was opened or closed.
    Gate(Gate),
    /// A person released the breaker.
    Release,
    /// Go on by these settings from here on, with all you know. The answer says why it cannot be.
    TakeOver(Box<StrategyConfig>, oneshot::Sender<Result<(), String>>),
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
    /// Takes what strategies consume.
    pub recorder: Recorder,
    /// Event time.
    pub clock: EventClock,
    /// The status board.
    pub board: StatusBus,
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
    around: Surroundings,
    /// Whether it knows what time it is: its mailbox begins with what was true before it was built.
    is_awake: bool,
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
        let Args { kernel, incarnation, mailbox, track, surroundings: around } = args;
        let ready = myself.clone();
        mailbox.attach(Box::new(move || drop(ready.cast(Msg::Ready))));
        let id = kernel.id().clone();
        let reporting = myself.clone();
        let ask = move |done| drop(reporting.cast(Msg::Report(done)));
        around.board.reporter(&id, Box::new(ask));
        let effects = Vec::new();
        Ok(State {
            kernel,
            id,
            incarnation,
            mailbox,
            track,
            around,
            is_awake: false,
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
        match msg {
            Msg::Ready => state.on_ready(now)?,
            Msg::Report(done) => {
                state.report();
                done.send(()).ok(); // an asker that left is no failure
            }
            Msg::Gate(gate) => state.take(&Input::Gate { at: now, gate }, &Ticket::none())?,
            Msg::Release => state.take(&Input::Release { at: now }, &Ticket::none())?,
            Msg::TakeOver(config, reply) => drop(reply.send(state.on_take_over(&config))),
            Msg::Remember(reply) => {
                state.report();
                let memory = state.kernel.memory();
                if !std::mem::replace(&mut state.is_over, true) {
                    state.track.end(&memory, None);
                }
                drop(reply.send(memory));
            }
        }
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
    fn on_ready(&mut self, now: Timestamp) -> Result<(), Died> {
        if !self.is_awake {
            self.is_awake = true;
            self.take(&Input::Gate { at: now, gate: Gate::Open }, &Ticket::none())?;
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
                Delivery::Market(event, ticket) => (Input::Market(event), ticket),
                Delivery::Order(event, ticket) => (Input::Order(*event), ticket),
                Delivery::Timer(at, ticket) => {
                    self.asked = None;
                    (Input::Timer(at), ticket)
                }
            };
            self.take(&input, &ticket)?;
            tickets.push(ticket);
        }
        self.ask();
        Ok(())
    }

    /// Goes on by other settings: between two inputs, with all that the kernel knows, so that no decision is lost.
    fn on_take_over(&mut self, config: &StrategyConfig) -> Result<(), String> {
        if self.is_over {
            return Err("it ends".to_owned());
        }
        let checkpoint = self.kernel.checkpoint();
        let strategy = panics::catch(|| config.kind.restore(checkpoint.strategy()))?;
        let strategy = strategy.map_err(|misfit| misfit.to_string())?;
        let limits = config.limits.clone();
        let kernel = Kernel::resume(self.id.clone(), strategy, limits, checkpoint);
        let kernel = kernel.map_err(|unfit| unfit.to_string())?;
        self.track.take_over(config, &self.kernel);
        self.kernel = kernel;
        self.ask();
        self.report();
        Ok(())
    }

    /// Gives the kernel one input and carries on what comes of it. A panic ends this incarnation, and only it. The
    /// input is recorded before: also the one that is not survived.
    fn take(&mut self, input: &Input, ticket: &Ticket) -> Result<(), Died> {
        if self.is_over {
            return Ok(());
        }
        self.track.input(&self.kernel, input);
        let mut effects = std::mem::take(&mut self.effects);
        let kernel = &mut self.kernel;
        let outcome = panics::catch(|| kernel.handle(input, &mut effects));
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => Some((FailureClass::Accounting, broken.to_string())),
            Err(panic) => Some((FailureClass::Panic, panic)),
        };
        if let Some((class, message)) = failure {
            return Err(self.died(class, message, ticket.clone()));
        }
        if let Input::Order(event) = input {
            records::say_order(event, &self.kernel, &self.around.board);
        }
        for effect in effects.drain(..) {
            self.carry(effect, ticket);
        }
        self.effects = effects;
        Ok(())
    }

    fn carry(&mut self, effect: Effect, ticket: &Ticket) {
        match effect {
            Effect::Submit(order) => {
                let (id, at) = (order.id().clone(), order.at());
                let sent = self.around.executor.submit(order, self.incarnation, ticket.clone());
                if let Err(refusal) = sent {
                    let reason = refusal.to_string();
                    let update =
                        Update::Submitted(Submission::Rejected { reason, origin: Origin::Unsent });
                    self.around.bus.tell(OrderEvent { at, order: id, update }, ticket.clone());
                }
            }
            Effect::Decided { decision, repeated, risk } => {
                let record = records::decision(&self.kernel, &decision, repeated, risk.as_deref());
                if let Some(record) = record {
                    self.store(Row::Decision(record), ticket);
                }
            }
            Effect::Settled { market, payouts, amount, profit } => {
                let at = self.around.clock.now();
                let settlement =
                    records::settlement(&self.id, &market, (payouts, amount, profit), at);
                records::say_settlement(&settlement, &market, &self.around.board);
                self.store(Row::Settlement(settlement), ticket);
            }
            Effect::Tripped(trip) => {
                let record = records::tripped(&self.id, &trip);
                records::say_risk(&record, &self.around.board);
                self.store(Row::Risk(record), ticket);
            }
            Effect::HalfOpen(rule) => {
                let record = records::half_open(&self.id, rule, self.around.clock.now());
                records::say_risk(&record, &self.around.board);
                self.store(Row::Risk(record), ticket);
            }
            Effect::Released(rule) => {
                let record = records::released(&self.id, rule, self.around.clock.now());
                records::say_risk(&record, &self.around.board);
                self.store(Row::Risk(record), ticket);
            }
        }
    }

    /// Queues a row. A full queue is counted by the store and shown; nothing waits here.
    fn store(&self, row: Row, ticket: &Ticket) {
        if let Err(error) = self.around.store.record(row, ticket.clone()) {
            tracing::error!(
                event.name = crate::telemetry::events::STORE_FULL,
                strategy.id = %self.id,
                error.message = %error,
                "a record could not be queued"
            );
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
        self.around.board.kernel(&self.id, status);
    }

    /// Writes down how it is for the last time and says what it died of.
    fn died(&mut self, class: FailureClass, message: String, ticket: Ticket) -> Died {
        self.around.clock.cancel(&self.sleeper());
        self.report();
        let memory = Box::new(self.kernel.memory());
        let failure = Failure { class, message };
        self.track.end(&memory, Some(&failure));
        Died { failure, memory, ticket: ticket.into() }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
