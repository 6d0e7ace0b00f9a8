//! What can be lost at resolution, and the exits that raise it.

use proptest::prelude::*;

use super::*;

/// Returns a portfolio of so many shares of yes and of no at these prices.
fn pair(yes: (&str, &str), no: (&str, &str)) -> Portfolio {
    let mut portfolio = holding(Outcome::Yes, yes.0, yes.1);
    portfolio.book(&Fill { number: 2, ..fill(Outcome::No, no.0, no.1) }).unwrap();
    portfolio
}

fn of(outcome: Outcome, intent: Intent) -> Intent {
    Intent { outcome, ..intent }
}

fn sell(size: &str) -> Intent {
    intent(Purpose::Exit, Side::Sell, "0.20", size)
}

#[test]
fn orders_of_both_outcomes_do_not_add_up() {
    // Only one of the two can turn out to be lost: 21 where yes comes true, 20 where no does.
    let mut guard = RiskGuard::new(limits());
    let mut orders = OpenOrders::default();
    orders.add(1, of(Outcome::No, entry("0.50", "40")), usdc("1"));
    assert_eq!(worst_loss(&Portfolio::default(), &orders, MARKET), usdc("21"));
    let none = Portfolio::default();
    assert_eq!(check_at(&mut guard, entry("0.40", "100"), &none, &orders, NOW), Ok(()));
    let no = check_at(&mut guard, entry("0.40", "102"), &none, &orders, NOW);
    assert_eq!(no, refused("market_exposure 40.8 of 40, 100 would pass"));
}

#[test]
fn a_purchase_of_the_other_outcome_nets() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::No, "0.30", "100");
    // Where yes comes true 30 are lost, with or without; where no does, 70 are won beforehand.
    assert_eq!(check(&mut guard, entry("0.40", "250"), &held), Ok(()));
    let no = check(&mut guard, entry("0.40", "300"), &held);
    assert_eq!(no, refused("market_exposure 50 of 40, 275 would pass"));
}

#[test]
fn no_smaller_entry_helps_where_too_much_is_at_risk_already() {
    let mut guard = RiskGuard::new(limits());
    let held = holding(Outcome::No, "0.50", "100");
    let no = check(&mut guard, entry("0.40", "50"), &held);
    assert_eq!(no, refused("market_exposure 50 of 40"));
}

#[test]
fn an_exit_that_breaks_pairs_passes_up_to_the_limit() {
    let mut guard = RiskGuard::new(limits());
    // A hundred pairs for 95: nothing can be lost. Each share of yes sold may cost 0.60 if yes comes true.
    let held = pair(("0.40", "100"), ("0.55", "100"));
    assert_eq!(worst_loss(&held, &OpenOrders::default(), MARKET), Usdc::ZERO);
    assert_eq!(check(&mut guard, sell("75"), &held), Ok(()));
    let no = check(&mut guard, sell("75.01"), &held);
    assert_eq!(no, refused("market_exposure 40.006 of 40, 75 would pass"));
}

#[test]
fn pairs_that_are_sold_on_both_sides_pass_in_slices() {
    let mut guard = RiskGuard::new(limits());
    let held = pair(("0.40", "200"), ("0.55", "200"));
    let mut orders = OpenOrders::default();
    orders.add(1, sell("80"), Usdc::ZERO);
    // Either sale may be the one that finds nobody: 38 are lost where yes comes true, 26 where no does.
    let other = |size| of(Outcome::No, sell(size));
    assert_eq!(check_at(&mut guard, other("80"), &held, &orders, NOW), Ok(()));
    let no = check_at(&mut guard, other("120"), &held, &orders, NOW);
    assert_eq!(no, refused("market_exposure 44 of 40, 111.11 would pass"));
}

#[test]
fn an_exit_of_shares_without_a_pair_passes_however_much_is_at_risk() {
    let mut guard = RiskGuard::new(limits());
    let held = pair(("0.90", "1000"), ("0.05", "10"));
    for size in ["5", "990", "1000"] {
        assert_eq!(check(&mut guard, sell(size), &held), Ok(()), "{size}");
    }
}

#[test]
fn pairs_are_broken_only_as_far_as_all_markets_together_allow() {
    let limits = Limits { strategy_exposure_max_usdc: usdc("40"), ..limits() };
    let mut guard = RiskGuard::new(limits);
    let mut held = pair(("0.40", "100"), ("0.55", "100"));
    let other = ConditionId::from_bytes([2; 32]);
    let elsewhere = Fill { market: other, number: 3, ..fill(Outcome::Yes, "0.25", "100") };
    held.book(&elsewhere).unwrap();
    assert_eq!(check(&mut guard, sell("33"), &held), Ok(()));
    let no = check(&mut guard, sell("34"), &held);
    assert_eq!(no, refused("strategy_exposure 40.4 of 40, 33.33 would pass"));
}

proptest! {
    #[test]
    fn an_exit_is_held_back_only_where_it_raises_the_loss_above_the_limit(
        (yes, no) in ((1_u32..=9, 5_u32..500), (1_u32..=9, 5_u32..500)),
        (size, limit) in (5_u32..500, 1_u32..200),
    ) {
        let text = |(price, size): (u32, u32)| (format!("0.{price}"), size.to_string());
        let (yes, no) = (text(yes), text(no));
        let held = pair((&yes.0, &yes.1), (&no.0, &no.1));
        let limit = usdc(&limit.to_string());
        let limits =
            Limits { market_exposure_max_usdc: limit, strategy_exposure_max_usdc: limit, ..limits() };
        let exit = sell(&size.to_string());
        prop_assume!(exit.size <= held.position(MARKET, Outcome::Yes).size);
        let before = worst_loss(&held, &OpenOrders::default(), MARKET);
        let mut sold = held.clone();
        let done = Fill { number: 3, side: Side::Sell, size: exit.size, ..fill(Outcome::Yes, "0.20", "1") };
        sold.book(&done).unwrap();
        let after = worst_loss(&sold, &OpenOrders::default(), MARKET);
        // What is promised before the order is what the books say when it was filled.
        let mut orders = OpenOrders::default();
        orders.add(1, exit, Usdc::ZERO);
        prop_assert_eq!(worst_loss(&held, &orders, MARKET), after.max(before));
        let answer = check(&mut RiskGuard::new(limits), exit, &held);
        prop_assert_eq!(answer.is_ok(), after <= before.max(limit), "{:?}", answer);
    }
}
