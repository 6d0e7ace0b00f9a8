//! The kernel: one strategy with its guard, its portfolio and its open orders. Inputs in, decisions out.
//!
//! Everything that decides is here, and nothing here knows of threads or clocks: the same inputs in the same
//! order give the same decisions, byte for byte, in the service, in a replay and in a test.

mod checkpoint;
mod decide;
mod input;
mod lasting;
mod memory;
mod order;
mod settling;
mod snapshot;
mod tallies;

pub use checkpoint::{Checkpoint, Unfit};
pub use input::Input;
pub use lasting::Lasting;
pub use memory::Memory;
pub use order::Order;
pub use tallies::{Cause, Count, Tallies};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decision::Decision;
use crate::event::{Kind, MarketEvent};
use crate::market::{ConditionId, Market};
use crate::open_orders::OpenOrders;
use crate::order::{ClientOrderId, Fill, OrderEvent, StrategyId, Update};
use crate::position::{Booked, Oversold, Portfolio};
use crate::price::Usdc;
use crate::risk::{Explanation, Groups, Limits, RiskGuard, Rule, Trip, Turn};
use crate::strategy::fault::Fault;
use crate::strategy::gates::Gates;
use crate::strategy::{Look, MarketState, Strategy, View};
use crate::time::Timestamp;
use settling::Settling;

/// One strategy and all that decides for it.
#[derive(Debug)]
pub struct Kernel {
    id: StrategyId,
    strategy: Box<dyn Strategy>,
    guard: RiskGuard,
    now: Timestamp,
    markets: BTreeMap<ConditionId, MarketState>,
    /// Markets that have paid, and are no open ones any more.
    settling: BTreeMap<ConditionId, Settling>,
    groups: Groups,
    portfolio: Portfolio,
    orders: OpenOrders,
    memory: Memory,
    looks: Vec<Look>,
    fault: Option<Fault>,
}

/// What came of an input.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a decision is the usual effect, and boxing it would cost an allocation a look"
)]
pub enum Effect {
    /// A look ended.
    Decided {
        /// How.
        decision: Decision,
        /// Whether it is a refusal that only repeats the guard's last answer for this market.
        repeated: bool,
        /// How the order fared with every rule of the guard; absent for a no and for what only repeats.
        risk: Option<Box<Explanation>>,
    },
    /// An approved order is to be stored and sent.
    Submit(Order),
    /// A market was settled while shares of it were held: it has paid, and no order in it is open.
    Settled {
        /// The market.
        market: Arc<Market>,
        /// What a share of yes and of no paid.
        payouts: [Usdc; 2],
        /// The cash that came in.
        amount: Usdc,
        /// Profit or loss of the whole round in it.
        profit: Usdc,
    },
    /// The breaker tripped; entries are refused.
    Tripped(Trip),
    /// The breaker's cooldown for this rule is over; one entry may try.
    HalfOpen(Rule),
    /// The breaker let go of this rule.
    Released(Rule),
}

impl From<Turn> for Effect {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Tripped(trip) => Self::Tripped(trip),
            Turn::HalfOpen(rule) => Self::HalfOpen(rule),
            Turn::Released(rule) => Self::Released(rule),
        }
    }
}

/// The books do not add up: going on would trade on wrong numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// More was sold than is held.
    #[error(transparent)]
    Oversold(#[from] Oversold),
    /// A fill of an order that this kernel never sent, or that has ended.
    #[error("a fill of {0}, which is not open")]
    StrayFill(ClientOrderId),
}

impl Kernel {
    /// Returns a kernel that has seen nothing, with what it remembers of its earlier incarnations.
    #[must_use]
    pub fn new(
        id: StrategyId,
        strategy: Box<dyn Strategy>,
        limits: Limits,
        memory: Memory,
    ) -> Self {
        let mut guard = RiskGuard::new(limits);
        guard.restore(memory.breaker.clone());
        let portfolio = Portfolio::after(memory.valuation.clone());
        Self {
            id,
            strategy,
            guard,
            now: memory.now,
            markets: BTreeMap::new(),
            settling: BTreeMap::new(),
            groups: Groups::new(),
            portfolio,
            orders: OpenOrders::default(),
            memory,
            looks: Vec::new(),
            fault: None,
        }
    }

    /// Takes in a fill of the past: it moves the portfolio and the strategy's own state, and decides nothing.
    ///
    /// # Errors
    /// When the books do not add up.
    pub fn recall_fill(&mut self, fill: &Fill) -> Result<(), Broken> {
        self.now = self.now.max(fill.at);
        if self.portfolio.book(fill)? != Booked::Duplicate {
            let (strategy, view, looks) = self.parts();
            strategy.on_fill(fill, &view, looks);
            self.looks.clear();
        }
        Ok(())
    }

    /// Takes in a settlement of the past.
    pub fn recall_settlement(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        self.portfolio.settle(market, payouts);
        self.strategy.on_settled(market);
    }

    /// Takes in one input; what comes of it is added to `effects`.
    ///
    /// # Errors
    /// When the books do not add up. The kernel must not be used any more then.
    pub fn handle(&mut self, input: &Input, effects: &mut Vec<Effect>) -> Result<(), Broken> {
        self.memory.inputs += 1;
        match input {
            Input::Market(event) => self.on_market(event, effects),
            Input::Order(event) => self.on_order(event, effects)?,
            Input::Timer(at) => {
                self.advance(*at, effects);
                let (strategy, view, looks) = self.parts();
                strategy.on_timer(&view, looks);
            }
            Input::Gate { at, gate } => {
                self.advance(*at, effects);
                self.guard.set_gate(*gate);
            }
            Input::Release { at } => {
                self.advance(*at, effects);
                let released =
                    self.guard.release(self.portfolio.drawdown(), self.portfolio.equity());
                effects.extend(released.map(Effect::Released));
            }
        }
        self.fault = self.strategy.fault(self.memory.inputs);
        self.decide(input.trigger(), effects);
        Ok(())
    }

    /// Returns what the strategy said at the newest input that keeps it from going on; a second time there is nothing.
    /// Whoever only plays again what has been recorded need not ask.
    pub fn fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// Returns when it wants a timer, at the latest.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        let cooldown = self.guard.breaker().trip().and_then(|trip| trip.until);
        let grace = self.portfolio.marks_until();
        let own = cooldown.into_iter().chain(grace);
        self.strategy.next_timer().into_iter().chain(own).filter(|at| self.now < *at).min()
    }

    /// Returns the strategy's id.
    #[must_use]
    pub const fn id(&self) -> &StrategyId {
        &self.id
    }

    /// Returns which gates its orders pass, in their order.
    #[must_use]
    pub fn gates(&self) -> Gates {
        self.strategy.gates()
    }

    /// Returns what it holds and has made.
    #[must_use]
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// Returns what it has outstanding.
    #[must_use]
    pub const fn orders(&self) -> &OpenOrders {
        &self.orders
    }

    /// Returns what is known of a market.
    #[must_use]
    pub fn market(&self, id: ConditionId) -> Option<&MarketState> {
        self.markets.get(&id)
    }

    /// Returns what its next incarnation must remember.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            now: self.now,
            breaker: self.guard.breaker().clone(),
            valuation: self.portfolio.valuation(),
            ..self.memory.clone()
        }
    }

    fn advance(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.now = self.now.max(at);
        let Self { guard, portfolio, now, .. } = self;
        guard.turn_day(|| portfolio.equity(), *now);
        effects.extend(self.guard.cool_down(self.now).map(Effect::from));
        if self.portfolio.drop_marks(self.now) | self.guard.is_new() {
            self.watch_drawdown(effects);
        }
    }

    fn on_market(&mut self, event: &MarketEvent, effects: &mut Vec<Effect>) {
        self.advance(event.at, effects);
        match &event.kind {
            Kind::Market(market) => {
                let is_over = self.settling.contains_key(&market.id);
                if is_over || !self.strategy.subscription().wants(market) {
                    return;
                }
                let market = Arc::clone(market);
                self.markets.entry(market.id).or_insert_with(|| {
                    self.groups.add(Arc::clone(&market));
                    MarketState::new(market)
                });
            }
            Kind::Book { market, outcome, book } => {
                let Some(state) = self.markets.get_mut(market) else {
                    return;
                };
                *outcome.of_mut(&mut state.books) = Some(Arc::clone(book));
                self.mark(*market, effects);
            }
            Kind::Tick { market, tick } => {
                let Some(state) = self.markets.get_mut(market) else {
                    return;
                };
                state.tick = *tick;
            }
            Kind::Resolved { market, payouts } => {
                self.resolve(*market, *payouts, effects);
                return;
            }
            Kind::Trade(trade) if !self.markets.contains_key(&trade.market) => return,
            Kind::Spot { symbol, .. } if !self.strategy.subscription().wants_symbol(symbol) => {
                return;
            }
            Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => {}
            Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
        let (strategy, view, looks) = self.parts();
        strategy.on_event(event, &view, looks);
    }

    /// Values what is held of a market at its newest books, and looks how far all has fallen.
    fn mark(&mut self, market: ConditionId, effects: &mut Vec<Effect>) {
        if self.value(market) {
            self.watch_drawdown(effects);
        }
    }

    fn watch_drawdown(&mut self, effects: &mut Vec<Effect>) {
        self.portfolio.watch_drawdown();
        let trip = self.guard.drawdown(self.portfolio.drawdown(), self.now);
        let daily = self.guard.daily(self.portfolio.equity(), self.now);
        effects.extend(trip.into_iter().chain(daily).map(Effect::Tripped));
    }

    fn close_round(&mut self, profit: Usdc, effects: &mut Vec<Effect>) {
        effects.extend(self.guard.round(profit, self.now).map(Effect::from));
        self.watch_drawdown(effects);
    }

    fn on_order(&mut self, event: &OrderEvent, effects: &mut Vec<Effect>) -> Result<(), Broken> {
        self.advance(event.at, effects);
        let number = event.order.number;
        if let Update::Filled(fill) = &event.update {
            if !self.orders.contains(number) {
                return Err(Broken::StrayFill(event.order.clone()));
            }
            match self.portfolio.book(fill)? {
                Booked::Duplicate => return Ok(()),
                Booked::Once { round } => {
                    self.memory.fills += 1;
                    self.memory.last_trade_at = Some(self.now);
                    match round {
                        Some(profit) => self.close_round(profit, effects),
                        None => self.mark(fill.market, effects),
                    }
                }
            }
            self.orders.update(number, &event.update);
            let (strategy, view, looks) = self.parts();
            strategy.on_fill(fill, &view, looks);
            return Ok(());
        }
        if let Update::Submitted(submission) = &event.update
            && self.orders.contains(number)
        {
            effects.extend(self.guard.sent(submission, self.now).map(Effect::from));
        }
        let ended = self.orders.update(number, &event.update);
        self.memory.count((number, &event.update), ended.as_ref());
        if let Some(order) = ended {
            let (strategy, view, looks) = self.parts();
            strategy.on_done(&order, &view, looks);
            self.settle(order.intent.market, effects);
        }
        Ok(())
    }

    /// Borrows the strategy, what it may look at, and where its looks go.
    fn parts(&mut self) -> (&mut dyn Strategy, View<'_>, &mut Vec<Look>) {
        let view = View {
            now: self.now,
            markets: &self.markets,
            portfolio: &self.portfolio,
            orders: &self.orders,
        };
        (self.strategy.as_mut(), view, &mut self.looks)
    }
}

#[cfg(test)]
mod tests;
