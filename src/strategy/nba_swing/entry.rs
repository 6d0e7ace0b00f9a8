//! The gates of an entry: when a share of a team is bought.

use std::ops::ControlFlow;

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::fees::FeeSchedule;
use crate::intent::Purpose;
use crate::market::Outcome;
use crate::numbers::{Frac, Numbers};
use crate::price::{MICROS, Price, Rounding, Size, Usdc};
use crate::strategy::Look;

use super::config::Entry as Rules;
use super::filters::{Readings, Recent, Report};
use super::fixture::Fixture;
use super::game::Seen;
use super::model::Estimate;
use super::sight::{Sight, end};
use super::stage::Stage;

/// What the rules compare, of the share that is on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Whose share.
    pub(super) outcome: Outcome,
    /// What it is worth by the model, in USDC.
    pub(super) fair: Usdc,
    /// How sure that is.
    pub(super) confidence: Frac,
    /// What it costs.
    pub(super) ask: Price,
    /// What the market charges a taker.
    pub(super) fees: FeeSchedule,
}

/// One outcome with its book and what the model says of its team.
#[derive(Clone, Copy, Debug)]
struct Offer<'a> {
    outcome: Outcome,
    book: &'a OrderBook,
    estimate: Estimate,
}

/// Looks at a market without shares: buys, or names the first gate that said no.
pub(super) fn look(sight: &Sight<'_>) -> Look {
    end(decide(sight))
}

fn decide(sight: &Sight<'_>) -> ControlFlow<Look, Look> {
    let Some(fixture) = sight.fixture else {
        return ControlFlow::Break(sight.no(Reason::NoMarket, Numbers::none()));
    };
    in_hours(sight)?;
    sight.nothing_pending()?;
    may_enter(sight)?;
    let seen = sight.playing()?;
    let offer = better(sight, &fixture, seen)?;
    let report = Report::new(&sight.config.filters, &readings(sight, &offer));
    let (Some(ask), true) = (offer.ask(), report.failed.is_empty()) else {
        return ControlFlow::Break(sight.no(Reason::Filters, report.numbers()));
    };
    let terms = Terms {
        outcome: offer.outcome,
        fair: offer.fair(),
        confidence: offer.estimate.confidence(),
        ask,
        fees: sight.state.market.fees,
    };
    match terms.judge(&sight.config.entry) {
        ControlFlow::Continue(numbers) => {
            sight.unspent(offer.outcome, ask)?;
            let size = Size::affordable(sight.config.position_max_usdc, ask).floor_to_cents();
            let leg = (offer.outcome, size);
            let look = sight.order(Purpose::Entry, leg, ask, report.warnings(numbers));
            ControlFlow::Continue(look)
        }
        ControlFlow::Break((reason, numbers)) => ControlFlow::Break(sight.no(reason, numbers)),
    }
}

/// Goes on between the market's opening and its close.
fn in_hours(sight: &Sight<'_>) -> ControlFlow<Look> {
    let market = &sight.state.market;
    if sight.now < market.opens_at {
        let numbers = Numbers::none().with("opens_in", market.opens_at.since(sight.now));
        return ControlFlow::Break(sight.no(Reason::NotOpen, numbers));
    }
    if market.closes_at <= sight.now {
        let numbers = Numbers::none().with("closed_for", sight.now.since(market.closes_at));
        return ControlFlow::Break(sight.no(Reason::NearClose, numbers));
    }
    ControlFlow::Continue(())
}

/// Goes on where no feed is down and the market has rested since its last round.
fn may_enter(sight: &Sight<'_>) -> ControlFlow<Look> {
    if sight.stage == Stage::Halt {
        let numbers = Numbers::none().with("feeds_down", sight.feeds_down);
        return ControlFlow::Break(sight.no(Reason::HaltedState, numbers));
    }
    let rest = sight.config.reset_after;
    match sight.exited_at.map(|at| sight.now.since(at)) {
        Some(since) if since < rest => {
            let numbers = Numbers::none().with("since_exit", since).with("reset_after", rest);
            ControlFlow::Break(sight.no(Reason::Cooldown, numbers))
        }
        Some(_) | None => ControlFlow::Continue(()),
    }
}

/// Returns the outcome whose ask is the furthest below its worth; yes on ties, and the one with a book to decide on
/// where the other has none.
fn better<'a>(sight: &Sight<'a>, fixture: &Fixture, seen: &Seen) -> ControlFlow<Look, Offer<'a>> {
    let offer = |outcome| {
        let inputs = seen.inputs(fixture.team(outcome));
        let estimate = Estimate::new(&sight.config.coefficients, &inputs);
        sight.sound(outcome).map_continue(|book| Offer { outcome, book, estimate })
    };
    let (yes, no) = (offer(Outcome::Yes), offer(Outcome::No));
    match (yes, no) {
        (ControlFlow::Continue(yes), ControlFlow::Continue(no)) => {
            let is_better = yes.edge() < no.edge();
            ControlFlow::Continue(if is_better { no } else { yes })
        }
        (ControlFlow::Break(_), no @ ControlFlow::Continue(_)) => no,
        (yes, ControlFlow::Break(_)) => yes,
    }
}

fn readings(sight: &Sight<'_>, offer: &Offer<'_>) -> Readings {
    let (limits, flow, now) = (&sight.config.filters, sight.flow, sight.now);
    let recent = Recent {
        velocity: flow.velocity(offer.outcome, now, limits.velocity_window),
        lag: flow.lag(offer.book),
        quote_age: now.since(offer.book.at()),
        same_side: flow.same_side(now, limits.trades_window),
        trades: flow.trades(now, limits.trades_window),
    };
    Readings::of(offer.book, recent)
}

impl Offer<'_> {
    fn ask(&self) -> Option<Price> {
        self.book.best_ask().map(|level| level.price)
    }

    fn fair(&self) -> Usdc {
        Usdc::from_micros(self.estimate.chance.micros()).unwrap_or_default()
    }

    fn edge(&self) -> Option<Usdc> {
        self.ask().map(|ask| self.fair() - ask.into())
    }
}

impl Terms {
    /// Asks the rules in their order: price, edge, confidence, what is expected after costs. Returns what was
    /// compared, or the first rule that says no with what it compared.
    pub(super) fn judge(&self, rules: &Rules) -> ControlFlow<(Reason, Numbers), Numbers> {
        let Self { fair, ask, .. } = *self;
        let no = |reason, numbers| ControlFlow::Break((reason, numbers));
        let priced = Numbers::none().with("ask", ask);
        if ask < rules.price_min {
            return no(Reason::PriceLow, priced.with("price_min", rules.price_min));
        }
        if rules.price_max < ask {
            return no(Reason::PriceHigh, priced.with("price_max", rules.price_max));
        }
        let edge = fair - ask.into();
        let p = Frac::from_micros(fair.micros());
        let numbers = Numbers::none().with(self.chance_name(), p).with("ask", ask);
        let numbers = numbers.with("edge", edge);
        if edge < rules.edge_min_usdc {
            return no(Reason::NoEdge, numbers.with("edge_min", rules.edge_min_usdc));
        }
        let numbers = numbers.with("confidence", self.confidence);
        if self.confidence < rules.confidence_min {
            let numbers = numbers.with("confidence_min", rules.confidence_min);
            return no(Reason::LowConfidence, numbers);
        }
        let ev = edge - self.fee(rules) - rules.slippage_usdc;
        let numbers = numbers.with("net_ev", ev);
        if ev < rules.ev_min_usdc {
            return no(Reason::NoEv, numbers.with("net_ev_min", rules.ev_min_usdc));
        }
        ControlFlow::Continue(numbers)
    }

    /// Returns what a share costs in fees: the market's own, and never less than the fraction of old.
    fn fee(&self, rules: &Rules) -> Usdc {
        let fraction = i128::from(self.ask.micros()) * i128::from(rules.fee_frac.micros());
        let fraction = crate::price::divide(fraction, i128::from(MICROS), Rounding::Up);
        let fraction = Usdc::from_micros(crate::price::narrow(fraction)).unwrap_or_default();
        fraction.max(self.fees.per_share(self.ask))
    }

    /// Returns the name of the probability, which says whose it is.
    const fn chance_name(&self) -> &'static str {
        match self.outcome {
            Outcome::Yes => "p_yes",
            Outcome::No => "p_no",
        }
    }
}
