//! Market events: everything that a strategy can see of the world, each with its instant.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::market::{ConditionId, Market, Outcome, Side, TickSize};
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// The name of an underlying whose price a feed tells: `BTC`.
pub type Symbol = Arc<str>;

/// One thing that happened outside, with its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketEvent {
    /// When it was true.
    pub at: Timestamp,
    /// What it was.
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A market is known and may be traded from its opening on.
    Market(Arc<Market>),
    /// The whole book of one outcome.
    Book {
        /// The market.
        market: ConditionId,
        /// The outcome whose book it is.
        outcome: Outcome,
        /// Its levels.
        book: Arc<OrderBook>,
    },
    /// Somebody traded.
    Trade(Trade),
    /// The price of an underlying.
    Spot {
        /// The underlying.
        symbol: Symbol,
        /// Its price in USD.
        price_usd: Usdc,
    },
    /// The state of a game.
    Game(Arc<Game>),
    /// The price step of a market changed.
    Tick {
        /// The market.
        market: ConditionId,
        /// The new step.
        tick: TickSize,
    },
    /// A market is settled: what one share of each outcome pays, in USDC (1/0, 0/1, or 0.5/0.5).
    Resolved {
        /// The market.
        market: ConditionId,
        /// The payouts of yes and no.
        payouts: [Usdc; 2],
    },
    /// A feed came up or went down.
    Feed {
        /// Its name.
        feed: Arc<str>,
        /// Whether its data can be had.
        state: FeedState,
    },
    /// Events were missed: what is known may be out of date.
    Gap {
        /// How many, where it is known.
        missed: u64,
    },
}

/// Somebody's trade, seen from the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The market.
    pub market: ConditionId,
    /// The outcome that changed hands.
    pub outcome: Outcome,
    /// What the taker did.
    pub side: Side,
    /// The price of a share.
    pub price: Price,
    /// The shares.
    pub size: Size,
}

/// The state of a game at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Game {
    /// The source's id of the game.
    pub id: Arc<str>,
    /// The league: `NBA`.
    pub league: Arc<str>,
    /// The team codes: home, away.
    pub teams: [Arc<str>; 2],
    /// The points: home, away.
    pub score: [u16; 2],
    /// The quarter, from 1; 5 and above are overtimes, 0 is before the game.
    pub period: u8,
    /// Seconds left in the period.
    pub clock_s: u16,
    /// Which team has the ball (0 home, 1 away), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possession: Option<u8>,
    /// Whether the game is over.
    pub is_final: bool,
}

/// Whether a feed's data can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedState {
    /// Data comes.
    Up,
    /// No data comes; what is known grows old.
    Down,
}

impl MarketEvent {
    /// Returns the market that the event is about, where it is about one.
    #[must_use]
    pub fn market(&self) -> Option<ConditionId> {
        match &self.kind {
            Kind::Market(market) => Some(market.id),
            Kind::Book { market, .. }
            | Kind::Tick { market, .. }
            | Kind::Resolved { market, .. } => Some(*market),
            Kind::Trade(trade) => Some(trade.market),
            Kind::Spot { .. } | Kind::Game(_) | Kind::Feed { .. } | Kind::Gap { .. } => None,
        }
    }
}
