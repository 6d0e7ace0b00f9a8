//! Pulses: what a runtime works on now, written by itself and read by others, so that a hang is told from work.
//!
//! A runtime writes two words of memory around each piece of work, and reads no clock. Since when a piece is worked on
//! is known to those who look again and again ([`Lookout`]), to the accuracy of the time between two looks. Nothing
//! that decides reads a pulse.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::order::StrategyId;

/// How late a look may be. Who looks later than this was not running itself: the machine slept, or everything was
/// stopped, or a debugger held it. What it sees then says nothing about anybody.
pub const LATE: Duration = Duration::from_secs(1);

/// The bits of a beat that say the kind of work.
const WORK_BITS: u32 = 4;

/// What one runtime works on now.
#[derive(Debug, Default)]
pub struct Pulse {
    /// 0 while it waits for work; else the number of the piece of work, and its kind.
    beat: AtomicU64,
    /// How many pieces of work were begun.
    begun: AtomicU64,
}

/// A pulse at an instant. Two equal beats of work are of the same piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat(u64);

/// The kind of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It takes out what waits in its mailbox.
    Mailbox,
    /// A market event.
    Market,
    /// An event of an order of its own.
    Order,
    /// A time that it asked for.
    Timer,
    /// A gate that was opened or closed, or a breaker that was released.
    Control,
    /// It says how it is, or what must be remembered.
    Report,
    /// It goes on by other settings.
    Settings,
    /// The manager's own beat.
    Manager,
}

/// Since when each pulse has not moved, for somebody who looks at all of them again and again.
#[derive(Debug)]
pub struct Lookout<K> {
    /// The time between two looks.
    every: Duration,
    looked: Option<Duration>,
    seen: BTreeMap<K, (Beat, Duration)>,
}

/// Whose pulse it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The manager's: it must act on the hang of any strategy.
    Manager,
    /// A strategy's.
    Strategy(StrategyId),
}

/// All pulses that must move, each with how long it may stand still.
#[derive(Clone, Debug, Default)]
pub struct Pulses {
    watched: Arc<Mutex<BTreeMap<Whose, Watched>>>,
}

#[derive(Clone, Debug)]
struct Watched {
    pulse: Arc<Pulse>,
    limit: Duration,
}

/// One pulse at an instant, with how long it may stand still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whose it is.
    pub whose: Whose,
    /// What it says.
    pub beat: Beat,
    /// How long it may say the same.
    pub limit: Duration,
}

impl Pulse {
    /// Notes that the next piece of work is begun. Only the worker calls it.
    pub fn begin(&self, work: Work) {
        let number = self.begun.load(Ordering::Relaxed).wrapping_add(1);
        self.begun.store(number, Ordering::Relaxed);
        self.beat.store(number << WORK_BITS | work.code(), Ordering::Release);
    }

    /// Notes that nothing is worked on.
    pub fn rest(&self) {
        self.beat.store(0, Ordering::Release);
    }

    /// Returns what is worked on now.
    #[must_use]
    pub fn read(&self) -> Beat {
        Beat(self.beat.load(Ordering::Acquire))
    }
}

impl Beat {
    /// Tells whether nothing is worked on.
    #[must_use]
    pub const fn is_rest(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of the piece of work in its incarnation, from 1; 0 while nothing is worked on.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 >> WORK_BITS
    }

    /// Returns the kind of the work; nothing while nothing is worked on.
    #[must_use]
    pub fn work(self) -> Option<Work> {
        let code = self.0 & ((1 << WORK_BITS) - 1);
        Work::ALL.into_iter().find(|work| !self.is_rest() && work.code() == code)
    }
}

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.work() {
            Some(work) => write!(f, "{} (work {})", work.name(), self.number()),
            None => f.write_str("nothing"),
        }
    }
}

impl Work {
    const ALL: [Self; 8] = [
        Self::Mailbox,
        Self::Market,
        Self::Order,
        Self::Timer,
        Self::Control,
        Self::Report,
        Self::Settings,
        Self::Manager,
    ];

    const fn code(self) -> u64 {
        match self {
            Self::Mailbox => 1,
            Self::Market => 2,
            Self::Order => 3,
            Self::Timer => 4,
            Self::Control => 5,
            Self::Report => 6,
            Self::Settings => 7,
            Self::Manager => 8,
        }
    }

    /// Returns the words for it in logs and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "its mailbox",
            Self::Market => "a market event",
            Self::Order => "an event of its order",
            Self::Timer => "its timer",
            Self::Control => "a gate or a release",
            Self::Report => "its report",
            Self::Settings => "other settings",
            Self::Manager => "the manager's beat",
        }
    }
}

impl<K: Clone + Ord> Lookout<K> {
    /// Returns a lookout that has seen nothing and looks this often.
    #[must_use]
    pub const fn new(every: Duration) -> Self {
        Self { every, looked: None, seen: BTreeMap::new() }
    }

    /// Looks at all pulses. Returns for how long each of those that work has worked on the same piece. `now` is the time
    /// since any fixed instant. After a look that came late everybody begins anew.
    pub fn look(
        &mut self,
        now: Duration,
        beats: impl IntoIterator<Item = (K, Beat)>,
    ) -> BTreeMap<K, Duration> {
        let late = self.looked.is_some_and(|last| self.every + LATE < now.saturating_sub(last));
        self.looked = Some(now);
        let before = std::mem::take(&mut self.seen);
        let mut busy = BTreeMap::new();
        for (key, beat) in beats {
            let since = match before.get(&key) {
                Some((last, since)) if !late && *last == beat && !beat.is_rest() => *since,
                Some(_) | None => now,
            };
            if !beat.is_rest() {
                busy.insert(key.clone(), now.saturating_sub(since));
            }
            self.seen.insert(key, (beat, since));
        }
        busy
    }
}

impl Pulses {
    /// Watches a pulse from here on, or gives it another limit.
    pub fn watch(&self, whose: Whose, pulse: &Arc<Pulse>, limit: Duration) {
        let watched = Watched { pulse: Arc::clone(pulse), limit };
        self.lock().insert(whose, watched);
    }

    /// Watches a pulse no longer.
    pub fn forget(&self, whose: &Whose) {
        self.lock().remove(whose);
    }

    /// Returns what all pulses say now.
    #[must_use]
    pub fn read(&self) -> Vec<Sight> {
        let watched = self.lock();
        let sight = |(whose, one): (&Whose, &Watched)| Sight {
            whose: whose.clone(),
            beat: one.pulse.read(),
            limit: one.limit,
        };
        watched.iter().map(sight).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Whose, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manager => f.write_str("the strategy manager"),
            Self::Strategy(id) => write!(f, "strategy {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// Looks every tenth of a second from `from` up to `to`; returns what was seen last.
    fn look(lookout: &mut Lookout<u8>, pulse: &Pulse, (from, to): (u64, u64)) -> Option<Duration> {
        let mut busy = None;
        for now in (from..=to).step_by(100) {
            busy = lookout.look(millis(now), [(1, pulse.read())]).remove(&1);
        }
        busy
    }

    #[test]
    fn work_is_busy_from_the_first_look_that_saw_it() {
        let (mut lookout, pulse) = (Lookout::new(EVERY), Pulse::default());
        assert_eq!(look(&mut lookout, &pulse, (0, 500)), None);
        pulse.begin(Work::Market);
        assert_eq!(look(&mut lookout, &pulse, (600, 600)), Some(Duration::ZERO));
        assert_eq!(look(&mut lookout, &pulse, (700, 5600)), Some(millis(5000)));
        pulse.rest();
        assert_eq!(look(&mut lookout, &pulse, (5700, 5700)), None);
    }

    #[test]
    fn the_next_piece_of_work_is_progress_though_it_is_of_the_same_kind() {
        let (mut lookout, pulse) = (Lookout::new(EVERY), Pulse::default());
        pulse.begin(Work::Timer);
        assert_eq!(look(&mut lookout, &pulse, (0, 900)), Some(millis(900)));
        pulse.begin(Work::Timer);
        assert_eq!(look(&mut lookout, &pulse, (1000, 1400)), Some(millis(400)));
    }

    #[test]
    fn who_was_not_running_himself_gives_everybody_a_fresh_allowance() {
        let (mut lookout, pulse) = (Lookout::new(EVERY), Pulse::default());
        pulse.begin(Work::Market);
        assert_eq!(look(&mut lookout, &pulse, (0, 900)), Some(millis(900)));
        // A second late is allowed for, a little more is not.
        assert_eq!(look(&mut lookout, &pulse, (2000, 2000)), Some(millis(2000)));
        assert_eq!(look(&mut lookout, &pulse, (3101, 3101)), Some(Duration::ZERO));
        assert_eq!(look(&mut lookout, &pulse, (3_600_000, 3_600_000)), Some(Duration::ZERO));
        assert_eq!(look(&mut lookout, &pulse, (3_600_100, 3_600_400)), Some(millis(400)));
    }

    #[test]
    fn a_beat_says_what_is_worked_on() {
        let pulse = Pulse::default();
        assert_eq!(pulse.read().to_string(), "nothing");
        for (number, work) in (1..).zip(Work::ALL) {
            pulse.begin(work);
            assert_eq!((pulse.read().number(), pulse.read().work()), (number, Some(work)));
        }
        assert_eq!(pulse.read().to_string(), "the manager's beat (work 8)");
        pulse.rest();
        assert!(pulse.read().is_rest());
    }
}
