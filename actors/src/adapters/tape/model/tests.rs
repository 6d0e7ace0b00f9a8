//! Tests of whole modelled tapes: what is on them, that strategies trade on them, and what no tape is made of.

use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ploy::config;
use ploy::event::Kind;
use ploy::kernel::{Kernel, Memory};
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::paper::PaperVenue;
use ploy::replay::Replay;
use ploy::status::KernelStatus;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::crypto::{Day, Round, Tick};
use super::*;
use crate::adapters::tape::check::check;
use crate::adapters::tape::lines::Lines;
use crate::adapters::tape::reader;

/// Returns a file of the shared data, or says aloud that a test is skipped without it.
fn shared(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::var_os("PLOY_SHARED_DATA").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| root.join("../shared/data")).join(name);
    if path.is_file() {
        return Some(path);
    }
    // Past the test runner's capture: a check that did not run must be seen.
    let notice = format!("SKIPPED: {name} is not there; PLOY_SHARED_DATA names its folder\n");
    stderr().write_all(notice.as_bytes()).unwrap();
    None
}

/// Plays a tape to a shipped strategy, without any actor.
fn played(tape: &Path, strategy: &str) -> KernelStatus {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("config/strategies").join(format!("{strategy}.toml"));
    let text = fs::read_to_string(&path).unwrap();
    let config = config::strategy(strategy, strategy.parse().unwrap(), &text).unwrap();
    let kernel =
        Kernel::new(config.id, config.kind.build(), config.limits.clone(), Memory::default());
    let mut replay = Replay::new([kernel], PaperVenue::new(Duration::from_millis(250)));
    for event in reader::open(tape).unwrap() {
        replay.play(&event.unwrap(), &mut |_, _| {}).unwrap();
    }
    replay.finish(&mut |_, _| {}).unwrap();
    replay.kernels().values().next().unwrap().status()
}

fn figures(what: &str, status: &KernelStatus) {
    let (decisions, fills, pnl) = (status.decisions, status.fills, status.pnl.total_usdc);
    let line = format!("{what}: {decisions} decisions, {fills} fills, {pnl} USDC\n");
    stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn the_recorded_day_becomes_a_clean_tape_on_which_momentum_trades() {
    let prices = shared("btc-5m-prices-2026-07-24/BTCUSD-prices-2026-07-24.csv.gz");
    let markets = shared("btc-5m-prices-2026-07-24/BTC-5m-markets-2026-07-24.jsonl.gz");
    let (Some(prices), Some(markets)) = (prices, markets) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("btc.jsonl");
    let made = crypto(&prices, &markets, 1, &tape).unwrap();
    assert_eq!((made.spots + made.left_out, made.left_out, made.markets), (78_515, 5, 292));
    let report = check(&tape).unwrap();
    assert_eq!((report.header.books, report.markets.len()), (Books::Modelled, 292));
    assert_eq!(report.remarks, [""; 0]);
    assert!(report.markets.iter().all(|market| market.payouts.is_some()));
    let status = played(&tape, "momentum");
    figures("momentum on the recorded day", &status);
    assert!(0 < status.fills && status.rejections.values().any(|count| 0 < *count));
}

/// Where the feed has a price of the very second of the close and the strike is told, the outcome follows.
#[test]
fn the_outcomes_of_the_recorded_day_follow_from_its_prices() {
    let prices = shared("btc-5m-prices-2026-07-24/BTCUSD-prices-2026-07-24.csv.gz");
    let markets = shared("btc-5m-prices-2026-07-24/BTC-5m-markets-2026-07-24.jsonl.gz");
    let (Some(prices), Some(markets)) = (prices, markets) else { return };
    let read = source::day(&prices, &markets).unwrap();
    let mut told = std::collections::BTreeMap::new();
    let mut lines = Lines::open(&prices).unwrap();
    while let Some(line) = lines.next_line().unwrap() {
        let mut cells = line.text.split(',');
        if let (Some(Ok(at)), Some(exact)) =
            (cells.next().map(str::parse::<i64>), cells.nth(1).and_then(source::scaled))
        {
            told.insert(Timestamp::from_millis(at), exact);
        }
    }
    let mut followed = 0;
    for Round { market, strike, payouts, .. } in &read.day.rounds {
        if let (Some(last), Some(strike)) = (told.get(&market.closes_at), strike) {
            let is_up = payouts[0] == "1".parse().unwrap();
            assert_eq!(strike <= last, is_up, "{}", market.slug);
            followed += 1;
        }
    }
    assert_eq!(followed, 257);
}

#[test]
fn the_recorded_game_becomes_a_clean_tape_on_which_nba_swing_trades() {
    let plays = shared("nba/nba_cdn_playbyplay_0022000001.json.gz");
    let scores = shared("nba/nba_cdn_boxscore_0022000001.json.gz");
    let (Some(plays), Some(scores)) = (plays, scores) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("game.jsonl");
    let made = nba(&plays, &scores, 1, &tape).unwrap();
    assert_eq!((made.games, made.markets), (443, 1));
    let report = check(&tape).unwrap();
    assert_eq!(report.remarks, [""; 0]);
    let market = &report.markets[0];
    assert_eq!(&*market.slug, "nba-gsw-bkn-2020-12-22");
    assert_eq!(market.payouts, Some(["0", "1"].map(|pays| pays.parse().unwrap())));
    let last = reader::open(&tape).unwrap().map(Result::unwrap);
    let last = last.filter_map(|event| match event.kind {
        Kind::Game(game) => Some(game),
        Kind::Market(_) | Kind::Book { .. } | Kind::Trade(_) | Kind::Spot { .. } => None,
        Kind::Tick { .. } | Kind::Resolved { .. } | Kind::Feed { .. } | Kind::Gap { .. } => None,
    });
    let last = last.last().unwrap();
    assert_eq!((last.score, last.is_final), ([125, 99], true));
    let status = played(&tape, "nba_swing");
    figures("nba_swing on the recorded game", &status);
    assert!(0 < status.fills);
}

#[test]
fn strategies_trade_on_the_synthetic_tapes_and_are_refused_for_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape.jsonl");
    synthetic_crypto("2026-09-28T09:40:00Z".parse().unwrap(), 1, &tape).unwrap();
    assert_eq!(check(&tape).unwrap().remarks, [""; 0]);
    let status = played(&tape, "momentum");
    assert!(0 < status.fills && 5 < status.causes.len());
    synthetic_nba("2026-09-28T10:02:00Z".parse().unwrap(), 1, &tape).unwrap();
    assert_eq!(check(&tape).unwrap().remarks, [""; 0]);
    let status = played(&tape, "nba_swing");
    assert!(1 < status.fills && 5 < status.causes.len());
}

#[test]
fn the_same_seed_makes_the_same_tape_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    let made = |seed, name: &str| {
        let path = folder.path().join(name);
        synthetic_nba("2026-09-28T10:02:00Z".parse().unwrap(), seed, &path).unwrap();
        fs::read_to_string(path).unwrap()
    };
    assert_eq!(made(1, "a"), made(1, "b"));
    assert_ne!(made(1, "a"), made(2, "b"));
}

/// A day of one market of a minute, whose price jumps from below its strike to above it after 30 seconds.
fn jump() -> Day {
    let opens_at: Timestamp = "2026-09-28T10:00:00Z".parse().unwrap();
    let price = |second: u64| if second < 150 { "2490" } else { "2510" };
    let ticks = (0..240)
        .map(|second| Tick {
            at: opens_at - Duration::from_secs(120) + Duration::from_secs(second),
            price: price(second).parse().unwrap(),
        })
        .collect();
    let market = Market {
        id: ConditionId::from_bytes([1; 32]),
        slug: "eth-updown-1m-1".into(),
        question: "?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: min_size(),
        fees: FeeSchedule::FREE,
        opens_at,
        closes_at: opens_at + Duration::from_secs(60),
        strike_usd: None,
        event: None,
    };
    let payouts = ["1", "0"].map(|pays| pays.parse().unwrap());
    let resolved_at = opens_at + Duration::from_secs(80);
    let strike = Some("2500".parse().unwrap());
    Day {
        symbol: "ETH".into(),
        ticks,
        rounds: vec![Round { market, strike, payouts, resolved_at }],
    }
}

/// The best bids of yes with the seconds since the opening.
fn bids(day: &Day) -> Vec<(f64, i64)> {
    let opens_at = day.rounds[0].market.opens_at;
    let mut bids = Vec::new();
    for event in day.events(&SYNTHETIC, 1) {
        if let Kind::Book { outcome: Outcome::Yes, book, .. } = &event.kind {
            let bid = book.best_bid().map_or(0, |level| level.price.micros());
            bids.push((event.at.since(opens_at).as_secs_f64(), bid));
        }
    }
    bids
}

#[test]
fn a_book_follows_its_ticks_late_and_only_while_its_market_is_open() {
    let bids = bids(&jump());
    assert_eq!(bids.len(), 30);
    assert!(bids.iter().all(|(at, _)| (0.0..60.0).contains(at)));
    for (at, bid) in bids {
        // The jump is at 30 s; a book is 0.5 to 1.5 s behind.
        if at < 30.5 {
            assert!(bid < 300_000, "{bid} at {at}");
        } else if 31.5 < at {
            assert!(700_000 < bid, "{bid} at {at}");
        }
    }
}

#[test]
fn without_ticks_no_book_comes() {
    let mut day = jump();
    let silent = day.rounds[0].market.opens_at + Duration::from_secs(20);
    day.ticks.retain(|tick| tick.at < silent);
    let last = bids(&day).last().unwrap().0;
    assert!((27.0..31.5).contains(&last), "{last}");
}

#[test]
fn a_market_is_announced_before_its_window_and_told_its_strike_after_the_opening() {
    let mut day = jump();
    let told = |day: &Day| {
        let opens_at = day.rounds[0].market.opens_at;
        let announced =
            day.events(&SYNTHETIC, 1).into_iter().filter_map(|event| match event.kind {
                Kind::Market(market) => {
                    let after = event.at.micros() - opens_at.micros();
                    Some((after / 1_000_000, market.strike_usd.is_some()))
                }
                Kind::Book { .. } | Kind::Trade(_) | Kind::Spot { .. } | Kind::Game(_) => None,
                Kind::Tick { .. } | Kind::Resolved { .. } => None,
                Kind::Feed { .. } | Kind::Gap { .. } => None,
            });
        announced.collect::<Vec<_>>()
    };
    assert_eq!(told(&day), [(-60, false), (5, true)]);
    day.rounds[0].strike = None;
    assert_eq!(told(&day), [(-60, false)]);
    let mut late = jump();
    late.ticks.drain(..140);
    assert_eq!(told(&late), [(20, true)]);
}

/// A folder with a file of prices and one of markets.
fn raw(prices: &str, markets: &[Value]) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("prices.csv"), folder.path().join("markets.jsonl"));
    let lines: Vec<String> = markets.iter().map(|market| format!("{market}\n")).collect();
    fs::write(&one, prices).unwrap();
    fs::write(&other, lines.concat()).unwrap();
    (folder, one, other)
}

fn market(id: &str) -> Value {
    json!({
        "slug": "btc-updown-5m-300", "asset": "btc", "condition_id": id.repeat(32),
        "token_ids": ["1", "2"], "start_sec": 300, "end_sec": 600, "resolved": true,
        "outcome_prices": ["0", "1"], "strike_value": "65026457815500000000000",
        "raw": {"question": "Up?", "feeSchedule": {"rate": 0.07, "exponent": 1},
                "orderMinSize": 5, "umaEndDate": "1970-01-01T00:10:16Z", "more": "is ignored"}
    })
}

const PRICES: &str = "feed_ts_ms,value,full_accuracy_value,server_ts_ms,recv_ms
300000,1.0,65000000000400000000000,300900,301500
302000,1.0,65002000000000000000000,302900,303100
301000,1.0,65001000000000000000000,301900,303200
303000,1.0,65003000000000000000000,303900,304000
";

#[test]
fn prices_come_when_they_were_received_and_one_after_a_newer_one_is_left_out() {
    let (_folder, prices, markets) = raw(PRICES, &[market("ab")]);
    let read = source::day(&prices, &markets).unwrap();
    assert_eq!((read.rows, read.late), (4, 1));
    let ticks: Vec<(i64, String)> = read
        .day
        .ticks
        .iter()
        .map(|tick| (tick.at.micros() / 1000, tick.price.to_string()))
        .collect();
    let expected = [(301_500, "65000"), (303_100, "65002"), (304_000, "65003")];
    assert_eq!(ticks, expected.map(|(at, price)| (at, price.to_owned())));
    let round = &read.day.rounds[0];
    assert_eq!(round.strike.unwrap().to_string(), "65026.457816");
    assert_eq!(round.resolved_at.to_string(), "1970-01-01T00:10:16Z");
    assert_eq!((&*read.day.symbol, round.market.tokens.is_some()), ("BTC", true));
}

#[test]
fn raw_files_that_are_not_as_expected_are_refused_with_the_line() {
    let check = |prices: &str, markets: &[Value], expected: &str| {
        let (_folder, prices, markets) = raw(prices, markets);
        let error = source::day(&prices, &markets).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let with = |key: &str, value: Value| {
        let mut market = market("ab");
        market[key] = value;
        market
    };
    check("a,b\n", &[], "prices.csv: line 1: the columns feed_ts_ms,");
    check(&PRICES.replace("303900", "303900,1"), &[], "prices.csv: line 5: not a price");
    check(&PRICES.replace("65003000000000000000000", "-1"), &[], "line 5: not a price");
    let twice = [market("ab"), market("ab")];
    check(PRICES, &twice, "markets.jsonl: line 2: the market btc-updown-5m-300 was there before");
    let other = [market("ab"), with("asset", json!("eth"))];
    check(PRICES, &other, "line 2: a market of ETH among those of BTC");
    check(PRICES, &[with("resolved", json!(false))], "line 1: the market btc-updown-5m-300 is not");
    check(PRICES, &[with("strike_value", json!("x"))], "line 1: `x` is no strike");
    check(PRICES, &[with("raw", json!({}))], "line 1: missing field");
    check(PRICES, &[], "there is no price or no market");
}

/// A game of two actions: it begins, and it ends with this score.
fn plays(home: &str, away: &str) -> Value {
    let action = |order: u64, at: &str, kind: [&str; 2], score: [&str; 2]| {
        json!({"orderNumber": order, "timeActual": at, "clock": "PT00M44.80S", "period": 4,
               "actionType": kind[0], "subType": kind[1], "possession": 7,
               "scoreHome": score[0], "scoreAway": score[1]})
    };
    json!({"game": {"gameId": "1", "actions": [
        action(30, "2020-12-23T00:10:00.5Z", ["game", "end"], [home, away]),
        action(20, "2020-12-23T00:10:01Z", ["2pt", "Jump Shot"], [home, away]),
        action(10, "2020-12-23T00:09:00Z", ["2pt", "Jump Shot"], ["0", "2"]),
    ]}})
}

#[test]
fn a_game_is_told_in_its_order_and_must_end_as_its_box_score_says() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("plays"), folder.path().join("scores"));
    let team = |id: u64, name: &str, code: &str, score: u64| json!({"teamId": id, "teamName": name, "teamTricode": code, "score": score});
    let scores = json!({"game": {"gameId": "1", "gameEt": "2020-12-22T19:00:00-05:00",
        "homeTeam": team(7, "Nets", "BKN", 4), "awayTeam": team(8, "Warriors", "GSW", 2)}});
    fs::write(&other, serde_json::to_string_pretty(&scores).unwrap()).unwrap();
    let read = |plays: &Value| {
        fs::write(&one, plays.to_string()).unwrap();
        source::game(&one, &other, 1).map_err(|error| error.to_string())
    };
    let game = read(&plays("4", "2")).unwrap();
    assert_eq!(game.slug(), "nba-gsw-bkn-2020-12-22");
    let told: Vec<String> =
        game.states.iter().map(|state| format!("{} {:?}", state.at, state.score)).collect();
    let late = "2020-12-23T00:10:01Z [4, 2]";
    assert_eq!(told, ["2020-12-23T00:09:00Z [0, 2]", late, late]);
    assert!(game.states.iter().all(|state| state.clock_s == 44 && state.possession == Some(0)));

    let fault = |plays: Value| read(&plays).unwrap_err();
    assert!(fault(plays("5", "2")).contains("it does not end with the box score's 4 to 2"));
    assert!(fault(plays("x", "2")).contains("action 20: score `x`"));
    let mut other_game = plays("4", "2");
    other_game["game"]["gameId"] = json!("2");
    assert!(fault(other_game).contains("the game 2, and the box score is of 1"));
    let mut no_clock = plays("4", "2");
    no_clock["game"]["actions"][0]["clock"] = json!("1:00");
    assert!(fault(no_clock).contains("action 30: `1:00` is no clock"));
}
