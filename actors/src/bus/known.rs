//! What is known of a market that is open: who wants it, and what a late subscriber must be told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ploy::event::{Kind, MarketEvent};
use ploy::order::StrategyId;
use ploy::strategy::Subscription;
use ploy::tape::Books;

use super::Ticket;
use super::event::{Mailbox, Subscriber};

/// An open market: who wants it, and what a late subscriber must be told of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) readers: BTreeMap<StrategyId, Arc<Mailbox>>,
    pub(super) from: Option<Books>,
    pub(super) market: MarketEvent,
    pub(super) tick: Option<MarketEvent>,
    pub(super) books: [Option<MarketEvent>; 2],
}

impl Known {
    pub(super) fn new(market: &MarketEvent, strategies: &BTreeMap<StrategyId, Subscriber>) -> Self {
        let wanting = strategies.iter().filter(|(_, s)| wants(&s.subscription, market));
        let readers = wanting.map(|(id, s)| (id.clone(), Arc::clone(&s.mailbox))).collect();
        Self { readers, from: None, market: market.clone(), tick: None, books: [None, None] }
    }

    pub(super) fn carry(&self, event: &MarketEvent, ticket: &Ticket) {
        self.readers.values().for_each(|mailbox| mailbox.market(event, ticket));
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &MarketEvent> {
        [Some(&self.market), self.tick.as_ref()]
            .into_iter()
            .flatten()
            .chain(self.books.iter().flatten())
    }
}

pub(super) fn wants(subscription: &Subscription, event: &MarketEvent) -> bool {
    match &event.kind {
        Kind::Market(market) => subscription.wants(market),
        Kind::Book { .. } | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => false,
        Kind::Tick { .. } | Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => false,
    }
}
