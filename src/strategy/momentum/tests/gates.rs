//! The gates of an entry: their order, and where each of them begins to say no.

use super::*;

/// The prices of BTC one by one: a minute without a move, and then a price above the strike.
const UP: [(u64, &str); 2] = [(60, "100200"), (0, "100200")];

#[test]
fn the_first_gate_that_says_no_is_named() {
    // All gates say no at once; one after the other is opened.
    let mut desk = Desk::without_markets(chance(|settings| settings.value_min_usdc = usdc("0.5")));
    desk.strategy.config.daily_max = 1;
    desk.strategy.config.positions_max = 1;
    desk.strategy.config.entry_price_max = price("0.2");
    desk.strategy.config.window_exposure_max_usdc = usdc("1");
    assert_eq!(desk.prices("BTC", &[(60, "100200"), (4, "100200")]), "warming_up");
    desk.event(Kind::Gap { missed: 1 });
    assert_eq!(look(&mut desk), "no_market");
    desk.announce(market(BTC, "btc", (0, 900)), |_| {});
    assert_eq!(look(&mut desk), "no_strike");
    desk.change(|market| market.strike_usd = Some(usdc("100000")));
    assert_eq!(look(&mut desk), "stale_spot");
    let entry = desk.send(BTC, Purpose::Entry, "40");
    desk.fill(BTC, Outcome::Yes, Side::Buy, "40 at 0.3");
    assert_eq!(desk.spot("BTC", "100200"), "stale_book");
    desk.quote(BTC, "0.4/-", "-/0.5");
    assert_eq!(look(&mut desk), "cooldown");
    desk.strategy.config.cooldown = Duration::ZERO;
    assert_eq!(look(&mut desk), "daily_limit");
    desk.strategy.config.daily_max = 2;
    assert_eq!(look(&mut desk), "position_open");
    desk.fill(BTC, Outcome::Yes, Side::Sell, "40 at 0.3");
    assert_eq!(look(&mut desk), "max_positions");
    desk.strategy.config.positions_max = 2;
    assert_eq!(look(&mut desk), "pending_order");
    desk.unmatched(entry);
    assert_eq!(look(&mut desk), "one_sided_book");
    desk.quote(BTC, "0.4/0.3", "-/0.5");
    assert_eq!(look(&mut desk), "price_limit");
    desk.strategy.config.entry_price_max = price("0.3");
    assert_eq!(look(&mut desk), "no_edge");
    desk.quote(BTC, "0.1/0.2", "-/0.5");
    assert_eq!(look(&mut desk), "window_exposure");
    desk.strategy.config.best_edge = Some(Duration::from_secs(2));
    assert_eq!(look(&mut desk), "window_spent");
    desk.strategy.config.best_edge = None;
    desk.strategy.config.window_exposure_max_usdc = usdc("20");
    assert_eq!(look(&mut desk), "entry: buy 40 yes of btc at 0.2");
}

/// Looks at BTC without any news of it.
fn look(desk: &mut Desk) -> String {
    let look = desk.ask(|strategy, view, looks| strategy.look_entry(0, view, looks));
    assert_eq!(look.len(), 1);
    look[0].clone()
}

#[test]
fn a_signal_that_is_too_weak_comes_before_its_price() {
    let mut desk = Desk::new(confirmatory());
    desk.quote(BTC, "-/0.9", "-/-");
    assert_eq!(desk.moved("100000", "100010"), "no_signal");
    assert_eq!(desk.moved("100000", "100300"), "price_limit");
    desk.send(BTC, Purpose::Entry, "40");
    assert_eq!(desk.moved("100000", "100010"), "pending_order");
}

#[test]
fn a_minute_of_prices_is_needed_in_every_mode() {
    for config in [directional(), predictive(), confirmatory()] {
        let mut desk = Desk::new(config);
        desk.quote(BTC, "-/0.3", "-/0.3");
        let early = Duration::from_secs(60) - INSTANT;
        assert_eq!(desk.book(BTC, Outcome::Yes), ["warming_up"]);
        assert_eq!(desk.compared, "history 0s, history_min 60s");
        desk.now = desk.now - early;
        desk.spot("BTC", "100000");
        desk.wait(early);
        assert_eq!(desk.spot("BTC", "100300"), "warming_up");
        assert_eq!(desk.compared, "history 59.999999s, history_min 60s");
        desk.wait(INSTANT);
        assert_ne!(desk.book(BTC, Outcome::Yes), Vec::<String>::new());
        assert!(!desk.compared.contains("history_min"), "{}", desk.compared);
    }
}

#[test]
fn a_price_of_three_seconds_and_a_book_of_five_are_decided_on() {
    let check = |spot_age: u64, book_age: u64, expected: &str, compared: &str| {
        let mut desk = Desk::new(directional());
        desk.prices("BTC", &UP);
        desk.wait(Duration::from_micros(spot_age));
        desk.show(BTC, Outcome::Yes, Duration::from_micros(book_age), "-/0.3");
        // The book of the side that is not bought may be missing.
        assert_eq!(desk.book(BTC, Outcome::Yes), [expected], "{spot_age} {book_age}");
        assert!(desk.compared.starts_with(compared), "{}", desk.compared);
    };
    check(3_000_000, 5_000_000, "entry: buy 40 yes of btc at 0.3", "chance");
    check(3_000_001, 0, "stale_spot", "age 3.000001s, spot_age_max 3s");
    check(0, 5_000_001, "stale_book", "age 5.000001s, book_age_max 5s");
    let mut desk = Desk::new(directional());
    assert_eq!(desk.prices("BTC", &UP), "stale_book");
    assert_eq!(desk.compared, "");
    desk.show(BTC, Outcome::No, Duration::ZERO, "-/0.3");
    assert_eq!(desk.spot("BTC", "100200"), "stale_book");
}

#[test]
fn an_underlying_cools_down_for_a_minute_after_a_filled_entry() {
    let mut desk = Desk::new(directional());
    desk.trade(BTC, "10");
    desk.wait(Duration::from_secs(60) - INSTANT);
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    let looks = desk.still("100200", "4010");
    assert_eq!(looks, ["cooldown", "entry: buy 40 yes of eth at 0.3"]);
    desk.wait(INSTANT);
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 yes of btc at 0.3");
}

#[test]
fn a_cooldown_tells_how_long_it_has_lasted() {
    let mut desk = Desk::new(directional());
    desk.trade(BTC, "10");
    desk.wait_s(45).quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.prices("BTC", &UP), "cooldown");
    assert_eq!(desk.compared, "waited 45s, cooldown 60s");
    // The exit begins none of its own.
    desk.fill(BTC, Outcome::Yes, Side::Buy, "10 at 0.3");
    desk.wait_s(59).fill(BTC, Outcome::Yes, Side::Sell, "10 at 0.3");
    desk.wait_s(1).quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.prices("BTC", &UP), "entry: buy 40 yes of btc at 0.3");
}

#[test]
fn neither_a_signal_nor_a_failed_order_begins_a_cooldown() {
    // A cooldown began when the signal was given, whatever became of it.
    let mut desk = Desk::new(directional());
    desk.quote(BTC, "-/0.3", "-/0.3");
    let entry = "entry: buy 40 yes of btc at 0.3";
    assert_eq!(desk.prices("BTC", &UP), entry);
    assert_eq!(desk.spot("BTC", "100200"), entry);
    let order = desk.send(BTC, Purpose::Entry, "40");
    assert_eq!(desk.spot("BTC", "100200"), "pending_order");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", "100200"), entry);
    let order = desk.send(BTC, Purpose::Entry, "40");
    desk.refused(order);
    assert_eq!(desk.spot("BTC", "100200"), entry);
    assert_eq!(desk.strategy.ledger.entries_today(desk.now), 0);
}

#[test]
fn the_entries_of_a_day_are_counted_by_order_and_end_at_midnight() {
    let config = Config { daily_max: 2, cooldown: Duration::ZERO, ..directional() };
    let mut desk = Desk::new(config);
    desk.trade(ETH, "5");
    // A second fill of the same order is no second entry.
    let again = Fill { number: 2, ..desk.fills[0].clone() };
    desk.ask(|strategy, view, looks| strategy.on_fill(&again, view, looks));
    desk.fill(ETH, Outcome::Yes, Side::Sell, "5 at 0.3");
    desk.quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.prices("BTC", &UP), "entry: buy 40 yes of btc at 0.3");
    desk.trade(ETH, "5");
    assert_eq!(desk.spot("BTC", "100200"), "daily_limit");
    assert_eq!(desk.compared, "entries 2, daily_max 2");
    // Midnight comes without any trade.
    let midnight: Timestamp = "2026-09-29T00:00:00Z".parse().unwrap();
    desk.settle(BTC);
    for (now, expected) in [(midnight - INSTANT, "daily_limit"), (midnight, "entry")] {
        desk.now = now;
        let next = ConditionId::from_bytes([20; 32]);
        desk.announce(market(next, "btc", (0, 900)), |market| {
            (market.opens_at, market.closes_at) = (now, now + Duration::from_secs(240));
            market.strike_usd = Some(usdc("100000"));
        });
        desk.quote(next, "-/0.3", "-/0.3");
        let look = desk.prices("BTC", &[(60, "100200"), (0, "100200")]);
        assert!(look.starts_with(expected), "{now}: {look}");
    }
}

#[test]
fn one_position_an_underlying_binds() {
    // The positions were never written down, so this said yes again and again.
    let mut desk = Desk::new(Config { cooldown: Duration::ZERO, ..directional() });
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    desk.fill(BTC, Outcome::Yes, Side::Buy, "10 at 0.3");
    assert_eq!(desk.still("100200", "4010"), ["position_open", "entry: buy 40 yes of eth at 0.3"]);
    // A later market of the same underlying is no other underlying.
    let next = ConditionId::from_bytes([7; 32]);
    desk.wait_s(181);
    desk.announce(market(next, "btc", (800, 1100)), |market| {
        market.strike_usd = Some(usdc("100000"));
    });
    desk.quote(next, "-/0.3", "-/0.3");
    assert_eq!(desk.prices("BTC", &UP), "position_open");
    assert_eq!(desk.compared, "positions 1");
    desk.settle(BTC);
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 yes of another at 0.3");
}

#[test]
fn the_most_positions_bind_and_entries_on_their_way_count() {
    let mut desk =
        Desk::new(Config { cooldown: Duration::ZERO, positions_max: 1, ..directional() });
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    let entries = ["entry: buy 40 yes of btc at 0.3", "entry: buy 40 yes of eth at 0.3"];
    assert_eq!(desk.still("100200", "4010"), entries);
    let order = desk.send(ETH, Purpose::Entry, "40");
    assert_eq!(desk.spot("BTC", "100200"), "max_positions");
    assert_eq!(desk.compared, "positions 1, positions_max 1");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", "100200"), entries[0]);
    desk.fill(ETH, Outcome::Yes, Side::Buy, "10 at 0.3");
    assert_eq!(desk.spot("BTC", "100200"), "max_positions");
    desk.strategy.config.positions_max = 2;
    assert_eq!(desk.spot("BTC", "100200"), entries[0]);
}

#[test]
fn an_order_in_any_market_of_the_underlying_is_pending() {
    let other = ConditionId::from_bytes([7; 32]);
    let mut desk = Desk::new(directional());
    desk.announce(market(other, "btc", (0, 1800)), |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    desk.send(other, Purpose::Entry, "40");
    let looks = desk.still("100200", "4010");
    assert_eq!(looks[0], "pending_order");
    assert_ne!(looks[1], "pending_order");
}

#[test]
fn an_ask_below_the_price_grid_cannot_be_bought() {
    let mut desk = Desk::new(chance(|settings| settings.entry_price_min = price("0.001")));
    desk.quote(BTC, "-/0.005", "-/0.5");
    assert_eq!(desk.prices("BTC", &UP), "price_limit");
    assert_eq!(desk.compared, "price 0.005, tick 0.01");
    desk.change(|market| market.tick = TickSize::from_micros(1_000).unwrap());
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 yes of btc at 0.005");
}

#[test]
fn the_size_has_two_decimals() {
    let mut desk = Desk::new(Config { size: size("12.349"), ..directional() });
    desk.quote(BTC, "-/0.3", "-/0.5");
    assert_eq!(desk.prices("BTC", &UP), "entry: buy 12.34 yes of btc at 0.3");
}
