//! The life itself, driven as the manager drives it: commands, ends of what was started, timers, files, processes.

use std::time::Duration;

use ploy::command::Action;
use ploy::life::{Life, Saved, Terms};
use ploy::lifecycle::{Effect, Input, Phase};
use ploy::restart::{Failure, RestartPolicy};
use ploy::time::Timestamp;

use crate::model::{FAILURES_MAX, HANGS_MAX, RESET, SAME_MAX, Sight, Step, WAIT_MAX, WINDOW, pick};

/// A life with what the manager holds around it.
#[derive(Debug)]
pub(crate) struct Driven {
    life: Life,
    policy: RestartPolicy,
    now: Timestamp,
    version: u8,
    /// What the store has, as text, and when it was written.
    stored: (String, Timestamp),
    timers: Vec<(u64, u64)>,
    /// Whether orders of an incarnation that has ended may be open.
    is_unsettled: bool,
}

impl Default for Driven {
    fn default() -> Self {
        let policy = RestartPolicy {
            jitter_percent: 0,
            backoff_max: Duration::from_secs(WAIT_MAX),
            failures_max: u32::try_from(FAILURES_MAX).unwrap(),
            hangs_max: u32::try_from(HANGS_MAX).unwrap(),
            window: Duration::from_secs(WINDOW),
            reset_after: Duration::from_secs(RESET),
            same_signature_max: SAME_MAX,
            ..RestartPolicy::default()
        };
        let now = at(1_000_000);
        let stored = (serde_json::to_string(&Saved::default()).unwrap(), now);
        let life = Life::default();
        Self { life, policy, now, version: 0, stored, timers: Vec::new(), is_unsettled: false }
    }
}

impl Driven {
    pub(crate) fn seen(&self) -> Sight {
        let (wait, halted) = match &self.life.phase {
            Phase::Backoff { attempt, until } => (Some((*attempt, seconds(*until))), None),
            Phase::Halted { class, .. } => (None, Some(*class)),
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => (None, None),
            Phase::Stopping { .. } | Phase::Quarantine { .. } => (None, None),
        };
        let used = self.life.budget.used(&self.policy, self.now);
        Sight {
            phase: self.life.phase.name(),
            wait,
            halted,
            used: usize::try_from(used).unwrap(),
            missing: self.life.budget.missing(),
            wanted: self.life.wanted,
            builds: self.life.incarnation,
            restarts: self.life.restarts.values().sum(),
        }
    }

    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Start => self.command(Action::Start),
            Step::Stop => self.command(Action::Stop),
            Step::Restart => self.command(Action::Restart),
            Step::Resume => self.command(Action::Resume),
            Step::Done => self.done(),
            Step::Fail(class, what) => {
                let failure = Failure { class: *class, message: format!("failure {what}") };
                let version = self.version.to_string();
                let terms = Terms { policy: &self.policy, version: &version, dice: 0 };
                if let Some(verdict) = self.life.judge(&failure, &terms, self.now) {
                    self.step(&Input::Failed(verdict));
                }
            }
            Step::Complete => drop(self.try_step(&Input::Completed)),
            Step::Timer(which) => {
                if let Some((incarnation, when)) = pick(&self.timers, *which) {
                    self.now = self.now.max(at(when));
                    if self.life.is_due(incarnation) {
                        self.life.count_restart("failure");
                        self.step(&Input::Retry);
                    }
                }
            }
            Step::Wait(span) => self.now = self.now + Duration::from_secs(*span),
            Step::Version(version) => {
                if !self.life.is_removed {
                    self.version = *version;
                    self.try_other_settings();
                }
            }
            Step::Remove => {
                self.life.is_removed = true;
                drop(self.try_step(&Input::Stop));
            }
            Step::Back => {
                self.life.is_removed = false;
                let rests = matches!(self.life.phase, Phase::Stopped | Phase::Stopping { .. });
                if rests && self.life.is_wanted(|| true) {
                    self.step(&Input::Start);
                }
            }
            Step::Process { ahead, version } => self.process(*ahead, *version),
        }
    }

    fn command(&mut self, action: Action) {
        if self.life.is_removed && action != Action::Stop {
            return;
        }
        match self.life.phase.next(&action.input()) {
            Ok(_) => {
                assert!(self.life.phase.commands().contains(&action.name()));
                self.life.asked(action);
                self.step(&action.input());
            }
            Err(refusal) => {
                assert_eq!(refusal.phase, self.life.phase.name());
                assert_eq!(refusal.allowed, self.life.phase.commands().join(", "));
            }
        }
    }

    /// What is under way has come to its end.
    fn done(&mut self) {
        match self.life.phase {
            Phase::Starting => self.step(&Input::Spawned),
            Phase::Warming => self.step(&Input::Warm),
            Phase::Stopping { .. } | Phase::Quarantine { .. } => {
                self.is_unsettled = false;
                self.step(&Input::Settled { now: self.now });
            }
            Phase::Stopped | Phase::Running | Phase::Backoff { .. } | Phase::Halted { .. } => {}
        }
    }

    fn step(&mut self, input: &Input) {
        self.try_step(input).unwrap();
    }

    fn try_step(&mut self, input: &Input) -> Result<(), ploy::lifecycle::NoTransition> {
        let effect = self.life.step(input, self.now)?;
        self.store();
        match effect {
            None => {}
            Some(Effect::Spawn) => {
                assert!(!self.is_unsettled, "built before the orders were settled");
                self.life.incarnation += 1;
            }
            Some(Effect::EndAndSettle) => self.is_unsettled = true,
            Some(Effect::ScheduleRetry) => self.schedule(),
        }
        Ok(())
    }

    fn schedule(&mut self) {
        let Phase::Backoff { until, .. } = self.life.phase else { panic!("nothing to wait for") };
        self.timers.push((self.life.incarnation, seconds(until)));
    }

    fn try_other_settings(&mut self) {
        if self.life.is_mended_by(&self.version.to_string()) && self.life.is_wanted(|| true) {
            self.step(&Input::NewVersion);
        }
    }

    /// Writes down what must outlive the process, when it has changed.
    fn store(&mut self) {
        let saved = serde_json::to_string(&self.life.saved(self.now)).unwrap();
        if saved != self.stored.0 {
            self.stored = (saved, self.now);
        }
    }

    fn process(&mut self, ahead: i64, version: u8) {
        let is_removed = self.life.is_removed;
        let saved: Saved = serde_json::from_str(&self.stored.0).unwrap();
        self.now = at(seconds(self.now).saturating_add_signed(ahead));
        self.life = Life::restore(saved, self.stored.1, self.now);
        self.life.is_removed = is_removed;
        self.version = version;
        self.timers.clear();
        self.is_unsettled = false;
        self.stored = (serde_json::to_string(&self.life.saved(self.now)).unwrap(), self.now);
        match self.life.phase {
            Phase::Backoff { .. } => {
                self.schedule();
                if !self.life.is_wanted(|| true) {
                    self.step(&Input::Stop);
                }
            }
            Phase::Stopped if self.life.is_wanted(|| true) => self.step(&Input::Start),
            Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => {}
            Phase::Stopping { .. } | Phase::Quarantine { .. } | Phase::Halted { .. } => {}
        }
        self.try_other_settings();
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds(at: Timestamp) -> u64 {
    at.since(Timestamp::UNIX_EPOCH).as_secs()
}
