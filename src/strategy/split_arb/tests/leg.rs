//! What is done with an open leg.

use super::*;

/// Returns a desk with a leg of yes, bought now without a fee.
fn holding(config: Config, at: &str, shares: &str) -> Desk {
    let mut desk = Desk::new(config);
    desk.fill(Outcome::Yes, Side::Buy, &format!("{shares} at {at}"));
    desk
}

/// Offers the other side to a leg of yes at `at`, whose own bid is a cent below.
fn check(config: &Config, at: &str, shares: &str, other_ask: &str, expected: &str) {
    let mut desk = holding(config.clone(), at, shares);
    let own = (usdc(at) - usdc("0.01")).to_string();
    let look = desk.quote(&format!("{own}/-"), &format!("-/{other_ask}"));
    assert_eq!(look, expected, "{:?} {at} {other_ask}: {}", config.style, desk.compared);
}

#[test]
fn legged_hedges_when_the_pair_costs_at_most_the_target() {
    check(&legged(), "0.33", "100", "0.37", "hedge: buy 100 no at 0.37");
    check(&legged(), "0.33", "100", "0.38", "await_hedge");
    let mut desk = holding(legged(), "0.33", "100");
    desk.quote("0.32/-", "-/0.37");
    let numbers = "other_ask 0.37, sum 0.7, target_sum 0.7, profit 0.3, profit_min 0.05";
    assert_eq!(desk.compared, numbers);
}

#[test]
fn legged_hedges_only_for_the_least_profit_whatever_the_target() {
    let config = Config { target_sum_usdc: usdc("0.98"), ..legged() };
    check(&config, "0.33", "100", "0.62", "hedge: buy 100 no at 0.62");
    check(&config, "0.33", "100", "0.63", "await_hedge");
}

#[test]
fn simultaneous_hedges_only_below_the_target() {
    check(&simultaneous(), "0.45", "50", "0.52", "hedge: buy 50 no at 0.52");
    check(&simultaneous(), "0.45", "50", "0.53", "await_hedge");
}

#[test]
fn simultaneous_hedges_only_for_the_least_profit_too() {
    // It used to ask for a sum below 0.98 and for nothing else.
    let config = Config { profit_min_usdc: usdc("0.03"), ..simultaneous() };
    check(&config, "0.45", "50", "0.52", "hedge: buy 50 no at 0.52");
    let config = Config { profit_min_usdc: usdc("0.04"), ..simultaneous() };
    check(&config, "0.45", "50", "0.52", "await_hedge");
}

#[test]
fn the_profit_of_a_hedge_counts_the_fees_of_both_legs() {
    // 0.33 + 0.62 = 0.95 leaves 0.05 before fees: 0.015477 for the leg and 0.016492 for the hedge.
    let config = Config { target_sum_usdc: usdc("0.98"), ..legged() };
    let mut desk = Desk::with_fees(config, crypto());
    desk.fill(Outcome::Yes, Side::Buy, "100 at 0.33 + 1.5477");
    assert_eq!(desk.quote("0.32/0.33", "0.61/0.62"), "await_hedge");
    let numbers = "other_ask 0.62, hedge_max 0.58, profit 0.018031, waited 0s, bid 0.32";
    assert_eq!(desk.compared, numbers);
    assert_eq!(desk.quote("0.32/0.33", "0.58/0.59"), "await_hedge");
    assert_eq!(desk.quote("0.32/0.33", "0.57/0.58"), "hedge: buy 100 no at 0.58");
}

#[test]
fn the_sum_of_a_hedge_counts_prices_only() {
    let mut desk = Desk::with_fees(legged(), crypto());
    desk.fill(Outcome::Yes, Side::Buy, "100 at 0.33 + 1.5477");
    assert_eq!(desk.quote("0.32/0.33", "0.36/0.37"), "hedge: buy 100 no at 0.37");
}

#[test]
fn the_highest_fitting_hedge_is_named() {
    // At every price of the grid: it fits exactly up to the named one.
    let fees = [("0", 1), ("0.07", 1), ("0.25", 2), ("1", 1), ("0.01", 0)];
    for (rate, exponent) in fees {
        for style in [legged(), simultaneous()] {
            let config = Config { profit_min_usdc: usdc("0.1"), ..style };
            let fees = FeeSchedule::new(usdc(rate), exponent).unwrap();
            let mut desk = Desk::with_fees(config, fees);
            desk.fill(Outcome::Yes, Side::Buy, "100 at 0.33 + 1.5477");
            let mut named = None;
            let mut highest = None;
            for cents in (2..100_i64).rev() {
                let ask = Price::from_micros(cents * 10_000).unwrap();
                match desk.quote("0.32/-", &format!("-/{ask}")).as_str() {
                    "await_hedge" => {
                        assert_eq!(highest, None, "{ask} is below a hedge that fits");
                        let numbers = desk.compared.clone();
                        let max = numbers.split(", ").find_map(|n| n.strip_prefix("hedge_max "));
                        named = max.map(str::to_owned);
                    }
                    _ => highest = highest.or(Some(ask.to_string())),
                }
            }
            assert!(highest.is_some() || rate == "1", "{rate}");
            assert_eq!(named, highest, "{rate} {exponent}");
        }
    }
}

#[test]
fn a_hedge_is_as_large_as_the_leg_was_filled() {
    // 60.129 of 100 were filled: the hedge buys that, not what was asked for.
    check(&legged(), "0.33", "60.129", "0.37", "hedge: buy 60.12 no at 0.37");
}

#[test]
fn a_hedge_below_the_venues_smallest_buy_is_not_to_be_had() {
    check(&legged(), "0.33", "5", "0.2", "hedge: buy 5 no at 0.2");
    check(&legged(), "0.33", "5", "0.19", "await_hedge");
    check(&legged(), "0.33", "10", "0.005", "await_hedge");
}

#[test]
fn a_leg_is_sold_when_its_bid_has_fallen_by_the_stop() {
    let mut desk = holding(simultaneous(), "0.4", "50");
    assert_eq!(desk.quote("0.37/-", "-/0.7"), "await_hedge");
    assert_eq!(desk.quote("0.36/-", "-/0.7"), "exit: sell 50 yes at 0.36");
    assert_eq!(desk.compared, "bid 0.36, stop 0.36");
    assert_eq!(desk.quote("0.2/-", "-/0.7"), "exit: sell 50 yes at 0.2");
    // A stop between two prices of the grid: 0.45 × 0.9 = 0.405.
    let mut desk = holding(simultaneous(), "0.45", "50");
    assert_eq!(desk.quote("0.41/-", "-/0.7"), "await_hedge");
    assert_eq!(desk.quote("0.4/-", "-/0.7"), "exit: sell 50 yes at 0.4");
}

#[test]
fn a_leg_is_sold_when_it_waited_longer_than_allowed() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(900);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "await_hedge");
    desk.wait(INSTANT);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    assert_eq!(desk.compared, "waited 900.000001s, hedge_wait_max 900s, bid 0.32");
}

#[test]
fn a_leg_is_sold_when_its_market_is_about_to_close() {
    let mut desk = holding(legged(), "0.33", "100");
    let close = desk.now + Duration::from_secs(600);
    desk.change(|market| market.closes_at = close);
    desk.wait_s(570);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "await_hedge");
    desk.wait(INSTANT);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    assert_eq!(desk.compared, "left 29.999999s, exit_before_close 30s, bid 0.32");
    desk.wait_s(60);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
}

#[test]
fn a_leg_is_hedged_rather_than_sold_and_the_stop_comes_first_of_the_exits() {
    let mut desk = holding(legged(), "0.33", "100");
    let close = desk.now + Duration::from_secs(905);
    desk.change(|market| market.closes_at = close);
    desk.wait_s(901);
    assert_eq!(desk.quote("0.1/-", "-/0.37"), "hedge: buy 100 no at 0.37");
    assert_eq!(desk.quote("0.1/-", "-/0.7"), "exit: sell 100 yes at 0.1");
    assert_eq!(desk.compared, "bid 0.1, stop 0.297");
    desk.quote("0.32/-", "-/0.7");
    assert_eq!(desk.compared, "waited 901s, hedge_wait_max 900s, bid 0.32");
}

#[test]
fn a_leg_that_waits_tells_for_what() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(12);
    assert_eq!(desk.quote("0.32/0.34", "0.4/0.42"), "await_hedge");
    let numbers = "other_ask 0.42, hedge_max 0.37, profit 0.25, waited 12s, bid 0.32";
    assert_eq!(desk.compared, numbers);
    assert_eq!(desk.quote("-/0.34", "0.4/-"), "await_hedge");
    assert_eq!(desk.compared, "hedge_max 0.37, waited 12s");
}

#[test]
fn an_exit_without_any_bid_waits_for_one() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(901);
    assert_eq!(desk.quote("-/0.34", "0.4/0.42"), "one_sided_book");
    assert_eq!(desk.compared, "waited 901s, hedge_wait_max 900s");
    assert_eq!(desk.leg(MARKET).as_deref(), Some("100 yes for 33 + 0"));
}

#[test]
fn an_exit_above_the_price_grid_cannot_be_sold() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(901);
    assert_eq!(desk.quote("0.995/-", "-/-"), "price_limit");
    assert_eq!(desk.compared, "price 0.995, tick 0.01");
}

#[test]
fn each_way_out_needs_only_its_own_book() {
    let old = Duration::from_secs(6);
    let look = |own: &str, own_age, other: &str, other_age, waited: u64| {
        let mut desk = holding(legged(), "0.33", "100");
        desk.wait_s(waited);
        desk.show(MARKET, Outcome::Yes, own_age, own);
        desk.show(MARKET, Outcome::No, other_age, other);
        desk.look(MARKET)
    };
    let now = Duration::ZERO;
    // The hedge needs the other book alone.
    assert_eq!(look("0.32/-", old, "-/0.37", now, 10), "hedge: buy 100 no at 0.37");
    assert_eq!(look("0.32/-", old, "-/0.37", now, 901), "hedge: buy 100 no at 0.37");
    assert_eq!(look("0.1/-", old, "-/0.7", now, 10), "await_hedge");
    assert_eq!(look("0.1/-", old, "-/0.7", now, 901), "stale_book");
    // The exits need the leg's own book alone.
    assert_eq!(look("0.1/-", now, "-/0.37", old, 10), "exit: sell 100 yes at 0.1");
    assert_eq!(look("0.32/-", now, "-/0.37", old, 901), "exit: sell 100 yes at 0.32");
    assert_eq!(look("0.32/-", now, "-/-", now, 901), "exit: sell 100 yes at 0.32");
    assert_eq!(look("0.32/-", now, "-/0.37", old, 10), "await_hedge");
    // Nothing is decided without both.
    assert_eq!(look("0.1/-", old, "-/0.37", old, 901), "stale_book");
    assert_eq!(look("0.1/-", old, "-/-", now, 10), "stale_book");
}

#[test]
fn nothing_is_sent_for_a_leg_while_an_order_is_pending() {
    let mut desk = holding(legged(), "0.33", "100");
    assert_eq!(desk.quote("0.32/-", "-/0.37"), "hedge: buy 100 no at 0.37");
    let order = desk.send(Purpose::Hedge, Outcome::No, "100");
    assert_eq!(desk.quote("0.32/-", "-/0.37"), "pending_order");
    assert_eq!(desk.quote("0.1/-", "-/0.7"), "pending_order");
    assert_eq!(desk.refused(order), "exit: sell 100 yes at 0.1");
}

#[test]
fn a_leg_below_the_venues_smallest_order_is_held_to_resolution() {
    check(&legged(), "0.33", "5", "0.37", "hedge: buy 5 no at 0.37");
    check(&legged(), "0.33", "4.999", "0.37", "below_minimum");
    let mut desk = holding(legged(), "0.33", "4.999");
    desk.wait_s(901);
    assert_eq!(desk.quote("0.1/-", "-/0.37"), "below_minimum");
    assert_eq!(desk.compared, "size 4.999, min_size 5");
    desk.send(Purpose::Exit, Outcome::Yes, "5");
    assert_eq!(desk.look(MARKET), "pending_order");
}

#[test]
fn a_failed_exit_keeps_the_leg_and_is_tried_again_with_longer_waits() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(901);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    for (attempt, wait) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
        let ended = if attempt % 2 == 0 { desk.done(order, "0") } else { desk.refused(order) };
        assert_eq!(ended, "exit_backoff");
        assert_eq!(desk.compared, format!("attempt {}, wait {wait}s", attempt + 1));
        assert_eq!(desk.leg(MARKET).as_deref(), Some("100 yes for 33 + 0"));
        assert_eq!(desk.next_timer(), Some(Duration::from_secs(wait)));
        desk.wait(Duration::from_secs(wait) - INSTANT);
        assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit_backoff");
        assert_eq!(desk.compared, format!("attempt {}, wait 0.000001s", attempt + 1));
        desk.wait(INSTANT);
        assert_eq!(desk.timer(), ["exit: sell 100 yes at 0.32"]);
    }
}

#[test]
fn what_an_exit_left_unsold_is_sold_after_the_wait() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(901);
    desk.quote("0.32/-", "-/0.7");
    let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
    assert_eq!(desk.done(order, "40"), "exit_backoff");
    assert_eq!(desk.leg(MARKET).as_deref(), Some("60 yes for 19.8 + 0"));
    desk.wait_s(1);
    assert_eq!(desk.timer(), ["exit: sell 60 yes at 0.32"]);
    let order = desk.send(Purpose::Exit, Outcome::Yes, "60");
    // All sold: the leg is gone, and the look is one for an entry again.
    assert_eq!(desk.done(order, "60"), "one_sided_book");
    assert_eq!(desk.leg(MARKET), None);
}

#[test]
fn an_exit_that_sold_all_it_could_starts_no_wait() {
    let mut desk = holding(legged(), "0.33", "100.005");
    desk.wait_s(901);
    assert_eq!(desk.quote("0.32/-", "-/0.7"), "exit: sell 100 yes at 0.32");
    let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
    assert_eq!(desk.done(order, "100"), "below_minimum");
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(HOUR - 30 - 901) + INSTANT));
}

#[test]
fn a_hedge_does_not_wait_for_the_next_exit() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.wait_s(901);
    desk.quote("0.32/-", "-/0.7");
    let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
    assert_eq!(desk.done(order, "0"), "exit_backoff");
    assert_eq!(desk.quote("0.32/-", "-/0.37"), "hedge: buy 100 no at 0.37");
}

#[test]
fn the_wait_is_forgotten_with_the_leg() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.quote("0.1/-", "-/0.7");
    let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
    assert_eq!(desk.done(order, "0"), "exit_backoff");
    desk.fill(Outcome::No, Side::Buy, "100 at 0.37");
    desk.fill(Outcome::Yes, Side::Buy, "100 at 0.33");
    assert_eq!(desk.quote("0.1/-", "-/0.7"), "exit: sell 100 yes at 0.1");
    // The end of an exit that nothing is left of starts no wait either.
    let order = desk.send(Purpose::Exit, Outcome::Yes, "100");
    desk.fill(Outcome::No, Side::Buy, "100 at 0.37");
    desk.done(order, "0");
    desk.fill(Outcome::Yes, Side::Buy, "100 at 0.33");
    assert_eq!(desk.look(MARKET), "exit: sell 100 yes at 0.1");
}

#[test]
fn only_a_failed_exit_makes_exits_wait() {
    let mut desk = holding(legged(), "0.33", "100");
    desk.quote("0.1/-", "-/0.7");
    let order = desk.send(Purpose::Hedge, Outcome::No, "100");
    assert_eq!(desk.done(order, "0"), "exit: sell 100 yes at 0.1");
}
