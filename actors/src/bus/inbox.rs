//! The inbox of one reader: bounded memory, newest book wins, nothing else lost in silence, one wake at a time.
//!
//! Values wait in the order in which they came. A value with a key replaces the unread one of the same key
//! and keeps its place in the order, so that no key starves. Ring values push out the oldest ring value when
//! there are too many, and the reader is told how many it missed. Lossless values are never dropped: when too
//! many wait the writer is told, and whoever owns the reader must end it.
//!
//! The writer of the first value after a read must wake the reader; the others need not. The reader clears the
//! flag by a swap and *then* takes the values: the other order loses a wake (`tests/loom` shows it).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::Ordering;

use super::sync::{AtomicBool, Mutex};

/// How a value waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane<K> {
    /// Replaces an unread value of the same key.
    Latest(K),
    /// Pushes out the oldest such value when there are too many.
    Ring,
    /// Is never dropped.
    Lossless,
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ring values.
    pub ring_max: usize,
    /// Lossless values.
    pub lossless_max: usize,
}

/// Whether the writer has something to do after a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The reader must be woken.
    Wake,
    /// The reader has been woken and has not read yet.
    Waiting,
    /// A lossless value too many: it is in, but the reader does not keep up and must be ended.
    Overflow,
}

/// All that waited.
#[derive(Debug)]
pub struct Batch<V> {
    /// The values, oldest first.
    pub items: Vec<V>,
    /// Ring values that were pushed out since the last read.
    pub missed: u64,
    /// Keyed values that a newer one replaced since the last read.
    pub conflated: u64,
}

/// Values that wait for one reader. `K` names what a newer value replaces.
#[derive(Debug)]
pub struct Inbox<K, V> {
    bounds: Bounds,
    queue: Mutex<Queue<K, V>>,
    signalled: AtomicBool,
}

/// What waits, each value with its place in the order.
#[derive(Debug)]
struct Queue<K, V> {
    next: u64,
    latest: BTreeMap<K, (u64, V)>,
    ring: VecDeque<(u64, V)>,
    lossless: Vec<(u64, V)>,
    missed: u64,
    conflated: u64,
}

impl<K: Ord, V> Inbox<K, V> {
    /// Returns an empty inbox.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, queue: Mutex::new(Queue::new()), signalled: AtomicBool::new(false) }
    }

    /// Puts a value in.
    pub fn put(&self, lane: Lane<K>, value: V) -> Put {
        let (replaced, overflow) = self.with(|queue| queue.put(lane, value, self.bounds));
        drop(replaced); // outside the lock: a value may be the last owner of a large book
        let first = !self.signalled.swap(true, Ordering::AcqRel);
        match (overflow, first) {
            (true, _) => Put::Overflow,
            (false, true) => Put::Wake,
            (false, false) => Put::Waiting,
        }
    }

    /// Takes everything out.
    pub fn take(&self) -> Batch<V> {
        self.signalled.swap(false, Ordering::AcqRel);
        let queue = self.with(|queue| mem::replace(queue, Queue::new()));
        queue.into_batch() // outside the lock: the writers need not wait for the sorting
    }

    /// Returns how many values wait.
    pub fn len(&self) -> usize {
        self.with(|queue| queue.latest.len() + queue.ring.len() + queue.lossless.len())
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn with<T>(&self, work: impl FnOnce(&mut Queue<K, V>) -> T) -> T {
        // Nothing inside the lock can panic, so a poisoned lock still guards a sound queue.
        let mut queue = match self.queue.lock() {
            Ok(queue) => queue,
            Err(poisoned) => poisoned.into_inner(),
        };
        work(&mut queue)
    }
}

impl<K: Ord, V> Queue<K, V> {
    const fn new() -> Self {
        Self {
            next: 0,
            latest: BTreeMap::new(),
            ring: VecDeque::new(),
            lossless: Vec::new(),
            missed: 0,
            conflated: 0,
        }
    }

    /// Returns the value that was replaced or pushed out, and whether too many lossless ones wait.
    fn put(&mut self, lane: Lane<K>, value: V, bounds: Bounds) -> (Option<V>, bool) {
        let place = self.next;
        self.next += 1;
        match lane {
            Lane::Latest(key) => match self.latest.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert((place, value));
                    (None, false)
                }
                Entry::Occupied(entry) => {
                    let (_, unread) = entry.into_mut();
                    self.conflated += 1;
                    (Some(mem::replace(unread, value)), false)
                }
            },
            Lane::Ring => {
                self.ring.push_back((place, value));
                if self.ring.len() <= bounds.ring_max {
                    return (None, false);
                }
                self.missed += 1;
                (self.ring.pop_front().map(|(_, oldest)| oldest), false)
            }
            Lane::Lossless => {
                self.lossless.push((place, value));
                (None, bounds.lossless_max < self.lossless.len())
            }
        }
    }

    fn into_batch(self) -> Batch<V> {
        let Self { latest, ring, lossless, missed, conflated, .. } = self;
        let mut items: Vec<(u64, V)> = latest.into_values().chain(ring).chain(lossless).collect();
        items.sort_unstable_by_key(|(place, _)| *place);
        Batch { items: items.into_iter().map(|(_, value)| value).collect(), missed, conflated }
    }
}
