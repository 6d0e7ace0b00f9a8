//! Failpoints: places on the way of an order at which a test can have the process crash, the step fail, or time pass.
//!
//! They are there only with the feature `failpoints`, which tests turn on and no other build does. Without it a
//! failpoint is nothing: no code, no environment variable, no switch.

/// A place on the way of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Before the transaction of an order.
    BeforeCommit,
    /// The order is durable; whoever waits for it is not told yet.
    AfterCommit,
    /// Before the order is handed to the venue.
    BeforeSend,
    /// The venue was handed the order.
    AfterSend,
    /// The venue has told something; it is not stored yet.
    AfterAnswer,
    /// What the venue told is durable; the ledger has not booked it yet.
    BeforeBooking,
    /// The ledger has booked it; the strategy has not been told yet.
    BeforeTelling,
}

/// What a step comes to at a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// It is to fail.
    Error,
    /// The process is to end here as a crash does: nothing more is done, nobody is told.
    Crash,
}

impl Step {
    /// Every step, in the order in which an order passes them.
    pub const ALL: [Self; 7] = [
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeSend,
        Self::AfterSend,
        Self::AfterAnswer,
        Self::BeforeBooking,
        Self::BeforeTelling,
    ];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::BeforeSend => "before_send",
            Self::AfterSend => "after_send",
            Self::AfterAnswer => "after_answer",
            Self::BeforeBooking => "before_booking",
            Self::BeforeTelling => "before_telling",
        }
    }
}

/// A text says no failpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "PLOY_FAILPOINTS: `{0}` is no failpoint: STEP=crash, STEP=error or STEP=delay:MILLISECONDS are, each with @N for the Nth time"
)]
pub struct BadFailpoint(String);

#[cfg(feature = "failpoints")]
pub use on::{Failpoints, Fault};

#[cfg(not(feature = "failpoints"))]
pub use off::Failpoints;

#[cfg(not(feature = "failpoints"))]
mod off {
    use crate::failpoint::{BadFailpoint, Injected, Step};

    /// No failpoints.
    #[derive(Clone, Debug, Default)]
    pub struct Failpoints;

    impl Failpoints {
        /// Returns no failpoints, whatever the environment says.
        ///
        /// # Errors
        /// Never.
        pub const fn from_env() -> Result<Self, BadFailpoint> {
            Ok(Self)
        }

        /// Passes a step.
        ///
        /// # Errors
        /// Never.
        #[inline(always)]
        #[expect(clippy::unused_async, reason = "with failpoints a step may wait")]
        pub async fn at(&self, _step: Step) -> Result<(), Injected> {
            Ok(())
        }
    }
}

#[cfg(feature = "failpoints")]
mod on {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    use crate::failpoint::{BadFailpoint, Injected, Step};

    /// The environment variable by which the program is told its failpoints: `after_send=crash@3,before_booking=delay:50`.
    const VARIABLE: &str = "PLOY_FAILPOINTS";

    /// What happens at which step. Cheap to clone; all clones count together.
    #[derive(Clone, Debug, Default)]
    pub struct Failpoints {
        set: Arc<Mutex<BTreeMap<Step, Point>>>,
        /// Whether a crash ends the process at once; else it is only said.
        aborts: bool,
    }

    /// What goes wrong at a failpoint.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// The process ends at once.
        Crash,
        /// The step fails.
        Error,
        /// The step takes this much longer.
        Delay(Duration),
    }

    #[derive(Clone, Copy, Debug)]
    struct Point {
        fault: Fault,
        /// How often the step passes before it happens; then it happens once.
        left: u32,
    }

    impl Failpoints {
        /// Returns the failpoints that the environment names: a crash there ends the process.
        ///
        /// # Errors
        /// When it names what is none.
        pub fn from_env() -> Result<Self, BadFailpoint> {
            let text = std::env::var(VARIABLE).unwrap_or_default();
            let points = Self { aborts: true, ..Self::default() };
            for word in text.split(',').filter(|word| !word.is_empty()) {
                let (step, fault, time) =
                    read(word).ok_or_else(|| BadFailpoint(word.to_owned()))?;
                points.set(step, fault, time);
            }
            Ok(points)
        }

        /// Lets something go wrong at a step when it is passed for this time, from 1, and only then.
        pub fn set(&self, step: Step, fault: Fault, time: u32) {
            self.lock().insert(step, Point { fault, left: time.saturating_sub(1) });
        }

        /// Tells whether nothing is left that is to go wrong.
        #[must_use]
        pub fn is_spent(&self) -> bool {
            self.lock().is_empty()
        }

        /// Passes a step.
        ///
        /// # Errors
        /// What the step comes to.
        pub async fn at(&self, step: Step) -> Result<(), Injected> {
            match self.next(step) {
                None => Ok(()),
                Some(Fault::Error) => Err(Injected::Error),
                Some(Fault::Crash) if self.aborts => std::process::abort(),
                Some(Fault::Crash) => Err(Injected::Crash),
                Some(Fault::Delay(span)) => {
                    tokio::time::sleep(span).await;
                    Ok(())
                }
            }
        }

        fn next(&self, step: Step) -> Option<Fault> {
            let mut set = self.lock();
            let point = set.get_mut(&step)?;
            if let Some(left) = point.left.checked_sub(1) {
                point.left = left;
                return None;
            }
            set.remove(&step).map(|point| point.fault)
        }

        fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Step, Point>> {
            self.set.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Reads `after_send=delay:50@3`.
    fn read(word: &str) -> Option<(Step, Fault, u32)> {
        let (name, what) = word.split_once('=')?;
        let step = Step::ALL.into_iter().find(|step| step.name() == name)?;
        let (what, time) = match what.split_once('@') {
            Some((what, time)) => (what, time.parse().ok().filter(|time| 0 < *time)?),
            None => (what, 1),
        };
        let fault = match what.split_once(':') {
            None if what == "crash" => Fault::Crash,
            None if what == "error" => Fault::Error,
            Some(("delay", span)) => Fault::Delay(Duration::from_millis(span.parse().ok()?)),
            Some(_) | None => return None,
        };
        Some((step, fault, time))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[tokio::test(start_paused = true)]
        async fn a_failpoint_goes_off_once_at_the_time_it_is_set_to() {
            let points = Failpoints::default();
            points.set(Step::AfterSend, Fault::Error, 2);
            points.set(Step::BeforeSend, Fault::Delay(Duration::from_secs(3)), 1);
            let began = tokio::time::Instant::now();
            assert_eq!(points.at(Step::BeforeSend).await, Ok(()));
            assert_eq!(began.elapsed(), Duration::from_secs(3));
            let mut passed = Vec::new();
            for _ in 0..3 {
                passed.push(points.at(Step::AfterSend).await);
            }
            assert_eq!(passed, [Ok(()), Err(Injected::Error), Ok(())]);
            assert!(points.is_spent());
        }

        #[test]
        fn a_failpoint_is_read_by_its_name_its_fault_and_its_time() {
            let millis = Duration::from_millis;
            assert_eq!(read("after_send=crash"), Some((Step::AfterSend, Fault::Crash, 1)));
            assert_eq!(read("before_commit=error@3"), Some((Step::BeforeCommit, Fault::Error, 3)));
            let delayed = read("before_booking=delay:50@2");
            assert_eq!(delayed, Some((Step::BeforeBooking, Fault::Delay(millis(50)), 2)));
            for bad in
                ["", "x", "x=crash", "after_send=", "after_send=crash@0", "after_send=delay:x"]
            {
                assert_eq!(read(bad), None, "{bad}");
            }
        }
    }
}
