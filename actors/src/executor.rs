//! OrderExecutor: takes approved orders, stores them, then sends them; carries what comes of them back.
//!
//! owns: which incarnation of each strategy may send, and which orders are open
//! takes: approved orders on a bounded lane, the venue's order events, permits and requests to settle
//! emits: rows to the store, orders to the venue, order events to the strategy whose order it is
//! dies: when its lane is gone (the service ends), or when the store has ended

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ploy::kernel::Order;
use ploy::lifecycle::Gate;
use ploy::order::{ClientOrderId, OrderEvent, Origin, StrategyId, Submission, Update};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::bus::Ticket;
use crate::bus::event::EventBus;
use crate::ports::{Permit, Row, StoreError, Venue};
use crate::store::Store;
use crate::telemetry::events;

/// Orders that may wait to be stored. The guard's throttle keeps a strategy far below it.
const LANE_MAX: usize = 1024;
/// Orders and events that share one transaction at most.
const GROUP_MAX: usize = 256;
/// Wait before a fact that could not be stored is tried again, and its longest.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// The supervised face of the executor: it lives as long as its worker.
#[derive(Debug)]
pub struct OrderExecutor;

/// What the actor is told.
#[derive(Debug)]
pub enum Msg {
    /// The worker has ended; the text says why.
    Ended(String),
}

/// The ends at which orders and requests go in.
#[derive(Clone, Debug)]
pub struct ExecutorHandle {
    orders: mpsc::Sender<Job>,
    control: mpsc::Sender<Control>,
}

/// What the worker needs.
pub struct Args {
    /// Where facts are kept.
    pub store: Store,
    /// Where orders go.
    pub venue: Arc<dyn Venue>,
    /// What comes of them.
    pub events: mpsc::Receiver<(OrderEvent, Ticket)>,
    /// Carries order events to strategies.
    pub bus: EventBus,
    /// The other ends of the handle.
    pub lanes: Lanes,
}

/// The ends at which the worker takes.
#[derive(Debug)]
pub struct Lanes {
    orders: mpsc::Receiver<Job>,
    control: mpsc::Receiver<Control>,
}

#[derive(Debug)]
struct Job {
    order: Order,
    incarnation: u64,
    ticket: Ticket,
}

#[derive(Debug)]
enum Control {
    Permit { strategy: StrategyId, permit: Permit, done: oneshot::Sender<()> },
    Settle { strategy: StrategyId, ticket: Ticket, done: oneshot::Sender<Ticket> },
}

/// Why an order was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait.
    #[error("not sent: too many orders wait to be stored")]
    Full,
    /// The executor has ended.
    #[error("not sent: order entry has ended")]
    Ended,
}

impl ExecutorHandle {
    /// Returns the handle and the ends for the worker.
    #[must_use]
    pub fn new() -> (Self, Lanes) {
        let (orders, orders_rx) = mpsc::channel(LANE_MAX);
        let (control, control_rx) = mpsc::channel(LANE_MAX);
        (Self { orders, control }, Lanes { orders: orders_rx, control: control_rx })
    }

    /// Hands over an approved order of an incarnation of a strategy. Its outcome comes as an order event.
    ///
    /// # Errors
    /// When the lane is full or closed: nothing was stored or sent, and no event will come.
    pub fn submit(&self, order: Order, incarnation: u64, ticket: Ticket) -> Result<(), NotTaken> {
        self.orders.try_send(Job { order, incarnation, ticket }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotTaken::Full,
            mpsc::error::TrySendError::Closed(_) => NotTaken::Ended,
        })
    }

    /// Lets this incarnation of a strategy, and no other, send. Returns when it is in force.
    pub async fn permit(&self, strategy: StrategyId, permit: Permit) {
        let (done, in_force) = oneshot::channel();
        let asked = self.control.send(Control::Permit { strategy, permit, done }).await;
        if asked.is_ok() {
            // A worker that has ended sends nothing any more: that is as good as closed.
            drop(in_force.await);
        }
    }

    /// Refuses a strategy's orders from now on, cancels its open ones, and returns when none is open, with
    /// the ticket of what closed the last one. Nothing when the executor has ended.
    pub async fn settle(&self, strategy: StrategyId, ticket: Ticket) -> Option<Ticket> {
        let (done, settled) = oneshot::channel();
        self.control.send(Control::Settle { strategy, ticket, done }).await.ok()?;
        settled.await.ok()
    }
}

#[derive(Debug, Default)]
struct Seat {
    permit: Option<Permit>,
    /// The newest incarnation that was ever let in.
    newest: u64,
    open: BTreeSet<ClientOrderId>,
    waiting: Vec<oneshot::Sender<Ticket>>,
}

struct Worker {
    store: Store,
    venue: Arc<dyn Venue>,
    bus: EventBus,
    seats: BTreeMap<StrategyId, Seat>,
}

impl Actor for OrderExecutor {
    type Msg = Msg;
    type State = JoinHandle<()>;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<JoinHandle<()>, ActorProcessingErr> {
        let Args { store, venue, events, bus, lanes } = args;
        let worker = Worker { store, venue, bus, seats: BTreeMap::new() };
        let work = tokio::spawn(worker.run(lanes, events));
        Ok(tokio::spawn(async move {
            let why = match work.await {
                Ok(why) => why,
                Err(error) => error.to_string(),
            };
            // A send to an actor that is ending already says nothing new.
            drop(myself.cast(Msg::Ended(why)));
        }))
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        _state: &mut JoinHandle<()>,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Ended(why) => Err(why.into()),
        }
    }
}

impl Worker {
    /// Works until the lanes are closed. Returns why it ended.
    async fn run(
        mut self,
        mut lanes: Lanes,
        mut events: mpsc::Receiver<(OrderEvent, Ticket)>,
    ) -> String {
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        let mut news = Vec::with_capacity(GROUP_MAX);
        loop {
            tokio::select! {
                biased;
                control = lanes.control.recv() => match control {
                    Some(control) => self.on_control(control),
                    None => return "its lane is closed".to_owned(),
                },
                count = events.recv_many(&mut news, GROUP_MAX) => {
                    if count == 0 {
                        return "the venue has ended".to_owned();
                    }
                    if self.on_news(&mut news).await.is_err() {
                        return "the store has ended".to_owned();
                    }
                }
                count = lanes.orders.recv_many(&mut jobs, GROUP_MAX) => {
                    if count == 0 {
                        return "its lane is closed".to_owned();
                    }
                    self.on_jobs(&mut jobs).await;
                }
            }
        }
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::Permit { strategy, permit, done } => {
                // A build that was overtaken by a newer one must not take the seat back.
                let seat = self.seats.entry(strategy).or_default();
                if seat.newest <= permit.incarnation {
                    seat.newest = permit.incarnation;
                    seat.permit = Some(permit);
                }
                done.send(()).ok();
            }
            Control::Settle { strategy, ticket, done } => {
                let seat = self.seats.entry(strategy).or_default();
                seat.permit = None;
                if seat.open.is_empty() {
                    drop(done.send(ticket));
                    return;
                }
                for id in &seat.open {
                    self.venue.cancel(id.clone(), ticket.clone());
                }
                seat.waiting.push(done);
            }
        }
    }

    /// Stores a group of orders, then sends each. An order whose record failed is never sent.
    async fn on_jobs(&mut self, jobs: &mut Vec<Job>) {
        let (allowed, refused): (Vec<Job>, Vec<Job>) =
            jobs.drain(..).partition(|job| self.allows(job));
        for job in refused {
            let reason = "not sent: this incarnation may not send any more".to_owned();
            self.refuse(job, reason);
        }
        if allowed.is_empty() {
            return;
        }
        let rows = allowed.iter().map(|job| Row::Order(job.order.clone())).collect();
        match self.store.commit(rows).await {
            Ok(()) => {
                for Job { order, ticket, .. } in allowed {
                    let strategy = order.id().strategy.clone();
                    self.seats.entry(strategy).or_default().open.insert(order.id().clone());
                    tracing::info!(
                        event.name = events::ORDER_SUBMITTED,
                        strategy.id = %order.id().strategy,
                        order.id = %order.id(),
                        market.id = %order.intent().market,
                        purpose = order.intent().purpose.name(),
                        "order sent"
                    );
                    self.venue.submit(order, ticket);
                }
            }
            Err(error) => {
                for job in allowed {
                    let reason = format!("not sent: {error}");
                    // Should the order's row come to be written after all, so will be that it was not sent. A
                    // store that takes nothing any more will not write the order either.
                    let row = Row::OrderEvent(refusal(&job.order, reason.clone()));
                    drop(self.store.record(row, job.ticket.clone()));
                    self.refuse(job, reason);
                }
            }
        }
    }

    fn allows(&self, job: &Job) -> bool {
        let permit = self.seats.get(&job.order.id().strategy).and_then(|seat| seat.permit);
        permit.is_some_and(|permit| {
            permit.incarnation == job.incarnation && permit.gate != Gate::Closed
        })
    }

    /// Tells a strategy that its order was not sent. Nothing of it can ever be filled.
    fn refuse(&self, job: Job, reason: String) {
        let Job { order, ticket, .. } = job;
        tracing::warn!(
            event.name = events::ORDER_REJECTED,
            strategy.id = %order.id().strategy,
            order.id = %order.id(),
            reason,
            "order refused before sending"
        );
        self.bus.tell(refusal(&order, reason), ticket);
    }

    /// Stores what the venue told, then tells the strategies. What cannot be stored is tried until it can:
    /// a fill is never lost, and meanwhile no order is sent.
    async fn on_news(&mut self, news: &mut Vec<(OrderEvent, Ticket)>) -> Result<(), StoreError> {
        let mut wait = RETRY;
        loop {
            let rows = news.iter().map(|(event, _)| Row::OrderEvent(event.clone())).collect();
            match self.store.commit(rows).await {
                Ok(()) => break,
                Err(StoreError::Ended) => return Err(StoreError::Ended),
                Err(StoreError::Failed(_) | StoreError::Full) => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
        for (event, ticket) in news.drain(..) {
            // Told first: whoever waits for the end of an order then finds the strategy informed.
            self.bus.tell(event.clone(), ticket.clone());
            self.close(&event, &ticket);
        }
        Ok(())
    }

    /// Takes an order that is over out of the open ones; whoever waits for the last one is told.
    fn close(&mut self, event: &OrderEvent, ticket: &Ticket) {
        let over = match &event.update {
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => true,
            Update::Submitted(Submission::Accepted | Submission::Unknown) => false,
            Update::Filled(_) => false,
        };
        let Some(seat) = self.seats.get_mut(&event.order.strategy).filter(|_| over) else { return };
        seat.open.remove(&event.order);
        if seat.open.is_empty() {
            for waiting in seat.waiting.drain(..) {
                drop(waiting.send(ticket.clone()));
            }
        }
    }
}

fn refusal(order: &Order, reason: String) -> OrderEvent {
    let update = Update::Submitted(Submission::Rejected { reason, origin: Origin::Unsent });
    OrderEvent { at: order.at(), order: order.id().clone(), update }
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}
