//! The gates of an entry into one underlying, in their order.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::numbers::Numbers;
use crate::open_orders::OpenOrder;
use crate::price::{Price, Rounding, Usdc};
use crate::strategy::{Look, MarketState, View, Wish};

use super::config::{Config, Method};
use super::history::{History, REACH, Sample};
use super::ledger::Window;
use super::signal::{Basis, Signal};
use super::{Momentum, fresh, tick};

/// An entry that every gate let pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// When its market closes.
    pub(super) window: Window,
    /// What it promises, in USDC a share.
    pub(super) edge: Usdc,
    pub(super) intent: Intent,
    pub(super) numbers: Numbers,
}

/// What one look at one underlying has before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    pub(super) strategy: &'a Momentum,
    /// The underlying, by its place among the series.
    pub(super) series: usize,
    pub(super) view: &'a View<'a>,
}

/// The same, with the market that was chosen.
#[derive(Clone, Copy, Debug)]
struct Scene<'a> {
    sight: Sight<'a>,
    state: &'a MarketState,
}

impl<'a> Sight<'a> {
    /// Returns the entry that every gate lets pass, or the look that ended at the first that did not.
    pub(super) fn find(self) -> ControlFlow<Look, Candidate> {
        let newest = self.warm()?;
        let Some(state) = self.chosen() else {
            return ControlFlow::Break(self.no_market());
        };
        let scene = Scene { sight: self, state };
        let basis = scene.basis()?;
        scene.spot_is_fresh(newest)?;
        let signal = scene.signal(basis, newest)?;
        let book = scene.fresh_book(signal.outcome())?;
        scene.has_cooled_down()?;
        scene.is_within_day()?;
        scene.has_no_position()?;
        scene.has_room()?;
        scene.has_nothing_pending()?;
        scene.is_strong(signal)?;
        let ask = scene.ask(book)?;
        let (edge, numbers) = scene.judge(signal, ask)?;
        let window = Window::of(&state.market);
        scene.fits_window(window, ask)?;
        let intent = scene.intent(signal.outcome(), ask)?;
        ControlFlow::Continue(Candidate { window, edge, intent, numbers })
    }

    /// Returns the market that an entry would go into: of those that are open and have the right time left, the
    /// one that closes first; by the predictive method the one that closes last.
    pub(super) fn chosen(self) -> Option<&'a MarketState> {
        let config = self.config();
        let fits = |state: &&MarketState| {
            let (now, market) = (self.view.now, &state.market);
            let left = market.closes_at.since(now);
            let is_open = market.opens_at <= now && now < market.closes_at;
            let in_time = config.left_min <= left;
            is_open && in_time && config.method.left_max().is_none_or(|max| left <= max)
        };
        let fitting = self.markets().filter(fits);
        // Of those that close at the same instant, the one that opened first; no two answers to one question.
        let first =
            |state: &&MarketState| (state.market.closes_at, state.market.opens_at, state.market.id);
        match config.method {
            Method::Directional(_) | Method::Confirmatory { .. } => fitting.min_by_key(first),
            Method::Predictive { .. } => {
                let last = |state: &&MarketState| std::cmp::Reverse(state.market.closes_at);
                fitting.min_by_key(|state| (last(state), first(state)))
            }
        }
    }

    const fn config(self) -> &'a Config {
        &self.strategy.config
    }

    fn history(self) -> Option<&'a History> {
        self.strategy.histories.get(self.series)
    }

    /// Returns the markets of the underlying.
    fn markets(self) -> impl Iterator<Item = &'a MarketState> {
        let known = self.strategy.markets.iter();
        let own = known.filter(move |(_, series)| **series == self.series);
        own.filter_map(move |(market, _)| self.view.markets.get(market))
    }

    /// Returns the newest price, when the history reaches back far enough.
    fn warm(self) -> ControlFlow<Look, Sample> {
        let reach = self.history().map_or(Duration::ZERO, |history| history.reach(self.view.now));
        match self.history().and_then(History::newest) {
            Some(newest) if REACH <= reach => ControlFlow::Continue(newest),
            Some(_) | None => {
                let numbers = Numbers::none().with("history", reach).with("history_min", REACH);
                ControlFlow::Break(Look {
                    market: None,
                    wish: Wish::No(Reason::WarmingUp),
                    numbers,
                })
            }
        }
    }

    fn no_market(self) -> Look {
        let config = self.config();
        let now = self.view.now;
        let open = self.markets().filter(|state| state.market.opens_at <= now);
        let open = open.filter(|state| now < state.market.closes_at);
        let numbers = Numbers::none().with("known", count(self.markets().count()));
        let numbers = match open.map(|state| state.market.closes_at.since(now)).min() {
            Some(left) => numbers.with("left", left),
            None => numbers,
        };
        let numbers = numbers.with("left_min", config.left_min);
        let max = config.method.left_max();
        let numbers = max.map_or(numbers, |max| numbers.with("left_max", max));
        Look { market: None, wish: Wish::No(Reason::NoMarket), numbers }
    }

    /// Tells whether a market is one of the underlying, or may be: one that is not known may.
    fn may_own(self, market: ConditionId) -> bool {
        self.strategy.markets.get(&market).is_none_or(|series| *series == self.series)
    }

    /// Returns the outstanding entries.
    fn entries(self) -> impl Iterator<Item = &'a OpenOrder> {
        let orders = self.view.orders.iter().map(|(_, order)| order);
        orders.filter(|order| order.intent.purpose == Purpose::Entry)
    }
}

impl<'a> Scene<'a> {
    fn no(self, reason: Reason, numbers: Numbers) -> Look {
        Look::no(self.state.market.id, reason, numbers)
    }

    /// Goes on, or ends the look here.
    fn gate(self, passes: bool, reason: Reason, numbers: Numbers) -> ControlFlow<Look> {
        if passes {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(self.no(reason, numbers))
        }
    }

    /// Returns what the signal is read from; by the directional method the strike must be known.
    fn basis(self) -> ControlFlow<Look, Basis<'a>> {
        let market = &self.state.market;
        match &self.sight.config().method {
            Method::Predictive { trend, .. } | Method::Confirmatory { trend, .. } => {
                ControlFlow::Continue(Basis::Trend(trend))
            }
            Method::Directional(settings) => match self.sight.strategy.strikes.get(&market.id) {
                Some(strike) => ControlFlow::Continue(Basis::Strike(settings, *strike)),
                None => {
                    let open_for = self.sight.view.now.since(market.opens_at);
                    let numbers = Numbers::none().with("open_for", open_for);
                    ControlFlow::Break(self.no(Reason::NoStrike, numbers))
                }
            },
        }
    }

    fn spot_is_fresh(self, newest: Sample) -> ControlFlow<Look> {
        let (age, max) = (self.sight.view.now.since(newest.at), self.sight.config().spot_age_max);
        let numbers = Numbers::none().with("age", age).with("spot_age_max", max);
        self.gate(age <= max, Reason::StaleSpot, numbers)
    }

    /// Returns the signal. A hole in the history where a price of the last minute is needed is a history that
    /// has to become long enough again.
    fn signal(self, basis: Basis<'a>, newest: Sample) -> ControlFlow<Look, Signal<'a>> {
        let (sight, now) = (self.sight, self.sight.view.now);
        let series = sight.config().series.get(sight.series);
        let left = self.state.market.closes_at.since(now);
        let signal = sight.history().zip(series).and_then(|(history, series)| match basis {
            Basis::Strike(settings, strike) => {
                Some(Signal::chance(settings, (newest.price, strike), series.volatility, left))
            }
            Basis::Trend(settings) => {
                let momentum = history.momentum(now, sight.config().spot_age_max)?;
                Some(Signal::trend(settings, momentum, history.volatility(now), series.volatility))
            }
        });
        match signal {
            Some(signal) => ControlFlow::Continue(signal),
            None => ControlFlow::Break(self.no(Reason::WarmingUp, Numbers::none())),
        }
    }

    fn fresh_book(self, outcome: Outcome) -> ControlFlow<Look, &'a OrderBook> {
        let (now, max) = (self.sight.view.now, self.sight.config().book_age_max);
        fresh(self.state.book(outcome), now, max)
            .map_break(|numbers| self.no(Reason::StaleBook, numbers))
    }

    fn has_cooled_down(self) -> ControlFlow<Look> {
        let Some(last) = self.sight.strategy.ledger.last_entry(self.sight.series) else {
            return ControlFlow::Continue(());
        };
        let (waited, least) = (self.sight.view.now.since(last), self.sight.config().cooldown);
        let numbers = Numbers::none().with("waited", waited).with("cooldown", least);
        self.gate(least <= waited, Reason::Cooldown, numbers)
    }

    fn is_within_day(self) -> ControlFlow<Look> {
        let entries = self.sight.strategy.ledger.entries_today(self.sight.view.now);
        let max = self.sight.config().daily_max;
        let numbers = Numbers::none().with("entries", entries).with("daily_max", max);
        self.gate(entries < max, Reason::DailyLimit, numbers)
    }

    fn has_no_position(self) -> ControlFlow<Look> {
        let held =
            self.sight.strategy.held.keys().filter(|(market, _)| self.sight.may_own(*market));
        let held = count(held.count());
        self.gate(held == 0, Reason::PositionOpen, Numbers::none().with("positions", held))
    }

    /// Goes on while one more position is allowed; an entry on its way may become one.
    fn has_room(self) -> ControlFlow<Look> {
        let held = self.sight.strategy.held.keys().map(|(market, _)| *market);
        let entries = self.sight.entries().map(|order| order.intent.market);
        let positions = count(held.chain(entries).collect::<BTreeSet<_>>().len());
        let max = self.sight.config().positions_max;
        let numbers = Numbers::none().with("positions", positions).with("positions_max", max);
        self.gate(positions < max, Reason::MaxPositions, numbers)
    }

    fn has_nothing_pending(self) -> ControlFlow<Look> {
        let orders = self.sight.view.orders.iter().map(|(_, order)| order.intent.market);
        let open = count(orders.filter(|market| self.sight.may_own(*market)).count());
        self.gate(open == 0, Reason::PendingOrder, Numbers::none().with("open_orders", open))
    }

    fn is_strong(self, signal: Signal<'_>) -> ControlFlow<Look> {
        self.gate(signal.is_strong(), Reason::NoSignal, signal.numbers())
    }

    fn ask(self, book: &OrderBook) -> ControlFlow<Look, Price> {
        match book.best_ask() {
            Some(level) => ControlFlow::Continue(level.price),
            None => ControlFlow::Break(self.no(Reason::OneSidedBook, Numbers::none())),
        }
    }

    /// Returns the edge of a buy at this ask with what was compared, when the price is within its limits and the
    /// edge is large enough.
    fn judge(self, signal: Signal<'_>, ask: Price) -> ControlFlow<Look, (Usdc, Numbers)> {
        let max = self.sight.config().entry_price_max;
        let numbers = Numbers::none().with("ask", ask);
        self.gate(ask <= max, Reason::PriceLimit, numbers.with("entry_price_max", max))?;
        if let Some(min) = signal.ask_min() {
            self.gate(min <= ask, Reason::PriceLimit, numbers.with("entry_price_min", min))?;
        }
        let fee = self.state.market.fees.per_share(ask);
        let (edge, numbers) = signal.edge(ask, fee);
        self.gate(signal.edge_min() <= edge, Reason::NoEdge, numbers)?;
        ControlFlow::Continue((edge, numbers))
    }

    /// Goes on when the window has room for this entry, with those on their way.
    fn fits_window(self, window: Window, ask: Price) -> ControlFlow<Look> {
        let config = self.sight.config();
        let spent = self.sight.strategy.ledger.spent(window);
        let in_window = |market: ConditionId| {
            let state = self.sight.view.markets.get(&market);
            state.is_none_or(|state| Window::of(&state.market) == window)
        };
        let pending = self.sight.entries().filter(|order| in_window(order.intent.market));
        let pending = pending
            .map(|order| order.intent.limit.notional(order.remaining(), Rounding::Up))
            .reduce(|sum, cost| sum + cost);
        let numbers = [("spent", spent), ("pending", pending)]
            .into_iter()
            .filter_map(|(name, cost)| cost.map(|cost| (name, cost)))
            .fold(Numbers::none(), |numbers, (name, cost)| numbers.with(name, cost));
        let is_free = config.best_edge.is_none() || (spent.is_none() && pending.is_none());
        self.gate(is_free, Reason::WindowSpent, numbers)?;
        let cost = ask.notional(config.size.floor_to_cents(), Rounding::Up);
        let (used, max) = (
            spent.unwrap_or_default() + pending.unwrap_or_default(),
            config.window_exposure_max_usdc,
        );
        let numbers = numbers.with("cost", cost).with("window_exposure_max", max);
        self.gate(used + cost <= max, Reason::WindowExposure, numbers)
    }

    fn intent(self, outcome: Outcome, ask: Price) -> ControlFlow<Look, Intent> {
        let Some(limit) = self.state.tick.limit(ask, Side::Buy) else {
            let numbers = tick(ask, self.state.tick);
            return ControlFlow::Break(self.no(Reason::PriceLimit, numbers));
        };
        ControlFlow::Continue(Intent {
            market: self.state.market.id,
            outcome,
            side: Side::Buy,
            limit,
            size: self.sight.config().size.floor_to_cents(),
            time_in_force: TimeInForce::Fak,
            purpose: Purpose::Entry,
        })
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
