//! The command line against a real service: what is written, and how the program ends.

mod account_refusals;
mod refusals;
mod why;

use std::future::ready;
use std::sync::Arc;

use expect_test::{Expect, expect};
use ploy::command::{Accepted, Refusal};
use ploy::lifecycle::{NoTransition, Phase};
use ploy::time::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args::{Args, Verb};
use super::*;
use crate::api::{ApiState, Hosts, serve};
use crate::bus::command::CommandBus;
use crate::ports::why::{Chain, Chains, Found, Moment, Of};
use crate::ports::{
    DecisionRecord, FillRecord, OrderRecord, Page, Pending, Query, Records, StoreError,
};
use crate::report::Report;
use crate::sample;
use clap::Parser as _;

const WIDE: Look = Look { width: 120, colour: false };
const NARROW: Look = Look { width: 80, colour: false };

/// Three intents, two of them refused by one rule; or a store that is down.
struct Store(Result<(), StoreError>);

impl Records for Store {
    fn decisions(&self, query: Query) -> Pending<'_, Result<Page<DecisionRecord>, StoreError>> {
        let record = |at: &str, verdict: &str, cause: &str, intent: &str, numbers: Value| {
            let record = json!({
                "seq": 1, "at": at, "strategy": query.strategy, "market_id": null,
                "market": "btc-updown-15m", "verdict": verdict, "cause": cause,
                "intent": intent, "numbers": numbers
            });
            serde_json::from_value(record).unwrap()
        };
        let entry = "buy 12.5 Up at 0.34 FAK entry";
        let items = vec![
            record("2026-09-28T12:29:10Z", "order", "28", entry, json!([["ask", "0.34"]])),
            record(
                "2026-09-28T11:00:00Z",
                "rejected",
                "market_exposure",
                "buy 160 Up at 0.34 FAK entry",
                json!([["used", "54.4"], ["limit", "50"], ["would_pass", "147.05"]]),
            ),
            record(
                "2026-09-28T10:59:59Z",
                "rejected",
                "market_exposure",
                "buy 160 Up at 0.35 FAK entry",
                json!([["used", "56"], ["limit", "50"], ["would_pass", "142.85"]]),
            ),
        ];
        let next = None;
        Box::pin(ready(self.0.clone().map(|()| Page { items, next })))
    }

    fn orders(&self, _: Query) -> Pending<'_, Result<Page<OrderRecord>, StoreError>> {
        Box::pin(ready(Err(StoreError::Ended)))
    }

    fn fills(&self, _: Query) -> Pending<'_, Result<Page<FillRecord>, StoreError>> {
        Box::pin(ready(Err(StoreError::Ended)))
    }
}

/// The one story that this service knows, of an order or of a refusal, and the one moment.
#[derive(Clone)]
struct Stories(Value);

impl Stories {
    fn tell<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
    ) -> Pending<'static, Result<Found<T>, StoreError>> {
        let found = if self.0.is_null() {
            Found::Nothing { run: "0197a1b2".to_owned() }
        } else {
            Found::There(serde_json::from_value(self.0.clone()).unwrap())
        };
        Box::pin(ready(Ok(found)))
    }
}

impl Chains for Stories {
    fn decision(&self, _: Of, _: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        self.tell()
    }

    fn order(&self, _: Of, _: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        self.tell()
    }

    fn moment(&self, _: Of, _: Timestamp) -> Pending<'_, Result<Found<Moment>, StoreError>> {
        self.tell()
    }
}

/// What the service has and says.
struct Setting {
    status: SystemStatus,
    story: Value,
    store: Result<(), StoreError>,
    answer: Result<Accepted, Refusal>,
}

impl Setting {
    fn of(status: SystemStatus) -> Self {
        Self { status, story: Value::Null, store: Ok(()), answer: Err(Refusal::Unavailable) }
    }

    /// Runs one command line against a service of this setting.
    async fn ask(self, line: &str, look: Look) -> Result<Said, Failure> {
        let (commands, mut asked) = CommandBus::new();
        let (tx, status) = watch::channel(Arc::new(self.status));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = ApiState {
            desk: None,
            status,
            commands,
            records: Arc::new(Store(self.store.clone())),
            chains: Arc::new(Stories(self.story)),
            safe_mode: None,
            recall: None,
            audit: None,
            brake: None,
            hosts: Hosts::new(address, &[]).unwrap(),
        };
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, state, shutdown.clone()));
        tokio::spawn(async move {
            while let Some(asked) = asked.recv().await {
                assert_eq!(asked.command.actor, "cli");
                asked.reply.send(self.answer.clone()).unwrap();
            }
        });
        let said = against(&format!("http://{address}"), line, look).await;
        shutdown.cancel();
        server.await.unwrap().unwrap();
        drop(tx);
        said
    }
}

async fn against(url: &str, line: &str, look: Look) -> Result<Said, Failure> {
    let words = ["ploy", "--url", url].into_iter().chain(line.split(' '));
    let args = Args::try_parse_from(words).unwrap();
    let Verb::Client(verb) = args.verb else {
        panic!("`{line}` asks no service");
    };
    let client = Client::new(&args.server.url)?;
    ask(&client, &verb, args.server.output, look).await
}

async fn check(setting: Setting, line: &str, look: Look, expected: Expect) {
    let said = setting.ask(line, look).await.unwrap();
    expected.assert_eq(&said.text);
    let widest = said.text.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= look.width, "wider than {}", look.width);
}

#[tokio::test]
async fn a_healthy_status_in_eighty_columns() {
    check(
        Setting::of(sample::healthy()),
        "status",
        NARROW,
        expect![[r#"
            PAPER  run 0197a1b2, snapshot 41

            STRATEGY    STATE    FOR  GATE   ORDERS  REJECTS  TRADED  RESTARTS
            split-arb   running   3m  open  25/2/1?        2     50s         1
            split-both  running   3m  open      0/0        0       -         1

            STRATEGY    HELD  REALISED  UNREALISED  DRAWDOWN  BOOKS
            split-arb   4.26     +3.10       -0.13      0.13  recorded
            split-both  0.00      0.00        0.00      0.00  recorded

            feed tape: playing, BTC 15-minute markets (books: recorded), 1,234,567 events,
            at 2026-09-28 12:30:00 of 2026-09-28 16:00:00 UTC, speed 60x
            store data/ploy.db: up, 1,520 rows, 3 queued, 0 errors

            Nothing is wrong: 2 running.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_troubled_status_in_a_hundred_and_twenty_columns() {
    check(
        Setting::of(sample::troubled()),
        "status",
        WIDE,
        expect![[r#"
            PAPER  run 0197a1b2, snapshot 41

            STRATEGY    STATE    FOR  GATE   ORDERS  REJECTS  TRADED  RESTARTS  HELD  REALISED  UNREALISED  DRAWDOWN  BOOKS
            split-arb   running   3m  open  25/2/1?        2     50s         1  4.26     +3.10       -0.13      0.13  recorded
            split-both  halted    3m  open      0/0        0       -         6  0.00      0.00        0.00      0.00  recorded
            split-eth   backoff   3m  open      0/0        0       -         2  0.00      0.00        0.00      0.00  recorded

            feed tape: playing, BTC 15-minute markets (books: recorded), 1,234,567 events, at 2026-09-28 12:30:00 of 2026-09-28
            16:00:00 UTC, speed 60x
            store data/ploy.db: up, 1,520 rows, 3 queued, 0 errors

            1 running, 1 backoff, 1 halted: split-both is halted - the same panic three times - let it go on with `ploy resume
            split-both`; split-eth failed and waits for try 2 at 12:30:05.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_service_without_strategies_says_what_to_do() {
    let mut status = sample::healthy();
    status.strategies.clear();
    status.store.up = false;
    status.store.last_error = Some("disk\u{1b}[2J full".to_owned());
    check(
        Setting::of(status),
        "status",
        NARROW,
        expect![[r#"
            PAPER  run 0197a1b2, snapshot 41

            There is no strategy: put a file into config/strategies.

            feed tape: playing, BTC 15-minute markets (books: recorded), 1,234,567 events,
            at 2026-09-28 12:30:00 of 2026-09-28 16:00:00 UTC, speed 60x
            store data/ploy.db: DOWN, 1,520 rows, 3 queued, 0 errors, disk [2J full

            0 strategies: the store is down: disk [2J full.
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_list_of_strategies() {
    check(
        Setting::of(sample::troubled()),
        "strategies",
        NARROW,
        expect![[r#"
            STRATEGY    KIND       VARIANT       STATE    CONFIG        MARKETS  DECISIONS
            split-arb   split_arb  legged        running  9f2c01ab34de        2     61,000
            split-both  split_arb  simultaneous  halted   9f2c01ab34de        2     60,900
            split-eth   split_arb  legged        backoff  9f2c01ab34de        0          0
        "#]],
    )
    .await;
}

#[tokio::test]
async fn why_a_strategy_trades() {
    check(
        Setting::of(sample::healthy()),
        "why split-arb",
        WIDE,
        expect![[r#"
            split-arb  split_arb legged, PAPER
            running for 3m, gate open, started again: config 1
            holds 12.5 Up of btc-updown-15m, cost 4.26 USDC, could be sold at 0.33
            limit market_exposure: 4.256 of 50 used (8 %), 45.744 left

            Last intents
            AT        DECISION  WANTED                         WHAT CAME OF IT
            12:29:10  @1        buy 12.5 Up at 0.34 FAK entry  order 28 (ask 0.34)
            11:00:00  @1        buy 160 Up at 0.34 FAK entry   2 times since 10:59:59, refused: market_exposure 54.4 of 50, 147.05
                                                               would have passed

            What it keeps saying no to
             TIMES  REASON                    NEWEST NUMBERS                     SINCE     LAST
            60,148  price_limit               ask 0.46, max_entry 0.35           09:00:01  12:30:00
               820  stale_book                age 6.1s, limit 5s                 09:00:00  12:20:00
                 2  refused: market_exposure  used 54.4, limit 50, passing 12.5  10:00:00  11:00:00
        "#]],
    )
    .await;
}

#[tokio::test]
async fn why_a_halted_strategy_does_not() {
    let setting = Setting {
        store: Err(StoreError::Failed("disk full".to_owned())),
        ..Setting::of(sample::troubled())
    };
    check(
        setting,
        "why split-both",
        NARROW,
        expect![[r#"
            split-both  split_arb simultaneous, PAPER
            halted for 3m, gate open, started again: config 1, failure 5
            split-both is halted - the same panic three times - let it go on with `ploy
            resume split-both`

            Last intents
            not to be had: the records cannot be read now: the store failed: disk full

            What it keeps saying no to
             TIMES  REASON   NEWEST NUMBERS             SINCE     LAST
            60,900  no_edge  sum 1.01, target_sum 0.98  09:00:01  12:30:00

            Last error: panic: attempt to subtract with overflow
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_health_is_one_check_a_line() {
    let good = Setting::of(sample::healthy()).ask("health", NARROW).await.unwrap();
    assert_eq!(good.exit, Exit::Done);
    assert!(good.text.ends_with("\n[+] split-both running\nready\n"), "{}", good.text);
    let mut status = sample::healthy();
    status.not_ready = vec!["no tape yet".to_owned()];
    let bad = Setting::of(status).ask("health -o json", NARROW).await.unwrap();
    assert_eq!(bad.exit, Exit::Failed);
    let json: Value = serde_json::from_str(&bad.text).unwrap();
    assert_eq!(json["ready"], false);
    assert_eq!(json["checks"][0], "[-] no tape yet");
}

#[tokio::test]
async fn colour_changes_no_word() {
    let colour = Look { colour: true, ..WIDE };
    for line in ["status", "why split-arb", "strategies"] {
        let plain = Setting::of(sample::troubled()).ask(line, WIDE).await.unwrap();
        let painted = Setting::of(sample::troubled()).ask(line, colour).await.unwrap();
        assert_ne!(painted.text, plain.text);
        assert!(!plain.text.contains('\u{1b}'));
        let mut bare = String::new();
        for (i, part) in painted.text.split("\u{1b}[").enumerate() {
            let (_, rest) = if i == 0 { ("", part) } else { part.split_once('m').unwrap() };
            bare += rest;
        }
        let trim = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trim(&bare), trim(&plain.text));
    }
}

#[tokio::test]
async fn a_check_ends_with_ten_when_something_is_wrong() {
    let exit = async |status: SystemStatus, line: &str| {
        Setting::of(status).ask(line, NARROW).await.unwrap().exit
    };
    assert_eq!(exit(sample::healthy(), "status --check").await, Exit::Done);
    assert_eq!(exit(sample::troubled(), "status --check").await, Exit::Unhealthy);
    assert_eq!(exit(sample::troubled(), "status").await, Exit::Done);
    let mut stopped = sample::healthy();
    stopped.strategies[0].phase = Phase::Stopped;
    assert_eq!(exit(stopped, "status --check").await, Exit::Done);
    assert_eq!(Exit::Unhealthy.code(), 10);
}

#[tokio::test]
async fn a_command_says_the_phase_it_led_to() {
    let accepted =
        Accepted { strategy: "split-arb".parse().unwrap(), phase: "starting".to_owned() };
    for verb in ["start", "stop", "restart"] {
        let setting = Setting { answer: Ok(accepted.clone()), ..Setting::of(sample::healthy()) };
        let said = setting.ask(&format!("{verb} split-arb"), NARROW).await.unwrap();
        assert_eq!(said.text, "split-arb: starting\n");
        assert_eq!(said.exit, Exit::Done);
        assert!(said.hint.unwrap().contains("ploy status"));
    }
    let setting = Setting { answer: Ok(accepted), ..Setting::of(sample::healthy()) };
    let said = setting.ask("resume split-arb", NARROW).await.unwrap();
    assert_eq!(said.text, format!("split-arb: starting, {}\n", crate::api::halt::NOTHING));
    assert_eq!(said.exit, Exit::Refused, "it was not halted, paused or tripped");
}

#[tokio::test]
async fn a_no_ends_with_its_own_number_and_words() {
    let phase = NoTransition { phase: "halted", input: "start", allowed: "resume".to_owned() };
    let check = async |refusal: Refusal, exit: Exit, code: u8, words: &str| {
        let setting = Setting { answer: Err(refusal), ..Setting::of(sample::healthy()) };
        let failure = setting.ask("start split-arb", NARROW).await.unwrap_err();
        assert_eq!((failure.exit(), failure.exit().code()), (exit, code));
        assert_eq!(failure.to_string(), words);
        failure
    };
    let words = "a strategy that is halted cannot start; it can resume";
    let failure = check(phase.into(), Exit::Refused, 4, words).await;
    assert_eq!(failure.instead(), ["resume"]);
    let words = "no strategy is called `split-arb`; there are: split-arb, split-both";
    let unknown = Refusal::NotFound("split-arb".to_owned(), String::new());
    check(unknown, Exit::NotFound, 3, words).await;
    let words = "the manager did not answer within 10 s; the command may still be carried out";
    check(Refusal::TimedOut(10), Exit::TimedOut, 8, words).await;
    let words = "the manager does not run: the service is starting or stopping";
    check(Refusal::Unavailable, Exit::Failed, 1, words).await;
}

#[tokio::test]
async fn an_unknown_strategy_has_no_why() {
    let failure = Setting::of(sample::healthy()).ask("why nobody", NARROW).await.unwrap_err();
    assert_eq!(failure.exit(), Exit::NotFound);
}

#[tokio::test]
async fn nobody_at_the_address_is_said_plainly() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = against(&url, "status", NARROW).await.unwrap_err();
    assert_eq!(failure.exit(), Exit::Unreachable);
    assert_eq!(failure.exit().code(), 6);
    let words = format!("no ploy answers at {url}: is `ploy run` started?");
    assert_eq!(failure.to_string(), words);
}

#[tokio::test]
async fn somebody_else_at_the_address_is_said_plainly() {
    let other = axum::Router::new()
        .route("/v1/status", axum::routing::get(async || "{\"snapshot\":1}"))
        .route("/readyz", axum::routing::get(async || "ok"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, other).await });
    for line in ["status", "health", "strategies", "start split-arb", "why split-arb"] {
        let failure = against(&url, line, NARROW).await.unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed, "{line}");
        assert!(failure.to_string().contains("is no ploy of this version"), "{line}");
    }
    server.abort();
}

#[tokio::test]
async fn json_is_what_the_service_said() {
    let said = Setting::of(sample::troubled()).ask("status -o json", NARROW).await.unwrap();
    let read: SystemStatus = serde_json::from_str(&said.text).unwrap();
    assert_eq!(read, sample::troubled());
    let why = Setting::of(sample::healthy()).ask("why split-arb -o json", NARROW).await.unwrap();
    let json: Value = serde_json::from_str(&why.text).unwrap();
    let own = serde_json::to_value(&sample::healthy().strategies[0]).unwrap();
    assert_eq!(json["strategy"], own);
    assert_eq!(json["decisions"][1]["cause"], "market_exposure");
    assert_eq!(json["decisions_error"], Value::Null);
}

/// One snapshot, asked for over the API, on the command line, and reported: the same numbers.
#[tokio::test]
async fn every_rendering_shows_the_same_numbers() {
    let status = sample::troubled();
    let report = Report::of(&status, Duration::from_secs(1));
    let line = "status -o json";
    let api = Setting::of(status.clone()).ask(line, WIDE).await.unwrap();
    let api: Value = serde_json::from_str(&api.text).unwrap();
    let table = Setting::of(status.clone()).ask("status", WIDE).await.unwrap().text;
    assert_eq!(api["feed"]["events"], report.events);
    assert_eq!(api["snapshot"], report.snapshot);
    assert!(table.contains(&crate::words::count(report.events)));
    for (one, strategy) in report.strategies.iter().zip(api["strategies"].as_array().unwrap()) {
        let kernel = &strategy["kernel"];
        let money = |name: &str| -> ploy::price::Usdc {
            kernel["pnl"][name].as_str().unwrap().parse().unwrap()
        };
        assert_eq!(strategy["id"], one.id.as_str());
        assert_eq!(strategy["phase"], one.phase.as_str());
        assert_eq!(kernel["decisions"], one.decisions);
        assert_eq!(kernel["orders"]["submitted"], one.orders);
        assert_eq!(kernel["fills"], one.fills);
        assert_eq!(kernel["digest"], one.digest.as_str());
        assert_eq!(money("realised_usdc"), one.realised_usdc);
        assert_eq!(money("unrealised_usdc"), one.unrealised_usdc);
        assert_eq!(money("total_usdc"), one.pnl_usdc);
        assert_eq!(money("drawdown_max_usdc"), one.drawdown_max_usdc);
        let row = table.lines().find(|line| line.starts_with(&one.id)).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        let counts = one.order_counts;
        assert_eq!(cells[1], one.phase);
        assert_eq!(cells[4], crate::words::orders(counts));
        assert_eq!(cells[5], one.rejections.to_string());
        assert_eq!(cells[9], crate::words::signed(one.realised_usdc));
        assert_eq!(cells[10], crate::words::signed(one.unrealised_usdc));
    }
}
