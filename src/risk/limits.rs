//! The limits of one strategy, as its file states them.

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;

/// What a strategy may do at most. There is no limit that can be left out: its file states it, or the preset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What may be lost in one market at resolution, open orders included, in USDC.
    pub market_exposure_max_usdc: Usdc,
    /// What may be lost in all markets together at resolution, open orders included, in USDC.
    pub strategy_exposure_max_usdc: Usdc,
    /// How many orders may be open at once; protective ones are not refused for it.
    pub open_orders_max: u64,
    /// How many orders a minute may be sent in the long run.
    pub order_rate_per_minute: u64,
    /// How many may be sent at once before that rate binds.
    pub order_burst: u64,
    /// How many rounds in a row may be lost before entries wait.
    pub loss_streak_max: u64,
    /// How long entries then wait.
    pub loss_streak_cooldown: Duration,
    /// How far the equity may fall from its peak before entries wait for a person, in USDC.
    pub drawdown_max_usdc: Usdc,
    /// What holds for every single order that is no protection.
    pub entry: EntryLimits,
    /// What may be lost in a day.
    pub day: DayLimits,
    /// How often sending may fail.
    pub sending: SendLimits,
    /// What may be lost in markets that belong together.
    pub groups: GroupLimits,
    /// How long what is held is worth its last bid once nobody bids any more; then it is worth nothing.
    pub mark_grace: Duration,
}

/// What may be lost at resolution in markets that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimits {
    /// In all markets of one event, open orders included, in USDC.
    pub event_exposure_max_usdc: Usdc,
    /// In all markets on one underlying, open orders included, in USDC.
    pub symbol_exposure_max_usdc: Usdc,
}

impl GroupLimits {
    /// What holds where a file does not say it: as much as can be stated, so that the strategy's own limit holds alone.
    pub const PRESET: Self = Self {
        event_exposure_max_usdc: Usdc::literal(1_000_000_000_000),
        symbol_exposure_max_usdc: Usdc::literal(1_000_000_000_000),
    };
}

/// How often sending an order may fail in a row before entries wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendLimits {
    /// How many orders in a row the venue may refuse for what was asked of it.
    pub reject_streak_max: u64,
    /// How many orders in a row may fail at the venue: it refused for reasons of its own, or its answer was lost.
    pub failure_streak_max: u64,
    /// How long entries then wait.
    pub cooldown: Duration,
}

impl SendLimits {
    /// What holds where a file does not say it: 5 rejects, 3 failures, and five minutes.
    pub const PRESET: Self =
        Self { reject_streak_max: 5, failure_streak_max: 3, cooldown: Duration::from_secs(300) };
}

/// What may be lost in a day before entries wait for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLimits {
    /// How far the equity may fall from where it stood when the day began, in USDC.
    pub loss_max_usdc: Usdc,
    /// When a day begins, after midnight UTC; less than a day.
    pub starts_at: Duration,
}

impl DayLimits {
    /// What holds where a file does not say it: 100 USDC, from midnight UTC to midnight UTC.
    pub const PRESET: Self =
        Self { loss_max_usdc: Usdc::literal(100_000_000), starts_at: Duration::ZERO };

    /// Returns when the day after this instant begins.
    ///
    /// ```
    /// # use {ploy::{risk::DayLimits, time::Timestamp}, std::time::Duration};
    /// // Midnight at two hours east of Greenwich is at 22:00 UTC.
    /// let day = DayLimits { starts_at: Duration::from_secs(22 * 3600), ..DayLimits::PRESET };
    /// let at = |hour: i64| Timestamp::from_millis(hour * 3_600_000);
    /// assert_eq!(day.next(at(21)), at(22));
    /// assert_eq!(day.next(at(22)), at(46));
    /// ```
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let start = i64::try_from(self.starts_at.as_micros()).unwrap_or_default();
        let gone = now.micros().saturating_sub(start).rem_euclid(DAY_MICROS);
        now + Duration::from_micros((DAY_MICROS - gone).unsigned_abs())
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// What holds for every single order that is no protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLimits {
    /// The most shares of one order.
    pub size_max: Size,
    /// The most that one order may cost at its limit, without fees, in USDC.
    pub notional_max_usdc: Usdc,
    /// The lowest limit.
    pub price_min: Price,
    /// The highest limit.
    pub price_max: Price,
    /// By how much of the best opposite price the limit may be beyond it.
    pub book_distance_max: Frac,
    /// How old the newest book of that outcome may be.
    pub book_age_max: Duration,
    /// How long before the market's close the last one may be sent.
    pub close_left_min: Duration,
}

impl EntryLimits {
    /// What holds where a file does not say it. It bounds a slip of a finger, not a plan: 1,000 shares, 250 USDC,
    /// prices from 0.01 to 0.99, a quarter beyond the book, and a book of half a minute.
    pub const PRESET: Self = Self {
        size_max: Size::THOUSAND,
        notional_max_usdc: Usdc::literal(250_000_000),
        price_min: Price::CENT,
        price_max: Price::CENT.complement(),
        book_distance_max: Frac::from_micros(250_000),
        book_age_max: Duration::from_secs(30),
        close_left_min: Duration::ZERO,
    };
}
