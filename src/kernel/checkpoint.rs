//! The checkpoint of a kernel: all that its future decisions depend on, as a value that can be written and read.
//!
//! What is given anew to every incarnation (the settings with the limits, and so the subscription) is not in it.
//! Effects are not in it either: those of the inputs so far have been handed out. So a kernel that is resumed and
//! given the rest of the inputs gives the effects that the undisturbed one gives, byte for byte.
//!
//! It is read strictly: unknown or missing fields, words of no meaning, amounts out of range, counts that could not
//! go on counting and numbers without a known name are errors that name their line and column.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::market::ConditionId;
use crate::open_orders::OpenOrders;
use crate::order::StrategyId;
use crate::position::Portfolio;
use crate::risk::{Limits, Standing};
use crate::strategy::{MarketState, Saved, Strategy};

use super::settling::Settling;
use super::{Kernel, Memory};

/// A kernel between two inputs. Its JSON is the same text for the same kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    id: StrategyId,
    /// The newest instant is in here, too; so is the breaker. Of its valuation the portfolio knows better.
    memory: Memory,
    guard: Standing,
    markets: BTreeMap<ConditionId, MarketState>,
    /// Not written where nothing waits, as in what was written before anything could.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settling: BTreeMap<ConditionId, Settling>,
    portfolio: Portfolio,
    orders: OpenOrders,
    strategy: Saved,
}

/// The checkpoint is none of this kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is of another strategy.
    #[error("the checkpoint is of {found}, not of {expected}")]
    Id {
        /// Whose it must be.
        expected: StrategyId,
        /// Whose it is.
        found: StrategyId,
    },
    /// An order is open that was never numbered: the next order would take its number.
    #[error("the checkpoint has an open order {number}, and the last one was {last}")]
    Order {
        /// The open order.
        number: u64,
        /// The last number given.
        last: u64,
    },
    /// A market stands under another's id.
    #[error("the checkpoint has the market {0} under another id")]
    Market(ConditionId),
    /// A market has paid and is to be traded on.
    #[error("the checkpoint has the market {0} open, and paid")]
    Paid(ConditionId),
    /// A settlement waits and nothing would ever end that.
    #[error("the checkpoint has the settlement of {0} wait for no order")]
    Idle(ConditionId),
}

impl Checkpoint {
    /// Returns what the strategy itself knew, to build it from by [`crate::strategy::Saved`]'s kind.
    #[must_use]
    pub const fn strategy(&self) -> &Saved {
        &self.strategy
    }

    /// Returns what the kernel would have remembered as an incarnation's end.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    fn fits(&self, id: &StrategyId) -> Result<(), Unfit> {
        if self.id != *id {
            return Err(Unfit::Id { expected: id.clone(), found: self.id.clone() });
        }
        let last = self.memory.last_order;
        if let Some((number, _)) = self.orders.iter().find(|(number, _)| last < *number) {
            return Err(Unfit::Order { number, last });
        }
        let open = self.markets.iter().map(|(id, state)| (id, &state.market));
        let paid = self.settling.iter().map(|(id, waits)| (id, &waits.market));
        if let Some((_, market)) = open.chain(paid).find(|(id, market)| market.id != **id) {
            return Err(Unfit::Market(market.id));
        }
        for id in self.settling.keys().copied() {
            if self.markets.contains_key(&id) {
                return Err(Unfit::Paid(id));
            }
            if self.orders.of_market(id).next().is_none() {
                return Err(Unfit::Idle(id));
            }
        }
        Ok(())
    }
}

impl Kernel {
    /// Returns all that its future decisions depend on, beside its settings.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            id: self.id.clone(),
            memory: self.memory(),
            guard: self.guard.standing(),
            markets: self.markets.clone(),
            settling: self.settling.clone(),
            portfolio: self.portfolio.clone(),
            orders: self.orders.clone(),
            strategy: self.strategy.save(),
        }
    }

    /// Returns the kernel of a checkpoint. `strategy` is built from [`Checkpoint::strategy`] with the settings of
    /// then, and `limits` are those of then; with others it goes on by those from here on.
    ///
    /// # Errors
    /// When the checkpoint is of another strategy, or contradicts itself.
    pub fn resume(
        id: StrategyId,
        strategy: Box<dyn Strategy>,
        limits: Limits,
        checkpoint: Checkpoint,
    ) -> Result<Self, Unfit> {
        checkpoint.fits(&id)?;
        let Checkpoint { memory, guard, markets, settling, portfolio, orders, .. } = checkpoint;
        let mut kernel = Self::new(id, strategy, limits, memory);
        kernel.guard.stand(guard);
        let open = markets.values().map(|state| &state.market);
        let paid = settling.values().map(|waits| &waits.market);
        open.chain(paid).for_each(|market| kernel.groups.add(Arc::clone(market)));
        Ok(Self { markets, settling, portfolio, orders, ..kernel })
    }
}
