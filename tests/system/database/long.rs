//! A long outage: what waits is bounded, what is refused is counted and said, and all that was taken is written in the end.

use actors::bus::Ticket;
use actors::ports::{ErrorRecord, Row};
use sqlx::Executor as _;

use super::*;
use crate::stage::folder;

/// Rows that may wait for the store.
const QUEUE_MAX: u64 = 8192;

/// Hands the store so many rows for which nobody waits. Returns how many it took.
fn flood(trading: &Trading, rows: usize) -> usize {
    let row = || {
        let (part, message) = ("test".to_owned(), "flood".to_owned());
        Row::Error(ErrorRecord { at: trading.feeder.now(), strategy: None, part, message })
    };
    (0..rows).filter(|_| trading.app.store.record(row(), Ticket::none()).is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_outage_keeps_a_bounded_queue_counts_what_it_refuses_and_loses_nothing_it_took() {
    let folder = folder();
    let path = folder.path().join("ploy.db");
    let stage = Stage::new().store(&path);
    let mut trading = Trading::begin(stage, Place::File(path.clone())).await;
    let mut shell = database(&path).await;
    shell.execute("begin exclusive").await.unwrap();
    let said = trading.closes().await;

    let taken = flood(&trading, 9000);
    assert!((8000..9000).contains(&taken), "{taken}");
    let status = trading.app.fresh().await;
    assert!(9000 - taken <= usize::try_from(status.store.refused).unwrap(), "each is counted");
    assert!(!status.store.up && status.store.queued <= QUEUE_MAX + 1, "{}", status.store.queued);
    let shown = status.store.last_error.clone().unwrap();
    assert!(!shown.contains("queue is full"), "why it is down stays: {said}, {shown}");
    // The tape waits for the store, the service answers, and how long it lasts is seen.
    let before = trading.app.fresh().await.feed.events;
    trading.feeder.book(trading.market, "0.19", "0.21").await;
    let lags = |status: &SystemStatus| 10_000 < status.store.lag_ms;
    let status = until(&trading.app, "the lag grows", lags).await;
    assert!(status.feed.events <= before + 1 && status.store.queued <= QUEUE_MAX + 1);
    let metrics = reqwest::get(format!("http://{}/metrics", trading.app.address)).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let lag = metrics.lines().find_map(|line| line.strip_prefix("ploy_store_lag_seconds "));
    assert!(10.0 < lag.unwrap().parse::<f64>().unwrap(), "{lag:?}");
    assert!(metrics.contains("\nploy_store_refused_total "));
    assert_eq!(trading.venue.sent(), [1]);

    shell.execute("rollback").await.unwrap();
    trading.resumes().await;
    let status = trading.app.fresh().await;
    assert_eq!(status.store.lag_ms, 0);
    let stored = "select count(*), 'stored' from errors where message = 'flood'";
    let expected = (i64::try_from(taken).unwrap(), "stored".to_owned());
    assert_eq!(trading.place.facts(stored).await, [expected], "all that was taken, each once");
    trading.end().await;
}
