//! New versions of settings: on trial, rolled back, taken up again or not, and beside the one in force.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actors::app::App;
use actors::bus::command::{Decision, Who};
use actors::manager::{Make, Registration};
use ploy::command::Refusal;
use ploy::config::{self, Kind, StrategyConfig};
use ploy::intent::TimeInForce;
use ploy::market::ConditionId;
use ploy::status::{StrategyStatus, SystemStatus};
use serde_json::Value;
use tempfile::TempDir;

use crate::audit::before;
use crate::stage::feeder::Feeder;
use crate::stage::program::{Program, ploy};
use crate::stage::script::{OnEvent, Seen, buy, buyer, script, yes_ask};
use crate::stage::service::{Stage, one, orders, stop, unlimited, until};
use crate::stage::{LOOK, WITHIN, folder, id, legged, rows, tape};

const A: &str = "a";

/// What a version of the strategy does at a book of yes; the file says it by `book_skew_ms_max`.
#[derive(Clone, Copy, Debug)]
enum Ways {
    /// Buys 10 shares.
    Buys,
    /// The same, by another version.
    BuysToo,
    /// Panics.
    Panics,
    /// Wants to buy below the guard's lowest price.
    IsRefused,
}

impl Ways {
    const fn number(self) -> u32 {
        match self {
            Self::Buys => 500,
            Self::BuysToo => 501,
            Self::Panics => 502,
            Self::IsRefused => 503,
        }
    }
}

fn way(config: &StrategyConfig) -> u128 {
    match &config.kind {
        Kind::SplitArb(settings) => settings.book_skew_max.as_millis(),
        Kind::Momentum(_) | Kind::NbaSwing(_) | Kind::Drill(_) => {
            panic!("no test of this kind")
        }
    }
}

fn on_event(way: u128) -> OnEvent {
    match way {
        502 => Box::new(|event, _, _| {
            assert!(yes_ask(event).is_none(), "settings that nobody can live with");
        }),
        503 => Box::new(|event, _, looks| {
            let low = "0.001".parse().unwrap();
            looks.extend(yes_ask(event).map(|(market, _)| buy(market, low, TimeInForce::Fak)));
        }),
        _ => buyer(),
    }
}

/// Returns who builds each version by what its file says.
fn make(seen: &Arc<Seen>) -> Make {
    let seen = Arc::clone(seen);
    Arc::new(move |config| {
        let way = way(&config);
        let build = script(&seen, move |_| on_event(way));
        Registration { build: Arc::new(move || Ok(build())), config, restore: None }
    })
}

/// Returns a file, with more to be said in it.
fn file(way: Ways, said: &[(&str, &str)]) -> String {
    let number = way.number().to_string();
    let said = said.iter().copied().chain([("book_skew_ms_max", number.as_str())]);
    said.fold(unlimited(A).text.to_string(), |text, (key, value)| {
        let begins = format!("{key} = ");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // The last of a name: a limit of the roll-out stands behind one of the risk.
        let line = lines.iter_mut().rfind(|line| line.starts_with(&begins)).unwrap();
        *line = format!("{key} = {value}");
        lines.join("\n")
    })
}

fn watched(way: Ways) -> String {
    file(way, &[("mode", "\"watch\""), ("trial_s", "60")])
}

fn version(text: &str) -> String {
    let version = config::strategy(A, id(A), text).unwrap().version;
    version.chars().take(12).collect()
}

/// A service whose strategy stands in a file that the test writes.
struct Play {
    _root: TempDir,
    path: PathBuf,
    store: PathBuf,
    seen: Arc<Seen>,
    app: App,
    feeder: Feeder,
    market: ConditionId,
}

impl Play {
    async fn begin(text: &str) -> Self {
        let root = folder();
        let strategies = root.path().join("strategies");
        fs::create_dir(&strategies).unwrap();
        let (path, store) = (strategies.join("a.toml"), root.path().join("ploy.db"));
        fs::write(&path, text).unwrap();
        let seen = Arc::default();
        let (app, mut feeder) = stage(&path, &store, &seen).fed().await;
        until(&app, "the folder is read", |status| 0 < status.config.looks).await;
        let market = feeder.market(1).await;
        Self { _root: root, path, store, seen, app, feeder, market }
    }

    /// Ends the process and begins another one on the same files.
    async fn again(self) -> Self {
        let Self { _root, path, store, seen, app, .. } = self;
        stop(app).await;
        let (app, mut feeder) = stage(&path, &store, &seen).fed().await;
        until(&app, "the folder is read", |status| 0 < status.config.looks).await;
        let market = feeder.market(1).await;
        Self { _root, path, store, seen, app, feeder, market }
    }

    fn save(&self, text: &str) {
        fs::write(&self.path, text).unwrap();
    }

    /// Shows a book and lets all that it leads to be settled.
    async fn book(&mut self) -> StrategyStatus {
        self.feeder.book(self.market, "0.30", "0.40").await;
        self.rest().await
    }

    /// Lets orders on their way arrive.
    async fn rest(&mut self) -> StrategyStatus {
        self.feeder.wait(Duration::from_secs(1)).await;
        self.feeder.settled(&self.app).await;
        self.now().await
    }

    async fn now(&self) -> StrategyStatus {
        one(&*self.app.fresh().await, A).clone()
    }

    /// Waits until this version runs.
    async fn runs(&mut self, text: &str) -> StrategyStatus {
        let (version, what) = (version(text), "the version runs");
        let is = |status: &SystemStatus| {
            let one = one(status, A);
            one.config_version == version && one.phase.name() == "running"
        };
        one(&*self.feeder.until(&self.app, what, is).await, A).clone()
    }

    async fn stage(&mut self, stage: &str) -> StrategyStatus {
        let is = |status: &SystemStatus| one(status, A).rollout.stage.name() == stage;
        until(&self.app, stage, is).await;
        self.now().await
    }

    /// Asks about the version on its way.
    async fn decide(&self, decision: Decision) -> Result<Value, Refusal> {
        decide(&self.app, A, decision).await
    }

    /// Saves a version and waits until it runs in shadow.
    async fn shadow(&mut self, text: &str) {
        self.save(text);
        self.stage("shadow").await;
        compared(&self.app, A).await;
    }

    async fn said(&self, what: &str) {
        self.app.store.flush().await.unwrap();
        let audit: Vec<(String, String)> =
            rows(&self.store, "SELECT actor, answer FROM commands ORDER BY seq").await;
        assert!(audit.iter().any(|(_, said)| said.contains(what)), "{what}: {audit:#?}");
    }

    async fn end(self) {
        stop(self.app).await;
    }
}

fn stage(path: &Path, store: &Path, seen: &Arc<Seen>) -> Stage {
    let text = fs::read_to_string(path).unwrap();
    let config = config::strategy(A, id(A), &text).unwrap();
    Stage::new().making(make(seen)).with(config).store(store).watch(path.parent().unwrap())
}

/// Checks that the first version is in force again and trades.
async fn trades_on(play: &mut Play, first: &str, bad: &str) -> StrategyStatus {
    play.runs(first).await;
    let back = play.rest().await;
    assert_eq!(back.rollout.stage.name(), "rolled_back");
    assert_eq!(back.rollout.rollbacks, 1);
    let pending = back.config_pending.as_deref().unwrap();
    assert!(
        pending.starts_with(&format!("version {} was rolled back: ", version(bad))),
        "{pending}"
    );
    let mut after = play.book().await;
    while after.kernel.fills <= back.kernel.fills {
        after = play.book().await;
    }
    play.said(&format!("version {} was rolled back to {}", version(bad), version(first))).await;
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_panics_in_its_trial_is_rolled_back_and_the_old_one_trades_on() {
    let (first, bad) = (file(Ways::Buys, &[]), watched(Ways::Panics));
    let mut play = Play::begin(&first).await;
    let before = play.book().await;
    assert_eq!((before.kernel.fills, before.rollout.stage.name()), (1, "settled"));
    play.save(&bad);
    // It meets the book that is known as soon as it is built.
    play.stage("rolled_back").await;
    let after = trades_on(&mut play, &first, &bad).await;
    // Nothing of what was held or counted is lost, and the failure is not charged to the old version.
    assert_eq!(after.failures, 0);
    let held = 10 * i64::try_from(after.kernel.fills).unwrap();
    assert_eq!(after.kernel.positions[0].size, held.to_string().parse().unwrap());
    assert!(before.kernel.fills < after.kernel.fills);
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_halts_in_its_trial_is_rolled_back_and_its_halt_is_left() {
    let first = file(Ways::Buys, &[]);
    // Its trial survives failures, its own policy does not: it halts.
    let base = watched(Ways::Panics).replace("same_signature_max = 3", "same_signature_max = 1");
    let at = base.rfind("failures_max = 0").unwrap();
    let bad = format!("{}failures_max = 9{}", &base[..at], &base[at + "failures_max = 0".len()..]);
    let mut play = Play::begin(&first).await;
    play.save(&bad);
    play.stage("trial").await;
    play.runs(&bad).await;
    play.book().await;
    trades_on(&mut play, &first, &bad).await;
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_refused_too_often_is_rolled_back_between_two_inputs() {
    let (first, bad) = (file(Ways::Buys, &[]), watched(Ways::IsRefused));
    let bad = bad.replace("rejects_max = 100", "rejects_max = 2");
    let mut play = Play::begin(&first).await;
    play.save(&bad);
    play.stage("trial").await;
    play.runs(&bad).await;
    for number in 2..=4 {
        let market = play.feeder.market(number).await;
        play.feeder.book(market, "0.30", "0.40").await;
        play.feeder.book(market, "0.30", "0.41").await;
    }
    play.feeder.settled(&play.app).await;
    let back = trades_on(&mut play, &first, &bad).await;
    assert!(back.config_pending.unwrap().contains("3 orders were refused, at most 2 may be"));
    assert_eq!(back.last_error, None);
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_passes_its_trial_is_the_one_to_come_back_to() {
    let (first, second) = (file(Ways::Buys, &[]), watched(Ways::BuysToo));
    let mut play = Play::begin(&first).await;
    play.save(&second);
    play.stage("trial").await;
    let tried = play.runs(&second).await;
    assert_eq!(tried.rollout.good, Some(version(&first)));
    let mut now = play.book().await;
    assert!(tried.kernel.fills < now.kernel.fills);
    assert_eq!(now.rollout.counts.unwrap().intents, 1);
    while now.rollout.stage.name() == "trial" {
        now = play.book().await;
    }
    assert_eq!((now.rollout.stage.name(), &now.config_version), ("settled", &version(&second)));
    play.said(&format!("version {} passed its trial", version(&second))).await;
    let bad = watched(Ways::Panics);
    play.save(&bad);
    play.stage("rolled_back").await;
    trades_on(&mut play, &second, &bad).await;
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rolled_back_stays_so_over_a_restart_of_the_process_until_the_file_says_another() {
    let (first, bad) = (file(Ways::Buys, &[]), watched(Ways::Panics));
    let mut play = Play::begin(&first).await;
    play.save(&bad);
    play.stage("trial").await;
    play.runs(&bad).await;
    play.book().await;
    trades_on(&mut play, &first, &bad).await;
    // A comment makes no other version.
    let looks = play.app.fresh().await.config.looks;
    play.save(&format!("# A thought.\n{bad}"));
    until(&play.app, "the folder is read", |status| looks + 2 <= status.config.looks).await;
    assert_eq!(play.now().await.config_version, version(&first));

    let mut play = play.again().await;
    let begun = play.runs(&first).await;
    assert_eq!(begun.rollout.stage.name(), "rolled_back");
    assert!(begun.config_pending.unwrap().contains("settings that nobody can live with"));
    assert_eq!(play.book().await.kernel.fills, 1);
    let third = watched(Ways::BuysToo);
    play.save(&third);
    let tried = play.stage("trial").await;
    assert_eq!((tried.rollout.good, tried.config_pending), (Some(version(&first)), None));
    // What is cut off by the end of the process begins anew, with the same version to come back to.
    let mut play = play.again().await;
    let tried = play.runs(&third).await;
    assert_eq!(tried.rollout.stage.name(), "trial");
    assert_eq!(tried.rollout.good, Some(version(&first)));
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_version_there_is_has_no_trial_and_that_is_said() {
    let first = watched(Ways::Buys);
    let mut play = Play::begin(&first).await;
    assert_eq!(play.runs(&first).await.rollout.stage.name(), "settled");
    play.said("there is no good version before it: no trial").await;
    play.end().await;
}

async fn decide(app: &App, name: &str, decision: Decision) -> Result<Value, Refusal> {
    let who = Who { actor: "anna".to_owned(), reason: Some("it is better".to_owned()) };
    app.commands.decide(id(name), decision, who).await
}

/// Waits until the version in shadow says how it compares.
async fn compared(app: &App, name: &str) -> Value {
    let deadline = tokio::time::Instant::now() + WITHIN;
    loop {
        match decide(app, name, Decision::Compare).await {
            Ok(answer) => return answer["comparison"].clone(),
            Err(refusal) => assert!(tokio::time::Instant::now() < deadline, "{refusal}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn in_shadow(way: Ways) -> String {
    file(way, &[("mode", "\"shadow\""), ("trial_s", "60")])
}

/// Plays ten books, with a version in shadow from the third on or without, and returns what the strategy came to:
/// its digest, its orders, its fills.
async fn ten_books(shadow: Option<&str>) -> (String, String, u64, StrategyStatus) {
    let mut play = Play::begin(&file(Ways::Buys, &[])).await;
    for number in 0..10 {
        if let Some(shadow) = shadow.filter(|_| number == 3) {
            play.shadow(shadow).await;
        }
        play.book().await;
    }
    let status = play.now().await;
    if shadow == Some(&in_shadow(Ways::IsRefused)) {
        let found = compared(&play.app, A).await;
        let total = |side: &str, what: &str| found["totals"][side][what].clone();
        assert_eq!((total("a", "orders"), total("b", "orders")), (8.into(), 0.into()), "{found:#}");
        assert_eq!((total("a", "fills"), total("b", "fills")), (8.into(), 0.into()));
        assert_eq!(
            (&found["vanished"]["count"], &found["counts"]["changed"]),
            (&8.into(), &8.into())
        );
        let text = found["text"].as_str().unwrap();
        assert!(
            text.contains("8 of 8 decisions came out differently; 8 entries vanish."),
            "{text}"
        );
        assert_eq!(found["version"], version(&in_shadow(Ways::IsRefused)));
    }
    let orders = format!("{:?}", orders(&play.app, A).await);
    play.end().await;
    (status.kernel.digest.clone(), orders, status.kernel.fills, status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_decides_otherwise_and_sends_nothing() {
    let alone = ten_books(None).await;
    assert_eq!(alone.2, 10);
    let (digest, orders, fills, status) = ten_books(Some(&in_shadow(Ways::IsRefused))).await;
    assert_eq!(status.rollout.stage.name(), "shadow");
    let version_of = version(&in_shadow(Ways::IsRefused));
    assert_eq!(
        status.config_pending.unwrap(),
        format!("version {version_of} runs in shadow: promote or discard it")
    );
    assert_eq!((&digest, &orders, fills), (&alone.0, &alone.1, alone.2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_that_panics_is_set_aside_and_the_strategy_does_not_notice() {
    let bad = in_shadow(Ways::Panics);
    let first = file(Ways::Buys, &[]);
    let run = async |shadow: bool| {
        let mut play = Play::begin(&first).await;
        // It begins before there is a book, and fails at the first one.
        if shadow {
            play.shadow(&bad).await;
        }
        for _ in 0..5 {
            play.book().await;
        }
        if shadow {
            let aside = play.stage("set_aside").await;
            assert!(aside.config_pending.unwrap().contains("settings that nobody can live with"));
            assert!(play.decide(Decision::Compare).await.is_err());
            play.said("was set aside: it failed: ").await;
        }
        let now = play.now().await;
        let orders = format!("{:?}", orders(&play.app, A).await);
        play.end().await;
        (now.kernel.digest, orders, now.restarts, now.last_error)
    };
    assert_eq!(run(true).await, run(false).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_shadow_comes_into_force_on_trial_and_a_discarded_one_does_not() {
    let (first, second) = (file(Ways::Buys, &[]), in_shadow(Ways::BuysToo));
    let mut play = Play::begin(&first).await;
    let refused = play.decide(Decision::Promote).await.unwrap_err();
    let nothing = "`a`: no version of its settings runs in shadow or on trial";
    assert_eq!(refused.to_string(), nothing);
    play.shadow(&second).await;
    let answer = play.decide(Decision::Discard).await.unwrap();
    assert_eq!(
        (&answer["stage"], &answer["version"]),
        (&"set_aside".into(), &version(&second).into())
    );
    let aside = play.now().await;
    assert_eq!(aside.config_version, version(&first));
    assert!(aside.config_pending.unwrap().ends_with("discarded by anna: it is better"));
    play.said("accepted: it is better").await;
    // It stays set aside, also in the next process, until the file says another.
    let mut play = play.again().await;
    assert_eq!(play.runs(&first).await.rollout.stage.name(), "set_aside");

    let third = in_shadow(Ways::BuysToo).replace("trial_s = 60", "trial_s = 61");
    play.shadow(&third).await;
    // A shadow that is cut off by the end of the process begins anew.
    let mut play = play.again().await;
    assert_eq!(play.runs(&first).await.rollout.stage.name(), "shadow");
    compared(&play.app, A).await;
    let answer = play.decide(Decision::Promote).await.unwrap();
    assert_eq!(answer["version"], version(&third));
    let tried = play.runs(&third).await;
    assert_eq!((tried.rollout.stage.name(), tried.rollout.good), ("trial", Some(version(&first))));
    assert_eq!(play.decide(Decision::Promote).await.unwrap()["stage"], "settled");
    play.said("was taken for good by anna: it is better").await;
    let promoted = before(&play.store, "promote").await;
    assert_eq!(promoted, ["settled", "shadow", "trial"]);
    assert_eq!(before(&play.store, "discard").await, ["shadow"]);
    play.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_strategys_shadow_goes_on_from_what_it_knows_and_is_told_gate_by_gate() {
    let name = "split_arb_legged";
    let text = legged().text.to_string();
    let changed = text
        .replace("entry_price_max_usdc = 0.35", "entry_price_max_usdc = 0.30")
        .replace("mode = \"direct\"", "mode = \"shadow\"");
    assert_ne!(text, changed);
    let run = async |shadow: bool| {
        let root = folder();
        fs::write(root.path().join("split_arb_legged.toml"), &text).unwrap();
        let (app, mut feeder) = Stage::new().with(legged()).watch(root.path()).fed().await;
        until(&app, "the folder is read", |status| 0 < status.config.looks).await;
        let (_, events) = tape::events(tape::SHORT);
        let (before, after) = events.split_at(events.len() / 3);
        for event in before {
            feeder.forward(event.clone()).await;
        }
        feeder.settled(&app).await;
        if shadow {
            fs::write(root.path().join("split_arb_legged.toml"), &changed).unwrap();
            compared(&app, name).await;
        }
        for event in after {
            feeder.forward(event.clone()).await;
        }
        feeder.settled(&app).await;
        let kernel = one(&*app.fresh().await, name).kernel.clone();
        let found = if shadow { compared(&app, name).await } else { Value::Null };
        stop(app).await;
        (kernel, found)
    };
    let (alone, _) = run(false).await;
    let (beside, found) = run(true).await;
    assert_eq!((&beside.digest, beside.fills), (&alone.digest, alone.fills));
    let text = found["text"].as_str().unwrap();
    assert!(!text.contains("without positions"), "{text}");
    assert_eq!(found["settings"].as_array().unwrap().len(), 2, "{text}");
    let gates = found["first"]["gates"].as_array().unwrap();
    assert!(!gates.is_empty(), "{text}");
    assert!(text.contains("settings.entry_price_max_usdc"), "{text}");
}

/// Runs the program against a service, and returns its exit code and what it wrote.
async fn program(app: &App, words: &[&str]) -> (Option<i32>, String) {
    let (root, url) = (folder(), format!("http://{}", app.address));
    let command = ploy(root.path(), &[&["config"], words, &["--url", &url]].concat());
    let ended = tokio::task::spawn_blocking(|| Program::to_end(command)).await.unwrap();
    (ended.status.code(), format!("{}{}", ended.stdout, ended.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_compares_promotes_and_discards() {
    let (first, second) = (file(Ways::Buys, &[]), in_shadow(Ways::IsRefused));
    let mut play = Play::begin(&first).await;
    let (code, said) = program(&play.app, &["compare", A]).await;
    let nothing = "no version of its settings runs in shadow or on trial";
    assert!(code == Some(4) && said.contains(nothing), "{said}");
    assert_eq!(program(&play.app, &["compare", "nobody"]).await.0, Some(3));
    play.shadow(&second).await;
    play.book().await;
    let (code, said) = program(&play.app, &["compare", A]).await;
    let head = format!("version {} in shadow of {} since ", version(&second), version(&first));
    assert!(code == Some(0) && said.starts_with(&head), "{said}");
    assert!(said.contains("\n1 of 1 decision came out differently; 1 entry vanishes.\n"), "{said}");
    let (code, said) = program(&play.app, &["promote", A, "--reason", "a\nb"]).await;
    assert!(code == Some(1) && said.contains("`reason` must be 1 to 500"), "{said}");
    let (code, said) = program(&play.app, &["discard", A, "--actor", "anna"]).await;
    assert!(said.starts_with(&format!("a: version {} discarded\n", version(&second))), "{said}");
    assert_eq!((code, play.now().await.rollout.stage.name()), (Some(0), "set_aside"));
    assert_eq!(program(&play.app, &["promote", A]).await.0, Some(4));
    play.end().await;
}
