//! `nba_swing`: buy a team's share while a game is played and the share is cheaper than the team's chance to win;
//! sell when that is no longer so.
//!
//! One position a market at a time. The spread before the game and the teams' ratings are inputs of the model that
//! no event carries yet: both count as 0. A game's state older than a minute is not decided on, nor is a book older
//! than five seconds; the trailing stop and the liquidity rule need the book alone and go on without the game.
//! While a feed is down no share is bought; exits go on where their data is fresh.

pub mod config;
mod entry;
mod exit;
mod filters;
mod fixture;
mod flow;
mod game;
mod holding;
mod model;
mod ratio;
mod sight;
mod stage;
mod swing;
pub mod teams;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{FeedState, Game, Kind, MarketEvent};
use crate::market::{ConditionId, Market};
use crate::open_orders::OpenOrder;
use crate::order::Fill;
use crate::strategy::{self, Look, Strategy, Subscription, View};
use crate::time::Timestamp;
use config::Config;
use fixture::{Fixture, Pair};
use game::{Scene, Seen};
use sight::Sight;
use swing::{Around, Swing};

/// The strategy: its settings, the games it knows, and its markets.
#[derive(Clone, Debug)]
pub struct NbaSwing {
    config: Config,
    subscription: Subscription,
    swings: BTreeMap<ConditionId, Swing>,
    /// The newest state of each pair of teams' game, at most one a pair.
    games: BTreeMap<Pair, Seen>,
    /// The feeds that are down. A new incarnation knows none.
    down: BTreeSet<Arc<str>>,
    seen: Timestamp,
}

/// What `nba_swing` knows beside its settings, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    swings: BTreeMap<ConditionId, Swing>,
    games: Vec<(Pair, Seen)>,
    down: BTreeSet<Arc<str>>,
    seen: Timestamp,
}

/// The shortest time between two instants.
const INSTANT: Duration = Duration::from_micros(1);

impl NbaSwing {
    /// Returns the strategy with these settings; it knows no game and holds nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::restore(config, Saved::default())
    }

    /// Returns the strategy with these settings, which goes on from what was saved.
    #[must_use]
    pub fn restore(config: Config, saved: Saved) -> Self {
        let slug_prefixes = vec![config.market_prefix.clone()];
        let subscription = Subscription { slug_prefixes, symbols: Vec::new() };
        let Saved { swings, games, down, seen } = saved;
        let games = games.into_iter().collect();
        Self { config, subscription, swings, games, down, seen }
    }

    /// Looks at a market, where it can be seen.
    fn look(&mut self, market: ConditionId, view: &View<'_>, looks: &mut Vec<Look>) {
        let Some(state) = view.markets.get(&market) else { return };
        self.follow(market, view);
        let feeds_down = self.feeds_down();
        let swing = self.swings.entry(market).or_default();
        let game = swing.fixture.and_then(|fixture| {
            self.games.get(&fixture.pair()).filter(|seen| fixture.is_on(seen.at))
        });
        let sight = Sight {
            config: &self.config,
            state,
            now: view.now,
            orders: view.orders,
            scene: Scene::of(game, view.now, self.config.game_age_max),
            fixture: swing.fixture,
            flow: &swing.flow,
            stage: swing.stage,
            feeds_down,
            spent: swing.spent,
            exited_at: swing.exited_at,
            retry: swing.retry,
        };
        let holding = swing.holding.map(|holding| {
            // The peak follows every quote that can be decided on, whatever else holds a look up.
            let book = sight.sound(holding.outcome()).continue_value();
            let bid = book.and_then(|book| book.best_bid());
            bid.map_or(holding, |bid| holding.risen_to(bid.price))
        });
        let look = match holding {
            Some(holding) => exit::look(&sight, holding),
            None => entry::look(&sight),
        };
        swing.holding = holding;
        swing.looked(&look, view.now);
        looks.push(look);
    }

    /// Brings the stage of a market up to date.
    fn follow(&mut self, market: ConditionId, view: &View<'_>) {
        let around = Around {
            market,
            now: view.now,
            orders: view.orders,
            feeds_down: self.feeds_down(),
            reset_after: self.config.reset_after,
        };
        self.swings.entry(market).or_default().follow(&around);
    }

    /// Learns which game a market asks about.
    fn announced(&mut self, market: &Market) {
        let Config { market_prefix, team_codes, .. } = &self.config;
        let fixture = Fixture::of(market, market_prefix, *team_codes);
        self.swings.entry(market.id).or_default().fixture = fixture;
    }

    /// Learns the state of a game. Returns the markets that ask about it.
    fn played(&mut self, game: &Arc<Game>, at: Timestamp) -> Vec<ConditionId> {
        let Some(teams) = fixture::teams(game, self.config.team_codes) else {
            return Vec::new();
        };
        let pair = fixture::pair(teams);
        self.games.insert(pair, Seen { game: Arc::clone(game), teams, at });
        let asks = |swing: &Swing| {
            swing.fixture.is_some_and(|fixture| fixture.pair() == pair && fixture.is_on(at))
        };
        let markets = self.swings.iter().filter(|(_, swing)| asks(swing));
        markets.map(|(market, _)| *market).collect()
    }

    fn feeds_down(&self) -> u64 {
        u64::try_from(self.down.len()).unwrap_or(u64::MAX)
    }
}

impl Strategy for NbaSwing {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        match &event.kind {
            Kind::Market(market) => self.announced(market),
            Kind::Book { market, outcome, book } => {
                let window = self.config.filters.velocity_window;
                self.swings.entry(*market).or_default().flow.quote(*outcome, book, window);
                self.look(*market, view, looks);
            }
            Kind::Trade(trade) => {
                let window = self.config.filters.trades_window;
                let swing = self.swings.entry(trade.market).or_default();
                swing.flow.trade(event.at, trade, window);
            }
            Kind::Game(game) => {
                for market in self.played(game, event.at) {
                    self.look(market, view, looks);
                }
            }
            Kind::Feed { feed, state: FeedState::Down } => {
                self.down.insert(Arc::clone(feed));
            }
            Kind::Feed { feed, state: FeedState::Up } => {
                self.down.remove(feed);
            }
            Kind::Spot { .. } | Kind::Tick { .. } => {}
            Kind::Resolved { .. } | Kind::Gap { .. } => {}
        }
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        self.follow(fill.market, view);
        self.swings.entry(fill.market).or_default().fill(fill);
        self.look(fill.market, view, looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let market = order.intent.market;
        if let Some(swing) = self.swings.get_mut(&market) {
            swing.done(order, view.now, self.config.exit_retry);
        }
        self.look(market, view, looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.seen = self.seen.max(view.now);
        let is_due = |swing: &Swing| swing.timer().is_some_and(|at| at <= view.now);
        let due = self.swings.iter().filter(|(_, swing)| is_due(swing)).map(|(market, _)| *market);
        for market in due.collect::<Vec<_>>() {
            self.look(market, view, looks);
            // A market that cannot be seen has had its turn too.
            if let Some(swing) = self.swings.get_mut(&market) {
                swing.seen(view.now);
            }
        }
    }

    fn on_settled(&mut self, market: ConditionId) {
        self.swings.remove(&market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        // An instant that went by unnoticed is made up for at the next one: no timer is due in the past.
        let first = self.swings.values().filter_map(Swing::timer).min();
        first.map(|at| at.max(self.seen + INSTANT))
    }

    fn save(&self) -> strategy::Saved {
        let Self { swings, games, down, seen, .. } = self.clone();
        let games = games.into_iter().collect();
        strategy::Saved::NbaSwing(Saved { swings, games, down, seen })
    }
}

#[cfg(test)]
pub(crate) mod tests;
