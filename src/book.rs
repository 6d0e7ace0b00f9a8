//! The order book of one outcome: levels, best prices, depth, and whether it is too old to decide on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::market::Side;
use crate::price::{Price, Rounding, Size, Usdc};
use crate::time::Timestamp;

/// So many shares wanted or offered at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The price of a share.
    pub price: Price,
    /// The shares at that price; never zero in a book.
    pub size: Size,
}

/// All levels of one outcome, best first on both sides, with the instant they were true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Levels")]
pub struct OrderBook {
    at: Timestamp,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// A book as it is read: in any order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    at: Timestamp,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// What a taker would get out of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Shares to be had within the limit, at most as many as asked for.
    pub size: Size,
    /// What they cost or bring, in USDC, without fees.
    pub amount: Usdc,
}

impl OrderBook {
    /// Returns the book of these levels. They may come in any order; levels without shares are left out.
    #[must_use]
    pub fn new(at: Timestamp, mut bids: Vec<Level>, mut asks: Vec<Level>) -> Self {
        tidy(&mut bids, |a, b| b.price.cmp(&a.price));
        tidy(&mut asks, |a, b| a.price.cmp(&b.price));
        Self { at, bids, asks }
    }

    /// Returns the instant at which the book was true.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the bids, best (highest) first.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.bids
    }

    /// Returns the asks, best (lowest) first.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &self.asks
    }

    /// Returns the best bid, where there is one.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.first().copied()
    }

    /// Returns the best ask, where there is one.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.first().copied()
    }

    /// Returns the levels that a taker on this side meets, best first.
    #[must_use]
    pub fn against(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.asks,
            Side::Sell => &self.bids,
        }
    }

    /// Tells whether the best bid is at or above the best ask, which no real book stays in.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => ask.price <= bid.price,
            (Some(_), None) | (None, Some(_)) | (None, None) => false,
        }
    }

    /// Tells whether the book is older than `age_max` at `now`; exactly that old is not yet stale.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp, age_max: Duration) -> bool {
        age_max < now.since(self.at)
    }

    /// Returns what a taker gets who wants `size` shares at `limit` or better.
    #[must_use]
    pub fn depth(&self, side: Side, limit: Price, size: Size) -> Depth {
        let mut got = Depth::default();
        for level in self.against(side).iter().take_while(|level| reaches(side, level.price, limit))
        {
            let part = level.size.min(size - got.size);
            got.size += part;
            got.amount += level.price.notional(part, Rounding::HalfUp);
            if got.size == size {
                break;
            }
        }
        got
    }

    /// Sets the shares at one price of the bids (`Buy`) or asks (`Sell`); none removes the level.
    pub fn set_level(&mut self, at: Timestamp, side: Side, level: Level) {
        self.at = self.at.max(at);
        let (levels, found) = match side {
            Side::Buy => {
                let found = self.bids.binary_search_by(|l| level.price.cmp(&l.price));
                (&mut self.bids, found)
            }
            Side::Sell => {
                let found = self.asks.binary_search_by(|l| l.price.cmp(&level.price));
                (&mut self.asks, found)
            }
        };
        match found {
            Ok(place) if level.size.is_zero() => drop(levels.remove(place)),
            Ok(place) => {
                if let Some(slot) = levels.get_mut(place) {
                    *slot = level;
                }
            }
            Err(_) if level.size.is_zero() => {}
            Err(place) => levels.insert(place, level),
        }
    }
}

impl From<Levels> for OrderBook {
    fn from(Levels { at, bids, asks }: Levels) -> Self {
        Self::new(at, bids, asks)
    }
}

/// Tells whether a taker with this limit takes a level of this price.
#[must_use]
pub fn reaches(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => limit <= price,
    }
}

fn tidy(levels: &mut Vec<Level>, order: impl Fn(&Level, &Level) -> std::cmp::Ordering) {
    if levels.iter().any(|level| level.size.is_zero()) {
        levels.retain(|level| !level.size.is_zero());
    }
    if !levels.is_sorted_by(|a, b| order(a, b).is_le()) {
        levels.sort_by(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: &str, size: &str) -> Level {
        Level { price: price.parse().unwrap(), size: size.parse().unwrap() }
    }

    fn book() -> OrderBook {
        OrderBook::new(
            Timestamp::from_millis(1000),
            vec![level("0.47", "10"), level("0.49", "5"), level("0.48", "0")],
            vec![level("0.51", "20"), level("0.50", "10")],
        )
    }

    #[test]
    fn levels_stand_best_first_and_empty_ones_are_gone() {
        assert_eq!(book().bids(), [level("0.49", "5"), level("0.47", "10")]);
        assert_eq!(book().asks(), [level("0.50", "10"), level("0.51", "20")]);
        assert!(!book().is_crossed());
    }

    #[test]
    fn a_taker_walks_the_levels_within_the_limit() {
        let got = book().depth(Side::Buy, "0.51".parse().unwrap(), "15".parse().unwrap());
        assert_eq!((got.size.to_string(), got.amount.to_string()), ("15".into(), "7.55".into()));
        let got = book().depth(Side::Buy, "0.5".parse().unwrap(), "15".parse().unwrap());
        assert_eq!(got.size.to_string(), "10");
        let got = book().depth(Side::Sell, "0.5".parse().unwrap(), "15".parse().unwrap());
        assert_eq!(got, Depth::default());
    }

    #[test]
    fn a_book_is_stale_only_past_its_limit() {
        let at = Timestamp::from_millis(1000);
        let five = Duration::from_secs(5);
        assert!(!book().is_stale(at + five, five));
        assert!(book().is_stale(at + five + Duration::from_micros(1), five));
    }

    #[test]
    fn one_level_is_set_changed_and_removed() {
        let mut book = book();
        let at = Timestamp::from_millis(2000);
        book.set_level(at, Side::Buy, level("0.48", "7"));
        assert_eq!(book.bids().get(1), Some(&level("0.48", "7")));
        book.set_level(at, Side::Buy, level("0.48", "3"));
        assert_eq!(book.bids().get(1), Some(&level("0.48", "3")));
        book.set_level(at, Side::Buy, level("0.48", "0"));
        book.set_level(at, Side::Sell, level("0.505", "0"));
        assert_eq!((book.bids().len(), book.asks().len(), book.at()), (2, 2, at));
    }
}
