//! What all strategies together have at stake: in money out, and in what could be lost at resolution.

use std::collections::BTreeMap;

use crate::intent::Intent;
use crate::market::{ConditionId, EventRef, Side};
use crate::open_orders::OpenOrder;
use crate::price::{Rounding, Usdc};
use crate::risk::groups::together;
use crate::risk::worst::Losses;

use super::AccountGuard;
use super::limits::{AccountRule, AccountUse};

/// What is at stake. With an order that is asked for, the figures of market, event and underlying are those of the
/// order; without one they are the largest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stake {
    open: u64,
    notional: Usdc,
    gross: Usdc,
    market: Usdc,
    event: Usdc,
    symbol: Usdc,
    worst: Usdc,
}

impl AccountGuard {
    /// Returns what is at stake now, or would be with one more order.
    pub(super) fn stake(&self, more: Option<&OpenOrder>) -> Stake {
        let all = || self.orders.values().chain(more);
        let is_asked = |market: ConditionId| more.is_none_or(|order| order.intent.market == market);
        let mut open: BTreeMap<ConditionId, Vec<&OpenOrder>> = BTreeMap::new();
        for (market, _, _) in self.portfolio.positions() {
            open.entry(market).or_default();
        }
        for order in all() {
            open.entry(order.intent.market).or_default().push(order);
        }
        let mut stake = Stake::default();
        let mut events: BTreeMap<&str, (&EventRef, Vec<Losses>)> = BTreeMap::new();
        let mut symbols: BTreeMap<&str, Usdc> = BTreeMap::new();
        for (id, orders) in open {
            let losses = Losses::with(&self.portfolio, orders.into_iter(), id);
            if is_asked(id) {
                stake.market = stake.market.max(losses.worst());
            }
            let market = self.markets.get(&id);
            if let Some(symbol) = market.and_then(|market| market.underlying()) {
                *symbols.entry(symbol).or_default() += losses.worst();
            }
            match market.and_then(|market| market.event.as_ref()) {
                Some(event) => {
                    events.entry(&event.id).or_insert((event, Vec::new())).1.push(losses);
                }
                None => stake.worst += losses.worst(),
            }
        }
        let asked = more.and_then(|order| self.markets.get(&order.intent.market));
        for (id, (event, losses)) in events {
            let loss = together(&losses, event);
            stake.worst += loss;
            let own = asked.and_then(|market| market.event.as_ref()).map(|event| &*event.id);
            if more.is_none() || own == Some(id) {
                stake.event = stake.event.max(loss);
            }
        }
        for (symbol, loss) in symbols {
            if more.is_none() || asked.and_then(|market| market.underlying()) == Some(symbol) {
                stake.symbol = stake.symbol.max(loss);
            }
        }
        stake.open = u64::try_from(all().count()).unwrap_or(u64::MAX);
        stake.notional = all().map(notional).sum();
        let cost: Usdc = self.portfolio.positions().map(|(_, _, position)| position.cost).sum();
        stake.gross = cost + all().map(OpenOrder::reserved).sum::<Usdc>();
        stake
    }

    /// Returns what is at stake beside each limit, in the order in which the rules are asked.
    pub(super) fn staked(&self, stake: &Stake) -> [AccountUse; 7] {
        let limits = &self.limits;
        let cash = AccountUse::cash;
        [
            AccountUse::count(AccountRule::OpenOrders, stake.open, limits.open_orders_max),
            cash(AccountRule::OpenNotional, stake.notional, limits.open_notional_max_usdc),
            cash(AccountRule::GrossExposure, stake.gross, limits.gross_exposure_max_usdc),
            cash(AccountRule::MarketExposure, stake.market, limits.market_exposure_max_usdc),
            cash(AccountRule::EventExposure, stake.event, limits.event_exposure_max_usdc),
            cash(AccountRule::SymbolExposure, stake.symbol, limits.symbol_exposure_max_usdc),
            cash(AccountRule::WorstLoss, stake.worst, limits.worst_loss_max_usdc),
        ]
    }

    /// Tells whether something of a market is held or open.
    pub(super) fn is_used(&self, market: ConditionId) -> bool {
        let mut open = self.orders.values();
        self.portfolio.is_held(market) || open.any(|order| order.intent.market == market)
    }
}

/// Tells whether an exposure may be passed without an entry, so that all entries wait until it is not: by an exit that
/// breaks pairs, a hedge, or limits that were lowered. Of orders and their notional that is ordinary, since protection
/// is not counted against them.
pub(super) const fn holds_all(rule: AccountRule) -> bool {
    match rule {
        AccountRule::GrossExposure | AccountRule::MarketExposure | AccountRule::EventExposure => {
            true
        }
        AccountRule::SymbolExposure | AccountRule::WorstLoss => true,
        AccountRule::DailyLoss | AccountRule::Drawdown => true,
        AccountRule::SelfCross | AccountRule::UnknownMarket | AccountRule::OpenOrders => false,
        AccountRule::OpenNotional | AccountRule::CancelThrottle => false,
        AccountRule::OrderThrottle => false,
    }
}

/// Returns what an open order may still come to at its limit, with the fee of a purchase.
fn notional(order: &OpenOrder) -> Usdc {
    let Intent { side, limit, .. } = order.intent;
    match side {
        Side::Buy => order.reserved(),
        Side::Sell => limit.notional(order.remaining(), Rounding::Up),
    }
}
