//! The restart policy of one strategy: what a failure leads to, how long the wait is, when the budget is spent.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The policy, as the strategy's file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The wait before the first retry.
    pub backoff_initial: Duration,
    /// How much longer each further wait is.
    pub backoff_factor: u32,
    /// The longest wait.
    pub backoff_max: Duration,
    /// By how many percent a wait may be shorter or longer, so that strategies do not return all at once.
    pub jitter_percent: u32,
    /// How many failures within the window are retried; one more halts.
    pub failures_max: u32,
    /// The sliding window in which failures count.
    pub window: Duration,
    /// How long it must have been running for its failures to be forgotten.
    pub reset_after: Duration,
    /// The same panic so many times in a row halts: the next try would meet it again.
    pub same_signature_max: u32,
    /// How long a start may take.
    pub start_timeout: Duration,
    /// How long an asked-for stop may take before it is ended by force.
    pub stop_grace: Duration,
}

/// What kind of failure it was; each kind has its own action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Its settings cannot work: no retry mends them.
    Config,
    /// Its books are broken (an oversell, a sum that does not fit): no retry mends them.
    Accounting,
    /// Something it needs is not there yet; tried again without end and not charged to the budget.
    Dependency,
    /// It did not start in time.
    StartTimeout,
    /// It panicked.
    Panic,
    /// It said that it failed.
    Error,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Its kind.
    pub class: FailureClass,
    /// What happened, for people: the panic's text and place, or the error's chain.
    pub message: String,
}

/// What a failure leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after a wait.
    Retry {
        /// Which try it will be, from 1.
        attempt: u32,
        /// How long to wait.
        delay: Duration,
    },
    /// Stop for good, until a person resumes.
    Halt {
        /// What happened, for people.
        cause: String,
    },
}

/// The failures of one strategy that still count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartBudget {
    failures: VecDeque<Timestamp>,
    attempt: u32,
    signature: String,
    same: u32,
    running_since: Option<Timestamp>,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            backoff_initial: Duration::from_secs(1),
            backoff_factor: 2,
            backoff_max: Duration::from_mins(1),
            jitter_percent: 20,
            failures_max: 5,
            window: Duration::from_mins(10),
            reset_after: Duration::from_mins(10),
            same_signature_max: 3,
            start_timeout: Duration::from_secs(10),
            stop_grace: Duration::from_secs(5),
        }
    }
}

impl RestartBudget {
    /// Notes that the strategy runs since `now`.
    pub const fn running(&mut self, now: Timestamp) {
        self.running_since = Some(now);
    }

    /// Notes that it was stopped or resumed by a person: its failures are forgotten.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns how many failures count at `now`.
    #[must_use]
    pub fn used(&self, policy: &RestartPolicy, now: Timestamp) -> u32 {
        let counted = self.failures.iter().filter(|at| now.since(**at) < policy.window).count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    /// Judges a failure at `now`. `dice` is any number of a seeded generator; the wait's jitter comes from it.
    pub fn judge(
        &mut self,
        policy: &RestartPolicy,
        failure: &Failure,
        now: Timestamp,
        dice: u64,
    ) -> Verdict {
        let healthy = self.running_since.take().map(|since| now.since(since));
        if healthy.is_some_and(|span| policy.reset_after <= span) {
            self.forget();
        }
        match failure.class {
            FailureClass::Config | FailureClass::Accounting => return failure.halt(""),
            FailureClass::Dependency => {
                self.attempt = self.attempt.saturating_add(1);
                return self.retry(policy, dice);
            }
            FailureClass::StartTimeout | FailureClass::Panic | FailureClass::Error => {}
        }
        while self.failures.front().is_some_and(|at| policy.window <= now.since(*at)) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        self.attempt = self.attempt.saturating_add(1);
        let repeated = self.signature == failure.message && failure.class == FailureClass::Panic;
        self.same = if repeated { self.same.saturating_add(1) } else { 1 };
        self.signature.clone_from(&failure.message);
        let counted = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if policy.failures_max < counted {
            let window = policy.window.as_secs();
            return failure.halt(&format!("{counted} failures within {window} s, the last: "));
        }
        if policy.same_signature_max <= self.same && failure.class == FailureClass::Panic {
            return failure.halt(&format!("the same panic {} times in a row: ", self.same));
        }
        self.retry(policy, dice)
    }

    fn retry(&self, policy: &RestartPolicy, dice: u64) -> Verdict {
        let doublings = self.attempt.saturating_sub(1).min(31);
        let factor = policy.backoff_factor.saturating_pow(doublings);
        let delay = policy.backoff_initial.saturating_mul(factor).min(policy.backoff_max);
        // 100 ± jitter percent, in thousandths, from the dice.
        let jitter = u64::from(policy.jitter_percent.min(100)) * 10;
        let share = 1000 - jitter + dice % (2 * jitter + 1);
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let delay = Duration::from_millis(millis.saturating_mul(share) / 1000);
        Verdict::Retry { attempt: self.attempt, delay }
    }
}

impl Failure {
    fn halt(&self, why: &str) -> Verdict {
        Verdict::Halt { cause: format!("{why}{} ({})", self.message, self.class.name()) }
    }
}

impl FailureClass {
    /// Returns the word for it in logs and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Accounting => "accounting",
            Self::Dependency => "dependency",
            Self::StartTimeout => "start_timeout",
            Self::Panic => "panic",
            Self::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u64 = 200;

    fn failure(class: FailureClass, message: &str) -> Failure {
        Failure { class, message: message.to_owned() }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn delays(policy: &RestartPolicy, times: u64) -> Vec<Option<u128>> {
        let mut budget = RestartBudget::default();
        (0..times)
            .map(|n| {
                let panic = failure(FailureClass::Panic, &n.to_string());
                match budget.judge(policy, &panic, at(n), MIDDLE) {
                    Verdict::Retry { delay, .. } => Some(delay.as_millis()),
                    Verdict::Halt { .. } => None,
                }
            })
            .collect()
    }

    #[test]
    fn waits_double_and_the_sixth_failure_halts() {
        let expected = [Some(1000), Some(2000), Some(4000), Some(8000), Some(16000), None];
        assert_eq!(delays(&RestartPolicy::default(), 6), expected);
    }

    #[test]
    fn a_wait_is_never_longer_than_its_cap_and_stays_within_the_jitter() {
        let policy = RestartPolicy { failures_max: 100, ..RestartPolicy::default() };
        assert_eq!(delays(&policy, 40).last(), Some(&Some(60_000)));
        for dice in 0..2000 {
            let panic = failure(FailureClass::Panic, "p");
            let verdict = RestartBudget::default().judge(&policy, &panic, at(0), dice);
            let Verdict::Retry { delay, .. } = verdict else { panic!("a retry") };
            assert!((800..=1200).contains(&delay.as_millis()), "{delay:?}");
        }
    }

    #[test]
    fn failures_outside_the_window_do_not_count() {
        let policy = RestartPolicy::default();
        let mut budget = RestartBudget::default();
        for n in 0..20 {
            let error = failure(FailureClass::Error, &n.to_string());
            let verdict = budget.judge(&policy, &error, at(n * 121), MIDDLE);
            assert!(matches!(verdict, Verdict::Retry { .. }), "{n}");
        }
        assert_eq!(budget.used(&policy, at(19 * 121)), 5);
        assert_eq!(budget.used(&policy, at(19 * 121 + 600)), 0);
    }

    #[test]
    fn health_is_measured_from_running_and_not_from_the_last_failure() {
        let policy = RestartPolicy { window: Duration::from_hours(10), ..RestartPolicy::default() };
        let mut budget = RestartBudget::default();
        for n in 0..5 {
            budget.judge(&policy, &failure(FailureClass::Error, &n.to_string()), at(n), MIDDLE);
        }
        let sixth = failure(FailureClass::Error, "late");
        let mut waited = budget.clone();
        let verdict = waited.judge(&policy, &sixth, at(5000), MIDDLE);
        assert!(matches!(verdict, Verdict::Halt { .. }), "a long backoff is no health");
        budget.running(at(5000));
        let verdict = budget.judge(&policy, &sixth, at(5600), MIDDLE);
        assert_eq!(verdict, Verdict::Retry { attempt: 1, delay: Duration::from_secs(1) });
    }

    #[test]
    fn a_failure_as_old_as_the_window_does_not_count_any_more() {
        let policy = RestartPolicy { failures_max: 1, ..RestartPolicy::default() };
        let judge = |second: u64| {
            let mut budget = RestartBudget::default();
            budget.judge(&policy, &failure(FailureClass::Error, "a"), at(0), MIDDLE);
            budget.judge(&policy, &failure(FailureClass::Error, "b"), at(second), MIDDLE)
        };
        let Verdict::Halt { cause } = judge(599) else { panic!("two within the window") };
        assert_eq!(cause, "2 failures within 600 s, the last: b (error)");
        assert!(matches!(judge(600), Verdict::Retry { attempt: 2, .. }));
    }

    #[test]
    fn the_dice_make_a_wait_shorter_or_longer_by_the_jitter() {
        let wait = |jitter_percent, dice| {
            let policy = RestartPolicy { jitter_percent, ..RestartPolicy::default() };
            let error = failure(FailureClass::Error, "e");
            match RestartBudget::default().judge(&policy, &error, at(0), dice) {
                Verdict::Retry { delay, .. } => delay.as_millis(),
                Verdict::Halt { .. } => panic!("a retry"),
            }
        };
        let waits = [0, 1, 200, 399, 400, 401].map(|dice| wait(20, dice));
        assert_eq!(waits, [800, 801, 1000, 1199, 1200, 800]);
        assert_eq!([wait(0, 0), wait(0, 7)], [1000, 1000]);
        assert_eq!([wait(100, 0), wait(100, 2000), wait(200, 2000)], [0, 2000, 2000]);
    }

    #[test]
    fn a_missing_dependency_is_waited_for_longer_each_time() {
        let mut budget = RestartBudget::default();
        let missing = failure(FailureClass::Dependency, "store");
        for (attempt, seconds) in [(1, 1), (2, 2), (3, 4)] {
            let verdict = budget.judge(&RestartPolicy::default(), &missing, at(0), MIDDLE);
            let delay = Duration::from_secs(seconds);
            assert_eq!(verdict, Verdict::Retry { attempt, delay });
        }
    }

    #[test]
    fn what_a_person_did_forgets_the_failures() {
        let policy = RestartPolicy { failures_max: 1, ..RestartPolicy::default() };
        let mut budget = RestartBudget::default();
        let error = failure(FailureClass::Error, "e");
        budget.judge(&policy, &error, at(0), MIDDLE);
        assert_eq!(budget.used(&policy, at(599)), 1);
        budget.forget();
        assert_eq!(budget.used(&policy, at(599)), 0);
        let verdict = budget.judge(&policy, &error, at(1), MIDDLE);
        assert_eq!(verdict, Verdict::Retry { attempt: 1, delay: Duration::from_secs(1) });
    }

    #[test]
    fn only_the_same_panic_in_a_row_halts_before_the_budget_does() {
        let policy = RestartPolicy { failures_max: 100, ..RestartPolicy::default() };
        let halts = |failures: &[(FailureClass, &str)]| {
            let mut budget = RestartBudget::default();
            let judged = failures.iter().map(|(class, message)| {
                budget.judge(&policy, &failure(*class, message), at(0), MIDDLE)
            });
            judged.filter(|verdict| matches!(verdict, Verdict::Halt { .. })).count()
        };
        use FailureClass::{Error, Panic, StartTimeout};
        assert_eq!(halts(&[(Panic, "a"), (Panic, "a"), (Panic, "a")]), 1);
        assert_eq!(halts(&[(Panic, "a"), (Panic, "b"), (Panic, "a"), (Panic, "a")]), 0);
        assert_eq!(halts(&[(Error, "a"), (Error, "a"), (Error, "a"), (Error, "a")]), 0);
        assert_eq!(halts(&[(StartTimeout, "a"), (StartTimeout, "a"), (StartTimeout, "a")]), 0);
    }

    #[test]
    fn a_class_of_failures_is_named_as_in_logs() {
        for (class, name) in [
            (FailureClass::Config, "config"),
            (FailureClass::Accounting, "accounting"),
            (FailureClass::Dependency, "dependency"),
            (FailureClass::StartTimeout, "start_timeout"),
            (FailureClass::Panic, "panic"),
            (FailureClass::Error, "error"),
        ] {
            assert_eq!(class.name(), name);
        }
    }

    #[test]
    fn the_same_panic_a_third_time_in_a_row_halts() {
        let policy = RestartPolicy::default();
        let mut budget = RestartBudget::default();
        let poison = failure(FailureClass::Panic, "index 3 at a.rs:7");
        for n in 0..2 {
            assert!(matches!(budget.judge(&policy, &poison, at(n), 0), Verdict::Retry { .. }));
        }
        let Verdict::Halt { cause } = budget.judge(&policy, &poison, at(4), 0) else { panic!() };
        assert_eq!(cause, "the same panic 3 times in a row: index 3 at a.rs:7 (panic)");
    }

    #[test]
    fn what_no_retry_mends_halts_at_once_and_a_missing_dependency_never_does() {
        let policy = RestartPolicy::default();
        for class in [FailureClass::Config, FailureClass::Accounting] {
            let verdict = RestartBudget::default().judge(&policy, &failure(class, "x"), at(0), 0);
            assert!(matches!(verdict, Verdict::Halt { .. }));
        }
        let mut budget = RestartBudget::default();
        for n in 0..100 {
            let missing = failure(FailureClass::Dependency, "store");
            let verdict = budget.judge(&policy, &missing, at(n), MIDDLE);
            assert!(matches!(verdict, Verdict::Retry { .. }));
        }
        assert_eq!(budget.used(&policy, at(100)), 0);
    }
}
