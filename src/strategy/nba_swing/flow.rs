//! What has just happened in a market: its quotes and public trades of the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::book::OrderBook;
use crate::event::Trade;
use crate::market::{Outcome, Side};
use crate::price::{Price, Usdc};
use crate::time::Timestamp;

use super::ratio;

/// The quotes and trades of one market that its filters look back on. A new incarnation begins without any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    quotes: [VecDeque<Quote>; 2],
    trades: VecDeque<(Timestamp, Outcome)>,
    newest: Timestamp,
}

/// Both best prices at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quote {
    at: Timestamp,
    bid: Price,
    ask: Price,
}

/// How many quotes of an outcome are kept at most: 400 a second over ten seconds, and more than any feed has
/// sent. Where it binds, the window is shorter.
const QUOTES_MAX: usize = 4_000;
/// How many trades are kept at most: the largest count that any setting can ask for is below it.
const TRADES_MAX: usize = 2_000;
/// Two quotes closer than this tell nothing of a velocity.
const QUOTE_GAP_MIN: Duration = Duration::from_millis(100);

impl Flow {
    /// Takes in a book of an outcome.
    pub(super) fn quote(&mut self, outcome: Outcome, book: &OrderBook, window: Duration) {
        let at = book.at();
        self.newest = self.newest.max(at);
        let (Some(bid), Some(ask)) = (book.best_bid(), book.best_ask()) else { return };
        let quotes = outcome.of_mut(&mut self.quotes);
        quotes.push_back(Quote { at, bid: bid.price, ask: ask.price });
        let since = self.newest - window;
        trim(quotes, QUOTES_MAX, |quote| quote.at < since);
    }

    /// Takes in a trade.
    pub(super) fn trade(&mut self, at: Timestamp, trade: &Trade, window: Duration) {
        self.newest = self.newest.max(at);
        // Who sells yes wants what a buyer of no wants.
        let favoured = match trade.side {
            Side::Buy => trade.outcome,
            Side::Sell => trade.outcome.other(),
        };
        self.trades.push_back((at, favoured));
        let since = self.newest - window;
        trim(&mut self.trades, TRADES_MAX, |(at, _)| *at < since);
    }

    /// Returns how fast the middle of an outcome's quotes moved, in USDC a second, either way, rounded up; none
    /// with fewer than two quotes in the window, or with all of them within a tenth of a second.
    pub(super) fn velocity(
        &self,
        outcome: Outcome,
        now: Timestamp,
        window: Duration,
    ) -> Option<Usdc> {
        let quotes = outcome.of(&self.quotes);
        let first = quotes.iter().find(|quote| now - window <= quote.at)?;
        let last = quotes.back()?;
        let span = last.at.since(first.at);
        if span < QUOTE_GAP_MIN {
            return None;
        }
        let halves = (last.sum() - first.sum()).abs();
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Usdc::from_micros(ratio::ceil(halves, micros.saturating_mul(2)).micros()).ok()
    }

    /// Returns how many trades there were in the window.
    pub(super) fn trades(&self, now: Timestamp, window: Duration) -> u64 {
        count(self.trades.iter().filter(|(at, _)| now - window <= *at).count())
    }

    /// Returns how many of the newest trades in the window went the same way, without another between them.
    pub(super) fn same_side(&self, now: Timestamp, window: Duration) -> u64 {
        let Some((_, way)) = self.trades.back() else { return 0 };
        let since = now - window;
        let same = |(at, other): &&(Timestamp, Outcome)| since <= *at && other == way;
        count(self.trades.iter().rev().take_while(same).count())
    }

    /// Returns how far a book is behind the newest event of its market: a trade, or the other outcome's book.
    pub(super) fn lag(&self, book: &OrderBook) -> Duration {
        self.newest.since(book.at())
    }
}

impl Quote {
    /// Returns both prices together, which is twice the middle, in millionths.
    fn sum(self) -> i64 {
        self.bid.micros() + self.ask.micros()
    }
}

/// Drops what is too old, and the oldest where there are too many.
fn trim<T>(items: &mut VecDeque<T>, max: usize, is_old: impl Fn(&T) -> bool) {
    while items.front().is_some_and(&is_old) || max < items.len() {
        items.pop_front();
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Level;
    use crate::market::ConditionId;

    const WINDOW: Duration = Duration::from_secs(10);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn book(millis: i64, bid: &str, ask: &str) -> OrderBook {
        let level =
            |price: &str| vec![Level { price: price.parse().unwrap(), size: "1".parse().unwrap() }];
        OrderBook::new(at(millis), level(bid), level(ask))
    }

    /// Checks the velocity at the end of these quotes of yes, each at its millisecond.
    fn check(quotes: &[(i64, &str, &str)], now: i64, expected: Option<&str>) {
        let mut flow = Flow::default();
        for (millis, bid, ask) in quotes {
            flow.quote(Outcome::Yes, &book(*millis, bid, ask), WINDOW);
        }
        let velocity = flow.velocity(Outcome::Yes, at(now), WINDOW);
        assert_eq!(velocity.map(|v| v.to_string()).as_deref(), expected, "{quotes:?}");
        assert_eq!(flow.velocity(Outcome::No, at(now), WINDOW), None);
    }

    #[test]
    fn the_velocity_is_the_way_of_the_middle_over_the_window() {
        check(&[], 0, None);
        check(&[(0, "0.45", "0.46")], 0, None);
        check(&[(0, "0.45", "0.46"), (99, "0.55", "0.56")], 99, None);
        check(&[(0, "0.45", "0.46"), (100, "0.455", "0.465")], 100, Some("0.05"));
        check(&[(0, "0.45", "0.46"), (5_000, "0.4", "0.41")], 5_000, Some("0.01"));
        check(&[(0, "0.45", "0.46"), (5_000, "0.45", "0.47")], 5_000, Some("0.001"));
        check(&[(0, "0.45", "0.46"), (3_000, "0.45", "0.47")], 3_000, Some("0.001667"));
        // The first quote of the window counts, not an older one.
        let old = [(0, "0.1", "0.11"), (2_000, "0.45", "0.46"), (10_000, "0.53", "0.54")];
        check(&old, 10_001, Some("0.01"));
        check(&old, 10_000, Some("0.043"));
        check(&old, 12_001, None);
    }

    #[test]
    fn a_one_sided_book_is_no_quote() {
        let mut flow = Flow::default();
        let one_sided = OrderBook::new(at(0), book(0, "0.1", "0.2").bids().to_vec(), Vec::new());
        flow.quote(Outcome::Yes, &one_sided, WINDOW);
        flow.quote(Outcome::Yes, &book(1_000, "0.45", "0.46"), WINDOW);
        assert_eq!(flow.velocity(Outcome::Yes, at(1_000), WINDOW), None);
        assert_eq!(flow.lag(&one_sided), Duration::from_secs(1));
    }

    #[test]
    fn trades_count_by_the_way_they_push_the_price() {
        let mut flow = Flow::default();
        let mut deal = |millis, outcome, side| {
            let (price, size) = ("0.5".parse().unwrap(), "1".parse().unwrap());
            let market = ConditionId::from_bytes([1; 32]);
            flow.trade(at(millis), &Trade { market, outcome, side, price, size }, WINDOW);
            (flow.same_side(at(millis), WINDOW), flow.trades(at(millis), WINDOW))
        };
        assert_eq!(deal(0, Outcome::Yes, Side::Buy), (1, 1));
        assert_eq!(deal(1_000, Outcome::No, Side::Sell), (2, 2));
        assert_eq!(deal(2_000, Outcome::No, Side::Buy), (1, 3));
        assert_eq!(deal(3_000, Outcome::Yes, Side::Sell), (2, 4));
        // What is older than the window is gone; exactly that old is not.
        assert_eq!(deal(11_000, Outcome::No, Side::Buy), (3, 4));
        assert_eq!(flow.trades(at(12_001), WINDOW), 2);
        assert_eq!(flow.same_side(at(99_000), WINDOW), 0);
        assert_eq!(flow.lag(&book(10_500, "0.4", "0.5")), Duration::from_millis(500));
    }

    #[test]
    fn memory_is_bounded() {
        let mut flow = Flow::default();
        for _ in 0..=QUOTES_MAX {
            flow.quote(Outcome::No, &book(0, "0.4", "0.5"), WINDOW);
        }
        assert_eq!(Outcome::No.of(&flow.quotes).len(), QUOTES_MAX);
    }
}
