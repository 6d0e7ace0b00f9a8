//! Settlements that wait: a market has paid while an order in it is open, of which a fill may still be told.
//!
//! What is told of such an order is of before the market paid. So its shares stay where they are until the order has
//! come to its end, and every fill finds what it moves. Nothing new is wanted there meanwhile: the market is no open one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::market::{ConditionId, Market};
use crate::price::Usdc;
use crate::status::SettlingStatus;

use super::{Effect, Kernel};

/// A market that has paid, whose shares wait for the end of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settling {
    pub(super) market: Arc<Market>,
    /// What a share of yes and of no pays.
    pub(super) payouts: [Usdc; 2],
}

impl Kernel {
    /// Returns the rules of a market that it watches, or that has paid and is not settled.
    #[must_use]
    pub fn listing(&self, id: ConditionId) -> Option<&Arc<Market>> {
        let open = self.markets.get(&id).map(|state| &state.market);
        open.or_else(|| self.settling.get(&id).map(|waits| &waits.market))
    }

    /// Takes in what a market pays. It is settled at once where no order in it is open, and else with the last of them.
    pub(super) fn resolve(
        &mut self,
        market: ConditionId,
        payouts: [Usdc; 2],
        effects: &mut Vec<Effect>,
    ) {
        let Some(state) = self.markets.remove(&market) else {
            return;
        };
        self.settling.insert(market, Settling { market: state.market, payouts });
        self.settle(market, effects);
    }

    /// Settles a market that has paid, unless an order in it is open.
    pub(super) fn settle(&mut self, id: ConditionId, effects: &mut Vec<Effect>) {
        if self.orders.of_market(id).next().is_some() {
            return;
        }
        let Some(Settling { market, payouts }) = self.settling.remove(&id) else {
            return;
        };
        self.groups.remove(id);
        if let Some((amount, profit)) = self.portfolio.settle(id, payouts) {
            effects.push(Effect::Settled { market, payouts, amount, profit });
            self.close_round(profit, effects);
        }
        self.strategy.on_settled(id);
        self.memory.tallies.forget(id);
    }

    /// Returns what waits, for people.
    pub(super) fn waits(&self) -> Vec<SettlingStatus> {
        let shown = |(id, waits): (&ConditionId, &Settling)| {
            let orders = self.orders.iter().filter(|(_, order)| order.intent.market == *id);
            SettlingStatus {
                market: waits.market.slug.to_string(),
                market_id: id.to_string(),
                payouts_usdc: waits.payouts,
                orders: orders.map(|(number, _)| number).collect(),
            }
        };
        self.settling.iter().map(shown).collect()
    }
}
