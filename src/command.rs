//! Commands: what a person or a program may ask of the manager, and why it may be refused.

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Input, NoTransition};
use crate::order::StrategyId;
use crate::rollout::Nothing;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run it.
    Start,
    /// End it; its positions stay as they are.
    Stop,
    /// End it and run it again with its present settings.
    Restart,
    /// Let a halted strategy go on, or release its tripped breaker.
    Resume,
}

/// A wish about one strategy, with who wishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Which strategy.
    pub strategy: StrategyId,
    /// What is asked.
    pub action: Action,
    /// Who asks: `cli`, `api`, or a name.
    pub actor: String,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Which strategy.
    pub strategy: StrategyId,
    /// The phase it is in after the command was taken.
    pub phase: String,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No strategy of this name.
    #[error("no strategy is called `{0}`; there are: {1}")]
    NotFound(String, String),
    /// Its file is gone.
    #[error("the file of `{0}` is gone; put it back into the folder of strategies to start it")]
    Removed(StrategyId),
    /// The whole service is in safe mode, for this reason.
    #[error("the service is in safe mode: {0}; a person leaves it with `ploy safe-mode leave`")]
    SafeMode(String),
    /// There is no safe mode to be left.
    #[error("the service is not in safe mode")]
    NotInSafeMode,
    /// Its phase forbids it.
    #[error(transparent)]
    Phase(#[from] NoTransition),
    /// There is no version about which somebody could decide.
    #[error("`{0}`: {1}")]
    Rollout(StrategyId, Nothing),
    /// The manager did not answer in time.
    #[error("the manager did not answer within {0} s; the command may still be carried out")]
    TimedOut(u64),
    /// The manager is not there.
    #[error("the manager does not run: the service is starting or stopping")]
    Unavailable,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Start, Self::Stop, Self::Restart, Self::Resume];

    /// Returns the word for it in addresses and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Resume => "resume",
        }
    }

    /// Returns the lifecycle's input for it.
    #[must_use]
    pub const fn input(self) -> Input {
        match self {
            Self::Start => Input::Start,
            Self::Stop => Input::Stop,
            Self::Restart => Input::Restart,
            Self::Resume => Input::Resume,
        }
    }
}
