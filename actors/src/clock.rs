//! The event clock: time as the tape tells it, and who wants to be woken when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ploy::time::Timestamp;

use crate::bus::Ticket;
use crate::ports::Clock;

/// Time that moves with the events. Whoever plays them moves it and wakes those whose time has come.
#[derive(Clone, Default)]
pub struct EventClock {
    inner: Arc<Mutex<Inner>>,
    /// How many events of the source were played.
    played: Arc<AtomicU64>,
}

/// Who wants to be woken. At the same instant the first comes first, then the order of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sleeper {
    /// The paper venue: an order arrives.
    Venue,
    /// A strategy's timer.
    Strategy(String),
    /// The manager: the backoff of a strategy is over.
    Retry(String),
    /// The manager: the trial of a strategy's settings is over.
    Trial(String),
}

/// What is called when the time has come. Must not block.
pub type Alarm = Box<dyn FnOnce(Timestamp, Ticket) + Send>;

#[derive(Default)]
struct Inner {
    now: Timestamp,
    due: BTreeMap<(Timestamp, Sleeper), Alarm>,
    of: BTreeMap<Sleeper, Timestamp>,
}

impl EventClock {
    /// Wakes a sleeper at an instant, in the place of what it asked for before.
    pub fn wake_at(&self, at: Timestamp, sleeper: Sleeper, alarm: Alarm) {
        let mut inner = self.lock();
        inner.forget(&sleeper);
        inner.of.insert(sleeper.clone(), at);
        inner.due.insert((at, sleeper), alarm);
    }

    /// Says that so many events of the source were played, the present one included.
    pub fn say_played(&self, events: u64) {
        self.played.store(events, Ordering::SeqCst);
    }

    /// Returns how many events of the source were played, the present one included: a place that is the same each time
    /// the source is played.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.played.load(Ordering::SeqCst)
    }

    /// Lets a sleeper sleep.
    pub fn cancel(&self, sleeper: &Sleeper) {
        self.lock().forget(sleeper);
    }

    /// Moves time on to the next sleeper that is due by `end` and returns its alarm, or moves time to `end`.
    #[must_use]
    pub fn advance(&self, end: Timestamp) -> Option<(Timestamp, Alarm)> {
        let mut inner = self.lock();
        let due = inner.due.first_entry().filter(|entry| entry.key().0 <= end);
        let Some(((at, sleeper), alarm)) = due.map(|entry| entry.remove_entry()) else {
            inner.now = inner.now.max(end);
            return None;
        };
        inner.of.remove(&sleeper);
        inner.now = inner.now.max(at);
        Some((at, alarm))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for EventClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
}

impl Inner {
    fn forget(&mut self, sleeper: &Sleeper) {
        if let Some(at) = self.of.remove(sleeper) {
            self.due.remove(&(at, sleeper.clone()));
        }
    }
}

impl fmt::Debug for EventClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        let sleepers: Vec<_> = inner.due.keys().collect();
        f.debug_struct("EventClock").field("now", &inner.now).field("due", &sleepers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn run(clock: &EventClock, end: Timestamp) {
        while let Some((at, alarm)) = clock.advance(end) {
            alarm(at, Ticket::none());
        }
    }

    #[test]
    fn sleepers_wake_in_the_order_of_time_then_venue_then_names() {
        let clock = EventClock::default();
        let (tx, rx) = mpsc::channel();
        let strategy = |name: &str| Sleeper::Strategy(name.to_owned());
        for (seconds, sleeper) in [
            (2, strategy("b")),
            (2, Sleeper::Venue),
            (2, strategy("a")),
            (1, strategy("c")),
            (9, strategy("z")),
        ] {
            let (tx, name) = (tx.clone(), format!("{sleeper:?}"));
            let alarm = move |at: Timestamp, _| tx.send((at, name)).unwrap();
            clock.wake_at(at(seconds), sleeper, Box::new(alarm));
        }
        run(&clock, at(5));
        let woken: Vec<_> = rx.try_iter().map(|(_, name)| name).collect();
        assert_eq!(woken, [r#"Strategy("c")"#, "Venue", r#"Strategy("a")"#, r#"Strategy("b")"#]);
        assert_eq!(clock.now(), at(5));
    }

    #[test]
    fn a_sleeper_has_one_alarm() {
        let clock = EventClock::default();
        let (tx, rx) = mpsc::channel();
        for seconds in [3, 1] {
            let tx = tx.clone();
            clock.wake_at(at(seconds), Sleeper::Venue, Box::new(move |at, _| tx.send(at).unwrap()));
        }
        run(&clock, at(5));
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [at(1)]);
        clock.wake_at(at(6), Sleeper::Venue, Box::new(move |at, _| tx.send(at).unwrap()));
        clock.cancel(&Sleeper::Venue);
        run(&clock, at(9));
        assert_eq!(rx.try_iter().count(), 0);
    }
}
