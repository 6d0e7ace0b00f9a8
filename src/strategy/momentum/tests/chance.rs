//! The directional signal: the chance, the worth of a share, and whole decisions by them.

use super::super::directional::{chance_up, open_span, value};
use super::*;

fn up(spot: &str, strike: &str, sigma: &str, seconds: u64) -> String {
    let up = chance_up(usdc(spot), usdc(strike), frac(sigma), Duration::from_secs(seconds));
    up.to_string()
}

#[test]
fn the_chance_is_that_of_the_distance_in_deviations() {
    for (spot, strike, sigma, span, expected) in [
        ("100200", "100000", "0.005", 240, "0.780482"),
        ("100000", "100200", "0.005", 240, "0.219518"),
        ("100200", "100000", "0.005", 900, "0.655275"),
        ("100200", "100000", "0.005", 20, "0.996326"),
        ("4000", "4000", "0.008", 300, "0.5"),
        ("2.5", "2.45", "0.01", 300, "0.999767"),
        ("100000", "1", "0.005", 300, "1"),
        ("1", "100000", "0.005", 300, "0"),
    ] {
        assert_eq!(up(spot, strike, sigma, span), expected, "{spot} {strike} {sigma} {span}");
    }
}

#[test]
fn when_nothing_can_move_any_more_the_price_decides() {
    for (spot, expected) in [("100", "1"), ("99.999999", "0"), ("100.000001", "1")] {
        assert_eq!(up(spot, "100", "0.005", 0), expected);
    }
    assert_eq!(up("200", "100", "0", 60), "0.5");
}

#[test]
fn one_deviation_is_a_chance_of_84_percent() {
    // ln(100501.252086 ÷ 100000) is 0.005: with the √2 left out it was 0.87.
    assert_eq!(up("100501.252086", "100000", "0.005", 900), "0.841345");
    assert_eq!(up("101005.016708", "100000", "0.005", 900), "0.97725");
}

#[test]
fn the_worth_is_what_is_left_of_the_chance() {
    let value = |chance, ask, fee| value(frac(chance), price(ask), usdc(fee), usdc("0.01"));
    assert_eq!(value("0.7805", "0.55", "0.0084").to_string(), "0.2121");
    assert_eq!(value("0.5", "0.55", "0").to_string(), "-0.06");
}

#[test]
fn a_mean_of_a_minute_can_move_for_forty_seconds_less() {
    let check = |settlement, left: u64, expected: u64| {
        let span = open_span(settlement, Duration::from_secs(left));
        assert_eq!(span, Duration::from_secs(expected), "{settlement:?} {left}");
    };
    for left in [0, 59, 60, 240] {
        check(Settlement::Spot, left, left);
    }
    check(Settlement::Twap60, 240, 200);
    check(Settlement::Twap60, 60, 20);
    check(Settlement::Twap60, 59, 59);
    check(Settlement::Twap60, 0, 0);
}

/// Tells a price of BTC with 240 seconds left, offers up, and compares the look.
fn check(config: &Config, spot: &str, ask: &str, expected: &str) {
    let mut desk = Desk::new(config.clone());
    desk.quote(BTC, &format!("-/{ask}"), "-/0.5");
    let look = desk.prices("BTC", &[(60, spot), (0, spot)]);
    assert_eq!(look, expected, "{spot} {ask}: {}", desk.compared);
}

#[test]
fn a_price_above_the_strike_makes_up_worth_more_than_its_ask() {
    let mut desk = Desk::new(directional());
    // The fee that the worked example had: 0.0084 of a share at 0.55.
    let old_fee = FeeSchedule::new(usdc("0.033942"), 1).unwrap();
    desk.change(|market| market.fees = old_fee);
    desk.quote(BTC, "-/0.55", "-/0.5");
    let look = desk.prices("BTC", &[(60, "100200"), (0, "100200")]);
    assert_eq!(look, "entry: buy 40 yes of btc at 0.55");
    let numbers = "chance 0.780482, ask 0.55, fee 0.008401, value 0.212081, value_min 0.08, \
                   spot 100200, strike 100000";
    assert_eq!(desk.compared, numbers);
    // The venue's fee of today takes more of it.
    desk.change(|market| market.fees = crypto());
    desk.spot("BTC", "100200");
    assert!(desk.compared.contains("fee 0.017325, value 0.203157"), "{}", desk.compared);
}

#[test]
fn a_price_below_the_strike_speaks_for_down() {
    let mut desk = Desk::new(directional());
    desk.quote(BTC, "-/0.1", "-/0.55");
    let look = desk.prices("BTC", &[(60, "99800"), (0, "99800")]);
    assert_eq!(look, "entry: buy 40 no of btc at 0.55");
    assert!(desk.compared.starts_with("chance 0.78094"), "{}", desk.compared);
}

#[test]
fn at_the_strike_down_is_chosen() {
    let mut desk = Desk::new(directional());
    desk.quote(BTC, "-/0.2", "-/0.4");
    let look = desk.prices("BTC", &[(60, "100000"), (0, "100000")]);
    assert_eq!(look, "entry: buy 40 no of btc at 0.4");
    assert_eq!(desk.spot("BTC", "100001"), "entry: buy 40 yes of btc at 0.2");
}

#[test]
fn the_ask_lies_within_its_limits_and_both_limits_pass() {
    let config = directional();
    let dear = Config { entry_price_max: price("0.6"), ..directional() };
    check(&config, "100300", "0.1", "entry: buy 40 yes of btc at 0.1");
    check(&config, "100300", "0.09", "price_limit");
    check(&config, "100300", "0.55", "entry: buy 40 yes of btc at 0.55");
    check(&config, "100300", "0.56", "price_limit");
    check(&dear, "100300", "0.6", "entry: buy 40 yes of btc at 0.6");
}

#[test]
fn a_worth_of_exactly_the_least_passes() {
    // At the strike the chance is 0.5: 0.41 leaves 0.08, 0.42 leaves 0.07.
    let look = |ask: &str| {
        let mut desk = Desk::new(directional());
        desk.quote(BTC, "-/0.5", &format!("-/{ask}"));
        desk.prices("BTC", &[(60, "100000"), (0, "100000")])
    };
    assert_eq!(look("0.41"), "entry: buy 40 no of btc at 0.41");
    assert_eq!(look("0.42"), "no_edge");
}

#[test]
fn the_fee_is_the_markets() {
    let mut desk = Desk::new(directional());
    desk.change(|market| market.fees = crypto());
    desk.quote(BTC, "-/0.5", "-/0.41");
    assert_eq!(desk.prices("BTC", &[(60, "100000"), (0, "100000")]), "no_edge");
    assert!(desk.compared.contains("fee 0.016933, value 0.063067"), "{}", desk.compared);
}

#[test]
fn a_mean_that_decides_makes_the_chance_surer() {
    let chance = |settlement| {
        let mut desk = Desk::new(chance(|settings| settings.settlement = settlement));
        desk.quote(BTC, "-/0.55", "-/0.5");
        desk.prices("BTC", &[(60, "100200"), (0, "100200")]);
        desk.compared.split(',').next().unwrap().to_owned()
    };
    assert_eq!(chance(Settlement::Spot), "chance 0.780482");
    assert_eq!(chance(Settlement::Twap60), "chance 0.801692");
}

#[test]
fn a_market_of_five_minutes_has_the_same_deviation_as_one_of_fifteen() {
    // It was scaled by the window, and then by the time left once more: 1.34 deviations instead of 0.77.
    let five = ConditionId::from_bytes([5; 32]);
    let mut desk = Desk::new(directional());
    desk.settle(BTC);
    desk.announce(market(five, "btc", (600, 900)), |market| {
        market.strike_usd = Some(usdc("100000"));
    });
    assert_eq!(&*desk.markets[&five].market.slug, "btc-updown-5m-1790586000");
    desk.quote(five, "-/0.55", "-/0.5");
    desk.prices("BTC", &[(60, "100200"), (0, "100200")]);
    assert!(desk.compared.starts_with("chance 0.780482"), "{}", desk.compared);
}

#[test]
fn the_deviation_is_the_underlyings_and_never_below_the_floor() {
    let chance = |symbol: &str, floor: &str, spot: &str| {
        let mut desk = Desk::new(chance(|settings| settings.volatility_min = frac(floor)));
        desk.quote(BTC, "-/0.5", "-/0.5").quote(ETH, "-/0.5", "-/0.5");
        desk.prices(symbol, &[(60, spot), (0, spot)]);
        desk.compared.split(',').next().unwrap().to_owned()
    };
    assert_eq!(chance("BTC", "0.001", "100200"), "chance 0.780482");
    assert_eq!(chance("ETH", "0.001", "4008"), "chance 0.685679");
    assert_eq!(chance("BTC", "0.008", "100200"), "chance 0.685679");
}
