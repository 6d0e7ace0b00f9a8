//! The life of one strategy with all that its decisions hang on: phase, budget, what is wanted, what it came through.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::Action;
use crate::lifecycle::{AfterQuarantine, Effect, Input, NoTransition, Phase};
use crate::restart::{Failure, FailureClass, RestartBudget, RestartPolicy, Verdict};
use crate::time::Timestamp;

/// Where a strategy stands, and what it came through. It moves by [`Life::step`] alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// The failures that still count.
    pub budget: RestartBudget,
    /// Whether it is to run, as a person said last; absent: as its file says.
    pub wanted: Option<bool>,
    /// Whether its file is gone: it cannot be started.
    pub is_removed: bool,
    /// Rises with every build: a message of an older incarnation means nothing any more.
    pub incarnation: u64,
    /// What its newest failure said.
    pub last_error: Option<String>,
    /// Starts that were not the first, by cause.
    pub restarts: BTreeMap<String, u64>,
    /// The version of its settings when it failed last.
    failed_version: Option<String>,
}

/// What of a life must outlive the process. It says less than a life: whoever ran is stopped, and is started again
/// where it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Whether it is to run, as a person said last; absent: as its file says.
    pub wanted: Option<bool>,
    /// `Stopped`, `Backoff` or `Halted`.
    pub phase: Phase,
    /// Since when it is halted.
    pub halted_since: Option<Timestamp>,
    /// The version of its settings when it failed, where it is halted.
    pub version: Option<String>,
    /// The failures that still count.
    pub budget: RestartBudget,
    /// Starts that were not the first, by cause.
    pub restarts: BTreeMap<String, u64>,
}

/// The terms by which a failure is judged.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The strategy's own policy.
    pub policy: &'a RestartPolicy,
    /// The version of the settings that it failed with.
    pub version: &'a str,
    /// Any number of a seeded generator: the wait's jitter comes from it.
    pub dice: u64,
}

impl Life {
    /// Returns the life that goes on from what was saved at `at`, in a process that begins at `now`. A wait is never
    /// longer than what was left of it, however far the clock has gone back.
    #[must_use]
    pub fn restore(saved: Saved, at: Timestamp, now: Timestamp) -> Self {
        let Saved { wanted, phase, halted_since, version, budget, restarts } = saved;
        let phase = match phase {
            Phase::Backoff { attempt, until } => {
                Phase::Backoff { attempt, until: until.min(now + until.since(at)) }
            }
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => Phase::Stopped,
            Phase::Stopping { .. } | Phase::Quarantine { .. } => Phase::Stopped,
            halted @ Phase::Halted { .. } => halted,
        };
        Self {
            phase,
            since: halted_since.unwrap_or(now),
            budget: budget.restored(now),
            wanted,
            restarts,
            failed_version: version,
            ..Self::default()
        }
    }

    /// Returns what must outlive the process. A failure counts from the moment it is judged, not from when its orders
    /// are settled.
    #[must_use]
    pub fn saved(&self, now: Timestamp) -> Saved {
        let phase = match &self.phase {
            Phase::Quarantine { then: AfterQuarantine::Retry { attempt, delay_ms } } => {
                Phase::Backoff { attempt: *attempt, until: now + Duration::from_millis(*delay_ms) }
            }
            Phase::Quarantine { then: AfterQuarantine::Halt { class, cause } } => {
                Phase::Halted { class: *class, cause: cause.clone() }
            }
            phase @ (Phase::Backoff { .. } | Phase::Halted { .. }) => phase.clone(),
            Phase::Quarantine { then: AfterQuarantine::Stop } | Phase::Stopped => Phase::Stopped,
            Phase::Starting | Phase::Warming | Phase::Running | Phase::Stopping { .. } => {
                Phase::Stopped
            }
        };
        let is_halted = matches!(phase, Phase::Halted { .. });
        Saved {
            wanted: self.wanted,
            phase,
            halted_since: is_halted.then_some(self.since),
            version: self.failed_version.clone().filter(|_| is_halted),
            budget: self.budget.lasting(),
            restarts: self.restarts.clone(),
        }
    }

    /// Tells whether it is to run: as a person said last, else as its file says now.
    #[must_use]
    pub fn is_wanted(&self, as_the_file_says: impl FnOnce() -> bool) -> bool {
        !self.is_removed && self.wanted.unwrap_or_else(as_the_file_says)
    }

    /// Notes what a person asks for, before the step that it leads to.
    pub fn asked(&mut self, action: Action) {
        self.wanted = Some(action != Action::Stop);
        match action {
            Action::Start | Action::Stop => {}
            Action::Restart => self.count_restart("operator"),
            Action::Resume => self.count_restart("resume"),
        }
    }

    /// Counts a start that was not the first.
    pub fn count_restart(&mut self, cause: &str) {
        *self.restarts.entry(cause.to_owned()).or_default() += 1;
    }

    /// Judges a failure. Returns nothing where it does not count: it comes of an end that was asked for, or of an
    /// incarnation whose failure was judged already.
    pub fn judge(
        &mut self,
        failure: &Failure,
        terms: &Terms<'_>,
        now: Timestamp,
    ) -> Option<Verdict> {
        self.last_error = Some(failure.message.clone());
        match self.phase {
            Phase::Starting | Phase::Warming | Phase::Running => {}
            Phase::Stopped | Phase::Stopping { .. } | Phase::Quarantine { .. } => return None,
            Phase::Backoff { .. } | Phase::Halted { .. } => return None,
        }
        self.failed_version = Some(terms.version.to_owned());
        Some(self.budget.judge(terms.policy, failure, now, terms.dice))
    }

    /// Tells whether a version of its settings may be the remedy: it is halted because those it had could not work,
    /// and these are others.
    #[must_use]
    pub fn is_mended_by(&self, version: &str) -> bool {
        let of_config = matches!(self.phase, Phase::Halted { class: FailureClass::Config, .. });
        of_config && self.failed_version.as_deref() != Some(version)
    }

    /// Tells whether a wait that was begun in this incarnation is still the one that counts.
    #[must_use]
    pub const fn is_due(&self, incarnation: u64) -> bool {
        self.incarnation == incarnation && matches!(self.phase, Phase::Backoff { .. })
    }

    /// Moves on. Returns what is to be done.
    ///
    /// # Errors
    /// When the input means nothing in its phase; nothing has changed then.
    pub fn step(&mut self, input: &Input, now: Timestamp) -> Result<Option<Effect>, NoTransition> {
        let (next, effect) = self.phase.next(input)?;
        if next.name() != self.phase.name() {
            self.since = now;
            self.budget.rests(now);
        }
        match (&next, input) {
            (Phase::Running, _) => self.budget.running(now),
            (Phase::Stopped, _) | (Phase::Starting, Input::Resume | Input::NewVersion) => {
                self.budget.forget();
            }
            (Phase::Stopping { .. }, Input::Completed) => self.wanted = Some(false),
            (Phase::Starting | Phase::Warming | Phase::Stopping { .. }, _) => {}
            (Phase::Quarantine { .. } | Phase::Backoff { .. } | Phase::Halted { .. }, _) => {}
        }
        self.phase = next;
        Ok(effect)
    }
}
