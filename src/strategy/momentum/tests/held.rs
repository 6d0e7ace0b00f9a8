//! Positions that are sold by rules: which rule, in which order, and what becomes of a failed exit.

use super::*;

const YES: Outcome = Outcome::Yes;

/// Returns a desk with 40 shares of yes, bought now.
fn holding(at: &str) -> Desk {
    let mut desk = Desk::new(predictive());
    desk.fill(BTC, YES, Side::Buy, &format!("40 at {at}"));
    desk
}

/// Shows the bid of the position. Returns the look.
fn bid(desk: &mut Desk, bid: &str) -> String {
    desk.show(BTC, YES, Duration::ZERO, &format!("{bid}/-"));
    let mut looks = desk.book(BTC, YES);
    assert_eq!(looks.len(), 1, "{looks:?}");
    looks.remove(0)
}

/// Shows bids one after the other and compares the look at the last, and what it compared.
fn check(bids: &[&str], expected: &str, compared: &str) {
    let mut desk = holding("0.5");
    let looks: Vec<_> = bids.iter().map(|one| bid(&mut desk, one)).collect();
    assert_eq!(looks.last().map(String::as_str), Some(expected), "{bids:?}: {}", desk.compared);
    assert!(desk.compared.ends_with(compared), "{bids:?}: {}", desk.compared);
    assert!(looks.iter().rev().skip(1).all(|look| look == "holding"), "{looks:?}");
}

#[test]
fn a_position_is_sold_for_its_profit_its_loss_or_its_fall() {
    check(&["0.6"], "exit: sell 40 yes of btc at 0.6", "gain 0.2, take_profit 0.2");
    check(&["0.59"], "holding", "gain 0.18, left 240s");
    check(&["0.43"], "holding", "gain -0.14, left 240s");
    check(&["0.42"], "exit: sell 40 yes of btc at 0.42", "gain -0.16, stop_loss 0.15");
    check(&["0.58", "0.52"], "exit: sell 40 yes of btc at 0.52", "gain 0.04, trailing_stop 0.1");
    check(&["0.58", "0.53"], "holding", "high 0.58, gain 0.06, left 240s");
    check(&["0.55", "0.58", "0.56", "0.53"], "holding", "high 0.58, gain 0.06, left 240s");
    check(&["0.5", "0.44"], "holding", "high 0.5, gain -0.12, left 240s");
}

#[test]
fn a_loss_and_a_fall_of_exactly_their_limits_sell() {
    let mut desk = holding("0.5");
    desk.change(|market| market.tick = TickSize::from_micros(1_000).unwrap());
    assert_eq!(bid(&mut desk, "0.426"), "holding");
    assert_eq!(bid(&mut desk, "0.425"), "exit: sell 40 yes of btc at 0.425");
    let mut desk = holding("0.5");
    desk.change(|market| market.tick = TickSize::from_micros(1_000).unwrap());
    assert_eq!(bid(&mut desk, "0.58"), "holding");
    assert_eq!(bid(&mut desk, "0.523"), "holding");
    assert_eq!(bid(&mut desk, "0.522"), "exit: sell 40 yes of btc at 0.522");
}

#[test]
fn the_first_rule_that_fits_is_named() {
    // Profit and fall at once, loss and fall at once, and the close near in each.
    let case = |bids: [&str; 2], rule: &str| {
        let mut desk = holding("0.5");
        desk.strategy.config.method = match predictive().method {
            Method::Predictive { trend, exits } => {
                Method::Predictive { trend, exits: Exits { take_profit: frac("0.3"), ..exits } }
            }
            Method::Directional(_) | Method::Confirmatory { .. } => unreachable!(),
        };
        desk.left_s(40);
        desk.quote(BTC, "-/-", "-/-");
        bid(&mut desk, bids[0]);
        desk.left_s(20);
        bid(&mut desk, bids[1]);
        assert!(desk.compared.contains(rule), "{bids:?}: {}", desk.compared);
    };
    case(["0.8", "0.66"], "take_profit 0.3");
    case(["0.6", "0.4"], "stop_loss 0.15");
    case(["0.6", "0.52"], "trailing_stop 0.1");
    case(["0.5", "0.5"], "left 20s, before_close 30s");
}

#[test]
fn a_position_is_sold_when_less_than_half_a_minute_is_left() {
    let mut desk = holding("0.5");
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(210) + INSTANT));
    desk.left_s(30);
    assert_eq!(bid(&mut desk, "0.5"), "holding");
    desk.wait(INSTANT);
    assert_eq!(desk.timer(), ["exit: sell 40 yes of btc at 0.5"]);
    assert!(desk.compared.ends_with("left 29.999999s, before_close 30s"), "{}", desk.compared);
    // Nothing came of it: no second wake at the same instant.
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn the_other_modes_hold_to_resolution() {
    for config in [directional(), confirmatory()] {
        let mut desk = Desk::new(config);
        desk.fill(BTC, YES, Side::Buy, "40 at 0.5");
        desk.still("100000", "4000");
        desk.quote(BTC, "0.9/0.91", "-/-");
        assert_eq!(desk.next_timer(), None);
        assert_eq!(desk.timer(), Vec::<String>::new());
        assert_ne!(desk.book(BTC, YES), ["exit: sell 40 yes of btc at 0.9"]);
        let order = desk.send(BTC, Purpose::Exit, "40");
        assert_eq!(desk.unmatched(order), Vec::<String>::new());
    }
}

#[test]
fn the_entry_is_what_the_fills_cost_on_average() {
    let mut desk = holding("0.4");
    desk.fill(BTC, YES, Side::Buy, "40 at 0.6");
    assert_eq!(bid(&mut desk, "0.59"), "holding");
    assert_eq!(bid(&mut desk, "0.6"), "exit: sell 80 yes of btc at 0.6");
    // What is left of a partial exit stays a position, at the same price.
    desk.fill(BTC, YES, Side::Sell, "30 at 0.6");
    assert_eq!(bid(&mut desk, "0.6"), "exit: sell 50 yes of btc at 0.6");
    assert!(desk.compared.contains("entry 0.5"), "{}", desk.compared);
}

#[test]
fn a_rest_below_the_venues_smallest_order_is_held_to_resolution() {
    let mut desk = holding("0.5");
    desk.fill(BTC, YES, Side::Sell, "35.001 at 0.6");
    assert_eq!(bid(&mut desk, "0.9"), "below_minimum");
    assert_eq!(desk.compared, "size 4.999, min_size 5");
    // Exactly the smallest order is sold.
    let mut desk = holding("0.5");
    desk.fill(BTC, YES, Side::Sell, "35 at 0.6");
    assert_eq!(bid(&mut desk, "0.9"), "exit: sell 5 yes of btc at 0.9");
}

#[test]
fn an_exit_needs_a_fresh_book_with_a_bid() {
    let mut desk = holding("0.5");
    desk.show(BTC, YES, Duration::from_micros(5_000_001), "0.6/-");
    assert_eq!(desk.book(BTC, YES), ["stale_book"]);
    assert_eq!(desk.compared, "age 5.000001s, book_age_max 5s");
    desk.show(BTC, YES, Duration::from_secs(5), "0.6/-");
    assert_eq!(desk.book(BTC, YES), ["exit: sell 40 yes of btc at 0.6"]);
    assert_eq!(bid(&mut desk, "-"), "one_sided_book");
    // The highest bid is not read from a stale book.
    let mut desk = holding("0.5");
    desk.show(BTC, YES, Duration::from_secs(6), "0.58/-");
    desk.book(BTC, YES);
    assert_eq!(bid(&mut desk, "0.51"), "holding");
    assert!(desk.compared.contains("high 0.51"), "{}", desk.compared);
}

#[test]
fn a_failed_exit_keeps_the_position_and_is_tried_again_with_longer_waits() {
    // A partly filled exit forgot the rest, and a failed one was never tried again.
    let mut desk = holding("0.5");
    assert_eq!(bid(&mut desk, "0.6"), "exit: sell 40 yes of btc at 0.6");
    for (attempt, wait) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        let order = desk.send(BTC, Purpose::Exit, "40");
        assert_eq!(bid(&mut desk, "0.6"), "pending_order");
        let ended = if attempt % 2 == 0 { desk.unmatched(order) } else { desk.refused(order) };
        assert_eq!(ended, ["exit_backoff"]);
        assert_eq!(desk.compared, format!("attempt {}, wait {wait}s", attempt + 1));
        assert_eq!(desk.next_timer(), Some(Duration::from_secs(wait)));
        desk.wait_s(wait);
        desk.show(BTC, YES, Duration::ZERO, "0.6/-");
        assert_eq!(desk.timer(), ["exit: sell 40 yes of btc at 0.6"]);
    }
}

#[test]
fn a_position_in_another_outcome_is_one_of_its_own() {
    let mut desk = holding("0.5");
    desk.fill(BTC, Outcome::No, Side::Buy, "10 at 0.3");
    desk.quote(BTC, "0.5/-", "0.36/-");
    assert_eq!(desk.book(BTC, YES), ["holding"]);
    assert_eq!(desk.book(BTC, Outcome::No), ["exit: sell 10 no of btc at 0.36"]);
}

#[test]
fn an_exit_above_the_price_grid_cannot_be_sold() {
    let mut desk = holding("0.5");
    assert_eq!(bid(&mut desk, "0.995"), "price_limit");
    assert_eq!(desk.compared, "price 0.995, tick 0.01");
}
