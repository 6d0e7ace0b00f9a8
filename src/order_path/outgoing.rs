//! An order on its way out: with its bytes, their hash, and what it ties up.

use super::lookup::OrderKey;
use super::payload::{OrderHash, Payload};
use crate::intent::Intent;
use crate::kernel::Order;
use crate::market::Side;
use crate::order::ClientOrderId;
use crate::price::{Size, Usdc};
use crate::time::Timestamp;

/// An order as it is stored and then sent. Its bytes are made once: what a venue is given is what was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    order: Order,
    payload: Payload,
    hash: OrderHash,
}

/// What an order ties up until it is over, as the ledger books it. What it is filled for lowers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    /// The cash that a buy may take at its limit, rounded up, in USDC; no fee is in it. Zero for a sell.
    pub cash: Usdc,
    /// The shares that a sell offers. Zero for a buy.
    pub shares: Size,
}

impl Outgoing {
    /// Writes the bytes of an order that a run is about to store and send.
    #[must_use]
    pub fn new(order: Order, run: &str) -> Self {
        let payload = Payload::of(run, order.id(), order.at(), order.intent());
        let hash = payload.hash();
        Self { order, payload, hash }
    }

    /// Returns the order.
    #[must_use]
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// Returns our number of it.
    #[must_use]
    pub const fn id(&self) -> &ClientOrderId {
        self.order.id()
    }

    /// Returns when it was decided.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.order.at()
    }

    /// Returns what is wanted.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        self.order.intent()
    }

    /// Returns its bytes.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Returns what its bytes hash to.
    #[must_use]
    pub const fn hash(&self) -> OrderHash {
        self.hash
    }

    /// Returns by what it is known.
    #[must_use]
    pub fn key(&self) -> OrderKey {
        OrderKey { id: self.id().clone(), hash: self.hash }
    }

    /// Returns what it ties up.
    #[must_use]
    pub fn reserved(&self) -> Reserved {
        let intent = self.intent();
        match intent.side {
            Side::Buy => Reserved { cash: intent.notional(), shares: Size::ZERO },
            Side::Sell => Reserved { cash: Usdc::ZERO, shares: intent.size },
        }
    }
}
