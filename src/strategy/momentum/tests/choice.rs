//! Which market an underlying is bought in, and against which strike.

use super::*;

/// Announces markets of BTC that are open for these spans (seconds from the beginning), goes to an instant
/// when the price of BTC stands at 100200, and returns the span of the market that was looked at, or the reason.
fn choose(config: &Config, spans: &[(u64, u64)], now: u64) -> String {
    let mut desk = Desk::without_markets(config.clone());
    for (n, span) in spans.iter().enumerate() {
        let id = ConditionId::from_bytes([10 + u8::try_from(n).unwrap(); 32]);
        desk.announce(market(id, "btc", *span), |market| market.strike_usd = Some(usdc("100000")));
    }
    desk.now = begin() + Duration::from_secs(now);
    let mut looked = None;
    for age in [60, 30, 10, 0] {
        let at = desk.now - Duration::from_secs(age);
        let kind = Kind::Spot { symbol: "BTC".into(), price_usd: usdc("100200") };
        let event = MarketEvent { at, kind };
        desk.ask(|strategy, view, looks| {
            strategy.on_event(&event, view, looks);
            looked = looks.last().copied();
        });
    }
    let look = looked.unwrap();
    match look.market {
        Some(id) => {
            let (opens, closes) = spans[usize::from(id.bytes()[0] - 10)];
            format!("{opens}..{closes}")
        }
        None => text(&look),
    }
}

#[test]
fn the_market_that_closes_first_with_one_to_five_minutes_left_is_chosen() {
    for config in [directional(), confirmatory()] {
        let check = |spans: &[(u64, u64)], now, expected: &str| {
            assert_eq!(choose(&config, spans, now), expected, "{spans:?} {now}");
        };
        let spans = [(0, 900), (600, 900 + 240), (600, 900)];
        check(&spans, 660, "0..900");
        check(&spans[1..], 660, "600..900");
        check(&[(0, 900)], 599, "no_market");
        check(&[(0, 900)], 600, "0..900");
        check(&[(0, 900)], 840, "0..900");
        check(&[(0, 900)], 841, "no_market");
        check(&[(0, 900)], 901, "no_market");
        check(&[], 600, "no_market");
        // Closing too soon, it leaves the next one to be chosen.
        check(&[(0, 900), (800, 1100)], 850, "800..1100");
    }
}

#[test]
fn the_predictive_mode_takes_the_market_with_the_most_time_left() {
    let check = |spans: &[(u64, u64)], now, expected: &str| {
        assert_eq!(choose(&predictive(), spans, now), expected, "{spans:?} {now}");
    };
    check(&[(0, 900), (0, 1800), (600, 900)], 660, "0..1800");
    check(&[(0, 900)], 70, "0..900");
    check(&[(0, 900)], 840, "0..900");
    check(&[(0, 900)], 841, "no_market");
}

#[test]
fn a_market_that_has_not_opened_is_not_chosen() {
    // Windows of the future were traded because they had the most time left.
    assert_eq!(choose(&predictive(), &[(0, 900), (900, 1800)], 660), "0..900");
    assert_eq!(choose(&predictive(), &[(900, 1800)], 899), "no_market");
    assert_eq!(choose(&predictive(), &[(900, 1800)], 900), "900..1800");
    assert_eq!(choose(&directional(), &[(700, 900)], 699), "no_market");
}

#[test]
fn a_market_that_closes_now_is_not_chosen_however_little_time_must_be_left() {
    let config = Config { left_min: Duration::ZERO, ..directional() };
    assert_eq!(choose(&config, &[(0, 900)], 899), "0..900");
    assert_eq!(choose(&config, &[(0, 900)], 900), "no_market");
}

#[test]
fn that_no_market_fits_is_told_with_its_numbers() {
    for (left, compared) in [
        (59, "known 1, left 59s, left_min 60s, left_max 300s"),
        (301, "known 1, left 301s, left_min 60s, left_max 300s"),
        (0, "known 1, left_min 60s, left_max 300s"),
    ] {
        let mut desk = Desk::new(directional());
        desk.left_s(left).still("100200", "4000");
        assert_eq!(desk.compared, compared);
    }
}

#[test]
fn the_market_that_is_bought_is_the_one_that_the_signal_was_of() {
    // The nearest one to close was bought whatever market the signal had been computed for.
    let near = ConditionId::from_bytes([7; 32]);
    let mut desk = Desk::new(directional());
    desk.announce(market(near, "btc", (390, 690)), |market| market.strike_usd = Some(usdc("1")));
    desk.quote(near, "-/0.2", "-/0.2").quote(BTC, "-/0.55", "-/0.5");
    assert!(desk.now < desk.markets[&near].market.closes_at);
    let look = desk.prices("BTC", &[(60, "100200"), (0, "100200")]);
    assert_eq!(look, "entry: buy 40 yes of btc at 0.55");
    assert!(desk.compared.contains("strike 100000"), "{}", desk.compared);
}

#[test]
fn each_underlying_has_its_own_markets_and_prices() {
    let mut desk = Desk::new(directional());
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    let looks = desk.still("100200", "3990");
    let expected = ["entry: buy 40 yes of btc at 0.3", "entry: buy 40 no of eth at 0.3"];
    assert_eq!(looks, expected);
}

#[test]
fn a_book_is_looked_at_where_it_is_of_the_market_that_would_be_bought() {
    let other = ConditionId::from_bytes([7; 32]);
    let mut desk = Desk::new(directional());
    desk.announce(market(other, "btc", (0, 1800)), |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3").quote(other, "-/0.3", "-/0.3");
    desk.still("100200", "4000");
    assert_eq!(desk.book(BTC, Outcome::No), ["entry: buy 40 yes of btc at 0.3"]);
    assert_eq!(desk.book(other, Outcome::Yes), Vec::<String>::new());
}

/// A market of BTC without a strike that opens 10 minutes after the beginning, for five minutes.
fn without_strike(config: Config) -> (Desk, Market) {
    let desk = Desk::without_markets(config);
    (desk, market(BTC, "btc", (600, 900)))
}

#[test]
fn the_strike_is_the_first_price_from_the_opening_on() {
    let (mut desk, market) = without_strike(directional());
    desk.announce(market, |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3");
    let prices = [(62, "90000"), (60, "100000"), (59, "99000"), (2, "100200"), (0, "100200")];
    desk.show(BTC, Outcome::Yes, Duration::ZERO, "-/0.3");
    assert_eq!(desk.prices("BTC", &prices), "entry: buy 40 yes of btc at 0.3");
    assert!(desk.compared.ends_with("spot 100200, strike 100000"), "{}", desk.compared);
}

#[test]
fn the_price_at_the_instant_of_the_opening_is_the_strike_at_once() {
    let (mut desk, market) = without_strike(directional());
    desk.now = market.opens_at;
    desk.announce(market, |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3");
    let look = desk.prices("BTC", &[(60, "90000"), (0, "100000")]);
    assert_eq!(look, "entry: buy 40 no of btc at 0.3");
    assert!(desk.compared.ends_with("strike 100000"), "{}", desk.compared);
}

#[test]
fn a_market_announced_after_its_opening_finds_its_strike_in_the_history() {
    let (mut desk, market) = without_strike(directional());
    desk.prices("BTC", &[(62, "90000"), (59, "100000"), (0, "100200")]);
    desk.announce(market, |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 yes of btc at 0.3");
    assert!(desk.compared.ends_with("strike 100000"), "{}", desk.compared);
}

#[test]
fn without_a_price_at_the_opening_there_is_no_strike() {
    // Once it was the price at which the market was seen first, however late that was.
    let (mut desk, market) = without_strike(directional());
    desk.announce(market, |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3");
    let looks = [(100, "90000"), (56, "100000"), (0, "100200")];
    assert_eq!(desk.prices("BTC", &looks), "no_strike");
    assert_eq!(desk.compared, "open_for 60s");
}

#[test]
fn a_strike_that_is_told_takes_the_place_of_the_price_at_the_opening() {
    let (mut desk, market) = without_strike(directional());
    desk.announce(market.clone(), |_| {});
    desk.quote(BTC, "-/0.3", "-/0.3");
    desk.prices("BTC", &[(62, "90000"), (60, "100000"), (0, "100200")]);
    assert!(desk.compared.ends_with("strike 100000"), "{}", desk.compared);
    desk.announce(market.clone(), |market| market.strike_usd = Some(usdc("100400")));
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 no of btc at 0.3");
    assert!(desk.compared.ends_with("strike 100400"), "{}", desk.compared);
    // What is told of it later without a strike takes nothing away.
    desk.announce(market, |_| {});
    desk.spot("BTC", "100200");
    assert!(desk.compared.ends_with("strike 100400"), "{}", desk.compared);
}

#[test]
fn a_strike_of_nothing_is_none() {
    let (mut desk, market) = without_strike(directional());
    desk.prices("BTC", &[(62, "90000"), (60, "100000"), (0, "100200")]);
    desk.announce(market, |market| market.strike_usd = Some(Usdc::ZERO));
    desk.quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.spot("BTC", "100200"), "entry: buy 40 yes of btc at 0.3");
    assert!(desk.compared.ends_with("strike 100000"), "{}", desk.compared);
}

#[test]
fn the_other_modes_need_no_strike() {
    for config in [predictive(), confirmatory()] {
        let (mut desk, market) = without_strike(config);
        desk.announce(market, |_| {});
        desk.quote(BTC, "-/0.3", "-/0.3");
        assert_eq!(desk.moved("100000", "100300"), "entry: buy 40 yes of btc at 0.3");
    }
}
