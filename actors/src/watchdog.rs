//! Watchdog: a thread outside every async runtime that ends the process when the manager itself cannot act any more.
//!
//! owns: a thread, and since when it has seen each pulse stand still
//! takes: the pulses of the strategies and of their manager
//! emits: a closed gate, a line on standard error, the end of the process
//! dies: when it is dropped, or with the process

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::pulse::{Lookout, Pulses, Sight, Whose};
use crate::telemetry::events;

/// The time between two looks.
pub const EVERY: Duration = Duration::from_millis(500);
/// How long the closing of the gates may take, with their halt on the disk: what it needs may be stuck, too.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// How long the line on standard error may take: whoever reads it may be stuck, too.
const SAY_WITHIN: Duration = Duration::from_secs(1);

/// Closes the gate for all strategies; the text says why. It is given up when it takes too long.
pub type Close = Arc<dyn Fn(&str) + Send + Sync>;
/// Ends the process; the text says why.
pub type End = Box<dyn FnOnce(&str) + Send>;

/// A watchdog that is on guard until it is dropped.
#[derive(Debug)]
pub struct Watchdog {
    is_off: Arc<AtomicBool>,
    thread: Thread,
}

/// Returns why the process must end, or nothing while every pulse moves within its limit. The time comes as an argument:
/// `now` is the time since any fixed instant.
#[must_use]
pub fn verdict(lookout: &mut Lookout<Whose>, now: Duration, sights: &[Sight]) -> Option<String> {
    let beats = sights.iter().map(|sight| (sight.whose.clone(), sight.beat));
    let busy = lookout.look(now, beats);
    let over = |sight: &&Sight| busy.get(&sight.whose).is_some_and(|span| sight.limit < *span);
    let sight = sights.iter().find(over)?;
    let (whose, beat, limit) = (&sight.whose, sight.beat, sight.limit.as_secs());
    Some(format!("{whose} has worked on {beat} for more than {limit} s, and nobody ended it"))
}

/// Puts a watchdog on guard. When a pulse stands still for longer than it may, the gate is closed, a line is written, and
/// the process is ended.
///
/// # Errors
/// When no thread can be started.
pub fn start(pulses: Pulses, close: Close, end: End) -> io::Result<Watchdog> {
    start_every((EVERY, CLOSE_WITHIN), pulses, close, end)
}

fn start_every(
    (every, close_within): (Duration, Duration),
    pulses: Pulses,
    close: Close,
    end: End,
) -> io::Result<Watchdog> {
    let is_off = Arc::new(AtomicBool::new(false));
    let off = Arc::clone(&is_off);
    let guard = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        let (began, mut lookout) = (Instant::now(), Lookout::new(every));
        let why = loop {
            thread::park_timeout(every);
            if off.load(Ordering::Acquire) {
                return;
            }
            if let Some(why) = verdict(&mut lookout, began.elapsed(), &pulses.read()) {
                break why;
            }
        };
        let reason = why.clone();
        within(close_within, move || close(&reason));
        say(&why);
        end(&why);
    })?;
    Ok(Watchdog { is_off, thread: guard.thread().clone() })
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.is_off.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Writes one line to standard error, past the log: its queue needs threads that may be starved.
fn say(why: &str) {
    let line = serde_json::json!({
        "level": "error",
        "event.name": events::WATCHDOG_FIRED,
        "message": "the watchdog ends the process",
        "error.message": why,
    });
    within(SAY_WITHIN, move || drop(writeln!(io::stderr(), "{line}")));
}

/// Has work done by a thread of its own, and waits for it for so long: the process ends, whether it is done or not.
fn within(span: Duration, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        work();
        done.send(()).ok(); // nobody waits any more
    });
    is_done.recv_timeout(span).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pulse::{Pulse, Work};

    fn strategy() -> Whose {
        Whose::Strategy("a".parse().unwrap())
    }

    /// Looks twice a second for so long; returns the second at which it says that the process must end.
    fn fires(pulses: &Pulses, lookout: &mut Lookout<Whose>, seconds: u64) -> Option<(u64, String)> {
        (0..seconds * 2).find_map(|n| {
            let now = Duration::from_millis(n * 500);
            verdict(lookout, now, &pulses.read()).map(|why| (now.as_secs(), why))
        })
    }

    #[test]
    fn a_pulse_that_stands_still_for_longer_than_it_may_ends_the_process() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulses.watch(strategy(), &pulse, Duration::from_secs(20));
        let mut lookout = Lookout::new(EVERY);
        assert_eq!(fires(&pulses, &mut lookout, 1000), None, "it waits for work");
        pulse.begin(Work::Market);
        let (second, why) = fires(&pulses, &mut Lookout::new(EVERY), 1000).unwrap();
        assert_eq!(second, 20);
        let said = "strategy a has worked on a market event (work 1) for more than 20 s, and nobody ended it";
        assert_eq!(why, said);
        pulses.forget(&strategy());
        assert_eq!(fires(&pulses, &mut Lookout::new(EVERY), 1000), None);
    }

    #[test]
    fn the_manager_that_beats_no_more_ends_the_process() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulse.begin(Work::Manager);
        pulses.watch(Whose::Manager, &pulse, Duration::from_secs(30));
        let (second, why) = fires(&pulses, &mut Lookout::new(EVERY), 1000).unwrap();
        assert_eq!(second, 30);
        assert!(why.starts_with("the strategy manager has worked on the manager's beat"), "{why}");
    }

    #[test]
    fn a_machine_that_slept_or_was_stopped_is_never_mistaken_for_a_hang() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulses.watch(strategy(), &pulse, Duration::from_secs(20));
        pulse.begin(Work::Market);
        let mut lookout = Lookout::new(EVERY);
        let mut now = Duration::ZERO;
        // It is stopped again and again, each time for an hour, and runs for ten seconds between.
        for _ in 0..10 {
            for _ in 0..20 {
                now += EVERY;
                assert_eq!(verdict(&mut lookout, now, &pulses.read()), None);
            }
            now += Duration::from_hours(1);
        }
        // What still stands when nobody was stopped any more is a hang.
        let until = now + Duration::from_secs(21);
        let mut fired = None;
        while now < until && fired.is_none() {
            now += EVERY;
            fired = verdict(&mut lookout, now, &pulses.read());
        }
        assert!(fired.is_some());
    }

    #[test]
    fn the_gate_is_closed_before_the_process_ends() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulse.begin(Work::Market);
        pulses.watch(strategy(), &pulse, Duration::ZERO);
        let (said, heard) = mpsc::channel();
        let (closing, ending) = (said.clone(), said);
        let close: Close = Arc::new(move |_| closing.send("closed").unwrap());
        let end: End = Box::new(move |_| ending.send("ended").unwrap());
        let within = Duration::from_secs(60);
        let often = Duration::from_millis(1);
        let guard = start_every((often, within), pulses, close, end).unwrap();
        assert_eq!(heard.recv_timeout(within), Ok("closed"));
        assert_eq!(heard.recv_timeout(within), Ok("ended"));
        drop(guard);
    }

    #[test]
    fn gates_that_cannot_be_closed_in_time_do_not_keep_the_process() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulse.begin(Work::Market);
        pulses.watch(strategy(), &pulse, Duration::ZERO);
        let (_held, stuck) = mpsc::channel::<()>();
        let stuck = std::sync::Mutex::new(stuck);
        let (ending, heard) = mpsc::channel();
        let close: Close = Arc::new(move |_| {
            stuck.lock().unwrap().recv().ok();
        });
        let end: End = Box::new(move |_| ending.send("ended").unwrap());
        let often = Duration::from_millis(1);
        let guard = start_every((often, often), pulses, close, end).unwrap();
        assert_eq!(heard.recv_timeout(Duration::from_secs(60)), Ok("ended"));
        drop(guard);
    }

    #[test]
    fn a_watchdog_that_is_dropped_ends_nothing() {
        let (pulses, pulse) = (Pulses::default(), Arc::new(Pulse::default()));
        pulse.begin(Work::Market);
        pulses.watch(strategy(), &pulse, Duration::from_secs(3600));
        let (said, heard) = mpsc::channel::<()>();
        let keep = said.clone();
        let close: Close = Arc::new(move |_| keep.send(()).unwrap());
        let end: End = Box::new(move |_| said.send(()).unwrap());
        let seldom = Duration::from_secs(3600);
        drop(start_every((seldom, seldom), pulses, close, end).unwrap());
        // Its thread has ended when it holds neither closure any more.
        assert_eq!(
            heard.recv_timeout(Duration::from_secs(60)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
