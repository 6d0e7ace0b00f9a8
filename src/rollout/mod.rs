//! Roll-out: how a new version of a strategy's settings comes into force, and when the last good one comes back.
//!
//! ```text
//!  offered (direct) ─────────────────────────────▶ in force, and good
//!  offered (watch) ──▶ in force ──▶ Trial ─────────▶ good, when its time is over
//!                        ▲           └─ fails, or is refused too often ──▶ RolledBack: the good one is back
//!  offered (shadow) ──▶ Shadow ── promote ─┘
//!                          └─ discard, or it fails ──▶ SetAside: the good one was in force all the time
//! ```
//!
//! What was rolled back or set aside is not taken up again until the file says another version. The good version is
//! replaced only by one that has passed, or that was never on trial.

mod policy;
mod status;

pub use policy::{Counts, Mode, RolloutPolicy};
pub use status::RolloutStatus;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Where a roll-out stands. Versions are the hashes of what files mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// There is no roll-out: what is in force is good.
    #[default]
    Settled,
    /// A version is in force and watched.
    Trial {
        /// The version.
        version: String,
        /// When it has passed; absent before it runs.
        until: Option<Timestamp>,
        /// Failures so far.
        failures: u32,
    },
    /// A version did not pass.
    RolledBack {
        /// The version.
        version: String,
        /// Why, for people.
        why: String,
    },
    /// A version runs beside the one in force.
    Shadow {
        /// The version.
        version: String,
        /// Since when.
        since: Timestamp,
    },
    /// A version ran beside the one in force, and does so no more.
    SetAside {
        /// The version.
        version: String,
        /// Why, for people.
        why: String,
    },
}

/// The roll-out of one strategy's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    good: Option<String>,
    stage: Stage,
}

/// What can happen to a roll-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The file says this version.
    Offered {
        /// The version.
        version: String,
        /// The way that it states for itself.
        mode: Mode,
        /// The present instant.
        now: Timestamp,
    },
    /// A version was put in force.
    InForce {
        /// The version.
        version: String,
    },
    /// The strategy runs, by the version in force.
    Runs {
        /// Since when.
        now: Timestamp,
    },
    /// So much was refused, or lost, since the trial began.
    Counted(Counts),
    /// The strategy failed by the version in force.
    Failed {
        /// What happened, for people.
        what: String,
        /// Whether the restart policy halts it for that.
        halts: bool,
    },
    /// Time has gone on.
    Time {
        /// The present instant.
        now: Timestamp,
        /// Whether the strategy runs.
        runs: bool,
    },
    /// The version in shadow failed.
    ShadowFailed {
        /// What happened, for people.
        what: String,
    },
    /// A person takes the version in shadow, or on trial, for good.
    Promote,
    /// A person does not want the version in shadow, or on trial.
    Discard {
        /// Who and why, for people.
        why: String,
    },
    /// The process begins anew.
    Restarted,
}

/// What is to be done after a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put the offered version in force.
    Apply,
    /// Leave what is in force; the text says why the offered version is not taken up.
    Hold(String),
    /// Run the offered version beside the one in force.
    Shadow,
    /// The version in force is on trial from now on.
    Began,
    /// The trial ends then, if nothing happens.
    Until(Timestamp),
    /// The version in force is good.
    Good,
    /// Put the good version in force again.
    RollBack {
        /// The good version.
        to: String,
        /// Why, for people.
        why: String,
    },
    /// The version in shadow is no more to be run.
    SetAside(String),
}

/// A person asked for a decision about a version that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no version of its settings runs in shadow or on trial")]
pub struct Nothing;

/// A roll-out and what is to be done.
pub type Move = (Rollout, Option<Effect>);

impl Rollout {
    /// Returns a roll-out as an earlier process left it.
    #[must_use]
    pub const fn recall(good: Option<String>, stage: Stage) -> Self {
        Self { good, stage }
    }

    /// Returns where it stands.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Returns the version that comes back when another fails.
    #[must_use]
    pub fn good(&self) -> Option<&str> {
        self.good.as_deref()
    }

    /// Returns the version that is watched, runs in shadow, or is not taken up again.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        match &self.stage {
            Stage::Settled => None,
            Stage::Trial { version, .. }
            | Stage::RolledBack { version, .. }
            | Stage::Shadow { version, .. }
            | Stage::SetAside { version, .. } => Some(version),
        }
    }

    /// Returns why what the file says is not in force; absent where it is.
    #[must_use]
    pub fn pending(&self) -> Option<String> {
        match &self.stage {
            Stage::Settled | Stage::Trial { .. } => None,
            Stage::RolledBack { version, why } => {
                Some(format!("version {} was rolled back: {why}", short(version)))
            }
            Stage::Shadow { version, .. } => {
                Some(format!("version {} runs in shadow: promote or discard it", short(version)))
            }
            Stage::SetAside { version, why } => {
                Some(format!("version {} was set aside: {why}", short(version)))
            }
        }
    }

    /// Returns the next state and what is to be done. `policy` is that of the version that the input is about. What
    /// means nothing here changes nothing, for what is told of a version may come late.
    ///
    /// # Errors
    /// When a person decides about a version that is not there.
    pub fn next(&self, input: &Input, policy: &RolloutPolicy) -> Result<Move, Nothing> {
        let moved = match input {
            Input::Offered { version, mode, now } => self.offered(version, *mode, *now),
            Input::InForce { version } => self.in_force(version, policy),
            Input::Runs { now } => self.runs(*now, policy),
            Input::Counted(counts) => match policy.exceeded(counts) {
                Some(why) => self.back(&why),
                None => self.stay(),
            },
            Input::Failed { what, halts } => self.failed(what, *halts, policy),
            Input::Time { now, runs } => self.time(*now, *runs),
            Input::ShadowFailed { what } => match &self.stage {
                Stage::Shadow { version, .. } => self.aside(version, format!("it failed: {what}")),
                Stage::Settled | Stage::Trial { .. } => self.stay(),
                Stage::RolledBack { .. } | Stage::SetAside { .. } => self.stay(),
            },
            Input::Promote => return self.promoted(),
            Input::Discard { why } => match &self.stage {
                Stage::Shadow { version, .. } => self.aside(version, why.clone()),
                Stage::Trial { .. } => self.back(why),
                Stage::Settled | Stage::RolledBack { .. } | Stage::SetAside { .. } => {
                    return Err(Nothing);
                }
            },
            // What was watched, or ran in shadow, is offered anew by its file.
            Input::Restarted => match &self.stage {
                Stage::Trial { .. } | Stage::Shadow { .. } => self.to(Stage::Settled, None),
                Stage::Settled | Stage::RolledBack { .. } | Stage::SetAside { .. } => self.stay(),
            },
        };
        Ok(moved)
    }

    fn offered(&self, version: &str, mode: Mode, now: Timestamp) -> Move {
        let is_same = self.version() == Some(version);
        match &self.stage {
            Stage::RolledBack { why, .. } if is_same => {
                return (self.clone(), Some(Effect::Hold(format!("was rolled back: {why}"))));
            }
            Stage::SetAside { why, .. } if is_same => {
                return (self.clone(), Some(Effect::Hold(format!("was set aside: {why}"))));
            }
            Stage::Trial { .. } if is_same => return self.stay(),
            Stage::Shadow { .. } if is_same => {
                return (self.clone(), Some(Effect::Hold("runs in shadow".to_owned())));
            }
            // The version in force is watched until another is in force.
            Stage::Trial { .. } if mode == Mode::Shadow => {
                let why = "waits until the trial of the version in force is over".to_owned();
                return (self.clone(), Some(Effect::Hold(why)));
            }
            Stage::Trial { .. } => return (self.clone(), Some(Effect::Apply)),
            Stage::Settled | Stage::RolledBack { .. } => {}
            Stage::Shadow { .. } | Stage::SetAside { .. } => {}
        }
        match (mode, self.good()) {
            (Mode::Shadow, Some(good)) if good != version => {
                let stage = Stage::Shadow { version: version.to_owned(), since: now };
                self.to(stage, Some(Effect::Shadow))
            }
            (Mode::Direct | Mode::Watch | Mode::Shadow, _) => {
                self.to(Stage::Settled, Some(Effect::Apply))
            }
        }
    }

    fn in_force(&self, version: &str, policy: &RolloutPolicy) -> Move {
        if self.good() == Some(version) {
            return match &self.stage {
                Stage::Trial { .. } => self.to(Stage::Settled, None),
                Stage::Settled | Stage::Shadow { .. } => self.stay(),
                Stage::RolledBack { .. } | Stage::SetAside { .. } => self.stay(),
            };
        }
        if matches!(&self.stage, Stage::Trial { version: watched, .. } if watched == version) {
            return self.stay();
        }
        let is_direct = policy.mode == Mode::Direct || policy.trial.is_zero();
        if is_direct || self.good.is_none() {
            let good = Some(version.to_owned());
            return (Self { good, stage: Stage::Settled }, Some(Effect::Good));
        }
        let stage = Stage::Trial { version: version.to_owned(), until: None, failures: 0 };
        self.to(stage, Some(Effect::Began))
    }

    fn runs(&self, now: Timestamp, policy: &RolloutPolicy) -> Move {
        match &self.stage {
            Stage::Trial { version, until: None, failures } => {
                let end = now + policy.trial;
                let (version, failures) = (version.clone(), *failures);
                let stage = Stage::Trial { version, until: Some(end), failures };
                self.to(stage, Some(Effect::Until(end)))
            }
            Stage::Trial { until: Some(_), .. } | Stage::Settled => self.stay(),
            Stage::RolledBack { .. } | Stage::Shadow { .. } | Stage::SetAside { .. } => self.stay(),
        }
    }

    fn failed(&self, what: &str, halts: bool, policy: &RolloutPolicy) -> Move {
        let Stage::Trial { version, until, failures } = &self.stage else { return self.stay() };
        let failures = failures.saturating_add(1);
        if halts || policy.failures_max < failures {
            return self.back(&format!("it failed: {what}"));
        }
        let (version, until) = (version.clone(), *until);
        self.to(Stage::Trial { version, until, failures }, None)
    }

    fn time(&self, now: Timestamp, runs: bool) -> Move {
        let Stage::Trial { version, until: Some(until), failures } = &self.stage else {
            return self.stay();
        };
        if now < *until {
            return self.stay();
        }
        if runs {
            return self.good_now(version);
        }
        // It has not shown that it works: the time begins again when it runs.
        let stage = Stage::Trial { version: version.clone(), until: None, failures: *failures };
        self.to(stage, None)
    }

    fn promoted(&self) -> Result<Move, Nothing> {
        match &self.stage {
            Stage::Shadow { .. } => Ok(self.to(Stage::Settled, Some(Effect::Apply))),
            Stage::Trial { version, .. } => Ok(self.good_now(version)),
            Stage::Settled | Stage::RolledBack { .. } | Stage::SetAside { .. } => Err(Nothing),
        }
    }

    fn good_now(&self, version: &str) -> Move {
        let good = Some(version.to_owned());
        (Self { good, stage: Stage::Settled }, Some(Effect::Good))
    }

    fn back(&self, why: &str) -> Move {
        match (&self.stage, &self.good) {
            (Stage::Trial { version, .. }, Some(good)) => {
                let stage = Stage::RolledBack { version: version.clone(), why: why.to_owned() };
                let effect = Effect::RollBack { to: good.clone(), why: why.to_owned() };
                self.to(stage, Some(effect))
            }
            (Stage::Trial { .. } | Stage::Settled | Stage::RolledBack { .. }, _)
            | (Stage::Shadow { .. } | Stage::SetAside { .. }, _) => self.stay(),
        }
    }

    fn aside(&self, version: &str, why: String) -> Move {
        let stage = Stage::SetAside { version: version.to_owned(), why: why.clone() };
        self.to(stage, Some(Effect::SetAside(why)))
    }

    fn to(&self, stage: Stage, effect: Option<Effect>) -> Move {
        (Self { good: self.good.clone(), stage }, effect)
    }

    fn stay(&self) -> Move {
        (self.clone(), None)
    }
}

impl Stage {
    /// Every name, for those who show one series a stage.
    pub const NAMES: [&'static str; 5] = ["settled", "trial", "rolled_back", "shadow", "set_aside"];

    /// Returns the word for it in answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Trial { .. } => "trial",
            Self::RolledBack { .. } => "rolled_back",
            Self::Shadow { .. } => "shadow",
            Self::SetAside { .. } => "set_aside",
        }
    }
}

/// Returns the first digits of a version, as they are shown.
#[must_use]
pub fn short(version: &str) -> String {
    version.chars().take(12).collect()
}

#[cfg(test)]
mod tests;
