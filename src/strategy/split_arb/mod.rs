//! `split_arb`: buy one outcome, then the other, for together under one USDC; one of them pays one.

mod entry;
mod hedge;
mod leg;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::event::{Kind, MarketEvent};
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::numbers::Numbers;
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::order::Fill;
use crate::price::{Price, Size, Usdc};
use crate::strategy::{self, Look, MarketState, Strategy, Subscription, View};
use crate::time::Timestamp;
use leg::Leg;

/// The strategy: its settings and its open legs.
///
/// A leg is what fills made of it, never what was asked for: bought shares of one outcome that wait for as
/// many of the other. A full pair is no leg; it is held to resolution, and the market may be entered again.
#[derive(Clone, Debug)]
pub struct SplitArb {
    config: Config,
    subscription: Subscription,
    legs: BTreeMap<ConditionId, Leg>,
    /// When an order to buy yes or no last ended without all its shares: the books of up to then are spent.
    /// A new incarnation does not know, which costs it one order a leg at most.
    spent: BTreeMap<ConditionId, [Option<Timestamp>; 2]>,
    seen: Timestamp,
}

/// What `split_arb` knows beside its settings, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    legs: BTreeMap<ConditionId, Leg>,
    spent: BTreeMap<ConditionId, [Option<Timestamp>; 2]>,
    seen: Timestamp,
}

/// The settings of `split_arb`, as its file states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which of the two ways it trades.
    pub style: Style,
    /// Markets whose slug begins with one of these are traded.
    pub market_prefixes: Vec<String>,
    /// Shares of the first leg.
    pub size: Size,
    /// The highest ask at which a first leg is bought, in USDC a share; equal passes.
    pub entry_price_max: Price,
    /// What both legs together may cost, in USDC a pair. Legged: equal passes. Simultaneous: it must stay below.
    pub target_sum_usdc: Usdc,
    /// Legged only: how far above a fitting hedge the other ask may be when the first leg is bought, in USDC.
    pub hedge_slack_usdc: Usdc,
    /// What a pair must bring after fees, in USDC; equal passes.
    pub profit_min_usdc: Usdc,
    /// How long a leg waits for its hedge before it is sold; exactly that long still waits.
    pub hedge_wait_max: Duration,
    /// How many unhedged legs may be open at once; one too small to be sold does not count.
    pub unhedged_max: u64,
    /// By what fraction of its entry price the bid of a leg may fall before it is sold; equal sells.
    pub unhedged_stop_frac: Usdc,
    /// A leg is sold when less than this is left until the market closes; no leg is bought then either.
    pub exit_before_close: Duration,
    /// The age past which a book is not decided on.
    pub book_age_max: Duration,
    /// How far apart the instants of the two books may be.
    pub book_skew_max: Duration,
    /// The wait after a failed exit before the next try; doubled each time, up to 30 s.
    pub exit_retry: Duration,
}

/// The two ways to trade it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One cheap leg now, its hedge when the price has moved.
    Legged,
    /// Both legs as fast as fills allow, when both together are cheap now.
    Simultaneous,
}

/// What one look at one market has before it.
#[derive(Clone, Copy, Debug)]
struct Sight<'a> {
    config: &'a Config,
    state: &'a MarketState,
    now: Timestamp,
    orders: &'a OpenOrders,
    markets: &'a BTreeMap<ConditionId, MarketState>,
    spent: [Option<Timestamp>; 2],
}

/// The shortest time between two instants.
const INSTANT: Duration = Duration::from_micros(1);

impl SplitArb {
    /// Returns the strategy with these settings and no leg.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::restore(config, Saved::default())
    }

    /// Returns the strategy with these settings, which goes on from what was saved.
    #[must_use]
    pub fn restore(config: Config, saved: Saved) -> Self {
        let slug_prefixes = config.market_prefixes.clone();
        let subscription = Subscription { slug_prefixes, symbols: Vec::new() };
        let Saved { legs, spent, seen } = saved;
        Self { config, subscription, legs, spent, seen }
    }

    /// Looks at a market, where it can be seen.
    fn look(&mut self, market: ConditionId, view: &View<'_>, looks: &mut Vec<Look>) {
        let Some(state) = view.markets.get(&market) else {
            return;
        };
        let View { now, orders, markets, .. } = *view;
        let spent = self.spent.get(&market).copied().unwrap_or_default();
        let sight = Sight { config: &self.config, state, now, orders, markets, spent };
        looks.push(match self.legs.get_mut(&market) {
            Some(leg) => {
                leg.learn_close(state.market.closes_at);
                leg.seen(view.now);
                leg.look(&sight)
            }
            None => entry::look(&sight, &self.legs),
        });
    }

    /// Notes that an order ended without all its shares: a buy waits for a newer book, an exit for its time.
    fn fell_short(&mut self, intent: &Intent, view: &View<'_>) {
        let Intent { market, outcome, purpose, .. } = *intent;
        match purpose {
            Purpose::Entry | Purpose::Hedge if view.markets.contains_key(&market) => {
                *outcome.of_mut(self.spent.entry(market).or_default()) = Some(view.now);
            }
            // Its market is settled, so nothing is asked there any more.
            Purpose::Entry | Purpose::Hedge => {}
            Purpose::Exit => {
                if let Some(leg) = self.legs.get_mut(&market) {
                    leg.exit_failed(view.now, self.config.exit_retry);
                }
            }
        }
    }
}

impl Strategy for SplitArb {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        match &event.kind {
            Kind::Book { market, .. } => self.look(*market, view, looks),
            Kind::Market(market) => {
                if let Some(leg) = self.legs.get_mut(&market.id) {
                    leg.learn_close(market.closes_at);
                }
            }
            Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) | Kind::Tick { .. } => {}
            Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => {}
        }
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let leg = Leg::after(self.legs.remove(&fill.market), fill);
        self.legs.extend(leg.map(|leg| (fill.market, leg)));
        self.look(fill.market, view, looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let market = order.intent.market;
        if !order.remaining().is_zero() {
            self.fell_short(&order.intent, view);
        }
        self.look(market, view, looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let is_due = |leg: &Leg| leg.timer(&self.config).is_some_and(|at| at <= view.now);
        let due = self.legs.iter().filter(|(_, leg)| is_due(leg)).map(|(market, _)| *market);
        for market in due.collect::<Vec<_>>() {
            self.look(market, view, looks);
            // A leg whose market cannot be seen has had its turn too.
            if let Some(leg) = self.legs.get_mut(&market) {
                leg.seen(view.now);
            }
        }
    }

    fn on_settled(&mut self, market: ConditionId) {
        self.legs.remove(&market);
        self.spent.remove(&market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        // An instant that went by unnoticed is made up for at the next one: no timer is due in the past.
        let first = self.legs.values().filter_map(|leg| leg.timer(&self.config)).min();
        first.map(|at| at.max(self.seen + INSTANT))
    }

    fn save(&self) -> strategy::Saved {
        let Self { legs, spent, seen, .. } = self.clone();
        strategy::Saved::SplitArb(Saved { legs, spent, seen })
    }
}

impl<'a> Sight<'a> {
    /// Returns the look that ended here.
    fn no(&self, reason: Reason, numbers: Numbers) -> Look {
        Look::no(self.state.market.id, reason, numbers)
    }

    /// Returns the look that ends in an order, or in `price_limit` where the price grid has no such price.
    fn order(
        &self,
        purpose: Purpose,
        leg: (Outcome, Size),
        price: Price,
        numbers: Numbers,
    ) -> Look {
        let (outcome, size) = leg;
        let side = side(purpose);
        let Some(limit) = self.state.tick.limit(price, side) else {
            let tick = i64::from(self.state.tick.micros());
            let tick = Usdc::from_micros(tick).unwrap_or_default();
            return self
                .no(Reason::PriceLimit, Numbers::none().with("price", price).with("tick", tick));
        };
        let intent = Intent {
            market: self.state.market.id,
            outcome,
            side,
            limit,
            size,
            time_in_force: TimeInForce::Fak,
            purpose,
        };
        Look::intent(intent, numbers)
    }

    /// Returns the book of an outcome, unless it is missing or too old.
    fn fresh(&self, outcome: Outcome) -> ControlFlow<Look, &'a OrderBook> {
        let age_max = self.config.book_age_max;
        match self.state.book(outcome) {
            Some(book) if !book.is_stale(self.now, age_max) => ControlFlow::Continue(book),
            Some(book) => {
                let age = self.now.since(book.at());
                let numbers = Numbers::none().with("age", age).with("book_age_max", age_max);
                ControlFlow::Break(self.no(Reason::StaleBook, numbers))
            }
            None => ControlFlow::Break(self.no(Reason::StaleBook, Numbers::none())),
        }
    }

    /// Returns the book of an outcome, unless it is missing, too old or crossed.
    fn sound(&self, outcome: Outcome) -> ControlFlow<Look, &'a OrderBook> {
        let book = self.fresh(outcome)?;
        self.uncrossed(book)?;
        ControlFlow::Continue(book)
    }

    /// Goes on unless a book's best bid is at or above its best ask: such prices can hardly be had.
    fn uncrossed(&self, book: &OrderBook) -> ControlFlow<Look> {
        match (book.best_bid(), book.best_ask()) {
            (Some(bid), Some(ask)) if book.is_crossed() => {
                let numbers = Numbers::none().with("bid", bid.price).with("ask", ask.price);
                ControlFlow::Break(self.no(Reason::CrossedBook, numbers))
            }
            (Some(_) | None, Some(_) | None) => ControlFlow::Continue(()),
        }
    }

    /// Goes on unless the last buy of an outcome ended short, and its book is no newer than that end.
    fn unspent(&self, outcome: Outcome, ask: Price) -> ControlFlow<Look> {
        match (outcome.of(&self.spent), self.state.book(outcome)) {
            (Some(ended), Some(book)) if book.at() <= *ended => {
                let (age, since_end) = (self.now.since(book.at()), self.now.since(*ended));
                let numbers = Numbers::none().with("ask", ask).with("age", age);
                let numbers = numbers.with("since_end", since_end);
                ControlFlow::Break(self.no(Reason::SpentBook, numbers))
            }
            (Some(_) | None, Some(_) | None) => ControlFlow::Continue(()),
        }
    }

    /// Goes on unless an order of this market is outstanding.
    fn nothing_pending(&self) -> ControlFlow<Look> {
        let open = self.orders.of_market(self.state.market.id).count();
        if open == 0 {
            return ControlFlow::Continue(());
        }
        let numbers = Numbers::none().with("open_orders", count(open));
        ControlFlow::Break(self.no(Reason::PendingOrder, numbers))
    }

    /// Returns the time until the market closes; none when that is past.
    fn left(&self) -> Duration {
        self.state.market.closes_at.since(self.now)
    }

    /// Returns the markets that have an unhedged leg, or may have one as soon as an entry is filled. A leg too
    /// small to be hedged or sold does not count: nothing can be done about it, and it is small.
    fn unhedged(&self, legs: &BTreeMap<ConditionId, Leg>) -> u64 {
        let entries = self.orders.iter().map(|(_, order)| order.intent);
        let entries = entries.filter(|intent| intent.purpose == Purpose::Entry);
        let is_dust = |market, leg: &Leg| {
            let state: Option<&MarketState> = self.markets.get(market);
            state.is_some_and(|state| leg.is_below(state.market.min_size))
        };
        let legs = legs.iter().filter(|(market, leg)| !is_dust(*market, leg));
        let markets = legs.map(|(market, _)| *market).chain(entries.map(|intent| intent.market));
        count(markets.collect::<BTreeSet<_>>().len())
    }
}

/// Returns the one look that a row of gates ended in.
fn end(look: ControlFlow<Look, Look>) -> Look {
    match look {
        ControlFlow::Break(look) | ControlFlow::Continue(look) => look,
    }
}

/// Returns which way an order of this purpose goes.
const fn side(purpose: Purpose) -> Side {
    match purpose {
        Purpose::Entry | Purpose::Hedge => Side::Buy,
        Purpose::Exit => Side::Sell,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
