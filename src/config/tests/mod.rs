//! Tests of whole files: what is at fault in them, and what they mean.

mod account;
mod day;
mod folder;
mod halt;
mod settings;
mod tools;
mod venue;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::halt::ResumeRule;
use crate::process::ProcessPolicy;
use crate::restart::RestartPolicy;
use crate::strategy::split_arb::Config;
use account::{account_limits, stated};

const SERVICE: &str = include_str!("../../../config/ploy.toml");
const LEGGED: &str = include_str!("../../../config/strategies/split_arb_legged.toml");
const SIMULTANEOUS: &str = include_str!("../../../config/strategies/split_arb_simultaneous.toml");
const DIRECTIONAL: &str = include_str!("../../../config/strategies/momentum.toml");
const PREDICTIVE: &str = include_str!("../../../docs/examples/momentum_predictive.toml");
const CONFIRMATORY: &str = include_str!("../../../docs/examples/momentum_confirmatory.toml");
const NBA_SWING: &str = include_str!("../../../config/strategies/nba_swing.toml");

/// The least that a strategy's file must say; `STYLE` stands for the style.
const LEAST: &str = r#"[strategy]
kind = "split_arb"
enabled = true
[settings]
style = "STYLE"
market_prefixes = ["btc-"]
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

const LEAST_SERVICE: &str = r#"[feed]
kind = "tape"
paths = ["a.jsonl"]
[venue]
kind = "paper"
"#;

fn least(style: &str) -> String {
    LEAST.replace("STYLE", style)
}

/// The least legged file with more lines in `[settings]`.
fn with(settings: &str) -> String {
    least("legged").replace("[risk]", &format!("{settings}\n[risk]"))
}

fn load(text: &str) -> Result<StrategyConfig, Vec<Fault>> {
    strategy("a.toml", "a".parse().unwrap(), text)
}

fn split_arb(text: &str) -> Config {
    let kind = load(text).unwrap().kind;
    let Kind::SplitArb(config) = kind else { panic!("{kind:?}") };
    config
}

fn told(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(Fault::to_string).collect()
}

fn check(text: &str, faults: &[&str]) {
    assert_eq!(told(&load(text).unwrap_err()), faults, "{text}");
}

/// Checks the only fault of one more line in `[settings]`, which is the seventh of the file.
fn check_setting(line: &str, fault: &str) {
    check(&with(line), &[&format!("a.toml:7:{fault}")]);
}

fn check_service(text: &str, faults: &[&str]) {
    assert_eq!(told(&service("p.toml", &stated(text)).unwrap_err()), faults, "{text}");
}

#[test]
fn a_wrong_value_is_named_with_its_place_what_was_found_and_what_is_expected() {
    for (line, fault) in [
        (
            "size_shares = \"abc\"",
            "15: settings.size_shares: \"abc\" is not a number of shares; expected 5 to 1000000",
        ),
        (
            "size_shares = \"20\"",
            "15: settings.size_shares: \"20\" is not a number of shares; expected 5 to 1000000 (write it without quotes: 20)",
        ),
        (
            "size_shares = 4.999999",
            "15: settings.size_shares: 4.999999 is out of range; expected 5 to 1000000 shares",
        ),
        (
            "size_shares = 5.0000001",
            "15: settings.size_shares: 5.0000001 has more than six decimals, which is finer than money is counted; expected 5 to 1000000 shares",
        ),
        (
            "size_shares = inf",
            "15: settings.size_shares: inf is not a number of shares; expected 5 to 1000000",
        ),
        (
            "size_shares = -nan",
            "15: settings.size_shares: -nan is not a number of shares; expected 5 to 1000000",
        ),
        (
            "size_shares = 1e2",
            "15: settings.size_shares: 1e2 is not a number of shares; expected 5 to 1000000 (write it without an exponent)",
        ),
        (
            "size_shares = 99999999999999999999999999999999999999999999",
            "15: settings.size_shares: 9999999999999999999999999999999999999999… is out of range; expected 5 to 1000000 shares",
        ),
        (
            "size_shares = [20]",
            "15: settings.size_shares: a list is not a number of shares; expected 5 to 1000000",
        ),
        (
            "size_shares = 2026-09-28",
            "15: settings.size_shares: a date or time is not a number of shares; expected 5 to 1000000",
        ),
        (
            "size_shares.x = 1",
            "1: settings.size_shares: a section is not a number of shares; expected 5 to 1000000",
        ),
    ] {
        check_setting(line, fault);
    }
}

#[test]
fn cents_percent_and_parts_of_a_leg_are_refused() {
    for (line, fault) in [
        (
            "target_sum_usdc = 95",
            "19: settings.target_sum_usdc: 95 is out of range; expected 0.01 to 1 USDC a pair (it is in USDC, not in cents: did you mean 0.95?)",
        ),
        (
            "unhedged_stop_frac = 10",
            "22: settings.unhedged_stop_frac: 10 is out of range; expected a fraction of 0.01 to 1 (it is a fraction, not a percentage: did you mean 0.1?)",
        ),
        (
            "unhedged_max = 1.0",
            "16: settings.unhedged_max: 1.0 is not a whole number of legs; expected 1 to 1000",
        ),
        (
            "unhedged_max = true",
            "16: settings.unhedged_max: true is not a whole number of legs; expected 1 to 1000",
        ),
        (
            "unhedged_max = -1",
            "16: settings.unhedged_max: -1 is out of range; expected 1 to 1000 legs",
        ),
        (
            "unhedged_max = 0",
            "16: settings.unhedged_max: 0 is out of range; expected 1 to 1000 legs",
        ),
    ] {
        check_setting(line, fault);
    }
}

#[test]
fn no_setting_turns_the_wait_after_a_failed_exit_off() {
    let bounds = "is out of range; expected 100 to 30000 milliseconds";
    for none in ["0", "99"] {
        let fault = format!("17: settings.exit_retry_ms: {none} {bounds}");
        check_setting(&format!("exit_retry_ms = {none}"), &fault);
    }
}

#[test]
fn words_switches_and_lists_are_held_to_what_is_known() {
    let case = |from: &str, to: &str, fault: &str| {
        let text = least("legged").replace(from, to);
        check(&text, &[&format!("a.toml:{fault}")]);
    };
    case(
        "\"split_arb\"",
        "\"splitarb\"",
        "2:8: strategy.kind: \"splitarb\" is not a known word; expected \"split_arb\", \"momentum\", \"nba_swing\" or \"drill\" (did you mean \"split_arb\"?)",
    );
    case(
        "\"split_arb\"",
        "7",
        "2:8: strategy.kind: 7 is not a known word; expected \"split_arb\", \"momentum\", \"nba_swing\" or \"drill\"",
    );
    case(
        "\"legged\"",
        "\"simultanous\"",
        "5:9: settings.style: \"simultanous\" is not a known word; expected \"legged\" or \"simultaneous\" (did you mean \"simultaneous\"?)",
    );
    case(
        "= true",
        "= \"true\"",
        "3:11: strategy.enabled: \"true\" is not a switch; expected true or false (write it without quotes: true)",
    );
    let list =
        "is not a list of texts; expected a list of texts that are not blank, such as [\"btc-\"]";
    for (found, hint) in [
        ("[]", ""),
        ("[1]", ""),
        ("[\"a\", \" \"]", ""),
        ("\"btc-\"", " (a list stands in brackets: [\"btc-\"])"),
    ] {
        let fault = format!("6:19: settings.market_prefixes: {found} {list}{hint}");
        case("[\"btc-\"]", found, &fault);
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_probably_meant() {
    for (line, fault) in [
        (
            "sise_shares = 20",
            "1: settings.sise_shares: unknown setting (did you mean `size_shares`?)",
        ),
        (
            "target_sum = 0.9",
            "1: settings.target_sum: unknown setting (did you mean `target_sum_usdc`?)",
        ),
        ("colour = 1", "1: settings.colour: unknown setting"),
        ("order_burst = 3", "1: settings.order_burst: unknown setting (it belongs in [risk])"),
        ("\"a\\u001bb\" = 1", "1: settings.a\\u{1b}b: unknown setting"),
        ("[risks]\na = 1", "2: risks: unknown section (did you mean [risk]?)"),
        ("[[colour]]", "3: colour: unknown section"),
    ] {
        check_setting(line, fault);
    }
    check(
        &format!("size_shares = 20\nmarket_prefixes = [\"a\"]\nx = 1\n{}", least("legged")),
        &[
            "a.toml:1:1: size_shares: a setting outside of every section (it belongs in [settings])",
            "a.toml:2:1: market_prefixes: a setting outside of every section (it belongs in [settings])",
            "a.toml:3:1: x: a setting outside of every section",
        ],
    );
    check(
        &least("simultaneous").replace("[risk]", "hedge_slack_usdc = 0.1\n[risk]"),
        &["a.toml:7:1: settings.hedge_slack_usdc: only style \"legged\" has it; \
           \"simultaneous\" buys no leg whose hedge is not cheap now"],
    );
}

#[test]
fn what_is_missing_is_named_at_its_section() {
    let text = least("legged")
        .replace("enabled = true\n", "")
        .replace("order_burst = 10\n", "")
        .replace("style = \"legged\"\n", "");
    check(
        &text,
        &[
            "a.toml:1:2: strategy.enabled: missing; expected true or false",
            "a.toml:3:2: settings.style: missing; expected \"legged\" or \"simultaneous\"",
            "a.toml:5:2: risk.order_burst: missing; expected 1 to 1000 orders",
        ],
    );
    check(
        "",
        &[
            "a.toml:1:1: strategy: the section is missing; it must say kind, enabled",
            "a.toml:1:1: risk: the section is missing; it must say market_exposure_max_usdc, \
             strategy_exposure_max_usdc, open_orders_max, order_rate_per_minute, order_burst, \
             loss_streak_max, loss_streak_cooldown_s, drawdown_max_usdc",
        ],
    );
    let twice = least("legged").replace("[settings]", "[[settings]]");
    check(&twice, &["a.toml:4:3: settings: not one section; it is written [settings], once"]);
}

#[test]
fn every_fault_of_a_file_is_reported_at_once_and_in_its_order() {
    let text = with("size_share = 20\nhedge_wait_s_max = 0\nunhedged_max = \"3\"")
        .replace("open_orders_max = 4", "open_orders_max = 0")
        .replace("strategy_exposure_max_usdc = 100", "strategy_exposure_max_usdc = 10");
    check(
        &text,
        &[
            "a.toml:7:1: settings.size_share: unknown setting (did you mean `size_shares`?)",
            "a.toml:8:20: settings.hedge_wait_s_max: 0 is out of range; expected 1 to 86400 seconds",
            "a.toml:9:16: settings.unhedged_max: \"3\" is not a whole number of legs; expected 1 to 1000 (write it without quotes: 3)",
            "a.toml:11:1: risk.market_exposure_max_usdc: 25 USDC in one market are more than in all together; expected at most strategy_exposure_max_usdc, 10",
            "a.toml:13:19: risk.open_orders_max: 0 is out of range; expected 1 to 1000 orders",
        ],
    );
}

#[test]
fn settings_that_do_not_fit_together_are_refused_at_the_one_that_is_stated() {
    check_setting(
        "entry_price_max_usdc = 0.7",
        "1: settings.entry_price_max_usdc: an entry at 0.7 USDC leaves nothing for the other leg; \
         expected less than target_sum_usdc, 0.7",
    );
    check_setting(
        "target_sum_usdc = 0.3",
        "1: settings.target_sum_usdc: an entry at 0.35 USDC leaves nothing for the other leg; \
         expected less than target_sum_usdc, 0.3",
    );
    assert_eq!(
        split_arb(&with("entry_price_max_usdc = 0.699999")).entry_price_max.micros(),
        699_999
    );
    let equal = LEAST.replace("STYLE", "legged").replace("usdc = 25", "usdc = 100");
    assert!(load(&equal).is_ok());
    let restart = |lines: &str| load(&format!("{}[restart]\n{lines}", least("legged")));
    assert!(restart("backoff_initial_ms = 60000").is_ok());
    assert_eq!(
        told(&restart("backoff_initial_ms = 60001").unwrap_err()),
        [
            "a.toml:17:1: restart.backoff_initial_ms: a first wait of 60001 ms is longer than the longest; expected at most backoff_max_s, 60 s"
        ]
    );
}

#[test]
fn text_that_is_no_toml_has_one_fault_with_its_place() {
    for (text, place) in [
        ("[strategy]\nkind = \n", "a.toml:2:8: not valid TOML: "),
        ("[strategy]\nkind = split_arb", "a.toml:2:8: not valid TOML: "),
        ("[a]\nb = 1\nb = 2\n", "a.toml:3:1: not valid TOML: duplicate key"),
        ("[a]\n[a]\n", "a.toml:2:2: not valid TOML: duplicate key"),
        ("a = \"", "a.toml:1:6: not valid TOML: "),
    ] {
        let faults = told(&load(text).unwrap_err());
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(place), "{faults:?}");
    }
}

#[test]
fn a_secret_is_refused_wherever_it_stands_and_never_repeated() {
    let text = format!(
        "{}[extra]\ndeep = [{{ apiKey = \"hunter2\" }}]\n[settings.private_key]\n",
        with("api_token = \"hunter2\"")
    );
    let because = "a secret does not belong in this file \
                   (give it through the environment or a file of its own)";
    check(
        &text,
        &[
            &format!("a.toml:7:1: settings.api_token: {because}"),
            "a.toml:17:2: extra: unknown section",
            &format!("a.toml:18:11: extra.deep.apiKey: {because}"),
            &format!("a.toml:19:11: settings.private_key: {because}"),
        ],
    );
    check_service(
        &format!("password = 1\n{LEAST_SERVICE}"),
        &[&format!("p.toml:1:1: password: {because}")],
    );
}

#[test]
fn a_whole_number_is_accepted_where_a_decimal_is_expected() {
    let sum = |text: &str| split_arb(&with(text)).target_sum_usdc;
    for text in [
        "target_sum_usdc = 1",
        "target_sum_usdc = 1.0",
        "target_sum_usdc = +1",
        "target_sum_usdc = 0x1",
    ] {
        assert_eq!(sum(text).to_string(), "1", "{text}");
    }
    let size = |text: &str| split_arb(&with(text)).size.micros();
    assert_eq!(size("size_shares = 1_000"), 1_000_000_000);
    assert_eq!(size("size_shares = 1_000.000_001"), 1_000_000_001);
}

#[test]
fn a_decimal_is_read_exactly() {
    for digits in ["0.000001", "0.1", "0.3", "0.123456", "0.999999"] {
        let config = split_arb(&with(&format!("profit_min_usdc = {digits}")));
        assert_eq!(config.profit_min_usdc.to_string(), digits);
    }
}

#[test]
fn each_style_has_its_own_defaults() {
    let legged = Config {
        style: Style::Legged,
        market_prefixes: vec!["btc-".to_owned()],
        size: "100".parse().unwrap(),
        entry_price_max: "0.35".parse().unwrap(),
        target_sum_usdc: "0.7".parse().unwrap(),
        hedge_slack_usdc: "0.1".parse().unwrap(),
        profit_min_usdc: "0.05".parse().unwrap(),
        hedge_wait_max: Duration::from_secs(900),
        unhedged_max: 3,
        unhedged_stop_frac: "0.1".parse().unwrap(),
        exit_before_close: Duration::from_secs(30),
        book_age_max: Duration::from_secs(5),
        book_skew_max: Duration::from_millis(500),
        exit_retry: Duration::from_secs(1),
    };
    let simultaneous = Config {
        style: Style::Simultaneous,
        size: "50".parse().unwrap(),
        entry_price_max: "0.49".parse().unwrap(),
        target_sum_usdc: "0.98".parse().unwrap(),
        hedge_slack_usdc: "0".parse().unwrap(),
        profit_min_usdc: "0.02".parse().unwrap(),
        hedge_wait_max: Duration::from_secs(30),
        ..legged.clone()
    };
    assert_eq!(split_arb(&least("legged")), legged);
    assert_eq!(split_arb(&least("simultaneous")), simultaneous);
}

#[test]
fn the_entry_of_the_simultaneous_style_follows_the_target_unless_it_is_stated() {
    let entry = |lines: &str| {
        let text = least("simultaneous").replace("[risk]", &format!("{lines}\n[risk]"));
        split_arb(&text).entry_price_max.to_string()
    };
    assert_eq!(entry("target_sum_usdc = 0.9"), "0.45");
    assert_eq!(entry("target_sum_usdc = 0.9\nentry_price_max_usdc = 0.5"), "0.5");
}

#[test]
fn a_service_says_what_it_plays_and_the_rest_has_defaults() {
    let config = ServiceConfig {
        config: WatchConfig::default(),
        account: account_limits(),
        feed: FeedConfig { paths: vec!["a.jsonl".to_owned()], speed: Speed::REAL },
        venue: VenueConfig { kind: VenueKind::Paper, latency: Duration::from_millis(250) },
        store: StoreConfig { path: "data/ploy.db".to_owned(), url_file: None, keep_days: 90 },
        record: RecordConfig {
            enabled: true,
            folder: "record".to_owned(),
            file_mb: 64,
            file_span: Duration::from_hours(1),
            total_mb: 2048,
        },
        api: ApiConfig { listen: "127.0.0.1:8080".parse().unwrap() },
        log: LogConfig { level: LogLevel::Info, format: LogFormat::Auto },
        process: ProcessPolicy::default(),
        halt: HaltConfig { resume: ResumeRule::Manual, signal_file: "HALT".to_owned() },
        shutdown: ShutdownConfig {
            orders: RestingOrders::Cancel,
            deadline: Duration::from_secs(25),
        },
    };
    assert_eq!(service("p.toml", &stated(LEAST_SERVICE)), Ok(config));
    check_service(
        "",
        &[
            "p.toml:1:1: feed: the section is missing; it must say kind, paths",
            "p.toml:1:1: venue: the section is missing; it must say kind",
        ],
    );
}

#[test]
fn a_service_plays_several_tapes_in_the_order_of_its_list() {
    let tapes =
        |value: &str| service("p.toml", &stated(&LEAST_SERVICE.replace("[\"a.jsonl\"]", value)));
    let paths = tapes("[\"b.jsonl\", \"a.jsonl\"]").unwrap().feed.paths;
    assert_eq!(paths, ["b.jsonl", "a.jsonl"]);
    let check = |value: &str, fault: &str| {
        let faults = tapes(value).unwrap_err();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, [format!("p.toml:3:9: feed.paths: {fault}")]);
    };
    let expected =
        "is not a list of texts; expected a list of texts that are not blank, such as [\"btc-\"]";
    check("[]", &format!("[] {expected}"));
    check("[\"a.jsonl\", \" \"]", &format!("[\"a.jsonl\", \" \"] {expected}"));
    check(
        "\"a.jsonl\"",
        &format!("\"a.jsonl\" {expected} (a list stands in brackets: [\"a.jsonl\"])"),
    );
}

#[test]
fn the_service_refuses_speeds_and_addresses_that_make_no_sense() {
    for (lines, fault) in [
        (
            "speed = 60",
            "6:9: feed.speed: 60 is not a speed; expected \"max\" or \"0.1x\" to \"100000x\" (write \"60x\")",
        ),
        (
            "speed = \"fast\"",
            "6:9: feed.speed: \"fast\" is not a speed; expected \"max\" or \"0.1x\" to \"100000x\"",
        ),
        (
            "[api]\nlisten = \"0.0.0.0:8080\"",
            "7:10: api.listen: \"0.0.0.0:8080\" can be reached from other machines, and there is no authentication yet; expected a loopback address with a port, such as \"127.0.0.1:8080\"",
        ),
        (
            "[api]\nlisten = \"localhost\"",
            "7:10: api.listen: \"localhost\" is not an address with a port; expected a loopback address with a port, such as \"127.0.0.1:8080\"",
        ),
        (
            "[log]\nlevel = \"warning\"",
            "7:9: log.level: \"warning\" is not a known word; expected \"error\", \"warn\", \"info\", \"debug\" or \"trace\" (did you mean \"warn\"?)",
        ),
        ("path = \"b.jsonl\"", "6:1: feed.path: unknown setting (it belongs in [store])"),
        (
            "[record]\nfile_mb = 5\ntotal_mb = 9",
            "7:1: record.file_mb: files of 5 MiB are too large where all together may have 9; expected at most half of total_mb, 4",
        ),
        (
            "[store]\npath = \"\"",
            "7:8: store.path: \"\" is not a text; expected a text in quotes that is not blank",
        ),
    ] {
        let venue_first =
            "[venue]\nkind = \"paper\"\n[feed]\nkind = \"tape\"\npaths = [\"a.jsonl\"]\n";
        check_service(&format!("{venue_first}{lines}"), &[&format!("p.toml:{fault}")]);
    }
    for address in ["127.9.9.9:1", "[::1]:0", "[::ffff:127.0.0.1]:80"] {
        let text = format!("{LEAST_SERVICE}[api]\nlisten = \"{address}\"");
        let listen = service("p.toml", &stated(&text)).unwrap().api.listen;
        assert_eq!(listen.to_string(), address);
    }
}

#[test]
fn the_version_is_of_the_meaning() {
    let version = |text: &str| load(text).unwrap().version;
    let base = version(&least("legged"));
    assert_eq!(base.len(), 64);
    assert!(base.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let text = least("legged");
    let mut head: Vec<&str> = text.split_inclusive('\n').collect();
    let rest = head.split_off(3);
    let backwards = [rest, head].concat().concat();
    assert_ne!(backwards, text);
    for same in [
        backwards,
        format!("\u{feff}{}", least("legged")),
        format!("# a comment\r\n\n{}", least("legged").replace(" = ", "=")),
        least("legged").replace("drawdown_max_usdc = 50", "drawdown_max_usdc = 50.00 # five tens"),
        with("size_shares = 1_00"),
        with("hedge_slack_usdc = 0.1"),
        least("legged")
            .replace("kind = \"split_arb\"\nenabled = true", "enabled = true\nkind = 'split_arb'"),
    ] {
        assert_eq!(version(&same), base, "{same}");
    }
    for other in [
        with("size_shares = 100.000001"),
        least("legged").replace("= true", "= false"),
        least("legged").replace("btc-", "eth-"),
        least("legged").replace("order_burst = 10", "order_burst = 11"),
        format!("{}[restart]\nstop_grace_s = 6", least("legged")),
        least("simultaneous"),
    ] {
        assert_ne!(version(&other), base, "{other}");
    }
}

#[test]
fn a_kind_says_its_name_its_variant_and_what_it_wants_to_see() {
    for (text, variant) in [(LEGGED, "legged"), (SIMULTANEOUS, "simultaneous")] {
        let config = load(text).unwrap();
        assert_eq!(config.kind.name(), "split_arb");
        assert_eq!(config.kind.variant(), variant);
        assert_eq!(config.kind.subscription().slug_prefixes, ["btc-updown-15m-"]);
        assert_eq!(config.limits.market_exposure_max_usdc.to_string(), "25");
    }
    let config = load(NBA_SWING).unwrap();
    assert_eq!((config.kind.name(), config.kind.variant()), ("nba_swing", "untrained"));
    assert_eq!(config.kind.subscription().slug_prefixes, ["nba-"]);
    let service = service("ploy.toml", SERVICE).unwrap();
    assert_eq!(service.feed.speed.to_string(), "60x");
}

#[test]
fn what_a_file_does_not_say_of_single_orders_is_the_guards_preset() {
    let config = load(&least("legged")).unwrap();
    assert_eq!(config.limits.entry, crate::risk::EntryLimits::PRESET);
}
