//! Up-or-down markets: ticks of an underlying and its markets, with a modelled book that follows the ticks late.

use std::sync::Arc;
use std::time::Duration;

use ploy::event::{Kind, MarketEvent, Symbol};
use ploy::market::Market;
use ploy::price::Usdc;
use ploy::time::Timestamp;

use super::dice::Dice;
use super::fair;
use super::quotes::{ERROR_KEPT, Habits, Maker};

/// The price of an underlying, when it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: Timestamp,
    pub(super) price: Usdc,
}

/// A market with all that is known of it afterwards.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// The market as it is announced: without its strike.
    pub(super) market: Market,
    /// The price that decides it, where the venue told it.
    pub(super) strike: Option<Usdc>,
    pub(super) payouts: [Usdc; 2],
    pub(super) resolved_at: Timestamp,
}

/// All that a tape is made of.
#[derive(Clone, Debug)]
pub(super) struct Day {
    pub(super) symbol: Symbol,
    /// By time.
    pub(super) ticks: Vec<Tick>,
    pub(super) rounds: Vec<Round>,
}

/// How the books of the markets behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Model {
    /// The standard deviation of the underlying over 15 minutes by which the market reckons, in millionths.
    pub(super) sigma: u32,
    /// The time from one book to the next.
    pub(super) refresh: Duration,
    /// The least time by which a book is behind the ticks.
    pub(super) delay: Duration,
    pub(super) habits: Habits,
}

/// How long before its window a market is announced.
pub(super) const ANNOUNCED_BEFORE: Duration = Duration::from_secs(60);
/// How long after the opening the strike is announced, where it is known.
pub(super) const STRIKE_AFTER: Duration = Duration::from_secs(5);
/// By how much more than the least a book may be behind the ticks.
pub(super) const DELAY_MORE: Duration = Duration::from_millis(1_000);
/// A market whose newest tick is older than this shows no new book.
pub(super) const TICK_AGE_MAX: Duration = Duration::from_secs(10);

impl Day {
    /// Returns all events by time: at one instant markets first, then ticks, books, and settlements.
    pub(super) fn events(&self, model: &Model, seed: u64) -> Vec<MarketEvent> {
        let mut events = Vec::new();
        let Some(first) = self.ticks.first() else {
            return events;
        };
        for round in &self.rounds {
            self.announce(round, first.at, &mut events);
        }
        let spot = |tick: &Tick| {
            let (symbol, price_usd) = (Arc::clone(&self.symbol), tick.price);
            MarketEvent { at: tick.at, kind: Kind::Spot { symbol, price_usd } }
        };
        events.extend(self.ticks.iter().map(spot));
        for round in &self.rounds {
            self.quote(round, model, seed, &mut events);
        }
        events.extend(self.rounds.iter().map(|round| {
            let (market, payouts) = (round.market.id, round.payouts);
            let at = round.resolved_at.max(first.at);
            MarketEvent { at, kind: Kind::Resolved { market, payouts } }
        }));
        events.sort_by_key(|event| event.at);
        events
    }

    /// Announces a market before its window, and again with its strike when that is known to the venue.
    fn announce(&self, round: &Round, first: Timestamp, events: &mut Vec<MarketEvent>) {
        let mut say = |at: Timestamp, strike_usd| {
            let market = Arc::new(Market { strike_usd, ..round.market.clone() });
            events.push(MarketEvent { at: at.max(first), kind: Kind::Market(market) });
        };
        let told_at = round.market.opens_at + STRIKE_AFTER;
        let begun = told_at <= first;
        say(round.market.opens_at - ANNOUNCED_BEFORE, round.strike.filter(|_| begun));
        if !begun && round.strike.is_some() {
            say(told_at, round.strike);
        }
    }

    /// Shows the books of a market from its opening to its close, as long as ticks come.
    fn quote(&self, round: &Round, model: &Model, seed: u64, events: &mut Vec<MarketEvent>) {
        let Market { id, slug, opens_at, closes_at, .. } = &round.market;
        let first = self.ticks.get(self.ticks.partition_point(|tick| tick.at < *opens_at));
        let Some(strike) = round.strike.or(first.map(|tick| tick.price)) else {
            return;
        };
        let mut dice = Dice::new(seed, slug);
        let mut maker = Maker::new(model.habits);
        let more = i64::try_from(DELAY_MORE.as_micros()).unwrap_or(0);
        let mut at = *opens_at + Duration::from_micros(dice.next() % 1_000_000);
        while at < *closes_at {
            let late = u64::try_from(dice.between(0, more)).unwrap_or(0);
            let seen = at - (model.delay + Duration::from_micros(late));
            if let Some(tick) = self.newest(seen).filter(|tick| seen.since(tick.at) <= TICK_AGE_MAX)
            {
                let left = closes_at.since(at);
                let fair = fair::chance_above(tick.price, strike, model.sigma, left);
                events.extend(maker.quote(fair, (*id, at), &mut dice));
            }
            at = at + model.refresh;
        }
    }

    fn newest(&self, at: Timestamp) -> Option<&Tick> {
        let place = self.ticks.partition_point(|tick| tick.at <= at).checked_sub(1)?;
        self.ticks.get(place)
    }
}

impl Model {
    /// Says what the model assumes, for the header of a tape.
    pub(super) fn notes(&self, seed: u64) -> Vec<String> {
        let Habits { half_spread, error_step, levels, shares: (from, to) } = self.habits;
        vec![
            format!(
                "MODELLED books, seed {seed}: the middle is Φ(ln(spot/strike)/(sigma·√(left/15 min))) with sigma \
                 {} ppm, plus an error that keeps {ERROR_KEPT} thousandths of itself from book to book and changes \
                 by {error_step} millionths of a USDC (standard deviation)",
                self.sigma
            ),
            format!(
                "a book comes every {} ms from the opening to the close and knows no tick of the last {} to {} ms; \
                 without a tick of the last {} s none comes",
                self.refresh.as_millis(),
                self.delay.as_millis(),
                (self.delay + DELAY_MORE).as_millis(),
                TICK_AGE_MAX.as_secs()
            ),
            format!(
                "bid and ask stand {half_spread} millionths of a USDC or more from the middle, on whole cents, each \
                 one time in five a cent further; {levels} levels a side a cent apart, {from} to {to} shares at the \
                 best and n times as many at the n-th; Up and Down are one book seen from two sides"
            ),
            format!(
                "a market is announced {} s before its window without its strike, and again {} s after its opening \
                 with the strike where that is known; its price step never changes",
                ANNOUNCED_BEFORE.as_secs(),
                STRIKE_AFTER.as_secs()
            ),
            super::MEANING.to_owned(),
        ]
    }
}
