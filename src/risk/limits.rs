//! The limits of one strategy, as its file states them.

use std::time::Duration;

use crate::numbers::Frac;
use crate::price::{Price, Size, Usdc};
use crate::time::Timestamp;
use crate::zone::Zone;

/// What a strategy may do at most. There is no limit that can be left out: its file states it, or the preset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What may be lost in one market at resolution, open orders included, in USDC. It protects against one question that
    /// ends badly, whatever it was bought for, and however many orders are on their way.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.market_exposure_max_usdc = "40".parse().unwrap());
    /// desk.fill("buy 50 yes at 0.40");
    /// assert_eq!(desk.ask("buy 50 yes at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 60 yes at 0.40"), "market_exposure: 44 of 40, 50 would pass");
    /// // Yes and no net: of 50 pairs 50 USDC come back for certain.
    /// assert_eq!(desk.ask("buy 100 no at 0.55"), "passed");
    /// ```
    pub market_exposure_max_usdc: Usdc,
    /// What may be lost in all markets together at resolution, open orders included, in USDC. It protects against many
    /// small bets that all end badly.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.strategy_exposure_max_usdc = "50".parse().unwrap());
    /// desk.fill("buy 50 yes at 0.40");
    /// desk.open("buy 50 yes of 2 at 0.40");
    /// assert_eq!(desk.ask("buy 25 yes of 3 at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 30 yes of 3 at 0.40"), "strategy_exposure: 52 of 50, 25 would pass");
    /// ```
    pub strategy_exposure_max_usdc: Usdc,
    /// How many orders may be open at once; protective ones are not refused for it. It protects against a strategy that
    /// sends on while nothing of it ends.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.open_orders_max = 1);
    /// desk.fill("buy 20 no at 0.40");
    /// desk.open("buy 20 yes of 2 at 0.40");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "open_orders: 2 of 1");
    /// assert_eq!(desk.ask("sell 20 no at 0.40"), "passed");
    /// ```
    pub open_orders_max: u64,
    /// How many orders a minute may be sent in the long run, counted on event time. It protects the account from a strategy
    /// that runs wild, and the venue's own limit from being met.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| (limits.order_rate_per_minute, limits.order_burst) = (6, 1));
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.wait(9);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "throttle: 2 of 1");
    /// desk.wait(1);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// ```
    pub order_rate_per_minute: u64,
    /// How many may be sent at once before that rate binds. Protective orders may overdraw by one burst more, so that a busy
    /// strategy still gets out; entries wait until that is made up for.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.order_burst = 2);
    /// desk.fill("buy 20 no at 0.40");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "throttle: 3 of 2");
    /// assert_eq!(desk.ask("sell 20 no at 0.40"), "passed");
    /// ```
    pub order_burst: u64,
    /// How many rounds in a row may be lost before entries wait. It protects against a market that has changed, of which
    /// each single loss looks like bad luck.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.loss_streak_max = 2);
    /// desk.round("-1");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.round("-1");
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "loss_streak: 2 of 2");
    /// ```
    pub loss_streak_max: u64,
    /// How long entries then wait. After that one at a time may try until a round is won; it protects against going on at
    /// full size in the same bad hour.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::new();
    /// ["-1", "-1", "-1"].map(|lost| desk.round(lost));
    /// desk.wait(600);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.fill("buy 20 yes at 0.40");
    /// assert_eq!(desk.ask("buy 20 yes of 2 at 0.40"), "trial: 2 of 1");
    /// desk.round("-1");
    /// assert_eq!(desk.ask("buy 20 yes of 2 at 0.40"), "loss_streak: 4 of 3");
    /// ```
    pub loss_streak_cooldown: Duration,
    /// How far the equity, realised or not, may fall from its peak before entries wait for a person, in USDC. It protects
    /// what was made and what was paid in against a strategy that does not work any more.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.drawdown_max_usdc = "10".parse().unwrap());
    /// desk.fill("buy 100 yes at 0.40");
    /// desk.best_bid("0.31");
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "passed");
    /// desk.best_bid("0.30");
    /// desk.wait(1_000_000);
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "drawdown: 10 of 10");
    /// assert_eq!(desk.ask("sell 100 yes at 0.30"), "passed");
    /// ```
    pub drawdown_max_usdc: Usdc,
    /// What holds for every single order that is no protection.
    pub entry: EntryLimits,
    /// What may be lost in a day.
    pub day: DayLimits,
    /// How often sending may fail.
    pub sending: SendLimits,
    /// What may be lost in markets that belong together.
    pub groups: GroupLimits,
    /// How long what is held is worth its last bid once nobody bids any more; then it is worth nothing. It protects against
    /// a trip for one empty book, and by its end against a price that nobody pays.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| {
    ///     limits.drawdown_max_usdc = "10".parse().unwrap();
    ///     limits.mark_grace = Duration::from_secs(5);
    /// });
    /// desk.fill("buy 100 yes at 0.40");
    /// desk.best_bid("0.40");
    /// desk.no_bid();
    /// desk.wait(4);
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "passed");
    /// desk.wait(1);
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "drawdown: 40 of 10");
    /// ```
    pub mark_grace: Duration,
}

/// What may be lost at resolution in markets that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimits {
    /// In all markets of one event, open orders included, in USDC. It protects against one piece of news that decides
    /// several markets. Of a neg-risk event at most one question is answered by yes, so bets on no cover each other.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| {
    ///     limits.groups.event_exposure_max_usdc = "50".parse().unwrap();
    /// });
    /// desk.fill("buy 100 yes at 0.40");
    /// assert_eq!(desk.ask("buy 25 yes of 2 at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 30 yes of 2 at 0.40"), "event_exposure: 52 of 50, 25 would pass");
    /// // Where the second comes true, the bet on the first is lost as well as that against the second.
    /// assert_eq!(desk.ask("buy 100 no of 2 at 0.40"), "event_exposure: 80 of 50, 25 would pass");
    /// assert_eq!(desk.ask("buy 100 no at 0.55"), "passed");
    /// ```
    pub event_exposure_max_usdc: Usdc,
    /// In all markets on one underlying, open orders included, in USDC. It protects against one move of the underlying
    /// that decides all windows at once.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| {
    ///     limits.groups.symbol_exposure_max_usdc = "50".parse().unwrap();
    /// });
    /// desk.fill("buy 100 yes at 0.40");
    /// assert_eq!(desk.ask("buy 25 yes of 2 at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 30 yes of 2 at 0.40"), "symbol_exposure: 52 of 50, 25 would pass");
    /// ```
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
    /// How many orders in a row the venue may refuse for what was asked of it. It protects against asking on and on for
    /// what it will never take: our own faults, which say nothing of the venue.
    ///
    /// ```
    /// use ploy::order::{Origin, Submission};
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.sending.reject_streak_max = 2);
    /// let ours = Submission::Rejected { reason: "price step".into(), origin: Origin::Order };
    /// desk.sent(&ours);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.sent(&ours);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "reject_streak: 2 of 2");
    /// ```
    pub reject_streak_max: u64,
    /// How many orders in a row may fail at the venue: it refused for reasons of its own, or its answer was lost. It
    /// protects against buying where nothing can be sold again. What we did wrong ourselves is no failure of the venue.
    ///
    /// ```
    /// use ploy::order::{Origin, Submission};
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.sending.failure_streak_max = 2);
    /// desk.sent(&Submission::Unknown);
    /// desk.sent(&Submission::Rejected { reason: "tick size".into(), origin: Origin::Order });
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.sent(&Submission::Rejected { reason: "closed".into(), origin: Origin::Venue });
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "failure_streak: 2 of 2");
    /// ```
    pub failure_streak_max: u64,
    /// How long entries then wait. After that one at a time may try; the first order that the venue takes ends it.
    ///
    /// ```
    /// use ploy::order::Submission;
    /// use ploy::risk::{Rule, Turn, example::Desk};
    /// let mut desk = Desk::new();
    /// (0..3).for_each(|_| drop(desk.sent(&Submission::Unknown)));
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "failure_streak: 3 of 3");
    /// desk.wait(300);
    /// desk.open("buy 20 yes at 0.40");
    /// assert_eq!(desk.ask("buy 20 yes of 2 at 0.40"), "passed");
    /// assert_eq!(desk.sent(&Submission::Accepted), Some(Turn::Released(Rule::FailureStreak)));
    /// ```
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
    /// How far the equity, realised or not, may fall from where it stood when the day began, in USDC. It protects against a
    /// bad day that goes on: entries wait for the next one, which begins without a trade, too.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.day.loss_max_usdc = "10".parse().unwrap());
    /// desk.wait(3600);
    /// desk.fill("buy 100 yes at 0.40");
    /// desk.best_bid("0.30");
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "daily_loss: 10 of 10");
    /// desk.wait(23 * 3600 - 1);
    /// assert_eq!(desk.ask("buy 20 no at 0.40"), "daily_loss: 10 of 10");
    /// desk.wait(1);
    /// assert_eq!(desk.ask("buy 20 no of 2 at 0.40"), "passed");
    /// ```
    pub loss_max_usdc: Usdc,
    /// How long after midnight a day begins; less than 24 hours. It has the day's loss end when those who watch begin theirs.
    ///
    /// ```
    /// # use {ploy::{risk::DayLimits, time::Timestamp}, std::time::Duration};
    /// let day = DayLimits { starts_at: Duration::from_secs(22 * 3600), ..DayLimits::PRESET };
    /// let nine = Timestamp::from_millis(9 * 3_600_000);
    /// assert_eq!(day.next(nine).since(nine), Duration::from_secs(13 * 3600));
    /// ```
    pub starts_at: Duration,
    /// Whose midnight that is. It has a day begin with the day of those who watch, in summer and in winter.
    ///
    /// ```
    /// # use ploy::{risk::DayLimits, time::Timestamp};
    /// let day = DayLimits { zone: "America/New_York".parse().unwrap(), ..DayLimits::PRESET };
    /// let next = |now: &str| day.next(now.parse::<Timestamp>().unwrap()).to_string();
    /// assert_eq!(next("2026-07-01T12:00:00Z"), "2026-07-02T04:00:00Z");
    /// assert_eq!(next("2026-12-01T12:00:00Z"), "2026-12-02T05:00:00Z");
    /// ```
    pub zone: Zone,
}

impl DayLimits {
    /// What holds where a file does not say it: 100 USDC, from midnight UTC to midnight UTC.
    pub const PRESET: Self = Self {
        loss_max_usdc: Usdc::literal(100_000_000),
        starts_at: Duration::ZERO,
        zone: Zone::UTC,
    };

    /// Returns when the day after this instant begins.
    ///
    /// ```
    /// # use {ploy::{risk::DayLimits, time::Timestamp}, std::time::Duration};
    /// let day = DayLimits { starts_at: Duration::from_secs(22 * 3600), ..DayLimits::PRESET };
    /// let at = |hour: i64| Timestamp::from_millis(hour * 3_600_000);
    /// assert_eq!(day.next(at(21)), at(22));
    /// assert_eq!(day.next(at(22)), at(46));
    /// ```
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        self.zone.next(self.starts_at, now)
    }
}

/// What holds for every single order that is no protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLimits {
    /// The most shares of one order. It protects against a slip: USDC where shares were meant, a digit too many.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.entry.size_max = "100".parse().unwrap());
    /// assert_eq!(desk.ask("buy 100 yes at 0.40"), "passed");
    /// assert_eq!(desk.ask("buy 100.01 yes at 0.40"), "order_size: 100.01 of 100, 100 would pass");
    /// ```
    pub size_max: Size,
    /// The most that one order may cost at its limit, without fees, in USDC. It protects against the same slips at high
    /// prices.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.entry.notional_max_usdc = "50".parse().unwrap());
    /// assert_eq!(desk.ask("buy 100 yes at 0.50"), "passed");
    /// assert_eq!(desk.ask("buy 100 yes at 0.51"), "order_notional: 51 of 50, 98.03 would pass");
    /// ```
    pub notional_max_usdc: Usdc,
    /// The lowest limit. It protects against bets that next to never pay.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.entry.price_min = "0.10".parse().unwrap());
    /// assert_eq!(desk.ask("buy 20 yes at 0.10"), "passed");
    /// assert_eq!(desk.ask("buy 20 yes at 0.09"), "price_band: 0.09 of 0.1");
    /// ```
    pub price_min: Price,
    /// The highest limit. It protects against bets that have next to nothing to win.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.entry.price_max = "0.90".parse().unwrap());
    /// desk.fill("buy 20 no at 0.05");
    /// assert_eq!(desk.ask("buy 20 yes at 0.91"), "price_band: 0.91 of 0.9");
    /// assert_eq!(desk.ask("hedge 20 yes at 0.91"), "passed");
    /// ```
    pub price_max: Price,
    /// By how much of the best opposite price the limit may be beyond it. It protects against paying up through a thin
    /// book, and against a limit that was meant for another market.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::new();
    /// desk.best_ask("0.40");
    /// assert_eq!(desk.ask("buy 20 yes at 0.50"), "passed");
    /// assert_eq!(desk.ask("buy 20 yes at 0.51"), "book_distance: 0.275 of 0.25");
    /// ```
    pub book_distance_max: Frac,
    /// How old the newest book of that outcome may be. It protects against buying at a price that is no more, whatever the
    /// strategy itself accepts.
    ///
    /// ```
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::new();
    /// desk.best_ask("0.40");
    /// desk.wait(30);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.wait(1);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "stale_book: 31s of 30s");
    /// ```
    pub book_age_max: Duration,
    /// How long before the market's close the last one may be sent. It protects against buying when nobody is left to sell
    /// to.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use ploy::risk::example::Desk;
    /// let mut desk = Desk::with(|limits| limits.entry.close_left_min = Duration::from_secs(60));
    /// desk.wait(900 - 60);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "passed");
    /// desk.wait(1);
    /// assert_eq!(desk.ask("buy 20 yes at 0.40"), "close_left: 59s of 60s");
    /// ```
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
