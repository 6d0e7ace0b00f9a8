//! How a roll-out is shown.

use serde::{Deserialize, Serialize};

use super::{Counts, Stage};

/// How the newest version of a strategy's settings comes into force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// Where it stands.
    #[serde(flatten)]
    pub stage: Stage,
    /// The first 12 digits of the last good version, while another is on trial, rolled back or beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// What the version on trial wanted and was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Versions rolled back in this process.
    #[serde(default)]
    pub rollbacks: u64,
}

impl RolloutStatus {
    /// Tells whether there is nothing to be said.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        *self == Self::default()
    }
}
