//! What a file says of its own roll-out: the way, and what ends its trial.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::price::{Usdc, decimal};

/// The way in which a version comes into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At once, and it is good.
    #[default]
    Direct,
    /// At once, and it is good when its trial has passed.
    Watch,
    /// Not before a person says so; until then it runs beside the one in force, without orders.
    Shadow,
}

/// How a version comes into force, and what ends its trial, as its file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutPolicy {
    /// The way.
    pub mode: Mode,
    /// How long the trial takes, on the time that decisions run on.
    pub trial: Duration,
    /// How many failures the trial survives; a halt never.
    pub failures_max: u32,
    /// How many orders the guard and the venue may refuse within the trial.
    pub refused_max: u64,
    /// What share of the orders wanted may be refused, in millionths.
    pub refused_share_max: u64,
    /// The share counts from so many orders wanted on.
    pub share_intents_min: u64,
    /// How far the equity may fall from its highest within the trial.
    pub drawdown_max_usdc: Usdc,
}

/// What a version wanted within its trial, and what was refused of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Orders wanted; of the same refusal again and again only the first counts.
    pub intents: u64,
    /// Of these refused by the guard, or by the venue.
    pub refused: u64,
    /// How far the equity is below its highest within the trial.
    pub drawdown_usdc: Usdc,
}

impl RolloutPolicy {
    /// Returns in words what was too much within a trial; nothing where it is within the limits.
    #[must_use]
    pub fn exceeded(&self, counts: &Counts) -> Option<String> {
        let Counts { intents, refused, drawdown_usdc } = *counts;
        if self.refused_max < refused {
            let max = self.refused_max;
            return Some(format!("{refused} orders were refused, at most {max} may be"));
        }
        let (share, of) = (u128::from(refused) * 1_000_000, u128::from(intents));
        if self.share_intents_min <= intents && u128::from(self.refused_share_max) * of < share {
            let frac = decimal(i64::try_from(self.refused_share_max).unwrap_or(0));
            return Some(format!(
                "{refused} of {intents} orders wanted were refused, at most a share of {frac} may be"
            ));
        }
        (self.drawdown_max_usdc < drawdown_usdc).then(|| {
            let max = self.drawdown_max_usdc;
            format!("its equity fell by {drawdown_usdc} USDC, at most {max} may be lost")
        })
    }
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Watch, Self::Shadow];

    /// Returns the word for it in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Watch => "watch",
            Self::Shadow => "shadow",
        }
    }
}
