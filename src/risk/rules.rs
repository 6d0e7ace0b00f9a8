//! The rules one by one: each is a function of what is asked, and a line in the table.

use crate::book::OrderBook;
use crate::intent::{Intent, Purpose};
use crate::lifecycle::Gate;
use crate::market::{Market, Side, TickSize};
use crate::numbers::{Frac, Value};
use crate::open_orders::OpenOrder;
use crate::price::{MICROS, Size, Usdc};

use super::exposure::{event_exposure, market_exposure, strategy_exposure, symbol_exposure};
use super::{Context, EntryLimits, Finding, Rejection, RiskGuard, Rule};

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) guard: &'a RiskGuard,
    pub(super) intent: &'a Intent,
    pub(super) context: &'a Context<'a>,
}

/// A rule: says how an intent fares with it, and changes nothing.
type Ask = fn(&Asked<'_>) -> Finding;

/// Every rule, in the order in which they are asked. A rule that needs the market stands below `unknown_market`.
pub(super) const RULES: [(Rule, Ask); Rule::COUNT] = [
    (Rule::Gate, gate),
    (Rule::LossStreak, loss_streak),
    (Rule::RejectStreak, reject_streak),
    (Rule::FailureStreak, failure_streak),
    (Rule::Drawdown, drawdown),
    (Rule::DailyLoss, daily_loss),
    (Rule::Trial, trial),
    (Rule::UnknownMarket, unknown_market),
    (Rule::PriceGrid, price_grid),
    (Rule::VenueMinimum, venue_minimum),
    (Rule::Holdings, holdings),
    (Rule::OneOrderPerLeg, one_order_per_leg),
    (Rule::OpenOrders, open_orders),
    (Rule::PriceBand, price_band),
    (Rule::StaleBook, stale_book),
    (Rule::BookDistance, book_distance),
    (Rule::CloseLeft, close_left),
    (Rule::OrderSize, order_size),
    (Rule::OrderNotional, order_notional),
    (Rule::MarketExposure, market_exposure),
    (Rule::EventExposure, event_exposure),
    (Rule::SymbolExposure, symbol_exposure),
    (Rule::StrategyExposure, strategy_exposure),
    (Rule::Throttle, throttle),
];

fn gate(asked: &Asked<'_>) -> Finding {
    let allowed = match asked.guard.gate {
        Gate::Open => true,
        Gate::ReduceOnly => asked.is_protective(),
        Gate::Closed => false,
    };
    if allowed { Finding::Passed(None) } else { Rule::Gate.refuses(one(), none()) }
}

fn loss_streak(asked: &Asked<'_>) -> Finding {
    let (breaker, limits) = (&asked.guard.breaker, &asked.guard.limits);
    let used = Value::Count(breaker.streak());
    asked.breaker(Rule::LossStreak, used, Value::Count(limits.loss_streak_max))
}

/// Holds entries back after orders that the venue refused for what was asked: the next one would fare no better.
fn reject_streak(asked: &Asked<'_>) -> Finding {
    let (breaker, limits) = (&asked.guard.breaker, &asked.guard.limits.sending);
    let used = Value::Count(breaker.rejects());
    asked.breaker(Rule::RejectStreak, used, Value::Count(limits.reject_streak_max))
}

/// Holds entries back while the venue fails: what is bought now may not be sold again.
fn failure_streak(asked: &Asked<'_>) -> Finding {
    let (breaker, limits) = (&asked.guard.breaker, &asked.guard.limits.sending);
    let used = Value::Count(breaker.failures());
    asked.breaker(Rule::FailureStreak, used, Value::Count(limits.failure_streak_max))
}

fn drawdown(asked: &Asked<'_>) -> Finding {
    let (breaker, limits) = (&asked.guard.breaker, &asked.guard.limits);
    let used = Value::Usdc(breaker.counted(asked.context.portfolio.drawdown()));
    asked.breaker(Rule::Drawdown, used, Value::Usdc(limits.drawdown_max_usdc))
}

/// Holds entries back for the rest of a day on which too much was lost, realised or not.
fn daily_loss(asked: &Asked<'_>) -> Finding {
    let (guard, portfolio) = (asked.guard, asked.context.portfolio);
    let used = Value::Usdc(guard.lost_today(portfolio.equity()));
    asked.breaker(Rule::DailyLoss, used, Value::Usdc(guard.limits.day.loss_max_usdc))
}

/// Lets one entry at a time pass after a streak's cooldown, until one has shown that the streak is over.
fn trial(asked: &Asked<'_>) -> Finding {
    let Some(trial) = asked.guard.breaker.trial() else { return Finding::Exempt };
    let open = trial.is_on(asked.context.portfolio, asked.context.orders);
    asked.entry(Rule::Trial, count(1 + usize::from(open)), one(), !open)
}

fn unknown_market(asked: &Asked<'_>) -> Finding {
    match asked.context.market {
        Some(_) => Finding::Passed(None),
        None => Rule::UnknownMarket.refuses(none(), one()),
    }
}

fn price_grid(asked: &Asked<'_>) -> Finding {
    let (intent, tick) = (asked.intent, asked.context.tick);
    let (used, limit) = (Value::Price(intent.limit), Value::Usdc(step(tick)));
    if tick.limit(intent.limit, intent.side) == Some(intent.limit) {
        return Finding::passed(used, limit);
    }
    Rule::PriceGrid.refuses(used, limit)
}

/// Refuses what the venue would refuse for its size.
fn venue_minimum(asked: &Asked<'_>) -> Finding {
    let Some(market) = asked.context.market else { return Finding::Exempt };
    let Intent { size, side, .. } = *asked.intent;
    let (used, limit) = (Value::Size(size), Value::Size(market.min_size));
    if size < market.min_size || size.floor_to_cents() != size {
        return Rule::VenueMinimum.refuses(used, limit);
    }
    let least = Market::MIN_BUY.parse().unwrap_or_default();
    let worth = asked.intent.notional();
    if side == Side::Buy && worth < least {
        return Rule::VenueMinimum.refuses(Value::Usdc(worth), Value::Usdc(least));
    }
    Finding::passed(used, limit)
}

/// Refuses a protective order that is none: an exit sells what is held, a hedge completes pairs. Shares that an
/// open hedge will pair are not sold meanwhile, and shares that an open exit will sell are not hedged.
fn holdings(asked: &Asked<'_>) -> Finding {
    let (intent, context) = (asked.intent, asked.context);
    let (this, other) = (intent.outcome, intent.outcome.other());
    let held = |outcome| context.portfolio.position(intent.market, outcome).size;
    let open: Size = context
        .orders
        .of_leg(intent.market, other)
        .filter(|order| order.intent.purpose.is_protective())
        .map(OpenOrder::remaining)
        .sum();
    let limit = match (intent.purpose, intent.side) {
        (Purpose::Entry, Side::Buy) => return Finding::Exempt,
        (Purpose::Hedge, Side::Buy) => held(other).saturating_sub(held(this)).saturating_sub(open),
        (Purpose::Exit, Side::Sell) => held(this).saturating_sub(open),
        (Purpose::Entry | Purpose::Hedge, Side::Sell) | (Purpose::Exit, Side::Buy) => Size::ZERO,
    };
    let (used, allowed) = (Value::Size(intent.size), Value::Size(limit));
    if limit < intent.size {
        let passing = Some(limit.floor_to_cents()).filter(|size| !size.is_zero());
        let rule = Rule::Holdings;
        return Finding::Refused(Rejection { rule, used, limit: allowed, passing });
    }
    Finding::passed(used, allowed)
}

fn one_order_per_leg(asked: &Asked<'_>) -> Finding {
    let Intent { market, outcome, .. } = *asked.intent;
    let leg = asked.context.orders.of_leg(market, outcome).count();
    let (used, limit) = (count(leg + 1), one());
    if leg == 0 {
        return Finding::passed(used, limit);
    }
    Rule::OneOrderPerLeg.refuses(used, limit)
}

fn open_orders(asked: &Asked<'_>) -> Finding {
    if asked.is_protective() {
        return Finding::Exempt;
    }
    let open = asked.context.orders.len() + 1;
    let max = usize::try_from(asked.guard.limits.open_orders_max).unwrap_or(usize::MAX);
    let (used, limit) = (count(open), count(max));
    if open <= max {
        return Finding::passed(used, limit);
    }
    Rule::OpenOrders.refuses(used, limit)
}

/// Refuses prices at which an entry has little to win, or next to no chance.
fn price_band(asked: &Asked<'_>) -> Finding {
    let EntryLimits { price_min, price_max, .. } = asked.guard.limits.entry;
    let limit = asked.intent.limit;
    let bound = if limit < price_min { price_min } else { price_max };
    asked.entry(
        Rule::PriceBand,
        Value::Price(limit),
        Value::Price(bound),
        limit == limit.clamp(price_min, price_max),
    )
}

/// Refuses an entry on a book that nobody refreshed, whatever the strategy thinks of it. Without any book there is
/// nothing to be old: the strategy asks for one itself.
fn stale_book(asked: &Asked<'_>) -> Finding {
    let Some(book) = asked.context.book else { return Finding::Exempt };
    let (age, max) = (asked.context.now.since(book.at()), asked.guard.limits.entry.book_age_max);
    asked.entry(Rule::StaleBook, Value::Span(age), Value::Span(max), age <= max)
}

/// Refuses a limit far beyond the best opposite price: a slip, or a book that is not the market's. An order that
/// would rest on the near side is never too far.
fn book_distance(asked: &Asked<'_>) -> Finding {
    let best = asked.context.book.and_then(OrderBook::best_ask);
    let Some(best) = best.map(|level| level.price.micros()) else { return Finding::Exempt };
    let max = asked.guard.limits.entry.book_distance_max;
    let beyond = (asked.intent.limit.micros() - best).max(0);
    // Prices are whole millionths below one, so that neither product overflows. Rounded up: more than is allowed is
    // never said to be as much.
    let used = Frac::from_micros((beyond * MICROS + best - 1) / best);
    asked.entry(Rule::BookDistance, Value::Frac(used), Value::Frac(max), used <= max)
}

/// Refuses an entry shortly before the close, when nobody is left to sell to.
fn close_left(asked: &Asked<'_>) -> Finding {
    let Some(market) = asked.context.market else { return Finding::Exempt };
    let left = market.closes_at.since(asked.context.now);
    let min = asked.guard.limits.entry.close_left_min;
    asked.entry(Rule::CloseLeft, Value::Span(left), Value::Span(min), min <= left)
}

/// Refuses more shares in one order than anybody meant to buy.
fn order_size(asked: &Asked<'_>) -> Finding {
    let (size, max) = (asked.intent.size, asked.guard.limits.entry.size_max);
    let passes = size <= max;
    asked.smaller(asked.entry(Rule::OrderSize, Value::Size(size), Value::Size(max), passes), max)
}

/// Refuses an order that costs more than anybody meant to pay at once.
fn order_notional(asked: &Asked<'_>) -> Finding {
    let (notional, max) = (asked.intent.notional(), asked.guard.limits.entry.notional_max_usdc);
    let (used, limit) = (Value::Usdc(notional), Value::Usdc(max));
    let affordable = Size::affordable(max, asked.intent.limit);
    asked.smaller(asked.entry(Rule::OrderNotional, used, limit, notional <= max), affordable)
}

/// Says whether the throttle has an order left. It is taken when all rules have been asked.
fn throttle(asked: &Asked<'_>) -> Finding {
    let look = asked.guard.throttle.look(asked.intent.purpose, asked.context.now);
    let (used, limit) = (Value::Count(look.used), Value::Count(look.limit));
    if look.is_free() {
        return Finding::passed(used, limit);
    }
    Rule::Throttle.refuses(used, limit)
}

impl Asked<'_> {
    const fn is_protective(&self) -> bool {
        self.intent.purpose.is_protective()
    }

    /// Asks the breaker for one of its rules: only a trip refuses, with the numbers of that trip.
    fn breaker(&self, rule: Rule, used: Value, limit: Value) -> Finding {
        if self.is_protective() {
            return Finding::Exempt;
        }
        match self.guard.breaker.trip().filter(|trip| trip.rule == rule) {
            Some(trip) => Finding::Refused(trip.rejection()),
            None => Finding::passed(used, limit),
        }
    }

    /// Answers for a rule that holds for entries only.
    const fn entry(&self, rule: Rule, used: Value, limit: Value, passes: bool) -> Finding {
        if self.is_protective() {
            Finding::Exempt
        } else if passes {
            Finding::passed(used, limit)
        } else {
            rule.refuses(used, limit)
        }
    }

    /// Tells of a refusal which size would have passed, where the venue takes it.
    fn smaller(&self, finding: Finding, size: Size) -> Finding {
        let least = self.context.market.map(|market| market.min_size).unwrap_or_default();
        let size = Some(size.floor_to_cents()).filter(|size| least <= *size);
        match finding {
            Finding::Refused(no) => Finding::Refused(Rejection { passing: size, ..no }),
            Finding::Passed(_) | Finding::Exempt | Finding::NotReached => finding,
        }
    }
}

impl Rule {
    /// Returns the refusal of an order that no other size would help.
    pub(super) const fn refuses(self, used: Value, limit: Value) -> Finding {
        Finding::Refused(Rejection { rule: self, used, limit, passing: None })
    }
}

fn step(tick: TickSize) -> Usdc {
    Usdc::from_micros(i64::from(tick.micros())).unwrap_or_default()
}

fn count(number: usize) -> Value {
    Value::Count(u64::try_from(number).unwrap_or(u64::MAX))
}

const fn none() -> Value {
    Value::Count(0)
}

const fn one() -> Value {
    Value::Count(1)
}
