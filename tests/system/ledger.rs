//! The account's ledger in the running service: it adds up, it notices what does not, it comes back from the store.

use std::sync::Arc;
use std::time::Duration;

use actors::app::App;
use actors::ledger::AccountLedger;
use ploy::halt::Cause;
use ploy::ledger::LedgerStatus;
use ploy::lifecycle::Gate;
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{Fill, Liquidity, OrderEvent, Update};
use ploy::price::Usdc;
use ploy::status::SystemStatus;

use crate::stage::feeder::Feeder;
use crate::stage::script::{buyer, script};
use crate::stage::service::{Stage, ended, one, stop};
use crate::stage::{folder, settings, tape};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_agrees_with_every_portfolio_and_comes_back_from_the_store_as_it_was() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let strategies = settings().strategies;
    let stage = strategies.iter().cloned().fold(Stage::new(), Stage::with);
    let app = stage.play(&tape).await;
    let status = ended(&app).await;
    sound(&status.ledger);
    let mut fills = 0;
    for account in &status.ledger.accounts {
        let pnl = one(&status, &account.owner).kernel.pnl;
        let cash = account.cash_usdc + account.reserved_usdc;
        assert_eq!((cash, account.realised_usdc), (pnl.cash_usdc, pnl.realised_usdc));
        assert_eq!(account.unrealised_usdc, Some(pnl.unrealised_usdc));
        fills += account.fills;
    }
    assert!(0 < fills, "nothing was traded: the test shows nothing");
    let restored =
        AccountLedger::restored(&app.store.account_events().await.unwrap(), Arc::new(|_: &str| {}));
    assert_eq!(restored.status(), app.ledger.status());
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_is_told_twice_changes_nothing_and_a_wrong_one_halts_all() {
    let (app, feeder, market) = bought().await;
    let before = app.fresh().await;
    sound(&before.ledger);
    let fill = Fill {
        number: 1,
        order: "hand:1".parse().unwrap(),
        market,
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.4".parse().unwrap(),
        size: "10".parse().unwrap(),
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: feeder.now(),
    };
    app.ledger.told([told(&fill)].iter());
    let twice = app.fresh().await;
    assert_eq!(twice.ledger, before.ledger);

    let wrong = Fill { size: "9".parse().unwrap(), ..fill };
    app.ledger.told([told(&wrong)].iter());
    let shown = app.fresh().await;
    let why = "fill 1 of order hand:1 was told before with another content";
    assert_eq!(shown.ledger.broken.as_deref(), Some(why));
    assert_eq!(shown.not_ready, [format!("ledger: {why}")]);
    let text = actors::api::metrics::render(&shown, &actors::api::metrics::ProcessInfo::default());
    assert!(text.contains("\nploy_ledger_imbalance 1\n"));
    let halt = &shown.gates.halts[0];
    assert_eq!((halt.cause, halt.why.reason.as_str()), (Cause::AccountBroken, why));
    assert_eq!(one(&shown, "hand").gate, Gate::Closed);
    stop(app).await;
}

/// A strategy that has bought 10 shares of yes at 0.40.
async fn bought() -> (App, Feeder, ConditionId) {
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("hand", build).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(Duration::from_secs(1)).await;
    feeder.settled(&app).await;
    let status: Arc<SystemStatus> = app.fresh().await;
    assert_eq!(one(&status, "hand").kernel.fills, 1);
    (app, feeder, market)
}

fn told(fill: &Fill) -> OrderEvent {
    let update = Update::Filled(fill.clone());
    OrderEvent { at: fill.at, order: fill.order.clone(), update }
}

fn sound(ledger: &LedgerStatus) {
    assert_eq!((ledger.broken.as_deref(), ledger.sum_micros, ledger.shares_off), (None, 0, 0));
}
