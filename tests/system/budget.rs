//! What failures lead to, by their class and by what went before, also over the end of the process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::app::App;
use actors::manager::{Build, COMPLETED, TryBuild};
use ploy::command::Action;
use ploy::config::StrategyConfig;
use ploy::event::{Kind, Trade};
use ploy::lifecycle::Phase;
use ploy::market::{Outcome, Side};
use ploy::restart::{Failure, FailureClass, RestartMode};
use ploy::status::StrategyStatus;
use serde_json::{Value, json};

use crate::stage::feeder::Feeder;
use crate::stage::script::{OnEvent, Seen, buyer, script};
use crate::stage::service::{Stage, command, one, phase, stop, unlimited, until};
use crate::stage::{folder, id, rows};

const NAME: &str = "failing";

/// Returns what a strategy does that panics at every trade, each time of something else. What it is told of the past
/// when it starts, such as books, does not matter to it.
fn panics(incarnation: u64) -> OnEvent {
    Box::new(move |event, _, _| {
        assert!(!matches!(event.kind, Kind::Trade(_)), "failure {incarnation}");
    })
}

/// Returns settings without jitter, so that waits are known to the millisecond.
fn steady() -> StrategyConfig {
    let mut config = unlimited(NAME);
    config.restart.jitter_percent = 0;
    config
}

fn infallible(build: Build) -> TryBuild {
    Arc::new(move || Ok(build()))
}

/// Returns how to build a strategy that fails so often before it can be built.
fn fails(times: u64, class: FailureClass, tries: &Arc<AtomicU64>) -> TryBuild {
    let sound = script(&Arc::default(), |_| buyer());
    let tries = Arc::clone(tries);
    Arc::new(move || {
        if tries.fetch_add(1, Ordering::SeqCst) < times {
            return Err(Failure { class, message: "it cannot be".to_owned() });
        }
        Ok(sound())
    })
}

fn fragile(store: &Path) -> Stage {
    let build = infallible(script(&Arc::default(), panics));
    Stage::new().fallible(steady(), build).store(store)
}

/// Lets the strategy meet a trade, and returns how it is when its failure has been judged and settled.
async fn fail(app: &App, feeder: &mut Feeder) -> StrategyStatus {
    let running = |status: &ploy::status::SystemStatus| one(status, NAME).phase == Phase::Running;
    feeder.until(app, "it runs", running).await;
    let market = feeder.market(1).await;
    let trade = Trade {
        market,
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.40".parse().unwrap(),
        size: "10".parse().unwrap(),
    };
    feeder.event(Kind::Trade(trade)).await;
    feeder.settled(app).await;
    let failed = |status: &ploy::status::SystemStatus| match one(status, NAME).phase {
        Phase::Backoff { .. } | Phase::Halted { .. } => true,
        Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => false,
        Phase::Stopping { .. } | Phase::Quarantine { .. } => false,
    };
    one(&*until(app, "it has failed", failed).await, NAME).clone()
}

/// Returns which try comes and after how many seconds; none where it is halted.
fn wait(status: &StrategyStatus) -> Option<(u32, u64)> {
    match &status.phase {
        Phase::Backoff { attempt, until } => Some((*attempt, until.since(status.since).as_secs())),
        Phase::Halted { .. } => None,
        Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => panic!("{status:?}"),
        Phase::Stopping { .. } | Phase::Quarantine { .. } => panic!("{status:?}"),
    }
}

fn said(status: &StrategyStatus) -> Value {
    serde_json::to_value(&status.phase).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_double_until_the_sixth_failure_halts_past_the_end_of_the_process() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = fragile(&store).fed().await;
    for (attempt, seconds) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)] {
        assert_eq!(wait(&fail(&app, &mut feeder).await), Some((attempt, seconds)));
    }
    let halted = fail(&app, &mut feeder).await;
    assert_eq!(said(&halted)["class"], "panic");
    assert_eq!(said(&halted)["cause"], "6 failures within 600 s, the last: failure 6 (panic)");
    stop(app).await;

    let (app, _feeder) = fragile(&store).fed().await;
    let still = phase(&app, NAME, "halted").await;
    assert_eq!((said(&still), still.since), (said(&halted), halted.since));
    assert_eq!((still.failures, still.restarts["failure"]), (6, 5));
    let refused = command(&app, NAME, Action::Restart).await.unwrap_err();
    assert_eq!(refused.to_string(), "a strategy that is halted cannot restart; it can resume");
    command(&app, NAME, Action::Resume).await.unwrap();
    let resumed = phase(&app, NAME, "running").await;
    assert_eq!((resumed.failures, resumed.restarts["resume"]), (0, 1));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_budget_is_all_that_the_next_process_has() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = fragile(&store).fed().await;
    for seconds in [1, 2, 4] {
        assert_eq!(wait(&fail(&app, &mut feeder).await).unwrap().1, seconds);
    }
    stop(app).await; // in its wait for the third try

    // The tape begins anew: the failures lie in the future, and count all the same.
    let (app, mut feeder) = fragile(&store).fed().await;
    let waits = phase(&app, NAME, "backoff").await;
    assert_eq!((wait(&waits), waits.failures), (Some((3, 4)), 3));
    assert_eq!(wait(&fail(&app, &mut feeder).await), Some((4, 8)));
    assert_eq!(wait(&fail(&app, &mut feeder).await), Some((5, 16)));
    let halted = fail(&app, &mut feeder).await;
    assert_eq!(said(&halted)["phase"], "halted");
    assert_eq!(halted.restarts["failure"], 5);
    stop(app).await;
    let records: Vec<(i64, String)> = rows(
        &store,
        "select coalesce(attempt, 0), coalesce(halted, '') from strategies where strategy = 'failing' \
         order by (select number from runs r where r.run = strategies.run), seq",
    )
    .await;
    assert!(records.last().unwrap().1.starts_with("6 failures within 600 s"), "{records:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_an_earlier_process_are_forgotten_after_one_window() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = fragile(&store).fed().await;
    feeder.wait(Duration::from_hours(24)).await;
    for _ in 0..5 {
        fail(&app, &mut feeder).await;
    }
    stop(app).await;

    // A day back in time: they count as if they were of now, and no longer.
    let (app, mut feeder) = fragile(&store).fed().await;
    let waits = phase(&app, NAME, "backoff").await;
    assert_eq!((wait(&waits), waits.failures), (Some((5, 16)), 5));
    feeder.wait(Duration::from_secs(601)).await;
    feeder.settled(&app).await;
    let again = fail(&app, &mut feeder).await;
    assert_eq!((again.failures, said(&again)["phase"].as_str()), (1, Some("backoff")));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stopped_while_it_waited_is_not_started_by_its_timer_nor_by_the_next_process() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (app, mut feeder) = fragile(&store).fed().await;
    fail(&app, &mut feeder).await;
    command(&app, NAME, Action::Stop).await.unwrap();
    feeder.wait(Duration::from_secs(60)).await;
    feeder.settled(&app).await;
    let stopped = phase(&app, NAME, "stopped").await;
    assert_eq!((stopped.failures, stopped.restarts.len()), (0, 0));
    stop(app).await;
    let (app, mut feeder) = fragile(&store).fed().await;
    feeder.wait(Duration::from_secs(60)).await;
    feeder.settled(&app).await;
    assert_eq!(one(&*app.fresh().await, NAME).phase, Phase::Stopped);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_work_halt_at_once_until_others_come() {
    let strategies = folder();
    let data = folder();
    let store = data.path().join("ploy.db");
    let config = unlimited(NAME);
    let file = strategies.path().join("failing.toml");
    std::fs::write(&file, &*config.text).unwrap();
    let tries = Arc::new(AtomicU64::new(0));
    let stage = |config: &StrategyConfig| {
        let build = fails(u64::MAX, FailureClass::Config, &tries);
        Stage::new().fallible(config.clone(), build).store(&store).watch(strategies.path())
    };
    let (app, _feeder) = stage(&config).fed().await;
    let halted = phase(&app, NAME, "halted").await;
    assert_eq!(said(&halted)["class"], "config");
    assert_eq!((halted.restarts.len(), tries.load(Ordering::SeqCst)), (0, 1));
    stop(app).await;

    // The same settings in the next process are no remedy.
    let (app, _feeder) = stage(&config).fed().await;
    phase(&app, NAME, "halted").await;
    assert_eq!(tries.load(Ordering::SeqCst), 1);

    // Others are: what is built of them runs.
    let other = config.text.replace("failures_max = 5", "failures_max = 6");
    assert_ne!(other, *config.text);
    std::fs::write(&file, &other).unwrap();
    let running = phase(&app, NAME, "running").await;
    assert_eq!((running.failures, tries.load(Ordering::SeqCst)), (0, 1));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_changed_between_two_processes_are_tried_by_the_second() {
    let data = folder();
    let store = data.path().join("ploy.db");
    let tries = Arc::new(AtomicU64::new(0));
    let stage = |config: StrategyConfig| {
        Stage::new().fallible(config, fails(1, FailureClass::Config, &tries)).store(&store)
    };
    let (app, _feeder) = stage(steady()).fed().await;
    phase(&app, NAME, "halted").await;
    stop(app).await;
    let mut other = steady();
    other.version = "0".repeat(64);
    let (app, _feeder) = stage(other).fed().await;
    phase(&app, NAME, "running").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_trade_is_halted_at_once_whatever_its_settings_become() {
    let data = folder();
    let store = data.path().join("ploy.db");
    let tries = Arc::new(AtomicU64::new(0));
    let stage = |config: StrategyConfig| {
        let build = fails(1, FailureClass::Forbidden, &tries);
        Stage::new().fallible(config, build).store(&store)
    };
    let (app, _feeder) = stage(steady()).fed().await;
    let halted = phase(&app, NAME, "halted").await;
    assert_eq!(said(&halted)["class"], "forbidden");
    stop(app).await;
    let mut other = steady();
    other.version = "0".repeat(64);
    let (app, _feeder) = stage(other).fed().await;
    phase(&app, NAME, "halted").await;
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    command(&app, NAME, Action::Resume).await.unwrap();
    phase(&app, NAME, "running").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_waited_for_without_end_and_said_after_five_tries() {
    let tries = Arc::new(AtomicU64::new(0));
    let build = fails(12, FailureClass::Dependency, &tries);
    let (app, mut feeder) = Stage::new().fallible(steady(), build).fed().await;
    let has = |status: &ploy::status::SystemStatus, tries| {
        let one = one(status, NAME);
        assert_eq!(one.failures, 0, "nothing is charged");
        matches!(one.phase, Phase::Backoff { attempt, .. } if attempt == tries)
    };
    let alerts = |status: &ploy::status::SystemStatus| {
        let recent = status.recent.iter();
        recent.filter(|recent| recent.event == "strategy.dependency_missing").count()
    };
    let fourth = feeder.until(&app, "the fourth wait", |status| has(status, 4)).await;
    assert_eq!((alerts(&fourth), one(&fourth, NAME).dependency_tries), (0, 4));
    let fifth = feeder.until(&app, "the fifth wait", |status| has(status, 5)).await;
    assert_eq!((alerts(&fifth), one(&fifth, NAME).dependency_tries), (1, 5));
    let running = |status: &ploy::status::SystemStatus| one(status, NAME).phase == Phase::Running;
    let status = feeder.until(&app, "it runs", running).await;
    assert_eq!(tries.load(Ordering::SeqCst), 13);
    assert_eq!((one(&status, NAME).dependency_tries, one(&status, NAME).failures), (0, 0));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_killed_from_outside_is_settled_and_comes_back_at_the_budgets_expense() {
    let seen = Arc::<Seen>::default();
    let build = infallible(script(&seen, |_| buyer()));
    let sound = script(&Arc::default(), |_| buyer());
    let stage = Stage::new().fallible(steady(), build).custom("sound", sound);
    let (app, mut feeder) = stage.fed().await;
    phase(&app, NAME, "running").await;
    app.who(id(NAME)).await.unwrap().kill();
    let killed = phase(&app, NAME, "backoff").await;
    assert_eq!((wait(&killed), killed.failures), (Some((1, 1)), 1));
    assert_eq!(killed.last_error.as_deref(), Some("ended from outside: killed"));
    let running = |status: &ploy::status::SystemStatus| one(status, NAME).phase == Phase::Running;
    feeder.until(&app, "it is back", running).await;
    assert_eq!(seen.built.load(Ordering::SeqCst), 2);
    assert_eq!(one(&*app.fresh().await, "sound").failures, 0);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_that_ends_by_itself_is_stopped_and_stays_so_until_somebody_starts_it() {
    let data = folder();
    let store = data.path().join("ploy.db");
    let stage = || {
        let build = infallible(script(&Arc::default(), |_| buyer()));
        Stage::new().fallible(steady(), build).store(&store)
    };
    let (app, _feeder) = stage().fed().await;
    phase(&app, NAME, "running").await;
    app.who(id(NAME)).await.unwrap().stop(Some(COMPLETED.to_owned()));
    let stopped = phase(&app, NAME, "stopped").await;
    assert_eq!((stopped.failures, stopped.last_error), (0, None));
    stop(app).await;
    let why: Vec<(String, String)> = rows(
        &store,
        "select to_phase, why from lifecycle where from_phase = 'running' order by seq",
    )
    .await;
    assert_eq!(why, [("stopping".into(), "it ended by itself and was no failure".into())]);

    let (app, _feeder) = stage().fed().await;
    phase(&app, NAME, "stopped").await;
    command(&app, NAME, Action::Start).await.unwrap();
    phase(&app, NAME, "running").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_restarted_is_halted_by_its_first_failure() {
    let mut config = steady();
    config.restart.mode = RestartMode::Never;
    let build = infallible(script(&Arc::default(), panics));
    let (app, mut feeder) = Stage::new().fallible(config, build).fed().await;
    let halted = fail(&app, &mut feeder).await;
    let expected = json!({
        "phase": "halted", "class": "panic", "cause": "it is never restarted: failure 1 (panic)",
    });
    assert_eq!(said(&halted), expected);
    stop(app).await;
}

/// Starts a service on this store whose process is never said to have ended well.
async fn crashing(store: &Path) -> App {
    let build = infallible(script(&Arc::default(), |_| buyer()));
    let (mut app, _feeder) = Stage::new().fallible(steady(), build).store(store).fed().await;
    app.crash();
    app
}

/// Asks to leave safe mode.
async fn leave(app: &App, body: Value) -> (u16, Value) {
    let url = format!("http://{}/v1/safe-mode/leave", app.address);
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_start_without_an_orderly_end_is_safe_mode_until_a_person_leaves_it() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    for _ in 0..2 {
        let app = crashing(&store).await;
        phase(&app, NAME, "running").await;
        stop(app).await;
    }
    // In safe mode nothing starts, and the process says so; its orderly end changes nothing.
    let app = crashing(&store).await;
    let why = "3 starts within 600 s without an orderly end between them";
    let status = app.fresh().await;
    assert_eq!(
        (status.safe_mode.as_deref(), one(&status, NAME).phase.name()),
        (Some(why), "stopped")
    );
    assert!(status.not_ready.iter().any(|reason| reason.contains(why)), "{:?}", status.not_ready);
    let refused = command(&app, NAME, Action::Start).await.unwrap_err();
    assert!(refused.to_string().starts_with("the service is in safe mode: 3 starts"), "{refused}");
    stop(app).await;

    let build = infallible(script(&Arc::default(), |_| buyer()));
    let (app, _feeder) = Stage::new().fallible(steady(), build).store(&store).fed().await;
    assert_eq!(app.fresh().await.safe_mode.as_deref(), Some(why));
    assert_eq!(leave(&app, json!({})).await.0, 400, "it needs a reason");
    assert_eq!(leave(&app, json!({"reason": " "})).await.0, 400);
    let (code, body) = leave(&app, json!({"actor": "ann", "reason": "the disk was full"})).await;
    assert_eq!((code, &body["reason"]), (202, &json!("the disk was full")));
    phase(&app, NAME, "running").await;
    assert_eq!(app.fresh().await.safe_mode, None);
    let (code, body) = leave(&app, json!({"reason": "again"})).await;
    assert_eq!((code, &body["detail"]), (409, &json!("the service is not in safe mode")));
    stop(app).await;

    let asked: Vec<(String, String, String)> =
        rows(&store, "select actor, answer, action from commands order by seq").await;
    let asked: Vec<String> =
        asked.iter().map(|(by, said, what)| format!("{by} {what}: {said}")).collect();
    assert!(
        asked.contains(&"ann leave_safe_mode: accepted: the disk was full".to_owned()),
        "{asked:?}"
    );

    // What was before it does not count any more.
    let app = crashing(&store).await;
    phase(&app, NAME, "running").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_that_follow_an_orderly_end_are_never_too_many() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    for _ in 0..5 {
        let build = infallible(script(&Arc::default(), |_| buyer()));
        let (app, _feeder) = Stage::new().fallible(steady(), build).store(&store).fed().await;
        phase(&app, NAME, "running").await;
        stop(app).await;
    }
}
