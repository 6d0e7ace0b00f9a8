//! What of a kernel outlives the process: all that its decisions depend on and no stored fact tells.
//!
//! Positions, cash and fees are not in it: they follow from fills and settlements. Markets with their books are not in
//! it either: what is known of them when the next process begins is shown to it before its first input. It is read as
//! strictly as a checkpoint, of whose parts it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Kind, MarketEvent};
use crate::market::{ConditionId, Outcome};
use crate::open_orders::OpenOrders;
use crate::order::{ClientOrderId, Fill, OrderEvent, Origin, StrategyId, Submission, Update};
use crate::position::Oversold;
use crate::price::{Size, Usdc};
use crate::risk::{Limits, Standing};
use crate::strategy::{MarketState, Saved, Strategy};

use super::{Kernel, Memory, Unfit};

/// What of a kernel outlives the process, between two inputs. Its JSON is the same text for the same kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    id: StrategyId,
    /// The version of the settings that the strategy knew what it knows by.
    settings: String,
    memory: Memory,
    guard: Standing,
    orders: OpenOrders,
    strategy: Saved,
}

impl Lasting {
    /// The form in which it is written now, and the only one that is read.
    pub const VERSION: u32 = 1;

    /// Returns the version of the settings that the strategy knew what it knows by.
    #[must_use]
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// Returns what the strategy itself knew, to build it from where its settings are still those.
    #[must_use]
    pub const fn strategy(&self) -> &Saved {
        &self.strategy
    }

    /// Returns the counts, numbers and the digest.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns it with decision numbers that go on after `number`, when that is further.
    #[must_use]
    pub fn after_decision(self, number: u64) -> Self {
        Self { memory: self.memory.after_decision(number), ..self }
    }

    /// Returns the lowest number of an order that was open; nothing where none was.
    #[must_use]
    pub fn open_from(&self) -> Option<u64> {
        self.orders.iter().map(|(number, _)| number).min()
    }

    /// Returns what of all that was told of its orders it does not know yet, in the order in which it was told.
    /// `stored` are the orders that were stored: one that was open and was not stored was not sent either, and that
    /// is news too.
    #[must_use]
    pub fn news(&self, stored: &BTreeSet<u64>, told: &[OrderEvent]) -> Vec<OrderEvent> {
        let mut answers: BTreeMap<u64, u64> = self.memory.answers.clone();
        let mut filled: BTreeMap<u64, Size> =
            self.orders.iter().map(|(number, order)| (number, order.filled)).collect();
        let mut news: Vec<OrderEvent> = Vec::new();
        for (number, _) in self.orders.iter().filter(|(number, _)| !stored.contains(number)) {
            let reason = "not sent: the process ended before it was stored".to_owned();
            let rejected = Submission::Rejected { reason, origin: Origin::Unsent };
            let order = ClientOrderId { strategy: self.id.clone(), number };
            news.push(OrderEvent {
                at: self.memory.now,
                order,
                update: Update::Submitted(rejected),
            });
        }
        for event in told.iter().filter(|event| self.orders.contains(event.order.number)) {
            let number = event.order.number;
            let is_known = match &event.update {
                Update::Submitted(_) => {
                    let left = answers.entry(number).or_default();
                    let is_known = *left != 0;
                    *left = left.saturating_sub(1);
                    is_known
                }
                Update::Filled(fill) => {
                    let left = filled.entry(number).or_default();
                    let is_known = !left.is_zero();
                    *left = left.saturating_sub(fill.size);
                    is_known
                }
                Update::Done { .. } => false,
            };
            if !is_known {
                news.push(event.clone());
            }
        }
        news
    }
}

impl Kernel {
    /// Returns what of it outlives the process; `settings` is the version that its strategy goes by.
    #[must_use]
    pub fn lasting(&self, settings: &str) -> Lasting {
        Lasting {
            id: self.id.clone(),
            settings: settings.to_owned(),
            memory: self.memory(),
            guard: self.guard.standing(),
            orders: self.orders.clone(),
            strategy: self.strategy.save(),
        }
    }

    /// Returns the kernel that goes on from what outlived the process. Its portfolio is empty until the past is told
    /// again, by [`Kernel::rebook_fill`] to a strategy that was built from [`Lasting::strategy`], by
    /// [`Kernel::recall_fill`] to one that was built anew.
    ///
    /// # Errors
    /// When it is of another strategy, or contradicts itself.
    pub fn outlived(
        id: StrategyId,
        strategy: Box<dyn Strategy>,
        limits: Limits,
        lasting: Lasting,
    ) -> Result<Self, Unfit> {
        if lasting.id != id {
            return Err(Unfit::Id { expected: id, found: lasting.id });
        }
        let last = lasting.memory.last_order;
        if let Some((number, _)) = lasting.orders.iter().find(|(number, _)| last < *number) {
            return Err(Unfit::Order { number, last });
        }
        let mut kernel = Self::new(id, strategy, limits, lasting.memory);
        kernel.guard.stand(lasting.guard);
        Ok(Self { orders: lasting.orders, ..kernel })
    }

    /// Books a fill of the past of which its strategy knows already.
    ///
    /// # Errors
    /// When the books do not add up.
    pub fn rebook_fill(&mut self, fill: &Fill) -> Result<(), Oversold> {
        self.now = self.now.max(fill.at);
        self.portfolio.book(fill).map(drop)
    }

    /// Books a settlement of the past of which its strategy knows already.
    pub fn rebook_settlement(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        self.portfolio.settle(market, payouts);
    }

    /// Shows what is known of the markets that it wants when the process begins: announcements, steps and the newest
    /// books. Nothing is decided on it. The strategy is shown the announcements alone, before there is a book: it can
    /// want nothing then, and what it would want now is asked at its first input.
    pub fn show(&mut self, known: &[MarketEvent]) {
        for event in known {
            let Kind::Market(market) = &event.kind else { continue };
            if !self.strategy.subscription().wants(market) {
                continue;
            }
            let market = Arc::clone(market);
            self.groups.add(Arc::clone(&market));
            self.markets.entry(market.id).or_insert_with(|| MarketState::new(market));
            let (strategy, view, looks) = self.parts();
            strategy.on_event(event, &view, looks);
            self.looks.clear();
        }
        // Too deep a fall is noticed at the next book or fill: of what is shown nothing comes.
        for event in known {
            match &event.kind {
                Kind::Book { market, outcome, book } => {
                    if let Some(state) = self.markets.get_mut(market) {
                        *outcome.of_mut(&mut state.books) = Some(Arc::clone(book));
                        self.value(*market);
                    }
                }
                Kind::Tick { market, tick } => {
                    if let Some(state) = self.markets.get_mut(market) {
                        state.tick = *tick;
                    }
                }
                Kind::Market(_) | Kind::Resolved { .. } | Kind::Trade(_) | Kind::Spot { .. } => {}
                Kind::Game(_) | Kind::Feed { .. } | Kind::Gap { .. } => {}
            }
        }
    }

    /// Values what is held of a market at its newest books. Tells whether anything is.
    pub(super) fn value(&mut self, market: ConditionId) -> bool {
        if !self.portfolio.is_held(market) {
            return false;
        }
        let grace = self.guard.limits().mark_grace;
        for outcome in Outcome::BOTH {
            let book = self.markets.get(&market).and_then(|state| state.book(outcome));
            if let Some(book) = book {
                match book.best_bid().map(|level| level.price) {
                    None if !grace.is_zero() => {
                        self.portfolio.keep_mark(market, outcome, self.now + grace);
                    }
                    bid => self.portfolio.mark(market, outcome, bid),
                }
            }
        }
        true
    }
}
