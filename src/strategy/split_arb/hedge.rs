//! The hedge of a leg: what a pair would bring at an ask of the other outcome, and which asks would do.

use crate::market::{Market, Side};
use crate::numbers::Numbers;
use crate::price::{MICROS, Price, Rounding, Size, Usdc};

use super::{Sight, Style};

/// The rules of a hedge, with what the leg to be hedged has cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hedge<'a> {
    sight: &'a Sight<'a>,
    /// What a share of the leg cost, in USDC, without fees.
    entry: Usdc,
    /// The same with fees.
    cost: Usdc,
}

impl<'a> Hedge<'a> {
    /// Returns the rules for a leg whose shares cost `entry` without fees and `cost` with them, in USDC a share.
    pub(super) const fn new(sight: &'a Sight<'a>, entry: Usdc, cost: Usdc) -> Self {
        Self { sight, entry, cost }
    }

    /// Tells whether a pair is cheap enough at this ask, and brings enough after the fees of both legs.
    pub(super) fn fits(&self, ask: Price) -> bool {
        let (sum, target) = (self.sum(ask), self.sight.config.target_sum_usdc);
        let cheap = match self.sight.config.style {
            Style::Legged => sum <= target,
            Style::Simultaneous => sum < target,
        };
        cheap && self.sight.config.profit_min_usdc <= self.profit(ask)
    }

    /// Tells whether the venue takes a buy of so many shares at this ask: it has a smallest amount.
    pub(super) fn can_be_sent(&self, ask: Price, size: Size) -> bool {
        let least = Market::MIN_BUY.parse().unwrap_or(Usdc::MAX);
        let limit = self.sight.state.tick.limit(ask, Side::Buy);
        limit.is_some_and(|limit| least <= limit.notional(size, Rounding::Up))
    }

    /// Returns what a pair brings at this ask, in USDC, after the fees of both legs.
    pub(super) fn profit(&self, ask: Price) -> Usdc {
        let fee = self.sight.state.market.fees.per_share(ask);
        Usdc::from(ask.complement()) - self.cost - fee
    }

    /// Returns the highest ask on the market's grid that fits, where there is one.
    pub(super) fn ask_max(&self) -> Option<Price> {
        let tick = i64::from(self.sight.state.tick.micros());
        let price = |steps: i64| Price::from_micros(steps * tick).ok();
        // A dearer hedge never brings more, its fee included, so all that fit lie below one step.
        let (mut below, mut above) = (0, MICROS / tick);
        while below + 1 < above {
            let middle = i64::midpoint(below, above);
            if price(middle).is_some_and(|ask| self.fits(ask)) {
                below = middle;
            } else {
                above = middle;
            }
        }
        price(below)
    }

    /// Returns the numbers that are compared at this ask.
    pub(super) fn numbers(&self, ask: Price) -> Numbers {
        Numbers::none()
            .with("other_ask", ask)
            .with("sum", self.sum(ask))
            .with("target_sum", self.sight.config.target_sum_usdc)
            .with("profit", self.profit(ask))
            .with("profit_min", self.sight.config.profit_min_usdc)
    }

    /// Returns both prices together, in USDC a pair, without fees.
    fn sum(&self, ask: Price) -> Usdc {
        self.entry + ask.into()
    }
}
