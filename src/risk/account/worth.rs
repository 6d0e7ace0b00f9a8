//! What the shares of all strategies are worth, as far as their books have told.

use std::collections::BTreeMap;

use crate::market::{ConditionId, Outcome};
use crate::position::Portfolio;
use crate::price::{Price, Rounding, Size, Usdc};
use crate::time::Timestamp;

/// What one share could be sold for, by market and outcome.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    markets: BTreeMap<ConditionId, [Option<Mark>; 2]>,
}

/// What one share of an outcome is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// The newest book's best bid, nothing where nobody bids, and when that book came.
    Bid(Usdc, Timestamp),
    /// The market was answered: this is what the share pays.
    Paid(Usdc),
}

/// Which bids count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// All, and what has none is worth what it cost: nothing is called lost that may only be unknown.
    Known,
    /// Those that are not older: what has no such bid is worth nothing.
    Since(Timestamp),
}

impl Marks {
    /// Takes in the best bid of a book.
    pub(super) fn bid(
        &mut self,
        (market, outcome): (ConditionId, Outcome),
        bid: Option<Price>,
        at: Timestamp,
    ) {
        let bid = bid.map(Usdc::from).unwrap_or_default();
        let mark = outcome.of_mut(self.markets.entry(market).or_default());
        match mark {
            Some(Mark::Paid(_)) => {}
            Some(Mark::Bid(..)) | None => *mark = Some(Mark::Bid(bid, at)),
        }
    }

    /// Takes in what the shares of a market pay. The first answer counts, as it does for every strategy.
    pub(super) fn paid(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        if !self.is_paid(market) {
            self.markets.insert(market, payouts.map(|usdc| Some(Mark::Paid(usdc))));
        }
    }

    /// Tells whether a market was answered.
    pub(super) fn is_paid(&self, market: ConditionId) -> bool {
        let marks = self.markets.get(&market);
        marks.is_some_and(|marks| matches!(marks, [Some(Mark::Paid(_)), Some(Mark::Paid(_))]))
    }

    /// Forgets a market of which nothing is held any more.
    pub(super) fn forget(&mut self, market: ConditionId) {
        self.markets.remove(&market);
    }

    /// Returns what all shares would bring: pairs one USDC each, the rest by their marks.
    pub(super) fn worth(&self, portfolio: &Portfolio, trust: Trust) -> Usdc {
        portfolio
            .positions()
            .map(|(market, outcome, _)| self.side(portfolio, (market, outcome), trust))
            .sum()
    }

    /// Returns what the shares of one outcome bring; a pair is counted with its yes.
    fn side(
        &self,
        portfolio: &Portfolio,
        (market, outcome): (ConditionId, Outcome),
        trust: Trust,
    ) -> Usdc {
        let own = portfolio.position(market, outcome);
        let pairs = own.size.min(portfolio.position(market, outcome.other()).size);
        let single = own.size.saturating_sub(pairs);
        let mark = self.markets.get(&market).and_then(|marks| *outcome.of(marks));
        let rest = match (mark, trust) {
            (Some(Mark::Paid(usdc)), Trust::Known | Trust::Since(_)) => {
                usdc.times(single, Rounding::Down)
            }
            (Some(Mark::Bid(_, at)), Trust::Since(since)) if at < since => Usdc::ZERO,
            (Some(Mark::Bid(usdc, _)), Trust::Known | Trust::Since(_)) => {
                usdc.times(single, Rounding::Down)
            }
            (None, Trust::Known) => own.cost.prorate(single, own.size),
            (None, Trust::Since(_)) => Usdc::ZERO,
        };
        // Each pair is met twice, once by each of its outcomes: it is counted with yes alone.
        let paired = match outcome {
            Outcome::Yes => pairs,
            Outcome::No => Size::ZERO,
        };
        rest + Usdc::from_micros(paired.micros()).unwrap_or(Usdc::MAX)
    }
}
