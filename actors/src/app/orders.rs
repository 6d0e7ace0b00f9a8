//! The way of an order as it is wired: the gates that it meets, the executor, the venue.

use std::sync::Arc;
use std::time::Duration;

use ploy::halt::Cause;
use ploy::paper::PaperVenue;
use ractor::{Actor, ActorRef};
use tokio::sync::mpsc;

use super::{Parts, StartError, keep, spawn, wall};
use crate::account::Account;
use crate::adapters::paper::{self, Paper, PaperHandle};
use crate::bus::event::EventBus;
use crate::bus::gates::Switch;
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::executor::{self, ExecutorHandle, OrderExecutor};
use crate::halt::watch::{self, HaltWatch};
use crate::halt::{self, Halts};
use crate::ledger::AccountLedger;
use crate::ports::Venue;
use crate::runtime::Surroundings;
use crate::store::Store;
use crate::supervisor::{self, Respawn};

/// Order events on their way from the venue to the executor.
const NEWS_MAX: usize = 1024;

/// Returns the gates as the last process left them.
pub(super) async fn halts(
    parts: &Parts,
    (clock, board): (&EventClock, &StatusBus),
    switch: Switch,
) -> Result<Halts, StartError> {
    let args = halt::Args {
        rule: parts.resume,
        file: parts.signal_file.clone(),
        switch,
        store: parts.store.clone(),
        board: board.clone(),
        clock: clock.clone(),
        wall,
    };
    Ok(Halts::open(args).await?)
}

/// Returns the account's ledger as the last process left it. What does not add up halts all.
pub(super) async fn ledger(store: &Store, halts: &Halts) -> Result<AccountLedger, StartError> {
    let facts = store.account_events().await?;
    let halts = halts.clone();
    let alarm = move |why: &str| halts.raise(Cause::AccountBroken, why, "ledger");
    Ok(AccountLedger::restored(&facts, Arc::new(alarm)))
}

/// What an order passes on its way, and who stands around it.
pub(super) struct OrderPath {
    pub(super) around: Surroundings,
    pub(super) venue: Arc<dyn Venue>,
    pub(super) paper: ActorRef<paper::Msg>,
}

/// Starts what an order passes on its way: the paper venue and the executor.
pub(super) async fn order_path(
    parts: &mut Parts,
    (clock, board): (&EventClock, &StatusBus),
    (gates, ledger): (Switch, AccountLedger),
    root: &ActorRef<supervisor::Msg>,
) -> Result<OrderPath, StartError> {
    let account = Account::open(parts.account, &parts.store, board).await?;
    let shown = account.clone();
    let bus = EventBus::shown_first(move |event, past| shown.observe(event, past));
    let (executor, lanes) = ExecutorHandle::new();
    let (news_tx, news) = mpsc::channel(NEWS_MAX);
    let venue = paper::Args {
        venue: paper_venue(parts.latency, &ledger),
        mailbox: bus.subscribe_venue(),
        events: news_tx.clone(),
        clock: clock.clone(),
    };
    let paper = spawn("the paper venue", Paper, venue, Some(root)).await?;
    let mut venue: Arc<dyn Venue> = Arc::new(PaperHandle(paper.clone()));
    if let Some(wrap) = parts.venue.take() {
        venue = wrap(venue, news_tx);
    }
    let worker = executor::Args {
        store: parts.store.clone(),
        venue: Arc::clone(&venue),
        events: news,
        clock: clock.clone(),
        wall,
        board: board.clone(),
        failpoints: parts.failpoints.clone(),
        ledger: ledger.clone(),
        account: account.clone(),
        bus: bus.clone(),
        gates: gates.clone(),
        lanes,
    };
    spawn("the order executor", OrderExecutor, worker, Some(root)).await?;
    let (store, recorder) = (parts.store.clone(), parts.recorder.clone());
    let (clock, board) = (clock.clone(), board.clone());
    let around =
        Surroundings { bus, executor, store, ledger, account, recorder, clock, board, gates };
    Ok(OrderPath { around, venue, paper })
}

/// Returns the paper venue with the shares that strategies hold already: it begins anew with each process.
fn paper_venue(latency: Duration, ledger: &AccountLedger) -> PaperVenue {
    let mut venue = PaperVenue::new(latency);
    for (strategy, leg, size) in ledger.held() {
        venue.endow(&strategy, leg, size);
    }
    venue
}

/// Starts the watch over what halts by itself, and has it started again when it fails.
pub(super) async fn keep_watching(
    args: watch::Args,
    root: &ActorRef<supervisor::Msg>,
) -> Result<(), StartError> {
    let respawn: Respawn = Box::new(move |root| {
        let args = args.clone();
        Box::pin(async move {
            let spawned = Actor::spawn_linked(None, HaltWatch, args, root).await;
            spawned.map(|(actor, _task)| actor.get_cell())
        })
    });
    keep("the watch over halts", respawn, root).await
}
