//! Tests of the settings of `momentum`: defaults, what fits together, what is refused.

use super::declared::{BY_CHANCE, BY_RULES, BY_TREND, UNLIMITED};
use super::*;
use crate::config::{Fault, Kind, strategy};

const DIRECTIONAL: &str = include_str!("../../../config/strategies/momentum.toml");

/// The least that a file must say: `SETTINGS` stands for its settings.
const LEAST: &str = r#"[strategy]
kind = "momentum"
enabled = true
[settings]
SETTINGS
[risk]
market_exposure_max_usdc = 25
strategy_exposure_max_usdc = 100
open_orders_max = 4
order_rate_per_minute = 60
order_burst = 10
loss_streak_max = 5
loss_streak_cooldown_s = 1800
drawdown_max_usdc = 50
"#;
const BTC_ONLY: &str = "btc_market_prefixes = [\"btc-\"]";

fn load(settings: &str) -> Result<Config, Vec<String>> {
    let text = LEAST.replace("SETTINGS", settings);
    match strategy("a.toml", "a".parse().unwrap(), &text) {
        Ok(read) => match read.kind {
            Kind::Momentum(config) => Ok(config),
            Kind::SplitArb(_) | Kind::NbaSwing(_) | Kind::Drill(_) => {
                panic!("not momentum: {text}")
            }
        },
        Err(faults) => Err(faults.iter().map(Fault::to_string).collect()),
    }
}

fn check(settings: &str, faults: &[&str]) {
    assert_eq!(load(settings).unwrap_err(), faults, "{settings}");
}

fn usdc(text: &str) -> crate::price::Usdc {
    text.parse().unwrap()
}

const fn millionths(micros: i64) -> Frac {
    Frac::from_micros(micros)
}

#[test]
fn a_file_that_names_its_markets_is_directional_with_the_defaults() {
    let config = Config {
        method: Method::Directional(Directional {
            left_max: Duration::from_secs(300),
            entry_price_min: "0.1".parse().unwrap(),
            value_min_usdc: usdc("0.08"),
            reserve_usdc: usdc("0.01"),
            volatility_min: millionths(5_000),
            settlement: Settlement::Twap60,
        }),
        series: vec![Series {
            symbol: "BTC".into(),
            market_prefixes: vec!["btc-".to_owned()],
            volatility: millionths(5_000),
        }],
        size: "40".parse().unwrap(),
        entry_price_max: "0.55".parse().unwrap(),
        left_min: Duration::from_secs(60),
        cooldown: Duration::from_secs(60),
        daily_max: 20,
        positions_max: 3,
        window_exposure_max_usdc: usdc("25"),
        best_edge: Some(Duration::from_secs(2)),
        spot_age_max: Duration::from_secs(3),
        book_age_max: Duration::from_secs(5),
    };
    assert_eq!(load(BTC_ONLY), Ok(config.clone()));
    assert_eq!(load(&format!("mode = \"directional\"\n{BTC_ONLY}")), Ok(config));
}

#[test]
fn the_other_modes_have_settings_of_their_own() {
    let trend = Trend { move_min: millionths(500), edge_min_usdc: usdc("0.03") };
    let of = |mode: &str| load(&format!("mode = \"{mode}\"\n{BTC_ONLY}")).unwrap();
    let left_max = Duration::from_secs(300);
    assert_eq!(of("confirmatory").method, Method::Confirmatory { trend: trend.clone(), left_max });
    let exits = Exits {
        take_profit: millionths(200_000),
        stop_loss: millionths(150_000),
        trailing_stop: millionths(100_000),
        before_close: Duration::from_secs(30),
        retry: Duration::from_secs(1),
    };
    assert_eq!(of("predictive").method, Method::Predictive { trend, exits });
    for mode in ["confirmatory", "predictive"] {
        assert_eq!(of(mode).entry_price_max.to_string(), "0.35");
        assert_eq!(of(mode).series[0].volatility, millionths(500));
    }
}

#[test]
fn default_sizes_pass_the_default_window_limit() {
    // A hundred shares and 25 USDC once let nothing pass above 0.25.
    for mode in ["directional", "predictive", "confirmatory"] {
        let config = load(&format!("mode = \"{mode}\"\n{BTC_ONLY}")).unwrap();
        let cost = config.entry_price_max.notional(config.size, Rounding::Up);
        assert!(cost <= config.window_exposure_max_usdc, "{mode}: {cost}");
    }
    check(
        &format!("{BTC_ONLY}\nsize_shares = 100"),
        &["a.toml:6:1: settings.size_shares: 100 shares at 0.55 cost more than a window may; \
           expected at most window_exposure_max_usdc, 25"],
    );
    assert!(load(&format!("{BTC_ONLY}\nsize_shares = 45.45")).is_ok());
    assert!(load(&format!("{BTC_ONLY}\nsize_shares = 45.46")).is_err());
}

#[test]
fn each_market_belongs_to_one_underlying() {
    check(
        "",
        &["a.toml:4:2: settings.btc_market_prefixes: no markets are named; expected one of \
           btc_market_prefixes, eth_market_prefixes, sol_market_prefixes, xrp_market_prefixes \
           at least"],
    );
    check(
        "btc_market_prefixes = [\"a-\", \"b-\"]\nsol_market_prefixes = [\"c-\", \"b-15m-\"]",
        &["a.toml:6:1: settings.sol_market_prefixes: markets of \"b-15m-\" would be of BTC too"],
    );
    let config = load("xrp_market_prefixes = [\"x-\", \"y-\"]").unwrap();
    let wanted = config.subscription();
    assert_eq!(wanted.slug_prefixes, ["x-", "y-"]);
    assert_eq!(wanted.symbols, ["XRP".into()]);
    assert_eq!(config.series[0].volatility, millionths(10_000));
}

#[test]
fn a_setting_of_another_mode_is_refused_with_the_reason() {
    let case = |mode: &str, line: &str, why: &str| {
        let key = line.split(' ').next().unwrap();
        check(
            &format!("mode = \"{mode}\"\n{BTC_ONLY}\n{line}"),
            &[&format!("a.toml:7:1: settings.{key}: {why}")],
        );
    };
    case("directional", "move_min_frac = 0.01", BY_TREND);
    case("directional", "take_profit_frac = 0.2", BY_RULES);
    case("predictive", "btc_sigma_frac = 0.01", BY_CHANCE);
    case("predictive", "left_s_max = 300", UNLIMITED);
    case("confirmatory", "settlement = \"spot\"", BY_CHANCE);
    case("confirmatory", "exit_retry_ms = 1000", BY_RULES);
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let case = |mode: &str, line: &str, problem: &str| {
        let key = line.split(' ').next().unwrap();
        check(
            &format!("mode = \"{mode}\"\n{BTC_ONLY}\n{line}"),
            &[&format!("a.toml:7:1: settings.{key}: {problem}")],
        );
    };
    case(
        "directional",
        "entry_price_min_usdc = 0.56",
        "an ask of at least 0.56 USDC leaves nothing to buy; expected at most entry_price_max_usdc, 0.55",
    );
    case(
        "confirmatory",
        "left_s_min = 301",
        "301 s are more than the most; expected at most left_s_max, 300 s",
    );
    case(
        "predictive",
        "exit_before_close_s = 60",
        "what is bought with 60 s left would be sold at once; expected less than left_s_min, 60 s",
    );
    for fits in ["entry_price_min_usdc = 0.55", "left_s_min = 300"] {
        assert!(load(&format!("{BTC_ONLY}\n{fits}")).is_ok(), "{fits}");
    }
    assert!(load(&format!("mode = \"predictive\"\n{BTC_ONLY}\nexit_before_close_s = 59")).is_ok());
}

#[test]
fn a_wrong_mode_is_named_with_what_was_probably_meant() {
    check(
        &format!("mode = \"directionl\"\n{BTC_ONLY}"),
        &["a.toml:5:8: settings.mode: \"directionl\" is not a known word; expected \
           \"directional\", \"predictive\" or \"confirmatory\" (did you mean \"directional\"?)"],
    );
}

#[test]
fn the_shipped_file_says_what_it_is_and_what_it_wants_to_see() {
    let config = strategy("momentum.toml", "momentum".parse().unwrap(), DIRECTIONAL).unwrap();
    assert_eq!((config.kind.name(), config.kind.variant()), ("momentum", "directional"));
    let wanted = config.kind.subscription();
    assert_eq!(wanted.symbols, ["BTC", "ETH", "SOL", "XRP"].map(Into::into));
    assert_eq!(wanted.slug_prefixes.len(), 4);
}
