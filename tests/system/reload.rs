//! Settings files that change while the service runs: what is taken over, what restarts, what waits, what is left alone.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::app::App;
use actors::record::build::known;
use actors::record::replay::play;
use actors::settings;
use ploy::command::Action;
use ploy::config::{self, StrategyConfig, Watch, WatchConfig};
use ploy::status::SystemStatus;
use tempfile::TempDir;

use crate::stage::feeder::Feeder;
use crate::stage::recorder::{self, recorder};
use crate::stage::service::{Stage, command, one, phase, stop, until};
use crate::stage::{database, folder, id, legged, rows, shipped, tape};

pub(crate) const LEGGED: &str = "split_arb_legged";
const OTHER: &str = "split_arb_simultaneous";

/// No file events at all, and a folder that is read often.
const POLLED: WatchConfig = WatchConfig {
    watch: Watch::Poll,
    quiet: Duration::from_millis(50),
    rescan: Duration::from_millis(100),
};

/// The folder of a test's strategies, `config/strategies` in a folder that goes with the test.
pub(crate) struct Files {
    pub(crate) root: TempDir,
    folder: PathBuf,
}

impl Files {
    /// Returns a folder with one strategy.
    pub(crate) fn new() -> Self {
        let root = folder();
        let folder = root.path().join("config").join("strategies");
        fs::create_dir_all(&folder).unwrap();
        let files = Self { root, folder };
        files.put(LEGGED, &legged().text);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.toml"))
    }

    /// Writes a file in place.
    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Returns a service that runs what stands in the folder, and watches it.
    pub(crate) fn stage(&self) -> Stage {
        watched(&self.folder)
    }
}

fn watched(folder: &Path) -> Stage {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let read = |path: &PathBuf| settings::strategy_file(path).unwrap();
    paths.iter().map(read).fold(Stage::new(), Stage::with).watch(folder)
}

/// Returns the shipped file with one line said otherwise.
pub(crate) fn with(key: &str, value: &str) -> String {
    let text = legged().text;
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    text.replace(line, &format!("{key} = {value}"))
}

pub(crate) fn read(name: &str, text: &str) -> StrategyConfig {
    config::strategy(name, id(name), text).unwrap()
}

/// Waits until what this text means is in force.
pub(crate) async fn in_force(app: &App, name: &str, text: &str) -> Arc<SystemStatus> {
    let version = read(name, text).version;
    let what = format!("{version} is in force");
    until(app, &what, |status| {
        status.strategy(name).is_some_and(|one| {
            version.starts_with(&one.config_version) && one.phase.name() == "running"
        })
    })
    .await
}

/// Waits for so many more readings of the folder.
async fn looks(app: &App, more: u64) -> Arc<SystemStatus> {
    let before = app.fresh().await.config.looks;
    until(app, "the folder is read", |status| before + more <= status.config.looks).await
}

/// Waits until the folder was read for the first time, and so is watched.
pub(crate) async fn looked(app: &App) -> Arc<SystemStatus> {
    until(app, "the folder is read", |status| 0 < status.config.looks).await
}

/// Plays a part of the shipped tape by hand.
async fn feed(app: &App, feeder: &mut Feeder, (part, of): (usize, usize)) {
    let (_, events) = tape::events(tape::SHORT);
    let size = events.len().div_ceil(of);
    for event in events.chunks(size).nth(part).unwrap() {
        feeder.forward(event.clone()).await;
    }
    feeder.settled(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_written_in_place_renamed_over_or_written_anew_is_taken_over_without_a_restart() {
    written(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_a_file_written_in_place_renamed_over_or_written_anew_is_taken_over_without_a_restart()
 {
    written(POLLED).await;
}

async fn written(watch: WatchConfig) {
    let files = Files::new();
    let (app, mut feeder) = files.stage().noticing(watch).fed().await;
    feeder.market(1).await;
    let first = with("order_burst", "11");
    files.put(LEGGED, &first);
    in_force(&app, LEGGED, &first).await;

    let second = with("order_burst", "12");
    let aside = files.folder.join("split_arb_legged.toml.new");
    fs::write(&aside, &second).unwrap();
    fs::rename(&aside, files.path(LEGGED)).unwrap();
    in_force(&app, LEGGED, &second).await;

    let third = with("order_burst", "13");
    fs::remove_file(files.path(LEGGED)).unwrap();
    files.put(LEGGED, &third);
    let status = in_force(&app, LEGGED, &third).await;
    assert!(one(&status, LEGGED).restarts.is_empty(), "{status:#?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_pointed_elsewhere_is_noticed_and_so_is_one_above_it() {
    linked(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_a_link_pointed_elsewhere_is_noticed_and_so_is_one_above_it() {
    linked(POLLED).await;
}

async fn linked(watch: WatchConfig) {
    let root = folder();
    let release = |name: &str, text: &str| {
        let folder = root.path().join(name).join("strategies");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("split_arb_legged.toml"), text).unwrap();
        folder
    };
    let point = |link: &Path, to: &Path| {
        let aside = root.path().join("..next");
        symlink(to, &aside).unwrap();
        fs::rename(aside, link).unwrap();
    };
    // As a cluster mounts a map of settings: each file is a link through `..data`.
    let texts = ["11", "12", "13"].map(|burst| with("order_burst", burst));
    let (mounted, link) = (root.path().join("mounted"), root.path().join("strategies"));
    fs::create_dir(&mounted).unwrap();
    point(&mounted.join("..data"), &release("one", &texts[0]));
    symlink("..data/split_arb_legged.toml", mounted.join("split_arb_legged.toml")).unwrap();
    point(&link, &mounted);
    let (app, _feeder) = watched(&link).noticing(watch).fed().await;
    in_force(&app, LEGGED, &texts[0]).await;
    looked(&app).await;

    point(&mounted.join("..data"), &release("two", &texts[1]));
    in_force(&app, LEGGED, &texts[1]).await;
    point(&link, &release("three", &texts[2]));
    let status = in_force(&app, LEGGED, &texts[2]).await;
    assert!(one(&status, LEGGED).restarts.is_empty(), "{status:#?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_file_leaves_the_old_settings_in_force_and_says_so_until_it_is_mended() {
    faulty(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_a_faulty_file_leaves_the_old_settings_in_force_and_says_so_until_it_is_mended() {
    faulty(POLLED).await;
}

async fn faulty(watch: WatchConfig) {
    let files = Files::new();
    let (app, _feeder) = files.stage().noticing(watch).fed().await;
    let before = one(&*app.fresh().await, LEGGED).config_version.clone();
    let half: String = legged().text.chars().take(2000).collect();
    files.put(LEGGED, &half);
    let status = until(&app, "faults are shown", |status| !status.config.faults.is_empty()).await;
    assert!(status.config.faults[0].contains("split_arb_legged.toml:"), "{status:#?}");
    let shown = one(&status, LEGGED);
    assert_eq!((shown.phase.name(), &shown.config_version), ("running", &before));

    let whole = with("order_burst", "11");
    files.put(LEGGED, &whole);
    let status = in_force(&app, LEGGED, &whole).await;
    assert_eq!(status.config.faults, Vec::<String>::new());
    assert!(one(&status, LEGGED).restarts.is_empty());
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_saves_end_with_the_last_after_a_restart_or_two() {
    saved_fifty_times(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_fifty_saves_end_with_the_last_after_no_more_restarts_than_readings() {
    saved_fifty_times(POLLED).await;
}

async fn saved_fifty_times(watch: WatchConfig) {
    let files = Files::new();
    let (app, _feeder) = files.stage().noticing(watch).fed().await;
    looked(&app).await;
    let mut last = String::new();
    let began = std::time::Instant::now();
    for n in 1..=50 {
        last = with("market_prefixes", &format!(r#"["btc-updown-15m-", "x{n}"]"#));
        files.put(LEGGED, &last);
    }
    // Without file events a reading sees what stands there, also between two saves.
    let readings = match watch.watch {
        Watch::Notify => 0,
        Watch::Poll => began.elapsed().as_millis() / watch.rescan.as_millis(),
    };
    let status = in_force(&app, LEGGED, &last).await;
    let restarts = u128::from(one(&status, LEGGED).restarts["config"]);
    assert!(restarts <= 2 + readings, "{restarts} restarts, {readings} readings");
    stop(app).await;
}

#[tokio::test(start_paused = true)]
async fn a_reading_by_the_clock_never_puts_off_a_look_that_is_due() {
    let files = Files::new();
    let (quiet, rescan) = (Duration::from_millis(1500), Duration::from_secs(1));
    let watch = WatchConfig { watch: Watch::Poll, quiet, rescan };
    let (app, _feeder) = files.stage().noticing(watch).fed().await;
    looked(&app).await;
    let text = with("order_burst", "11");
    files.put(LEGGED, &text);
    let began = tokio::time::Instant::now();
    in_force(&app, LEGGED, &text).await;
    let took = began.elapsed();
    assert!(took <= quiet + 2 * rescan, "{took:?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_goes_changes_nothing_and_is_read_again_when_it_is_back() {
    gone(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_a_folder_that_goes_changes_nothing_and_is_read_again_when_it_is_back() {
    gone(POLLED).await;
}

async fn gone(watch: WatchConfig) {
    let files = Files::new();
    let (app, _feeder) = files.stage().noticing(watch).fed().await;
    looked(&app).await;
    let away = files.root.path().join("away");
    fs::rename(&files.folder, &away).unwrap();
    let status = until(&app, "it is missed", |status| status.config.error.is_some()).await;
    assert_eq!(one(&status, LEGGED).phase.name(), "running");
    let text = with("order_burst", "11");
    fs::write(away.join("split_arb_legged.toml"), &text).unwrap();
    fs::rename(&away, &files.folder).unwrap();
    let status = in_force(&app, LEGGED, &text).await;
    assert_eq!(status.config.error, None);
    // What is watched is the folder that is there now.
    let text = with("order_burst", "12");
    files.put(LEGGED, &text);
    in_force(&app, LEGGED, &text).await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_changes_nothing() {
    commented(WatchConfig::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_a_comment_changes_nothing() {
    commented(POLLED).await;
}

async fn commented(watch: WatchConfig) {
    let files = Files::new();
    let (app, _feeder) = files.stage().noticing(watch).fed().await;
    let before = looked(&app).await;
    files.put(LEGGED, &format!("# A thought.\n{}", legged().text));
    let status = looks(&app, 2).await;
    let of = |status: &SystemStatus| {
        let shown = one(status, LEGGED);
        (shown.config_version.clone(), shown.restarts.clone(), shown.since)
    };
    assert_eq!(of(&status), of(&before));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_change_is_in_the_record_and_played_again_to_the_same_digest() {
    let (files, record) = (Files::new(), folder());
    let stage = files.stage().record(recorder(record.path()));
    let (app, mut feeder) = stage.fed().await;
    feed(&app, &mut feeder, (0, 3)).await;
    let before = app.fresh().await;
    let text = with("market_exposure_max_usdc", "24")
        .replace("entry_price_max_usdc = 0.35", "entry_price_max_usdc = 0.30");
    files.put(LEGGED, &text);
    let status = in_force(&app, LEGGED, &text).await;
    let (old, new) = (one(&before, LEGGED), one(&status, LEGGED));
    assert!(new.restarts.is_empty() && new.since == old.since, "{new:#?}");
    let limit = new.kernel.risk.iter().find(|limit| limit.rule == "market_exposure").unwrap();
    assert_eq!(limit.limit, "24");
    let counted = |of: &ploy::status::StrategyStatus| {
        (of.kernel.digest.clone(), of.kernel.fills, of.kernel.positions.clone())
    };
    assert_eq!(counted(new), counted(old));
    feed(&app, &mut feeder, (1, 3)).await;
    feed(&app, &mut feeder, (2, 3)).await;
    let served = one(&*app.fresh().await, LEGGED).kernel.clone();
    assert!(old.kernel.decisions < served.decisions && 0 < served.fills);
    stop(app).await;

    let files = recorder::files(record.path());
    let played = play(&files, &known, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(played.report.is_equal(), "{}", played.report);
    let report = &played.report.strategies[&id(LEGGED)];
    assert_eq!((&report.digest, report.incarnations), (&served.digest, 1), "{report}");
    assert_eq!((report.missing, report.skipped), (0, 0), "{report}");
}

/// Plays the shipped tape to two strategies; the first one's markets change at a third of it, or not.
async fn other_digest(changes: Option<&str>) -> (String, u64) {
    let files = Files::new();
    files.put(OTHER, &shipped(OTHER).text);
    let (app, mut feeder) = files.stage().fed().await;
    feed(&app, &mut feeder, (0, 3)).await;
    if let Some(text) = changes {
        files.put(LEGGED, text);
        let status = in_force(&app, LEGGED, text).await;
        assert_eq!(one(&status, LEGGED).restarts["config"], 1);
        assert!(one(&status, OTHER).restarts.is_empty());
    }
    feed(&app, &mut feeder, (1, 3)).await;
    feed(&app, &mut feeder, (2, 3)).await;
    let kernel = one(&*app.fresh().await, OTHER).kernel.clone();
    stop(app).await;
    (kernel.digest, kernel.decisions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_needs_a_restart_restarts_that_strategy_and_touches_no_other() {
    let text = with("market_prefixes", r#"["btc-updown-15m-", "eth-updown-15m-"]"#);
    let changed = other_digest(Some(&text)).await;
    assert!(0 < changed.1);
    assert_eq!(changed, other_digest(None).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_is_a_new_strategy_and_a_removed_one_stops_and_cannot_be_started() {
    let files = Files::new();
    let store = files.root.path().join("ploy.db");
    let (app, _feeder) = files.stage().store(&store).fed().await;
    files.put("another", &legged().text);
    files.put("idle", &with("enabled", "false"));
    until(&app, "both are there", |status| status.strategies.len() == 3).await;
    phase(&app, "another", "running").await;
    phase(&app, "idle", "stopped").await;
    files.put("idle", &legged().text);
    phase(&app, "idle", "running").await;
    files.put("idle", &with("enabled", "false"));
    phase(&app, "idle", "stopped").await;
    // A second look may find the first word not carried out yet.
    files.put("idle", &legged().text);
    phase(&app, "idle", "running").await;

    fs::remove_file(files.path("another")).unwrap();
    let gone = phase(&app, "another", "stopped").await;
    assert_eq!(gone.config_pending.as_deref(), Some("its file is gone"));
    let refused = command(&app, "another", Action::Start).await.unwrap_err();
    assert!(refused.to_string().contains("the file of `another` is gone"), "{refused}");
    files.put("another", &legged().text);
    phase(&app, "another", "running").await;
    assert_eq!(one(&*app.fresh().await, LEGGED).restarts.len(), 0);

    app.store.flush().await.unwrap();
    let audit: Vec<(String, String)> =
        rows(&store, "SELECT strategy, answer FROM commands WHERE actor = 'file'").await;
    let said = |of: &str, what: &str| {
        assert!(audit.iter().any(|(id, text)| id == of && text.contains(what)), "{audit:?}");
    };
    said("another", "added");
    said("another", "its file is gone");
    said("idle", "strategy.enabled false -> true");
    drop(database(&store).await);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_leaves_a_market_with_a_position_waits_until_it_is_gone() {
    let files = Files::new();
    let (app, mut feeder) = files.stage().fed().await;
    let (_, events) = tape::events(tape::SHORT);
    let mut events = events.into_iter();
    let is_held = |status: &SystemStatus| !one(status, LEGGED).kernel.positions.is_empty();
    while !is_held(&*app.fresh().await) {
        for event in events.by_ref().take(50) {
            feeder.forward(event).await;
        }
        feeder.settled(&app).await;
    }
    let text = with("market_prefixes", r#"["eth-updown-15m-"]"#);
    files.put(LEGGED, &text);
    let waits = |status: &SystemStatus| one(status, LEGGED).config_pending.is_some();
    let status = until(&app, "it waits", waits).await;
    let shown = one(&status, LEGGED);
    let why = shown.config_pending.as_deref().unwrap();
    assert!(why.contains("btc-updown-15m-") && why.contains("position is held"), "{why}");
    assert!(shown.phase.name() == "running" && shown.restarts.is_empty(), "{shown:#?}");

    let market = one(&status, LEGGED).kernel.positions[0].market_id.parse().unwrap();
    feeder.resolve(market, "1").await;
    feeder.settled(&app).await;
    let status = in_force(&app, LEGGED, &text).await;
    let shown = one(&status, LEGGED);
    assert_eq!((shown.restarts["config"], &shown.config_pending), (1, &None));
    stop(app).await;
}
