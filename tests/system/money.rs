//! Every cent is counted three times, apart from each other, and the three agree.

use std::sync::Arc;
use std::time::Duration;

use ploy::price::Usdc;

use crate::stage::script::{buyer, script};
use crate::stage::service::{Stage, ended, one, stop};
use crate::stage::{folder, id, settings, tape};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portfolio_store_and_venue_agree_on_every_cent_and_nothing_comes_from_nowhere() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let strategies = settings().strategies;
    let replay = tape::replay(std::slice::from_ref(&tape), &strategies);
    let stage = strategies.iter().cloned().fold(Stage::new(), Stage::with);
    let app = stage.play(&tape).await;
    let status = ended(&app).await;
    let mut moved = 0;
    for strategy in &strategies {
        let id = &strategy.id;
        let shown = &one(&status, id.as_str()).kernel;
        let stored = app.store.sums(id).await.unwrap();
        let account = replay.venue().account(id);
        let kept = replay.kernels()[id].portfolio();

        assert_eq!(shown.pnl.cash_usdc, stored.cash(), "{id}: status and store");
        assert_eq!(shown.pnl.cash_usdc, account.cash(), "{id}: status and venue");
        assert_eq!(shown.pnl.cash_usdc, kept.cash(), "{id}: with actors and without");
        assert_eq!(account.cash() + account.taken(), Usdc::ZERO, "{id}: zero sum");
        assert_eq!(shown.pnl.fees_usdc, stored.fees, "{id}: fees in the store");
        assert_eq!(shown.pnl.fees_usdc, kept.fees(), "{id}: fees without actors");
        for (market, outcome, position) in kept.positions() {
            assert_eq!(position.size, account.shares(market, outcome), "{id}: shares");
        }
        moved += shown.fills;
    }
    assert!(0 < moved, "no money moved: the test shows nothing");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_of_a_trade_is_what_the_books_say() {
    let build = script(&Arc::default(), |_| buyer());
    let (app, mut feeder) = Stage::new().custom("hand", build).fed().await;
    let market = feeder.market(1).await;
    feeder.book(market, "0.39", "0.40").await;
    feeder.wait(Duration::from_secs(1)).await;
    feeder.resolve(market, "1").await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    let pnl = one(&status, "hand").kernel.pnl;
    // 10 shares at 0.40 cost 4; each pays 1.
    let usdc = |text: &str| text.parse::<Usdc>().unwrap();
    assert_eq!((pnl.cash_usdc, pnl.realised_usdc), (usdc("6"), usdc("6")));
    assert_eq!((pnl.volume_usdc, pnl.fees_usdc), (usdc("4"), Usdc::ZERO));
    assert_eq!(app.store.sums(&id("hand")).await.unwrap().cash(), usdc("6"));
    stop(app).await;
}
