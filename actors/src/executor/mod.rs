//! OrderExecutor: takes approved orders, stores them, then sends them; carries what comes of them back.
//!
//! owns: which incarnation of each strategy may send, which orders are open, and how each stands
//! takes: approved orders on a bounded lane, the venue's news, permits and requests to settle
//! emits: rows to the store and the ledger, orders and questions to the venue, order events to the strategy whose order it is
//! dies: when its lane is gone (the service ends), or when the store has ended

mod handle;
mod jobs;
mod news;
mod track;
mod tracks;

pub use handle::{ExecutorHandle, Lanes, NotTaken};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ploy::order::{ClientOrderId, StrategyId};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::account::Account;
use crate::bus::Ticket;
use crate::bus::event::EventBus;
use crate::bus::gates::Switch;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::failpoint::{Failpoints, Injected};
use crate::ledger::AccountLedger;
use crate::ports::{News, Permit, Venue};
use crate::store::Store;
use crate::telemetry::events;
use handle::Control;
use tracks::Tracks;

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
    /// Event time.
    pub clock: EventClock,
    /// The machine's clock.
    pub wall: fn() -> Timestamp,
    /// Where it is shown which orders are in doubt.
    pub board: StatusBus,
    /// What goes wrong in a test.
    pub failpoints: Failpoints,
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
    /// Who waits until none of its orders is open.
    waiting: Vec<oneshot::Sender<Ticket>>,
}

struct Worker {
    store: Store,
    venue: Arc<dyn Venue>,
    ledger: AccountLedger,
    account: Account,
    bus: EventBus,
    gates: Switch,
    clock: EventClock,
    wall: fn() -> Timestamp,
    board: StatusBus,
    failpoints: Failpoints,
    seats: BTreeMap<StrategyId, Seat>,
    tracks: Tracks,
    /// The orders in doubt as they are shown, with the time since when.
    shown: BTreeMap<ClientOrderId, Timestamp>,
}

/// Why the worker goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Ended {
    #[error("the store has ended")]
    Store,
    #[error("a failpoint ended it")]
    Failpoint,
}

impl From<Injected> for Ended {
    fn from(_: Injected) -> Self {
        Self::Failpoint
    }
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
        let Args {
            store,
            venue,
            events: news,
            clock,
            wall,
            board,
            failpoints,
            ledger,
            account,
            bus,
            gates,
            lanes,
        } = args;
        // What an earlier process sent and did not see the end of. It is asked about before anything is sent.
        let unfinished = store.unfinished().await?;
        if !unfinished.is_empty() {
            tracing::warn!(
                event.name = events::ORDER_INHERITED,
                orders = unfinished.len(),
                "the venue is asked what became of orders of an earlier process"
            );
        }
        let (seats, shown) = (BTreeMap::new(), BTreeMap::new());
        let tracks = Tracks::inherited(unfinished, Instant::now());
        let worker = Worker {
            store,
            venue,
            ledger,
            account,
            bus,
            gates,
            clock,
            wall,
            board,
            failpoints,
            seats,
            tracks,
            shown,
        };
        let worker = worker.shown();
        let work = tokio::spawn(worker.run(lanes, news));
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
            let due = self.tracks.due();
            let done = tokio::select! {
                biased;
                control = lanes.control.recv() => match control {
                    Some(Control::Drain { done }) => {
                        let drained = self.on_drain(&mut events).await;
                        done.send(()).ok();
                        drained
                    }
                    Some(control) => {
                        self.on_control(control);
                        Ok(())
                    }
                    None => return "its lane is closed".to_owned(),
                },
                count = events.recv_many(&mut news, GROUP_MAX) => {
                    if count == 0 {
                        return "the venue has ended".to_owned();
                    }
                    self.on_news(&mut news).await
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.on_due().await
                }
                count = lanes.orders.recv_many(&mut jobs, GROUP_MAX) => {
                    if count == 0 {
                        return "its lane is closed".to_owned();
                    }
                    self.on_jobs(&mut jobs).await
                }
            };
            if let Err(ended) = done {
                return ended.to_string();
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
                self.seats.entry(strategy.clone()).or_default().permit = None;
                self.cancel_all(&strategy, &ticket);
                self.wait(strategy, ticket, done);
            }
            Control::Clear { strategy, done } => self.wait(strategy, Ticket::none(), done),
            Control::Open { strategy, reply } => {
                let open = self.tracks.open_of(&strategy);
                let told = open.map(|track| match track.why() {
                    Some(why) => format!("{} ({why})", track.key().id),
                    None => track.key().id.to_string(),
                });
                reply.send(told.collect()).ok();
            }
            // It needs the venue's lane: `run` does it.
            Control::Drain { done } => drop(done),
        }
    }

    fn cancel_all(&mut self, strategy: &StrategyId, ticket: &Ticket) {
        let (now, windows) = (Instant::now(), self.venue.windows());
        let open: Vec<_> = self.tracks.open_of(strategy).map(|track| track.key().clone()).collect();
        self.account.cancels(open.len());
        for key in open {
            self.tracks.change(&key.id, |track| track.cancel(now, windows));
            self.venue.cancel(key, ticket.clone());
        }
    }

    /// Tells this one when none of the strategy's orders is open.
    fn wait(&mut self, strategy: StrategyId, ticket: Ticket, done: oneshot::Sender<Ticket>) {
        if self.tracks.open_of(&strategy).next().is_none() {
            drop(done.send(ticket));
            return;
        }
        let waiting = &mut self.seats.entry(strategy).or_default().waiting;
        waiting.retain(|waiting| !waiting.is_closed());
        waiting.push(done);
    }

    /// Stores all that the venue has told so far. Nobody may send any more.
    async fn on_drain(&mut self, events: &mut mpsc::Receiver<(News, Ticket)>) -> Result<(), Ended> {
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
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}
