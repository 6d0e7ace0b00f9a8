//! The restart policy of one strategy: what a failure leads to, how long the wait is, when the budget is spent.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The policy, as the strategy's file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Which ends are followed by another try.
    pub mode: RestartMode,
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
    /// How long one input may take before it is warned of. Shorter than `hang_after`.
    pub hang_warn: Duration,
    /// How long one input may take before it counts as a hang and is ended by force.
    pub hang_after: Duration,
    /// How many hangs within the window are retried; one more halts.
    pub hangs_max: u32,
    /// What becomes of its open orders when it has failed.
    pub on_failure_orders: FailureOrders,
}

/// Which ends of a strategy are followed by another try. An end that is no failure, a completion, never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartMode {
    /// Failures, as far as the budget reaches.
    #[default]
    OnFailure,
    /// None: the first failure halts. What could not begin for want of something it needs is still waited for.
    Never,
}

/// What becomes of the open orders of a strategy that has failed. There is one answer: to keep them would let the
/// next try trade against its own ghosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureOrders {
    /// They are cancelled and settled before anything else.
    #[default]
    Cancel,
}

/// What kind of failure it was; each kind has its own action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Its settings cannot work: no retry mends them.
    Config,
    /// Its books are broken (an oversell, a sum that does not fit): no retry mends them.
    Accounting,
    /// It may not trade (a refused key, no allowance, a barred place, no funds): no retry mends it.
    Forbidden,
    /// Something it needs is not there yet; tried again without end and not charged to the budget.
    Dependency,
    /// It did not start in time.
    StartTimeout,
    /// It panicked.
    Panic,
    /// It said that it failed.
    Error,
    /// One input took it longer than `hang_after`: it was ended by force.
    Hang,
    /// It was killed or cancelled by something that is neither itself nor its manager.
    Killed,
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
        /// Of what kind of failure.
        class: FailureClass,
        /// What happened, for people.
        cause: String,
    },
}

/// The failures of one strategy that still count. It outlives the process, but for how long the strategy has run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartBudget {
    failures: VecDeque<Timestamp>,
    hangs: VecDeque<Timestamp>,
    attempt: u32,
    /// How often in a row something that it needs was missing.
    missing: u32,
    /// What the newest failure said, where it was a panic.
    signature: Option<String>,
    same: u32,
    #[serde(skip)]
    running_since: Option<Timestamp>,
    /// The longest time without a break that it has run since its newest failure, but for the present one.
    #[serde(skip)]
    ran: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            mode: RestartMode::OnFailure,
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
            hang_warn: Duration::from_secs(3),
            hang_after: Duration::from_secs(10),
            hangs_max: 1,
            on_failure_orders: FailureOrders::Cancel,
        }
    }
}

impl RestartBudget {
    /// Notes that the strategy runs since `now`.
    pub const fn running(&mut self, now: Timestamp) {
        self.running_since = Some(now);
        self.missing = 0;
    }

    /// Notes that the strategy does not run any more since `now`, without a failure.
    pub fn rests(&mut self, now: Timestamp) {
        let ran = self.running_since.take().map_or(Duration::ZERO, |since| now.since(since));
        self.ran = self.ran.max(ran);
    }

    /// Returns it as the next process takes it over at `now`. Failures that lie in the future, because the clock
    /// went back or a tape begins anew, are taken for the present ones: they count for one window and no longer.
    #[must_use]
    pub fn restored(mut self, now: Timestamp) -> Self {
        not_after(&mut self.failures, now);
        not_after(&mut self.hangs, now);
        self
    }

    /// Returns what of it must outlive the process: all but for how long the strategy has run.
    #[must_use]
    pub fn lasting(&self) -> Self {
        Self { running_since: None, ran: Duration::ZERO, ..self.clone() }
    }

    /// Returns how often in a row something that the strategy needs was missing.
    #[must_use]
    pub const fn missing(&self) -> u32 {
        self.missing
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
        self.rests(now);
        if policy.reset_after <= std::mem::take(&mut self.ran) {
            self.forget();
        }
        match failure.class {
            FailureClass::Config | FailureClass::Accounting | FailureClass::Forbidden => {
                return failure.halt("");
            }
            FailureClass::Dependency => {
                self.missing = self.missing.saturating_add(1);
                return retry(policy, self.missing, dice);
            }
            FailureClass::StartTimeout | FailureClass::Panic | FailureClass::Error => {}
            FailureClass::Hang | FailureClass::Killed => {}
        }
        self.charge(policy, failure, now);
        match self.spent(policy, failure) {
            Some(why) => failure.halt(&why),
            None => retry(policy, self.attempt, dice),
        }
    }

    /// Counts a failure that the budget pays for.
    fn charge(&mut self, policy: &RestartPolicy, failure: &Failure, now: Timestamp) {
        only_within(&mut self.failures, policy.window, now);
        only_within(&mut self.hangs, policy.window, now);
        self.failures.push_back(now);
        if failure.class == FailureClass::Hang {
            self.hangs.push_back(now);
        }
        self.attempt = self.attempt.saturating_add(1);
        self.missing = 0;
        let signature = (failure.class == FailureClass::Panic).then(|| failure.message.clone());
        let is_repeated = signature.is_some() && self.signature == signature;
        self.same = if is_repeated { self.same.saturating_add(1) } else { 1 };
        self.signature = signature;
    }

    /// Returns why the failure that was counted last is not followed by another try, or nothing when it is.
    fn spent(&self, policy: &RestartPolicy, failure: &Failure) -> Option<String> {
        let window = policy.window.as_secs();
        let (failures, hangs) = (self.failures.len(), self.hangs.len());
        if policy.mode == RestartMode::Never {
            return Some("it is never restarted: ".to_owned());
        }
        if exceeds(failures, policy.failures_max) {
            return Some(format!("{failures} failures within {window} s, the last: "));
        }
        if failure.class == FailureClass::Hang && exceeds(hangs, policy.hangs_max) {
            return Some(format!("{hangs} hangs within {window} s, the last: "));
        }
        if policy.same_signature_max <= self.same && failure.class == FailureClass::Panic {
            return Some(format!("the same panic {} times in a row: ", self.same));
        }
        None
    }
}

/// Returns the wait before this try.
fn retry(policy: &RestartPolicy, attempt: u32, dice: u64) -> Verdict {
    let doublings = attempt.saturating_sub(1).min(31);
    let factor = policy.backoff_factor.saturating_pow(doublings);
    let delay = policy.backoff_initial.saturating_mul(factor).min(policy.backoff_max);
    // 100 ± jitter percent, in thousandths, from the dice.
    let jitter = u64::from(policy.jitter_percent.min(100)) * 10;
    let share = 1000 - jitter + dice % (2 * jitter + 1);
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let delay = Duration::from_millis(millis.saturating_mul(share) / 1000);
    Verdict::Retry { attempt, delay }
}

/// Forgets instants that are not within the window any more. One that lies in the future, because the clock went
/// back, is taken for the present: it counts, and no longer than any other.
fn only_within(instants: &mut VecDeque<Timestamp>, window: Duration, now: Timestamp) {
    not_after(instants, now);
    while instants.front().is_some_and(|at| window <= now.since(*at)) {
        instants.pop_front();
    }
}

fn not_after(instants: &mut VecDeque<Timestamp>, now: Timestamp) {
    instants.iter_mut().for_each(|at| *at = (*at).min(now));
}

fn exceeds(counted: usize, max: u32) -> bool {
    u32::try_from(counted).is_ok_and(|counted| max < counted)
}

impl Failure {
    fn halt(&self, why: &str) -> Verdict {
        let cause = format!("{why}{} ({})", self.message, self.class.name());
        Verdict::Halt { class: self.class, cause }
    }
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Config,
        Self::Accounting,
        Self::Forbidden,
        Self::Dependency,
        Self::StartTimeout,
        Self::Panic,
        Self::Error,
        Self::Hang,
        Self::Killed,
    ];

    /// Returns the class of this word, where there is one.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == word)
    }

    /// Returns the word for it in logs and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Accounting => "accounting",
            Self::Forbidden => "forbidden",
            Self::Dependency => "dependency",
            Self::StartTimeout => "start_timeout",
            Self::Panic => "panic",
            Self::Error => "error",
            Self::Hang => "hang",
            Self::Killed => "killed",
        }
    }
}

impl RestartMode {
    pub(crate) const ALL: [Self; 2] = [Self::OnFailure, Self::Never];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnFailure => "on_failure",
            Self::Never => "never",
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
        let Verdict::Halt { cause, .. } = judge(599) else { panic!("two within the window") };
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
        for class in FailureClass::ALL {
            assert_eq!(FailureClass::named(class.name()), Some(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
        for (class, name) in [
            (FailureClass::Config, "config"),
            (FailureClass::Accounting, "accounting"),
            (FailureClass::Dependency, "dependency"),
            (FailureClass::StartTimeout, "start_timeout"),
            (FailureClass::Panic, "panic"),
            (FailureClass::Error, "error"),
            (FailureClass::Forbidden, "forbidden"),
            (FailureClass::Hang, "hang"),
            (FailureClass::Killed, "killed"),
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
        let Verdict::Halt { cause, .. } = budget.judge(&policy, &poison, at(4), 0) else {
            panic!()
        };
        assert_eq!(cause, "the same panic 3 times in a row: index 3 at a.rs:7 (panic)");
    }

    #[test]
    fn what_no_retry_mends_halts_at_once_and_a_missing_dependency_never_does() {
        let policy = RestartPolicy::default();
        for class in [FailureClass::Config, FailureClass::Accounting, FailureClass::Forbidden] {
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

    #[test]
    fn a_second_hang_within_the_window_halts() {
        let policy = RestartPolicy::default();
        let second = |seconds: u64| {
            let mut budget = RestartBudget::default();
            let hang = failure(FailureClass::Hang, "one input took 10 s");
            assert!(matches!(budget.judge(&policy, &hang, at(0), 0), Verdict::Retry { .. }));
            budget.judge(&policy, &failure(FailureClass::Error, "between"), at(1), 0);
            budget.judge(&policy, &hang, at(seconds), 0)
        };
        let Verdict::Halt { cause, .. } = second(599) else { panic!("two within the window") };
        assert_eq!(cause, "2 hangs within 600 s, the last: one input took 10 s (hang)");
        assert!(matches!(second(600), Verdict::Retry { attempt: 3, .. }));
    }

    #[test]
    fn a_hang_is_a_failure_like_any_other_to_the_budget() {
        let policy = RestartPolicy { failures_max: 1, hangs_max: 9, ..RestartPolicy::default() };
        let mut budget = RestartBudget::default();
        budget.judge(&policy, &failure(FailureClass::Killed, "k"), at(0), 0);
        let verdict = budget.judge(&policy, &failure(FailureClass::Hang, "h"), at(1), 0);
        let cause = "2 failures within 600 s, the last: h (hang)".to_owned();
        assert_eq!(verdict, Verdict::Halt { class: FailureClass::Hang, cause });
    }

    #[test]
    fn what_is_never_restarted_halts_at_its_first_failure_but_waits_for_what_it_needs() {
        let policy = RestartPolicy { mode: RestartMode::Never, ..RestartPolicy::default() };
        for class in [FailureClass::Panic, FailureClass::Error, FailureClass::Hang] {
            let verdict = RestartBudget::default().judge(&policy, &failure(class, "x"), at(0), 0);
            let cause = format!("it is never restarted: x ({})", class.name());
            assert_eq!(verdict, Verdict::Halt { class, cause });
        }
        let missing = failure(FailureClass::Dependency, "store");
        let verdict = RestartBudget::default().judge(&policy, &missing, at(0), MIDDLE);
        assert!(matches!(verdict, Verdict::Retry { .. }));
    }

    #[test]
    fn failures_from_the_future_count_but_no_longer_than_one_window() {
        let policy = RestartPolicy { failures_max: 2, ..RestartPolicy::default() };
        let mut budget = RestartBudget::default();
        let fail = |budget: &mut RestartBudget, name: &str, second| {
            budget.judge(&policy, &failure(FailureClass::Error, name), at(second), MIDDLE)
        };
        fail(&mut budget, "a", 1_000_000);
        fail(&mut budget, "b", 1_000_001);
        assert_eq!(budget.used(&policy, at(0)), 2);
        let mut soon = budget.clone();
        assert!(matches!(fail(&mut soon, "c", 0), Verdict::Halt { .. }));
        assert_eq!((soon.used(&policy, at(599)), soon.used(&policy, at(600))), (3, 0));
    }
}
