//! Faults of a PostgreSQL server: killed, restarted, cut, read-only, locked, slow, silent, full, taken over.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};

use super::proxy::{Mode, Proxy};
use super::*;
use crate::postgres::Cluster;
use actors::ports::{ErrorRecord, Row};
use actors::store::{Location, RunInfo, Store};

/// Cuts the connection that writes; readers' stay.
const CUT: &str = "select pg_terminate_backend(l.pid) from pg_locks l \
     where l.locktype = 'advisory' and l.pid <> pg_backend_pid()";

/// How an entry's purpose travels: its length, and the word. No longer text has it within.
const ENTRY: &str = "\0\0\0\u{5}entry";
/// How it travels that an order was filled.
const FILLED: &str = "\0\0\0\u{6}filled";

/// A server of the test's own with a service on it, and a person's shell.
async fn served(with: impl FnOnce(Stage) -> Stage) -> Option<(Cluster, Trading, PgConnection)> {
    let cluster = Cluster::start()?;
    let url = cluster.database("money");
    let stage = with(Stage::new().server(&url));
    let trading = Trading::begin(stage, Place::Server(url.clone())).await;
    let shell = PgConnection::connect(&url).await.unwrap();
    Some((cluster, trading, shell))
}

/// A service on a server behind a proxy.
async fn behind_proxy() -> Option<(Cluster, Trading, Proxy)> {
    let cluster = Cluster::start()?;
    let url = cluster.database("money");
    let proxy = Proxy::before(folder_of(&cluster)).await;
    let stage = Stage::new().server(&proxy.url("money"));
    let trading = Trading::begin(stage, Place::Server(url)).await;
    Some((cluster, trading, proxy))
}

/// Returns the folder in which a server is.
fn folder_of(cluster: &Cluster) -> PathBuf {
    let url = cluster.url("money");
    let (_, rest) = url.split_once("host=").unwrap();
    PathBuf::from(rest.split('&').next().unwrap())
}

/// Ends a server in good order, as an administrator does: its connections are told, and cut.
fn end_in_good_order(cluster: &mut Cluster) {
    let file = folder_of(cluster).join("data/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let told = Command::new("kill").args(["-INT", text.lines().next().unwrap()]).status().unwrap();
    assert!(told.success());
    // It removes this file last.
    while Path::new(&file).exists() {
        std::thread::yield_now();
    }
    cluster.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_closes_order_entry_and_trading_goes_on_by_itself_when_it_is_back() {
    let Some((mut cluster, mut trading, _)) = served(|stage| stage).await else { return };
    cluster.kill();
    let said = trading.closes().await;
    assert!(said.contains("No such file") || said.contains("refused"), "{said}");
    cluster.restart();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_of_the_server_a_person_resumes_where_the_setting_says_so() {
    let Some((mut cluster, mut trading, _)) = served(Stage::manual).await else { return };
    cluster.kill();
    trading.closes().await;
    cluster.restart();
    trading.resumes_by_a_person().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_comes_while_the_server_is_dead_is_told_once_and_when_it_is_stored() {
    let Some((mut cluster, mut trading, _)) = served(|stage| stage).await else { return };
    trading.venue.hold();
    trading.low().await;
    assert_eq!(trading.venue.sent(), [1, 2]);
    cluster.kill();
    trading.venue.release();
    until(&trading.app, "the store is down, and all halted by it", is_down).await;
    trading.is_seen().await;
    assert_eq!(trading.fills().await, 1, "what is not stored is not told");
    cluster.restart();
    until(&trading.app, "the fill is told", |status| one(status, "one").kernel.fills == 2).await;
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_in_good_order_is_waited_for() {
    let Some((mut cluster, mut trading, _)) = served(|stage| stage).await else { return };
    end_in_good_order(&mut cluster);
    trading.closes().await;
    cluster.restart();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_with_an_order_in_flight_refuses_that_order_and_goes_on() {
    let Some((_cluster, mut trading, mut shell)) = served(|stage| stage).await else { return };
    let mut blocking = PgConnection::connect(&url_of(&trading)).await.unwrap();
    blocking.execute("begin; lock table orders in exclusive mode").await.unwrap();
    trading.feeder.book(trading.market, "0.39", "0.40").await;
    waits_for_a_lock(&mut shell).await;
    shell.execute(CUT).await.unwrap();
    blocking.execute("rollback").await.unwrap();
    trading.feeder.settled(&trading.app).await;
    let refused = |status: &SystemStatus| one(status, "one").kernel.orders.rejected == 1;
    until(&trading.app, "the order is refused", refused).await;
    assert_eq!(trading.venue.sent(), [1]);
    assert!(0 < trading.app.fresh().await.store.errors);
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_becomes_read_only_closes_order_entry_until_it_takes_writes() {
    let Some((_cluster, mut trading, mut shell)) = served(|stage| stage).await else { return };
    // As on a standby: sessions that are open are told too.
    shell.execute("alter system set default_transaction_read_only = on").await.unwrap();
    shell.execute("select pg_reload_conf()").await.unwrap();
    // The writer's session learns of it when it gets round to it.
    let note = Row::Error(ErrorRecord {
        at: trading.feeder.now(),
        strategy: None,
        part: "test".into(),
        message: "a note".into(),
    });
    while trading.app.store.commit(vec![note.clone()]).await.is_ok() {}
    let said = trading.closes().await;
    assert!(said.contains("read-only transaction"), "{said}");
    shell.execute("alter system reset default_transaction_read_only").await.unwrap();
    shell.execute("select pg_reload_conf()").await.unwrap();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_locked_for_longer_than_a_statement_waits_closes_order_entry() {
    let Some((_cluster, mut trading, mut shell)) = served(|stage| stage).await else { return };
    shell.execute("begin; lock table orders in access exclusive mode").await.unwrap();
    let said = trading.closes().await;
    assert!(said.contains("lock timeout") || said.contains("no answer within 5 s"), "{said}");
    shell.execute("rollback").await.unwrap();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_server_closes_order_entry_until_there_is_room() {
    let Some((_cluster, mut trading, mut shell)) = served(|stage| stage).await else { return };
    for table in ["orders", "order_events", "errors"] {
        let full = format!(
            "create or replace function full_disk() returns trigger language plpgsql as $$ begin \
             raise exception 'could not extend file: No space left on device' \
             using errcode = 'disk_full'; end $$; \
             create trigger full_disk before insert on {table} execute function full_disk()"
        );
        sqlx::raw_sql(AssertSqlSafe(full)).execute(&mut shell).await.unwrap();
    }
    let said = trading.closes().await;
    assert!(said.contains("No space left on device"), "{said}");
    shell.execute("drop function full_disk cascade").await.unwrap();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_delays_orders_and_halts_nothing() {
    let Some((_cluster, mut trading, proxy)) = behind_proxy().await else { return };
    proxy.set(Mode::Slow(Duration::from_millis(40)));
    trading.trades().await;
    let status = trading.app.fresh().await;
    assert_eq!((status.store.up, status.store.errors), (true, 0));
    assert!(status.gates.halts.is_empty());
    proxy.set(Mode::Pass);
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_closes_order_entry_and_its_late_answers_send_nothing() {
    let Some((_cluster, mut trading, proxy)) = behind_proxy().await else { return };
    proxy.set(Mode::Stopped);
    let said = trading.closes().await;
    assert!(said.contains("no answer within 5 s") || said.contains("timed out"), "{said}");
    proxy.set(Mode::Pass);
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_commit_was_not_acknowledged_is_not_sent_and_said_so_beside_it() {
    let Some((_cluster, mut trading, proxy)) = behind_proxy().await else { return };
    proxy.set(Mode::LoseAnswer(ENTRY));
    trading.low().await;
    assert_eq!((proxy.lost(), trading.venue.sent()), (1, vec![1]));
    until(&trading.app, "all goes on", is_well).await;
    trading.app.store.flush().await.unwrap();
    let unsent = "select o.number, e.kind from orders o join order_events e \
         on e.run = o.run and e.strategy = o.strategy and e.number = o.number where o.number = 2";
    let expected = [(2, "rejected".to_owned())];
    assert_eq!(trading.place.facts(unsent).await, expected, "it was committed all the same");
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_whose_commit_was_not_acknowledged_is_written_again_and_counts_once() {
    let Some((_cluster, mut trading, proxy)) = behind_proxy().await else { return };
    for _ in 0..3 {
        let lost = proxy.lost();
        proxy.set(Mode::LoseAnswer(FILLED));
        trading.low().await;
        assert_eq!(proxy.lost(), lost + 1);
        until(&trading.app, "all goes on", is_well).await;
    }
    assert_eq!(trading.venue.sent(), [1, 2, 3, 4]);
    trading.adds_up().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_store_was_taken_over_writes_and_sends_nothing_any_more() {
    let Some((_cluster, mut trading, mut shell)) = served(|stage| stage).await else { return };
    // Its connection is cut, and before it has noticed another process has the lock.
    shell.execute(CUT).await.unwrap();
    let url = url_of(&trading).parse().unwrap();
    let run = RunInfo {
        id: "of another process".to_owned(),
        started_at: trading.feeder.now(),
        version: "test".to_owned(),
        mode: ploy::status::Mode::Paper,
        title: "another process".to_owned(),
        plays: None,
    };
    let other = Store::open_at(&Location::Server(url), run).await.unwrap();
    trading.closes().await;
    other.close(Duration::from_secs(5)).await.unwrap();
    // The lock is free again, but what is known here may not be true any more.
    let taken = |status: &SystemStatus| {
        status.store.last_error.as_ref().is_some_and(|said| said.contains("taken the store over"))
    };
    until(&trading.app, "it is said", taken).await;
    trading.low().await;
    assert_eq!(trading.venue.sent(), [1]);
    let rows = "select count(*), 'orders' from orders";
    assert_eq!(trading.place.facts(rows).await, [(1, "orders".to_owned())]);
    let lost = trading.app.stop(Duration::from_secs(1)).await.unwrap_err();
    assert!(lost.contains("rows were not written"), "{lost}");
}

fn url_of(trading: &Trading) -> String {
    let Place::Server(url) = &trading.place else { panic!("a server") };
    url.clone()
}

/// Returns when the connection that writes waits for a lock.
async fn waits_for_a_lock(shell: &mut PgConnection) {
    const WAITING: &str = "select count(*) from pg_locks where not granted";
    while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut *shell).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_tables_are_on_a_full_disk_is_waited_for() {
    const OWN: &str = "postgres::a_server_whose_tables_are_on_a_full_disk_is_waited_for";
    let Some(disk) = room::small_disk_of_root(OWN, 64 * 1024) else { return };
    let Some(cluster) = Cluster::start() else { return };
    let tables = disk.path().join("tables");
    std::fs::create_dir(&tables).unwrap();
    // The server runs as another user where this test is root.
    std::os::unix::fs::chown(&tables, Some(owner_of(&cluster)), None).unwrap();
    let url = cluster.database("money");
    let mut shell = PgConnection::connect(&cluster.database("office")).await.unwrap();
    let small = format!("create tablespace small location '{}'", tables.display());
    shell.execute(AssertSqlSafe(small)).await.unwrap();
    shell.execute("alter database money set tablespace small").await.unwrap();
    let stage = Stage::new().server(&url);
    let mut trading = Trading::begin(stage, Place::Server(url)).await;
    let ballast = room::fill(disk.path());
    // What is written fits in pages that are there, until one is full: as on any disk.
    while !is_down(&*trading.app.fresh().await) {
        trading.low().await;
    }
    let said = trading.closes().await;
    assert!(said.contains("No space left on device"), "{said}");
    std::fs::remove_file(ballast).unwrap();
    trading.resumes().await;
    trading.end().await;
}

fn owner_of(cluster: &Cluster) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(folder_of(cluster).join("data")).unwrap().uid()
}
