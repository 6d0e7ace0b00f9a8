//! Books that are not decided on: one that the last order has proved wrong, and one that is crossed.

use super::*;

const YES: Outcome = Outcome::Yes;
const NO: Outcome = Outcome::No;
const ENTRY: &str = "entry: buy 100 yes at 0.33";
const HEDGE: &str = "hedge: buy 100 no at 0.37";
const EXIT: &str = "exit: sell 100 yes at 0.1";

fn holding() -> Desk {
    let mut desk = Desk::new(legged());
    desk.fill(YES, Side::Buy, "100 at 0.33");
    desk
}

#[test]
fn an_entry_that_found_too_little_waits_for_a_newer_book() {
    let mut desk = Desk::new(legged());
    assert_eq!(desk.quote("-/0.33", "-/0.45"), ENTRY);
    let order = desk.send(Purpose::Entry, YES, "100");
    desk.wait(Duration::from_millis(250));
    assert_eq!(desk.done(order, "0"), "spent_book");
    assert_eq!(desk.compared, "ask 0.33, age 0.25s, since_end 0s");
    // A book of the instant of the end is not newer; one of the other outcome does not help.
    desk.show(MARKET, YES, Duration::ZERO, "-/0.33");
    assert_eq!(desk.look(MARKET), "spent_book");
    desk.wait(INSTANT).show(MARKET, NO, Duration::ZERO, "-/0.45");
    assert_eq!(desk.look(MARKET), "spent_book");
    assert_eq!(desk.compared, "ask 0.33, age 0.000001s, since_end 0.000001s");
    desk.show(MARKET, YES, Duration::ZERO, "-/0.33");
    assert_eq!(desk.look(MARKET), ENTRY);
}

#[test]
fn a_refused_entry_waits_for_a_newer_book_too() {
    let mut desk = Desk::new(legged());
    desk.quote("-/0.33", "-/0.45");
    let order = desk.send(Purpose::Entry, YES, "100");
    assert_eq!(desk.refused(order), "spent_book");
    assert_eq!(desk.wait(INSTANT).quote("-/0.33", "-/0.45"), ENTRY);
}

#[test]
fn only_the_outcome_that_was_asked_waits_for_its_book() {
    let mut desk = Desk::new(legged());
    desk.quote("-/0.33", "-/0.45");
    let order = desk.send(Purpose::Entry, YES, "100");
    assert_eq!(desk.done(order, "0"), "spent_book");
    desk.show(MARKET, NO, Duration::ZERO, "-/0.3");
    assert_eq!(desk.look(MARKET), "entry: buy 100 no at 0.3");
    // Nor does another market.
    assert_eq!(desk.quote_in(OTHER, "-/0.33", "-/0.45"), ENTRY);
}

#[test]
fn a_hedge_that_left_a_rest_waits_for_a_newer_book_and_the_exits_do_not() {
    let mut desk = holding();
    assert_eq!(desk.quote("0.32/-", "-/0.37"), HEDGE);
    let order = desk.send(Purpose::Hedge, NO, "100");
    assert_eq!(desk.done(order, "40"), "spent_book");
    assert_eq!(desk.compared, "ask 0.37, age 0s, since_end 0s");
    desk.wait(INSTANT).show(MARKET, YES, Duration::ZERO, "0.32/-");
    assert_eq!(desk.look(MARKET), "spent_book");
    desk.show(MARKET, YES, Duration::ZERO, "0.1/-");
    assert_eq!(desk.look(MARKET), "exit: sell 60 yes at 0.1");
    desk.show(MARKET, NO, Duration::ZERO, "-/0.37");
    assert_eq!(desk.look(MARKET), "hedge: buy 60 no at 0.37");
}

#[test]
fn a_refused_hedge_waits_for_a_newer_book_too() {
    let mut desk = holding();
    desk.quote("0.32/-", "-/0.37");
    let order = desk.send(Purpose::Hedge, NO, "100");
    assert_eq!(desk.refused(order), "spent_book");
    assert_eq!(desk.wait(INSTANT).quote("0.32/-", "-/0.37"), HEDGE);
}

#[test]
fn a_spent_book_at_another_price_is_named_by_the_price() {
    // The reason is the gate that would not open with a newer book of the same prices either.
    let mut desk = holding();
    desk.quote("0.32/-", "-/0.37");
    let order = desk.send(Purpose::Hedge, NO, "100");
    desk.show(MARKET, NO, Duration::ZERO, "-/0.38");
    assert_eq!(desk.done(order, "0"), "await_hedge");
}

#[test]
fn an_order_that_was_filled_spends_no_book() {
    let mut desk = holding();
    desk.quote("0.32/0.33", "0.36/0.37");
    let order = desk.send(Purpose::Hedge, NO, "100");
    assert_eq!(desk.done(order, "100"), ENTRY);
}

#[test]
fn an_exit_that_found_too_little_waits_by_the_clock_and_spends_no_book() {
    let mut desk = holding();
    assert_eq!(desk.quote("0.1/0.33", "-/0.7"), EXIT);
    let order = desk.send(Purpose::Exit, YES, "100");
    assert_eq!(desk.done(order, "0"), "exit_backoff");
    assert_eq!(desk.wait_s(1).timer(), [EXIT]);
}

#[test]
fn a_settled_market_is_forgotten_with_its_spent_books() {
    let mut desk = Desk::new(legged());
    desk.quote("-/0.33", "-/0.45");
    let order = desk.send(Purpose::Entry, YES, "100");
    desk.done(order, "0");
    desk.strategy.on_settled(MARKET);
    assert!(desk.strategy.spent.is_empty());
    // An order that ends after its market is gone leaves nothing behind.
    let order = desk.send(Purpose::Entry, YES, "100");
    desk.markets.remove(&MARKET);
    let ended = Update::Done { unfilled: size("100"), cause: DoneCause::Resolved };
    let order = desk.orders.update(order, &ended).unwrap();
    assert!(desk.ask(|strategy, view, looks| strategy.on_done(&order, view, looks)).is_empty());
    assert!(desk.strategy.spent.is_empty());
}

#[test]
fn no_leg_is_bought_on_a_crossed_or_locked_book() {
    let check = |yes: &str, no: &str, expected: &str, compared: &str| {
        let mut desk = Desk::new(legged());
        assert_eq!(desk.quote(yes, no), expected, "{yes} {no}");
        assert!(desk.compared.starts_with(compared), "{}", desk.compared);
    };
    check("0.32/0.33", "0.44/0.45", ENTRY, "ask");
    check("0.33/0.33", "0.44/0.45", "crossed_book", "bid 0.33, ask 0.33");
    check("0.34/0.33", "0.44/0.45", "crossed_book", "bid 0.34, ask 0.33");
    check("0.32/0.33", "0.45/0.45", "crossed_book", "bid 0.45, ask 0.45");
    check("0.34/0.33", "0.46/0.45", "crossed_book", "bid 0.34, ask 0.33");
    check("0.34/0.33", "0.46/-", "one_sided_book", "yes_ask 0.33");
}

#[test]
fn a_crossed_book_is_named_before_the_skew() {
    let mut desk = Desk::new(legged());
    desk.show(MARKET, YES, Duration::from_secs(3), "0.33/0.33");
    desk.show(MARKET, NO, Duration::ZERO, "0.44/0.45");
    assert_eq!(desk.look(MARKET), "crossed_book");
    desk.show(MARKET, YES, Duration::from_secs(3), "0.32/0.33");
    assert_eq!(desk.look(MARKET), "book_skew");
}

#[test]
fn a_leg_is_neither_hedged_nor_sold_on_a_crossed_or_locked_book() {
    let check = |yes: &str, no: &str, waited: u64, expected: &str, compared: &str| {
        let mut desk = holding();
        assert_eq!(desk.wait_s(waited).quote(yes, no), expected, "{yes} {no} {waited}");
        assert!(desk.compared.starts_with(compared), "{}", desk.compared);
    };
    check("0.32/0.34", "0.36/0.37", 10, HEDGE, "other_ask");
    check("0.32/0.34", "0.37/0.37", 10, "crossed_book", "bid 0.37, ask 0.37");
    check("0.32/0.34", "0.38/0.37", 10, "crossed_book", "bid 0.38, ask 0.37");
    // What needs the other book alone goes on.
    check("0.34/0.34", "0.36/0.37", 10, HEDGE, "other_ask");
    check("0.1/0.34", "0.38/0.37", 10, EXIT, "bid 0.1, stop 0.297");
    check("0.1/0.34", "0.38/0.37", 901, EXIT, "bid 0.1, stop 0.297");
    // No exit on a crossed book of its own, whatever its cause.
    check("0.1/0.1", "0.69/0.7", 10, "crossed_book", "bid 0.1, ask 0.1");
    check("0.2/0.1", "0.69/0.7", 901, "crossed_book", "bid 0.2, ask 0.1");
    check("0.2/0.1", "0.9/0.8", 901, "crossed_book", "bid 0.2, ask 0.1");
    check("0.2/0.1", "-/-", 10, "crossed_book", "bid 0.2, ask 0.1");
}
