//! The account's guard: what all strategies hold and have open together, asked before an order is recorded.
//!
//! A strategy's guard cannot see the others. One wallet holds the shares of all, so that yes of one and no of another
//! net at resolution; and one wallet must not trade with itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::intent::{Intent, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::numbers::Value;
use crate::open_orders::OpenOrder;
use crate::order::{ClientOrderId, OrderEvent, Submission, Update};
use crate::position::{Oversold, Portfolio};
use crate::price::{Price, Size, Usdc};

use super::worst::Losses;

/// What all strategies together may do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// What may be lost in one market at resolution, open orders of all strategies included, in USDC.
    pub market_exposure_max_usdc: Usdc,
    /// What may be lost in all markets together at resolution, in USDC.
    pub exposure_max_usdc: Usdc,
    /// How many orders of all strategies may be open at once; protective ones are not refused for it.
    pub open_orders_max: u64,
}

/// The rules of the account, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountRule {
    /// The order could trade with one of another strategy.
    SelfCross,
    /// Too many orders of all strategies would be open.
    OpenOrders,
    /// Too much of all strategies would be at risk in this market.
    MarketExposure,
    /// Too much of all strategies would be at risk in all markets.
    Exposure,
}

/// A refusal by the account, with what was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRejection {
    /// The rule that refused.
    pub rule: AccountRule,
    /// What the order would have come to: for a self-cross its limit, as a price of yes.
    pub used: Value,
    /// What is allowed: for a self-cross the other order's limit, as a price of yes.
    pub limit: Value,
    /// The other strategy's order that it could trade with. Cancelled first, it stands in the way no more.
    pub other: Option<ClientOrderId>,
}

/// All strategies' open orders and holdings. It is told of every order before it is recorded, and of every event after.
///
/// ```
/// # use ploy::{intent::*, market::*, price::Usdc, risk::{AccountGuard, AccountLimits, AccountRule}};
/// # let usdc = |text: &str| text.parse::<Usdc>().unwrap();
/// let limits = AccountLimits {
///     market_exposure_max_usdc: usdc("50"), exposure_max_usdc: usdc("200"), open_orders_max: 20,
/// };
/// let mut account = AccountGuard::new(limits);
/// let buy = |outcome, limit: &str, size: &str| Intent {
///     market: ConditionId::from_bytes([1; 32]), outcome, side: Side::Buy,
///     limit: limit.parse().unwrap(), size: size.parse().unwrap(),
///     time_in_force: TimeInForce::Gtc, purpose: Purpose::Entry,
/// };
/// // One strategy bids 0.60 for yes, which is an offer of no at 0.40: another that pays 0.45 for no would meet it.
/// account.reserve(&"one:1".parse().unwrap(), buy(Outcome::Yes, "0.60", "50"), Usdc::ZERO);
/// let two = "two:1".parse().unwrap();
/// let crossing = account.check(&two, &buy(Outcome::No, "0.45", "50"), Usdc::ZERO).unwrap_err();
/// assert_eq!(crossing.rule, AccountRule::SelfCross);
/// assert_eq!(account.check(&two, &buy(Outcome::No, "0.39", "50"), Usdc::ZERO), Ok(()));
/// // Thirty USDC are at risk in this market already, and fifty may be.
/// let more = account.check(&two, &buy(Outcome::Yes, "0.50", "50"), Usdc::ZERO).unwrap_err();
/// assert_eq!((more.rule, more.used.to_string()), (AccountRule::MarketExposure, "55".into()));
/// ```
#[derive(Clone, Debug)]
pub struct AccountGuard {
    limits: AccountLimits,
    orders: BTreeMap<ClientOrderId, OpenOrder>,
    portfolio: Portfolio,
}

impl AccountGuard {
    /// Returns the guard of an account that holds nothing and has nothing open.
    #[must_use]
    pub fn new(limits: AccountLimits) -> Self {
        Self { limits, orders: BTreeMap::new(), portfolio: Portfolio::default() }
    }

    /// Says whether an order may be recorded; `fee` is what the whole of it would cost at its limit. Nothing is
    /// reserved. Protective orders are asked for nothing but whom they could trade with.
    ///
    /// # Errors
    /// The first rule that refuses, in the order of [`AccountRule`].
    pub fn check(
        &self,
        id: &ClientOrderId,
        intent: &Intent,
        fee: Usdc,
    ) -> Result<(), AccountRejection> {
        self.self_cross(id, intent)?;
        if intent.purpose.is_protective() {
            return Ok(());
        }
        let open = u64::try_from(self.orders.len()).unwrap_or(u64::MAX).saturating_add(1);
        let max = self.limits.open_orders_max;
        within(AccountRule::OpenOrders, open, max, Value::Count)?;
        let order = OpenOrder { intent: *intent, fee, filled: Size::ZERO, unknown: false };
        let own = self.worst(intent.market, Some(&order));
        let max = self.limits.market_exposure_max_usdc;
        within(AccountRule::MarketExposure, own, max, Value::Usdc)?;
        let markets = self.markets().into_iter().filter(|market| *market != intent.market);
        let others: Usdc = markets.map(|market| self.worst(market, None)).sum();
        let max = self.limits.exposure_max_usdc;
        within(AccountRule::Exposure, others + own, max, Value::Usdc)
    }

    /// Reserves what an order may come to, from before it is recorded until it has ended.
    pub fn reserve(&mut self, id: &ClientOrderId, intent: Intent, fee: Usdc) {
        let order = OpenOrder { intent, fee, filled: Size::ZERO, unknown: false };
        self.orders.insert(id.clone(), order);
    }

    /// Takes in what happened to an order: fills are booked once, whatever is told twice, and an order that has ended
    /// reserves nothing any more.
    ///
    /// # Errors
    /// When a fill sells more than all strategies hold.
    pub fn update(&mut self, event: &OrderEvent) -> Result<(), Oversold> {
        match &event.update {
            Update::Submitted(Submission::Accepted | Submission::Unknown) => {}
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                self.orders.remove(&event.order);
            }
            Update::Filled(fill) => {
                let booked = self.portfolio.book(fill)?;
                let order = self.orders.get_mut(&event.order);
                if let (crate::position::Booked::Once { .. }, Some(order)) = (booked, order) {
                    order.filled += fill.size;
                }
            }
        }
        Ok(())
    }

    /// Takes in that a market is settled: nothing of it is held any more.
    pub fn settle(&mut self, market: ConditionId, payouts: [Usdc; 2]) {
        self.portfolio.settle(market, payouts);
    }

    /// Returns what all strategies together can lose in all markets at resolution, open orders included, in USDC.
    #[must_use]
    pub fn exposure(&self) -> Usdc {
        self.markets().into_iter().map(|market| self.worst(market, None)).sum()
    }

    /// Returns how many orders of all strategies are open.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Refuses an order that another strategy's could meet. Only what rests can be met: of two orders that both end at
    /// once neither waits for the other.
    fn self_cross(&self, id: &ClientOrderId, intent: &Intent) -> Result<(), AccountRejection> {
        let of_others = |(other, _): &(&ClientOrderId, &OpenOrder)| other.strategy != id.strategy;
        let met = self
            .orders
            .iter()
            .filter(of_others)
            .find(|(_, order)| !order.remaining().is_zero() && crosses(intent, &order.intent));
        met.map_or(Ok(()), |(other, order)| {
            Err(AccountRejection {
                rule: AccountRule::SelfCross,
                used: Value::Price(on_yes(intent).1),
                limit: Value::Price(on_yes(&order.intent).1),
                other: Some(other.clone()),
            })
        })
    }

    fn worst(&self, market: ConditionId, more: Option<&OpenOrder>) -> Usdc {
        let open = self.orders.values().filter(|order| order.intent.market == market);
        Losses::with(&self.portfolio, open.chain(more), market).worst()
    }

    fn markets(&self) -> BTreeSet<ConditionId> {
        let open = self.orders.values().map(|order| order.intent.market);
        self.portfolio.markets().chain(open).collect()
    }
}

/// Tells whether two orders could trade with each other. A purchase of no at 0.40 is a sale of yes at 0.60: the venue
/// makes a pair of two purchases that pay one USDC together, and burns a pair for two sales that ask no more.
fn crosses(one: &Intent, other: &Intent) -> bool {
    let rests = [one, other].iter().any(|intent| intent.time_in_force == TimeInForce::Gtc);
    let ((side, price), (other_side, other_price)) = (on_yes(one), on_yes(other));
    let meets = match (side, other_side) {
        (Side::Buy, Side::Sell) => other_price <= price,
        (Side::Sell, Side::Buy) => price <= other_price,
        (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => false,
    };
    one.market == other.market && rests && meets
}

/// Returns what an order is on the book of yes.
const fn on_yes(intent: &Intent) -> (Side, Price) {
    match (intent.outcome, intent.side) {
        (Outcome::Yes, side) => (side, intent.limit),
        (Outcome::No, Side::Buy) => (Side::Sell, intent.limit.complement()),
        (Outcome::No, Side::Sell) => (Side::Buy, intent.limit.complement()),
    }
}

fn within<T: PartialOrd>(
    rule: AccountRule,
    used: T,
    limit: T,
    value: fn(T) -> Value,
) -> Result<(), AccountRejection> {
    if used <= limit {
        return Ok(());
    }
    Err(AccountRejection { rule, used: value(used), limit: value(limit), other: None })
}
