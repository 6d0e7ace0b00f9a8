//! The open orders of one strategy: what is outstanding, and the cash and shares it ties up.

use std::collections::BTreeMap;

use crate::intent::Intent;
use crate::market::{ConditionId, Outcome, Side};
use crate::order::{Submission, Update};
use crate::price::{Price, Rounding, Size, Usdc};

/// Every order that may still be filled, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOrders {
    orders: BTreeMap<u64, OpenOrder>,
}

/// An order that may still be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
