//! Strategies whose every step a test writes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actors::manager::Build;
use ploy::event::{Kind, MarketEvent};
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::numbers::Numbers;
use ploy::open_orders::OpenOrder;
use ploy::order::Fill;
use ploy::price::Price;
use ploy::strategy::{Look, Saved, Strategy, Subscription, View};
use ploy::time::Timestamp;

/// What a scripted strategy does at an event.
pub(crate) type OnEvent = Box<dyn FnMut(&MarketEvent, &View<'_>, &mut Vec<Look>) + Send>;

/// What all incarnations of a scripted strategy have seen together.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) built: AtomicU64,
    pub(crate) books: AtomicU64,
    pub(crate) fills: AtomicU64,
    pub(crate) done: AtomicU64,
    /// The newest book of every outcome.
    pub(crate) newest: Mutex<BTreeMap<(ConditionId, Outcome), Timestamp>>,
}

struct Script {
    subscription: Subscription,
    on_event: OnEvent,
    seen: Arc<Seen>,
}

/// Returns how to build a strategy that sees every market of the shipped kind. `make` is told the number of the
/// build, from 1.
pub(crate) fn script<F>(seen: &Arc<Seen>, make: F) -> Build
where
    F: Fn(u64) -> OnEvent + Send + Sync + 'static,
{
    let seen = Arc::clone(seen);
    Arc::new(move || {
        let number = seen.built.fetch_add(1, Ordering::SeqCst) + 1;
        Box::new(Script {
            subscription: Subscription {
                slug_prefixes: vec!["btc-updown-15m-".to_owned()],
                symbols: Vec::new(),
            },
            on_event: make(number),
            seen: Arc::clone(&seen),
        })
    })
}

/// Returns the wish to buy 10 shares of yes.
pub(crate) fn buy(market: ConditionId, limit: Price, time_in_force: TimeInForce) -> Look {
    let intent = Intent {
        market,
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit,
        size: "10".parse().unwrap(),
        time_in_force,
        purpose: Purpose::Entry,
    };
    Look::intent(intent, Numbers::none())
}

/// Returns the wish to sell 10 shares of yes.
pub(crate) fn sell(market: ConditionId, limit: Price) -> Look {
    let intent = Intent {
        market,
        outcome: Outcome::Yes,
        side: Side::Sell,
        limit,
        size: "10".parse().unwrap(),
        time_in_force: TimeInForce::Fak,
        purpose: Purpose::Exit,
    };
    Look::intent(intent, Numbers::none())
}

/// Returns the market and the best ask of an event that shows a book of yes.
pub(crate) fn yes_ask(event: &MarketEvent) -> Option<(ConditionId, Price)> {
    match &event.kind {
        Kind::Book { market, outcome: Outcome::Yes, book } => {
            book.best_ask().map(|ask| (*market, ask.price))
        }
        Kind::Book { .. } | Kind::Market(_) | Kind::Trade(_) | Kind::Spot { .. } => None,
        Kind::Game(_) | Kind::Tick { .. } | Kind::Resolved { .. } => None,
        Kind::Feed { .. } | Kind::Gap { .. } => None,
    }
}

/// Returns what a strategy does that buys at every book of yes.
pub(crate) fn buyer() -> OnEvent {
    Box::new(|event, _, looks| {
        looks.extend(yes_ask(event).map(|(market, ask)| buy(market, ask, TimeInForce::Fak)));
    })
}

impl Strategy for Script {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        if let Kind::Book { market, outcome, .. } = &event.kind {
            self.seen.books.fetch_add(1, Ordering::SeqCst);
            self.seen.newest.lock().unwrap().insert((*market, *outcome), event.at);
        }
        (self.on_event)(event, view, looks);
    }

    fn on_fill(&mut self, _: &Fill, view: &View<'_>, _: &mut Vec<Look>) {
        // A fill of the past is told without a market in the view.
        if !view.markets.is_empty() {
            self.seen.fills.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn on_done(&mut self, _: &OpenOrder, _: &View<'_>, _: &mut Vec<Look>) {
        self.seen.done.fetch_add(1, Ordering::SeqCst);
    }

    fn on_timer(&mut self, _: &View<'_>, _: &mut Vec<Look>) {}

    fn on_settled(&mut self, _: ConditionId) {}

    fn next_timer(&self) -> Option<Timestamp> {
        None
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}
