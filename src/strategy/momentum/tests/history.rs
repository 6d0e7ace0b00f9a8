//! The recent prices: kept by time, and what is read from them.

use super::super::history::{History, Sample};
use super::*;

const AGE_MAX: Duration = Duration::from_secs(3);

fn at(seconds: u64) -> Timestamp {
    begin() + Duration::from_secs(seconds)
}

/// Returns the history of these prices, each with its second.
fn history(prices: &[(u64, &str)]) -> History {
    let mut history = History::default();
    for (second, price) in prices {
        history.add(at(*second), usdc(price));
    }
    history
}

fn momentum(prices: &[(u64, &str)], now: u64) -> Option<String> {
    let momentum = history(prices).momentum(at(now), AGE_MAX)?;
    Some(crate::numbers::Value::Frac(momentum).to_string())
}

#[test]
fn the_momentum_weighs_the_moves_over_10_30_and_60_seconds() {
    let check = |prices: [&str; 4], expected: &str| {
        let [then_60, then_30, then_10, now] = prices;
        let prices = [(0, then_60), (30, then_30), (50, then_10), (60, now)];
        assert_eq!(momentum(&prices, 60).as_deref(), Some(expected), "{prices:?}");
    };
    check(["100000", "100000", "100000", "100300"], "0.003");
    check(["100000", "100000", "100000", "99500"], "-0.005");
    check(["100000", "100100", "100100", "100100"], "0.0005");
    check(["100100", "100000", "100100", "100100"], "0.0003");
    check(["100100", "100100", "100000", "100100"], "0.0002");
    // 0.2 × 0.001 + 0.3 × 0.002 + 0.5 × 0.01, of three different bases.
    check(["50", "50.399202", "50.44955", "50.5"], "0.0058");
    check(["100000", "100000", "100000", "100000"], "0");
}

#[test]
fn a_price_of_long_ago_counts_and_not_the_oldest_that_is_here() {
    // With the oldest price in the place of those not known, this was a momentum of 1 %.
    assert_eq!(momentum(&[(0, "100"), (5, "101")], 5), None);
    assert_eq!(momentum(&[(0, "100"), (30, "100"), (50, "100"), (59, "101")], 59), None);
    assert_eq!(
        momentum(&[(0, "100"), (30, "100"), (50, "100"), (60, "101")], 60).as_deref(),
        Some("0.01")
    );
}

#[test]
fn a_minute_is_a_minute_however_many_prices_come() {
    // Three hundred prices were a few seconds of a busy underlying: its minute began at their oldest.
    let mut fast = History::default();
    for millis in 0..60_000 {
        let price = if millis < 30_000 { "100000" } else { "101000" };
        fast.add(begin() + Duration::from_millis(millis), usdc(price));
    }
    fast.add(at(60), usdc("101000"));
    assert_eq!(fast.momentum(at(60), AGE_MAX), Some(frac("0.005")));
    assert_eq!(fast.reach(at(60)), Duration::from_secs(60));
}

#[test]
fn a_price_that_was_old_even_then_is_not_known() {
    let hole = |second: u64| momentum(&[(0, "100"), (second, "100"), (50, "100"), (60, "101")], 60);
    assert_eq!(hole(27).as_deref(), Some("0.01"));
    assert_eq!(hole(26), None);
}

#[test]
fn a_later_price_of_the_same_instant_corrects_it_and_an_older_one_changes_nothing() {
    let mut prices = history(&[(0, "100"), (10, "200"), (10, "101")]);
    prices.add(at(9), usdc("300"));
    prices.add(at(11), usdc("0"));
    prices.add(at(11), usdc("-5"));
    assert_eq!(prices.newest(), Some(Sample { at: at(10), price: usdc("101") }));
    assert_eq!(prices.first_since(at(9), AGE_MAX), Some(usdc("101")));
}

#[test]
fn the_volatility_is_the_deviation_of_the_moves_from_price_to_price() {
    // Moves of +1 % and −1 % in turn: their mean is not quite zero, the deviation is not quite 1 %.
    let swing = |count: u64| {
        let prices: Vec<_> = (0..count)
            .map(|second| (second, if second % 2 == 0 { "100" } else { "101" }))
            .collect();
        history(&prices).volatility(at(count - 1))
    };
    assert_eq!(swing(9), None);
    // Ten prices are nine moves, five of 0.01 and four of −1/101: a deviation of 0.9889 %.
    assert_eq!(swing(10), Some(9_888_881_485));
    let still: Vec<_> = (0..20).map(|second| (second, "100")).collect();
    assert_eq!(history(&still).volatility(at(19)), Some(0));
    // Of the prices only those of the last minute count, and there must be five.
    let early = |recent: u64| {
        let mut prices: Vec<_> = (0..10).map(|second| (second, "100")).collect();
        prices.extend((0..recent).map(|n| (100 + n, "100")));
        history(&prices).volatility(at(100))
    };
    assert_eq!((early(4), early(5)), (None, Some(0)));
}

#[test]
fn a_price_of_exactly_a_minute_ago_counts_for_the_volatility() {
    let mut prices = vec![(0, "100")];
    prices.extend((50..60).map(|second| (second, "101")));
    let moved = history(&prices).volatility(at(60));
    assert!(moved.is_some_and(|volatility| 0 < volatility), "{moved:?}");
    assert_eq!(history(&prices).volatility(at(61)), Some(0));
}

#[test]
fn the_first_price_from_an_instant_on_is_known_only_when_none_can_be_missing() {
    let first = |prices: &[(u64, &str)], from: u64| history(prices).first_since(at(from), AGE_MAX);
    assert_eq!(first(&[(8, "1"), (10, "2"), (11, "3")], 10), Some(usdc("2")));
    assert_eq!(first(&[(8, "1"), (13, "2")], 10), Some(usdc("2")));
    assert_eq!(first(&[(8, "1"), (14, "2")], 10), None);
    assert_eq!(first(&[(8, "1")], 10), None);
    // The history begins later: an earlier price may have been missed.
    assert_eq!(first(&[(11, "2")], 10), None);
    assert_eq!(first(&[(10, "2")], 10), Some(usdc("2")));
}

#[test]
fn old_prices_are_given_up_after_two_minutes() {
    let mut prices = History::default();
    for second in 0..1000 {
        prices.add(at(second), usdc("100"));
    }
    assert_eq!(prices.reach(at(999)), Duration::from_secs(120));
}

#[test]
fn no_price_however_wild_breaks_the_sums() {
    let mut wild: Vec<_> =
        (0..70).map(|n| (n, if n % 2 == 0 { "0.000001" } else { "1000000000000" })).collect();
    wild.push((70, "1000000000000"));
    let prices = history(&wild);
    assert_eq!(prices.momentum(at(70), AGE_MAX), Some(frac("1")));
    assert!(prices.volatility(at(70)).is_some());
}
