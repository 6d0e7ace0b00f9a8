//! `momentum`: buy the side of an up-or-down market that the price of the underlying speaks for.

pub mod config;
mod directional;
mod entry;
mod history;
mod holding;
mod ledger;
mod normal;
mod signal;
mod trend;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::event::{Kind, MarketEvent};
use crate::intent::{Intent, Purpose};
use crate::market::{ConditionId, Market, Outcome, Side, TickSize};
use crate::numbers::Numbers;
use crate::open_orders::OpenOrder;
use crate::order::Fill;
use crate::price::{Price, Usdc};
use crate::strategy::{self, Look, Misfit, Strategy, Subscription, View};
use crate::time::Timestamp;
use config::Config;
use entry::Candidate;
use history::History;
use holding::Holding;
use ledger::{Ledger, Place, Window};

/// The strategy: its settings, the prices it has seen, what it holds and what its entries have used up.
///
/// Positions, cooldowns, the day's count and windows are what fills made of them, never what was asked for.
/// Each look is at one underlying: it chooses the market, and that market is the one that is bought.
#[derive(Clone, Debug)]
pub struct Momentum {
    config: Config,
    subscription: Subscription,
    /// The prices of each underlying, in the order of the series.
    histories: Vec<History>,
    /// Which underlying each known market belongs to, by its place among the series.
    markets: BTreeMap<ConditionId, usize>,
    /// The prices that decide markets, in USD, as far as they are known.
    strikes: BTreeMap<ConditionId, Usdc>,
    held: BTreeMap<(ConditionId, Outcome), Holding>,
    ledger: Ledger,
    /// Since when a signal waits for better ones of its window.
    waiting: BTreeMap<Window, Timestamp>,
    seen: Timestamp,
}

/// What `momentum` knows beside its settings, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    histories: Vec<History>,
    markets: BTreeMap<ConditionId, usize>,
    strikes: BTreeMap<ConditionId, Usdc>,
    held: Vec<((ConditionId, Outcome), Holding)>,
    ledger: Ledger,
    waiting: BTreeMap<Window, Timestamp>,
    seen: Timestamp,
}

/// The shortest time between two instants.
const INSTANT: Duration = Duration::from_micros(1);

impl Momentum {
    /// Returns the strategy with these settings, which has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            subscription: config.subscription(),
            histories: vec![History::default(); config.series.len()],
            config,
            markets: BTreeMap::new(),
            strikes: BTreeMap::new(),
            held: BTreeMap::new(),
            ledger: Ledger::default(),
            waiting: BTreeMap::new(),
            seen: Timestamp::UNIX_EPOCH,
        }
    }

    /// Returns the strategy with these settings, which goes on from what was saved.
    ///
    /// # Errors
    /// When it was saved with more or fewer underlyings.
    pub fn restore(config: Config, saved: Saved) -> Result<Self, Misfit> {
        let (expected, found) = (config.series.len(), saved.histories.len());
        if expected != found {
            return Err(Misfit::Series { expected, found });
        }
        let Saved { histories, markets, strikes, held, ledger, waiting, seen } = saved;
        let held = held.into_iter().collect();
        let fresh = Self::new(config);
        Ok(Self { histories, markets, strikes, held, ledger, waiting, seen, ..fresh })
    }

    fn on_market(&mut self, market: &Market) {
        let Some(series) = self.config.series_of(market) else {
            return;
        };
        self.markets.insert(market.id, series);
        self.ledger.learn(market.id, Place { series, window: Window::of(market) });
        for outcome in Outcome::BOTH {
            if let Some(holding) = self.held.get_mut(&(market.id, outcome)) {
                holding.learn_close(market.closes_at);
            }
        }
        match market.strike_usd.filter(|strike| Usdc::ZERO < *strike) {
            Some(told) => drop(self.strikes.insert(market.id, told)),
            None => self.learn_strike(market),
        }
    }

    fn on_spot(&mut self, series: usize, (at, price): (Timestamp, Usdc), view: &View<'_>) {
        if let Some(history) = self.histories.get_mut(series) {
            history.add(at, price);
        }
        self.ledger.forget_old(view.now, self.config.cooldown);
        let known = self.markets.iter().filter(|(_, of)| **of == series);
        let open = known.filter_map(|(market, _)| view.markets.get(market));
        let open = open.filter(|state| state.market.opens_at <= view.now);
        for market in open.map(|state| &state.market).collect::<Vec<_>>() {
            self.learn_strike(market);
        }
    }

    /// Takes the first price from the opening of a market on for its strike, unless that is known. The venue
    /// may decide by a mean of prices: then this is near it, and the strike that the venue tells replaces it.
    fn learn_strike(&mut self, market: &Market) {
        if self.strikes.contains_key(&market.id) {
            return;
        }
        let series = self.markets.get(&market.id);
        let history = series.and_then(|series| self.histories.get(*series));
        let first = history
            .and_then(|history| history.first_since(market.opens_at, self.config.spot_age_max));
        self.strikes.extend(first.map(|strike| (market.id, strike)));
    }

    fn sight<'a>(&'a self, series: usize, view: &'a View<'_>) -> entry::Sight<'a> {
        entry::Sight { strategy: self, series, view }
    }

    /// Looks at an underlying that is not waited for: asks for an entry, or begins to wait for better ones.
    fn look_entry(&mut self, series: usize, view: &View<'_>, looks: &mut Vec<Look>) {
        let candidate = match self.sight(series, view).find() {
            ControlFlow::Break(look) => return looks.push(look),
            ControlFlow::Continue(candidate) => candidate,
        };
        let Some(delay) = self.config.best_edge else {
            return looks.push(candidate.order());
        };
        let since = *self.waiting.entry(candidate.window).or_insert(view.now);
        let waited = view.now.since(since);
        if delay <= waited {
            return self.pick(candidate.window, view, looks);
        }
        let numbers = Numbers::none().with("edge", candidate.edge).with("waited", waited);
        looks.push(candidate.no(Reason::AwaitBest, numbers.with("signal_delay", delay)));
    }

    /// Looks at every underlying whose market closes in a window, and takes the one with the largest edge now.
    fn pick(&mut self, window: Window, view: &View<'_>, looks: &mut Vec<Look>) {
        self.waiting.remove(&window);
        let mut best: Option<Candidate> = None;
        let mut beaten = Vec::new();
        for series in 0..self.config.series.len() {
            let sight = self.sight(series, view);
            if sight.chosen().is_none_or(|state| Window::of(&state.market) != window) {
                continue;
            }
            match sight.find() {
                ControlFlow::Break(look) => looks.push(look),
                ControlFlow::Continue(next) => match best {
                    Some(best) if next.edge <= best.edge => beaten.push(next),
                    Some(_) | None => beaten.extend(best.replace(next)),
                },
            }
        }
        let Some(best) = best else {
            return;
        };
        for candidate in beaten {
            let numbers = Numbers::none().with("edge", candidate.edge).with("best", best.edge);
            looks.push(candidate.no(Reason::NotBest, numbers));
        }
        looks.push(best.order());
    }

    /// Looks at a position, where it can be seen and is sold by rules.
    fn look_held(&mut self, key: (ConditionId, Outcome), view: &View<'_>, looks: &mut Vec<Look>) {
        let (market, outcome) = key;
        if let Some(exits) = self.config.method.exits()
            && let Some(state) = view.markets.get(&market)
            && let Some(holding) = self.held.get_mut(&key)
        {
            let sight = holding::Sight { config: &self.config, exits, state, outcome, view };
            looks.push(holding.look(&sight));
        }
    }
}

impl Strategy for Momentum {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        match &event.kind {
            Kind::Market(market) => self.on_market(market),
            Kind::Spot { symbol, price_usd } => {
                let series = self.config.series.iter().position(|one| one.symbol == *symbol);
                if let Some(series) = series {
                    self.on_spot(series, (event.at, *price_usd), view);
                    self.look_entry(series, view, looks);
                }
            }
            Kind::Book { market, outcome, .. } => {
                let key = (*market, *outcome);
                if self.config.method.exits().is_some() && self.held.contains_key(&key) {
                    return self.look_held(key, view, looks);
                }
                let Some(series) = self.markets.get(market).copied() else {
                    return;
                };
                let chosen = self.sight(series, view).chosen();
                if chosen.is_some_and(|state| state.market.id == *market) {
                    self.look_entry(series, view, looks);
                }
            }
            Kind::Trade(_) | Kind::Game(_) | Kind::Tick { .. } => {}
            Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let key = (fill.market, fill.outcome);
        let holding = Holding::after(self.held.remove(&key), fill);
        self.held.extend(holding.map(|holding| (key, holding)));
        let state = view.markets.get(&fill.market);
        if let (Some(holding), Some(state)) = (self.held.get_mut(&key), state) {
            holding.learn_close(state.market.closes_at);
        }
        if fill.side == Side::Buy {
            let place = self.markets.get(&fill.market).zip(state);
            let place = place.map(|(series, state)| {
                let window = Window::of(&state.market);
                Place { series: *series, window }
            });
            self.ledger.buy(fill, place);
        }
        self.look_held(key, view, looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let Intent { market, outcome, purpose, .. } = order.intent;
        if purpose == Purpose::Exit
            && !order.remaining().is_zero()
            && let Some(exits) = self.config.method.exits()
            && let Some(holding) = self.held.get_mut(&(market, outcome))
        {
            holding.exit_failed(view.now, exits.retry);
        }
        self.look_held((market, outcome), view, looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        if let Some(exits) = self.config.method.exits() {
            let is_due = |holding: &Holding| holding.timer(exits).is_some_and(|at| at <= view.now);
            let due = self.held.iter().filter(|(_, holding)| is_due(holding)).map(|(key, _)| *key);
            for key in due.collect::<Vec<_>>() {
                self.look_held(key, view, looks);
                // A position whose market cannot be seen has had its turn too.
                if let Some(holding) = self.held.get_mut(&key) {
                    holding.seen(view.now);
                }
            }
        }
        let Some(delay) = self.config.best_edge else {
            return;
        };
        let due = self.waiting.iter().filter(|(_, since)| **since + delay <= view.now);
        for window in due.map(|(window, _)| *window).collect::<Vec<_>>() {
            self.pick(window, view, looks);
        }
    }

    fn on_settled(&mut self, market: ConditionId) {
        self.held.retain(|(of, _), _| *of != market);
        self.markets.remove(&market);
        self.strikes.remove(&market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        let exits = self.config.method.exits();
        let held = exits.map(|exits| self.held.values().filter_map(|one| one.timer(exits)).min());
        let delay = self.config.best_edge.unwrap_or_default();
        let picks = self.waiting.values().min().map(|since| *since + delay);
        // An instant that went by unnoticed is made up for at the next one: no timer is due in the past.
        let first = held.flatten().into_iter().chain(picks).min();
        first.map(|at| at.max(self.seen + INSTANT))
    }

    fn save(&self) -> strategy::Saved {
        let Self { histories, markets, strikes, held, ledger, waiting, seen, .. } = self.clone();
        let held = held.into_iter().collect();
        strategy::Saved::Momentum(Saved {
            histories,
            markets,
            strikes,
            held,
            ledger,
            waiting,
            seen,
        })
    }
}

impl Candidate {
    /// Returns the look that ends in the entry.
    const fn order(self) -> Look {
        Look::intent(self.intent, self.numbers)
    }

    /// Returns the look that ends without it.
    const fn no(self, reason: Reason, numbers: Numbers) -> Look {
        Look::no(self.intent.market, reason, numbers)
    }
}

/// Returns a book that can be decided on, or how old it is.
fn fresh(
    book: Option<&OrderBook>,
    now: Timestamp,
    age_max: Duration,
) -> ControlFlow<Numbers, &OrderBook> {
    match book {
        Some(book) if !book.is_stale(now, age_max) => ControlFlow::Continue(book),
        Some(book) => {
            let age = now.since(book.at());
            ControlFlow::Break(Numbers::none().with("age", age).with("book_age_max", age_max))
        }
        None => ControlFlow::Break(Numbers::none()),
    }
}

/// Returns a price and the step whose grid has no place for it.
fn tick(price: Price, tick: TickSize) -> Numbers {
    let tick = Usdc::from_micros(i64::from(tick.micros())).unwrap_or_default();
    Numbers::none().with("price", price).with("tick", tick)
}

#[cfg(test)]
mod tests;
