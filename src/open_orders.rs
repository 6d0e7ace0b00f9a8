//! The open orders of one strategy: what is outstanding, and the cash and shares it ties up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::intent::Intent;
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{Submission, Update};
use crate::price::{Price, Rounding, Size, Usdc};

/// Every order that may still be filled, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenOrders {
    orders: BTreeMap<u64, OpenOrder>,
}

/// An order that may still be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenOrder {
    /// What was approved.
    pub intent: Intent,
    /// The fee that the whole of it would cost at its limit, in USDC.
    pub fee: Usdc,
    /// The shares filled so far.
    pub filled: Size,
    /// Whether the answer to sending it was lost.
    pub unknown: bool,
}

impl OpenOrders {
    /// Adds an order that is about to be sent.
    pub fn add(&mut self, number: u64, intent: Intent, fee: Usdc) {
        let order = OpenOrder { intent, fee, filled: Size::ZERO, unknown: false };
        self.orders.insert(number, order);
    }

    /// Takes in what happened to an order. Returns the order where it is over, and nothing for an order that
    /// is not open.
    pub fn update(&mut self, number: u64, update: &Update) -> Option<OpenOrder> {
        let order = self.orders.get_mut(&number)?;
        match update {
            Update::Submitted(Submission::Accepted) => {
                order.unknown = false;
                None
            }
            Update::Submitted(Submission::Unknown) => {
                order.unknown = true;
                None
            }
            Update::Filled(fill) => {
                order.filled += fill.size;
                None
            }
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                self.orders.remove(&number)
            }
        }
    }

    /// Tells whether an order of this number is open.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.orders.contains_key(&number)
    }

    /// Returns how many orders are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Tells whether no order is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Returns the open orders by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &OpenOrder)> {
        self.orders.iter().map(|(number, order)| (*number, order))
    }

    /// Returns the open orders of one leg.
    pub fn of_leg(
        &self,
        market: ConditionId,
        outcome: Outcome,
    ) -> impl Iterator<Item = &OpenOrder> {
        self.of_market(market).filter(move |order| order.intent.outcome == outcome)
    }

    /// Returns the open orders of one market.
    pub fn of_market(&self, market: ConditionId) -> impl Iterator<Item = &OpenOrder> {
        self.orders.values().filter(move |order| order.intent.market == market)
    }

    /// Returns the cash that open buys of one market may still take, fees included.
    #[must_use]
    pub fn reserved(&self, market: ConditionId) -> Usdc {
        self.of_market(market).map(OpenOrder::reserved).sum()
    }

    /// Returns the cash that all open buys may still take, fees included.
    #[must_use]
    pub fn reserved_total(&self) -> Usdc {
        self.orders.values().map(OpenOrder::reserved).sum()
    }
}

impl OpenOrder {
    /// Returns the shares that may still be filled.
    #[must_use]
    pub fn remaining(&self) -> Size {
        self.intent.size.saturating_sub(self.filled)
    }

    /// Returns the cash that it may still take; a sell takes none.
    #[must_use]
    pub fn reserved(&self) -> Usdc {
        match self.intent.side {
            Side::Buy => {
                let fee = self.fee.prorate(self.remaining(), self.intent.size);
                notional_up(self.intent.limit, self.remaining()) + fee
            }
            Side::Sell => Usdc::ZERO,
        }
    }
}

fn notional_up(price: Price, size: Size) -> Usdc {
    price.notional(size, Rounding::Up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Purpose, TimeInForce};
    use crate::order::{DoneCause, Fill, Liquidity, Origin};
    use crate::time::Timestamp;

    const A: ConditionId = ConditionId::from_bytes([1; 32]);
    const B: ConditionId = ConditionId::from_bytes([2; 32]);

    fn intent(market: ConditionId, outcome: Outcome, side: Side) -> Intent {
        Intent {
            market,
            outcome,
            side,
            limit: "0.4".parse().unwrap(),
            size: "10".parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
            purpose: Purpose::Entry,
        }
    }

    fn filled(size: &str) -> Update {
        Update::Filled(Fill {
            number: 1,
            order: "a:1".parse().unwrap(),
            market: A,
            outcome: Outcome::Yes,
            side: Side::Buy,
            price: "0.1".parse().unwrap(),
            size: size.parse().unwrap(),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn usdc(text: &str) -> Usdc {
        text.parse().unwrap()
    }

    /// One buy of ten shares of yes at 0.4 whose fee would be 0.2.
    fn one() -> OpenOrders {
        let mut orders = OpenOrders::default();
        orders.add(1, intent(A, Outcome::Yes, Side::Buy), usdc("0.2"));
        orders
    }

    /// Tells one update of the only order; compares what is left of it, or how it ended.
    fn check(update: &Update, open: Option<(&str, bool)>, ended: Option<&str>) {
        let mut orders = one();
        let over = orders.update(1, update).map(|order| order.remaining().to_string());
        assert_eq!(over.as_deref(), ended, "{update:?}");
        let left = orders.iter().next().map(|(_, o)| (o.remaining().to_string(), o.unknown));
        assert_eq!(left, open.map(|(size, unknown)| (size.to_owned(), unknown)), "{update:?}");
        assert_eq!((orders.contains(1), orders.is_empty()), (open.is_some(), open.is_none()));
    }

    #[test]
    fn an_order_is_open_until_it_is_refused_or_done() {
        let refused = Submission::Rejected { reason: "no".into(), origin: Origin::Order };
        let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
        check(&Update::Submitted(Submission::Accepted), Some(("10", false)), None);
        check(&Update::Submitted(Submission::Unknown), Some(("10", true)), None);
        check(&filled("4"), Some(("6", false)), None);
        check(&filled("10"), Some(("0", false)), None);
        check(&filled("11"), Some(("0", false)), None);
        check(&Update::Submitted(refused), None, Some("10"));
        check(&done, None, Some("10"));
    }

    #[test]
    fn news_of_an_order_that_is_not_open_changes_nothing() {
        let mut orders = one();
        assert_eq!(orders.update(2, &filled("4")), None);
        assert_eq!(orders, one());
    }

    #[test]
    fn a_buy_ties_up_what_it_may_still_take_with_its_fee_and_a_sell_nothing() {
        let mut orders = one();
        assert_eq!(orders.reserved(A), usdc("4.2"));
        orders.update(1, &filled("4"));
        assert_eq!(orders.reserved(A), usdc("2.52"));
        orders.update(1, &filled("6"));
        assert_eq!(orders.reserved(A), usdc("0"));
        orders.add(2, intent(A, Outcome::Yes, Side::Sell), usdc("0.2"));
        assert_eq!(orders.reserved(A), usdc("0"));
        orders.add(3, intent(A, Outcome::No, Side::Buy), usdc("0.2"));
        orders.add(4, intent(B, Outcome::No, Side::Buy), usdc("0"));
        assert_eq!((orders.reserved(A), orders.reserved(B)), (usdc("4.2"), usdc("4")));
        assert_eq!(orders.reserved_total(), usdc("8.2"));
    }

    #[test]
    fn orders_are_found_by_market_and_by_leg() {
        let mut orders = one();
        orders.add(2, intent(A, Outcome::No, Side::Buy), Usdc::ZERO);
        orders.add(3, intent(B, Outcome::Yes, Side::Buy), Usdc::ZERO);
        assert_eq!(
            (orders.len(), orders.of_market(A).count(), orders.of_market(B).count()),
            (3, 2, 1)
        );
        let legs = [(A, Outcome::Yes), (A, Outcome::No), (B, Outcome::Yes), (B, Outcome::No)];
        assert_eq!(legs.map(|(m, o)| orders.of_leg(m, o).count()), [1, 1, 1, 0]);
    }
}
