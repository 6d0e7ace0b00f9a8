//! What the simulated venue takes, fills and tells, and what the service makes of its misbehaviour.

mod link;

use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{Fill, OrderEvent, Update};
use ploy::order_path::{OrderHash, Payload, Standing, Wanted};
use ploy::price::Size;
use ploy::time::Timestamp;

use super::exchange::{Act, Exchange, Placed};
use super::habits::Habits;

const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

/// Returns the payload of the order of this number: ten shares of yes at 0.40, at once or not at all.
fn payload(number: u64, side: Side) -> Payload {
    let intent = Intent {
        market: MARKET,
        outcome: Outcome::Yes,
        side,
        limit: "0.4".parse().unwrap(),
        size: "10".parse().unwrap(),
        time_in_force: TimeInForce::Fak,
        purpose: Purpose::Entry,
    };
    let id = format!("a:{number}").parse().unwrap();
    Payload::of("run", &id, Timestamp::from_millis(1_000_000), &intent)
}

fn order(number: u64) -> (OrderHash, Wanted) {
    let payload = payload(number, Side::Buy);
    (payload.hash(), payload.wanted())
}

fn rough(seed: u64) -> Exchange {
    Exchange::new(Habits::rough(seed, FeeSchedule::FREE))
}

/// Places this many orders, one a step, and lets steps pass until nothing more happens.
fn played(exchange: &mut Exchange, orders: u64) {
    for number in 1..=orders {
        let (hash, wanted) = order(number);
        exchange.place(hash, &wanted);
        exchange.pass();
    }
    for _ in 0..10_000 {
        exchange.pass();
    }
    assert!(exchange.is_at_rest());
}

fn fills(events: &[OrderEvent]) -> Vec<Fill> {
    let fill = |event: &OrderEvent| match &event.update {
        Update::Filled(fill) => Some(fill.clone()),
        Update::Submitted(_) | Update::Done { .. } => None,
    };
    events.iter().filter_map(fill).collect()
}

#[test]
fn an_order_is_taken_once_and_the_same_bytes_again_are_noted_as_a_double() {
    let mut exchange = Exchange::new(Habits::honest(1, FeeSchedule::FREE));
    let (hash, wanted) = order(1);
    assert_eq!(exchange.standing(hash), Standing::Absent);
    assert_eq!(exchange.place(hash, &wanted), Placed::Taken);
    let standing = exchange.standing(hash);
    assert_eq!(exchange.place(hash, &wanted), Placed::Already);
    assert_eq!(exchange.standing(hash), standing, "it is not worked on a second time");
    let doubles = exchange.journal().iter().filter(|entry| entry.what == Act::Double).count();
    assert_eq!(doubles, 1);
    assert_eq!(fills(exchange.news(0, 10)).len(), 1);
}

#[test]
fn the_same_seed_makes_the_same_journal_and_another_another() {
    let journal = |seed| {
        let mut exchange = rough(seed);
        played(&mut exchange, 50);
        exchange.journal().to_vec()
    };
    assert_eq!(journal(3), journal(3));
    assert_ne!(journal(3), journal(4));
}

#[test]
fn every_course_comes_to_an_end_that_adds_up_and_all_of_it_is_told_in_its_order() {
    let mut exchange = rough(5);
    played(&mut exchange, 400);
    let (mut whole, mut part, mut none, mut refused) = (0, 0, 0, 0);
    let news = exchange.news(0, usize::MAX);
    for number in 1..=400 {
        let (hash, wanted) = order(number);
        match exchange.standing(hash) {
            Standing::Rejected { .. } => refused += 1,
            Standing::Done { fills: all, unfilled, .. } => {
                let filled: Size = all.iter().map(|fill| fill.size).sum();
                assert_eq!(filled + unfilled, wanted.size);
                match (filled.is_zero(), unfilled.is_zero()) {
                    (true, _) => none += 1,
                    (false, true) => whole += 1,
                    (false, false) => part += 1,
                }
                // Told at least once, each fill before the end, in the order of their numbers.
                let mut told = Vec::new();
                for event in news.iter().filter(|event| event.order == wanted.order) {
                    if !told.contains(&event.update) {
                        told.push(event.update.clone());
                    }
                }
                let mut expected: Vec<Update> = all.into_iter().map(Update::Filled).collect();
                let is_end = |update: &Update| matches!(update, Update::Done { .. });
                expected.extend(told.iter().find(|update| is_end(update)).cloned());
                assert_eq!(told, expected, "order {number}");
                assert!(is_end(told.last().unwrap()), "order {number}");
            }
            standing @ (Standing::Open { .. } | Standing::Absent | Standing::Unanswered { .. }) => {
                panic!("order {number}: {standing:?}")
            }
        }
    }
    for (what, count) in [("whole", whole), ("part", part), ("none", none), ("refused", refused)] {
        assert!(4 < count, "{what}: {count}");
    }
    let told = fills(news).len();
    let once = exchange.journal().iter().filter(|entry| matches!(entry.what, Act::Filled(_)));
    assert!(once.count() < told, "some fills are told twice");
}

#[test]
fn what_rests_is_filled_while_nobody_listens() {
    let mut exchange = rough(5);
    for number in 1..=100 {
        let (hash, wanted) = order(number);
        exchange.place(hash, &wanted);
    }
    let (before, open) = (exchange.journal().len(), exchange.open());
    assert!(5 < open, "{open} rest");
    for _ in 0..200 {
        exchange.pass();
    }
    assert_eq!(exchange.open(), 0);
    assert!(before + open <= exchange.journal().len());
}

#[test]
fn a_cancel_ends_what_waits_and_nothing_else() {
    let mut exchange = rough(5);
    let resting = (1..).map(order).find(|(hash, wanted)| {
        exchange.place(*hash, wanted);
        matches!(exchange.standing(*hash), Standing::Open { .. })
    });
    let (hash, _) = resting.unwrap();
    exchange.cancel(hash);
    let ended = exchange.standing(hash);
    assert!(matches!(ended, Standing::Done { .. }), "{ended:?}");
    let journal = exchange.journal().len();
    exchange.cancel(hash);
    exchange.cancel(order(10_000).0);
    assert_eq!((exchange.standing(hash), exchange.journal().len()), (ended, journal));
}

#[test]
fn nobody_sells_what_he_has_not_and_that_it_was_tried_is_noted() {
    let mut exchange = Exchange::new(Habits::honest(1, FeeSchedule::FREE));
    let sell = payload(1, Side::Sell);
    let placed = exchange.place(sell.hash(), &sell.wanted());
    assert!(matches!(placed, Placed::Refused { .. }), "{placed:?}");
    assert!(exchange.journal().iter().any(|entry| entry.what == Act::Oversold));
    let (hash, wanted) = order(2);
    assert_eq!(exchange.place(hash, &wanted), Placed::Taken);
    let sell = payload(3, Side::Sell);
    assert_eq!(exchange.place(sell.hash(), &sell.wanted()), Placed::Taken);
}
