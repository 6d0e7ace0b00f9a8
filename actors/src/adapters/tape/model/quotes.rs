//! Quotes: a modelled book of both outcomes around a fair value, Up and Down as one book seen from two sides.

use std::sync::Arc;

use ploy::book::{Level, OrderBook};
use ploy::event::{Kind, MarketEvent};
use ploy::market::{ConditionId, Outcome};
use ploy::price::{Price, Size};
use ploy::time::Timestamp;

use super::dice::Dice;

/// The price step of a modelled book, in millionths of a USDC.
pub(super) const STEP: i64 = 10_000;
/// How much of its error a market keeps from one book to the next, in thousandths.
pub(super) const ERROR_KEPT: i64 = 950;

/// How a modelled market quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// How far bid and ask are from the middle at least, in millionths of a USDC.
    pub(super) half_spread: i64,
    /// By how much the market's error changes from book to book, its standard deviation in millionths.
    pub(super) error_step: i64,
    /// Levels a side.
    pub(super) levels: i64,
    /// The shares at the best level, from and to; so many times more at each further one.
    pub(super) shares: (i64, i64),
}

/// A market that quotes, with the error that it makes now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    habits: Habits,
    error: i64,
}

impl Maker {
    /// Returns a market that makes no error yet.
    pub(super) const fn new(habits: Habits) -> Self {
        Self { habits, error: 0 }
    }

    /// Returns the books of yes and no around a fair value of yes, in millionths of a USDC. A side that would
    /// stand below one step or above one USDC less one step is empty.
    pub(super) fn quote(
        &mut self,
        fair: i64,
        (market, at): (ConditionId, Timestamp),
        dice: &mut Dice,
    ) -> [MarketEvent; 2] {
        let Habits { half_spread, error_step, levels, .. } = self.habits;
        self.error = self.error * ERROR_KEPT / 1000 + error_step * dice.normal() / 1_000_000;
        let middle = (fair + self.error).clamp(STEP / 2, 1_000_000 - STEP / 2);
        let shy = |dice: &mut Dice| if dice.between(0, 4) == 0 { STEP } else { 0 };
        let bid = (middle - half_spread - shy(dice)).div_euclid(STEP) * STEP;
        let ask = -(-(middle + half_spread + shy(dice))).div_euclid(STEP) * STEP;
        let bids: Vec<Level> =
            (0..levels).filter_map(|n| self.level(bid - n * STEP, n, dice)).collect();
        let asks: Vec<Level> =
            (0..levels).filter_map(|n| self.level(ask + n * STEP, n, dice)).collect();
        let mirrored = |levels: &[Level]| {
            let mirror = |level: &Level| Level { price: level.price.complement(), ..*level };
            levels.iter().map(mirror).collect()
        };
        let no = OrderBook::new(at, mirrored(&asks), mirrored(&bids));
        let yes = OrderBook::new(at, bids, asks);
        [(Outcome::Yes, yes), (Outcome::No, no)].map(|(outcome, book)| {
            let book = Arc::new(book);
            MarketEvent { at, kind: Kind::Book { market, outcome, book } }
        })
    }

    fn level(&self, price: i64, number: i64, dice: &mut Dice) -> Option<Level> {
        let (from, to) = self.habits.shares;
        // In fives: people ask for round numbers, and a tape of them is small.
        let shares = dice.between(from / 5, to / 5) * 5 * (number + 1);
        let size = Size::from_micros(shares * 1_000_000).ok()?;
        let within = (STEP..=1_000_000 - STEP).contains(&price);
        let price = Price::from_micros(price).ok().filter(|_| within)?;
        Some(Level { price, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HABITS: Habits =
        Habits { half_spread: 5_000, error_step: 6_000, levels: 4, shares: (20, 100) };

    fn books(fair: i64, rounds: usize) -> Vec<[Arc<OrderBook>; 2]> {
        let (mut maker, mut dice) = (Maker::new(HABITS), Dice::new(1, "test"));
        let id = ConditionId::from_bytes([1; 32]);
        let book = |event: MarketEvent| {
            let Kind::Book { book, .. } = event.kind else { panic!("no book: {event:?}") };
            book
        };
        (0..rounds)
            .map(|_| maker.quote(fair, (id, Timestamp::UNIX_EPOCH), &mut dice).map(book))
            .collect()
    }

    #[test]
    fn up_and_down_are_one_book_seen_from_two_sides() {
        for fair in [0, 20_000, 333_333, 500_000, 995_000, 1_000_000] {
            for [yes, no] in books(fair, 200) {
                for (bids, asks) in [(yes.bids(), no.asks()), (no.bids(), yes.asks())] {
                    let pairs = bids.iter().zip(asks);
                    assert!(pairs.clone().all(|(bid, ask)| bid.price.complement() == ask.price));
                    assert!(pairs.clone().all(|(bid, ask)| bid.size == ask.size));
                    assert_eq!(bids.len(), asks.len());
                }
                assert!(!yes.is_crossed());
                let levels = yes.bids().iter().chain(yes.asks());
                assert!(levels.clone().all(|level| level.price.micros() % STEP == 0));
                assert!(!yes.bids().is_empty() || !yes.asks().is_empty());
            }
        }
    }

    #[test]
    fn the_middle_stays_near_the_fair_value_and_is_wrong_now_and_then() {
        let off: Vec<i64> = books(500_000, 2_000)
            .iter()
            .filter_map(|[yes, _]| yes.best_bid().zip(yes.best_ask()))
            .map(|(bid, ask)| (bid.price.micros() + ask.price.micros()) / 2 - 500_000)
            .collect();
        assert_eq!(off.len(), 2_000);
        assert!(off.iter().all(|off| off.abs() < 110_000));
        assert!(off.iter().any(|off| 30_000 < off.abs()));
        assert!((off.iter().sum::<i64>() / 2_000).abs() < 10_000);
    }
}
