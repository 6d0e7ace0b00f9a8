//! The rules of an exit, in their order, and the order that each of them leads to.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::Purpose;
use crate::market::TickSize;
use crate::numbers::{Frac, Numbers};
use crate::price::{Price, Rounding, Size, Usdc};
use crate::strategy::Look;

use super::config::{Exit as Rules, Urgency};
use super::game::{Scene, Seen};
use super::holding::Holding;
use super::model::Estimate;
use super::ratio;
use super::sight::{Sight, end};

/// What the rules compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The best bid: what a share can be sold for.
    pub(super) price: Price,
    /// What a share is worth by the model, in USDC; not known without a game.
    pub(super) fair: Option<Usdc>,
    /// The time left where the fourth quarter is played.
    pub(super) fourth_left: Option<Duration>,
    /// What both sides of the book are worth.
    pub(super) depth: Usdc,
    /// The smallest order of the market.
    pub(super) least: Size,
    /// What is held.
    pub(super) holding: Holding,
}

/// What a rule wants sold, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// The shares, with two decimals.
    pub(super) size: Size,
    /// How badly.
    pub(super) urgency: Urgency,
    /// What was compared.
    pub(super) numbers: Numbers,
}

/// The edge, in USDC, below which a hold warns.
const EDGE_LOW_MICROS: i64 = 30_000;
/// The liquidity below which a hold warns.
const LIQUIDITY_LOW: Frac = Frac::from_micros(3_000_000);
/// The time left in the fourth quarter below which a hold warns.
const LATE: Duration = Duration::from_mins(4);

/// Looks at a market with shares: sells them, or says why not.
pub(super) fn look(sight: &Sight<'_>, holding: Holding) -> Look {
    end(decide(sight, holding))
}

fn decide(sight: &Sight<'_>, holding: Holding) -> ControlFlow<Look, Look> {
    sight.nothing_pending()?;
    let (size, least) = (holding.size().floor_to_cents(), sight.state.market.min_size);
    if size < least {
        let numbers = Numbers::none().with("size", holding.size()).with("min_size", least);
        return ControlFlow::Break(sight.no(Reason::BelowMinimum, numbers));
    }
    let playing = sight.playing();
    if let Scene::Over = sight.scene {
        // What is held then is held to resolution.
        playing?;
    }
    let seen = playing.continue_value();
    let book = sight.sound(holding.outcome())?;
    let Some(bid) = book.best_bid() else {
        return ControlFlow::Break(sight.no(Reason::OneSidedBook, Numbers::none()));
    };
    let fair = fair(sight, seen, holding);
    let fourth_left = seen.and_then(Seen::fourth_quarter_left);
    let depth = [book.bids(), book.asks()].into_iter().flatten();
    let depth = depth.map(|level| level.price.notional(level.size, Rounding::Down)).sum();
    let facts = Facts { price: bid.price, fair, fourth_left, depth, least, holding };
    let Some(exit) = Exit::of(&sight.config.exit, &facts) else {
        // Without the game only the book was asked.
        playing?;
        return ControlFlow::Break(sight.no(Reason::Holding, facts.numbers()));
    };
    sight.may_retry()?;
    let price = limit(exit.urgency, book, bid.price, sight.state.tick);
    let leg = (holding.outcome(), exit.size);
    ControlFlow::Continue(sight.order(Purpose::Exit, leg, price, exit.numbers))
}

fn fair(sight: &Sight<'_>, seen: Option<&Seen>, holding: Holding) -> Option<Usdc> {
    let team = sight.fixture?.team(holding.outcome());
    let estimate = Estimate::new(&sight.config.coefficients, &seen?.inputs(team));
    Usdc::from_micros(estimate.chance.micros()).ok()
}

impl Exit {
    /// Returns the first rule that sells: no edge, no liquidity, the trailing stop, a gain taken by half, the time
    /// stop. Without a game only the second and third can be asked.
    pub(super) fn of(rules: &Rules, facts: &Facts) -> Option<Self> {
        let all = |urgency, numbers| {
            let size = facts.holding.size().floor_to_cents();
            Some(Self { size, urgency, numbers })
        };
        let (edge, liquidity, fall) = (facts.edge(), facts.liquidity(), facts.fall());
        if let Some(edge) = edge.filter(|edge| *edge < rules.edge_min_usdc) {
            let numbers = facts.priced().with("edge", edge);
            return all(rules.edge_urgency, numbers.with("edge_min", rules.edge_min_usdc));
        }
        if liquidity < rules.liquidity_min {
            let numbers = facts.bid().with("depth", facts.depth);
            let numbers = numbers.with("liquidity", liquidity);
            let numbers = numbers.with("liquidity_min", rules.liquidity_min);
            return all(rules.liquidity_urgency, numbers);
        }
        if rules.trailing_stop_frac < fall {
            let numbers = facts.bid().with("peak", facts.holding.peak());
            let numbers = numbers.with("fall", fall);
            let numbers = numbers.with("fall_max", rules.trailing_stop_frac);
            return all(rules.trailing_urgency, numbers);
        }
        Self::partial(rules, facts).or_else(|| {
            let left = facts.fourth_left.filter(|left| *left < rules.time_stop)?;
            let gain = facts.gain();
            if rules.time_stop_gain_frac <= gain {
                return None;
            }
            let numbers = facts.bid().with("left", left).with("time_stop", rules.time_stop);
            let numbers = numbers.with("gain", gain);
            let numbers = numbers.with("gain_min", rules.time_stop_gain_frac);
            all(rules.time_urgency, numbers)
        })
    }

    /// Takes a gain with half of the shares, once, where the edge is nearly gone and both halves are orders that
    /// the venue takes.
    fn partial(rules: &Rules, facts: &Facts) -> Option<Self> {
        let (edge, held) = (facts.edge()?, facts.holding.held());
        let nearly_gone = rules.edge_min_usdc < edge && edge < rules.partial_edge_max_usdc;
        let has_gained = facts.holding.entry() < facts.price.into();
        let size = facts.holding.size();
        let half = Size::from_micros(size.micros() / 2).unwrap_or_default().floor_to_cents();
        let fits = facts.least <= half && facts.least <= size.saturating_sub(half);
        if !(nearly_gone && has_gained && rules.partial_held_frac < held && fits) {
            return None;
        }
        let numbers = facts.bid().with("edge", edge).with("edge_max", rules.partial_edge_max_usdc);
        let numbers = numbers.with("entry", facts.holding.entry()).with("held", held);
        let numbers = numbers.with("held_min", rules.partial_held_frac);
        Some(Self { size: half, urgency: rules.partial_urgency, numbers })
    }
}

impl Facts {
    fn edge(&self) -> Option<Usdc> {
        self.fair.map(|fair| fair - self.price.into())
    }

    /// Returns how many times the book is worth what is held, rounded down.
    fn liquidity(&self) -> Frac {
        let worth = self.price.notional(self.holding.size(), Rounding::Up);
        ratio::floor(self.depth.micros(), worth.micros())
    }

    /// Returns how far the price is below its peak, as a fraction of it, rounded up.
    fn fall(&self) -> Frac {
        let peak = self.holding.peak().micros();
        ratio::ceil(peak - self.price.micros(), peak)
    }

    /// Returns the gain on the entry price, as a fraction of it, rounded down.
    fn gain(&self) -> Frac {
        let entry = self.holding.entry().micros();
        ratio::floor(self.price.micros() - entry, entry)
    }

    fn bid(&self) -> Numbers {
        Numbers::none().with("bid", self.price)
    }

    fn priced(&self) -> Numbers {
        let p = self.fair.map(|fair| Frac::from_micros(fair.micros()));
        p.map_or(Numbers::none(), |p| Numbers::none().with("p", p)).with("bid", self.price)
    }

    /// Returns what a hold compared, with the number of its warnings: little edge, little liquidity, late.
    fn numbers(&self) -> Numbers {
        let (edge, liquidity) = (self.edge(), self.liquidity());
        let little = edge.is_some_and(|edge| edge.micros() < EDGE_LOW_MICROS);
        let late = self.fourth_left.is_some_and(|left| left < LATE);
        let warnings = [little, liquidity < LIQUIDITY_LOW, late].map(u64::from).iter().sum::<u64>();
        let numbers = self.priced();
        let numbers = edge.map_or(numbers, |edge| numbers.with("edge", edge));
        let numbers = numbers.with("peak", self.holding.peak());
        let numbers = numbers.with("gain", self.gain());
        numbers.with("liquidity", liquidity).with("warnings", warnings)
    }
}

/// Returns the lowest price that an order of this urgency takes, in steps of the market.
fn limit(urgency: Urgency, book: &OrderBook, bid: Price, tick: TickSize) -> Price {
    let step = i64::from(tick.micros());
    let at_least_a_step = |micros: i64| Price::from_micros(micros.max(step)).unwrap_or(bid);
    match urgency {
        Urgency::Low => book.best_ask().map_or(bid, |level| level.price),
        Urgency::Medium => bid,
        Urgency::High => at_least_a_step(bid.micros() - 2 * step),
        Urgency::Critical => at_least_a_step(step),
    }
}
