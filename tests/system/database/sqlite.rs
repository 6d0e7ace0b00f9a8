//! Faults of the embedded database: locked, slow, full, input/output errors, its files deleted or replaced under the service.

use std::path::Path;

use sqlx::{Executor as _, SqliteConnection};

use super::*;
use crate::stage::folder;
use crate::stage::program::{Program, run};

/// A service on a file, and a person's shell.
async fn on_file(folder: &Path, with: impl FnOnce(Stage) -> Stage) -> (Trading, SqliteConnection) {
    let path = folder.join("ploy.db");
    let stage = with(Stage::new().store(&path));
    let trading = Trading::begin(stage, Place::File(path.clone())).await;
    (trading, database(&path).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_locked_for_longer_than_is_waited_closes_order_entry() {
    let folder = folder();
    let (mut trading, mut shell) = on_file(folder.path(), |stage| stage).await;
    shell.execute("begin exclusive").await.unwrap();
    let said = trading.closes().await;
    assert!(said.contains("locked") || said.contains("no answer within 5 s"), "{said}");
    shell.execute("rollback").await.unwrap();
    trading.resumes().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_of_the_file_a_person_resumes_where_the_setting_says_so() {
    let folder = folder();
    let (mut trading, mut shell) = on_file(folder.path(), Stage::manual).await;
    shell.execute("begin exclusive").await.unwrap();
    trading.closes().await;
    shell.execute("rollback").await.unwrap();
    trading.resumes_by_a_person().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_locked_for_a_moment_delays_the_order_and_halts_nothing() {
    let folder = folder();
    let (mut trading, mut shell) = on_file(folder.path(), |stage| stage).await;
    shell.execute("begin immediate").await.unwrap();
    trading.feeder.book(trading.market, "0.39", "0.40").await;
    let waits = |status: &SystemStatus| one(status, "one").kernel.orders.submitted == 2;
    until(&trading.app, "the order waits to be stored", waits).await;
    assert_eq!(trading.venue.sent(), [1], "it is not sent before");
    shell.execute("rollback").await.unwrap();
    trading.feeder.settled(&trading.app).await;
    assert_eq!(trading.venue.sent(), [1, 2]);
    let status = trading.app.fresh().await;
    assert_eq!((status.store.up, status.store.errors), (true, 0));
    assert!(status.gates.halts.is_empty());
    trading.trades().await;
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_comes_while_the_file_is_locked_is_told_once_and_when_it_is_stored() {
    let folder = folder();
    let (mut trading, mut shell) = on_file(folder.path(), |stage| stage).await;
    trading.venue.hold();
    trading.low().await;
    shell.execute("begin exclusive").await.unwrap();
    trading.venue.release();
    until(&trading.app, "the store is down, and all halted by it", is_down).await;
    assert_eq!(trading.fills().await, 1, "what is not stored is not told");
    shell.execute("rollback").await.unwrap();
    until(&trading.app, "the fill is told", |status| one(status, "one").kernel.fills == 2).await;
    trading.resumes().await;
    trading.end().await;
}

/// Takes this file away under the service: nothing more is acknowledged, and what was is in a copy. With the very file back
/// trading goes on.
async fn taken_away(ending: &str) {
    let folder = folder();
    let (mut trading, _shell) = on_file(folder.path(), |stage| stage).await;
    let file = folder.path().join(format!("ploy.db{ending}"));
    let away = folder.path().join("away");
    std::fs::rename(&file, &away).unwrap();
    let said = trading.closes().await;
    assert!(said.contains(&format!("ploy.db{ending} was deleted or replaced")), "{said}");
    assert!(said.contains("all that was acknowledged is in"), "{said}");
    let rescued = rescued(folder.path());
    let copy = Place::File(rescued.clone());
    let fills = "select number, side from fills order by number";
    assert_eq!(copy.facts(fills).await, [(1, "buy".to_owned())]);
    assert_eq!(copy.facts("select number, kind from order_events").await.len(), 3);
    // What was made in its place meanwhile is not it.
    std::fs::copy(&rescued, &file).unwrap();
    trading.low().await;
    assert_eq!(trading.venue.sent(), [1]);
    assert!(!trading.app.fresh().await.store.up);
    std::fs::rename(&away, &file).unwrap();
    trading.resumes().await;
    trading.end().await;
}

/// Returns the copy that was made.
fn rescued(folder: &Path) -> PathBuf {
    let mut names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.find(|path| path.to_string_lossy().contains(".rescued-")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_taken_away_under_the_service_is_noticed_and_copied_and_trading_waits_for_it() {
    taken_away("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_the_file_taken_away_is_noticed_as_the_file_itself_is() {
    taken_away("-wal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_taken_away_is_noticed_for_a_second_process_could_come_in() {
    taken_away(".lock").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_file_is_noticed_without_any_order_and_the_copy_is_a_store_to_go_on_with() {
    let folder = folder();
    let (trading, _shell) = on_file(folder.path(), |stage| stage).await;
    let path = folder.path().join("ploy.db");
    std::fs::remove_file(&path).unwrap();
    let copied = |status: &SystemStatus| {
        let said = status.store.last_error.as_deref().unwrap_or_default();
        is_down(status) && said.contains("all that was acknowledged is in")
    };
    until(&trading.app, "it is noticed", copied).await;
    let lost = trading.app.stop(Duration::from_secs(1)).await.unwrap_err();
    assert!(lost.contains("rows were not written"), "{lost}");
    assert!(!path.exists(), "nothing takes its name");

    // As the error says.
    std::fs::rename(rescued(folder.path()), &path).unwrap();
    for ending in ["-wal", "-shm"] {
        std::fs::remove_file(folder.path().join(format!("ploy.db{ending}"))).unwrap();
    }
    let place = Place::File(path.clone());
    assert_eq!(place.facts("select number, kind from order_events").await.len(), 3);
    let (app, _feeder) = Stage::new().store(&path).fed().await;
    assert!(app.fresh().await.store.up);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_closes_order_entry_until_there_is_room() {
    const OWN: &str = "sqlite::a_full_disk_closes_order_entry_until_there_is_room";
    let Some(disk) = room::small_disk(OWN, 4096) else { return };
    let (mut trading, _shell) = on_file(disk.path(), |stage| stage).await;
    for _ in 0..2 {
        let ballast = room::fill(disk.path());
        let said = trading.closes().await;
        assert!(said.contains("full"), "{said}");
        let free = trading.app.fresh().await.store.free_bytes.unwrap();
        assert!(free < 64 * 1024, "{free}");
        std::fs::remove_file(ballast).unwrap();
        trading.resumes().await;
        trading.low().await;
    }
    trading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_disk_closes_order_entry_until_it_writes_again() {
    const OWN: &str = "sqlite::an_error_of_the_disk_closes_order_entry_until_it_writes_again";
    if !room::limited_files(OWN) {
        return;
    }
    let folder = folder();
    let (mut trading, _shell) = on_file(folder.path(), |stage| stage).await;
    room::limit("4096");
    let said = trading.closes().await;
    assert!(said.contains("disk I/O error"), "{said}");
    room::limit("unlimited");
    trading.resumes().await;
    trading.end().await;
}

#[test]
fn the_log_says_when_the_store_fails_and_when_it_takes_writes_again() {
    let folder = folder();
    let (store, away) = (folder.path().join("ploy.db"), folder.path().join("away"));
    let words = ["--speed", "600x", "--store", store.to_str().unwrap()];
    let mut program = Program::start(run(folder.path(), &words));
    program.logged("order.submitted");
    std::fs::rename(&store, &away).unwrap();
    let failed = program.logged("store.failed");
    let said = failed["error.message"].as_str().unwrap();
    assert!(said.contains("ploy.db was deleted or replaced"), "{said}");
    let halted = program.logged("service.halted").to_string();
    assert!(halted.contains("store_outage"), "{halted}");
    std::fs::rename(&away, &store).unwrap();
    program.logged("store.recovered");
    program.signal("TERM");
    let ended = program.wait(Duration::from_secs(25));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}
