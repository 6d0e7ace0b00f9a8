//! Faults made on purpose: a drill fails in every way it can beside a strategy that trades, and that one's decisions are those
//! of a day without it.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use actors::app::App;
use actors::bus::Ticket;
use actors::ports::Clock as _;
use actors::record::Recorder;
use actors::record::build::known;
use actors::record::replay::play;
use ploy::config::{self, StrategyConfig};
use ploy::event::{Kind, MarketEvent};
use ploy::market::{Market, TickSize};
use ploy::status::{StrategyStatus, SystemStatus};
use serde_json::Value;

use crate::stage::feeder::{Feeder, market};
use crate::stage::program::{Program, ploy};
use crate::stage::recorder::{self, recorder};
use crate::stage::script::{script, yes_ask};
use crate::stage::service::{Stage, ended, one, orders, stop, until};
use crate::stage::{WITHIN, folder, id, legged, repo, rows, tape};

/// The exit code of a service that lost a thread.
const HUNG: i32 = 12;

/// Returns the text of a drill's file, with these settings in the place of the example's.
fn drill_text(changes: &[(&str, &str)]) -> String {
    let example = fs::read_to_string(repo("docs/examples/drill.toml")).unwrap();
    changes.iter().fold(example, |text, (key, value)| {
        let begin = format!("{key} = ");
        assert_eq!(text.lines().filter(|line| line.starts_with(&begin)).count(), 1, "{key}");
        let changed = |line: &str| match line.strip_prefix(&begin) {
            Some(_) => format!("{begin}{value}\n"),
            None => format!("{line}\n"),
        };
        text.lines().map(changed).collect()
    })
}

fn drill(changes: &[(&str, &str)]) -> StrategyConfig {
    config::strategy("drill.toml", id("drill"), &drill_text(changes)).unwrap()
}

/// Holds the strategy beside the drill to what it decides when nothing fails.
fn undisturbed(status: &SystemStatus, tape: &Path) {
    let alone = tape::replay(&[tape.to_owned()], &[legged()]);
    let alone = alone.kernels()[&legged().id].status();
    assert!(0 < alone.fills);
    let other = one(status, "split_arb_legged");
    assert_eq!(other.phase.name(), "running");
    assert_eq!(other.kernel.digest, alone.digest);
    assert_eq!(other.kernel.pnl.cash_usdc, alone.pnl.cash_usdc);
    assert_eq!((other.restarts.len(), other.failures), (0, 0));
}

/// Plays the beginning of the shipped tape to a shipped strategy and a drill, and holds the former to what it decides when
/// nothing fails. Returns how the drill is at the end.
async fn beside(drill: StrategyConfig) -> StrategyStatus {
    let folder = folder();
    let tape = tape::short(folder.path());
    let app = Stage::new().with(legged()).with(drill).play(&tape).await;
    let status = ended(&app).await;
    undisturbed(&status, &tape);
    stop(app).await;
    one(&status, "drill").clone()
}

/// Returns the word for what a halted strategy died of.
fn cause(status: &StrategyStatus) -> String {
    assert_eq!(status.phase.name(), "halted", "{status:#?}");
    serde_json::to_value(&status.phase).unwrap()["cause"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_without_a_fault_trades_and_disturbs_nobody() {
    let status = beside(drill(&[])).await;
    assert_eq!((status.phase.name(), status.kernel.fills), ("running", 3), "one lot a market");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_leaves_the_others_decisions_as_they_were() {
    let status = beside(drill(&[("fault", "\"panic\""), ("on_input", "200")])).await;
    assert_eq!((status.phase.name(), status.restarts["failure"]), ("running", 1));
    assert!(status.last_error.unwrap().contains("a drill: it panics"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_a_strategy_says_leaves_the_others_decisions_as_they_were() {
    let changes = [("fault", "\"error\""), ("on_input", "200"), ("every", "300"), ("repeat", "2")];
    let status = beside(drill(&changes)).await;
    assert_eq!((status.phase.name(), status.restarts["failure"]), ("running", 3));
    assert_eq!(status.last_error.unwrap(), "a drill: it says that it failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_work_halt_at_once_and_leave_the_others_decisions_as_they_were() {
    let status = beside(drill(&[("fault", "\"config\""), ("on_input", "200")])).await;
    assert_eq!(cause(&status), "a drill: it says that its settings cannot work (config)");
    assert_eq!(status.restarts.get("failure"), None, "no try mends it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_seconds_of_a_burning_cpu_leave_the_others_decisions_as_they_were() {
    let changes = [("fault", "\"spin\""), ("on_input", "200"), ("span_ms", "2000")];
    let status = beside(drill(&changes)).await;
    assert_eq!((status.phase.name(), status.failures), ("running", 0), "it took its time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_is_ended_by_force_and_leaves_the_others_decisions_as_they_were() {
    let changes = [
        ("fault", "\"hang\""),
        ("on_input", "200"),
        ("hang_warn_ms", "100"),
        ("hang_after_s", "1"),
    ];
    let status = beside(drill(&changes)).await;
    assert_eq!((status.phase.name(), status.restarts["failure"]), ("running", 1));
    let error = status.last_error.unwrap();
    assert!(error.starts_with("it worked on ") && error.ends_with(" for 1 s"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_end_is_given_up_and_leaves_the_others_decisions_as_they_were() {
    let changes = [
        ("fault", "\"slow_start\""),
        ("span_ms", "0"),
        ("start_timeout_s", "1"),
        ("failures_max", "0"),
    ];
    let status = beside(drill(&changes)).await;
    let cause = cause(&status);
    assert!(cause.contains("not built within 1 s (start_timeout)"), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_grows_leaves_the_others_decisions_as_they_were() {
    let changes = [
        ("fault", "\"grow\""),
        ("on_input", "200"),
        ("every", "200"),
        ("repeat", "3"),
        ("grow_mb", "8"),
    ];
    let status = beside(drill(&changes)).await;
    assert_eq!((status.phase.name(), status.failures), ("running", 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_that_overflows_leaves_the_others_decisions_as_they_were() {
    let folder = folder();
    let tape = tape::short(folder.path());
    // Its first input is the gate, its second the market that is announced to it alone.
    let drill = drill(&[
        ("fault", "\"spin\""),
        ("market_prefixes", "[\"drill-\"]"),
        ("on_input", "2"),
        ("hang_warn_ms", "100"),
    ]);
    let app = Stage::new().with(legged()).with(drill).play(&tape).await;
    let market = Market { slug: "drill-1".into(), ..market(77, app.clock.now()) };
    let (id, at) = (market.id, app.clock.now());
    let publish = |kind| app.bus.publish(&MarketEvent { at, kind }, &Ticket::none());
    publish(Kind::Market(Arc::new(market)));
    until(&app, "it burns", |status| one(status, "drill").busy_ms.is_some()).await;
    for _ in 0..70_000 {
        publish(Kind::Tick { market: id, tick: TickSize::CENT });
    }
    let status = ended(&app).await;
    undisturbed(&status, &tape);
    let failed = until(&app, "it fails", |status| one(status, "drill").last_error.is_some()).await;
    let error = one(&failed, "drill").last_error.clone().unwrap();
    assert_eq!(error, "more waits for it than it may hold: it does not keep up");
    stop(app).await;
}

/// Shows the book of a market again and again until a strategy is as said.
async fn show_until(
    (app, feeder): (&App, &mut Feeder),
    what: &str,
    is_true: impl Fn(&StrategyStatus) -> bool,
) -> StrategyStatus {
    let status = feeder.until(app, what, |status| is_true(one(status, "drill"))).await;
    one(&status, "drill").clone()
}

#[tokio::test]
async fn a_strategy_is_warned_of_and_ended_at_the_times_that_its_settings_say() {
    let drill = drill(&[("fault", "\"hang\""), ("on_input", "3")]);
    let (app, mut feeder) = Stage::new().with(drill).fed().await;
    let market = feeder.market(1).await;
    feeder.settled(&app).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "the book is on its way", |_| app.bus.waiting()[&id("drill")] == 0).await;

    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let warned = until(&app, "it is warned of", |status| one(status, "drill").busy_ms.is_some());
    let warned = warned.await;
    let after = began.elapsed();
    assert!((2900..3600).contains(&after.as_millis()), "{after:?}");
    assert_eq!(one(&warned, "drill").phase.name(), "running");
    until(&app, "it is ended", |status| one(status, "drill").phase.name() != "running").await;
    let after = began.elapsed();
    assert!((9900..10_800).contains(&after.as_millis()), "{after:?}");
    tokio::time::resume();

    let back = show_until((&app, &mut feeder), "it is back", |s| {
        s.restarts.contains_key("failure") && s.phase.name() == "running"
    })
    .await;
    assert_eq!(back.last_error.unwrap(), "it worked on a market event for 10 s");
    assert_eq!((back.busy_ms, back.failures), (None, 1));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_strategy_knew_is_there_for_its_next_try() {
    let folder = folder();
    let (store, records) = (folder.path().join("ploy.db"), folder.path().join("records"));
    let recorder: Recorder = recorder(&records);
    let drill = drill(&[
        ("fault", "\"hang\""),
        ("on_input", "8"),
        ("hang_warn_ms", "100"),
        ("hang_after_s", "1"),
    ]);
    let stage = Stage::new().with(drill).store(&store).record(recorder);
    let (app, mut feeder) = stage.fed().await;
    let (first, second) = (feeder.market(1).await, feeder.market(2).await);
    feeder.book(first, "0.39", "0.40").await;
    let bought = show_until((&app, &mut feeder), "it has bought", |s| s.kernel.fills == 1).await;
    feeder.book(first, "0.38", "0.39").await;
    show_until((&app, &mut feeder), "it is back", |s| {
        s.restarts.contains_key("failure") && s.phase.name() == "running"
    })
    .await;
    feeder.settled(&app).await;
    let back = one(&*app.fresh().await, "drill").clone();
    assert!(bought.kernel.inputs < back.kernel.inputs, "it counts on");
    assert!(bought.kernel.decisions <= back.kernel.decisions);
    feeder.book(second, "0.49", "0.50").await;
    let traded = show_until((&app, &mut feeder), "it buys on", |s| s.kernel.fills == 2).await;
    assert_eq!(traded.kernel.positions.len(), 2, "what it held is held");
    let numbers: Vec<u64> =
        orders(&app, "drill").await.iter().map(|order| order.id.number).collect();
    assert_eq!(numbers, [1, 2]);
    let sums = app.store.sums(&id("drill")).await.unwrap();
    assert_eq!(traded.kernel.pnl.cash_usdc, sums.cash());
    stop(app).await;

    let played = play(&recorder::files(&records), &known, &mut |_| ControlFlow::Continue(()));
    let report = played.unwrap().report;
    let drill = &report.strategies[&id("drill")];
    assert_eq!((drill.incarnations, drill.ends), (2, 2), "{drill:#?}");
    assert!(report.is_equal(), "{report:#?}");
}

/// Returns a strategy that panics at each book whose best ask is 0.66.
fn allergic() -> actors::manager::Build {
    script(&Arc::default(), |_| {
        Box::new(|event, _, _| {
            let Some((_, ask)) = yes_ask(event) else { return };
            assert!(ask != "0.66".parse().unwrap(), "no 0.66");
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_killed_a_strategy_is_set_aside_when_it_is_told_again() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = Stage::new().custom("drill", allergic()).store(&store).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.65", "0.66").await;
    let back = show_until((&app, &mut feeder), "it is back", |s| {
        s.restarts.contains_key("failure") && s.phase.name() == "running"
    })
    .await;
    assert_eq!((back.kernel.set_aside, back.failures), (1, 1), "{back:#?}");
    let poison = format!("the book of yes of {market} at 2026-09-28T09:00:02Z");
    assert_eq!(back.poison, [poison.as_str()]);
    // A newer book is taken in: the strategy goes on.
    let inputs = back.kernel.inputs;
    feeder.book(market, "0.64", "0.65").await;
    show_until((&app, &mut feeder), "it goes on", |s| inputs < s.kernel.inputs).await;
    stop(app).await;
    let said: Vec<(String,)> =
        rows(&store, "select message from errors where message like 'set aside%'").await;
    assert_eq!(said, [(format!("set aside, because it died at it before: {poison}"),)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_panic_at_a_third_event_halts_though_each_was_set_aside() {
    let (app, mut feeder) = Stage::new().custom("drill", allergic()).fed().await;
    let market = feeder.market(1).await;
    for failures in 1..=2 {
        feeder.book(market, "0.65", "0.66").await;
        show_until((&app, &mut feeder), "it is back", |s| {
            s.restarts.get("failure") == Some(&failures) && s.phase.name() == "running"
        })
        .await;
    }
    feeder.book(market, "0.65", "0.66").await;
    let halted = show_until((&app, &mut feeder), "halted", |s| s.phase.name() == "halted").await;
    assert!(cause(&halted).contains("the same panic 3 times in a row"), "{halted:#?}");
    assert_eq!(halted.poison.len(), 3);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_raised_in_the_file_lets_the_fault_happen_now() {
    let root = folder();
    let files = root.path().join("strategies");
    fs::create_dir_all(&files).unwrap();
    let fault = ("fault", "\"error\"");
    fs::write(files.join("drill.toml"), drill_text(&[fault])).unwrap();
    let (app, mut feeder) = Stage::new().with(drill(&[fault])).watch(&files).fed().await;
    feeder.market(1).await;
    feeder.settled(&app).await;
    assert_eq!(one(&*app.fresh().await, "drill").last_error, None);
    fs::write(files.join("drill.toml"), drill_text(&[fault, ("fault_number", "1")])).unwrap();
    let failed = show_until((&app, &mut feeder), "it fails", |s| s.last_error.is_some()).await;
    assert_eq!(failed.last_error.unwrap(), "a drill: it says that it failed");
    let back = show_until((&app, &mut feeder), "it is back", |s| {
        s.restarts.contains_key("failure") && s.phase.name() == "running"
    })
    .await;
    assert_eq!(back.failures, 1, "once is once");
    stop(app).await;
}

/// Starts the program with a strategy that trades and a drill that burns a thread for ever.
fn burning(folder: &Path, tape: &Path, speed: &str) -> Program {
    let config = folder.join("config");
    let strategies = config.join("strategies");
    fs::create_dir_all(&strategies).unwrap();
    // Each of its ends is out of order: safe mode would hold all strategies back at the third start.
    let service = fs::read_to_string(repo("config/ploy.toml")).unwrap();
    assert!(service.contains("starts_max = 3\n"));
    let service = service.replace("starts_max = 3\n", "starts_max = 100\n");
    fs::write(config.join("ploy.toml"), service).unwrap();
    fs::write(strategies.join("split_arb_legged.toml"), &*legged().text).unwrap();
    let changes = [
        ("fault", "\"spin\""),
        ("span_ms", "0"),
        ("on_input", "200"),
        ("hang_warn_ms", "100"),
        ("hang_after_s", "1"),
        ("hangs_max", "1"),
        ("window_s", "86400"),
        ("reset_after_s", "86400"),
        ("stop_grace_s", "1"),
    ];
    fs::write(strategies.join("drill.toml"), drill_text(&changes)).unwrap();
    let store = folder.join("ploy.db");
    let words = [
        "run",
        "--config",
        config.to_str().unwrap(),
        "--store",
        store.to_str().unwrap(),
        "--tape",
        tape.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--speed",
        speed,
        "--exit-at-end",
        "--output",
        "json",
    ];
    Program::start(ploy(folder, &words))
}

/// The same program is started anew each time, as a supervisor of processes does. A release build is put to this test by
/// `cargo nextest run --release -p actors --test system a_thread_that_is_lost`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_is_lost_ends_the_process_and_the_second_time_its_strategy_is_halted() {
    let folder = folder();
    let tape = tape::short(folder.path());
    for said in ["strategy.backoff", "strategy.halted"] {
        let mut program = burning(folder.path(), &tape, "max");
        program.logged("strategy.slow");
        program.logged("strategy.failed");
        program.logged("process.compromised");
        program.logged(said);
        let ended = program.wait(2 * WITHIN);
        assert_eq!(ended.status.code(), Some(HUNG), "{}", ended.stderr);
        assert!(!ended.stderr.contains("watchdog.fired"), "the manager acted itself");
    }

    // What has cost a thread is shown, and holds all back until a person has looked.
    let mut program = burning(folder.path(), &tape, "1x");
    let url = program.logged("service.ready")["url"].as_str().unwrap().to_owned();
    let check = Program::to_end(ploy(folder.path(), &["status", "--check", "--url", &url]));
    assert!(check.stdout.contains("HALTED by watchdog"), "{}", check.stdout);
    let resume = ["resume", "--all", "--reason", "looked", "--url", &url];
    let resumed = Program::to_end(ploy(folder.path(), &resume));
    assert_eq!(resumed.stdout.lines().next(), Some("the halt by watchdog is over"));
    program.signal("TERM");
    assert_eq!(program.wait(WITHIN).status.code(), Some(0));

    let mut program = burning(folder.path(), &tape, "max");
    program.logged("strategy.halted");
    let ended = program.wait(2 * WITHIN);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let alone = tape::replay(&[tape], &[legged()]);
    let alone = alone.kernels()[&legged().id].status();
    let told = report["strategies"].as_array().unwrap();
    let told = |name: &str| told.iter().find(|one| one["id"] == name).unwrap().clone();
    assert_eq!(told("split_arb_legged")["decisions"], alone.decisions);
    assert_eq!(told("split_arb_legged")["fills"], alone.fills);
    assert_eq!(told("drill")["decisions"], 0);
}
