//! The orders that the ledger knows: what each ties up, and which fills were told of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accounts::{Money, Shares};
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{ClientOrderId, Fill};
use crate::price::{Price, Rounding, Size, Usdc};

/// What an order may come to at most: written down before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Our number of it; its strategy owns what it brings.
    pub order: ClientOrderId,
    /// The market.
    pub market: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Buy or sell.
    pub side: Side,
    /// The worst price.
    pub limit: Price,
    /// The shares.
    pub size: Size,
    /// The fee that the whole of it may cost, in USDC; zero where it is not known beforehand.
    pub fee: Usdc,
}

/// An order, or a number of which fills were told before, or without, the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// What was recorded; nothing while nobody is known to have sent it.
    pub(super) terms: Option<Terms>,
    /// Whether nothing more of it will be filled, as far as was told.
    pub(super) over: bool,
    /// The shares of all its fills that did not fail, in millionths.
    pub(super) filled: i64,
    /// Where each of its fills stands, by the fill's number.
    pub(super) fills: BTreeMap<u32, Slot>,
}

/// The place of a fill: the line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    pub(super) market: ConditionId,
    pub(super) line: usize,
}

/// What an order ties up of its owner's money and of the shares of its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tied {
    pub(super) money: Money,
    pub(super) shares: Shares,
}

impl Order {
    /// Returns what it ties up while so many millionths of its shares are filled.
    pub(super) fn tied(&self, filled: i64) -> Tied {
        match &self.terms {
            Some(terms) if !self.over => terms.tied(filled),
            Some(_) | None => Tied::default(),
        }
    }
}

impl Terms {
    fn tied(&self, filled: i64) -> Tied {
        let rest = self.size.micros().saturating_sub(filled).clamp(0, self.size.micros());
        let rest = Size::from_micros(rest).unwrap_or(self.size);
        let micros = rest.micros();
        match self.side {
            Side::Buy => {
                let fee = self.fee.prorate(rest, self.size).micros();
                let fee = if rest.is_zero() { 0 } else { fee };
                let most = self.limit.notional(rest, Rounding::Up).micros() + fee;
                Tied {
                    money: Money { cash: -most, reserved: most, ..Money::default() },
                    shares: Shares { pending: micros, venue: -micros, ..Shares::default() },
                }
            }
            Side::Sell => Tied {
                money: Money::default(),
                shares: Shares { confirmed: -micros, offered: micros, ..Shares::default() },
            },
        }
    }

    /// Tells whether a fill can be one of this order.
    pub(super) fn fits(&self, fill: &Fill) -> bool {
        (self.market, self.outcome, self.side) == (fill.market, fill.outcome, fill.side)
    }
}
