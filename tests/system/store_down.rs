//! Without a store nothing is sent: what is not written down cannot be remembered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::app::App;
use ploy::status::SystemStatus;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::postgres::Cluster;
use crate::stage::feeder::Feeder;
use crate::stage::script::{Seen, buyer, script};
use crate::stage::service::{Stage, one, orders, stop, until};
use crate::stage::{database, folder, id};

const A_SECOND: Duration = Duration::from_secs(1);

/// Shows a book on which the strategy wants to buy, and lets the order's outcome come.
async fn show(app: &App, feeder: &mut Feeder, market: ploy::market::ConditionId) {
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(A_SECOND).await;
    feeder.settled(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_cannot_be_stored_is_not_sent_and_its_strategy_is_told() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let seen = Arc::<Seen>::default();
    let build = script(&seen, |_| buyer());
    let (app, mut feeder) = Stage::new().custom("buyer", build).store(&path).fed().await;
    let market = feeder.market(1).await;
    show(&app, &mut feeder, market).await;
    assert_eq!(one(&*app.fresh().await, "buyer").kernel.fills, 1, "it trades");
    app.store.flush().await.unwrap();

    // Every row names its run: without that table none can be written.
    let mut other = database(&path).await;
    other.execute("alter table runs rename to away").await.unwrap();
    other.execute("drop table orders").await.unwrap();
    other.execute("drop table errors").await.unwrap();
    show(&app, &mut feeder, market).await;
    let status = until(&app, "the store is down", |status| !status.store.up).await;
    let kernel = &one(&status, "buyer").kernel;
    assert_eq!((kernel.orders.submitted, kernel.orders.rejected), (2, 1));
    assert_eq!((kernel.orders.accepted, kernel.fills, kernel.orders.open), (1, 1, 0));
    assert_eq!(seen.done.load(Ordering::SeqCst), 2, "both ends were told");
    let said = status.recent.iter().find(|recent| recent.event == "order.rejected").unwrap();
    assert!(said.message.contains("not sent: the store failed"), "{}", said.message);
    assert!(
        status.not_ready.iter().any(|why| why.starts_with("store: ")),
        "{:?}",
        status.not_ready
    );
    assert!(status.store.last_error.is_some() && 0 < status.store.errors);
    let lost = app.stop(Duration::from_secs(1)).await.unwrap_err();
    assert!(lost.contains("rows were not written"), "{lost}");
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_comes_back_lets_orders_go_out_again() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("buyer", build).store(&path).fed().await;
    let market = feeder.market(1).await;
    feeder.settled(&app).await;
    app.store.flush().await.unwrap();

    let mut other = database(&path).await;
    other.execute("begin immediate").await.unwrap();
    show(&app, &mut feeder, market).await;
    let is_down = |status: &SystemStatus| !status.store.up && !status.gates.halts.is_empty();
    let status = until(&app, "the store is down, and all halted by it", is_down).await;
    assert_eq!(one(&status, "buyer").kernel.orders.rejected, 1);
    other.execute("rollback").await.unwrap();
    other.close().await.unwrap();

    until(&app, "all goes on", |status| status.store.up && status.gates.halts.is_empty()).await;
    show(&app, &mut feeder, market).await;
    let kernel = &one(&*app.fresh().await, "buyer").kernel.clone();
    assert_eq!((kernel.fills, kernel.orders.open), (1, 0));
    let stored = orders(&app, "buyer").await;
    // The refused one may be written after all, when the database was only late: then so is its refusal.
    let states: Vec<_> = stored.iter().map(|o| (o.id.number, o.state.as_str())).collect();
    assert!(
        [&[(1, "rejected"), (2, "filled")][..], &[(2, "filled")]].contains(&&states[..]),
        "{states:?}"
    );
    assert_eq!(app.store.open_orders(&id("buyer")).await.unwrap(), []);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_wait_for_a_killed_server_and_nothing_that_was_acknowledged_is_lost() {
    let Some(mut cluster) = Cluster::start() else { return };
    let url = cluster.database("money");
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("buyer", build).server(&url).fed().await;
    let market = feeder.market(1).await;
    show(&app, &mut feeder, market).await;
    assert_eq!(one(&*app.fresh().await, "buyer").kernel.fills, 1, "it trades");
    app.store.flush().await.unwrap();

    cluster.kill();
    show(&app, &mut feeder, market).await;
    let is_down = |status: &SystemStatus| !status.store.up && !status.gates.halts.is_empty();
    let status = until(&app, "the store is down, and all halted by it", is_down).await;
    let kernel = &one(&status, "buyer").kernel;
    assert_eq!((kernel.orders.submitted, kernel.orders.rejected, kernel.fills), (2, 1, 1));
    assert!(
        status.not_ready.iter().any(|why| why.starts_with("store: ")),
        "{:?}",
        status.not_ready
    );

    cluster.restart();
    until(&app, "all goes on", |status| status.store.up && status.gates.halts.is_empty()).await;
    show(&app, &mut feeder, market).await;
    assert_eq!(one(&*app.fresh().await, "buyer").kernel.fills, 2, "it trades again");
    let stored = orders(&app, "buyer").await;
    let states: Vec<_> = stored.iter().map(|o| (o.id.number, o.state.as_str())).collect();
    assert_eq!(states, [(1, "filled"), (3, "filled")], "the second was never sent");
    assert_eq!(app.store.open_orders(&id("buyer")).await.unwrap(), []);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_to_the_server_loses_no_order_and_writes_none_twice() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("money");
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("buyer", build).server(&url).fed().await;
    let market = feeder.market(1).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    for _ in 0..3 {
        show(&app, &mut feeder, market).await;
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
             where application_name = 'ploy' and pid <> pg_backend_pid()";
        other.execute(cut).await.unwrap();
    }
    until(&app, "the store is up", |status| status.store.up).await;
    app.store.flush().await.unwrap();
    let kernel = one(&*app.fresh().await, "buyer").kernel.clone();
    let stored = orders(&app, "buyer").await;
    let filled = stored.iter().filter(|order| order.state == "filled").count();
    assert_eq!(u64::try_from(filled).unwrap(), kernel.fills);
    assert_eq!(kernel.orders.submitted, kernel.fills + kernel.orders.rejected);
    assert_eq!(app.store.open_orders(&id("buyer")).await.unwrap(), []);
    stop(app).await;
}
