//! StatusAggregator: makes one numbered snapshot of all that the parts have written, for every reader.
//!
//! owns: the beat; what a snapshot is made of is shared, so that a new aggregator goes on where one failed
//! takes: its own beat
//! emits: snapshots on a watch channel
//! dies: of a defect of its own; the root starts it again

use std::sync::Arc;
use std::time::Duration;

use ploy::ledger::LedgerStatus;
use ploy::status::{
    ContinuedStatus, FeedPhase, FeedStatus, Mode, StoreStatus, StrategyStatus, SystemStatus,
};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use crate::account::Account;
use crate::bus::event::EventBus;
use crate::bus::status::{Board, StatusBus};
use crate::clock::EventClock;
use crate::halt::Halts;
use crate::ledger::AccountLedger;
use crate::ports::Clock;
use crate::record::Recorder;
use crate::store::{RunInfo, Store};

/// How often a snapshot is made: often enough for eyes and scrapes, too seldom to cost anything.
const BEAT: Duration = Duration::from_millis(250);

/// Makes snapshots.
#[derive(Debug)]
pub struct StatusAggregator;

/// What the aggregator is told.
#[derive(Debug)]
pub enum Msg {
    /// Make the next snapshot, and ask to be told again.
    Beat,
}

/// What a snapshot is made of.
#[derive(Debug)]
pub struct Sources {
    /// The run.
    pub run: RunInfo,
    /// The board, and through it the runtimes.
    pub board: StatusBus,
    /// The bus, which tells what strategies were shown.
    pub bus: EventBus,
    /// The store, which tells how it is.
    pub store: Store,
    /// The account's books.
    pub ledger: AccountLedger,
    /// The guard of the whole account.
    pub account: Account,
    /// The recorder, which tells how it is.
    pub recorder: Recorder,
    /// The time that decisions run on.
    pub clock: EventClock,
    /// The gates, which tell who holds orders back.
    pub halts: Halts,
    /// The machine's clock.
    pub wall: fn() -> Timestamp,
}

/// Makes snapshots, each with its number, and shows them to whoever watches.
#[derive(Debug)]
pub struct Snapshots {
    sources: Sources,
    newest: watch::Sender<Arc<SystemStatus>>,
}

impl Actor for StatusAggregator {
    type Msg = Msg;
    type State = Arc<Snapshots>;
    type Arguments = Arc<Snapshots>;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        snapshots: Arc<Snapshots>,
    ) -> Result<Arc<Snapshots>, ActorProcessingErr> {
        drop(myself.cast(Msg::Beat));
        Ok(snapshots)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        snapshots: &mut Arc<Snapshots>,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Beat => {
                drop(snapshots.take().await);
                drop(myself.send_after(BEAT, || Msg::Beat));
            }
        }
        Ok(())
    }
}

impl Snapshots {
    /// Returns the maker of snapshots, with one that shows what is written so far, numbered 0.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let first = Arc::new(sources.snapshot(0));
        Self { sources, newest: watch::Sender::new(first) }
    }

    /// Returns a place at which the newest snapshot can be watched.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<SystemStatus>> {
        self.newest.subscribe()
    }

    /// Asks all strategies how they are and makes the next snapshot.
    pub async fn take(&self) -> Arc<SystemStatus> {
        self.sources.board.ask_reports().await;
        self.sources.ledger.beat();
        self.sources.account.beat();
        self.newest.send_modify(|newest| {
            *newest = Arc::new(self.sources.snapshot(newest.snapshot + 1));
        });
        Arc::clone(&self.newest.borrow())
    }
}

impl Sources {
    /// Puts a snapshot together. Everything that any reader shows is in it.
    fn snapshot(&self, number: u64) -> SystemStatus {
        let Board { feed, config, safe_mode, unknown_orders, mut strategies, recent } =
            self.board.read();
        for (id, books) in self.bus.books_shown() {
            if let Some(strategy) = strategies.get_mut(&id) {
                strategy.books = books.into_iter().collect();
            }
        }
        for (id, strategy) in &mut strategies {
            strategy.gate = strategy.gate.max(self.halts.gate(id));
        }
        let store = self.store.status();
        let ledger = valued(self.ledger.status(), strategies.values());
        SystemStatus {
            snapshot: number,
            version: self.run.version.clone(),
            run: self.store.entered().run.clone(),
            started_at: self.store.entered().begun_at,
            continued: self.continued(),
            taken_at: (self.wall)(),
            now: self.clock.now(),
            mode: Mode::Paper,
            not_ready: not_ready(&feed, &store, safe_mode.as_deref(), &ledger),
            safe_mode,
            feed,
            store,
            record: self.recorder.status(),
            config,
            gates: self.halts.status(),
            ledger,
            account: self.account.status(),
            unknown_orders,
            strategies: strategies.into_values().collect(),
            recent: recent.into(),
        }
    }
}

impl Sources {
    /// Returns how the run goes on, where it began in an earlier process.
    fn continued(&self) -> Option<ContinuedStatus> {
        let entered = self.store.entered();
        let resume = entered.resume?;
        Some(ContinuedStatus {
            times: entered.start.saturating_sub(1),
            since: self.run.started_at,
            from: resume.at,
            events: resume.events,
        })
    }
}

/// Returns the accounts with what each strategy's shares are worth beyond their cost, as the strategy values them.
fn valued<'a>(
    mut ledger: LedgerStatus,
    strategies: impl Iterator<Item = &'a StrategyStatus>,
) -> LedgerStatus {
    for strategy in strategies {
        let mut accounts = ledger.accounts.iter_mut();
        if let Some(account) = accounts.find(|account| account.owner == strategy.id.as_str()) {
            account.unrealised_usdc = Some(strategy.kernel.pnl.unrealised_usdc);
        }
    }
    ledger
}

/// Returns what stands in the way of being ready. A halted strategy does not: it would make whoever runs the
/// process start everything anew.
fn not_ready(
    feed: &FeedStatus,
    store: &StoreStatus,
    safe_mode: Option<&str>,
    ledger: &LedgerStatus,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(why) = safe_mode {
        reasons.push(format!("safe mode: {why}; leave it with `ploy safe-mode leave`"));
    }
    if !store.up {
        let why = store.last_error.as_deref().unwrap_or("its last write failed");
        reasons.push(format!("store: {why}"));
    }
    reasons.extend(ledger.broken.iter().map(|why| format!("ledger: {why}")));
    match feed.state {
        FeedPhase::Waiting => reasons.push("feed: not begun".to_owned()),
        FeedPhase::Failed => {
            let why = feed.error.as_deref().unwrap_or("it broke");
            reasons.push(format!("feed: {why}"));
        }
        FeedPhase::Playing | FeedPhase::Ended => {}
    }
    reasons
}
