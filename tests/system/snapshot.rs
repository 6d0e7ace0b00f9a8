//! One snapshot: whoever asks for it, and however it is written, the numbers are the same.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::app::App;
use actors::report::Report;
use ploy::price::{Usdc, decimal};
use ploy::status::{StrategyStatus, SystemStatus};
use serde_json::Value;

use crate::stage::program::{Program, ploy};
use crate::stage::service::{Stage, stop};
use crate::stage::{WITHIN, folder, settings, tape};

/// The same snapshot as the API, the metrics and the command line tell it.
struct Told {
    api: SystemStatus,
    metrics: BTreeMap<String, String>,
    program: SystemStatus,
}

async fn get(app: &App, path: &str) -> (u64, String) {
    let url = format!("http://{}{path}", app.address);
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    let number = answer.headers()["x-snapshot"].to_str().unwrap().parse().unwrap();
    (number, answer.text().await.unwrap())
}

/// Asks all three until they speak of the same snapshot: a new one is made four times a second.
async fn told(app: &App) -> Told {
    let deadline = tokio::time::Instant::now() + WITHIN;
    let folder = folder();
    let url = format!("http://{}", app.address);
    loop {
        let command = ploy(folder.path(), &["status", "-o", "json", "--url", &url]);
        app.fresh().await;
        let (of_status, status) = get(app, "/v1/status").await;
        let (of_metrics, metrics) = get(app, "/metrics").await;
        let ended = tokio::task::spawn_blocking(|| Program::to_end(command)).await.unwrap();
        assert!(ended.status.success(), "{}", ended.stderr);
        let program: SystemStatus = serde_json::from_str(&ended.stdout).unwrap();
        if of_status == of_metrics && of_status == program.snapshot {
            let api = serde_json::from_str(&status).unwrap();
            return Told { api, metrics: series(&metrics), program };
        }
        assert!(tokio::time::Instant::now() < deadline, "never the same snapshot");
    }
}

/// Returns every series of a text of metrics.
fn series(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_program_metrics_and_report_tell_the_same_numbers_of_the_same_snapshot() {
    let strategies = settings().strategies;
    let stage = strategies.into_iter().fold(Stage::new(), Stage::with);
    let (app, mut feeder) = stage.fed().await;
    // In the middle of the day: markets are open, shares are held.
    let (_, events) = tape::events(Duration::from_mins(25));
    for event in events {
        feeder.forward(event).await;
    }
    feeder.settled(&app).await;
    let Told { api, metrics, program } = told(&app).await;
    assert_eq!(api, program);
    let report = Report::of(&api, A_WHILE);
    assert_eq!(report.snapshot, api.snapshot);
    assert_eq!(metrics["ploy_status_snapshot"], api.snapshot.to_string());
    assert_eq!(report.events, api.feed.events);
    let mut fills = 0;
    for strategy in &api.strategies {
        check(strategy, &metrics, &report);
        fills += strategy.kernel.fills;
    }
    assert!(0 < fills, "nothing happened: the test shows nothing");
    stop(app).await;
}

const A_WHILE: Duration = Duration::from_secs(1);

/// Compares what the metrics and the report tell of a strategy with its status.
fn check(strategy: &StrategyStatus, metrics: &BTreeMap<String, String>, report: &Report) {
    let (id, kernel) = (strategy.id.as_str(), &strategy.kernel);
    let metric = |name: &str| {
        let series = format!("{name}{{strategy=\"{id}\"}}");
        metrics.get(&series).unwrap_or_else(|| panic!("no {series} in {metrics:#?}")).clone()
    };
    let money = |amount: Usdc| decimal(amount.micros());
    for (name, value) in [
        ("ploy_orders_submitted_total", kernel.orders.submitted.to_string()),
        ("ploy_open_orders", kernel.orders.open.to_string()),
        ("ploy_fills_total", kernel.fills.to_string()),
        ("ploy_fees_usdc_total", money(kernel.pnl.fees_usdc)),
        ("ploy_pnl_realized_usdc", money(kernel.pnl.realised_usdc)),
        ("ploy_pnl_unrealized_usdc", money(kernel.pnl.unrealised_usdc)),
        ("ploy_drawdown_usdc", money(kernel.pnl.drawdown_usdc)),
        ("ploy_strategy_failures", strategy.failures.to_string()),
    ] {
        assert_eq!(metric(name), value, "{name}");
    }
    let sum = |family: &str, wanted: &str| -> u64 {
        let of = format!("strategy=\"{id}\"");
        let own = metrics.iter().filter(|(name, _)| {
            name.starts_with(&format!("{family}{{")) && name.contains(&of) && name.contains(wanted)
        });
        own.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    };
    let rejected: u64 = kernel.rejections.values().sum();
    let noes = kernel.decisions - kernel.intents;
    assert_eq!(sum("ploy_decisions_total", ""), kernel.decisions);
    assert_eq!(sum("ploy_decision_causes_total", "action=\"no\""), noes, "each no has one cause");
    assert_eq!(sum("ploy_decision_causes_total", "action=\"rejected\""), rejected);
    assert_eq!(sum("ploy_risk_rejections_total", ""), rejected);

    let told = report.strategies.iter().find(|told| told.id == id).unwrap();
    assert_eq!((told.decisions, told.intents), (kernel.decisions, kernel.intents));
    assert_eq!((told.orders, told.order_counts), (kernel.orders.submitted, kernel.orders));
    assert_eq!((told.fills, told.rejections), (kernel.fills, rejected));
    assert_eq!(told.pnl_usdc, kernel.pnl.total_usdc);
    assert_eq!((told.fees_usdc, &told.digest), (kernel.pnl.fees_usdc, &kernel.digest));
    let json: Value = serde_json::to_value(told).unwrap();
    assert_eq!(json["pnl_usdc"], kernel.pnl.total_usdc.to_string());
}
