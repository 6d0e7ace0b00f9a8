//! What a venue tells of an order after its market has paid: it is of before, and nobody's books break over it.

use std::path::Path;
use std::sync::Arc;

use actors::app::App;
use ploy::command::Action;
use ploy::intent::TimeInForce;
use ploy::price::Usdc;
use ploy::status::{StrategyStatus, SystemStatus};

use crate::orders::buyer;
use crate::restart::Process;
use crate::stage::exchange::{Exchange, Way};
use crate::stage::feeder::Feeder;
use crate::stage::script::{buy, script, sell, yes_ask};
use crate::stage::service::{Stage, command, one, orders, phase, stop, until};
use crate::stage::{folder, rows};

/// Returns a strategy that buys 10 shares of yes at an ask of 0.40, and sells them for 0.50 at an ask above it.
fn trader() -> actors::manager::Build {
    script(&Arc::default(), |_| {
        Box::new(|event, _, looks| {
            let Some((market, ask)) = yes_ask(event) else { return };
            let cheap = "0.4".parse().unwrap();
            looks.push(match ask == cheap {
                true => buy(market, ask, TimeInForce::Fak),
                false => sell(market, "0.5".parse().unwrap()),
            });
        })
    })
}

/// Has the strategy buy at once, and lets its sale rest when the market pays this for yes.
async fn paid(app: &App, feeder: &mut Feeder, exchange: &Exchange, yes: &str) {
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    until(app, "it holds", |status| one(status, "one").kernel.fills == 1).await;
    exchange.goes(Way::Rests);
    feeder.book(market, "0.49", "0.51").await;
    until(app, "its sale rests", |status| one(status, "one").kernel.orders.accepted == 2).await;
    feeder.resolve(market, yes).await;
    feeder.settled(app).await;
    let status = app.fresh().await;
    let [waits] = &one(&status, "one").kernel.settling[..] else { panic!("{status:#?}") };
    assert_eq!((waits.market_id.clone(), &waits.orders[..]), (market.to_string(), &[2][..]));
}

/// Holds that nothing halts, and that portfolio, ledger and account say the same.
fn sound(status: &SystemStatus, made: &str) -> StrategyStatus {
    let made: Usdc = made.parse().unwrap();
    let strategy = one(status, "one");
    let booked = status.ledger.accounts.iter().find(|one| one.owner == "one").unwrap();
    assert_eq!(strategy.phase.name(), "running");
    assert_eq!(strategy.gate.name(), "open");
    assert_eq!((status.ledger.broken.as_deref(), status.account.broken.as_deref()), (None, None));
    assert_eq!(strategy.kernel.pnl.realised_usdc, made);
    assert_eq!((booked.realised_usdc, booked.cash_usdc), (made, made));
    assert!(strategy.kernel.positions.is_empty() && strategy.kernel.settling.is_empty());
    strategy.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_that_is_told_after_its_market_paid_breaks_nobodys_books() {
    let exchange = Exchange::default();
    // The other one buys and holds: its settlement is known to the account before that sale is.
    let stage = Stage::new().custom("one", trader()).custom("two", buyer()).venue(exchange.wrap());
    let (app, mut feeder) = stage.fed().await;
    paid(&app, &mut feeder, &exchange, "0").await;
    exchange.fill("4");
    until(&app, "a part is told", |status| one(status, "one").kernel.fills == 2).await;
    let status = app.fresh().await;
    assert_eq!(one(&status, "one").kernel.settling.len(), 1, "the rest may come");
    exchange.fill("6");
    let status =
        until(&app, "it is settled", |status| one(status, "one").kernel.settling.is_empty()).await;
    assert_eq!(one(&status, "one").kernel.positions, []);
    feeder.market(2).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    sound(&status, "1");
    assert_eq!(one(&status, "one").kernel.orders.filled, 2);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sold_by_then_is_paid_when_the_strategy_is_stopped_and_started() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    let stage = Stage::new().custom("one", trader()).venue(exchange.wrap()).store(&store);
    let (app, mut feeder) = stage.fed().await;
    paid(&app, &mut feeder, &exchange, "1").await;
    exchange.fill("4");
    command(&app, "one", Action::Restart).await.unwrap();
    let status = until(&app, "the rest is paid", |status| {
        let strategy = one(status, "one");
        strategy.phase.name() == "running" && strategy.kernel.pnl.cash_usdc == "4".parse().unwrap()
    })
    .await;
    sound(&status, "4");
    stop(app).await;
    assert_eq!(settlements(&store).await, [(6_000_000, 3_600_000 + 400_000)]);
}

#[test]
fn a_process_that_dies_while_a_settlement_waits_leaves_it_to_the_next() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let exchange = Exchange::default();
    let stage = || Stage::new().custom("one", trader()).venue(exchange.wrap()).store(&store);
    Process::new().crash_after(async {
        let (app, mut feeder) = stage().going_on().fed().await;
        paid(&app, &mut feeder, &exchange, "1").await;
        app.store.flush().await.unwrap();
        exchange.cut();
        (app, feeder)
    });
    exchange.fill("4");
    Process::new().crash_after(async {
        let (mut feeder, header, source) = Feeder::new();
        let market = feeder.market(1).await;
        feeder.book(market, "0.39", "0.40").await;
        feeder.book(market, "0.49", "0.51").await;
        feeder.resolve(market, "1").await;
        let app = stage().going_on().start(vec![header], source).await;
        phase(&app, "one", "running").await;
        app.play();
        feeder.market(2).await;
        let status = until(&app, "the rest is paid", |status| {
            one(status, "one").kernel.pnl.cash_usdc == "4".parse().unwrap()
        })
        .await;
        sound(&status, "4");
        let stored = orders(&app, "one").await;
        let stored: Vec<_> = stored.iter().map(|one| (&*one.state, one.filled)).collect();
        let (part, all) = ("4".parse().unwrap(), "10".parse().unwrap());
        assert_eq!(stored, [("filled", all), ("filled", part)]);
        app.store.flush().await.unwrap();
        assert_eq!(settlements(&store).await, [(6_000_000, 4_000_000)]);
        (app, feeder)
    });
}

/// Returns what came in by each settlement, and the profit of its round.
async fn settlements(store: &Path) -> Vec<(i64, i64)> {
    rows(store, "select amount, profit from settlements").await
}
