//! Intents: what a strategy wants. Nothing is promised until the guard has approved it.

use serde::{Deserialize, Serialize};

use crate::market::{ConditionId, Outcome, Side};
use crate::price::{Price, Rounding, Size, Usdc};

/// What a strategy wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The market.
    pub market: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Buy or sell.
    pub side: Side,
    /// The worst acceptable price, on the market's grid.
    pub limit: Price,
    /// The shares, with at most two decimals.
    pub size: Size,
    /// How long the order may wait.
    pub time_in_force: TimeInForce,
    /// Why it is wanted.
    pub purpose: Purpose,
}

/// How long an order may wait (the venue says *order type*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeInForce {
    /// Rests on the book until it is filled or cancelled.
    Gtc,
    /// All at once or nothing.
    Fok,
    /// What can be had at once; the rest is cancelled.
    Fak,
}

/// What an intent is for. The guard checks that it is true: an exit or a hedge never exceeds what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Takes new risk.
    Entry,
    /// Buys the other outcome of shares held, so that one of the two pays.
    Hedge,
    /// Sells shares held.
    Exit,
}

impl Intent {
    /// Returns limit × size in USDC, rounded up; fees are not in it.
    #[must_use]
    pub fn notional(&self) -> Usdc {
        self.limit.notional(self.size, Rounding::Up)
    }
}

impl TimeInForce {
    /// Returns the venue's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Fok => "FOK",
            Self::Fak => "FAK",
        }
    }
}

impl Purpose {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Hedge => "hedge",
            Self::Exit => "exit",
        }
    }

    /// Tells whether it only lowers what can be lost.
    #[must_use]
    pub const fn is_protective(self) -> bool {
        match self {
            Self::Entry => false,
            Self::Hedge | Self::Exit => true,
        }
    }
}
