//! The way of an order while the service runs: what leaves is what is stored, and no lost answer is guessed at.

use std::sync::Arc;

use actors::api::metrics::{ProcessInfo, render};
use actors::app::App;
use ploy::intent::TimeInForce;
use ploy::market::{ConditionId, Outcome};
use ploy::price::{Size, Usdc};
use ploy::status::SystemStatus;

use crate::stage::exchange::{Exchange, Way};
use crate::stage::feeder::Feeder;
use crate::stage::script::{buy, script, yes_ask};
use crate::stage::service::{Stage, one, orders, phase, stop, until};
use crate::stage::{folder, rows};

/// Returns a strategy that buys 10 shares of yes at every book whose ask is 0.40, to rest where they are not there.
pub(crate) fn buyer() -> actors::manager::Build {
    script(&Arc::default(), |_| {
        Box::new(|event, _, looks| {
            let asked = yes_ask(event).filter(|(_, ask)| *ask == "0.4".parse().unwrap());
            looks.extend(asked.map(|(market, ask)| buy(market, ask, TimeInForce::Gtc)));
        })
    })
}

/// Returns a service with such a strategy at this venue, and the market that it knows.
async fn service(exchange: &Exchange, way: Way) -> (App, Feeder, ConditionId) {
    exchange.goes(way);
    let stage = Stage::new().custom("one", buyer()).venue(exchange.wrap());
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    (app, feeder, market)
}

/// Waits until no order is open and none is in doubt.
async fn at_rest(app: &App) -> Arc<SystemStatus> {
    until(app, "all orders have ended", |status| {
        status.unknown_orders.count == 0 && one(status, "one").kernel.orders.open == 0
    })
    .await
}

/// Returns the state of each order, and why it ended, as they are stored.
async fn stored(app: &App) -> Vec<(String, String)> {
    let orders = orders(app, "one").await;
    orders.into_iter().map(|order| (order.state, order.cause.unwrap_or_default())).collect()
}

fn size(text: &str) -> Size {
    text.parse().unwrap()
}

fn pair(state: &str, cause: &str) -> (String, String) {
    (state.to_owned(), cause.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_is_letter_for_letter_what_is_stored_with_what_it_ties_up() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    let stage = Stage::new().custom("one", buyer()).venue(exchange.wrap()).store(&store);
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it is filled", |status| one(status, "one").kernel.fills == 1).await;
    stop(app).await;
    let kept: Vec<(String, String, i64, i64)> =
        rows(&store, "select hash, payload, reserved_cash, reserved_shares from orders").await;
    let [(hash, payload, cash, shares)] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(exchange.bytes().get(hash), Some(payload));
    assert_eq!((*cash, *shares), (4_000_000, 0));
    assert_eq!(exchange.times(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_answer_is_lost_is_looked_up_and_its_fill_is_booked_once() {
    let exchange = Exchange::default();
    let (app, mut feeder, market) = service(&exchange, Way::FillsAndIsNotHeard).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it is filled", |status| one(status, "one").kernel.fills == 1).await;
    let status = at_rest(&app).await;
    assert_eq!(stored(&app).await, [pair("filled", "filled")]);
    let counts = one(&status, "one").kernel.orders;
    assert_eq!((counts.unknown, counts.accepted, counts.filled), (1, 1, 1));
    assert_eq!((exchange.times(), 1 <= exchange.lookups()), (vec![1], true));
    // The answers that were lost come after all, twice.
    exchange.goes(Way::Fills);
    exchange.repeat();
    exchange.repeat();
    feeder.book(market, "0.40", "0.41").await;
    feeder.settled(&app).await;
    let after = at_rest(&app).await;
    let held = |status: &SystemStatus| one(status, "one").kernel.positions[0].size;
    assert_eq!((held(&after), held(&status)), (size("10"), size("10")));
    assert_eq!(one(&after, "one").kernel.fills, 1);
    assert_eq!(
        (after.ledger.broken.as_deref(), one(&after, "one").phase.name()),
        (None, "running")
    );
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_never_arrived_is_released_when_that_is_proven_and_never_sent_again() {
    let exchange = Exchange::default();
    let (app, mut feeder, market) = service(&exchange, Way::HearsNoOrder).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "its answer is lost", |status| status.unknown_orders.count == 1).await;
    // Meanwhile it counts as if it rested: nothing more is sent for this leg.
    feeder.book(market, "0.39", "0.40").await;
    feeder.settled(&app).await;
    assert_eq!(exchange.times(), [1]);
    let status = at_rest(&app).await;
    assert_eq!(stored(&app).await, [pair("unfilled", "absent")]);
    assert!(2 <= exchange.lookups(), "the first answer proves nothing: it came too early");
    assert_eq!(one(&status, "one").kernel.orders.unknown, 1);
    let tied = status.ledger.accounts[0].reserved_usdc;
    assert_eq!(tied, Usdc::ZERO, "nothing is tied up any more");
    exchange.goes(Way::Fills);
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it trades on", |status| one(status, "one").kernel.fills == 1).await;
    assert_eq!(exchange.times(), [1, 1], "another order, not the old one again");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_venue_cannot_be_asked_an_order_stays_unknown_and_that_is_seen() {
    let exchange = Exchange::default();
    let (app, mut feeder, market) = service(&exchange, Way::IsAway).await;
    feeder.book(market, "0.39", "0.40").await;
    let asked = |status: &SystemStatus| {
        status.unknown_orders.orders.first().is_some_and(|order| 3 <= order.lookups)
    };
    let status = until(&app, "it is asked about again and again", asked).await;
    let order = &status.unknown_orders.orders[0];
    assert_eq!((order.order.to_string().as_str(), order.market), ("one:1", market));
    assert_eq!(order.why, "the venue cannot be asked: no route");
    assert_eq!(status.unknown_orders.oldest_since, Some(order.since));
    assert!(exchange.bytes().contains_key(&order.hash));
    let text = render(&status, &ProcessInfo::default());
    assert!(text.contains("\nploy_orders_unknown 1\n"), "{text}");
    assert!(text.contains("\nploy_orders_unknown_age_seconds "), "{text}");
    feeder.book(market, "0.39", "0.40").await;
    feeder.settled(&app).await;
    assert_eq!(exchange.times(), [1], "nothing more for this leg");
    // It rested there all the time, and goes on resting: it is wanted.
    exchange.goes(Way::Rests);
    let known = until(&app, "it is known again", |status| status.unknown_orders.count == 0).await;
    assert_eq!(one(&known, "one").kernel.orders.open, 1);
    exchange.fill("10");
    until(&app, "it is filled", |status| one(status, "one").kernel.fills == 1).await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_an_order_whose_cancel_is_not_answered_until_it_is_known() {
    let exchange = Exchange::default();
    let (app, mut feeder, market) = service(&exchange, Way::Rests).await;
    feeder.book(market, "0.39", "0.40").await;
    until(&app, "it rests", |status| one(status, "one").kernel.orders.accepted == 1).await;
    exchange.fill("4");
    exchange.goes(Way::IsAway);
    let stopping = ploy::command::Action::Stop;
    crate::stage::service::command(&app, "one", stopping).await.unwrap();
    until(&app, "its cancel is lost", |status| status.unknown_orders.count == 1).await;
    assert_eq!(one(&*app.fresh().await, "one").phase.name(), "stopping");
    exchange.fill("3");
    exchange.goes(Way::Rests);
    let stopped = phase(&app, "one", "stopped").await;
    let held: Size = stopped.kernel.positions.iter().map(|position| position.size).sum();
    assert_eq!(held, exchange.shares(market, Outcome::Yes));
    assert_eq!(held, size("7"));
    assert_eq!(stored(&app).await, [pair("filled", "cancelled")]);
    stop(app).await;
}
