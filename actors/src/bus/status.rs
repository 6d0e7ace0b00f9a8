//! StatusBus: the board on which the parts write how they are; the aggregator makes one snapshot of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::order::StrategyId;
use ploy::rollout::{Counts, Stage};
use ploy::status::{
    ConfigStatus, FeedStatus, KernelStatus, Recent, StrategyStatus, SystemStatus, UnknownOrders,
};
use tokio::sync::oneshot;

/// How long a strategy may take to say how it is. One that needs longer is shown as it last was.
const REPORT_WITHIN: Duration = Duration::from_millis(500);

/// The board. Writing is short and never waits for anything but another writer.
#[derive(Clone, Debug)]
pub struct StatusBus {
    board: Arc<Mutex<Board>>,
    reporters: Arc<Mutex<BTreeMap<StrategyId, Reporter>>>,
}

/// Somebody who can be asked to write how it is.
struct Reporter {
    ask: Ask,
    /// The answer to the last question, while it has not come: nobody is asked twice at once.
    asked: Option<oneshot::Receiver<()>>,
}

/// Asks for a report; the sender is used, or dropped, when it is written. Must not block.
pub type Ask = Box<dyn Fn(oneshot::Sender<()>) + Send + Sync>;

/// What the parts have written.
#[derive(Clone, Debug)]
pub struct Board {
    /// How the feed is.
    pub feed: FeedStatus,
    /// How the folder of strategies' settings is.
    pub config: ConfigStatus,
    /// Why no strategy starts.
    pub safe_mode: Option<String>,
    /// Which orders are in doubt.
    pub unknown_orders: UnknownOrders,
    /// How each strategy is.
    pub strategies: BTreeMap<StrategyId, StrategyStatus>,
    /// The newest things worth a line, newest last.
    pub recent: VecDeque<Recent>,
}

impl StatusBus {
    /// Returns a board on which only the feed has written.
    #[must_use]
    pub fn new(feed: FeedStatus) -> Self {
        let board = Board {
            feed,
            config: ConfigStatus::default(),
            safe_mode: None,
            unknown_orders: UnknownOrders::default(),
            strategies: BTreeMap::new(),
            recent: VecDeque::new(),
        };
        Self { board: Arc::new(Mutex::new(board)), reporters: Arc::default() }
    }

    /// Returns a copy of all that is written.
    #[must_use]
    pub fn read(&self) -> Board {
        self.lock().clone()
    }

    /// Changes what is written about the feed.
    pub fn feed(&self, change: impl FnOnce(&mut FeedStatus)) {
        change(&mut self.lock().feed);
    }

    /// Changes what is written about the folder of strategies' settings.
    pub fn config(&self, change: impl FnOnce(&mut ConfigStatus)) {
        change(&mut self.lock().config);
    }

    /// Writes why no strategy starts, or that they may.
    pub fn safe_mode(&self, why: Option<String>) {
        self.lock().safe_mode = why;
    }

    /// Writes of which orders nobody knows how they stand.
    pub fn unknown_orders(&self, orders: UnknownOrders) {
        self.lock().unknown_orders = orders;
    }

    /// Returns what a strategy holds, as it was written last: short names of markets.
    #[must_use]
    pub fn held(&self, id: &StrategyId) -> Vec<String> {
        let board = self.lock();
        let held = board.strategies.get(id).map(|status| &status.kernel.positions);
        held.into_iter().flatten().map(|position| position.market.clone()).collect()
    }

    /// Writes how a strategy is; its kernel's part stays as it is.
    pub fn strategy(&self, mut status: StrategyStatus) {
        let mut board = self.lock();
        if let Some(before) = board.strategies.remove(&status.id) {
            status.kernel = before.kernel;
        }
        board.strategies.insert(status.id.clone(), status);
    }

    /// Writes how a strategy's kernel is.
    pub fn kernel(&self, id: &StrategyId, kernel: KernelStatus) {
        if let Some(status) = self.lock().strategies.get_mut(id) {
            status.kernel = kernel;
        }
    }

    /// Writes what a strategy on trial wanted and was refused.
    pub fn trial(&self, id: &StrategyId, counts: Counts) {
        if let Some(status) = self.lock().strategies.get_mut(id)
            && matches!(status.rollout.stage, Stage::Trial { .. })
        {
            status.rollout.counts = Some(counts);
        }
    }

    /// Adds something worth a line; the oldest goes when there are too many.
    pub fn say(&self, recent: Recent) {
        let mut board = self.lock();
        board.recent.push_back(recent);
        while SystemStatus::RECENT_MAX < board.recent.len() {
            board.recent.pop_front();
        }
    }

    /// Says how a strategy's runtime is asked for a report.
    pub fn reporter(&self, id: &StrategyId, ask: Ask) {
        self.reporters().insert(id.clone(), Reporter { ask, asked: None });
    }

    /// Asks every runtime to write how it is. Returns when all have, or have been given long enough.
    pub async fn ask_reports(&self) {
        let mut waiting = Vec::new();
        for (id, reporter) in self.reporters().iter_mut() {
            let answer = reporter.asked.take().unwrap_or_else(|| {
                let (reply, answer) = oneshot::channel();
                (reporter.ask)(reply);
                answer
            });
            waiting.push((id.clone(), answer));
        }
        let until = tokio::time::Instant::now() + REPORT_WITHIN;
        for (id, mut answer) in waiting {
            if tokio::time::timeout_at(until, &mut answer).await.is_err()
                && let Some(reporter) = self.reporters().get_mut(&id)
            {
                reporter.asked = Some(answer);
            }
        }
    }

    fn reporters(&self) -> MutexGuard<'_, BTreeMap<StrategyId, Reporter>> {
        self.reporters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("asked", &self.asked.is_some()).finish_non_exhaustive()
    }
}
