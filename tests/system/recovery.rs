//! A process that ends anywhere on the way of an order: the next one finds out what became of it, before it trades.

use std::path::Path;
use std::time::Duration;

use actors::app::App;
use actors::failpoint::{Failpoints, Fault, Step};
use ploy::market::{ConditionId, Outcome};
use ploy::price::Size;
use ploy::status::StrategyStatus;

use crate::orders::buyer;
use crate::stage::exchange::{Exchange, Way};
use crate::stage::feeder::{Feeder, market};
use crate::stage::service::{Stage, one, orders, phase, stop, until};
use crate::stage::{folder, rows};

const RUN: &str = "the-run";

/// Returns a service of the one run with a strategy that buys.
fn stage(store: &Path) -> Stage {
    Stage::new().custom("one", buyer()).store(store).run(RUN)
}

/// Ends a service as a process ends that is killed: nothing of it reaches the venue any more.
async fn killed(mut app: App, exchange: &Exchange) {
    exchange.cut();
    app.crash();
    // It ends late, or not in order: it was killed.
    drop(app.stop(Duration::from_millis(300)).await);
}

/// Returns the market that every feeder announces first.
fn the_market() -> ConditionId {
    market(1, ploy::time::Timestamp::UNIX_EPOCH).id
}

fn held(status: &StrategyStatus) -> Size {
    status.kernel.positions.iter().map(|position| position.size).sum()
}

/// Holds all that must be true once a service is up again: nothing lost, nothing twice, nothing in doubt, and venue,
/// store, portfolio and ledger of one mind.
async fn sound(app: &App, exchange: &Exchange, case: &str) {
    let status = app.fresh().await;
    assert_eq!(status.unknown_orders.count, 0, "{case}");
    let ended = ["filled", "unfilled", "rejected"];
    let stored = orders(app, "one").await;
    assert!(stored.iter().all(|order| ended.contains(&&*order.state)), "{case}: {stored:?}");
    assert!(exchange.times().iter().all(|times| *times == 1), "{case}: sent twice");
    let filled: Size = stored.iter().map(|order| order.filled).sum();
    let at_venue = exchange.shares(the_market(), Outcome::Yes);
    assert_eq!(filled, at_venue, "{case}: store and venue");
    assert_eq!(held(one(&status, "one")), at_venue, "{case}: strategy and venue");
    let accounts = status.ledger.accounts.iter();
    let booked: Size = accounts.flat_map(|of| &of.holdings).map(|holding| holding.owned).sum();
    assert_eq!(booked, at_venue, "{case}: ledger and venue");
    let tied = status.ledger.accounts.iter().any(|account| !account.reserved_usdc.is_zero());
    assert_eq!((status.ledger.broken.as_deref(), tied), (None, false), "{case}");
}

/// Lets a fault happen at a step of an order's way, has the process end there or later, and looks what the next makes
/// of it.
async fn check(step: Step, fault: Fault) {
    let case = format!("{} {fault:?}", step.name());
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (exchange, failpoints) = (Exchange::default(), Failpoints::default());
    failpoints.set(step, fault, 1);
    let first = stage(&store).venue(exchange.wrap()).failing(&failpoints);
    let (app, mut feeder) = first.fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, &case, |_| failpoints.is_spent()).await;
    if fault != Fault::Crash {
        // An error or a delay is lived with, or ends the process: either way nothing is left open.
        feeder.book(market, "0.40", "0.41").await;
        feeder.settled(&app).await;
    }
    let told = one(&*app.fresh().await, "one").kernel.fills;
    assert!(told <= 1, "{case}: told twice");
    killed(app, &exchange).await;

    let (app, _feeder) = stage(&store).venue(exchange.wrap()).fed().await;
    phase(&app, "one", "running").await;
    sound(&app, &exchange, &case).await;
    exchange.repeat();
    app.store.flush().await.unwrap();
    sound(&app, &exchange, &case).await;
    assert_eq!(one(&*app.fresh().await, "one").phase.name(), "running", "{case}");
    stop(app).await;
    let kept: Vec<(String, String)> = rows(&store, "select hash, payload from orders").await;
    for (hash, bytes) in exchange.bytes() {
        assert!(kept.contains(&(hash, bytes)), "{case}: an order left that is not stored");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Crash).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Error).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Delay(Duration::from_millis(150))).await;
    }
}

/// Lets a service send one order that rests, and be killed.
async fn killed_with_a_resting_order(store: &Path, exchange: &Exchange) {
    exchange.goes(Way::Rests);
    let (app, mut feeder) = stage(store).venue(exchange.wrap()).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it rests", |status| one(status, "one").kernel.orders.accepted == 1).await;
    exchange.fill("4");
    until(&app, "a part is filled", |status| one(status, "one").kernel.fills == 1).await;
    killed(app, exchange).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_rests_is_cancelled_at_start_and_what_was_filled_meanwhile_comes_to_its_owner() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    killed_with_a_resting_order(&store, &exchange).await;
    exchange.fill("3");
    let (app, _feeder) = stage(&store).venue(exchange.wrap()).fed().await;
    let status = phase(&app, "one", "running").await;
    assert_eq!(held(&status), "7".parse().unwrap());
    let kept = orders(&app, "one").await;
    assert_eq!((kept[0].state.as_str(), kept[0].cause.as_deref()), ("filled", Some("cancelled")));
    sound(&app, &exchange, "resting").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strategy_whose_orders_cannot_be_asked_about_does_not_start_and_the_others_do() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    killed_with_a_resting_order(&store, &exchange).await;
    exchange.goes(Way::IsAway);
    let second = stage(&store).custom("other", buyer()).venue(exchange.wrap());
    let (app, mut feeder): (App, Feeder) = second.fed().await;
    phase(&app, "other", "running").await;
    let waits = phase(&app, "one", "backoff").await;
    let why = waits.last_error.unwrap();
    let told = "nobody knows yet how its orders ended: one:1 (the venue cannot be asked: no route)";
    assert_eq!(why, told);
    let status = app.fresh().await;
    assert_eq!((status.unknown_orders.count, waits.failures), (1, 0));
    exchange.goes(Way::Rests);
    let is_back = |status: &ploy::status::SystemStatus| one(status, "one").phase.name() == "running";
    feeder.until(&app, "it runs", is_back).await;
    sound(&app, &exchange, "away").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_at_the_paper_venue_end_with_its_process_and_are_released() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let failpoints = Failpoints::default();
    failpoints.set(Step::AfterSend, Fault::Crash, 1);
    let (app, mut feeder) = stage(&store).failing(&failpoints).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it crashed", |_| failpoints.is_spent()).await;
    killed(app, &Exchange::default()).await;
    let (app, _feeder) = stage(&store).fed().await;
    phase(&app, "one", "running").await;
    let kept = orders(&app, "one").await;
    assert_eq!((kept[0].state.as_str(), kept[0].cause.as_deref()), ("unfilled", Some("absent")));
    sound(&app, &Exchange::default(), "paper").await;
    stop(app).await;
}
