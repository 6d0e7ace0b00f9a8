//! The gates: what is told of each, and that the rows name what the strategies really say.

use super::super::gates::{Passage, explain};
use super::*;
use crate::risk::Rule;

fn look(line: Line) -> Option<Decided> {
    let Line::Decision(decided) = line else { panic!("{line:?} is no decision") };
    Some(decided)
}

/// Lays two looks along their gates; a letter a gate: passed, failed, reached not, asked not, no look.
fn letters(a: Option<Decided>, b: Option<Decided>) -> [String; 2] {
    let steps = explain(&sets(), &Both { a, b });
    let letter = |passage| match passage {
        Passage::Passed => '+',
        Passage::Failed => 'X',
        Passage::NotReached => '.',
        Passage::NotAsked => '-',
        Passage::NoLook => ' ',
    };
    let of = |side: fn(&Both<Passage>) -> Passage| {
        steps.iter().map(|step| letter(side(&step.passage))).collect()
    };
    [of(|both| both.a), of(|both| both.b)]
}

#[test]
fn a_look_passes_every_gate_before_the_one_that_it_ends_at() {
    let [a, b] = letters(look(order(1, 1, 1, "0.35")), look(no(1, 1, "price_limit")));
    //            strategy       guard
    assert_eq!(a, "++++++++++++++++++++++++++++++++++++");
    assert_eq!(b, "++++++++X...........................");
    let [a, b] = letters(look(refused(1, 1, "market_exposure")), None);
    assert_eq!(a, "+++++++++++++++++++++++++++++++X....");
    assert_eq!(b, "                                    ");
}

#[test]
fn a_price_that_the_grid_has_not_is_told_from_one_that_is_too_high() {
    let numbers: Pairs = serde_json::from_str(r#"{"price":"0.0004","tick":"0.001"}"#).unwrap();
    let grid = Decided { numbers, ..decided(1, 1) };
    let [a, _] = letters(Some(grid), None);
    assert_eq!(a, "+++++++++++X........................");
}

#[test]
fn a_protective_order_is_not_asked_what_only_entries_are() {
    let exit = wanted("0.35", Purpose::Exit);
    let sell = Decided {
        verdict: Verdict::Order,
        reason: None,
        intent: Some(Wanted { side: Side::Sell, ..exit }),
        ..decided(1, 1)
    };
    let [a, b] = letters(Some(sell), look(no(1, 1, "await_hedge")));
    assert_eq!(a, "++++++++++------+++++-------+--++");
    assert_eq!(b, "+++++++X.........................");
}

#[test]
fn kinds_that_cannot_be_laid_side_by_side_have_no_gates() {
    let other = Set { kind: "momentum".to_owned(), variant: "directional".to_owned(), ..set(&[]) };
    let looks = Both { a: look(no(1, 1, "price_limit")), b: None };
    assert!(explain(&Both { a: set(&[]), b: other }, &looks).is_empty());
    let unknown = Set { kind: "new".to_owned(), ..set(&[]) };
    assert!(explain(&Both { a: unknown.clone(), b: unknown }, &looks).is_empty());
}

#[test]
fn the_guard_is_laid_out_in_the_order_in_which_it_asks() {
    let steps = explain(&sets(), &Both { a: look(no(1, 1, "price_limit")), b: None });
    let rules: Vec<&str> =
        steps.iter().filter(|step| step.is_rule).map(|step| step.gate.as_str()).collect();
    assert_eq!(rules, Rule::ALL.map(Rule::name));
}
