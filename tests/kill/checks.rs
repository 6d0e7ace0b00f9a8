//! The comparison itself: each thing that must not be is found.

use actors::adapters::simulated::exchange::Exchange;
use actors::adapters::simulated::habits::Habits;
use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order_path::Payload;
use ploy::time::Timestamp;

use crate::harness::stored::{EndRow, Facts, OrderRow};
use crate::harness::truth::{Truth, row};

/// A venue that was sent one order, and filled it, beside the facts that a store has of it.
fn one() -> (Exchange, Facts) {
    let intent = Intent {
        market: ConditionId::from_bytes([7; 32]),
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.4".parse().unwrap(),
        size: "10".parse().unwrap(),
        time_in_force: TimeInForce::Fak,
        purpose: Purpose::Entry,
    };
    let payload = Payload::of("r", &"a:1".parse().unwrap(), Timestamp::UNIX_EPOCH, &intent);
    let mut exchange = Exchange::new(Habits::honest(1, FeeSchedule::FREE));
    exchange.receive(payload.hash(), &payload.wanted());
    exchange.place(payload.hash(), &payload.wanted());
    let order = OrderRow {
        seq: 1,
        hash: Some(payload.hash().to_string()),
        strategy: "a".to_owned(),
        number: 1,
    };
    let end = EndRow {
        seq: 3,
        strategy: "a".to_owned(),
        number: 1,
        kind: "done".to_owned(),
        cause: Some("filled".to_owned()),
        unfilled: Some(0),
    };
    let fills = exchange.standing(payload.hash()).fills().iter().map(row).collect();
    (exchange, Facts { orders: vec![order], ends: vec![end], fills })
}

/// Compares a venue with facts that were changed. Returns what can never agree, and what does not yet.
fn compared(change: impl FnOnce(&mut Exchange, &mut Facts)) -> (Vec<String>, Vec<String>) {
    let (mut exchange, mut facts) = one();
    change(&mut exchange, &mut facts);
    let mut truth = Truth::default();
    truth.follow(&exchange);
    let waits = truth.compare(&exchange, &facts, exchange.journal().len());
    (truth.wrong, waits)
}

#[track_caller]
fn check(change: impl FnOnce(&mut Exchange, &mut Facts), wrong: &[&str], waits: &[&str]) {
    let found = compared(change);
    for (found, expected) in [(&found.0, wrong), (&found.1, waits)] {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }
}

#[test]
fn what_agrees_is_no_difference() {
    check(|_, _| {}, &[], &[]);
}

#[test]
fn every_difference_between_the_venue_and_the_store_is_found() {
    check(|_, facts| facts.orders.clear(), &["came to the venue and is not stored"], &[]);
    check(|_, facts| facts.fills.clear(), &[], &["1 of its 1 fills are not stored"]);
    check(|_, facts| facts.ends.clear(), &[], &["it has no end"]);
    check(|_, facts| facts.ends[0].unfilled = Some(1), &[], &["the venue left 0"]);
    check(|_, facts| facts.orders[0].hash = None, &["without its hash", "is not stored"], &[]);
    let twice = |_: &mut Exchange, facts: &mut Facts| facts.ends.push(facts.ends[0].clone());
    check(twice, &["ended more than once"], &[]);
    let dearer = |_: &mut Exchange, facts: &mut Facts| facts.fills[0].price += 1;
    check(dearer, &["the venue never made this fill"], &["1 of its 1 fills are not stored"]);
}

#[test]
fn an_order_that_is_sent_twice_is_found_whether_or_not_the_venue_takes_it() {
    let again = |exchange: &mut Exchange| {
        let entry = exchange.journal()[0].clone();
        let actors::adapters::simulated::exchange::Act::Received(wanted) = entry.what else {
            panic!("{entry:?}")
        };
        exchange.receive(entry.hash, &wanted);
        (entry.hash, wanted)
    };
    check(|exchange, _| drop(again(exchange)), &["a:1 was sent twice"], &[]);
    let taken = |exchange: &mut Exchange, _: &mut Facts| {
        let (hash, wanted) = again(exchange);
        exchange.place(hash, &wanted);
    };
    check(taken, &["a:1 was sent twice", "came twice"], &[]);
}
