//! What a strategy is: it sees events and its own orders, and every look ends in an intent or in a reason.

pub mod drill;
pub mod fault;
pub mod gates;
pub mod momentum;
pub mod nba_swing;
mod retry;
pub mod split_arb;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::event::{MarketEvent, Symbol};
use crate::intent::Intent;
use crate::market::{ConditionId, Market, Outcome, TickSize};
use crate::numbers::Numbers;
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::order::Fill;
use crate::position::Portfolio;
use crate::time::Timestamp;
use fault::Fault;
use gates::Gates;

/// A set of rules that trades. It knows no venue, reads no clock, and places no order.
pub trait Strategy: Debug + Send {
    /// Says what it wants to see.
    fn subscription(&self) -> &Subscription;

    /// Says which gates its orders pass, in their order; none where nobody is to be told.
    fn gates(&self) -> Gates {
        Gates::default()
    }

    /// Takes in an event of a market it wants to see, after the view has been brought up to date.
    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>);

    /// Takes in a fill of its own. Also called, without a market in the view, for every fill of the past
    /// when a strategy comes back; looks are thrown away then.
    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>);

    /// Takes in the end of an order of its own: all that it will ever fill has been told.
    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>);

    /// Takes in that the time it asked for has come.
    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>);

    /// Forgets a market that is settled.
    fn on_settled(&mut self, market: ConditionId);

    /// Says when it wants to be woken, at the latest. A time that is not after the newest input is not rung: a
    /// strategy that still waits for it asks for a later one.
    fn next_timer(&self) -> Option<Timestamp>;

    /// Returns all that its future looks depend on, beside its settings.
    fn save(&self) -> Saved;

    /// Says what keeps it from going on. It is asked at every input, after it has looked and before its looks are decided
    /// on; `inputs` are those of all its incarnations, this one too. With 0 it is asked once, when it was just built.
    fn fault(&mut self, _inputs: u64) -> Option<Fault> {
        None
    }
}

/// What a strategy knows beside its settings, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// Nothing: it decides by its settings and by what it is shown.
    Nothing,
    /// Its legs.
    SplitArb(split_arb::Saved),
    /// Its prices, its positions and what its entries have used up.
    Momentum(momentum::Saved),
    /// Its games and its markets.
    NbaSwing(nba_swing::Saved),
    /// The command that it carried out last.
    Drill(drill::Saved),
}

/// What was written down does not fit the strategy's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is of another kind of strategy.
    #[error("what was saved is of another kind of strategy")]
    Kind,
    /// It is of a strategy with more or fewer underlyings.
    #[error("what was saved is of {found} underlyings; the settings name {expected}")]
    Series {
        /// How many the settings name.
        expected: usize,
        /// How many were saved.
        found: usize,
    },
}

/// How a look ended, before the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The market looked at, where there was one.
    pub market: Option<ConditionId>,
    /// What the strategy wants, or why it wants nothing.
    pub wish: Wish,
    /// The numbers it compared.
    pub numbers: Numbers,
}

/// What a strategy wants, or why it wants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An order.
    Intent(Intent),
    /// Nothing, because of the first gate that said no.
    No(Reason),
}

/// Which events a strategy wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Markets whose slug begins with one of these.
    pub slug_prefixes: Vec<String>,
    /// The underlyings whose prices are wanted.
    pub symbols: Vec<Symbol>,
}

/// All that a strategy may look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The instant of the look.
    pub now: Timestamp,
    /// The markets it subscribed to and that are not settled.
    pub markets: &'a BTreeMap<ConditionId, MarketState>,
    /// What it holds.
    pub portfolio: &'a Portfolio,
    /// What it has outstanding.
    pub orders: &'a OpenOrders,
}

/// What is known of one market now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketState {
    /// Its rules.
    pub market: Arc<Market>,
    /// Its price step, which may change while it trades.
    pub tick: TickSize,
    /// The newest books of yes and no.
    pub books: [Option<Arc<OrderBook>>; 2],
}

impl Look {
    /// Returns the look of a market that ended in no.
    #[must_use]
    pub const fn no(market: ConditionId, reason: Reason, numbers: Numbers) -> Self {
        Self { market: Some(market), wish: Wish::No(reason), numbers }
    }

    /// Returns the look of a market that ended in an intent.
    #[must_use]
    pub const fn intent(intent: Intent, numbers: Numbers) -> Self {
        Self { market: Some(intent.market), wish: Wish::Intent(intent), numbers }
    }
}

impl Subscription {
    /// Tells whether a market is wanted.
    #[must_use]
    pub fn wants(&self, market: &Market) -> bool {
        self.slug_prefixes.iter().any(|prefix| market.slug.starts_with(prefix.as_str()))
    }

    /// Tells whether the prices of an underlying are wanted.
    #[must_use]
    pub fn wants_symbol(&self, symbol: &Symbol) -> bool {
        self.symbols.contains(symbol)
    }
}

impl MarketState {
    /// Returns what is known of a market that was just announced.
    #[must_use]
    pub fn new(market: Arc<Market>) -> Self {
        Self { tick: market.tick, market, books: [None, None] }
    }

    /// Returns the newest book of an outcome.
    #[must_use]
    pub fn book(&self, outcome: Outcome) -> Option<&OrderBook> {
        outcome.of(&self.books).as_deref()
    }
}
