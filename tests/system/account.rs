//! The whole account in the running service: strategies that share limits, and never trade with each other.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actors::account::Account;
use actors::app::App;
use actors::bus::status::StatusBus;
use actors::manager::Build;
use actors::record::build::known;
use actors::record::replay::play;
use ploy::event::Kind;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::lifecycle::Phase;
use ploy::market::{ConditionId, Outcome, Side};
use ploy::numbers::Numbers;
use ploy::price::{Price, Usdc};
use ploy::risk::{AccountLimits, DayLimits};
use ploy::status::{AccountLimitStatus, SystemStatus};
use ploy::strategy::Look;
use serde_json::{Value, json};

use crate::stage::feeder::Feeder;
use crate::stage::recorder::{self, recorder};
use crate::stage::script::{OnEvent, buy, buyer, script, sell, yes_ask};
use crate::stage::service::{Stage, one, stop, wide};
use crate::stage::{folder, rows};

const A_SECOND: Duration = Duration::from_secs(1);

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// Returns a strategy that does this whenever the best ask of yes is `at`.
fn whenever(at: &str, does: impl Fn(ConditionId, Price) -> Look + Send + Sync + 'static) -> Build {
    let (at, does) = (price(at), Arc::new(does));
    script(&Arc::default(), move |_| -> OnEvent {
        let does = Arc::clone(&does);
        Box::new(move |event, _, looks| {
            if let Some((market, ask)) = yes_ask(event).filter(|(_, ask)| *ask == at) {
                looks.push(does(market, ask));
            }
        })
    })
}

/// Buys 10 yes at 0.40, and sells them again when the ask is 0.60.
fn trader() -> Build {
    script(&Arc::default(), |_| -> OnEvent {
        Box::new(|event, view, looks| {
            let Some((market, ask)) = yes_ask(event) else { return };
            if ask == price("0.40") {
                looks.push(buy(market, ask, TimeInForce::Fak));
            } else if ask == price("0.60") && view.portfolio.is_held(market) {
                looks.push(sell(market, price("0.30")));
            }
        })
    })
}

/// Shows a book and lets come what it leads to.
async fn book(app: &App, feeder: &mut Feeder, market: ConditionId, bid: &str, ask: &str) {
    feeder.book(market, bid, ask).await;
    feeder.wait(A_SECOND).await;
    feeder.settled(app).await;
}

fn limit<'a>(status: &'a SystemStatus, rule: &str) -> &'a AccountLimitStatus {
    status.account.limits.iter().find(|limit| limit.rule == rule).unwrap()
}

fn refused(status: &SystemStatus, rule: &str) -> u64 {
    status.account.refused.get(rule).copied().unwrap_or_default()
}

async fn get(app: &App, path: &str) -> Value {
    reqwest::get(format!("http://{}/v1/{path}", app.address)).await.unwrap().json().await.unwrap()
}

async fn rejections(app: &App, path: &Path) -> Vec<(String, i64, String)> {
    app.store.flush().await.unwrap();
    let all = "select strategy, number, cause from order_events where kind = 'rejected' \
         order by strategy, number";
    rows(path, all).await
}

/// Two strategies on one market: the bid of `one` rests when `two` wants to pay 0.65 for no, which is to sell yes at 0.35.
fn crossing() -> [(&'static str, Build); 2] {
    let bids = whenever("0.40", |market, _| buy(market, price("0.38"), TimeInForce::Gtc));
    let pays = whenever("0.50", |market, _| {
        let intent = Intent {
            market,
            outcome: Outcome::No,
            side: Side::Buy,
            limit: price("0.65"),
            size: "10".parse().unwrap(),
            time_in_force: TimeInForce::Fak,
            purpose: Purpose::Entry,
        };
        Look::intent(intent, Numbers::none())
    });
    [("one", bids), ("two", pays)]
}

fn staged(builds: impl IntoIterator<Item = (&'static str, Build)>) -> Stage {
    builds.into_iter().fold(Stage::new(), |stage, (name, build)| stage.custom(name, build))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_strategies_on_one_market_never_trade_with_each_other() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let (app, mut feeder) = staged(crossing()).store(&path).fed().await;
    let market = feeder.market(1).await;
    book(&app, &mut feeder, market, "0.39", "0.40").await;
    book(&app, &mut feeder, market, "0.49", "0.50").await;
    let status = app.fresh().await;
    assert_eq!(
        (limit(&status, "open_orders").used.as_str(), refused(&status, "self_cross")),
        ("1", 1)
    );
    let why =
        "account rule self_cross: two:1 at 0.35 could trade with one:1 at 0.38, as prices of yes";
    assert_eq!(status.account.last_refusal, Some(format!("two:1: {why}")));
    // It is told as our own refusal: neither the venue's fault nor one of the order.
    let two = one(&status, "two");
    assert_eq!((two.kernel.orders.rejected, two.kernel.orders.open), (1, 0));
    let streaks = two.kernel.risk.iter().filter(|one| one.rule.ends_with("_streak"));
    assert!(streaks.clone().count() == 3 && streaks.clone().all(|one| one.used == "0"));
    let reason = format!("not sent: {why}");
    assert_eq!(rejections(&app, &path).await, [("two".to_owned(), 1, reason.clone())]);
    let story = get(&app, "strategies/two/orders/1").await;
    assert!(story.to_string().contains(&reason), "{story:#}");
    let text = actors::api::metrics::render(&status, &actors::api::metrics::ProcessInfo::default());
    assert!(text.contains("\nploy_account_refusals_total{rule=\"self_cross\"} 1\n"), "{text}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strategies_share_a_limit_and_an_exit_passes_it() {
    // 10 yes at 0.40 are 4 USDC: two of them pass, and a third does not.
    let limits = AccountLimits { worst_loss_max_usdc: usdc("8"), ..wide() };
    let names = ["one", "three", "two"];
    let stage = names.iter().fold(Stage::new(), |stage, name| stage.custom(name, trader()));
    let (app, mut feeder) = stage.account(limits).fed().await;
    let market = feeder.market(1).await;
    book(&app, &mut feeder, market, "0.39", "0.40").await;
    let status = app.fresh().await;
    let shown = limit(&status, "worst_loss");
    assert_eq!((shown.used.as_str(), shown.room.as_str(), shown.permille), ("8", "0", 1000));
    assert_eq!(refused(&status, "worst_loss"), 1);
    assert!(status.account.last_refusal.clone().unwrap().ends_with("worst_loss: 12 of 8"));
    let fills = |status: &SystemStatus| -> u64 {
        names.iter().map(|name| one(status, name).kernel.fills).sum()
    };
    assert_eq!(fills(&status), 2);
    book(&app, &mut feeder, market, "0.59", "0.60").await;
    let status = app.fresh().await;
    assert_eq!((fills(&status), limit(&status, "worst_loss").used.as_str()), (4, "0"));
    assert!(names.iter().all(|name| one(&status, name).phase == Phase::Running));
    stop(app).await;
}

/// One strategy loses 3 of 4 USDC by a price move, and 2 may be lost.
async fn lost(stage: Stage) -> (App, Feeder, ConditionId) {
    let day = DayLimits { loss_max_usdc: usdc("2"), ..DayLimits::PRESET };
    let limits = AccountLimits { day, drawdown_max_usdc: usdc("3"), ..wide() };
    let stage = stage.custom("one", trader()).custom("two", script(&Arc::default(), |_| buyer()));
    let (app, mut feeder) = stage.account(limits).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    book(&app, &mut feeder, market, "0.24", "0.41").await;
    (app, feeder, market)
}

async fn post(app: &App, path: &str) -> Value {
    let url = format!("http://{}/v1/{path}", app.address);
    let body = json!({"reason": "a test", "actor": "ann"});
    reqwest::Client::new().post(url).json(&body).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_move_past_a_limit_holds_back_entries_of_all_until_a_person_resumes() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let (app, mut feeder, market) = lost(Stage::new().store(&path)).await;
    let status = app.fresh().await;
    let tripped: Vec<&str> = status.account.tripped.iter().map(|trip| trip.rule.as_str()).collect();
    assert_eq!(tripped, ["daily_loss", "drawdown"], "{:#?}", status.account);
    let text = actors::api::metrics::render(&status, &actors::api::metrics::ProcessInfo::default());
    assert!(text.contains("\nploy_account_tripped{rule=\"drawdown\"} 1\n"), "{text}");
    let sent = one(&status, "two").kernel.orders.accepted;
    book(&app, &mut feeder, market, "0.24", "0.42").await;
    let status = app.fresh().await;
    assert_eq!(one(&status, "two").kernel.orders.accepted, sent);
    assert!(0 < refused(&status, "daily_loss"));
    let sold = one(&status, "one").kernel.fills;
    book(&app, &mut feeder, market, "0.59", "0.60").await;
    assert_eq!(one(&*app.fresh().await, "one").kernel.fills, sold + 1, "an exit passes");
    let answer = post(&app, "resume").await;
    assert!(
        answer["said"].as_str().unwrap().ends_with("losses are counted from now on"),
        "{answer}"
    );
    assert_eq!(app.fresh().await.account.tripped, []);
    book(&app, &mut feeder, market, "0.60", "0.61").await;
    assert_eq!(one(&*app.fresh().await, "two").kernel.orders.accepted, sent + 1);
    app.store.flush().await.unwrap();
    let events =
        "select event, rule, used from risk_events where strategy = '(account)' order by seq";
    let events: Vec<(String, String, String)> = rows(&path, events).await;
    let events: Vec<(&str, &str)> =
        events.iter().map(|(what, rule, _)| (&**what, &**rule)).collect();
    let all = [("tripped", "daily_loss"), ("tripped", "drawdown")];
    assert_eq!(events[..2], all);
    assert_eq!(events[2..], all.map(|(_, rule)| ("released", rule)));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_day_the_peak_and_what_holds_come_back_from_the_store() {
    let (app, _feeder, _) = lost(Stage::new()).await;
    let status = app.fresh().await;
    let board = StatusBus::new(status.feed.clone());
    let day = DayLimits { loss_max_usdc: usdc("2"), ..DayLimits::PRESET };
    let limits = AccountLimits { day, drawdown_max_usdc: usdc("3"), ..wide() };
    let restored = Account::open(limits, &app.store, &board).await.unwrap().status();
    assert_eq!(restored.tripped, status.account.tripped);
    let held = |rule: &str| {
        let of = |limits: &[AccountLimitStatus]| {
            limits.iter().find(|limit| limit.rule == rule).unwrap().used.clone()
        };
        assert_eq!(of(&restored.limits), of(&status.account.limits), "{rule}");
    };
    ["worst_loss", "gross_exposure", "open_orders"].iter().for_each(|rule| held(rule));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_over_lets_entries_pass_without_any_trade() {
    let (app, mut feeder, _) = lost(Stage::new()).await;
    feeder.wait(Duration::from_hours(24)).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    let tripped: Vec<&str> = status.account.tripped.iter().map(|trip| trip.rule.as_str()).collect();
    assert_eq!(tripped, ["drawdown"], "a fall from the peak waits for a person");
    assert_eq!(limit(&status, "daily_loss").used, "0");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_refused_is_recorded_and_plays_again_to_the_same_digests() {
    let folder = folder();
    let recorder = recorder(folder.path());
    let limits = AccountLimits { worst_loss_max_usdc: usdc("8"), ..wide() };
    let all = || crossing().into_iter().chain([("three", trader()), ("four", trader())]);
    let (app, mut feeder) = staged(all()).account(limits).record(recorder).fed().await;
    let market = feeder.market(1).await;
    for ask in ["0.40", "0.50", "0.60", "0.40", "0.50", "0.40"] {
        book(&app, &mut feeder, market, "0.39", ask).await;
    }
    let payouts = [usdc("1"), Usdc::ZERO];
    feeder.event(Kind::Resolved { market, payouts }).await;
    feeder.wait(A_SECOND).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    assert!(0 < refused(&status, "self_cross") && 0 < refused(&status, "worst_loss"));
    assert!(status.ledger.broken.is_none() && status.account.broken.is_none());
    let served: BTreeMap<String, String> = status
        .strategies
        .iter()
        .map(|one| (one.id.to_string(), one.kernel.digest.clone()))
        .collect();
    stop(app).await;
    let builds: BTreeMap<&str, Build> = all().collect();
    let build = move |config: &ploy::config::StrategyConfig,
                      saved: Option<&ploy::strategy::Saved>| {
        builds.get(config.id.as_str()).map_or_else(|| known(config, saved), |build| Ok(build()))
    };
    let files = recorder::files(folder.path());
    let played = play(&files, &build, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(played.report.is_equal(), "{}", played.report);
    let came: BTreeMap<String, String> = played
        .report
        .strategies
        .iter()
        .map(|(id, one)| (id.to_string(), one.digest.clone()))
        .collect();
    assert_eq!(came, served);
}
