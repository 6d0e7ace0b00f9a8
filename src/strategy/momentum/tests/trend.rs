//! The momentum signal: its tables, and whole decisions by it.

use super::super::trend::{confidence, fair_value, threshold};
use super::*;

#[test]
fn the_fair_value_follows_the_table() {
    for (momentum, expected) in [
        ("0.0005", "0.525"),
        ("0.001", "0.55"),
        ("0.0015", "0.57"),
        ("0.003", "0.63"),
        ("0.005", "0.71"),
        ("0.01", "0.86"),
        ("0.02", "0.9"),
        ("0", "0.5"),
        ("0.000999", "0.54995"),
        ("0.004999", "0.70996"),
        ("0.011333", "0.89999"),
        ("1", "0.9"),
    ] {
        assert_eq!(fair_value(frac(momentum)).to_string(), expected, "{momentum}");
        assert_eq!(fair_value(frac(&format!("-{momentum}"))).to_string(), expected, "-{momentum}");
    }
}

#[test]
fn the_confidence_follows_the_table() {
    for (momentum, edge, expected) in [
        ("0.0015", "0.05", "0.32"),
        ("0.003", "0.13", "0.76"),
        ("0.005", "0.15", "1"),
        ("-0.05", "0.5", "1"),
        ("0", "0.03", "0.12"),
    ] {
        assert_eq!(confidence(frac(momentum), usdc(edge)), frac(expected), "{momentum} {edge}");
    }
}

#[test]
fn the_threshold_follows_the_volatility_between_a_half_and_two() {
    let check = |volatility: Option<i128>, expected: &str| {
        let threshold = threshold(frac("0.0005"), volatility, frac("0.0005"));
        assert_eq!(threshold, frac(expected), "{volatility:?}");
    };
    check(None, "0.0005");
    check(Some(500_000_000), "0.0005");
    check(Some(600_000_000), "0.0006");
    check(Some(999_000_000), "0.000999");
    check(Some(5_000_000_000), "0.001");
    check(Some(400_000_000), "0.0004");
    check(Some(100_000_000), "0.00025");
    check(Some(0), "0.00025");
}

/// Moves BTC in a minute that had no volatility to be read, offers both sides, and compares the look.
fn check(config: &Config, (from, to): (&str, &str), [yes, no]: [&str; 2], expected: &str) {
    let mut desk = Desk::new(config.clone());
    desk.quote(BTC, &format!("-/{yes}"), &format!("-/{no}"));
    assert_eq!(desk.moved(from, to), expected, "{from} {to} {yes} {no}: {}", desk.compared);
}

#[test]
fn a_move_of_three_tenths_of_a_percent_is_worth_63_cents() {
    for config in [confirmatory(), predictive()] {
        let up = ("100000", "100300");
        check(&config, up, ["0.35", "0.7"], "entry: buy 40 yes of btc at 0.35");
        check(&config, up, ["0.36", "0.7"], "price_limit");
    }
    let mut desk = Desk::new(confirmatory());
    desk.quote(BTC, "-/0.35", "-/0.7").moved("100000", "100300");
    let numbers = "momentum 0.003, threshold 0.0005, fair_value 0.63, ask 0.35, edge 0.28, \
                   edge_min 0.03, confidence 0.84";
    assert_eq!(desk.compared, numbers);
}

#[test]
fn a_move_of_exactly_the_threshold_passes() {
    let mut config = confirmatory();
    config.entry_price_max = price("0.45");
    if let Method::Confirmatory { trend, .. } = &mut config.method {
        trend.move_min = frac("0.005");
    }
    check(&config, ("100000", "100500"), ["0.45", "0.1"], "entry: buy 40 yes of btc at 0.45");
    check(&config, ("100000", "100500"), ["0.46", "0.1"], "price_limit");
    check(&config, ("100000", "99500"), ["0.1", "0.45"], "entry: buy 40 no of btc at 0.45");
    check(&config, ("100000", "100499.9"), ["0.45", "0.1"], "no_signal");
    check(&config, ("100000", "100000"), ["0.45", "0.1"], "no_signal");
}

#[test]
fn an_edge_of_exactly_the_least_passes() {
    let config = Config { entry_price_max: price("0.6"), ..confirmatory() };
    let up = ("100000", "100100");
    check(&config, up, ["0.52", "0.5"], "entry: buy 40 yes of btc at 0.52");
    check(&config, up, ["0.53", "0.5"], "no_edge");
}

#[test]
fn the_threshold_of_a_restless_minute_is_higher() {
    let run = |swing: bool| {
        let mut desk = Desk::new(confirmatory());
        desk.quote(BTC, "-/0.35", "-/0.35");
        let mut prices: Vec<(u64, &str)> = Vec::new();
        for age in (1..=60).rev() {
            prices.push((age, if swing && age % 2 == 1 { "100200" } else { "100000" }));
        }
        prices.push((0, "100080"));
        let look = desk.prices("BTC", &prices);
        (look, desk.compared)
    };
    assert_eq!(run(false).0, "entry: buy 40 yes of btc at 0.35");
    let (look, compared) = run(true);
    assert_eq!(
        (look.as_str(), compared.as_str()),
        ("no_signal", "momentum 0.0008, threshold 0.001")
    );
}

#[test]
fn a_hole_in_the_last_minute_is_a_history_that_warms_up_again() {
    let mut desk = Desk::new(confirmatory());
    desk.quote(BTC, "-/0.35", "-/0.35");
    let prices = [(60, "100000"), (34, "100000"), (10, "100000"), (0, "100300")];
    assert_eq!(desk.prices("BTC", &prices), "warming_up");
}
