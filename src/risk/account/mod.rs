//! The account's guard: what all strategies hold and have open together, asked before an order is recorded.
//!
//! A strategy's guard cannot see the others. One wallet holds the shares of all, so that yes of one and no of another
//! net at resolution; and one wallet must not trade with itself.

mod cross;
mod exposure;
mod limits;
mod losses;
mod worth;

pub use limits::{
    AccountLimits, AccountRejection, AccountRule, AccountTrip, AccountTurn, AccountUse, RateLimit,
};
pub use losses::AccountStanding;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Kind, MarketEvent};
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Market};
use crate::numbers::Value;
use crate::open_orders::OpenOrder;
use crate::order::{ClientOrderId, OrderEvent, Submission, Update};
use crate::position::{Booked, Oversold, Portfolio};
use crate::price::{Size, Usdc};
use crate::time::Timestamp;

use super::throttle::Throttle;
use cross::{crosses, on_yes};
use exposure::holds_all;
use losses::Watched;
use worth::Marks;

/// All strategies' open orders and holdings, what they are worth, and what was sent of late. It is told of every market
/// event before any strategy, asked before every order is recorded, and told of everything that is stored of one.
///
/// ```
#[doc = include_str!("example.txt")]
/// let mut account = account();
/// // One strategy bids 0.60 for yes, which is an offer of no at 0.40: another that pays 0.45 for no would meet it.
/// assert_eq!(ask(&mut account, "one:1", "entry buy 10 yes at 0.60 gtc"), "sent");
/// let crossing = "account rule self_cross: two:1 at 0.55 could trade with one:1 at 0.6, as prices of yes";
/// assert_eq!(ask(&mut account, "two:1", "entry buy 10 no at 0.45 fak"), crossing);
/// assert_eq!(ask(&mut account, "two:1", "entry buy 10 no at 0.39 fak"), "sent");
/// ```
#[derive(Clone, Debug)]
pub struct AccountGuard {
    limits: AccountLimits,
    now: Timestamp,
    markets: BTreeMap<ConditionId, Arc<Market>>,
    marks: Marks,
    orders: BTreeMap<ClientOrderId, OpenOrder>,
    portfolio: Portfolio,
    /// What markets pay that a strategy has settled while an order in them, of whomever, is open.
    settling: BTreeMap<ConditionId, [Usdc; 2]>,
    watched: Watched,
    sent: Throttle,
    cancelled: Throttle,
    turns: Vec<AccountTurn>,
}

impl AccountGuard {
    /// Returns the guard of an account that holds nothing, has nothing open, and knows no market.
    #[must_use]
    pub fn new(limits: AccountLimits) -> Self {
        let bucket = |rate: RateLimit| Throttle::new(rate.per_minute, rate.burst);
        Self {
            now: Timestamp::default(),
            markets: BTreeMap::new(),
            marks: Marks::default(),
            orders: BTreeMap::new(),
            portfolio: Portfolio::default(),
            settling: BTreeMap::new(),
            watched: Watched::default(),
            sent: bucket(limits.orders),
            cancelled: bucket(limits.cancels),
            turns: Vec::new(),
            limits,
        }
    }

    /// Takes in a market event: announcements, bids and answers of markets, and with any event the time.
    pub fn observe(&mut self, event: &MarketEvent) {
        self.advance(event.at);
        if let Some(market) = self.see(event) {
            self.revalue(market);
            self.forget(market);
        }
    }

    /// Takes in a market event of an earlier process: what is known of markets, and nothing is compared with a limit.
    pub fn recall_event(&mut self, event: &MarketEvent) {
        if let Some(market) = self.see(event) {
            self.forget(market);
        }
    }

    /// Takes in what an event says of a market. Returns it where its shares may be worth something else now.
    fn see(&mut self, event: &MarketEvent) -> Option<ConditionId> {
        match &event.kind {
            Kind::Market(market) => {
                self.announce(market);
                None
            }
            Kind::Book { market, outcome, book } => {
                let known = self.markets.contains_key(market).then_some(*market)?;
                let bid = book.best_bid().map(|level| level.price);
                self.marks.bid((known, *outcome), bid, event.at);
                Some(known)
            }
            Kind::Resolved { market, payouts } => {
                self.marks.paid(*market, *payouts);
                Some(*market)
            }
            Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => None,
            Kind::Tick { .. } | Kind::Feed { .. } | Kind::Gap { .. } => None,
        }
    }

    /// Says whether an order may be recorded, decided at this instant. Nothing is reserved.
    ///
    /// Exits and hedges are asked by three rules alone: whether the market is open, whom they could trade with, and the
    /// order throttle, which they may overdraw by one burst that no entry can use up.
    ///
    /// # Errors
    /// The first rule that refuses, in the order of [`AccountRule`].
    pub fn check(
        &self,
        id: &ClientOrderId,
        intent: &Intent,
        at: Timestamp,
    ) -> Result<(), AccountRejection> {
        let at = self.now.max(at);
        let is_entry = !intent.purpose.is_protective();
        self.self_cross(id, intent)?;
        if is_entry {
            self.losing(id, at)?;
        }
        if !self.is_open(intent.market) {
            return Err(refused(id, AccountUse::count(AccountRule::UnknownMarket, 0, 0)));
        }
        if is_entry {
            self.staking(id, intent, at)?;
        }
        let look = self.sent.look(intent.purpose, at);
        if look.is_free() {
            return Ok(());
        }
        Err(refused(id, AccountUse::count(AccountRule::OrderThrottle, look.used, look.limit)))
    }

    /// Asks as [`AccountGuard::check`] does, and reserves what the order may come to until it has ended.
    ///
    /// # Errors
    /// The rule that refused.
    pub fn admit(
        &mut self,
        id: &ClientOrderId,
        intent: Intent,
        at: Timestamp,
    ) -> Result<(), AccountRejection> {
        self.advance(at);
        self.check(id, &intent, at)?;
        self.sent.take(self.now);
        self.reserve(id, intent);
        Ok(())
    }

    /// Reserves what an order may come to that was recorded by an earlier process and has not ended.
    pub fn reserve(&mut self, id: &ClientOrderId, intent: Intent) {
        let fee = self.fee(&intent);
        let order = OpenOrder { intent, fee, filled: Size::ZERO, unknown: false };
        self.orders.insert(id.clone(), order);
    }

    /// Takes in what happened to an order: fills are booked once, whatever is told twice, and an order that has ended
    /// reserves nothing any more.
    ///
    /// # Errors
    /// When a fill sells more than all strategies hold.
    pub fn told(&mut self, event: &OrderEvent) -> Result<(), Oversold> {
        self.advance(event.at);
        self.book(event)?;
        self.watch();
        Ok(())
    }

    /// Takes in what happened to an order of an earlier process: nothing is compared with a limit yet.
    ///
    /// # Errors
    /// When a fill sells more than all strategies held.
    pub fn recall(&mut self, event: &OrderEvent) -> Result<(), Oversold> {
        self.book(event)
    }

    /// Takes in that a market was settled in an earlier process, after all else of that process: the settlement of one
    /// strategy may be stored before the last fill of another.
    pub fn recall_settlement(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        self.settling.insert(market, payouts);
        self.settle(market);
    }

    fn book(&mut self, event: &OrderEvent) -> Result<(), Oversold> {
        match &event.update {
            Update::Submitted(Submission::Accepted | Submission::Unknown) => {}
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                if let Some(order) = self.orders.remove(&event.order) {
                    self.settle(order.intent.market);
                    self.forget(order.intent.market);
                }
            }
            Update::Filled(fill) => {
                let booked = self.portfolio.book(fill)?;
                let order = self.orders.get_mut(&event.order);
                if let (Booked::Once { .. }, Some(order)) = (booked, order) {
                    order.filled += fill.size;
                }
            }
        }
        Ok(())
    }

    /// Takes in that a market's shares turned into cash. While an order of anybody in it is open a fill of before may
    /// still be told, and the shares that it moves stay where they are.
    pub fn settled(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        self.recall_settlement(market, payouts);
        self.forget(market);
        self.watch();
    }

    fn settle(&mut self, market: ConditionId) {
        if self.orders.values().any(|order| order.intent.market == market) {
            return;
        }
        if let Some(payouts) = self.settling.remove(&market) {
            self.portfolio.settle(market, payouts);
        }
    }

    /// Takes in that so many orders are being cancelled. Cancels take risk away and are never held back: they are
    /// counted, and while too many were sent no entry passes that would rest.
    pub fn cancels(&mut self, count: usize) {
        for _ in 0..count {
            self.cancelled.take(self.now);
        }
    }

    /// Lets entries pass again because a person said so: the drawdown is counted from now on, and the day's loss too.
    pub fn release(&mut self) {
        self.watched.release(self.equity(), self.now, &mut self.turns);
    }

    /// Returns what the account did of its own since this was asked last.
    pub fn take_turns(&mut self) -> Vec<AccountTurn> {
        std::mem::take(&mut self.turns)
    }

    /// Returns how much of every limit is used now, in the order in which the rules are asked.
    #[must_use]
    pub fn uses(&self) -> Vec<AccountUse> {
        let stake = self.stake(None);
        let mut uses = self.lost(self.equity()).to_vec();
        uses.extend(self.staked(&stake));
        let cancels = self.cancelled.look(Purpose::Entry, self.now);
        let orders = self.sent.look(Purpose::Entry, self.now);
        let count = |rule, used: u64, limit| AccountUse::count(rule, used.saturating_sub(1), limit);
        uses.push(count(AccountRule::CancelThrottle, cancels.used, cancels.limit));
        uses.push(count(AccountRule::OrderThrottle, orders.used, orders.limit));
        uses
    }

    /// Returns every limit that holds back all entries now, and since when.
    pub fn tripped(&self) -> impl Iterator<Item = (AccountRule, AccountTrip)> + '_ {
        self.watched.tripped()
    }

    /// Returns the orders of all strategies that are open.
    pub fn open(&self) -> impl Iterator<Item = (&ClientOrderId, &Intent)> {
        self.orders.iter().map(|(id, order)| (id, &order.intent))
    }

    /// Asks whether all entries wait because of what was lost, or of a limit that is passed.
    fn losing(&self, id: &ClientOrderId, at: Timestamp) -> Result<(), AccountRejection> {
        if let Some((rule, AccountTrip { used, limit, .. })) = self.tripped().next() {
            return Err(refused(id, AccountUse { rule, used, limit }));
        }
        // What is not known to be worth something is worth nothing to whoever wants to risk more.
        let floor = self.floor(at);
        let reached = self.lost(floor).into_iter().find(|lost| lost.limit_is_reached());
        reached.map_or(Ok(()), |lost| Err(refused(id, lost)))
    }

    /// Asks what an entry would put at stake, and whether it may rest.
    fn staking(
        &self,
        id: &ClientOrderId,
        intent: &Intent,
        at: Timestamp,
    ) -> Result<(), AccountRejection> {
        let fee = self.fee(intent);
        let order = OpenOrder { intent: *intent, fee, filled: Size::ZERO, unknown: false };
        let stake = self.stake(Some(&order));
        if let Some(passed) = self.staked(&stake).into_iter().find(AccountUse::is_passed) {
            return Err(refused(id, passed));
        }
        let look = self.cancelled.look(Purpose::Entry, at);
        if intent.time_in_force != TimeInForce::Gtc || look.is_free() {
            return Ok(());
        }
        Err(refused(id, AccountUse::count(AccountRule::CancelThrottle, look.used, look.limit)))
    }

    /// Refuses an order that another strategy's could meet.
    fn self_cross(&self, id: &ClientOrderId, intent: &Intent) -> Result<(), AccountRejection> {
        let of_others = |(other, _): &(&ClientOrderId, &OpenOrder)| other.strategy != id.strategy;
        let met = self
            .orders
            .iter()
            .filter(of_others)
            .find(|(_, order)| !order.remaining().is_zero() && crosses(intent, &order.intent));
        met.map_or(Ok(()), |(other, order)| {
            Err(AccountRejection {
                order: id.clone(),
                rule: AccountRule::SelfCross,
                used: Value::Price(on_yes(intent).1),
                limit: Value::Price(on_yes(&order.intent).1),
                other: Some(other.clone()),
            })
        })
    }

    /// Tells whether a market was announced and has not paid. No strategy knows of one before this guard does.
    fn is_open(&self, market: ConditionId) -> bool {
        self.markets.contains_key(&market) && !self.marks.is_paid(market)
    }

    fn announce(&mut self, market: &Arc<Market>) {
        self.markets.insert(market.id, Arc::clone(market));
        for order in self.orders.values_mut().filter(|order| order.intent.market == market.id) {
            order.fee = market.fees.taker_fee(order.intent.size, order.intent.limit);
        }
    }

    /// Returns what the whole of an order costs in fees at its limit; nothing where the market is not known, which only
    /// what an earlier process recorded can be.
    fn fee(&self, intent: &Intent) -> Usdc {
        let market = self.markets.get(&intent.market);
        market.map(|market| market.fees.taker_fee(intent.size, intent.limit)).unwrap_or_default()
    }

    /// Lets go of a market that is over: nothing is held or open, and its answer is known.
    fn forget(&mut self, market: ConditionId) {
        if !self.marks.is_paid(market) || self.is_used(market) {
            return;
        }
        self.markets.remove(&market);
        self.marks.forget(market);
    }

    fn advance(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        if self.watched.is_over(self.now) {
            let equity = self.equity();
            self.watched.begin_day(equity, &self.limits, self.now, &mut self.turns);
        }
    }
}

fn refused(id: &ClientOrderId, AccountUse { rule, used, limit }: AccountUse) -> AccountRejection {
    AccountRejection { order: id.clone(), rule, used, limit, other: None }
}
