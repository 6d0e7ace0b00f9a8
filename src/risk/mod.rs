//! The risk guard: an intent becomes an [`Approved`] or a [`Rejection`]. There is no third way, and no switch.

mod breaker;
mod limits;
mod throttle;

pub use breaker::{Breaker, Trip};
pub use limits::Limits;

use serde::{Deserialize, Serialize};

use crate::intent::{Intent, Purpose};
use crate::lifecycle::Gate;
use crate::market::{Market, Side, TickSize};
use crate::numbers::Value;
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::position::Portfolio;
use crate::price::{Rounding, Size, Usdc};
use crate::time::Timestamp;
use throttle::{Level, Throttle};

/// An intent that passed the guard. Only [`RiskGuard::check`] makes one; the executor takes nothing else.
///
/// ```compile_fail
/// # fn mint(intent: ploy::intent::Intent) -> ploy::risk::Approved {
/// ploy::risk::Approved { intent }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved {
    intent: Intent,
}

/// A refusal, with what was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule that refused.
    pub rule: Rule,
    /// What the order would have come to.
    pub used: Value,
    /// What is allowed.
    pub limit: Value,
    /// The size that would have passed this rule, where a smaller one would.
    pub passing: Option<Size>,
}

/// The rules, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Order entry is closed, or open to protective orders only. Used and limit are not numbers here.
    Gate,
    /// Too many rounds in a row were lost; entries wait.
    LossStreak,
    /// The equity fell too far from its peak; entries wait for a person.
    Drawdown,
    /// The market is not known to the guard.
    UnknownMarket,
    /// The limit is not on the market's price grid.
    PriceGrid,
    /// The order is below what the venue accepts: the market's smallest size, or 1 USDC for a buy.
    VenueMinimum,
    /// An exit of more than is held, or a hedge of more than the other outcome's shares.
    Holdings,
    /// An order for this market and outcome is outstanding.
    OneOrderPerLeg,
    /// Too many open orders.
    OpenOrders,
    /// Too much would be at risk in this market.
    MarketExposure,
    /// Too much would be at risk in all markets of this strategy.
    StrategyExposure,
    /// Too many orders in too short a time.
    Throttle,
}

/// The guard of one strategy: its limits, its throttle, its breaker.
#[derive(Clone, Debug)]
pub struct RiskGuard {
    limits: Limits,
    throttle: Throttle,
    breaker: Breaker,
    gate: Gate,
}

/// Where a guard stands beside its breaker, as it is written down: its gate, and what its throttle has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    gate: Gate,
    throttle: Level,
}

/// What the guard looks at beside the intent.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The instant of the decision.
    pub now: Timestamp,
    /// The market's rules, when known.
    pub market: Option<&'a Market>,
    /// The market's price step now.
    pub tick: TickSize,
    /// What the strategy holds.
    pub portfolio: &'a Portfolio,
    /// What it has outstanding.
    pub orders: &'a OpenOrders,
}

impl Approved {
    /// Returns the intent that was approved.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }
}

impl RiskGuard {
    /// Returns a guard with these limits and an open gate.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let throttle = Throttle::new(limits.order_rate_per_minute, limits.order_burst);
        Self { throttle, breaker: Breaker::default(), gate: Gate::Open, limits }
    }

    /// Approves the intent or says which rule refuses it, the first in the order of [`Rule`].
    ///
    /// # Errors
    /// The rule that refused, what the order would have come to, and what is allowed.
    pub fn check(&mut self, intent: Intent, context: &Context<'_>) -> Result<Approved, Rejection> {
        self.gate_and_breaker(&intent)?;
        let market = venue_rules(&intent, context)?;
        holdings(&intent, context)?;
        self.outstanding(&intent, context)?;
        if !intent.purpose.is_protective() {
            self.exposure(&intent, market, context)?;
        }
        self.throttle.take(intent.purpose, context.now)?;
        Ok(Approved { intent })
    }

    /// Takes in the profit or loss of a finished round. Returns a trip where it is one loss too many.
    pub fn round(&mut self, profit: Usdc, now: Timestamp) -> Option<Trip> {
        self.breaker.round(profit, &self.limits, now)
    }

    /// Takes in the fall of the equity from its peak. Returns a trip where it is too deep.
    pub fn drawdown(&mut self, drawdown: Usdc, now: Timestamp) -> Option<Trip> {
        self.breaker.drawdown(drawdown, &self.limits, now)
    }

    /// Lets entries pass again after a trip whose cooldown is over. Returns the rule that was released.
    pub fn cool_down(&mut self, now: Timestamp) -> Option<Rule> {
        self.breaker.cool_down(now)
    }

    /// Lets entries pass again because a person said so. Returns the rule that was released. The drawdown
    /// is counted from `drawdown` on.
    pub fn release(&mut self, drawdown: Usdc) -> Option<Rule> {
        self.breaker.release(drawdown)
    }

    /// Takes over the breaker of an earlier incarnation.
    pub fn restore(&mut self, breaker: Breaker) {
        self.breaker = breaker;
    }

    /// Returns where it stands beside its breaker.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing { gate: self.gate, throttle: self.throttle.level() }
    }

    /// Takes over where another guard stood.
    pub fn stand(&mut self, standing: Standing) {
        self.gate = standing.gate;
        self.throttle.go_on(standing.throttle);
    }

    /// Sets the order gate.
    pub const fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
    }

    /// Returns the order gate.
    #[must_use]
    pub const fn gate(&self) -> Gate {
        self.gate
    }

    /// Returns the limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the breaker, for those who show it.
    #[must_use]
    pub const fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    fn gate_and_breaker(&self, intent: &Intent) -> Result<(), Rejection> {
        let allowed = match self.gate {
            Gate::Open => true,
            Gate::ReduceOnly => intent.purpose.is_protective(),
            Gate::Closed => false,
        };
        if !allowed {
            return Err(Rejection::plain(Rule::Gate, Value::Count(1), Value::Count(0)));
        }
        match self.breaker.trip() {
            Some(trip) if !intent.purpose.is_protective() => Err(trip.rejection()),
            Some(_) | None => Ok(()),
        }
    }

    fn outstanding(&self, intent: &Intent, context: &Context<'_>) -> Result<(), Rejection> {
        let leg = context.orders.of_leg(intent.market, intent.outcome).count();
        if leg != 0 {
            return Err(Rejection::plain(Rule::OneOrderPerLeg, count(leg + 1), Value::Count(1)));
        }
        let open = context.orders.len() + 1;
        let max = usize::try_from(self.limits.open_orders_max).unwrap_or(usize::MAX);
        if !intent.purpose.is_protective() && max < open {
            return Err(Rejection::plain(Rule::OpenOrders, count(open), count(max)));
        }
        Ok(())
    }

    fn exposure(
        &self,
        intent: &Intent,
        market: &Market,
        context: &Context<'_>,
    ) -> Result<(), Rejection> {
        let fee = market.fees.per_share(intent.limit);
        let price = Usdc::from(intent.limit) + fee;
        let cost = price.times(intent.size, Rounding::Up);
        let (portfolio, orders) = (context.portfolio, context.orders);
        let in_market = portfolio.exposure(intent.market) + orders.reserved(intent.market);
        let in_all = portfolio.exposure_total() + orders.reserved_total();
        let rules = [
            (Rule::MarketExposure, in_market, self.limits.market_exposure_max_usdc),
            (Rule::StrategyExposure, in_all, self.limits.strategy_exposure_max_usdc),
        ];
        for (rule, used, limit) in rules {
            if limit < used + cost {
                let passing = price
                    .to_price()
                    .map(|price| Size::affordable(limit - used, price).floor_to_cents())
                    .unwrap_or_default();
                let passing = (market.min_size <= passing).then_some(passing);
                let (used, limit) = (Value::Usdc(used + cost), Value::Usdc(limit));
                return Err(Rejection { rule, used, limit, passing });
            }
        }
        Ok(())
    }
}

impl Rejection {
    const fn plain(rule: Rule, used: Value, limit: Value) -> Self {
        Self { rule, used, limit, passing: None }
    }
}

impl Rule {
    /// Every rule, in the order in which they are asked.
    pub const ALL: [Self; 12] = [
        Self::Gate,
        Self::LossStreak,
        Self::Drawdown,
        Self::UnknownMarket,
        Self::PriceGrid,
        Self::VenueMinimum,
        Self::Holdings,
        Self::OneOrderPerLeg,
        Self::OpenOrders,
        Self::MarketExposure,
        Self::StrategyExposure,
        Self::Throttle,
    ];

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::LossStreak => "loss_streak",
            Self::Drawdown => "drawdown",
            Self::UnknownMarket => "unknown_market",
            Self::PriceGrid => "price_grid",
            Self::VenueMinimum => "venue_minimum",
            Self::Holdings => "holdings",
            Self::OneOrderPerLeg => "one_order_per_leg",
            Self::OpenOrders => "open_orders",
            Self::MarketExposure => "market_exposure",
            Self::StrategyExposure => "strategy_exposure",
            Self::Throttle => "throttle",
        }
    }
}

/// Refuses what the venue would refuse.
fn venue_rules<'a>(intent: &Intent, context: &Context<'a>) -> Result<&'a Market, Rejection> {
    let Some(market) = context.market else {
        return Err(Rejection::plain(Rule::UnknownMarket, Value::Count(0), Value::Count(1)));
    };
    if context.tick.limit(intent.limit, intent.side) != Some(intent.limit) {
        let tick = Usdc::from_micros(i64::from(context.tick.micros())).unwrap_or_default();
        let (used, limit) = (Value::Price(intent.limit), Value::Usdc(tick));
        return Err(Rejection::plain(Rule::PriceGrid, used, limit));
    }
    if intent.size < market.min_size || intent.size.floor_to_cents() != intent.size {
        let (used, limit) = (Value::Size(intent.size), Value::Size(market.min_size));
        return Err(Rejection::plain(Rule::VenueMinimum, used, limit));
    }
    let least = Market::MIN_BUY.parse().unwrap_or_default();
    if intent.side == Side::Buy && intent.notional() < least {
        let (used, limit) = (Value::Usdc(intent.notional()), Value::Usdc(least));
        return Err(Rejection::plain(Rule::VenueMinimum, used, limit));
    }
    Ok(market)
}

/// Refuses a protective order that is none: an exit sells what is held, a hedge completes pairs. Shares that an
/// open hedge will pair are not sold meanwhile, and shares that an open exit will sell are not hedged.
fn holdings(intent: &Intent, context: &Context<'_>) -> Result<(), Rejection> {
    let (this, other) = (intent.outcome, intent.outcome.other());
    let held = |outcome| context.portfolio.position(intent.market, outcome).size;
    let open: Size = context
        .orders
        .of_leg(intent.market, other)
        .filter(|order| order.intent.purpose.is_protective())
        .map(OpenOrder::remaining)
        .sum();
    let limit = match (intent.purpose, intent.side) {
        (Purpose::Entry, Side::Buy) => return Ok(()),
        (Purpose::Hedge, Side::Buy) => held(other).saturating_sub(held(this)).saturating_sub(open),
        (Purpose::Exit, Side::Sell) => held(this).saturating_sub(open),
        (Purpose::Entry | Purpose::Hedge, Side::Sell) | (Purpose::Exit, Side::Buy) => Size::ZERO,
    };
    if limit < intent.size {
        let (used, allowed) = (Value::Size(intent.size), Value::Size(limit));
        let passing = Some(limit.floor_to_cents()).filter(|size| !size.is_zero());
        return Err(Rejection { rule: Rule::Holdings, used, limit: allowed, passing });
    }
    Ok(())
}

fn count(number: usize) -> Value {
    Value::Count(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
