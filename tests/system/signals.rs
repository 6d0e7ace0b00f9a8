//! How the program ends when it is told to.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _};

use crate::stage::program::{Ended, Program, run};
use crate::stage::{database, folder, rows};

/// What the shipped settings say: `shutdown.deadline_s`.
const DEADLINE: Duration = Duration::from_secs(25);

/// Starts it and returns when orders are being sent: the day's first are in the sixteenth minute.
fn trading(folder: &Path, store: &Path) -> Program {
    let words = ["--speed", "600x", "--store", store.to_str().unwrap()];
    let mut program = Program::start(run(folder, &words));
    program.logged("order.submitted");
    program
}

async fn ends_in_good_order(signal: &str) {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let program = trading(folder.path(), &store);
    program.signal(signal);
    let ended = program.wait(DEADLINE);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(said_last(&ended), "service.stopped");
    let orders: Vec<(i64,)> = rows(&store, "select coalesce(max(seq), 0) from orders").await;
    let stopped: Vec<(i64,)> = rows(
        &store,
        "select min(seq) from lifecycle where to_phase = 'stopped' and why like '%settled%' \
         having count(distinct strategy) = 4",
    )
    .await;
    assert!(0 < orders[0].0 && orders[0].0 < stopped[0].0, "{orders:?} before {stopped:?}");
    let open: Vec<(i64,)> = rows(
        &store,
        "select number from orders o where not exists (select 1 from order_events e \
         where e.strategy = o.strategy and e.number = o.number and e.kind in ('done', 'rejected'))",
    )
    .await;
    assert_eq!(open, [], "every order came to its end");
}

/// Returns the last event that the log names.
fn said_last(ended: &Ended) -> String {
    let named = ended
        .log()
        .into_iter()
        .rev()
        .find_map(|line| line["event.name"].as_str().map(str::to_owned));
    named.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_it_in_good_order_and_no_order_goes_out_afterwards() {
    ends_in_good_order("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_ends_it_in_good_order_and_no_order_goes_out_afterwards() {
    ends_in_good_order("INT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once_and_as_a_failure() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let mut program = trading(folder.path(), &store);
    // Somebody holds the database: an end in good order has to wait for it.
    let mut other = database(&store).await;
    other.execute("begin immediate").await.unwrap();
    program.signal("TERM");
    program.logged("service.stopping");
    program.signal("TERM");
    // Well below the time that the first signal alone would take.
    let ended = program.wait(Duration::from_secs(4));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("ended at once by a second signal"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("service.stopped"));
    other.close().await.unwrap();
}
