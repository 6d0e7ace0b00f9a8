//! The settings of `momentum`, as its file states them.

use std::time::Duration;

use crate::decision::Reason;
use crate::event::Symbol;
use crate::market::Market;
use crate::numbers::Frac;
use crate::price::{Price, Size, Usdc};
use crate::strategy::Subscription;
use crate::strategy::gates::{self, Gates};

/// The settings of `momentum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// By which signal it trades, with that signal's own settings.
    pub method: Method,
    /// The underlyings that are traded; where two signals are equal, the earlier one counts more.
    pub series: Vec<Series>,
    /// Shares of an entry.
    pub size: Size,
    /// The highest ask at which is bought, in USDC a share; equal passes.
    pub entry_price_max: Price,
    /// The least time that a market must have left; exactly that much passes.
    pub left_min: Duration,
    /// How long no underlying is entered again after an entry into it was filled; exactly that long passes.
    pub cooldown: Duration,
    /// How many entries may be filled on one day in UTC.
    pub daily_max: u64,
    /// How many positions may be open at once, in all underlyings together.
    pub positions_max: u64,
    /// What the entries into markets that close within the same quarter of an hour may cost, in USDC without
    /// fees; equal passes.
    pub window_exposure_max_usdc: Usdc,
    /// Where set, only one entry is made in markets that close within the same quarter of an hour: the one
    /// with the largest edge once the first signal is so old.
    pub best_edge: Option<Duration>,
    /// The age past which the price of an underlying is not decided on.
    pub spot_age_max: Duration,
    /// The age past which a book is not decided on.
    pub book_age_max: Duration,
}

/// One underlying and its markets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The underlying: `BTC`.
    pub symbol: Symbol,
    /// Markets whose slug begins with one of these ask whether its price goes up.
    pub market_prefixes: Vec<String>,
    /// How much its price moves: by the directional method, the standard deviation over 15 minutes; by the
    /// others, the usual standard deviation from one price to the next.
    pub volatility: Frac,
}

/// By which signal is traded, with that signal's own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the chance that the price ends above the strike, held to resolution.
    Directional(Directional),
    /// By the momentum of the last minute, in the market with the most time left, sold by rules.
    Predictive {
        /// The signal.
        trend: Trend,
        /// When is sold.
        exits: Exits,
    },
    /// By the momentum of the last minute, in the market that closes first, held to resolution.
    Confirmatory {
        /// The signal.
        trend: Trend,
        /// The most time that a market may have left; exactly that much passes.
        left_max: Duration,
    },
}

/// The three methods by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// [`Method::Directional`].
    Directional,
    /// [`Method::Predictive`].
    Predictive,
    /// [`Method::Confirmatory`].
    Confirmatory,
}

/// The settings of the directional signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directional {
    /// The most time that a market may have left; exactly that much passes.
    pub left_max: Duration,
    /// The lowest ask at which is bought, in USDC a share; equal passes.
    pub entry_price_min: Price,
    /// What a share must be worth above its price, its fee and the reserve, in USDC; equal passes.
    pub value_min_usdc: Usdc,
    /// What is taken off the worth of a share for what the signal does not know, in USDC.
    pub reserve_usdc: Usdc,
    /// The least standard deviation over 15 minutes that is reckoned with.
    pub volatility_min: Frac,
    /// Which price of the underlying decides.
    pub settlement: Settlement,
}

/// Which price of the underlying decides a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The mean of the last 60 seconds.
    Twap60,
    /// The price at the close.
    Spot,
}

/// The settings of the momentum signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    /// The least move at the usual volatility, before it is adjusted; equal passes.
    pub move_min: Frac,
    /// How far the fair value must be above the ask, in USDC a share; equal passes.
    pub edge_min_usdc: Usdc,
}

/// When a position is sold; the first rule that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exits {
    /// By what fraction of the entry price the bid must be above it; equal sells.
    pub take_profit: Frac,
    /// By what fraction of the entry price the bid may fall below it; equal sells.
    pub stop_loss: Frac,
    /// By what fraction of its highest since the entry the bid may fall from there; equal sells.
    pub trailing_stop: Frac,
    /// Is sold when less than this is left until the market closes.
    pub before_close: Duration,
    /// The wait after a failed exit before the next try; doubled each time, up to 30 s.
    pub retry: Duration,
}

impl Config {
    /// Returns which underlying a market belongs to, by its place among the series.
    #[must_use]
    pub fn series_of(&self, market: &Market) -> Option<usize> {
        let begins = |prefix: &String| market.slug.starts_with(prefix.as_str());
        self.series.iter().position(|series| series.market_prefixes.iter().any(begins))
    }

    /// Returns what it wants to see.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        let prefixes = self.series.iter().flat_map(|series| &series.market_prefixes);
        Subscription {
            slug_prefixes: prefixes.cloned().collect(),
            symbols: self.series.iter().map(|series| Symbol::clone(&series.symbol)).collect(),
        }
    }

    /// Returns the gates that orders pass. No entry waits for a better one where none is chosen among several.
    #[must_use]
    pub const fn gates(&self) -> Gates {
        let gates = match self.method {
            Method::Directional(_) => gates::MOMENTUM_DIRECTIONAL,
            Method::Predictive { .. } => gates::MOMENTUM_PREDICTIVE,
            Method::Confirmatory { .. } => gates::MOMENTUM_CONFIRMATORY,
        };
        match (self.best_edge, gates.entry) {
            (None, [entry @ .., Reason::AwaitBest, Reason::NotBest]) => Gates { entry, ..gates },
            (Some(_), _) | (None, _) => gates,
        }
    }
}

impl Method {
    /// Returns its name.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Directional(_) => Mode::Directional,
            Self::Predictive { .. } => Mode::Predictive,
            Self::Confirmatory { .. } => Mode::Confirmatory,
        }
    }

    /// Returns the most time that a market may have left, where that is limited.
    #[must_use]
    pub const fn left_max(&self) -> Option<Duration> {
        match self {
            Self::Directional(settings) => Some(settings.left_max),
            Self::Predictive { .. } => None,
            Self::Confirmatory { left_max, .. } => Some(*left_max),
        }
    }

    /// Returns when positions are sold; by the other methods they are held to resolution.
    #[must_use]
    pub const fn exits(&self) -> Option<&Exits> {
        match self {
            Self::Predictive { exits, .. } => Some(exits),
            Self::Directional(_) | Self::Confirmatory { .. } => None,
        }
    }
}
