//! A process that ends anywhere on the way of an order: the next one finds out what became of it, before it trades.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actors::app::App;
use actors::failpoint::{Failpoints, Fault, Step};
use ploy::market::{ConditionId, Outcome};
use ploy::price::{Size, Usdc};
use ploy::status::{StrategyStatus, SystemStatus};

use crate::orders::buyer;
use crate::restart::Process;
use crate::stage::exchange::{Exchange, Way};
use crate::stage::feeder::{Feeder, market};
use crate::stage::script::script;
use crate::stage::service::{Stage, one, orders, phase, until};
use crate::stage::{folder, rows};

/// Returns a service of the one run with a strategy that buys.
fn stage(store: &Path) -> Stage {
    Stage::new().custom("one", buyer()).store(store).going_on()
}

/// Starts a service before the same day: a market, and a book at which the strategy buys. Nothing is played yet.
async fn begun(stage: Stage) -> (App, Feeder) {
    let (mut feeder, header, source) = Feeder::new();
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.book(market, "0.41", "0.42").await;
    (stage.start(vec![header], source).await, feeder)
}

/// Returns the market of that day.
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
    let booked: Size = accounts.flat_map(|of| &of.holdings).map(|holding| holding.sellable).sum();
    assert_eq!(booked, at_venue, "{case}: ledger and venue");
    // It was told each fill once, whichever process it was in.
    assert_eq!(one(&status, "one").kernel.fills, exchange.fills(), "{case}: told twice, or never");
    let tied = status.ledger.accounts.iter().any(|account| account.reserved_usdc != Usdc::ZERO);
    assert_eq!((status.ledger.broken.as_deref(), tied), (None, false), "{case}");
}

/// Lets a fault happen at a step of an order's way, has the process end there or later, and looks what the next makes
/// of it.
fn check(step: Step, fault: Fault) {
    let case = &format!("{} {fault:?}", step.name());
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (exchange, failpoints) = (Exchange::default(), Failpoints::default());
    failpoints.set(step, fault, 1);
    Process::new().crash_after(async {
        let first = stage(&store).venue(exchange.wrap()).failing(&failpoints);
        let (app, feeder) = begun(first).await;
        app.play();
        until(&app, case, |_| failpoints.is_spent()).await;
        if fault != Fault::Crash {
            // An error or a delay is lived with, or ends the executor.
            feeder.settled(&app).await;
        }
        exchange.cut();
        (app, feeder)
    });
    Process::new().crash_after(async {
        let (app, feeder) = begun(stage(&store).venue(exchange.wrap())).await;
        phase(&app, "one", "running").await;
        sound(&app, &exchange, case).await;
        exchange.repeat();
        // What is told again is dealt with before what is asked now.
        app.store.flush().await.unwrap();
        sound(&app, &exchange, case).await;
        let kept: Vec<(String, String)> = rows(&store, "select hash, payload from orders").await;
        for (hash, bytes) in exchange.bytes() {
            assert!(kept.contains(&(hash, bytes)), "{case}: an order left that is not stored");
        }
        (app, feeder)
    });
}

#[test]
fn a_crash_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Crash);
    }
}

#[test]
fn an_error_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Error);
    }
}

#[test]
fn a_delay_at_any_step_of_an_order_leaves_what_the_next_process_resolves() {
    for step in Step::ALL {
        check(step, Fault::Delay(Duration::from_millis(150)));
    }
}

/// Lets a service send one order that rests and is filled for 4 shares, and be killed.
fn killed_with_a_resting_order(store: &Path, exchange: &Exchange) {
    exchange.goes(Way::Rests);
    Process::new().crash_after(async {
        let (app, feeder) = begun(stage(store).venue(exchange.wrap())).await;
        app.play();
        until(&app, "it rests", |status| one(status, "one").kernel.orders.accepted == 1).await;
        exchange.fill("4");
        until(&app, "a part is filled", |status| one(status, "one").kernel.fills == 1).await;
        app.store.flush().await.unwrap();
        exchange.cut();
        (app, feeder)
    });
}

/// Returns the state of the one order, and why it ended.
async fn the_order(app: &App) -> (String, Option<String>) {
    let order = orders(app, "one").await.remove(0);
    (order.state, order.cause)
}

#[test]
fn an_order_that_rests_is_cancelled_at_start_and_what_was_filled_meanwhile_comes_to_its_owner() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    killed_with_a_resting_order(&store, &exchange);
    exchange.fill("3");
    Process::new().crash_after(async {
        let (app, feeder) = begun(stage(&store).venue(exchange.wrap())).await;
        let status = phase(&app, "one", "running").await;
        assert_eq!(held(&status), "7".parse().unwrap());
        assert_eq!(the_order(&app).await, ("filled".to_owned(), Some("cancelled".to_owned())));
        sound(&app, &exchange, "resting").await;
        (app, feeder)
    });
}

#[test]
fn a_strategy_whose_orders_cannot_be_asked_about_does_not_start_and_the_others_do() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    killed_with_a_resting_order(&store, &exchange);
    exchange.goes(Way::IsAway);
    Process::new().crash_after(async {
        let looker = script(&Arc::default(), |_| Box::new(|_, _, _| {}));
        let second = stage(&store).custom("other", looker).venue(exchange.wrap());
        let (app, mut feeder) = begun(second).await;
        phase(&app, "other", "running").await;
        let waits = phase(&app, "one", "quarantine").await;
        let told = "nobody knows yet how its orders ended: one:1 \
             (the venue cannot be asked: no route)";
        assert_eq!(waits.last_error.as_deref(), Some(told));
        let status = app.fresh().await;
        assert_eq!((status.unknown_orders.count, waits.failures), (1, 0));
        exchange.goes(Way::Rests);
        app.play();
        until(&app, "it is known", |status| status.unknown_orders.count == 0).await;
        let runs = |status: &SystemStatus| one(status, "one").phase.name() == "running";
        feeder.until(&app, "it runs", runs).await;
        sound(&app, &exchange, "away").await;
        assert_eq!(the_order(&app).await, ("filled".to_owned(), Some("cancelled".to_owned())));
        (app, feeder)
    });
}

#[test]
fn orders_at_the_paper_venue_end_with_its_process_and_are_released() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let failpoints = Failpoints::default();
    failpoints.set(Step::AfterSend, Fault::Crash, 1);
    Process::new().crash_after(async {
        let (app, feeder) = begun(stage(&store).failing(&failpoints)).await;
        app.play();
        until(&app, "it crashed", |_| failpoints.is_spent()).await;
        (app, feeder)
    });
    Process::new().crash_after(async {
        let (app, feeder) = begun(stage(&store)).await;
        phase(&app, "one", "running").await;
        assert_eq!(the_order(&app).await, ("unfilled".to_owned(), Some("absent".to_owned())));
        sound(&app, &Exchange::default(), "paper").await;
        (app, feeder)
    });
}
