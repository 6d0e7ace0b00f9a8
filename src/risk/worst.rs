//! What can be lost at resolution: over both outcomes, and over every way in which open orders may still be filled.
//!
//! Yes and no of a market net: of a pair one share pays for certain. So a purchase adds to the loss of the outcome that it
//! does not pay in, and a sale of paired shares adds to the loss of the outcome that they would have paid in. Of open
//! orders those are taken as filled that make it worse. What a sale brings beside the cost of its shares is realised, and
//! is no matter of resolution.

use std::collections::BTreeSet;

use crate::intent::Intent;
use crate::market::{ConditionId, Outcome, Side};
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::position::Portfolio;
use crate::price::{Size, Usdc};

/// Returns what can be lost in a market at resolution, open orders included, in USDC; never below zero.
///
/// ```
/// # use ploy::{market::*, order::*, position::Portfolio, open_orders::OpenOrders, price::Usdc, time::Timestamp};
/// let market = ConditionId::from_bytes([1; 32]);
/// let buy = |number, outcome, price: &str, size: &str| Fill {
///     number, order: "a:1".parse().unwrap(), market, outcome, side: Side::Buy,
///     price: price.parse().unwrap(), size: size.parse().unwrap(),
///     fee: Usdc::ZERO, liquidity: Liquidity::Taker, at: Timestamp::UNIX_EPOCH,
/// };
/// let mut held = Portfolio::default();
/// held.book(&buy(1, Outcome::Yes, "0.40", "100")).unwrap();
/// let worst = |held: &Portfolio| ploy::risk::worst_loss(held, &OpenOrders::default(), market);
/// assert_eq!(worst(&held).to_string(), "40");
/// // Sixty pairs pay 60 whatever comes: of 40 + 33 at most 13 can be lost.
/// held.book(&buy(2, Outcome::No, "0.55", "60")).unwrap();
/// assert_eq!(worst(&held).to_string(), "13");
/// ```
#[must_use]
pub fn worst_loss(portfolio: &Portfolio, orders: &OpenOrders, market: ConditionId) -> Usdc {
    Losses::of(portfolio, orders, market).worst()
}

/// Returns what can be lost in all markets together at resolution, open orders included, in USDC.
#[must_use]
pub fn worst_loss_total(portfolio: &Portfolio, orders: &OpenOrders) -> Usdc {
    let markets = markets(portfolio, orders).into_iter();
    markets.map(|market| worst_loss(portfolio, orders, market)).sum()
}

/// Returns every market of which something is held or open.
pub(super) fn markets(portfolio: &Portfolio, orders: &OpenOrders) -> BTreeSet<ConditionId> {
    let open = orders.iter().map(|(_, order)| order.intent.market);
    portfolio.markets().chain(open).collect()
}

/// What is lost in a market when yes, and when no, comes true; negative where that is won.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losses {
    by_outcome: [Usdc; 2],
    held: [(Size, Usdc); 2],
    to_sell: [Size; 2],
}

impl Losses {
    pub(super) fn of(portfolio: &Portfolio, orders: &OpenOrders, market: ConditionId) -> Self {
        Self::with(portfolio, orders.of_market(market), market)
    }

    /// Returns what is lost with these open orders, all of them in this market.
    pub(super) fn with<'a>(
        portfolio: &Portfolio,
        orders: impl Iterator<Item = &'a OpenOrder>,
        market: ConditionId,
    ) -> Self {
        let held = Outcome::BOTH.map(|outcome| {
            let position = portfolio.position(market, outcome);
            (position.size, position.cost)
        });
        let cost: Usdc = held.iter().map(|(_, cost)| *cost).sum();
        let mut losses = Self {
            by_outcome: held.map(|(size, _)| cost - shares(size)),
            held,
            to_sell: [Size::ZERO; 2],
        };
        for order in orders {
            let outcome = order.intent.outcome;
            match order.intent.side {
                Side::Buy => losses.buy(outcome, order.remaining(), order.reserved()),
                Side::Sell => losses.sell(outcome, order.remaining()),
            }
        }
        losses
    }

    /// Adds a purchase that may be filled: it is where it does not pay, and where it pays less than it costs.
    pub(super) fn buy(&mut self, outcome: Outcome, size: Size, cost: Usdc) {
        *outcome.other().of_mut(&mut self.by_outcome) += cost;
        *outcome.of_mut(&mut self.by_outcome) += (cost - shares(size)).max(Usdc::ZERO);
    }

    /// Adds a sale that may be filled.
    pub(super) fn sell(&mut self, outcome: Outcome, size: Size) {
        let before = self.forgone(outcome);
        *outcome.of_mut(&mut self.to_sell) += size;
        let after = self.forgone(outcome);
        *outcome.of_mut(&mut self.by_outcome) += after - before;
    }

    /// What the shares to be sold would have paid beyond their cost.
    fn forgone(&self, outcome: Outcome) -> Usdc {
        let (held, cost) = *outcome.of(&self.held);
        let sold = (*outcome.of(&self.to_sell)).min(held);
        (shares(sold) - cost.prorate(sold, held)).max(Usdc::ZERO)
    }

    /// Returns what is lost when this outcome comes true.
    pub(super) fn when(&self, outcome: Outcome) -> Usdc {
        *outcome.of(&self.by_outcome)
    }

    pub(super) fn worst(&self) -> Usdc {
        let [yes, no] = self.by_outcome;
        yes.max(no).max(Usdc::ZERO)
    }

    /// Returns the loss with this sale, of as many shares as `size`.
    pub(super) fn with_sale(mut self, intent: &Intent, size: Size) -> Usdc {
        self.sell(intent.outcome, size);
        self.worst()
    }

    /// Returns the most shares that can be sold with a loss of at most `bound`, down to hundredths.
    pub(super) fn sellable(self, intent: &Intent, bound: Usdc) -> Size {
        let (held, cost) = *intent.outcome.of(&self.held);
        let gain = (shares(held) - cost).per_share(held, crate::price::Rounding::Up);
        let Ok(gain) = gain.to_price() else { return Size::ZERO };
        let room = bound - self.when(intent.outcome);
        let most = Size::affordable(room, gain).min(intent.size).floor_to_cents();
        // The cost of a part is rounded, which may be a millionth too little.
        let less = most.saturating_sub(Size::CENT);
        let fits = |size: &Size| self.with_sale(intent, *size) <= bound;
        [most, less].into_iter().find(fits).unwrap_or_default()
    }
}

/// Returns what so many shares pay when their outcome comes true.
fn shares(size: Size) -> Usdc {
    Usdc::from_micros(size.micros()).unwrap_or(Usdc::MAX)
}
