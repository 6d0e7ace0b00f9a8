//! What fills make of a leg.

use super::*;

/// Books fills and compares the leg that is left.
fn check(fills: &[(Outcome, Side, &str)], expected: Option<&str>) {
    let mut desk = Desk::new(legged());
    for (outcome, side, deal) in fills {
        desk.fill(*outcome, *side, deal);
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
    check(&[(YES, BUY, "60 at 0.33 + 0.9")], Some("60 yes for 19.8 + 0.9"));
    check(&[(NO, BUY, "60.5 at 0.33")], Some("60.5 no for 19.965 + 0"));
}

#[test]
fn a_second_fill_of_the_same_leg_is_no_hedge() {
    let second = [(YES, BUY, "60 at 0.33 + 0.9"), (YES, BUY, "40 at 0.34 + 0.6")];
    check(&second, Some("100 yes for 33.4 + 1.5"));
}

#[test]
fn a_hedge_takes_its_part_of_the_leg_away() {
    let leg = (YES, BUY, "100 at 0.33 + 1.5");
    check(&[leg, (NO, BUY, "40 at 0.37 + 0.7")], Some("60 yes for 19.8 + 0.9"));
    check(&[leg, (NO, BUY, "100 at 0.37 + 0.7")], None);
    check(&[leg, (NO, BUY, "40 at 0.37"), (NO, BUY, "60 at 0.37")], None);
}

#[test]
fn a_hedge_larger_than_the_leg_is_a_leg_on_the_other_side() {
    let leg = (YES, BUY, "100 at 0.33 + 1.5");
    check(&[leg, (NO, BUY, "125 at 0.4 + 2.5")], Some("25 no for 10 + 0.5"));
}

#[test]
fn a_sell_takes_its_part_of_the_leg_away() {
    let leg = (YES, BUY, "100 at 0.33 + 1.5");
    check(&[leg, (YES, SELL, "40 at 0.3 + 0.6")], Some("60 yes for 19.8 + 0.9"));
    check(&[leg, (YES, SELL, "100 at 0.3 + 0.6")], None);
    check(&[leg, (NO, SELL, "40 at 0.3")], Some("100 yes for 33 + 1.5"));
    check(&[(YES, SELL, "40 at 0.3")], None);
}

#[test]
fn a_leg_waits_since_its_first_fill() {
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "60 at 0.33");
    desk.wait_s(600).fill(YES, BUY, "40 at 0.33");
    desk.wait_s(301);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    // The leg that an oversized hedge opens is a new one.
    desk.fill(NO, BUY, "150 at 0.37");
    assert_eq!(desk.quote("-/0.7", "0.36/-"), "await_hedge");
    assert_eq!(desk.compared, "other_ask 0.7, hedge_max 0.33, profit -0.07, waited 0s, bid 0.36");
}

#[test]
fn the_rules_go_by_what_the_fills_cost_on_average() {
    // 60 at 0.30 and 40 at 0.35 cost 0.32 a share: a hedge at 0.38 makes 0.70.
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "60 at 0.30");
    desk.fill(YES, BUY, "40 at 0.35");
    assert_eq!(desk.quote("0.31/-", "-/0.39"), "await_hedge");
    assert_eq!(desk.quote("0.31/-", "-/0.38"), "hedge: buy 100 no at 0.38");
}

#[test]
fn a_price_stays_what_it_was_whatever_the_size() {
    // Neither odd shares nor partial hedges may move 0.33 + 0.37 past 0.70 by a rounding.
    let mut desk = Desk::new(legged());
    desk.fill(YES, BUY, "33.333333 at 0.33");
    desk.fill(YES, BUY, "11.111111 at 0.33");
    desk.fill(NO, BUY, "7.777777 at 0.37");
    assert_eq!(desk.quote("0.32/-", "-/0.37"), "hedge: buy 36.66 no at 0.37");
    assert!(desk.compared.contains("sum 0.7, target_sum 0.7"), "{}", desk.compared);
}

#[test]
fn a_look_follows_each_fill_and_each_end_of_an_order() {
    let mut desk = Desk::new(simultaneous());
    assert_eq!(desk.quote("0.44/0.45", "0.51/0.52"), "entry: buy 50 yes at 0.45");
    let entry = desk.send(Purpose::Entry, YES, "50");
    // A fill finds its order still open; the rest of it may come.
    assert_eq!(desk.fill(YES, BUY, "20 at 0.45"), ["pending_order"]);
    assert_eq!(desk.done(entry, "0"), "hedge: buy 20 no at 0.52");
    let hedge = desk.send(Purpose::Hedge, NO, "20");
    assert_eq!(desk.done(hedge, "20"), "spent_book");
    let again = desk.wait(INSTANT).quote("0.44/0.45", "0.51/0.52");
    assert_eq!(again, "entry: buy 50 yes at 0.45");
}

#[test]
fn a_market_may_be_entered_again_after_a_full_pair() {
    for config in [legged(), simultaneous()] {
        let mut desk = Desk::new(Config { unhedged_max: 1, ..config });
        let first = desk.quote("0.32/0.33", "0.36/0.37");
        assert!(first.starts_with("entry: buy"), "{first}");
        desk.fill(YES, BUY, "50 at 0.33");
        desk.fill(NO, BUY, "50 at 0.37");
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
    desk.fill(YES, BUY, "50.005 at 0.33");
    desk.fill(NO, BUY, "50 at 0.37");
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "below_minimum");
    assert_eq!(desk.compared, "size 0.005, min_size 5");
}

proptest::proptest! {
    /// Whatever is bought, the leg is what the one outcome has more of than the other.
    #[test]
    fn a_leg_is_the_difference_of_what_was_bought(
        buys in proptest::collection::vec((proptest::bool::ANY, 1..1_000_i64, 1..100_i64), 1..20),
    ) {
        let mut desk = Desk::new(legged());
        let mut held = [Size::ZERO; 2];
        for (is_yes, hundredths, cents) in buys {
            let outcome = if is_yes { YES } else { NO };
            let shares = Size::from_micros(hundredths * 10_000).unwrap();
            let at = Price::from_micros(cents * 10_000).unwrap();
            desk.fill(outcome, BUY, &format!("{shares} at {at} + 0.01"));
            *outcome.of_mut(&mut held) += shares;
        }
        let [yes, no] = held;
        let leg = desk.leg(MARKET).unwrap_or_default();
        let expected = match yes.cmp(&no) {
            std::cmp::Ordering::Equal => String::new(),
            std::cmp::Ordering::Greater => format!("{} yes for ", yes - no),
            std::cmp::Ordering::Less => format!("{} no for ", no - yes),
        };
        proptest::prop_assert!(leg.starts_with(&expected), "{} is not {}", leg, expected);
        proptest::prop_assert_eq!(leg.is_empty(), expected.is_empty());
    }
}
