//! StatusAggregator: makes one numbered snapshot of all that the parts have written, for every reader.
//!
//! owns: the newest snapshot
//! takes: its own beat, and requests for a fresh snapshot
//! emits: snapshots on a watch channel
//! dies: never by itself; with its supervisor

use std::sync::Arc;
use std::time::Duration;

use ploy::status::{FeedPhase, FeedStatus, Mode, StoreStatus, SystemStatus};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{oneshot, watch};

use crate::bus::status::{Board, StatusBus};
use crate::clock::EventClock;
use crate::ports::Clock;
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
    /// Make a snapshot now and answer with it.
    Fresh(oneshot::Sender<Arc<SystemStatus>>),
}

/// What a snapshot is made of.
#[derive(Debug)]
pub struct Sources {
    /// The run.
    pub run: RunInfo,
    /// The board, and through it the runtimes.
    pub board: StatusBus,
    /// The store, which tells how it is.
    pub store: Store,
    /// The time that decisions run on.
    pub clock: EventClock,
    /// The machine's clock.
    pub wall: fn() -> Timestamp,
}

/// The aggregator's private memory.
#[derive(Debug)]
pub struct State {
    sources: Sources,
    snapshots: watch::Sender<Arc<SystemStatus>>,
    number: u64,
}

impl Actor for StatusAggregator {
    type Msg = Msg;
    type State = State;
    type Arguments = (Sources, watch::Sender<Arc<SystemStatus>>);

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        (sources, snapshots): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        drop(myself.cast(Msg::Beat));
        Ok(State { sources, snapshots, number: 0 })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Beat => {
                state.sources.board.ask_reports().await;
                state.publish();
                drop(myself.send_after(BEAT, || Msg::Beat));
            }
            Msg::Fresh(reply) => {
                state.sources.board.ask_reports().await;
                drop(reply.send(state.publish())); // an asker that left is no failure
            }
        }
        Ok(())
    }
}

impl State {
    fn publish(&mut self) -> Arc<SystemStatus> {
        self.number += 1;
        let snapshot = Arc::new(self.sources.snapshot(self.number));
        self.snapshots.send_replace(Arc::clone(&snapshot));
        snapshot
    }
}

impl Sources {
    /// Puts a snapshot together. Everything that any reader shows is in it.
    #[must_use]
    pub fn snapshot(&self, number: u64) -> SystemStatus {
        let Board { feed, strategies, recent } = self.board.read();
        let store = self.store.status();
        SystemStatus {
            snapshot: number,
            version: self.run.version.clone(),
            run: self.run.id.clone(),
            started_at: self.run.started_at,
            taken_at: (self.wall)(),
            now: self.clock.now(),
            mode: Mode::Paper,
            not_ready: not_ready(&feed, &store),
            feed,
            store,
            strategies: strategies.into_values().collect(),
            recent: recent.into(),
        }
    }
}

/// Returns what stands in the way of being ready. A halted strategy does not: it would make whoever runs the
/// process start everything anew.
fn not_ready(feed: &FeedStatus, store: &StoreStatus) -> Vec<String> {
    let mut reasons = Vec::new();
    if !store.up {
        let why = store.last_error.as_deref().unwrap_or("its last write failed");
        reasons.push(format!("store: {why}"));
    }
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
