//! Commands while the tape plays: what they change, what they leave alone, and what outlives the process.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::app::App;
use actors::store::Location;
use actors::store::audit::verify;
use ploy::command::Action;
use ploy::intent::TimeInForce;
use ploy::market::Outcome;
use ploy::price::{Price, Usdc};
use ploy::status::{StrategyStatus, SystemStatus};
use serde_json::{Value, json};

use crate::stage::script::{OnEvent, Seen, buy, buyer, script, sell, yes_ask};
use crate::stage::service::{Stage, command, one, orders, phase, stop, until};
use crate::stage::{folder, id};

const A_SECOND: Duration = Duration::from_secs(1);

/// Asks the API as anybody would. Returns the status and the body.
async fn post(app: &App, path: &str) -> (u16, Value) {
    let url = format!("http://{}/v1/strategies/{path}", app.address);
    let answer = reqwest::Client::new().post(url).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Returns what a strategy does that lets an order rest below every book of yes.
fn rests() -> OnEvent {
    let low: Price = "0.20".parse().unwrap();
    Box::new(move |event, _, looks| {
        looks.extend(yes_ask(event).map(|(market, _)| buy(market, low, TimeInForce::Gtc)));
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_stopped_started_and_restarted_while_the_other_trades() {
    let stage = Stage::new()
        .custom("one", script(&Arc::default(), |_| buyer()))
        .custom("other", script(&Arc::default(), |_| buyer()));
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    let mut expected = (0, 0);
    for (path, phase_after, trades) in [
        ("one/stop", "stopped", 0),
        ("one/start", "running", 1),
        ("one/restart", "running", 1),
        ("one/stop", "stopped", 0),
        ("one/restart", "running", 1),
    ] {
        let (status, body) = post(&app, path).await;
        assert_eq!((status, &body["strategy"]), (202, &json!("one")), "{path}: {body}");
        phase(&app, "one", phase_after).await;
        // A start is told the newest book, and trades on it like on any other.
        feeder.book(market, "0.39", "0.40").await;
        feeder.wait(A_SECOND).await;
        feeder.settled(&app).await;
        let traded = |status: &SystemStatus| {
            let kernel = &one(status, "one").kernel;
            expected.0 + trades <= kernel.fills && kernel.orders.open == 0
        };
        let status = feeder.until(&app, "it trades", traded).await;
        let (one, other) = (&one(&status, "one").kernel, &one(&status, "other").kernel);
        expected.1 += 1;
        assert_eq!(other.fills, expected.1, "{path}");
        assert!(trades != 0 || one.fills == expected.0, "{path}: it is stopped");
        expected.0 = one.fills;
    }
    let status = app.fresh().await;
    assert_eq!(one(&status, "one").restarts["operator"], 2);
    assert!(one(&status, "other").restarts.is_empty());
    let numbers: Vec<u64> = orders(&app, "one").await.iter().map(|o| o.id.number).collect();
    assert_eq!(numbers, (1..=one(&status, "one").kernel.orders.submitted).collect::<Vec<_>>());
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_are_kept_over_a_restart_and_can_be_sold_after_it() {
    // The first incarnation buys once, the second sells once.
    let build = script(&Arc::default(), |incarnation| {
        let mut once = false;
        Box::new(move |event, _, looks| {
            let Some((market, ask)) = yes_ask(event) else { return };
            if !std::mem::replace(&mut once, true) {
                let low = "0.30".parse().unwrap();
                let buys = incarnation == 1;
                looks.push(if buys {
                    buy(market, ask, TimeInForce::Fak)
                } else {
                    sell(market, low)
                });
            }
        })
    });
    let (app, mut feeder) = Stage::new().custom("keeper", build).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    let before = one(&*app.fresh().await, "keeper").clone();
    assert_eq!(before.kernel.positions[0].size.to_string(), "10");

    command(&app, "keeper", Action::Restart).await.unwrap();
    let after = restarted(&app).await;
    assert_eq!(after.kernel.positions[0].cost_usdc, before.kernel.positions[0].cost_usdc);
    assert_eq!(after.kernel.pnl.cash_usdc, before.kernel.pnl.cash_usdc);
    feeder.book(market, "0.39", "0.40").await;
    let is_sold = |status: &SystemStatus| one(status, "keeper").kernel.positions.is_empty();
    let sold = one(&*feeder.until(&app, "all is sold", is_sold).await, "keeper").clone();
    // 10 shares bought at 0.40 and sold at 0.39.
    assert_eq!(sold.kernel.pnl.cash_usdc, "-0.1".parse::<Usdc>().unwrap());
    let numbers: Vec<u64> = orders(&app, "keeper").await.iter().map(|o| o.id.number).collect();
    assert_eq!(numbers, [1, 2]);
    stop(app).await;
}

/// Waits until the keeper runs again.
async fn restarted(app: &App) -> StrategyStatus {
    let is_back = |status: &SystemStatus| {
        let keeper = one(status, "keeper");
        keeper.phase.name() == "running" && keeper.restarts.contains_key("operator")
    };
    one(&*until(app, "it is back", is_back).await, "keeper").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_that_is_settled_while_its_holder_is_away_pays_when_it_is_back() {
    let build =
        script(
            &Arc::default(),
            |incarnation| {
                if incarnation == 1 { buyer() } else { Box::new(|_, _, _| {}) }
            },
        );
    let (app, mut feeder) = Stage::new().custom("away", build).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    command(&app, "away", Action::Stop).await.unwrap();
    phase(&app, "away", "stopped").await;
    feeder.resolve(market, "1").await;
    feeder.settled(&app).await;
    command(&app, "away", Action::Start).await.unwrap();
    let back = phase(&app, "away", "running").await;
    assert!(back.kernel.positions.is_empty(), "{:?}", back.kernel.positions);
    let six: Usdc = "6".parse().unwrap();
    assert_eq!(back.kernel.pnl.cash_usdc, six);
    assert_eq!(app.store.sums(&id("away")).await.unwrap().cash(), six);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_the_phase_forbids_is_refused_with_what_is_allowed() {
    let build = script(&Arc::default(), |_| buyer());
    let (app, _feeder) = Stage::new().custom("one", build).fed().await;
    for (path, code, in_phase, allowed) in [
        ("one/start", "wrong_phase", "running", json!(["stop", "restart"])),
        ("one/stop", "", "", Value::Null),
        ("one/stop", "wrong_phase", "stopped", json!(["start", "restart"])),
        ("one/resume", "wrong_phase", "stopped", json!(["start", "restart"])),
    ] {
        let (status, body) = post(&app, path).await;
        if code.is_empty() {
            assert_eq!(status, 202, "{body}");
            phase(&app, "one", "stopped").await;
            continue;
        }
        assert_eq!(status, 409, "{path}: {body}");
        assert_eq!((&body["code"], &body["phase"]), (&json!(code), &json!(in_phase)));
        assert_eq!(body["allowed"], allowed);
    }
    let (status, body) = post(&app, "nobody/start").await;
    assert_eq!((status, &body["known"]), (404, &json!(["one"])), "{body}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cancels_what_rests_and_nothing_is_sent_after_it() {
    let seen = Arc::<Seen>::default();
    let (app, mut feeder) = Stage::new().custom("rester", script(&seen, |_| rests())).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    assert_eq!(orders(&app, "rester").await[0].state, "accepted");

    command(&app, "rester", Action::Stop).await.unwrap();
    // A cancel takes the venue's latency, in event time, which goes on.
    let is_stopped = |status: &SystemStatus| one(status, "rester").phase.name() == "stopped";
    let status = feeder.until(&app, "it has stopped", is_stopped).await;
    let stopped = one(&status, "rester");
    assert_eq!((stopped.kernel.orders.open, stopped.kernel.orders.unfilled), (0, 1));
    assert_eq!(app.store.open_orders(&id("rester")).await.unwrap(), []);
    assert_eq!(seen.done.load(Ordering::SeqCst), 1, "the strategy was told");
    let before = orders(&app, "rester").await;
    assert_eq!(
        (before[0].state.as_str(), before[0].cause.as_deref()),
        ("unfilled", Some("cancelled"))
    );

    for _ in 0..20 {
        feeder.book(market, "0.19", "0.20").await;
    }
    feeder.settled(&app).await;
    assert_eq!(orders(&app, "rester").await, before);
    assert!(before.iter().all(|order| order.outcome == Outcome::Yes));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_rests_past_the_end_of_the_tape_can_still_be_cancelled() {
    let (app, mut feeder) =
        Stage::new().custom("rester", script(&Arc::default(), |_| rests())).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.end().await;
    app.tape_end().await;
    assert_eq!(orders(&app, "rester").await[0].state, "accepted");
    command(&app, "rester", Action::Stop).await.unwrap();
    phase(&app, "rester", "stopped").await;
    assert_eq!(orders(&app, "rester").await[0].cause.as_deref(), Some("cancelled"));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_strategy_knows_what_time_it_is_before_it_sees_an_old_book() {
    let ages = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ages);
    let build = script(&Arc::default(), move |number| {
        let seen = Arc::clone(&seen);
        Box::new(move |event, view, _| {
            if yes_ask(event).is_some() {
                seen.lock().unwrap().push((number, view.now.since(event.at).as_secs()));
            }
        })
    });
    let (app, mut feeder) = Stage::new().custom("one", build).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.settled(&app).await;
    command(&app, "one", Action::Stop).await.unwrap();
    phase(&app, "one", "stopped").await;
    feeder.wait(Duration::from_secs(600)).await;
    feeder.settled(&app).await;
    command(&app, "one", Action::Start).await.unwrap();
    phase(&app, "one", "running").await;
    let ages = ages.lock().unwrap().clone();
    assert_eq!(ages[0], (1, 0));
    assert!(matches!(ages[1], (2, 600..)), "{ages:?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_wanted_last_outlives_the_process() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let mut expected = "running";
    for (action, after) in [
        (Action::Stop, "stopped"),
        (Action::Start, "running"),
        (Action::Stop, "stopped"),
        (Action::Restart, "running"),
        (Action::Restart, "running"),
    ] {
        let build = script(&Arc::default(), |_| buyer());
        let (app, _feeder) = Stage::new().custom("one", build).store(&store).fed().await;
        let found = one(&*app.fresh().await, "one").phase.name();
        assert_eq!(found, expected, "before {action:?}");
        command(&app, "one", action).await.unwrap();
        phase(&app, "one", after).await;
        // It is stored at once: a process that dies instead of ending leaves it too.
        let records = app.store.strategy_records().await.unwrap();
        assert_eq!(records[0].saved.wanted, Some(action != Action::Stop), "after {action:?}");
        expected = after;
        stop(app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_for_what_stands_in_the_audit_chain_with_what_came_of_it() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("one", build).store(&path).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    let url = |rest: &str| format!("http://{}/v1/{rest}", app.address);
    let body = json!({"actor": "ann"});
    let http = reqwest::Client::new();
    let asked = http.post(url("strategies/one/stop")).json(&body).send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 202);
    phase(&app, "one", "stopped").await;
    app.store.flush().await.unwrap();

    let read = async |filter: &str| -> Vec<Value> {
        let answer = http.get(url(&format!("audit?{filter}"))).send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        page["items"].as_array().unwrap().clone()
    };
    let [asked] = &read("actor=ann").await[..] else { panic!("one row") };
    assert_eq!((&asked["action"], &asked["subject"]), (&json!("stop"), &json!("one")));
    assert_eq!(asked["before"], json!({"state": "running"}));
    assert!(asked["after"]["answer"].as_str().unwrap().starts_with("accepted"), "{asked}");
    let orders = read("strategy=one&action=order").await;
    let fills = read("strategy=one&action=fill").await;
    assert_eq!((orders.len(), fills.len()), (1, 1));
    let phases = read("strategy=one&action=phase&limit=1").await;
    assert_eq!(phases[0]["after"]["phase"], json!("stopped"));

    // Whoever looks finds the chain whole, and the same head in the status.
    let status = app.fresh().await.store.audit.clone();
    let location = Location::File(path.clone());
    let check = || {
        let location = location.clone();
        std::thread::spawn(move || verify(&location, &[]).unwrap()).join().unwrap()
    };
    let report = check();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.head.to_string(), format!("{}:{}", status.rows, status.hash));
    stop(app).await;
    let report = check();
    assert!(report.is_sound() && status.rows < report.head.number, "{report:?}");
}
