//! All gates at an instant, as API, command line, metrics and live view show them.

use serde::{Deserialize, Serialize};

use super::{Cause, Gates, Scope, Source, Why};
use crate::lifecycle::Gate;
use crate::order::StrategyId;

/// All gates at an instant, for those who show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatesStatus {
    /// What halts and the pause of all leave to every strategy.
    pub gate: Gate,
    /// Why all are halted; empty when they are not.
    pub halts: Vec<HaltStatus>,
    /// Who is paused.
    pub pauses: Vec<PauseStatus>,
    /// How long the newest closing took until the last strategy had taken it in, in microseconds.
    #[serde(default)]
    pub closed_within_us: Option<u64>,
}

/// One cause of a halt at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltStatus {
    /// The cause.
    pub cause: Cause,
    /// What it lets pass.
    pub gate: Gate,
    /// Who, why, and since when.
    #[serde(flatten)]
    pub why: Why,
    /// Whether what caused it is over, so that a person may resume.
    pub over: bool,
}

/// One pause at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseStatus {
    /// Which strategy; absent: all.
    pub strategy: Option<StrategyId>,
    /// What it lets pass.
    pub gate: Gate,
    /// Who, why, and since when.
    #[serde(flatten)]
    pub why: Why,
}

impl Gates {
    /// Returns all of it for those who show it.
    #[must_use]
    pub fn status(&self) -> GatesStatus {
        let halts = self.halts.iter().map(|(cause, halt)| HaltStatus {
            cause: *cause,
            gate: cause.gate(),
            why: halt.why.clone(),
            over: halt.source != Source::There,
        });
        let pauses = self.pauses.iter().map(|(scope, pause)| PauseStatus {
            strategy: match scope {
                Scope::All => None,
                Scope::One(id) => Some(id.clone()),
            },
            gate: pause.gate,
            why: pause.why.clone(),
        });
        GatesStatus {
            gate: self.all(),
            halts: halts.collect(),
            pauses: pauses.collect(),
            closed_within_us: None,
        }
    }
}
