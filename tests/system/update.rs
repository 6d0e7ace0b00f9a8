//! Settings that people change through the service: read on demand, edited, refused, gone back to, remembered.

use std::fs;
use std::os::unix::fs::symlink;

use actors::app::App;
use actors::ports::config::{
    Base, Became, ConfigDesk as _, DeskError, Edit, HistoryPage, HistoryRecord, How, Run, Update,
    Updated,
};
use ploy::config::{Watch, WatchConfig};
use serde_json::{Value, json};

use crate::reload::{Files, LEGGED, in_force, looked, read, with};
use crate::stage::program::{Program, ploy};
use crate::stage::service::{one, phase, stop};
use crate::stage::{folder, id, legged, repo, rows};

/// A service that reads its folder only when it is told to.
const ON_DEMAND: WatchConfig = WatchConfig {
    watch: Watch::Poll,
    quiet: std::time::Duration::from_mins(1),
    rescan: std::time::Duration::from_hours(1),
};

fn change(base: &str, edit: Edit) -> Update {
    let base = Base::Version(base.to_owned());
    Update { strategy: id(LEGGED), base, edit, actor: "ann".to_owned(), run: Run::Write }
}

fn sets(pairs: &[(&str, &str)]) -> Edit {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), Some((*value).to_owned()));
    Edit::Sets(pairs.iter().map(pair).collect())
}

async fn update(app: &App, update: Update) -> Result<Updated, DeskError> {
    app.desk.as_ref().unwrap().update(update).await
}

/// Returns the version of the file.
async fn version(app: &App) -> String {
    app.desk.as_ref().unwrap().file(id(LEGGED)).await.unwrap().version
}

/// Returns what a reading on demand says of the one strategy.
async fn reloaded(app: &App) -> Became {
    let mut found = app.desk.as_ref().unwrap().reload().await.unwrap().strategies;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0).became
}

async fn history(app: &App, limit: u32, before: Option<i64>) -> (Vec<HistoryRecord>, Option<i64>) {
    app.store.flush().await.unwrap();
    let page = HistoryPage { limit, before };
    let page = app.desk.as_ref().unwrap().history(id(LEGGED), page).await.unwrap();
    (page.items, page.next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_on_demand_waits_for_nothing_and_says_what_became_of_each_file() {
    let files = Files::new();
    let (app, _feeder) = files.stage().noticing(ON_DEMAND).fed().await;
    let first = read(LEGGED, &legged().text).version;
    assert_eq!(reloaded(&app).await, Became::Unchanged { version: first });

    let live = with("order_burst", "11");
    files.put(LEGGED, &live);
    let version = read(LEGGED, &live).version;
    let applied = |how| Became::Applied { version: version.clone(), how };
    assert_eq!(reloaded(&app).await, applied(How::Live));
    assert_eq!(reloaded(&app).await, Became::Unchanged { version: version.clone() });

    files.put(LEGGED, &live.replace("order_burst = 11", "order_burst = 0"));
    let Became::Faulty { faults } = reloaded(&app).await else { panic!("it has a fault") };
    assert_eq!((faults.len(), faults[0].key.as_str()), (1, "risk.order_burst"));
    assert!(version.starts_with(&one(&*app.fresh().await, LEGGED).config_version));

    let restart = with("market_prefixes", r#"["btc-updown-15m-", "eth-updown-15m-"]"#);
    files.put(LEGGED, &restart);
    let version = read(LEGGED, &restart).version;
    assert_eq!(reloaded(&app).await, Became::Applied { version, how: How::Restart });
    assert_eq!(phase(&app, LEGGED, "running").await.restarts["config"], 1);

    fs::remove_file(files.path(LEGGED)).unwrap();
    assert!(matches!(reloaded(&app).await, Became::Pending { .. }));
    assert_eq!(reloaded(&app).await, Became::Removed);
    phase(&app, LEGGED, "stopped").await;
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_is_changed_on_its_base_with_the_comments_of_its_file_and_applied_live() {
    let files = Files::new();
    let store = files.root.path().join("ploy.db");
    let (app, _feeder) = files.stage().store(&store).fed().await;
    let before = version(&app).await;
    let edit = || sets(&[("risk.order_burst", "11"), ("risk.drawdown_max_usdc", "40.5")]);
    let updated = update(&app, change(&before[..12], edit())).await.unwrap();
    assert_eq!(updated.before.as_deref(), Some(before.as_str()));
    let version = updated.version.clone();
    assert_eq!(updated.became, Some(Became::Applied { version: version.clone(), how: How::Live }));
    let changes: Vec<(&str, Option<&str>)> = updated
        .changes
        .iter()
        .map(|change| (change.setting.as_str(), change.limit.as_deref()))
        .collect();
    let expected =
        [("risk.order_burst", Some("looser")), ("risk.drawdown_max_usdc", Some("tighter"))];
    assert_eq!(changes, expected);
    let wanted = with("order_burst", "11").replacen("_usdc = 50", "_usdc = 40.5", 1);
    assert_eq!(fs::read_to_string(files.path(LEGGED)).unwrap(), wanted);
    assert!(one(&*app.fresh().await, LEGGED).restarts.is_empty());

    // The same again changes nothing, and writes nothing.
    let again = update(&app, change(&version, edit())).await.unwrap();
    assert!(!again.written && again.changes.is_empty());
    assert_eq!(again.became, Some(Became::Unchanged { version: version.clone() }));
    app.store.flush().await.unwrap();
    let audit: Vec<(String, String)> =
        rows(&store, "SELECT action, answer FROM commands WHERE actor = 'ann'").await;
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(audit[0].0, "config.set");
    let (from, to) = (&before[..12], &version[..12]);
    assert!(audit[0].1.starts_with(&format!("written: {from} -> {to}: ")), "{audit:?}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_on_the_same_base_exactly_one_wins() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let base = version(&app).await;
    let one = change(&base, sets(&[("risk.order_burst", "11")]));
    let other = change(&base, sets(&[("risk.order_burst", "12")]));
    let (one, other) = tokio::join!(update(&app, one), update(&app, other));
    let (won, lost) = match (one, other) {
        (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
        both => panic!("one wins and one loses: {both:?}"),
    };
    let DeskError::Conflict { base: named, current, .. } = lost else { panic!("{lost:?}") };
    assert_eq!((named, &current), (base, &won.version));
    assert_eq!(version(&app).await, current);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_faults_is_not_written_and_all_of_them_are_named_with_their_place() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let base = version(&app).await;
    let edit = sets(&[("risk.order_burst", "0"), ("settings.size_share", "3")]);
    let DeskError::Faulty(faults) = update(&app, change(&base, edit)).await.unwrap_err() else {
        panic!("it has faults");
    };
    let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["settings.size_share", "risk.order_burst"]);
    assert_eq!(faults[0].hint.as_deref(), Some("did you mean `size_shares`?"));
    assert!(1 < faults[1].line && 1 < faults[1].column, "{faults:?}");
    assert_eq!(fs::read_to_string(files.path(LEGGED)).unwrap(), legged().text.as_ref());
    // Somebody is in the middle of editing: the file is theirs, and so are its faults.
    files.put(LEGGED, "[strategy");
    let edit = sets(&[("risk.order_burst", "11")]);
    let refused = update(&app, change(&base, edit)).await.unwrap_err();
    assert!(matches!(refused, DeskError::Faulty(_)), "{refused:?}");
    assert_eq!(fs::read_to_string(files.path(LEGGED)).unwrap(), "[strategy");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_not_written_through() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let elsewhere = files.root.path().join("elsewhere.toml");
    fs::rename(files.path(LEGGED), &elsewhere).unwrap();
    symlink(&elsewhere, files.path(LEGGED)).unwrap();
    let edit = sets(&[("risk.order_burst", "11")]);
    let refused = update(&app, change(&version(&app).await, edit)).await.unwrap_err();
    assert!(refused.to_string().contains("is a link to"), "{refused}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), legged().text.as_ref());
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_gone_back_to_by_its_first_digits_and_history_tells_all() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    looked(&app).await;
    let first = version(&app).await;
    let second = update(&app, change(&first, sets(&[("risk.order_burst", "11")]))).await.unwrap();
    files.put(LEGGED, "[strategy");
    assert!(matches!(reloaded(&app).await, Became::Faulty { .. }));
    // Going back mends a faulty file too.
    let back = Edit::Rollback(first[..8].to_owned());
    let back = update(&app, change(&second.version, back)).await.unwrap();
    assert_eq!(back.became, Some(Became::Applied { version: first.clone(), how: How::Live }));
    assert_eq!(fs::read_to_string(files.path(LEGGED)).unwrap(), legged().text.as_ref());
    let none = Edit::Rollback("0000000".to_owned());
    let refused = update(&app, change(&first, none)).await.unwrap_err();
    assert!(refused.to_string().contains("begins with 0000000"), "{refused}");

    let (all, next) = history(&app, 100, None).await;
    let told: Vec<(&str, &str)> =
        all.iter().map(|one| (one.event.as_str(), one.actor.as_str())).collect();
    let expected = [
        ("in_force", "ann"),
        ("rolled_back", "ann"),
        ("refused", "file"),
        ("in_force", "ann"),
        ("written", "ann"),
        ("in_force", "start"),
    ];
    assert_eq!((told.as_slice(), next), (expected.as_slice(), None));
    assert_eq!(all[0].until, None);
    assert_eq!((all[3].until, all[3].version.as_ref()), (Some(all[0].at), Some(&second.version)));
    assert!(all[3].what.contains("risk.order_burst"), "{all:?}");
    let (page, next) = history(&app, 2, None).await;
    assert_eq!(page, all[..2]);
    assert_eq!(history(&app, 4, next).await, (all[2..].to_vec(), None));
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_a_change_needs_its_base_and_a_new_file_that_there_is_none() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("http://{}/v1/{path}", app.address);
    let one = url("strategies/split_arb_legged/config");
    let got = http.get(&one).send().await.unwrap();
    let tag = got.headers()["etag"].clone();
    let file: Value = got.json().await.unwrap();
    assert_eq!(file["version"], tag.to_str().unwrap().trim_matches('"'));
    assert_eq!(file["text"], legged().text.as_ref());

    let set = json!({"set": {"risk.order_burst": 11}, "actor": "ann"});
    let send = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, needed) = send(http.patch(&one).json(&set)).await;
    assert_eq!((status, &needed["code"]), (428, &json!("base_needed")));
    let (status, taken) = send(http.patch(&one).header("If-Match", &tag).json(&set)).await;
    assert_eq!(
        (status, &taken["became"]["result"], &taken["became"]["how"]),
        (200, &json!("applied"), &json!("live"))
    );
    let (status, lost) = send(http.patch(&one).header("If-Match", &tag).json(&set)).await;
    assert_eq!((status, &lost["code"]), (412, &json!("conflict")));
    assert_eq!((&lost["base"], &lost["current"]), (&file["version"], &taken["version"]));

    let new = url("strategies/another/config");
    let put = |body: String| http.put(&new).header("If-None-Match", "*").body(body);
    let (status, bad) = send(put("[strategy]\nkind = \"split_arb\"\n".to_owned())).await;
    assert_eq!((status, &bad["code"]), (422, &json!("bad_config")));
    assert!(2 < bad["faults"].as_array().unwrap().len(), "{bad}");
    assert_eq!(send(put("#".repeat(256 * 1024 + 1))).await.0, 413);
    let dry = http.put(format!("{new}?dry_run=true")).header("If-None-Match", "*");
    let (status, planned) = send(dry.body(legged().text.to_string())).await;
    assert_eq!(
        (status, &planned["written"], &planned["became"]),
        (200, &json!(false), &Value::Null)
    );
    assert!(!files.path("another").exists());
    let (status, made) = send(put(legged().text.to_string())).await;
    assert_eq!(
        (status, &made["became"]["result"], &made["became"]["how"]),
        (201, &json!("applied"), &json!("added"))
    );
    assert_eq!(send(put(legged().text.to_string())).await.0, 412);
    phase(&app, "another", "running").await;

    let (status, all) = send(http.post(url("config/reload"))).await;
    let results: Vec<&Value> =
        all["strategies"].as_array().unwrap().iter().map(|one| &one["result"]).collect();
    assert_eq!((status, results), (200, vec![&json!("unchanged"); 2]));
    let unknown = http.get(url("strategies/nobody/config"));
    assert_eq!(send(unknown).await.0, 404);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_by_the_service_and_one_by_hand_are_the_same_to_what_runs() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let base = version(&app).await;
    update(&app, change(&base, sets(&[("risk.order_burst", "11")]))).await.unwrap();
    let by_hand = with("order_burst", "12");
    files.put(LEGGED, &by_hand);
    let status = in_force(&app, LEGGED, &by_hand).await;
    assert!(one(&status, LEGGED).restarts.is_empty());
    let refused = update(&app, change(&base, sets(&[("risk.order_burst", "13")]))).await;
    assert!(matches!(refused, Err(DeskError::Conflict { .. })), "{refused:?}");
    stop(app).await;
}

/// Runs the program against a service and returns how it ended, with what it said.
async fn told(app: &App, words: &[&str]) -> (i32, String) {
    let url = format!("http://{}", app.address);
    let words: Vec<String> = ["--url", &url, "config"]
        .into_iter()
        .chain(words.iter().copied())
        .map(str::to_owned)
        .collect();
    let run = move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let here = folder();
        Program::to_end(ploy(here.path(), &words))
    };
    let ended = tokio::task::spawn_blocking(run).await.unwrap();
    (ended.status.code().unwrap(), ended.stdout + &ended.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sets_plans_applies_and_goes_back_on_the_command_line() {
    let files = Files::new();
    let (app, _feeder) = files.stage().fed().await;
    let check = async |words: &[&str], code: i32, parts: &[&str]| {
        let (ended, said) = told(&app, words).await;
        assert_eq!(ended, code, "{words:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words:?}: no {part} in {said}");
        }
    };
    let first = version(&app).await;
    let set = ["set", LEGGED, "risk.order_burst=11"];
    let dry = [&set[..], &["--dry-run"]].concat();
    check(&dry, 0, &["10 -> 11  (live, looser)", "nothing was written"]).await;
    check(&set, 0, &["applied live"]).await;
    check(&set, 0, &["unchanged"]).await;
    let late = ["set", LEGGED, "risk.order_burst=12", "--base", &first];
    check(&late, 5, &["changed since", "risk.order_burst: 10 -> 11", "not at"]).await;
    let wrong = ["set", LEGGED, "risk.order_burs=1"];
    check(&wrong, 1, &["did you mean `order_burst`?", "^^^"]).await;
    check(&["set", "nobody", "risk.order_burst=1"], 3, &["no strategy is called"]).await;

    let other = folder();
    let file = other.path().join("split_arb_legged.toml");
    fs::write(&file, with("market_prefixes", r#"["eth-"]"#)).unwrap();
    fs::write(other.path().join("another.toml"), legged().text.as_ref()).unwrap();
    let (path, place) = (file.to_str().unwrap(), other.path().to_str().unwrap());
    let planned = ["another: a new strategy", "restarted", "11 -> 10  (live, tighter)"];
    check(&["plan", place], 5, &planned).await;
    check(&["apply", path], 0, &["applied with a start"]).await;
    check(&["plan", path], 0, &["1 unchanged"]).await;
    let there = files.path("");
    check(&["plan", there.parent().unwrap().to_str().unwrap()], 0, &["1 unchanged"]).await;
    check(&["rollback", LEGGED, &first[..6]], 0, &["applied with a start"]).await;
    assert_eq!(version(&app).await, first);
    app.store.flush().await.unwrap();
    check(&["history", LEGGED], 0, &["rolled back", "in force", "cli: ", "start: "]).await;
    check(&["history", "nobody"], 3, &["nothing is known"]).await;
    check(&["reload"], 0, &["split_arb_legged: unchanged"]).await;
    files.put(LEGGED, "[strategy");
    check(&["reload"], 1, &["faulty, what was in force stays"]).await;
    stop(app).await;
}

/// Copies the shipped settings, so that a test may change them.
fn settings() -> tempfile::TempDir {
    let root = folder();
    let strategies = root.path().join("config/strategies");
    fs::create_dir_all(&strategies).unwrap();
    let service = fs::read_to_string(repo("config/ploy.toml")).unwrap();
    let tapes = repo("config/tapes");
    let service = service
        .replace("\"tapes/", &format!("\"{}/", tapes.display()))
        .replace("rescan_s = 5", "rescan_s = 3600")
        .replace("watch = \"notify\"", "watch = \"poll\"");
    fs::write(root.path().join("config/ploy.toml"), service).unwrap();
    fs::write(strategies.join("split_arb_legged.toml"), legged().text.as_ref()).unwrap();
    root
}

#[test]
fn a_hangup_reads_the_folder_and_never_ends_the_program() {
    let root = settings();
    let words = ["run", "--listen", "127.0.0.1:0", "--store", "ploy.db"];
    let mut program = Program::start(ploy(root.path(), &words));
    program.logged("service.ready");
    let path = root.path().join("config/strategies/split_arb_legged.toml");
    fs::write(path, with("order_burst", "11")).unwrap();
    program.signal("HUP");
    program.logged("config.applied");
    program.signal("HUP");
    program.logged("config.reloaded");
    program.signal("TERM");
    let ended = program.wait(std::time::Duration::from_secs(25));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}
