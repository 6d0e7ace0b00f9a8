//! The kill test in short: the program killed again and again, on both databases, and nothing lost or done twice.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is tests, and a helper of a test fails by panicking"
)]

mod checks;
mod harness;
#[path = "../postgres/mod.rs"]
#[expect(dead_code, reason = "here no server is killed")]
mod postgres;

use harness::Options;
use postgres::Cluster;

/// Kills on each database: each place on the way of an order is among them.
const KILLS: u64 = 24;

/// Kills the program, and fails with every difference.
async fn check(server: Option<String>) {
    let report = harness::run(Options { kills: KILLS, seed: 1, server }).await.unwrap();
    assert!(report.violations.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice_on_a_file() {
    check(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice_on_a_server()
{
    let Some(cluster) = Cluster::start() else { return };
    check(Some(cluster.database("kills"))).await;
}
