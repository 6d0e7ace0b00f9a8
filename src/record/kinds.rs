//! What lines say beside inputs: how incarnations begin and end, what is missing, what was asked.

use serde::{Deserialize, Serialize};

use crate::kernel::{Checkpoint, Memory};
use crate::market::ConditionId;
use crate::order::{Fill, StrategyId};
use crate::price::Usdc;
use crate::restart::Failure;
use crate::time::Timestamp;

/// A strategy as it was built.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Which strategy.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// Which of its incarnations.
    pub incarnation: u64,
    /// The SHA-256 of what its settings mean.
    pub version: String,
    /// Its settings, as its file has them.
    pub settings: String,
    /// What it remembered of its earlier incarnations.
    pub memory: Memory,
}

/// Something of the past that a new incarnation was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Which strategy.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// What it was told.
    pub fact: Fact,
}

/// A fact of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// A fill of its own.
    Fill(Fill),
    /// A market was settled while it held shares.
    Settled {
        /// The market.
        m: ConditionId,
        /// What a share of yes and of no paid, in USDC.
        pays: [Usdc; 2],
    },
}

/// A strategy between two of its inputs: all that its further decisions follow from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Which strategy.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// Which of its incarnations.
    pub incarnation: u64,
    /// The SHA-256 of what its settings mean.
    pub version: String,
    /// Its settings, as its file has them.
    pub settings: String,
    /// Its kernel.
    pub kernel: Checkpoint,
}

/// The end of an incarnation, and what it had come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Which strategy.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// Which of its incarnations.
    pub incarnation: u64,
    /// Of what it died; absent when it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<Failure>,
    /// Inputs that the strategy had taken in, over all incarnations.
    pub inputs: u64,
    /// Decisions that it had taken, over all incarnations.
    pub decisions: u64,
    /// The fingerprint of all of them, 64 hex digits.
    pub digest: String,
}

/// Inputs that were consumed and are not in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Whose.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// How many.
    pub inputs: u64,
}

/// A command with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandNote {
    /// About which strategy, in the words of whoever asked.
    #[serde(rename = "s")]
    pub strategy: String,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// What was asked.
    pub action: String,
    /// `accepted` or the refusal.
    pub answer: String,
}

/// A move from phase to phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseNote {
    /// Which strategy.
    #[serde(rename = "s")]
    pub strategy: StrategyId,
    /// When.
    pub at: Timestamp,
    /// The phase left.
    pub from: String,
    /// The phase reached.
    pub to: String,
    /// Why: a command, a failure, a timer.
    pub why: String,
}
