//! All orders that the executor knows: those that may still be filled, and the newest of those that are over.

use std::collections::{BTreeMap, VecDeque};

use ploy::order::{ClientOrderId, StrategyId};
use tokio::time::Instant;

use super::track::Track;
use crate::store::Told;

/// Orders that are over and are still known, so that what is told of them again is not taken for news. What is told of
/// older ones is looked up in the store.
const OVER_MAX: usize = 4096;

/// The orders by number.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    open: BTreeMap<ClientOrderId, Track>,
    over: BTreeMap<ClientOrderId, Track>,
    /// Those that are over, the oldest first.
    ended: VecDeque<ClientOrderId>,
    /// When something is to be done next, or earlier.
    due: Option<Instant>,
}

impl Tracks {
    /// Returns the orders of an earlier process that have not ended.
    pub(super) fn inherited(told: Vec<Told>, now: Instant) -> Self {
        let mut tracks = Self::default();
        for told in told {
            tracks.add(Track::inherited(told, now));
        }
        tracks
    }

    /// Adds an order.
    pub(super) fn add(&mut self, track: Track) {
        let id = track.key().id.clone();
        if track.is_over() {
            self.put_away(id, track);
            return;
        }
        self.due = self.due.into_iter().chain(track.due()).min();
        self.open.insert(id, track);
    }

    /// Tells whether an order is known here.
    pub(super) fn knows(&self, id: &ClientOrderId) -> bool {
        self.open.contains_key(id) || self.over.contains_key(id)
    }

    /// Changes an order. Returns what the change says; nothing where it is not known here.
    pub(super) fn change<T>(
        &mut self,
        id: &ClientOrderId,
        change: impl FnOnce(&mut Track) -> T,
    ) -> Option<T> {
        let track = self.open.get_mut(id).or_else(|| self.over.get_mut(id))?;
        let said = change(track);
        if !track.is_over() {
            self.due = self.due.into_iter().chain(track.due()).min();
        }
        Some(said)
    }

    /// Takes an order that is over out of the open ones. Tells whether its strategy has none open any more.
    pub(super) fn close(&mut self, id: &ClientOrderId) -> bool {
        if !self.open.get(id).is_some_and(Track::is_over) {
            return false;
        }
        if let Some(track) = self.open.remove(id) {
            self.put_away(id.clone(), track);
        }
        self.open_of(&id.strategy).next().is_none()
    }

    /// Returns the open orders of a strategy.
    pub(super) fn open_of(&self, strategy: &StrategyId) -> impl Iterator<Item = &Track> {
        let of = |number| ClientOrderId { strategy: strategy.clone(), number };
        self.open.range(of(0)..=of(u64::MAX)).map(|(_, track)| track)
    }

    /// Returns the open orders of which nobody knows how they stand.
    pub(super) fn doubts(&self) -> impl Iterator<Item = (&ClientOrderId, &Track)> {
        self.open.iter().filter(|(_, track)| track.why().is_some())
    }

    /// Returns when something is to be done next; it may turn out that nothing is.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Returns for which orders something is to be done now.
    pub(super) fn due_now(&self, now: Instant) -> Vec<ClientOrderId> {
        let is_due = |track: &Track| track.due().is_some_and(|due| due <= now);
        self.open.iter().filter(|(_, track)| is_due(track)).map(|(id, _)| id.clone()).collect()
    }

    /// Looks anew when something is to be done next.
    pub(super) fn look_ahead(&mut self) {
        self.due = self.open.values().filter_map(Track::due).min();
    }

    fn put_away(&mut self, id: ClientOrderId, track: Track) {
        self.ended.push_back(id.clone());
        self.over.insert(id, track);
        if OVER_MAX < self.ended.len()
            && let Some(oldest) = self.ended.pop_front()
        {
            self.over.remove(&oldest);
        }
    }
}
