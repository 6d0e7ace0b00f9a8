//! What goes on when a strategy is built anew.

use super::*;

/// Returns a desk whose kernel is the next incarnation of this one's, told the fills of the past.
fn next(desk: &Desk, fills: &[Fill]) -> Desk {
    let mut next = Desk::with(limits(), desk.kernel.memory());
    for fill in fills {
        next.kernel.recall_fill(fill).unwrap();
    }
    next.now = desk.now;
    next
}

fn bought(number: u64, text: &str, price: &str, at: Timestamp) -> Fill {
    let intent = intent(A, text);
    fill(number, &intent, &format!("1: {} at {price}", intent.size), at)
}

#[test]
fn numbers_and_counts_go_on() {
    let mut desk = Desk::new();
    desk.no(A, Reason::NoSignal, 1);
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want("entry 10 yes at 0.99");
    desk.want("entry 5000 yes at 0.4");
    let fills = [bought(1, "entry 10 yes at 0.4", "0.4", desk.now)];
    desk.done(2, "10");
    let mut after = next(&desk, &fills);
    let (before, now) = (desk.kernel.status(), after.kernel.status());
    assert_eq!((now.decisions, now.intents, now.fills), (4, 3, 1));
    assert_eq!(now.rejections, before.rejections);
    assert_eq!(now.orders, before.orders);
    assert_eq!((now.digest, now.causes), (before.digest, before.causes));
    assert_eq!((now.last_decision_at, now.last_trade_at), (Some(desk.now), Some(desk.now)));
    // Two announcements of markets were told again.
    assert_eq!(now.inputs, before.inputs + 2);
    assert_eq!(after.want("entry 10 no at 0.4"), ["submit 3", "5 order 3"]);
}

#[test]
fn order_numbers_go_on_after_those_of_the_store() {
    let memory = || Memory::default().after_order(7);
    assert_eq!(Desk::with(limits(), memory()).want("entry 10 yes at 0.4")[0], "submit 8");
    let memory = memory().after_order(3);
    assert_eq!(Desk::with(limits(), memory).want("entry 10 yes at 0.4")[0], "submit 8");
}

#[test]
fn the_digest_of_two_incarnations_is_that_of_one() {
    let steps = [Reason::NoSignal, Reason::NoEdge, Reason::NoSignal];
    let mut one = Desk::new();
    steps.iter().for_each(|reason| drop(one.no(A, *reason, 1)));
    let mut first = Desk::new();
    first.no(A, steps[0], 1);
    let mut second = next(&first, &[]);
    second.no(A, steps[1], 1);
    second.no(A, steps[2], 1);
    assert_eq!(second.kernel.status().digest, one.kernel.status().digest);
    assert_ne!(first.kernel.status().digest, one.kernel.status().digest);
}

#[test]
fn a_tripped_breaker_stays_tripped_and_a_streak_goes_on() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.3");
    let mut after = next(&desk, &[]);
    after.trade(A, "entry 10 yes at 0.4");
    after.trade(A, "exit 10 yes at 0.3");
    let mut third = next(&after, &[]);
    assert!(third.want("entry 10 yes at 0.4")[0].ends_with("refused loss_streak"));
    assert_eq!(third.kernel.next_timer(), after.kernel.next_timer());
    assert!(third.kernel.next_timer().is_some());
}

#[test]
fn a_peak_is_remembered_and_what_is_held_is_worth_what_it_was() {
    let mut desk = Desk::new();
    desk.bid(A, YES, "0.4");
    desk.bid(B, YES, "0.4");
    desk.trade(A, "entry 50 yes at 0.4");
    desk.trade(B, "entry 50 yes at 0.4");
    desk.bid(A, YES, "0.5");
    desk.bid(B, YES, "0.35");
    assert_eq!(desk.kernel.portfolio().drawdown(), usdc("2.5"));
    let of_b = fill(2, &intent(B, "entry 50 yes at 0.4"), "1: 50 at 0.4", desk.now);
    let fills = [bought(1, "entry 50 yes at 0.4", "0.4", desk.now), of_b];
    let mut after = next(&desk, &fills);
    assert_eq!(after.kernel.portfolio().drawdown(), usdc("2.5"));
    // The first book that comes is of one market; the other is worth what it was.
    assert_eq!(after.bid(B, YES, "0.34"), NOTHING);
    assert_eq!(after.kernel.portfolio().drawdown(), usdc("3"));
    assert_eq!(after.bid(B, YES, "0.2"), ["tripped drawdown at 10"]);
}

#[test]
fn time_goes_on_from_where_it_was() {
    let mut desk = Desk::new();
    desk.wait(100).no(A, Reason::NoSignal, 1);
    let mut after = next(&desk, &[]);
    // What is known already is told again, with its own time.
    after.now = Timestamp::from_millis(1_000_000);
    after.no(A, Reason::NoEdge, 1);
    assert_eq!(after.kernel.status().last_decision_at, Some(desk.now));
}

#[test]
fn fills_and_settlements_of_the_past_move_the_books_and_decide_nothing() {
    let mut desk = Desk::new();
    let at = desk.now;
    let first = bought(1, "entry 10 yes at 0.4", "0.4", at);
    desk.hands.lock().unwrap().wishes.push(Look::no(A, Reason::NoSignal, Numbers::none()));
    desk.kernel.recall_fill(&first).unwrap();
    desk.kernel.recall_fill(&first).unwrap();
    assert_eq!(desk.told(), ["fill of a:1, 10 held"]);
    assert_eq!(desk.tell(Kind::Gap { missed: 1 }), NOTHING);
    assert_eq!((desk.kernel.status().fills, desk.cash().as_str()), (0, "-4"));
    // The same fill once more, as news of an order that is not open, is a stray one.
    assert!(desk.fill(1, "1: 10 at 0.4").is_err());
    desk.told();
    desk.kernel.recall_settlement(A, [usdc("1"), usdc("0")]);
    assert_eq!((desk.told(), desk.cash().as_str()), (vec!["a settled".to_owned()], "6"));
    assert_eq!(desk.kernel.memory().breaker.streak(), 0);
}

#[test]
fn a_past_that_does_not_add_up_is_refused() {
    let mut desk = Desk::new();
    let sold = bought(1, "exit 10 yes at 0.4", "0.4", desk.now);
    assert!(matches!(desk.kernel.recall_fill(&sold), Err(Broken::Oversold(_))));
}
