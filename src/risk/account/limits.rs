//! The limits of the whole account and the rules that hold them, by name, in the order in which they are asked.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::numbers::Value;
use crate::order::ClientOrderId;
use crate::price::Usdc;
use crate::risk::DayLimits;
use crate::time::Timestamp;

/// What all strategies together may do at most. None can be left out: the service's file states every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// How many orders of all strategies may be open at once.
    pub open_orders_max: u64,
    /// What the open orders of all strategies may come to at their limits, fees of purchases included, in USDC.
    pub open_notional_max_usdc: Usdc,
    /// What all that is held has cost, and open purchases may still cost, together, in USDC.
    pub gross_exposure_max_usdc: Usdc,
    /// What may be lost in one market at resolution, open orders of all strategies included, in USDC.
    pub market_exposure_max_usdc: Usdc,
    /// What may be lost in all markets of one event, in USDC.
    pub event_exposure_max_usdc: Usdc,
    /// What may be lost in all markets on one underlying, in USDC.
    pub symbol_exposure_max_usdc: Usdc,
    /// What may be lost in all markets together, a neg-risk event taken as one, in USDC.
    pub worst_loss_max_usdc: Usdc,
    /// What may be lost in a day, and when a day begins.
    pub day: DayLimits,
    /// How far the equity of all strategies may fall from its peak before entries wait for a person, in USDC.
    pub drawdown_max_usdc: Usdc,
    /// How fast orders of all strategies may be sent.
    pub orders: RateLimit,
    /// How fast orders of all strategies may be cancelled before none is sent any more that would rest.
    pub cancels: RateLimit,
    /// How old a bid may be; shares without a younger one count as worth nothing where an entry asks.
    pub mark_age_max: Duration,
}

/// A token bucket: so many at once, and so many a minute in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many a minute in the long run.
    pub per_minute: u64,
    /// How many at once.
    pub burst: u64,
}

/// The rules of the account, in the order in which they are asked. Only [`AccountRule::SelfCross`],
/// [`AccountRule::UnknownMarket`] and [`AccountRule::OrderThrottle`] bind exits and hedges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRule {
    /// The order could trade with one of another strategy.
    /// One wallet never trades with itself: neither buys from its own sale, nor makes a pair by two purchases.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 10 yes at 0.60 gtc");
    /// // Two purchases that pay one USDC together would make a pair.
    /// let no = ask(&mut account, "two:1", "entry buy 10 no at 0.40 fak");
    /// assert_eq!(no, "account rule self_cross: two:1 at 0.6 could trade with one:1 at 0.6, as prices of yes");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 10 no at 0.39 fak"), "sent");
    /// ```
    SelfCross,
    /// All strategies together lost too much since the day began; entries wait for the next one.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 50 yes at 0.60 fak");
    /// fill(&mut account, "one:1");
    /// bid(&mut account, 1, "0.39", 1); // 10.5 of the 30 are gone, and 10 may be
    /// let no = ask(&mut account, "two:1", "entry buy 10 yes at 0.40 fak in 5");
    /// assert_eq!(no, "account rule daily_loss: 10.5 of 10");
    /// assert_eq!(ask(&mut account, "one:2", "exit sell 50 yes at 0.39 fak"), "sent");
    /// bid(&mut account, 1, "0.39", 86_400); // another day
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 10 yes at 0.40 fak in 5"), "sent");
    /// ```
    DailyLoss,
    /// The equity of all strategies fell too far from its peak; entries wait for a person.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 50 yes at 0.60 fak");
    /// fill(&mut account, "one:1");
    /// bid(&mut account, 1, "0.80", 1); // 10 are won: the peak
    /// bid(&mut account, 1, "0.62", 2);
    /// bid(&mut account, 1, "0.45", 86_400);
    /// bid(&mut account, 1, "0.40", 172_800); // 20 below it, and on no day 10
    /// let no = ask(&mut account, "two:1", "entry buy 10 yes at 0.40 fak in 5");
    /// assert_eq!(no, "account rule drawdown: 20 of 20");
    /// account.release();
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 10 yes at 0.40 fak in 5"), "sent");
    /// ```
    Drawdown,
    /// The market was never announced, or has paid: there is nobody to trade with, and neither fee nor event is known.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let no = ask(&mut account(), "one:1", "entry buy 10 yes at 0.40 fak in 9");
    /// assert_eq!(no, "account rule unknown_market: the market of one:1 is not known");
    /// ```
    UnknownMarket,
    /// Too many orders of all strategies would be open.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// for id in ["one:1", "two:1", "three:1"] {
    ///     ask(&mut account, id, "entry buy 5 yes at 0.40 gtc");
    /// }
    /// let no = ask(&mut account, "four:1", "entry buy 5 yes at 0.40 gtc");
    /// assert_eq!(no, "account rule open_orders: 4 of 3");
    /// assert_eq!(ask(&mut account, "four:1", "exit sell 5 yes at 0.70 fak"), "sent");
    /// ```
    OpenOrders,
    /// The open orders of all strategies would come to too much.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 80 yes at 0.50 gtc in 5");
    /// let no = ask(&mut account, "two:1", "entry buy 50 yes at 0.42 gtc in 6");
    /// assert_eq!(no, "account rule open_notional: 61 of 60");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 50 yes at 0.40 gtc in 6"), "sent");
    /// ```
    OpenNotional,
    /// What is held and open would cost too much.
    /// Pairs cost money though nothing of them can be lost.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// for (id, text) in [("one:1", "entry buy 50 yes at 0.40 fak"), ("two:1", "entry buy 50 no at 0.59 fak")] {
    ///     ask(&mut account, id, text);
    ///     fill(&mut account, id);
    ///     bid(&mut account, 1, "0.40", 1);
    /// }
    /// let no = ask(&mut account, "two:2", "entry buy 62 yes at 0.50 fak in 5");
    /// assert_eq!(no, "account rule gross_exposure: 80.5 of 80");
    /// ```
    GrossExposure,
    /// Too much of all strategies would be at risk in this market.
    /// Yes of one strategy and no of another net.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 75 yes at 0.40 fak");
    /// let no = ask(&mut account, "two:1", "entry buy 60 yes at 0.35 fak");
    /// assert_eq!(no, "account rule market_exposure: 51 of 50");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 50 no at 0.59 fak"), "sent");
    /// ```
    MarketExposure,
    /// Too much of all strategies would be at risk in the markets of this event.
    /// Of a neg-risk event at most one question is answered by yes.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 50 yes at 0.60 fak in 1");
    /// let no = ask(&mut account, "two:1", "entry buy 52 yes at 0.50 fak in 2");
    /// assert_eq!(no, "account rule event_exposure: 56 of 55");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 50 yes at 0.50 fak in 2"), "sent");
    /// ```
    EventExposure,
    /// Too much of all strategies would be at risk in the markets on this underlying.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// ask(&mut account, "one:1", "entry buy 50 yes at 0.60 fak in 3");
    /// let no = ask(&mut account, "two:1", "entry buy 50 yes at 0.58 fak in 4");
    /// assert_eq!(no, "account rule symbol_exposure: 59 of 58");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 50 yes at 0.56 fak in 4"), "sent");
    /// ```
    SymbolExposure,
    /// Too much of all strategies would be at risk in all markets.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// for (id, text) in [("one:1", "entry buy 50 yes at 0.60 fak in 1"), ("one:2", "entry buy 50 yes at 0.60 fak in 5")] {
    ///     ask(&mut account, id, text);
    ///     fill(&mut account, id);
    ///     bid(&mut account, if id == "one:1" { 1 } else { 5 }, "0.60", 1);
    /// }
    /// let no = ask(&mut account, "two:1", "entry buy 55 yes at 0.20 fak in 6");
    /// assert_eq!(no, "account rule worst_loss: 71 of 70");
    /// assert_eq!(ask(&mut account, "two:1", "entry buy 50 yes at 0.20 fak in 6"), "sent");
    /// ```
    WorstLoss,
    /// The order would rest, and too many orders were cancelled of late to cancel it in good order.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// account.cancels(3); // two a burst: they pass all the same
    /// let no = ask(&mut account, "one:1", "entry buy 10 yes at 0.40 gtc");
    /// assert_eq!(no, "account rule cancel_throttle: 4 of 2");
    /// assert_eq!(ask(&mut account, "one:1", "entry buy 10 yes at 0.40 fak"), "sent");
    /// ```
    CancelThrottle,
    /// Too many orders of all strategies in too short a time; protection may overdraw by one burst.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// let mut account = account();
    /// let answers: Vec<String> = (1..=7).map(|number| {
    ///     let id = format!("one:{number}");
    ///     let answer = ask(&mut account, &id, "entry buy 5 yes at 0.40 fak");
    ///     if answer == "sent" { fill(&mut account, &id); }
    ///     bid(&mut account, 1, "0.40", 0);
    ///     answer
    /// }).collect();
    /// assert_eq!(answers.last().unwrap(), "account rule order_throttle: 7 of 6");
    /// assert_eq!(ask(&mut account, "one:8", "exit sell 5 yes at 0.40 fak"), "sent");
    /// ```
    OrderThrottle,
}

/// A refusal by the account, with what was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRejection {
    /// The order that was refused.
    pub order: ClientOrderId,
    /// The rule that refused.
    pub rule: AccountRule,
    /// What the order would have come to: for a self-cross its limit, as a price of yes.
    pub used: Value,
    /// What is allowed: for a self-cross the other order's limit, as a price of yes.
    pub limit: Value,
    /// The other strategy's order that it could trade with. Once that has ended it stands in the way no more.
    pub other: Option<ClientOrderId>,
}

/// A limit that was reached or passed: until it is released no entry of any strategy passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountTrip {
    /// What it had come to.
    pub used: Value,
    /// What is allowed.
    pub limit: Value,
    /// When.
    pub at: Timestamp,
}

/// What the account does of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountTurn {
    /// A limit was reached or passed: entries of all strategies wait.
    Tripped(AccountRule, AccountTrip),
    /// It is so no more.
    Released(AccountRule, Timestamp),
}

/// How much of a limit is used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountUse {
    /// The rule.
    pub rule: AccountRule,
    /// What is used.
    pub used: Value,
    /// What is allowed.
    pub limit: Value,
}

impl AccountRule {
    /// Every rule, in the order in which they are asked.
    pub const ALL: [Self; 13] = [
        Self::SelfCross,
        Self::DailyLoss,
        Self::Drawdown,
        Self::UnknownMarket,
        Self::OpenOrders,
        Self::OpenNotional,
        Self::GrossExposure,
        Self::MarketExposure,
        Self::EventExposure,
        Self::SymbolExposure,
        Self::WorstLoss,
        Self::CancelThrottle,
        Self::OrderThrottle,
    ];

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SelfCross => "self_cross",
            Self::DailyLoss => "daily_loss",
            Self::Drawdown => "drawdown",
            Self::UnknownMarket => "unknown_market",
            Self::OpenOrders => "open_orders",
            Self::OpenNotional => "open_notional",
            Self::GrossExposure => "gross_exposure",
            Self::MarketExposure => "market_exposure",
            Self::EventExposure => "event_exposure",
            Self::SymbolExposure => "symbol_exposure",
            Self::WorstLoss => "worst_loss",
            Self::CancelThrottle => "cancel_throttle",
            Self::OrderThrottle => "order_throttle",
        }
    }
}

impl AccountUse {
    pub(super) const fn cash(rule: AccountRule, used: Usdc, limit: Usdc) -> Self {
        Self { rule, used: Value::Usdc(used), limit: Value::Usdc(limit) }
    }

    pub(super) const fn count(rule: AccountRule, used: u64, limit: u64) -> Self {
        Self { rule, used: Value::Count(used), limit: Value::Count(limit) }
    }

    /// Tells whether more is used than is allowed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        let (used, limit) = self.micros();
        limit < used
    }

    /// Tells whether all that is allowed is used: of losses that is too much already.
    pub(super) fn limit_is_reached(&self) -> bool {
        let (used, limit) = self.micros();
        limit <= used
    }

    /// Returns what is left; never below zero.
    #[must_use]
    pub fn room(&self) -> Value {
        let (used, limit) = self.micros();
        let left = limit.saturating_sub(used).clamp(0, limit.max(0));
        match self.limit {
            Value::Usdc(_) | Value::Price(_) | Value::Size(_) | Value::Frac(_) => {
                Value::Usdc(Usdc::from_micros(left).unwrap_or(Usdc::ZERO))
            }
            Value::Count(_) | Value::Span(_) => Value::Count(left.unsigned_abs()),
        }
    }

    /// Returns used ÷ limit in thousandths; 1000 where nothing is allowed.
    #[must_use]
    pub fn permille(&self) -> u64 {
        let (used, limit) = self.micros();
        let share = i128::from(used.max(0)) * 1000;
        share.checked_div(i128::from(limit)).map_or(1000, |share| u64::try_from(share).unwrap_or(0))
    }

    /// Returns both as whole numbers: millionths of a USDC, or a count.
    fn micros(&self) -> (i64, i64) {
        let whole = |value| match value {
            Value::Usdc(usdc) => usdc.micros(),
            Value::Price(price) => price.micros(),
            Value::Size(size) => size.micros(),
            Value::Frac(frac) => frac.micros(),
            Value::Count(count) => i64::try_from(count).unwrap_or(i64::MAX),
            Value::Span(span) => i64::try_from(span.as_micros()).unwrap_or(i64::MAX),
        };
        (whole(self.used), whole(self.limit))
    }
}

impl fmt::Display for AccountRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, rule, used, limit, other } = self;
        match other {
            Some(other) => write!(
                f,
                "account rule {}: {order} at {used} could trade with {other} at {limit}, as prices of yes",
                rule.name()
            ),
            None if *rule == AccountRule::UnknownMarket => {
                write!(f, "account rule {}: the market of {order} is not known", rule.name())
            }
            None => write!(f, "account rule {}: {used} of {limit}", rule.name()),
        }
    }
}
