//! Markets that belong together: the questions of one event, and those on one underlying.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::market::{ConditionId, EventRef, Market, Outcome};
use crate::open_orders::OpenOrders;
use crate::position::Portfolio;
use crate::price::Usdc;

use super::worst::Losses;

/// The markets that are known, to be found by their event and by their underlying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    markets: BTreeMap<ConditionId, Arc<Market>>,
}

impl Groups {
    /// Returns groups of no market.
    #[must_use]
    pub const fn new() -> Self {
        Self { markets: BTreeMap::new() }
    }

    /// Adds a market that is known from now on.
    pub fn add(&mut self, market: Arc<Market>) {
        self.markets.insert(market.id, market);
    }

    /// Drops a market that is settled.
    pub fn remove(&mut self, id: ConditionId) {
        self.markets.remove(&id);
    }

    /// Returns the largest loss at resolution that one event can bring, open orders included, in USDC.
    ///
    /// Of a neg-risk event at most one question is answered by yes: of three bets on no at most one is lost, and of three
    /// on yes all may be.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ploy::{fees::FeeSchedule, market::*, open_orders::OpenOrders, order::*};
    /// # use ploy::{position::Portfolio, price::Usdc, risk::Groups, time::Timestamp};
    /// # let now = Timestamp::UNIX_EPOCH;
    /// let event = EventRef { id: "election".into(), neg_risk: true };
    /// let (mut groups, mut held) = (Groups::new(), Portfolio::default());
    /// for number in 1..4 {
    ///     let id = ConditionId::from_bytes([number; 32]);
    ///     groups.add(Arc::new(Market {
    ///         id, event: Some(event.clone()),
    /// #       slug: "a".into(), question: "q".into(), outcomes: ["Yes".into(), "No".into()],
    /// #       tokens: None, tick: TickSize::CENT, min_size: "5".parse().unwrap(),
    /// #       fees: FeeSchedule::FREE, opens_at: now, closes_at: now, strike_usd: None,
    ///     }));
    ///     // A hundred shares of no for seventy USDC, in each of three markets.
    ///     held.book(&Fill {
    ///         number: 1, order: ClientOrderId { strategy: "a".parse().unwrap(), number: number.into() },
    ///         market: id, outcome: Outcome::No, side: Side::Buy, price: "0.70".parse().unwrap(),
    ///         size: "100".parse().unwrap(), fee: Usdc::ZERO, liquidity: Liquidity::Taker, at: now,
    ///     }).unwrap();
    /// }
    /// // Seventy are lost in one market, and thirty won in each of the others.
    /// assert_eq!(groups.worst_event(&held, &OpenOrders::default()).to_string(), "10");
    /// ```
    #[must_use]
    pub fn worst_event(&self, portfolio: &Portfolio, orders: &OpenOrders) -> Usdc {
        let mut events: BTreeMap<&str, (&EventRef, Vec<Losses>)> = BTreeMap::new();
        for market in self.markets.values() {
            if let Some(event) = &market.event {
                let (_, losses) = events.entry(&event.id).or_insert((event, Vec::new()));
                losses.push(Losses::of(portfolio, orders, market.id));
            }
        }
        events
            .into_values()
            .map(|(event, losses)| together(&losses, event))
            .max()
            .unwrap_or_default()
    }

    /// Returns the largest loss at resolution in all markets on one underlying, open orders included, in USDC.
    #[must_use]
    pub fn worst_symbol(&self, portfolio: &Portfolio, orders: &OpenOrders) -> Usdc {
        let mut symbols: BTreeMap<&str, Usdc> = BTreeMap::new();
        for market in self.markets.values() {
            if let Some(symbol) = market.underlying() {
                *symbols.entry(symbol).or_default() +=
                    Losses::of(portfolio, orders, market.id).worst();
            }
        }
        symbols.into_values().max().unwrap_or_default()
    }

    /// Returns the known markets of an event.
    pub(super) fn of_event<'a>(&'a self, id: &'a str) -> impl Iterator<Item = ConditionId> + 'a {
        let of = move |market: &&Arc<Market>| {
            market.event.as_ref().is_some_and(|event| &*event.id == id)
        };
        self.markets.values().filter(of).map(|market| market.id)
    }

    /// Returns the known markets on an underlying.
    pub(super) fn on_symbol<'a>(
        &'a self,
        symbol: &'a str,
    ) -> impl Iterator<Item = ConditionId> + 'a {
        let on = move |market: &&Arc<Market>| market.underlying() == Some(symbol);
        self.markets.values().filter(on).map(|market| market.id)
    }
}

/// Returns the worst loss over the markets of one event. Of a neg-risk event that is the worst over every question that
/// may be answered by yes, and over none of them; otherwise each market may end as badly as it can.
pub(super) fn together(losses: &[Losses], event: &EventRef) -> Usdc {
    if !event.neg_risk {
        return losses.iter().map(Losses::worst).sum();
    }
    let none: Usdc = losses.iter().map(|loss| loss.when(Outcome::No)).sum();
    let one = losses.iter().map(|loss| none - loss.when(Outcome::No) + loss.when(Outcome::Yes));
    one.fold(none, Usdc::max).max(Usdc::ZERO)
}
