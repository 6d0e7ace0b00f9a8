//! What the venue keeps of one strategy: its cash and shares, counted apart from the strategy's own books.

use std::collections::BTreeMap;

use crate::market::{ConditionId, Outcome, Side};
use crate::order::Fill;
use crate::price::{Rounding, Size, Usdc};

/// Cash and shares of one strategy, from a start of zero. What a strategy loses the venue's other side, or its
/// fees, has won: `cash + taken == 0` at all times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    cash: Usdc,
    taken: Usdc,
    shares: BTreeMap<(ConditionId, Outcome), Size>,
}

impl Account {
    pub(super) fn book(&mut self, fill: &Fill) {
        let shares = self.shares.entry((fill.market, fill.outcome)).or_default();
        match fill.side {
            Side::Buy => {
                *shares += fill.size;
                self.pay(fill.price.notional(fill.size, Rounding::Up) + fill.fee);
            }
            Side::Sell => {
                *shares -= fill.size;
                self.pay(fill.fee - fill.price.notional(fill.size, Rounding::Down));
            }
        }
    }

    pub(super) fn endow(&mut self, leg: (ConditionId, Outcome), size: Size) {
        *self.shares.entry(leg).or_default() += size;
    }

    pub(super) fn settle(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        for (outcome, pays) in Outcome::BOTH.into_iter().zip(payouts) {
            if let Some(shares) = self.shares.remove(&(market, outcome)) {
                self.pay(-pays.times(shares, Rounding::Down));
            }
        }
    }

    /// Returns the cash, from a start of zero.
    #[must_use]
    pub const fn cash(&self) -> Usdc {
        self.cash
    }

    /// Returns what the other side and the fees have won of it.
    #[must_use]
    pub const fn taken(&self) -> Usdc {
        self.taken
    }

    /// Returns the shares held of an outcome.
    #[must_use]
    pub fn shares(&self, market: ConditionId, outcome: Outcome) -> Size {
        self.shares.get(&(market, outcome)).copied().unwrap_or_default()
    }

    fn pay(&mut self, amount: Usdc) {
        self.cash -= amount;
        self.taken += amount;
    }
}
