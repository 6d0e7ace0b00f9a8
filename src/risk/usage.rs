//! How much of each standing limit is used, while no order is asked for.

use crate::numbers::{Frac, Value};
use crate::open_orders::OpenOrders;
use crate::position::Portfolio;
use crate::price::Usdc;
use crate::time::Timestamp;

use super::worst::markets;
use super::{Groups, RiskGuard, Rule, worst_loss, worst_loss_total};

/// How much of a rule's limit is used now, both in the rule's unit.
///
/// ```
/// # use ploy::{numbers::Value, risk::{Rule, Use}};
/// let open = Use { rule: Rule::OpenOrders, used: Value::Count(3), limit: Value::Count(4) };
/// assert_eq!((open.room(), open.permille()), (Some(Value::Count(1)), 750));
/// // A limit that was lowered meanwhile leaves nothing.
/// let open = Use { limit: Value::Count(2), ..open };
/// assert_eq!((open.room(), open.permille()), (Some(Value::Count(0)), 1500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The rule.
    pub rule: Rule,
    /// What is used.
    pub used: Value,
    /// What is allowed.
    pub limit: Value,
}

impl Use {
    /// Returns how much more may be used, in the unit of the limit; nothing where both are not of one unit.
    #[must_use]
    pub fn room(&self) -> Option<Value> {
        left(self.used, self.limit)
    }

    /// Returns used ÷ limit in thousandths; 1000 where nothing is allowed.
    #[must_use]
    pub fn permille(&self) -> u64 {
        let share = |used: i64, limit: i64| {
            let share = i128::from(used.max(0)) * 1000;
            share.checked_div(i128::from(limit)).map_or(1000, |n| u64::try_from(n).unwrap_or(0))
        };
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        match (self.used, self.limit) {
            (Value::Usdc(used), Value::Usdc(limit)) => share(used.micros(), limit.micros()),
            (Value::Count(used), Value::Count(limit)) => share(signed(used), signed(limit)),
            (_, _) => 1000,
        }
    }
}

/// Returns what of a limit is left, never below nothing; nothing where used and limit are not of one unit.
pub(super) fn left(used: Value, limit: Value) -> Option<Value> {
    match (used, limit) {
        (Value::Usdc(used), Value::Usdc(limit)) => {
            // What was won adds to what may be lost.
            let left = limit.micros().saturating_sub(used.micros()).max(0);
            Some(Value::Usdc(Usdc::from_micros(left).unwrap_or(Usdc::MAX)))
        }
        (Value::Size(used), Value::Size(limit)) => Some(Value::Size(limit.saturating_sub(used))),
        (Value::Count(used), Value::Count(limit)) => Some(Value::Count(limit.saturating_sub(used))),
        (Value::Span(used), Value::Span(limit)) => Some(Value::Span(limit.saturating_sub(used))),
        (Value::Frac(used), Value::Frac(limit)) => {
            let left = limit.micros().saturating_sub(used.micros()).max(0);
            Some(Value::Frac(Frac::from_micros(left)))
        }
        (_, _) => None,
    }
}

impl RiskGuard {
    /// Returns how much of each standing limit is used now. The limits of single orders have no use of their own: how
    /// an order stands with them is told with the order.
    #[must_use]
    pub fn uses(
        &self,
        portfolio: &Portfolio,
        orders: &OpenOrders,
        groups: &Groups,
        now: Timestamp,
    ) -> Vec<Use> {
        let (limits, breaker) = (&self.limits, &self.breaker);
        let worst = markets(portfolio, orders).into_iter();
        let worst = worst.map(|market| worst_loss(portfolio, orders, market)).max();
        let all = worst_loss_total(portfolio, orders);
        let event = groups.worst_event(portfolio, orders);
        let symbol = groups.worst_symbol(portfolio, orders);
        let open = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        let fall = breaker.counted(portfolio.drawdown());
        let lost = self.lost_today(portfolio.equity());
        let (sent, burst) = self.throttle.level_of(now);
        let cash =
            |rule, used, limit| Use { rule, used: Value::Usdc(used), limit: Value::Usdc(limit) };
        let count =
            |rule, used, limit| Use { rule, used: Value::Count(used), limit: Value::Count(limit) };
        let sending = &limits.sending;
        let market_max = limits.market_exposure_max_usdc;
        vec![
            cash(Rule::MarketExposure, worst.unwrap_or_default(), market_max),
            cash(Rule::EventExposure, event, limits.groups.event_exposure_max_usdc),
            cash(Rule::SymbolExposure, symbol, limits.groups.symbol_exposure_max_usdc),
            cash(Rule::StrategyExposure, all, limits.strategy_exposure_max_usdc),
            count(Rule::OpenOrders, open, limits.open_orders_max),
            count(Rule::LossStreak, breaker.streak(), limits.loss_streak_max),
            count(Rule::RejectStreak, breaker.rejects(), sending.reject_streak_max),
            count(Rule::FailureStreak, breaker.failures(), sending.failure_streak_max),
            cash(Rule::Drawdown, fall, limits.drawdown_max_usdc),
            cash(Rule::DailyLoss, lost, limits.day.loss_max_usdc),
            count(Rule::Throttle, sent, burst),
        ]
    }
}
