//! The life of a strategy: its phases, and the one function that moves between them.
//!
//! ```text
//!  Stopped ──start──▶ Starting ──spawned──▶ Warming ──warm──▶ Running
//!     ▲                  │  ▲                  │                 │
//!     │              failed│  │retry          failed           failed
//!     │                  ▼  │                  ▼                 ▼
//!  settled            Backoff ◀──settled── Quarantine ◀──────────┘
//!     │                  │                     │
//!  Stopping ◀──stop──────┴─────────────────────┤ (budget spent, or a failure that no retry mends)
//!     ▲                                        ▼
//!     ├── stop, restart from Running ──     Halted ──resume──▶ Starting
//!     └── completed: it ended by itself        └─────new version, where its settings were the cause──▶ Starting
//! ```
//!
//! Quarantine comes before every retry: the dead incarnation's late intents are refused, its orders are
//! cancelled and unknown outcomes settled, so that nothing trades against its own ghosts.

use serde::{Deserialize, Serialize};

use crate::restart::{FailureClass, Verdict};
use crate::time::Timestamp;

/// Where a strategy stands in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Not running because nobody wants it to.
    #[default]
    Stopped,
    /// Being built and given its history.
    Starting,
    /// Built; taking in what is known of its markets.
    Warming,
    /// Trading, as far as its gate allows.
    Running,
    /// Asked to end; its orders are being settled.
    Stopping {
        /// What comes after.
        then: AfterStop,
    },
    /// Failed; its orders are being settled before anything else.
    Quarantine {
        /// What comes after.
        then: AfterQuarantine,
    },
    /// Waiting for its next try.
    Backoff {
        /// Which try it will be, from 1.
        attempt: u32,
        /// When it comes.
        until: Timestamp,
    },
    /// Failed for good; only a person's `resume` leaves this, or a new version of settings that were the cause.
    Halted {
        /// Of what kind of failure.
        class: FailureClass,
        /// What happened, for people.
        cause: String,
    },
}

/// What a stop leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterStop {
    /// It stays stopped.
    Stop,
    /// It starts again.
    Start,
}

/// What a quarantine leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterQuarantine {
    /// A wait, then another try.
    Retry {
        /// Which try it will be, from 1.
        attempt: u32,
        /// How long to wait, in milliseconds.
        delay_ms: u64,
    },
    /// A halt.
    Halt {
        /// Of what kind of failure.
        class: FailureClass,
        /// What happened, for people.
        cause: String,
    },
    /// It stays stopped: somebody asked for it meanwhile.
    Stop,
}

/// What can happen to a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants it to run.
    Start,
    /// Somebody wants it to stop.
    Stop,
    /// Somebody wants it to stop and start again.
    Restart,
    /// A person lets a halted strategy go on.
    Resume,
    /// It was built and given its history.
    Spawned,
    /// It has taken in what is known of its markets.
    Warm,
    /// It failed, and the restart policy has judged.
    Failed(Verdict),
    /// None of its orders is open any more.
    Settled {
        /// The present instant.
        now: Timestamp,
    },
    /// The wait for its next try is over.
    Retry,
    /// It has ended by itself, and that is no failure.
    Completed,
    /// Its settings are of another version than those it failed with.
    NewVersion,
}

/// Whether orders may pass. No phase: a strategy can be held back while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// All orders pass to the guard.
    #[default]
    Open,
    /// Only exits and hedges pass.
    ReduceOnly,
    /// Nothing passes.
    Closed,
}

/// What the manager must do after a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Build it and give it its history.
    Spawn,
    /// Refuse its intents from now on, end it, cancel its orders, and report when none is open.
    EndAndSettle,
    /// Report `Retry` at the end of the backoff.
    ScheduleRetry,
}

/// A pair of phase and input that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a strategy that is {phase} cannot {input}; it can {allowed}")]
pub struct NoTransition {
    /// The phase.
    pub phase: &'static str,
    /// What was asked or reported.
    pub input: &'static str,
    /// What would be possible.
    pub allowed: String,
}

/// A phase and what is to be done.
pub type Move = (Phase, Option<Effect>);

impl Phase {
    /// Every name, for those who show one series a phase.
    pub const NAMES: [&'static str; 8] = [
        "stopped",
        "starting",
        "warming",
        "running",
        "stopping",
        "quarantine",
        "backoff",
        "halted",
    ];

    /// Returns the next phase and what is to be done. The only way to move.
    ///
    /// # Errors
    /// When the input means nothing in this phase; the error says what would.
    pub fn next(&self, input: &Input) -> Result<Move, NoTransition> {
        use Input as I;
        let next = match (self, input) {
            (Self::Stopped, I::Start | I::Restart)
            | (Self::Halted { .. }, I::Resume)
            | (Self::Halted { class: FailureClass::Config, .. }, I::NewVersion) => {
                (Self::Starting, Some(Effect::Spawn))
            }
            (Self::Backoff { .. }, I::Retry | I::Start | I::Restart) => {
                (Self::Starting, Some(Effect::Spawn))
            }
            (Self::Starting, I::Spawned) => (Self::Warming, None),
            (Self::Warming, I::Warm) => (Self::Running, None),
            (Self::Starting | Self::Warming | Self::Running, I::Stop | I::Completed) => {
                stopping(AfterStop::Stop)
            }
            (Self::Starting | Self::Warming | Self::Running, I::Restart) => {
                stopping(AfterStop::Start)
            }
            (Self::Stopping { .. }, I::Stop) => (Self::Stopping { then: AfterStop::Stop }, None),
            (Self::Stopping { .. }, I::Start | I::Restart) => {
                (Self::Stopping { then: AfterStop::Start }, None)
            }
            (Self::Stopping { then: AfterStop::Start }, I::Settled { .. }) => {
                (Self::Starting, Some(Effect::Spawn))
            }
            (Self::Stopping { then: AfterStop::Stop }, I::Settled { .. }) => (Self::Stopped, None),
            (Self::Starting | Self::Warming | Self::Running, I::Failed(verdict)) => (
                Self::Quarantine { then: AfterQuarantine::of(verdict) },
                Some(Effect::EndAndSettle),
            ),
            (Self::Quarantine { then }, I::Settled { now }) => then.next(*now),
            (Self::Quarantine { then: AfterQuarantine::Halt { .. } }, I::Stop) => {
                (self.clone(), None)
            }
            (Self::Quarantine { .. }, I::Stop) => {
                (Self::Quarantine { then: AfterQuarantine::Stop }, None)
            }
            (Self::Backoff { .. }, I::Stop) => (Self::Stopped, None),
            _ => return Err(self.refuse(input)),
        };
        Ok(next)
    }

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Warming => "warming",
            Self::Running => "running",
            Self::Stopping { .. } => "stopping",
            Self::Quarantine { .. } => "quarantine",
            Self::Backoff { .. } => "backoff",
            Self::Halted { .. } => "halted",
        }
    }

    /// Returns the commands that are possible in this phase.
    #[must_use]
    pub const fn commands(&self) -> &'static [&'static str] {
        match self {
            Self::Stopped => &["start", "restart"],
            Self::Starting | Self::Warming | Self::Running => &["stop", "restart"],
            Self::Stopping { .. } | Self::Backoff { .. } => &["start", "stop", "restart"],
            Self::Quarantine { .. } => &["stop"],
            Self::Halted { .. } => &["resume"],
        }
    }

    fn refuse(&self, input: &Input) -> NoTransition {
        NoTransition {
            phase: self.name(),
            input: input.name(),
            allowed: self.commands().join(", "),
        }
    }
}

impl Input {
    const fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Resume => "resume",
            Self::Spawned => "have been built",
            Self::Warm => "be warm",
            Self::Failed(_) => "fail",
            Self::Settled { .. } => "be settled",
            Self::Retry => "be retried",
            Self::Completed => "complete",
            Self::NewVersion => "take a new version for its remedy",
        }
    }
}

impl Gate {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ReduceOnly => "reduce_only",
            Self::Closed => "closed",
        }
    }
}

impl AfterQuarantine {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Retry { attempt, delay } => Self::Retry {
                attempt: *attempt,
                delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            },
            Verdict::Halt { class, cause } => Self::Halt { class: *class, cause: cause.clone() },
        }
    }

    fn next(&self, now: Timestamp) -> Move {
        match self {
            Self::Retry { attempt, delay_ms } => {
                let until = now + std::time::Duration::from_millis(*delay_ms);
                (Phase::Backoff { attempt: *attempt, until }, Some(Effect::ScheduleRetry))
            }
            Self::Halt { class, cause } => {
                (Phase::Halted { class: *class, cause: cause.clone() }, None)
            }
            Self::Stop => (Phase::Stopped, None),
        }
    }
}

fn stopping(then: AfterStop) -> Move {
    (Phase::Stopping { then }, Some(Effect::EndAndSettle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const CONFIG: FailureClass = FailureClass::Config;
    const PANIC: FailureClass = FailureClass::Panic;

    fn phases() -> Vec<Phase> {
        let halt = AfterQuarantine::Halt { class: PANIC, cause: "c".into() };
        let retry = AfterQuarantine::Retry { attempt: 2, delay_ms: 1000 };
        vec![
            Phase::Stopped,
            Phase::Starting,
            Phase::Warming,
            Phase::Running,
            Phase::Stopping { then: AfterStop::Stop },
            Phase::Stopping { then: AfterStop::Start },
            Phase::Quarantine { then: retry },
            Phase::Quarantine { then: halt },
            Phase::Quarantine { then: AfterQuarantine::Stop },
            Phase::Backoff { attempt: 2, until: NOW },
            Phase::Halted { class: PANIC, cause: "c".into() },
            Phase::Halted { class: CONFIG, cause: "c".into() },
        ]
    }

    fn inputs() -> Vec<Input> {
        vec![
            Input::Start,
            Input::Stop,
            Input::Restart,
            Input::Resume,
            Input::Spawned,
            Input::Warm,
            Input::Failed(Verdict::Retry { attempt: 1, delay: Duration::from_secs(1) }),
            Input::Failed(Verdict::Halt { class: PANIC, cause: "c".into() }),
            Input::Settled { now: NOW },
            Input::Retry,
            Input::Completed,
            Input::NewVersion,
        ]
    }

    /// Every pair: one row a phase, one column an input, `.` where the pair means nothing.
    #[test]
    fn every_pair_of_phase_and_input_is_as_drawn() {
        let columns =
            "start stop restart resume spawned warm fail fail! settled retry completed version";
        let mut table = format!("{:<11} {columns}\n", "");
        for phase in phases() {
            let moves: Vec<String> = inputs()
                .iter()
                .map(|input| phase.next(input).map_or(".".into(), |(next, _)| next.name().into()))
                .collect();
            table += &format!("{:<11} {}\n", phase.name(), moves.join(" "));
        }
        expect_test::expect_file!["../tests/decisions/lifecycle.txt"].assert_eq(&table);
    }

    #[test]
    fn a_halted_strategy_waits_for_a_person() {
        let halted = |class| Phase::Halted { class, cause: "budget".into() };
        for input in inputs() {
            let is_resume = input == Input::Resume;
            assert_eq!(halted(PANIC).next(&input).is_ok(), is_resume, "{input:?}");
            let is_remedy = input == Input::NewVersion;
            assert_eq!(halted(CONFIG).next(&input).is_ok(), is_resume || is_remedy, "{input:?}");
        }
    }

    #[test]
    fn no_try_comes_before_the_orders_are_settled() {
        for input in inputs() {
            let retry = AfterQuarantine::Retry { attempt: 1, delay_ms: 1000 };
            if let Ok((next, effect)) = (Phase::Quarantine { then: retry }).next(&input) {
                assert_ne!(effect, Some(Effect::Spawn), "{input:?}");
                assert_ne!(next, Phase::Starting, "{input:?}");
            }
        }
    }

    #[test]
    fn a_stop_ends_a_retry_and_never_a_halt() {
        let quarantine = |then| Phase::Quarantine { then };
        let halting = quarantine(AfterQuarantine::Halt { class: PANIC, cause: "c".into() });
        assert_eq!(halting.next(&Input::Stop), Ok((halting.clone(), None)));
        let halted = Phase::Halted { class: PANIC, cause: "c".into() };
        assert_eq!(halting.next(&Input::Settled { now: NOW }), Ok((halted, None)));
        let retrying = quarantine(AfterQuarantine::Retry { attempt: 1, delay_ms: 1000 });
        let stopped = quarantine(AfterQuarantine::Stop);
        assert_eq!(retrying.next(&Input::Stop), Ok((stopped, None)));
    }

    #[test]
    fn a_retry_waits_from_the_settlement_on() {
        let retrying =
            Phase::Quarantine { then: AfterQuarantine::Retry { attempt: 2, delay_ms: 1500 } };
        let now = NOW + Duration::from_secs(10);
        let until = NOW + Duration::from_millis(11_500);
        let backoff = (Phase::Backoff { attempt: 2, until }, Some(Effect::ScheduleRetry));
        assert_eq!(retrying.next(&Input::Settled { now }), Ok(backoff));
    }

    #[test]
    fn a_gate_is_named_as_in_files_and_answers() {
        let names = [Gate::Open, Gate::ReduceOnly, Gate::Closed].map(Gate::name);
        assert_eq!(names, ["open", "reduce_only", "closed"]);
    }

    #[test]
    fn a_refusal_says_where_the_strategy_stands_and_what_is_possible() {
        let refusal =
            Phase::Halted { class: PANIC, cause: "c".into() }.next(&Input::Start).unwrap_err();
        assert_eq!(refusal.to_string(), "a strategy that is halted cannot start; it can resume");
    }

    #[test]
    fn the_commands_named_as_possible_are_the_ones_that_are() {
        let commands = [
            ("start", Input::Start),
            ("stop", Input::Stop),
            ("restart", Input::Restart),
            ("resume", Input::Resume),
        ];
        for phase in phases() {
            for (name, input) in &commands {
                let said = phase.commands().contains(name);
                assert_eq!(said, phase.next(input).is_ok(), "{name} in {phase:?}");
            }
        }
    }
}
