//! A position: what fills made of it, and when it is sold.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::{Intent, Purpose, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::numbers::{Frac, Numbers};
use crate::order::Fill;
use crate::price::{MICROS, Price, Rounding, Size, Usdc, divide, narrow};
use crate::strategy::retry::Retry;
use crate::strategy::{Look, MarketState, View};
use crate::time::Timestamp;

use super::config::{Config, Exits};
use super::{INSTANT, fresh, tick};

/// Shares of one outcome and what they cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holding {
    size: Size,
    /// Price × size of the fills; fees are not in it.
    paid: Usdc,
    /// The highest bid since the entry that was seen. It is seen anew after a restart.
    #[serde(deserialize_with = "Option::deserialize")]
    high: Option<Price>,
    /// When the market closes; not known until the market is seen.
    #[serde(deserialize_with = "Option::deserialize")]
    closes_at: Option<Timestamp>,
    /// The newest look: what was due by then is done.
    looked_at: Timestamp,
    #[serde(deserialize_with = "Option::deserialize")]
    retry: Option<Retry>,
}

/// What one look at one position has before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    pub(super) config: &'a Config,
    pub(super) exits: &'a Exits,
    pub(super) state: &'a MarketState,
    pub(super) outcome: Outcome,
    pub(super) view: &'a View<'a>,
}

impl Holding {
    /// Returns what a fill makes of a position in its outcome, or of none.
    pub(super) fn after(holding: Option<Self>, fill: &Fill) -> Option<Self> {
        match fill.side {
            Side::Buy => {
                let paid = fill.price.notional(fill.size, Rounding::HalfUp);
                let old = holding.unwrap_or(Self {
                    size: Size::ZERO,
                    paid: Usdc::ZERO,
                    high: None,
                    closes_at: None,
                    looked_at: fill.at,
                    retry: None,
                });
                Some(Self { size: old.size + fill.size, paid: old.paid + paid, ..old })
            }
            Side::Sell => {
                let old = holding.filter(|old| fill.size < old.size)?;
                let paid = old.paid - old.paid.prorate(fill.size, old.size);
                Some(Self { size: old.size - fill.size, paid, ..old })
            }
        }
    }

    /// Notes when the position's market closes.
    pub(super) const fn learn_close(&mut self, closes_at: Timestamp) {
        self.closes_at = Some(closes_at);
    }

    /// Notes that the position was looked at.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.looked_at = self.looked_at.max(now);
    }

    /// Notes that an exit left shares unsold: the next try waits, each time twice as long.
    pub(super) fn exit_failed(&mut self, now: Timestamp, wait: Duration) {
        self.retry = Some(Retry::after(self.retry, now, wait));
    }

    /// Returns the first instant after the newest look at which time alone changes what is to be done.
    pub(super) fn timer(&self, exits: &Exits) -> Option<Timestamp> {
        let closing = self.closes_at.map(|at| at - exits.before_close + INSTANT);
        let retry = self.retry.map(Retry::at);
        closing.into_iter().chain(retry).filter(|at| self.looked_at < *at).min()
    }

    /// Looks at the position: sells it, or says why not.
    pub(super) fn look(&mut self, sight: &Sight<'_>) -> Look {
        self.seen(sight.view.now);
        let book = sight.fresh();
        if let ControlFlow::Continue(book) = book {
            self.high = self.high.max(book.best_bid().map(|level| level.price));
        }
        let market = sight.state.market.id;
        let open = sight.view.orders.of_leg(market, sight.outcome).count();
        if open != 0 {
            let open = u64::try_from(open).unwrap_or(u64::MAX);
            return sight.no(Reason::PendingOrder, Numbers::none().with("open_orders", open));
        }
        let (size, least) = (self.size.floor_to_cents(), sight.state.market.min_size);
        if size < least {
            let numbers = Numbers::none().with("size", self.size).with("min_size", least);
            return sight.no(Reason::BelowMinimum, numbers);
        }
        match book {
            ControlFlow::Break(numbers) => sight.no(Reason::StaleBook, numbers),
            ControlFlow::Continue(book) => match book.best_bid() {
                None => sight.no(Reason::OneSidedBook, Numbers::none()),
                Some(bid) => self.judge(sight, bid.price, size),
            },
        }
    }

    fn judge(&self, sight: &Sight<'_>, bid: Price, size: Size) -> Look {
        let Some(numbers) = self.cause(sight, bid) else {
            let numbers = self.numbers(bid).with("left", sight.left());
            return sight.no(Reason::Holding, numbers);
        };
        if let Some(numbers) = self.retry.and_then(|retry| retry.too_early(sight.view.now)) {
            return sight.no(Reason::ExitBackoff, numbers);
        }
        sight.sell(bid, size, numbers)
    }

    /// Returns what was compared where the position is to be sold: profit, loss, fall from the highest bid,
    /// time, in this order.
    fn cause(&self, sight: &Sight<'_>, bid: Price) -> Option<Numbers> {
        let (exits, entry) = (sight.exits, self.entry());
        let bid_usdc = Usdc::from(bid);
        let numbers = self.numbers(bid);
        if !is_below(bid_usdc - entry, exits.take_profit, entry) {
            return Some(numbers.with("take_profit", exits.take_profit));
        }
        if !is_below(entry - bid_usdc, exits.stop_loss, entry) {
            return Some(numbers.with("stop_loss", exits.stop_loss));
        }
        let high = self.high.map(Usdc::from).filter(|high| entry < *high && bid_usdc < *high);
        if high.is_some_and(|high| !is_below(high - bid_usdc, exits.trailing_stop, high)) {
            return Some(numbers.with("trailing_stop", exits.trailing_stop));
        }
        let (left, least) = (sight.left(), exits.before_close);
        (left < least).then(|| numbers.with("left", left).with("before_close", least))
    }

    fn numbers(&self, bid: Price) -> Numbers {
        let entry = self.entry();
        let gain = i128::from((Usdc::from(bid) - entry).micros()) * i128::from(MICROS);
        let gain = divide(gain, i128::from(entry.micros()).max(1), Rounding::HalfUp);
        let numbers = Numbers::none().with("bid", bid).with("entry", entry);
        let numbers = self.high.map_or(numbers, |high| numbers.with("high", high));
        numbers.with("gain", Frac::from_micros(narrow(gain)))
    }

    /// Returns what a share cost, without fees; to the nearest millionth, so that prices stay what they were.
    fn entry(&self) -> Usdc {
        self.paid.per_share(self.size, Rounding::HalfUp)
    }
}

/// Tells whether `part` is a smaller fraction of `whole` than `fraction`; exact.
fn is_below(part: Usdc, fraction: Frac, whole: Usdc) -> bool {
    let part = i128::from(part.micros()) * i128::from(MICROS);
    part < i128::from(fraction.micros()) * i128::from(whole.micros())
}

impl<'a> Sight<'a> {
    fn market(&self) -> ConditionId {
        self.state.market.id
    }

    fn no(&self, reason: Reason, numbers: Numbers) -> Look {
        Look::no(self.market(), reason, numbers)
    }

    /// Returns the time until the market closes; none when that is past.
    fn left(&self) -> Duration {
        self.state.market.closes_at.since(self.view.now)
    }

    /// Returns the position's book, or how old it is where it is missing or too old.
    fn fresh(&self) -> ControlFlow<Numbers, &'a OrderBook> {
        let book = self.state.book(self.outcome);
        fresh(book, self.view.now, self.config.book_age_max)
    }

    fn sell(&self, bid: Price, size: Size, numbers: Numbers) -> Look {
        let Some(limit) = self.state.tick.limit(bid, Side::Sell) else {
            return self.no(Reason::PriceLimit, tick(bid, self.state.tick));
        };
        let intent = Intent {
            market: self.market(),
            outcome: self.outcome,
            side: Side::Sell,
            limit,
            size,
            time_in_force: TimeInForce::Fak,
            purpose: Purpose::Exit,
        };
        Look::intent(intent, numbers)
    }
}
