//! StatusBus: the board on which the parts write how they are; the aggregator makes one snapshot of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ploy::order::StrategyId;
use ploy::status::{FeedStatus, KernelStatus, Recent, StrategyStatus, SystemStatus};

/// The board. Writing is short and never waits for anything but another writer.
#[derive(Clone, Debug)]
pub struct StatusBus {
    board: Arc<Mutex<Board>>,
}

/// What the parts have written.
#[derive(Clone, Debug)]
pub struct Board {
    /// How the feed is.
    pub feed: FeedStatus,
    /// How each strategy is.
    pub strategies: BTreeMap<StrategyId, StrategyStatus>,
    /// The newest things worth a line, newest last.
    pub recent: VecDeque<Recent>,
}

impl StatusBus {
    /// Returns a board on which only the feed has written.
    #[must_use]
    pub fn new(feed: FeedStatus) -> Self {
        let board = Board { feed, strategies: BTreeMap::new(), recent: VecDeque::new() };
        Self { board: Arc::new(Mutex::new(board)) }
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

    /// Adds something worth a line; the oldest goes when there are too many.
    pub fn say(&self, recent: Recent) {
        let mut board = self.lock();
        board.recent.push_back(recent);
        while SystemStatus::RECENT_MAX < board.recent.len() {
            board.recent.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
