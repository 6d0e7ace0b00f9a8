//! An open leg: what fills made of it, and when it is hedged, stopped, sold or left waiting.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::decision::Reason;
use crate::intent::Purpose;
use crate::market::{Outcome, Side};
use crate::numbers::Numbers;
use crate::order::Fill;
use crate::price::{MICROS, Price, Rounding, Size, Usdc, divide, narrow};
use crate::strategy::Look;
use crate::strategy::retry::Retry;
use crate::time::Timestamp;

use super::hedge::Hedge;
use super::{Config, INSTANT, Sight, end};

/// Shares of one outcome that wait for as many of the other, and what they cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leg {
    outcome: Outcome,
    size: Size,
    /// Price × size of the fills; fees are not in it.
    paid: Usdc,
    fees: Usdc,
    /// When the first of them was bought.
    since: Timestamp,
    /// When the market closes; not known until the market is seen.
    #[serde(deserialize_with = "Option::deserialize")]
    closes_at: Option<Timestamp>,
    /// The newest look: what was due by then is done.
    looked_at: Timestamp,
    #[serde(deserialize_with = "Option::deserialize")]
    retry: Option<Retry>,
}

impl Leg {
    /// Returns what a fill makes of a leg, or of none. A buy of its outcome adds to it; a buy of the other
    /// hedges it, and what is left over is a leg on the other side; a sell of its outcome lowers it.
    pub(super) fn after(leg: Option<Self>, fill: &Fill) -> Option<Self> {
        let Some(leg) = leg else {
            return match fill.side {
                Side::Buy => Some(Self::open(fill, fill.size)),
                Side::Sell => None,
            };
        };
        match (fill.side, fill.outcome == leg.outcome) {
            (Side::Buy, true) => {
                let more = Self::open(fill, fill.size);
                let size = leg.size + more.size;
                Some(Self { size, paid: leg.paid + more.paid, fees: leg.fees + more.fees, ..leg })
            }
            (Side::Buy, false) if leg.size < fill.size => {
                Some(Self::open(fill, fill.size - leg.size))
            }
            (Side::Buy, false) | (Side::Sell, true) => leg.less(fill.size),
            // Only the legs' own outcome is ever sold here.
            (Side::Sell, false) => Some(leg),
        }
    }

    /// Notes when the leg's market closes.
    pub(super) const fn learn_close(&mut self, closes_at: Timestamp) {
        self.closes_at = Some(closes_at);
    }

    /// Notes that the leg was looked at.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.looked_at = self.looked_at.max(now);
    }

    /// Notes that an exit left shares unsold: the next try waits, each time twice as long.
    pub(super) fn exit_failed(&mut self, now: Timestamp, wait: Duration) {
        self.retry = Some(Retry::after(self.retry, now, wait));
    }

    /// Returns the first instant after the newest look at which time alone changes what is to be done.
    pub(super) fn timer(&self, config: &Config) -> Option<Timestamp> {
        let time_out = self.since + config.hedge_wait_max + INSTANT;
        let closing = self.closes_at.map(|at| at - config.exit_before_close + INSTANT);
        let retry = self.retry.map(Retry::at);
        [Some(time_out), closing, retry]
            .into_iter()
            .flatten()
            .filter(|at| self.looked_at < *at)
            .min()
    }

    /// Tells whether the leg is smaller than any order that the venue takes.
    pub(super) fn is_below(&self, least: Size) -> bool {
        self.size.floor_to_cents() < least
    }

    /// Looks at the leg: hedges it, sells it, or says what it waits for.
    pub(super) fn look(&self, sight: &Sight<'_>) -> Look {
        end(self.decide(sight))
    }

    fn open(fill: &Fill, size: Size) -> Self {
        Self {
            outcome: fill.outcome,
            size,
            paid: fill.price.notional(size, Rounding::HalfUp),
            fees: fill.fee.prorate(size, fill.size),
            since: fill.at,
            closes_at: None,
            looked_at: fill.at,
            retry: None,
        }
    }

    fn less(self, size: Size) -> Option<Self> {
        if self.size <= size {
            return None;
        }
        let paid = self.paid - self.paid.prorate(size, self.size);
        let fees = self.fees - self.fees.prorate(size, self.size);
        Some(Self { size: self.size - size, paid, fees, ..self })
    }

    fn decide(&self, sight: &Sight<'_>) -> ControlFlow<Look, Look> {
        sight.nothing_pending()?;
        let (size, least) = (self.size.floor_to_cents(), sight.state.market.min_size);
        if self.is_below(least) {
            let numbers = Numbers::none().with("size", self.size).with("min_size", least);
            return ControlFlow::Break(sight.no(Reason::BelowMinimum, numbers));
        }
        let hedge = Hedge::new(sight, self.entry(), self.cost());
        let other = sight.sound(self.outcome.other()).continue_value();
        let other_ask = other.and_then(OrderBook::best_ask).map(|level| level.price);
        let own = sight.sound(self.outcome);
        let mut unspent = ControlFlow::Continue(());
        match other_ask {
            Some(ask) if hedge.fits(ask) && hedge.can_be_sent(ask, size) => {
                let leg = (self.outcome.other(), size);
                unspent = sight.unspent(leg.0, ask);
                if unspent.is_continue() {
                    let look = sight.order(Purpose::Hedge, leg, ask, hedge.numbers(ask));
                    return ControlFlow::Break(look);
                }
            }
            Some(_) => {}
            // Neither a hedge nor an exit can be judged.
            None => drop(own?),
        }
        let bid = own.continue_value().and_then(OrderBook::best_bid).map(|level| level.price);
        if let Some(numbers) = self.exit_cause(sight, bid) {
            own?;
            return ControlFlow::Continue(self.exit(sight, size, bid, numbers));
        }
        unspent?;
        for book in Outcome::BOTH.map(|outcome| sight.fresh(outcome).continue_value()) {
            book.map_or(ControlFlow::Continue(()), |book| sight.uncrossed(book))?;
        }
        ControlFlow::Continue(self.waiting(&hedge, sight, other_ask, bid))
    }

    /// Returns what was compared where the leg is to be sold: stop, time-out, closing, in this order.
    fn exit_cause(&self, sight: &Sight<'_>, bid: Option<Price>) -> Option<Numbers> {
        let stop = self.stop(sight.config);
        if let Some(bid) = bid.filter(|bid| Usdc::from(*bid) <= stop) {
            return Some(Numbers::none().with("bid", bid).with("stop", stop));
        }
        let (waited, wait_max) = (sight.now.since(self.since), sight.config.hedge_wait_max);
        let (left, least) = (sight.left(), sight.config.exit_before_close);
        let numbers = if wait_max < waited {
            Numbers::none().with("waited", waited).with("hedge_wait_max", wait_max)
        } else if left < least {
            Numbers::none().with("left", left).with("exit_before_close", least)
        } else {
            return None;
        };
        Some(with_price(numbers, "bid", bid))
    }

    fn exit(&self, sight: &Sight<'_>, size: Size, bid: Option<Price>, numbers: Numbers) -> Look {
        if let Some(numbers) = self.retry.and_then(|retry| retry.too_early(sight.now)) {
            return sight.no(Reason::ExitBackoff, numbers);
        }
        match bid {
            Some(bid) => sight.order(Purpose::Exit, (self.outcome, size), bid, numbers),
            None => sight.no(Reason::OneSidedBook, numbers),
        }
    }

    fn waiting(
        &self,
        hedge: &Hedge<'_>,
        sight: &Sight<'_>,
        other_ask: Option<Price>,
        bid: Option<Price>,
    ) -> Look {
        let mut numbers = with_price(Numbers::none(), "other_ask", other_ask);
        numbers = with_price(numbers, "hedge_max", hedge.ask_max());
        if let Some(ask) = other_ask {
            numbers = numbers.with("profit", hedge.profit(ask));
        }
        numbers = numbers.with("waited", sight.now.since(self.since));
        sight.no(Reason::AwaitHedge, with_price(numbers, "bid", bid))
    }

    /// Returns what a share cost, without fees; to the nearest millionth, so that prices stay what they were.
    fn entry(&self) -> Usdc {
        self.paid.per_share(self.size, Rounding::HalfUp)
    }

    /// Returns what a share cost, fees included.
    fn cost(&self) -> Usdc {
        (self.paid + self.fees).per_share(self.size, Rounding::HalfUp)
    }

    /// Returns the bid at which the leg is sold, or below; rounded down, so that equal is exact.
    fn stop(&self, config: &Config) -> Usdc {
        let kept = i128::from(MICROS - config.unhedged_stop_frac.micros());
        let stop = i128::from(self.entry().micros()) * kept;
        let stop = narrow(divide(stop, i128::from(MICROS), Rounding::Down));
        Usdc::from_micros(stop).unwrap_or_default()
    }
}

fn with_price(numbers: Numbers, name: &'static str, price: Option<Price>) -> Numbers {
    price.map_or(numbers, |price| numbers.with(name, price))
}

#[cfg(test)]
impl Leg {
    /// Returns outcome, shares, cost without fees and fees, for tests.
    pub(super) fn text(&self) -> String {
        let Self { outcome, size, paid, fees, .. } = self;
        format!("{size} {outcome} for {paid} + {fees}")
    }
}
