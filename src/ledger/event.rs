//! What the ledger is told, about whom, and what it answers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::journal::{Settlement, Stage};
use super::order::Terms;
use super::owner::Asset;
use crate::market::ConditionId;
use crate::order::{ClientOrderId, Fill, InvalidId, StrategyId};
use crate::price::{Size, Usdc};

/// Whose accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A strategy's.
    Strategy(StrategyId),
    /// Nobody's: fills of orders that no strategy is known to have sent.
    Unattributed,
}

/// A fact that moves accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An order was written down and is about to be sent: what it may take is reserved.
    Recorded(Terms),
    /// Nothing more of an order will be filled: what it still ties up is free again.
    Over {
        /// Which order.
        order: ClientOrderId,
    },
    /// A fill was told, or how far it has come. It belongs to the strategy whose order it fills.
    Filled {
        /// The fill; its order and number say which one it is.
        fill: Fill,
        /// How far it has come.
        stage: Stage,
    },
    /// A fee that belongs to no fill.
    Fee {
        /// Whose.
        owner: Owner,
        /// The venue's name of it, by which it is booked once.
        reference: Arc<str>,
        /// What was paid, in USDC.
        amount: Usdc,
    },
    /// A rebate came in.
    Rebate {
        /// Whose.
        owner: Owner,
        /// The venue's name of it, by which it is booked once.
        reference: Arc<str>,
        /// What came in, in USDC.
        amount: Usdc,
    },
    /// A market paid for the shares that an owner held.
    Settled {
        /// Whose shares.
        owner: Owner,
        /// The market.
        market: ConditionId,
        /// What it paid.
        settlement: Settlement,
    },
    /// Cash was turned into as many shares of both outcomes.
    Split {
        /// Whose.
        owner: Owner,
        /// The market.
        market: ConditionId,
        /// The name of it, by which it is booked once in this market.
        reference: Arc<str>,
        /// The pairs.
        size: Size,
    },
    /// Shares of both outcomes were turned into as much cash.
    Merge {
        /// Whose.
        owner: Owner,
        /// The market.
        market: ConditionId,
        /// The name of it, by which it is booked once in this market.
        reference: Arc<str>,
        /// The pairs.
        size: Size,
    },
}

/// What came of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// It is in the accounts.
    Once,
    /// It was known already, or something newer is, and changes nothing.
    Duplicate,
    /// It gives away more than is owned. It is kept, and booked when enough has come; see [`Ledger::findings`](super::Ledger::findings).
    Waiting,
    /// It is in the accounts of nobody; see [`Ledger::findings`](super::Ledger::findings).
    Unattributed,
}

/// Why a fact was not booked, or what does not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The accounts of an asset do not sum to zero.
    #[error("the accounts of {owner} in {asset} are off by {sum} millionths")]
    Broken {
        /// Whose accounts.
        owner: Owner,
        /// What is counted.
        asset: Asset,
        /// What they sum to, in millionths.
        sum: i128,
    },
    /// A sum is larger than any account can be.
    #[error("a sum in the accounts of {0} passes the largest amount")]
    Overflow(Owner),
    /// The same fact was told before with another content.
    #[error("{0} was told before with another content")]
    Contradiction(String),
    /// What was final is said never to have taken place.
    #[error("fill {number} of order {order} is said to have failed after it was confirmed")]
    FailedAfterConfirmed {
        /// The order.
        order: ClientOrderId,
        /// The fill's number.
        number: u32,
    },
    /// What never took place is said to be final.
    #[error("fill {number} of order {order} is said to be confirmed after it failed")]
    ConfirmedAfterFailed {
        /// The order.
        order: ClientOrderId,
        /// The fill's number.
        number: u32,
    },
    /// A share cannot pay that.
    #[error("a share of {market} cannot pay {pays} USDC: 0 to 1 are expected")]
    Payout {
        /// The market.
        market: ConditionId,
        /// What it is said to pay.
        pays: Usdc,
    },
    /// The accounts are not what their facts come to.
    #[error("the accounts of {owner} are not what their journals come to: {what}")]
    Differs {
        /// Whose accounts.
        owner: Owner,
        /// Which ones.
        what: String,
    },
}

impl Owner {
    /// What stands for nobody where owners are written: no strategy can be called so.
    const NOBODY: &'static str = "(unattributed)";
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strategy(id) => f.pad(id.as_str()),
            Self::Unattributed => f.pad(Self::NOBODY),
        }
    }
}

impl FromStr for Owner {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == Self::NOBODY { Ok(Self::Unattributed) } else { text.parse().map(Self::Strategy) }
    }
}

impl Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usdc => f.pad("USDC"),
            Self::Shares(outcome) => write!(f, "shares of {}", outcome.name()),
            Self::Worth => f.pad("USDC at cost"),
        }
    }
}
