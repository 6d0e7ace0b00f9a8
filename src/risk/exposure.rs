//! The rules on exposure: what can be lost at resolution, with the order that is asked for.

use crate::intent::{Intent, Purpose};
use crate::market::Market;
use crate::numbers::Value;
use crate::price::{Price, Rounding, Size, Usdc};

use super::groups::together;
use super::rules::Asked;
use super::worst::{Losses, markets, worst_loss, worst_loss_total};
use super::{Context, Finding, Rejection, Rule};

/// Holds what can be lost in the market at resolution. An exit passes unless it breaks pairs and so raises that loss
/// above the limit; a hedge never raises it. While any market is above the limit without an order, as after the limit was
/// lowered, no entry passes anywhere.
pub(super) fn market_exposure(asked: &Asked<'_>) -> Finding {
    let (rule, limit) = (Rule::MarketExposure, asked.guard.limits.market_exposure_max_usdc);
    let Context { portfolio, orders, .. } = asked.context;
    if asked.intent.purpose == Purpose::Entry {
        let others = markets(portfolio, orders).into_iter().filter(|id| *id != asked.intent.market);
        let most = others.map(|id| worst_loss(portfolio, orders, id)).max().unwrap_or_default();
        if limit < most {
            return rule.refuses(Value::Usdc(most), Value::Usdc(limit));
        }
    }
    asked.exposure(rule, || Usdc::ZERO, limit)
}

/// Holds what can be lost in all markets of one event.
pub(super) fn event_exposure(asked: &Asked<'_>) -> Finding {
    let Context { portfolio, orders, groups, market, .. } = *asked.context;
    let Some(market) = market.filter(|_| asked.intent.purpose == Purpose::Entry) else {
        return Finding::Exempt;
    };
    let Some(event) = &market.event else { return Finding::Exempt };
    let limit = asked.guard.limits.groups.event_exposure_max_usdc;
    let others = groups.of_event(&event.id).filter(|id| *id != market.id);
    let others: Vec<Losses> = others.map(|id| Losses::of(portfolio, orders, id)).collect();
    let own = Losses::of(portfolio, orders, market.id);
    let with = |size| {
        let mut own = own;
        own.buy(asked.intent.outcome, size, asked.cost(market, size));
        together(&[&[own], others.as_slice()].concat(), event)
    };
    let (used, allowed) = (with(asked.intent.size), Value::Usdc(limit));
    if used <= limit {
        return Finding::passed(Value::Usdc(used), allowed);
    }
    let passing = most(asked.intent.size, |size| with(size) <= limit);
    let passing = passing.filter(|size| market.min_size <= *size);
    let (rule, used) = (Rule::EventExposure, Value::Usdc(used));
    Finding::Refused(Rejection { rule, used, limit: allowed, passing })
}

/// Returns the most shares that fit, in hundredths and less than `size`, which do not: what is lost grows with a purchase
/// from where it begins to grow. Nothing where even no purchase fits.
fn most(size: Size, fits: impl Fn(Size) -> bool) -> Option<Size> {
    let cents = |number: i64| Size::from_micros(number * Size::CENT.micros()).ok();
    let (mut low, mut high) = (0, size.micros() / Size::CENT.micros());
    fits(Size::ZERO).then_some(())?;
    while low + 1 < high {
        let middle = low.midpoint(high);
        if fits(cents(middle)?) {
            low = middle;
        } else {
            high = middle;
        }
    }
    cents(low)
}

/// Holds what can be lost in all markets on one underlying: they move together, whatever their windows are.
pub(super) fn symbol_exposure(asked: &Asked<'_>) -> Finding {
    let Context { portfolio, orders, groups, market, .. } = *asked.context;
    let symbol = market.filter(|_| asked.intent.purpose == Purpose::Entry);
    let Some(symbol) = symbol.and_then(Market::underlying) else { return Finding::Exempt };
    let others = || {
        let others = groups.on_symbol(symbol).filter(|id| *id != asked.intent.market);
        others.map(|id| worst_loss(portfolio, orders, id)).sum()
    };
    let limit = asked.guard.limits.groups.symbol_exposure_max_usdc;
    asked.exposure(Rule::SymbolExposure, others, limit)
}

/// Holds what can be lost in all markets together.
pub(super) fn strategy_exposure(asked: &Asked<'_>) -> Finding {
    let Context { portfolio, orders, .. } = asked.context;
    let others = || {
        let own = worst_loss(portfolio, orders, asked.intent.market);
        worst_loss_total(portfolio, orders) - own
    };
    asked.exposure(Rule::StrategyExposure, others, asked.guard.limits.strategy_exposure_max_usdc)
}

impl Asked<'_> {
    /// Holds what can be lost with the order, here and in `others`, against a limit.
    fn exposure(&self, rule: Rule, others: impl FnOnce() -> Usdc, limit: Usdc) -> Finding {
        let Some(market) = self.context.market else { return Finding::Exempt };
        let Context { portfolio, orders, .. } = self.context;
        match self.intent.purpose {
            Purpose::Hedge => Finding::Exempt,
            Purpose::Entry => {
                let losses = Losses::of(portfolio, orders, self.intent.market);
                self.opening(market, losses, &Bound { rule, others: others(), limit })
            }
            Purpose::Exit => {
                let losses = Losses::of(portfolio, orders, self.intent.market);
                self.breaking(market, losses, &Bound { rule, others: others(), limit })
            }
        }
    }

    /// Returns what so many shares cost at the order's limit, with the fee.
    fn cost(&self, market: &Market, size: Size) -> Usdc {
        let price = self.intent.limit;
        let price = Usdc::from(price) + market.fees.per_share(price);
        price.times(size, Rounding::Up)
    }

    fn opening(&self, market: &Market, losses: Losses, bound: &Bound) -> Finding {
        let Bound { rule, others, limit } = *bound;
        let Intent { outcome, size, limit: price, .. } = *self.intent;
        let price = Usdc::from(price) + market.fees.per_share(price);
        let mut with = losses;
        with.buy(outcome, size, self.cost(market, size));
        let total = others + with.worst();
        let (used, allowed) = (Value::Usdc(total), Value::Usdc(limit));
        if total <= limit {
            return Finding::passed(used, allowed);
        }
        // A smaller purchase lowers what is lost when the other outcome comes true, and nothing else.
        let helps = others + losses.worst() <= limit;
        let room = limit - others - losses.when(outcome.other());
        let affordable = |price: Price| Size::affordable(room, price).floor_to_cents();
        let passing = price.to_price().map(affordable).unwrap_or_default();
        let passing = (helps && market.min_size <= passing).then_some(passing);
        Finding::Refused(Rejection { rule, used, limit: allowed, passing })
    }

    /// Lets an exit pass that does not raise the loss, or not above the limit. Pairs that are sold on both sides pass in
    /// slices: each slice may fail to find its other half.
    fn breaking(&self, market: &Market, losses: Losses, bound: &Bound) -> Finding {
        let Bound { rule, others, limit } = *bound;
        let size = self.intent.size;
        let with = losses.with_sale(self.intent, size);
        let (used, allowed) = (Value::Usdc(others + with), Value::Usdc(limit));
        let most = losses.worst().max(limit - others);
        if with <= most {
            return Finding::passed(used, allowed);
        }
        let passing = losses.sellable(self.intent, most);
        let passing = (market.min_size <= passing && passing < size).then_some(passing);
        Finding::Refused(Rejection { rule, used, limit: allowed, passing })
    }
}

/// A limit of what can be lost, and what of it other markets take.
struct Bound {
    rule: Rule,
    others: Usdc,
    limit: Usdc,
}
