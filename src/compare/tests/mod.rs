//! What is compared with what, what is told of it, and what holds whatever both sides did.

mod file;
mod gates;
mod laws;

use std::convert::Infallible;

use super::decoder::*;
use super::line::*;
use super::*;
use crate::intent::{Purpose, TimeInForce};
use crate::market::{Outcome, Side};
use crate::order::Liquidity;
use crate::price::Usdc;

/// Lines that are there already.
struct There<I>(I);

impl<I: Iterator<Item = Line>> Lines for There<I> {
    type Error = Infallible;
    fn next_line(&mut self) -> Result<Option<Line>, Infallible> {
        Ok(self.0.next())
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_586_000_000 + 1000 * seconds)
}

fn id(market: u8) -> ConditionId {
    ConditionId::from_bytes([market; 32])
}

fn set(settings: &[(&str, &str)]) -> Set {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Set {
        id: "s".parse().unwrap(),
        kind: "split_arb".to_owned(),
        variant: "legged".to_owned(),
        config_version: "0".repeat(64),
        text_sha256: "0".repeat(64),
        settings: settings.collect(),
    }
}

fn sets() -> Both<Set> {
    Both { a: set(&[]), b: set(&[]) }
}

fn decided(seconds: i64, market: u8) -> Decided {
    Decided {
        at: at(seconds),
        strategy: "s".parse().unwrap(),
        seq: 1,
        market: Some("m".into()),
        market_id: Some(id(market)),
        verdict: Verdict::No,
        order: None,
        reason: Some("price_limit".to_owned()),
        rule: None,
        intent: None,
        used: None,
        limit: None,
        passing: None,
        numbers: serde_json::from_str(r#"{"ask":"0.36","entry_price_max":"0.35"}"#).unwrap(),
    }
}

fn no(seconds: i64, market: u8, reason: &str) -> Line {
    Line::Decision(Decided { reason: Some(reason.to_owned()), ..decided(seconds, market) })
}

fn wanted(limit: &str, purpose: Purpose) -> Wanted {
    Wanted {
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: limit.parse().unwrap(),
        size: "20".parse().unwrap(),
        tif: TimeInForce::Fak,
        purpose,
    }
}

fn order(seconds: i64, market: u8, number: u64, limit: &str) -> Line {
    Line::Decision(Decided {
        verdict: Verdict::Order,
        reason: None,
        order: Some(number),
        intent: Some(wanted(limit, Purpose::Entry)),
        ..decided(seconds, market)
    })
}

fn refused(seconds: i64, market: u8, rule: &str) -> Line {
    Line::Decision(Decided {
        verdict: Verdict::Rejected,
        reason: None,
        rule: Some(rule.to_owned()),
        intent: Some(wanted("0.35", Purpose::Entry)),
        used: Some("30".to_owned()),
        limit: Some("25".to_owned()),
        ..decided(seconds, market)
    })
}

fn fill(seconds: i64, market: u8, order: u64, price: &str) -> Line {
    Line::Fill(Filled {
        at: at(seconds),
        strategy: "s".parse().unwrap(),
        order,
        number: 1,
        market: Some("m".into()),
        market_id: id(market),
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: price.parse().unwrap(),
        size: "20".parse().unwrap(),
        fee_usdc: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        equity_usdc: "-0.2".parse().unwrap(),
    })
}

fn compared(sides: Both<Set>, a: &[Line], b: &[Line]) -> Comparison {
    let (mut a, mut b) = (There(a.iter().cloned()), There(b.iter().cloned()));
    let Ok(comparison) = compare(sides, &mut a, &mut b);
    comparison
}

fn counts(a: &[Line], b: &[Line]) -> [u64; 5] {
    let Counts { same, numbers, changed, only_a, only_b } = compared(sets(), a, b).counts;
    [same, numbers, changed, only_a, only_b]
}

fn changes(comparison: &Comparison) -> Vec<String> {
    let text = |change: &Change| format!("{} {} -> {}", change.count, change.from, change.to);
    comparison.changes.iter().map(text).collect()
}

#[test]
fn looks_belong_together_by_instant_market_and_place() {
    let a = [no(1, 1, "price_limit"), no(1, 1, "spent_book"), no(1, 2, "price_limit")];
    assert_eq!(counts(&a, &a), [3, 0, 0, 0, 0]);
    // The order in which markets are looked at does not count, that of looks at one market does.
    let turned = [no(1, 2, "price_limit"), no(1, 1, "price_limit"), no(1, 1, "spent_book")];
    assert_eq!(counts(&a, &turned), [3, 0, 0, 0, 0]);
    let swapped = [no(1, 1, "spent_book"), no(1, 1, "price_limit"), no(1, 2, "price_limit")];
    assert_eq!(counts(&a, &swapped), [1, 0, 2, 0, 0]);
    assert_eq!(counts(&a, &a[..2]), [2, 0, 0, 1, 0]);
    assert_eq!(counts(&a[..1], &[no(2, 1, "price_limit")]), [0, 0, 0, 1, 1]);
}

#[test]
fn counters_do_not_count_and_numbers_count_apart() {
    let first = order(1, 1, 1, "0.35");
    let first = std::slice::from_ref(&first);
    assert_eq!(counts(first, &[order(1, 1, 7, "0.35")]), [1, 0, 0, 0, 0]);
    let other = Line::Decision(Decided { numbers: Pairs::default(), ..decided(1, 1) });
    assert_eq!(counts(&[no(1, 1, "price_limit")], &[other]), [0, 1, 0, 0, 0]);
    assert_eq!(counts(first, &[order(1, 1, 1, "0.34")]), [0, 0, 1, 0, 0]);
}

#[test]
fn what_became_what_is_grouped_and_entries_are_listed() {
    let a = [
        order(1, 1, 1, "0.35"),
        order(2, 1, 2, "0.35"),
        no(3, 1, "price_limit"),
        order(4, 1, 3, "0.35"),
    ];
    let b = [
        no(1, 1, "price_limit"),
        no(2, 1, "price_limit"),
        order(3, 1, 1, "0.35"),
        order(4, 1, 2, "0.34"),
    ];
    let comparison = compared(sets(), &a, &b);
    assert_eq!(
        changes(&comparison),
        [
            "2 order -> price_limit",
            "1 price_limit -> order",
            "1 order, other limit -> order, other limit"
        ]
    );
    assert_eq!((comparison.vanished.count, comparison.appeared.count), (2, 1));
    assert_eq!(comparison.vanished.first.first().map(|first| first.at), Some(at(1)));
    assert_eq!(comparison.differences.count, 4);
}

#[test]
fn lists_are_bounded_and_counts_are_not() {
    let seconds = 0..300;
    let a: Vec<Line> = seconds.clone().map(|second| order(second, 1, 1, "0.35")).collect();
    let b: Vec<Line> = seconds.map(|second| no(second, 1, "price_limit")).collect();
    let comparison = compared(sets(), &a, &b);
    assert_eq!((comparison.vanished.count, comparison.vanished.first.len()), (300, ENTRIES_MAX));
    assert_eq!(comparison.differences.first.len(), DIFFERENCES_MAX);
    assert_eq!(comparison.orders.a.len(), 300);
}

#[test]
fn the_first_difference_is_one_of_verdicts_where_there_is_one() {
    let other = Line::Decision(Decided { numbers: Pairs::default(), ..decided(1, 1) });
    let a = [no(1, 1, "price_limit"), order(2, 1, 1, "0.35")];
    let b = [other.clone(), no(2, 1, "price_limit")];
    let first = compared(sets(), &a, &b).first.unwrap();
    assert_eq!(first.difference.at, at(2));
    let first = compared(sets(), &a[..1], &[other]).first.unwrap();
    assert_eq!(first.difference.at, at(1));
    assert_eq!(compared(sets(), &a, &a).first, None);
}

#[test]
fn what_is_held_parts_with_the_first_fill_that_the_other_side_lacks() {
    let a = [order(1, 1, 1, "0.35"), fill(2, 1, 1, "0.35"), no(3, 1, "await_hedge")];
    let b = [order(1, 1, 5, "0.35"), fill(2, 1, 5, "0.35"), no(3, 1, "await_hedge")];
    assert_eq!(compared(sets(), &a, &b).parted, None);
    let b = [no(1, 1, "price_limit"), no(3, 1, "price_limit")];
    let parted = compared(sets(), &a, &b).parted.unwrap();
    assert_eq!((parted.at, parted.differences_before), (at(2), 1));
    assert!(parted.facts.a.is_some() && parted.facts.b.is_none());
}

#[test]
fn settings_that_differ_are_told_by_name() {
    let sides = Both {
        a: set(&[("settings.x", "1"), ("settings.y", "2"), ("settings.only", "3")]),
        b: set(&[("settings.x", "1"), ("settings.y", "4")]),
    };
    let comparison = compared(sides, &[], &[]);
    let told: Vec<String> = comparison
        .settings
        .iter()
        .map(|setting| {
            let Both { a, b } = &setting.values;
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            format!("{} {} {}", setting.key, value(a), value(b))
        })
        .collect();
    assert_eq!(told, ["settings.only 3 -", "settings.y 2 4"]);
}

#[test]
fn a_curve_keeps_its_size_and_its_last_value() {
    let mut curve = Curve::default();
    for second in 0..5000_i64 {
        let usdc = Usdc::from_micros(second).unwrap();
        curve.add(Point { at: at(second), usdc });
        assert!(curve.points.len() <= Curve::MAX);
    }
    assert_eq!(curve.every, 8);
    assert_eq!(curve.points.first().map(|point| point.at), Some(at(0)));
    assert_eq!(curve.whole().last().map(|point| point.at), Some(at(4999)));
    let steps: Vec<i64> =
        curve.points.windows(2).map(|two| two[1].usdc.micros() - two[0].usdc.micros()).collect();
    assert!(steps.iter().all(|step| *step == 8), "{steps:?}");
}
