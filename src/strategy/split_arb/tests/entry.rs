//! When the first leg is bought.

use super::*;

/// Quotes both sides once and compares how the look ended.
fn check(config: &Config, yes: &str, no: &str, expected: &str) {
    let quotes = [yes, no].map(|ask| format!("-/{ask}"));
    let mut desk = Desk::new(config.clone());
    let [yes, no] = &quotes;
    assert_eq!(desk.quote(yes, no), expected, "{:?} {yes} {no}: {}", config.style, desk.compared);
}

#[test]
fn legged_buys_one_leg_when_its_hedge_is_in_reach() {
    let config = legged();
    check(&config, "0.33", "0.45", "entry: buy 100 yes at 0.33");
    check(&config, "0.33", "0.47", "entry: buy 100 yes at 0.33");
    check(&config, "0.33", "0.48", "hedge_distance");
    check(&config, "0.45", "0.33", "entry: buy 100 no at 0.33");
    check(&config, "0.35", "0.45", "entry: buy 100 yes at 0.35");
    check(&config, "0.36", "0.44", "price_limit");
}

#[test]
fn simultaneous_buys_the_cheaper_side_when_both_are_cheap_together() {
    let config = simultaneous();
    check(&config, "0.45", "0.52", "entry: buy 50 yes at 0.45");
    check(&config, "0.49", "0.49", "no_signal");
    check(&config, "0.50", "0.47", "entry: buy 50 no at 0.47");
    check(&config, "0.48", "0.48", "entry: buy 50 yes at 0.48");
    check(&config, "0.5", "0.48", "no_signal");
    let dear = Config { entry_price_max: price("0.44"), ..simultaneous() };
    check(&dear, "0.45", "0.52", "price_limit");
    check(&dear, "0.44", "0.52", "entry: buy 50 yes at 0.44");
}

#[test]
fn the_cheaper_side_goes_first_in_both_styles() {
    // Legged used to take yes first wherever yes was cheap enough, even when no was cheaper.
    check(&legged(), "0.35", "0.30", "entry: buy 100 no at 0.3");
    check(&simultaneous(), "0.49", "0.40", "entry: buy 50 no at 0.4");
    check(&legged(), "0.33", "0.33", "entry: buy 100 yes at 0.33");
}

#[test]
fn the_profit_of_a_pair_counts_the_fees_of_both_legs() {
    // 1 − 0.97 = 0.03 passed without fees; they take 0.017325 + 0.017472 of it.
    let mut desk = Desk::with_fees(simultaneous(), crypto());
    assert_eq!(desk.quote("-/0.45", "-/0.52"), "no_edge");
    let numbers = "sum 0.97, target_sum 0.98, ask 0.45, entry_price_max 0.49, \
                   profit -0.004797, profit_min 0.02";
    assert_eq!(desk.compared, numbers);
}

#[test]
fn a_profit_of_exactly_the_least_passes() {
    let config = Config { target_sum_usdc: usdc("0.995"), ..simultaneous() };
    check(&config, "0.49", "0.49", "entry: buy 50 yes at 0.49");
    check(&config, "0.49", "0.5", "no_edge");
}

#[test]
fn an_entry_tells_what_it_compared() {
    let mut desk = Desk::new(legged());
    desk.quote("0.31/0.33", "0.43/0.45");
    let numbers = "ask 0.33, entry_price_max 0.35, other_ask 0.45, other_ask_max 0.47";
    assert_eq!(desk.compared, numbers);
    desk.quote("0.31/0.37", "0.43/0.45");
    assert_eq!(desk.compared, "ask 0.37, entry_price_max 0.35");
}

#[test]
fn the_first_gate_that_says_no_is_named() {
    // All gates say no at once; one after the other is opened.
    let config = Config { entry_price_max: price("0.3"), unhedged_max: 1, ..legged() };
    let mut desk = Desk::new(config);
    let begin = desk.now;
    let (opens, closes) = (begin + Duration::from_secs(10), begin + Duration::from_secs(20));
    desk.change(|market| (market.opens_at, market.closes_at) = (opens, closes));
    desk.send_in(OTHER, Purpose::Entry, Outcome::Yes, "10");
    let order = desk.send(Purpose::Entry, Outcome::Yes, "10");
    let old = Duration::from_secs(6);
    desk.show(MARKET, Outcome::Yes, old, "0.3/-");
    desk.show(MARKET, Outcome::No, Duration::ZERO, "0.6/0.65");
    assert_eq!(desk.look(MARKET), "not_open");
    desk.change(|market| market.opens_at = begin);
    assert_eq!(desk.look(MARKET), "near_close");
    desk.change(|market| market.closes_at = begin + Duration::from_secs(HOUR));
    assert_eq!(desk.look(MARKET), "stale_book");
    desk.show(MARKET, Outcome::Yes, old / 2, "0.3/-");
    assert_eq!(desk.look(MARKET), "one_sided_book");
    desk.show(MARKET, Outcome::Yes, old / 2, "0.33/0.33");
    assert_eq!(desk.look(MARKET), "crossed_book");
    desk.show(MARKET, Outcome::Yes, old / 2, "0.3/0.33");
    assert_eq!(desk.look(MARKET), "book_skew");
    desk.show(MARKET, Outcome::Yes, Duration::ZERO, "0.3/0.33");
    assert_eq!(desk.look(MARKET), "pending_order");
    assert_eq!(desk.refused(order), "max_unhedged");
    desk.strategy.config.unhedged_max = 2;
    assert_eq!(desk.look(MARKET), "price_limit");
    desk.strategy.config.entry_price_max = price("0.33");
    assert_eq!(desk.look(MARKET), "hedge_distance");
    desk.show(MARKET, Outcome::No, Duration::ZERO, "0.4/0.45");
    assert_eq!(desk.look(MARKET), "spent_book");
    desk.wait(INSTANT).show(MARKET, Outcome::Yes, Duration::ZERO, "0.3/0.33");
    assert_eq!(desk.look(MARKET), "entry: buy 100 yes at 0.33");
}

#[test]
fn simultaneous_asks_for_the_sum_then_the_price_then_the_profit() {
    let config = Config { entry_price_max: price("0.4"), ..simultaneous() };
    let mut desk = Desk::with_fees(config, crypto());
    assert_eq!(desk.quote("-/0.5", "-/0.5"), "no_signal");
    assert_eq!(desk.quote("-/0.45", "-/0.52"), "price_limit");
    assert_eq!(desk.quote("-/0.4", "-/0.57"), "no_edge");
    assert_eq!(desk.quote("-/0.4", "-/0.5"), "entry: buy 50 yes at 0.4");
}

#[test]
fn a_market_is_entered_from_its_opening_until_a_leg_would_be_sold_at_once() {
    let mut desk = Desk::new(legged());
    let begin = desk.now;
    let at = |desk: &mut Desk, at: Timestamp, expected: &str| {
        desk.now = at;
        assert_eq!(desk.quote("-/0.33", "-/0.45"), expected, "{at}: {}", desk.compared);
    };
    let close = begin + Duration::from_secs(HOUR);
    let last = close - Duration::from_secs(30);
    at(&mut desk, begin - INSTANT, "not_open");
    assert_eq!(desk.compared, "opens_in 0.000001s");
    at(&mut desk, begin, "entry: buy 100 yes at 0.33");
    at(&mut desk, last, "entry: buy 100 yes at 0.33");
    at(&mut desk, last + INSTANT, "near_close");
    assert_eq!(desk.compared, "left 29.999999s, exit_before_close 30s");
    at(&mut desk, close + Duration::from_secs(60), "near_close");
    desk.strategy.config.exit_before_close = Duration::ZERO;
    at(&mut desk, close - INSTANT, "entry: buy 100 yes at 0.33");
    at(&mut desk, close, "near_close");
}

#[test]
fn a_book_may_be_as_old_and_as_far_from_the_other_as_allowed() {
    let check = |yes: u64, no: u64, expected: &str, compared: &str| {
        let mut desk = Desk::new(legged());
        desk.show(MARKET, Outcome::Yes, Duration::from_micros(yes), "-/0.33");
        desk.show(MARKET, Outcome::No, Duration::from_micros(no), "-/0.45");
        assert_eq!(desk.look(MARKET), expected, "{yes} {no}");
        assert!(desk.compared.starts_with(compared), "{}", desk.compared);
    };
    check(5_000_000, 3_000_000, "entry: buy 100 yes at 0.33", "ask");
    check(5_000_001, 3_000_001, "stale_book", "age 5.000001s, book_age_max 5s");
    check(4_000_000, 5_000_001, "stale_book", "age 5.000001s, book_age_max 5s");
    check(0, 2_000_001, "book_skew", "skew 2.000001s, book_skew_max 2s");
    check(2_000_001, 0, "book_skew", "skew 2.000001s, book_skew_max 2s");
}

#[test]
fn a_missing_book_is_no_book_to_decide_on() {
    let mut desk = Desk::new(legged());
    desk.show(MARKET, Outcome::Yes, Duration::ZERO, "-/0.33");
    assert_eq!((desk.look(MARKET).as_str(), desk.compared.as_str()), ("stale_book", ""));
}

#[test]
fn both_sides_must_be_for_sale() {
    let mut desk = Desk::new(legged());
    assert_eq!(desk.quote("0.3/-", "0.4/0.45"), "one_sided_book");
    assert_eq!(desk.compared, "no_ask 0.45");
    assert_eq!(desk.quote("0.3/0.33", "0.4/-"), "one_sided_book");
    assert_eq!(desk.compared, "yes_ask 0.33");
    assert_eq!(desk.quote("0.3/-", "-/-"), "one_sided_book");
}

#[test]
fn no_entry_is_repeated_while_one_is_pending() {
    let mut desk = Desk::new(simultaneous());
    assert_eq!(desk.quote("-/0.45", "-/0.52"), "entry: buy 50 yes at 0.45");
    let order = desk.send(Purpose::Entry, Outcome::Yes, "50");
    assert_eq!(desk.quote("-/0.45", "-/0.52"), "pending_order");
    assert_eq!(desk.compared, "open_orders 1");
    assert_eq!(desk.done(order, "50"), "hedge: buy 50 no at 0.52");
}

#[test]
fn markets_with_a_leg_or_an_entry_on_its_way_count_as_unhedged() {
    let third = ConditionId::from_bytes([3; 32]);
    let mut desk = Desk::new(Config { unhedged_max: 2, ..legged() });
    let quote = |desk: &mut Desk| desk.quote("-/0.33", "-/0.45");
    // A leg and a further entry in the same market are one.
    desk.fill_in(OTHER, Outcome::Yes, Side::Buy, "10 at 0.33");
    desk.send_in(OTHER, Purpose::Entry, Outcome::Yes, "10");
    assert_eq!(quote(&mut desk), "entry: buy 100 yes at 0.33");
    // A hedge or an exit elsewhere opens no leg.
    desk.send_in(third, Purpose::Hedge, Outcome::Yes, "10");
    desk.send_in(third, Purpose::Exit, Outcome::Yes, "10");
    assert_eq!(quote(&mut desk), "entry: buy 100 yes at 0.33");
    desk.send_in(third, Purpose::Entry, Outcome::Yes, "10");
    assert_eq!(quote(&mut desk), "max_unhedged");
    assert_eq!(desk.compared, "unhedged 2, unhedged_max 2");
}

#[test]
fn a_leg_below_the_venues_smallest_order_takes_no_place_and_blocks_its_market() {
    let mut desk = Desk::new(Config { unhedged_max: 1, ..legged() });
    let fill = |desk: &mut Desk, shares: &str| {
        desk.fill_in(OTHER, Outcome::Yes, Side::Buy, &format!("{shares} at 0.33"));
    };
    fill(&mut desk, "4.999");
    assert_eq!(desk.quote_in(OTHER, "-/0.33", "-/0.45"), "below_minimum");
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "entry: buy 100 yes at 0.33");
    // More of it may be on its way.
    let order = desk.send_in(OTHER, Purpose::Entry, Outcome::Yes, "10");
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "max_unhedged");
    desk.done(order, "0");
    // A leg of a market that is not seen may be of any size that matters there.
    let hidden = desk.markets.remove(&OTHER).unwrap();
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "max_unhedged");
    desk.markets.insert(OTHER, hidden);
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "entry: buy 100 yes at 0.33");
    // With 0.001 more it could be sold again.
    fill(&mut desk, "0.001");
    assert_eq!(desk.quote("-/0.33", "-/0.45"), "max_unhedged");
    assert_eq!(desk.compared, "unhedged 1, unhedged_max 1");
}

#[test]
fn an_ask_below_the_price_grid_cannot_be_bought() {
    let mut desk = Desk::new(legged());
    assert_eq!(desk.quote("-/0.005", "-/0.45"), "price_limit");
    assert_eq!(desk.compared, "price 0.005, tick 0.01");
    desk.change(|market| market.tick = TickSize::from_micros(1_000).unwrap());
    assert_eq!(desk.quote("-/0.005", "-/0.45"), "entry: buy 100 yes at 0.005");
}

#[test]
fn the_size_has_two_decimals() {
    let config = Config { size: size("12.349"), ..legged() };
    check(&config, "0.33", "0.45", "entry: buy 12.34 yes at 0.33");
}
