//! How roll-outs of settings are stored and read.

use ploy::order::StrategyId;
use ploy::time::Timestamp;

/// How the roll-out of a strategy's settings stands. The newest one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRecord {
    /// The strategy.
    pub strategy: StrategyId,
    /// The last good version.
    pub good: Option<String>,
    /// The stage's name.
    pub stage: String,
    /// The version that it is about.
    pub version: Option<String>,
    /// Why it is so, where somebody must know.
    pub why: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// How an earlier process left a roll-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutPast {
    /// How it stood.
    pub record: RolloutRecord,
    /// The file of the last good version, word for word, where it was kept.
    pub good_text: Option<String>,
}
