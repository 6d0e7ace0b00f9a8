//! OrderExecutor: takes approved orders, stores them, then sends them; carries what comes of them back.
//!
//! owns: which incarnation of each strategy may send, and which orders are open
//! takes: approved orders on a bounded lane, the venue's order events, permits and requests to settle
//! emits: rows to the store and the ledger, orders to the venue, order events to the strategy whose order it is
//! dies: when its lane is gone (the service ends), or when the store has ended

mod handle;

pub use handle::{ExecutorHandle, Lanes, NotTaken};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ploy::halt::lets_pass;
use ploy::kernel::Order;
use ploy::lifecycle::Gate;
use ploy::order::{ClientOrderId, OrderEvent, Origin, StrategyId, Submission, Update};
use ploy::order_path::{OrderKey, Outgoing};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::bus::Ticket;
use crate::bus::event::EventBus;
use crate::bus::gates::Switch;
use crate::ledger::AccountLedger;
use crate::ports::{News, Permit, Row, StoreError, Venue};
use crate::store::Store;
use crate::telemetry::events;
use handle::{Control, Job};

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

/// What the worker needs.
pub struct Args {
    /// Where facts are kept.
    pub store: Store,
    /// Where orders go.
    pub venue: Arc<dyn Venue>,
    /// What comes of them.
    pub events: mpsc::Receiver<(News, Ticket)>,
    /// Books what is stored.
    pub ledger: AccountLedger,
    /// Asked before an order is stored.
    pub account: Account,
    /// Carries order events to strategies.
    pub bus: EventBus,
    /// What may pass, read right before an order leaves.
    pub gates: Switch,
    /// The other ends of the handle.
    pub lanes: Lanes,
}

#[derive(Debug, Default)]
struct Seat {
    permit: Option<Permit>,
    /// The newest incarnation that was ever let in.
    newest: u64,
    open: BTreeMap<ClientOrderId, OrderKey>,
    waiting: Vec<oneshot::Sender<Ticket>>,
}

struct Worker {
    store: Store,
    venue: Arc<dyn Venue>,
    ledger: AccountLedger,
    account: Account,
    bus: EventBus,
    gates: Switch,
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
        let Args { store, venue, events, ledger, account, bus, gates, lanes } = args;
        let seats = BTreeMap::new();
        let worker = Worker { store, venue, ledger, account, bus, gates, seats };
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
    async fn run(mut self, mut lanes: Lanes, mut events: mpsc::Receiver<(News, Ticket)>) -> String {
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        let mut news = Vec::with_capacity(GROUP_MAX);
        loop {
            tokio::select! {
                biased;
                control = lanes.control.recv() => match control {
                    Some(Control::Drain { done }) => {
                        if self.on_drain(&mut events).await.is_err() {
                            return "the store has ended".to_owned();
                        }
                        done.send(()).ok();
                    }
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
                self.account.cancels(seat.open.len());
                for key in seat.open.values() {
                    self.venue.cancel(key.clone(), ticket.clone());
                }
                seat.waiting.push(done);
            }
            // It needs the venue's lane: `run` does it.
            Control::Drain { done } => drop(done),
        }
    }

    /// Stores all that the venue has told so far. Nobody may send any more.
    async fn on_drain(
        &mut self,
        events: &mut mpsc::Receiver<(News, Ticket)>,
    ) -> Result<(), StoreError> {
        self.seats.values_mut().for_each(|seat| seat.permit = None);
        let mut news = Vec::new();
        while let Ok(told) = events.try_recv() {
            news.push(told);
            if news.len() == GROUP_MAX {
                self.on_news(&mut news).await?;
            }
        }
        self.on_news(&mut news).await
    }

    /// Stores a group of orders, then sends each. An order whose record failed is never sent.
    async fn on_jobs(&mut self, jobs: &mut Vec<Job>) {
        let mut allowed = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            if let Some(reason) = self.held_back(&job) {
                self.refuse(job, reason);
            } else if let Err(reason) = self.account.admit(&job.order) {
                self.write_refused(job, reason);
            } else {
                allowed.push(job);
            }
        }
        if allowed.is_empty() {
            return;
        }
        let run = self.store.run();
        let allowed: Vec<(Job, Outgoing)> = allowed
            .into_iter()
            .map(|job| {
                let outgoing = Outgoing::new(job.order.clone(), run);
                (job, outgoing)
            })
            .collect();
        let orders = allowed.iter().map(|(_, order)| Row::Order(order.clone()));
        let memories = allowed.iter().filter_map(|(job, _)| job.memory.as_deref().cloned());
        let rows = orders.chain(memories.map(Row::Memory)).collect();
        match self.store.commit(rows).await {
            Ok(()) => {
                self.ledger.recorded(allowed.iter().map(|(job, _)| &job.order));
                allowed.into_iter().for_each(|(job, order)| self.send(job, order));
            }
            Err(error) => {
                for (job, _) in allowed {
                    // Should the order's row come to be written after all, so will be that it was not sent. A
                    // store that takes nothing any more will not write the order either.
                    self.take_back(job, format!("not sent: {error}"));
                }
            }
        }
    }

    /// Returns why an order may not be stored and sent; nothing when it may.
    fn held_back(&self, job: &Job) -> Option<String> {
        let strategy = &job.order.id().strategy;
        let permit = self.seats.get(strategy).and_then(|seat| seat.permit);
        let is_let_in = permit.is_some_and(|permit| {
            permit.incarnation == job.incarnation && permit.gate != Gate::Closed
        });
        if !is_let_in {
            return Some("not sent: this incarnation may not send any more".to_owned());
        }
        let gate = self.gates.gate(strategy);
        (!lets_pass(gate, job.order.intent().purpose)).then(|| shut(gate))
    }

    /// Sends a stored order, unless a gate was closed while it was being stored.
    fn send(&mut self, job: Job, order: Outgoing) {
        let (id, intent, key) = (order.id().clone(), *order.intent(), order.key());
        let venue = Arc::clone(&self.venue);
        let ticket = job.ticket.clone();
        let submit = move || venue.submit(order, ticket);
        if let Err(gate) = self.gates.pass(&id.strategy, intent.purpose, submit) {
            return self.take_back(job, shut(gate));
        }
        self.seats.entry(id.strategy.clone()).or_default().open.insert(id.clone(), key);
        tracing::info!(
            event.name = events::ORDER_SUBMITTED,
            strategy.id = %id.strategy,
            order.id = %id,
            market.id = %intent.market,
            purpose = intent.purpose.name(),
            "order sent"
        );
    }

    /// Says of an order that is stored, or may be, that it was not sent.
    fn take_back(&self, job: Job, reason: String) {
        let row = Row::OrderEvent(refusal(&job.order, reason.clone()));
        drop(self.store.record(row, job.ticket.clone()));
        self.refuse(job, reason);
    }

    /// Writes down an order that the account refused, together with that: what was decided can be asked for.
    fn write_refused(&self, job: Job, reason: String) {
        let outgoing = Outgoing::new(job.order.clone(), self.store.run());
        let memory = job.memory.as_deref().cloned().map(Row::Memory);
        for row in [Some(Row::Order(outgoing)), memory].into_iter().flatten() {
            // A full queue is counted by the store and shown.
            drop(self.store.record(row, job.ticket.clone()));
        }
        self.take_back(job, reason);
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
        let refused = refusal(&order, reason);
        self.account.told(std::iter::once(&refused));
        self.bus.tell(refused, ticket);
    }

    /// Stores what the venue told, then tells the strategies. What cannot be stored is tried until it can:
    /// a fill is never lost, and meanwhile no order is sent.
    async fn on_news(&mut self, news: &mut Vec<(News, Ticket)>) -> Result<(), StoreError> {
        let events = news.drain(..).filter_map(|(news, ticket)| match news {
            News::Order(event) => Some((event, ticket)),
            News::Found(_) => None,
        });
        let news: Vec<_> = events.collect();
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
        self.ledger.told(news.iter().map(|(event, _)| event));
        self.account.told(news.iter().map(|(event, _)| event));
        for (event, ticket) in news {
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

fn shut(gate: Gate) -> String {
    format!("not sent: the gate is {}", gate.name())
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
