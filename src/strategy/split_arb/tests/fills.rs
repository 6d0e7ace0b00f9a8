//! What fills make of a leg.

use super::*;

/// Books fills of `(outcome, side, price, shares, fee)` and compares the leg that is left.
fn check(fills: &[(Outcome, Side, &str, &str, &str)], expected: Option<&str>) {
    let mut desk = Desk::new(legged());
    for (outcome, side, at, shares, fee) in fills {
        desk.fill(*outcome, *side, at, shares, fee);
    }
    assert_eq!(desk.leg(MARKET).as_deref(), expected, "{fills:?}");
}

const YES: Outcome = Outcome::Yes;
const NO: Outcome = Outcome::No;
const BUY: Side = Side::Buy;
const SELL: Side = Side::Sell;

#[test]
fn a_fill_makes_a_leg_of_what_was_filled() {
    check(&[], None);
    check(&[(YES, BUY, "0.33", "60", "0.9")], Some("60 yes for 19.8 + 0.9"));
    check(&[(NO, BUY, "0.33", "60.5", "0")], Some("60.5 no for 19.965 + 0"));
}

#[test]
fn a_second_fill_of_the_same_leg_is_no_hedge() {
    let second = [(YES, BUY, "0.33", "60", "0.9"), (YES, BUY, "0.34", "40", "0.6")];
    check(&second, Some("100 yes for 33.4 + 1.5"));
}

#[test]
fn a_hedge_takes_its_part_of_the_leg_away() {
    let leg = (YES, BUY, "0.33", "100", "1.5");
    check(&[leg, (NO, BUY, "0.37", "40", "0.7")], Some("60 yes for 19.8 + 0.9"));
    check(&[leg, (NO, BUY, "0.37", "100", "0.7")], None);
    check(&[leg, (NO, BUY, "0.37", "40", "0"), (NO, BUY, "0.37", "60", "0")], None);
}

#[test]
fn a_hedge_larger_than_the_leg_is_a_leg_on_the_other_side() {
    let leg = (YES, BUY, "0.33", "100", "1.5");
    check(&[leg, (NO, BUY, "0.4", "125", "2.5")], Some("25 no for 10 + 0.5"));
}

#[test]
fn a_sell_takes_its_part_of_the_leg_away() {
    let leg = (YES, BUY, "0.33", "100", "1.5");
    check(&[leg, (YES, SELL, "0.3", "40", "0.6")], Some("60 yes for 19.8 + 0.9"));
    check(&[leg, (YES, SELL, "0.3", "100", "0.6")], None);
    check(&[leg, (NO, SELL, "0.3", "40", "0")], Some("100 yes for 33 + 1.5"));
    check(&[(YES, SELL, "0.3", "40", "0")], None);
}

#[test]
fn a_leg_waits_since_its_first_fill() {
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "0.33", "60", "0");
    desk.wait_s(600).fill(YES, BUY, "0.33", "40", "0");
    desk.wait_s(301);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    // The leg that an oversized hedge opens is a new one.
    desk.fill(NO, BUY, "0.37", "150", "0");
    assert_eq!(desk.quote("-/0.7", "0.36/-"), "await_hedge");
    assert_eq!(desk.compared, "other_ask 0.7, hedge_max 0.33, profit -0.07, waited 0s, bid 0.36");
}

#[test]
fn the_rules_go_by_what_the_fills_cost_on_average() {
    // 60 at 0.30 and 40 at 0.35 cost 0.32 a share: a hedge at 0.38 makes 0.70.
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "0.30", "60", "0");
    desk.fill(YES, BUY, "0.35", "40", "0");
    assert_eq!(desk.quote("0.31/-", "-/0.39"), "await_hedge");
    assert_eq!(desk.quote("0.31/-", "-/0.38"), "hedge: buy 100 no at 0.38");
}

#[test]
fn a_price_stays_what_it_was_whatever_the_size() {
    // Neither odd shares nor partial hedges may move 0.33 + 0.37 past 0.70 by a rounding.
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "0.33", "33.333333", "0");
    desk.fill(YES, BUY, "0.33", "11.111111", "0");
    desk.fill(NO, BUY, "0.37", "7.777777", "0");
    assert_eq!(desk.quote("0.32/-", "-/0.37"), "hedge: buy 36.66 no at 0.37");
    assert!(desk.compared.contains("sum 0.7, target_sum 0.7"), "{}", desk.compared);
}

#[test]
fn a_look_follows_each_fill_and_each_end_of_an_order() {
    let mut desk = Desk::new(simultaneous());
    assert_eq!(desk.quote("0.44/0.45", "0.51/0.52"), "entry: buy 50 yes at 0.45");
    let entry = desk.send(Purpose::Entry, YES, "50");
    // A fill finds its order still open; the rest of it may come.
    assert_eq!(desk.fill(YES, BUY, "0.45", "20", "0"), ["pending_order"]);
    assert_eq!(desk.done(entry, "0"), "hedge: buy 20 no at 0.52");
    let hedge = desk.send(Purpose::Hedge, NO, "20");
    assert_eq!(desk.done(hedge, "20"), "entry: buy 50 yes at 0.45");
}

#[test]
fn a_market_may_be_entered_again_after_a_full_pair() {
    for config in [legged(), simultaneous()] {
        let mut desk = Desk::new(Config { unhedged_max: 1, ..config });
        let first = desk.quote("0.32/0.33", "0.36/0.37");
        assert!(first.starts_with("entry: buy"), "{first}");
        desk.fill(YES, BUY, "0.33", "50", "0");
        desk.fill(NO, BUY, "0.37", "50", "0");
        assert_eq!(desk.leg(MARKET), None);
        // The pair is held: no exit, however old it is and whatever the bids are.
        desk.wait_s(2000);
        assert_eq!(desk.quote("0.1/0.33", "0.1/0.37"), first);
    }
}

#[test]
fn rests_too_small_for_a_hedge_stay_a_leg() {
    // A hedge in whole hundredths leaves 0.005 of a share: no new entry next to it.
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "0.33", "50.005", "0");
    desk.fill(NO, BUY, "0.37", "50", "0");
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "below_minimum");
    assert_eq!(desk.compared, "size 0.005, min_size 5");
}
