//! What a service recorded, played again: the same decisions byte for byte, whatever failed meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actors::app::App;
use actors::bus::Ticket;
use actors::manager::Build;
use actors::record::build::known;
use actors::record::replay::{Played, play};
use actors::record::{self, report::StrategyReport};
use ploy::command::Action;
use ploy::config::StrategyConfig;
use ploy::decision::DecisionDigest;
use ploy::event::{Kind, MarketEvent, Trade};
use ploy::intent::TimeInForce;
use ploy::market::{Outcome, Side};
use ploy::order::{ClientOrderId, Fill, Liquidity, OrderEvent, Update};
use ploy::status::{RecordPhase, SystemStatus};
use ploy::strategy::{Misfit, Saved, Strategy};
use ploy::time::Timestamp;
use serde_json::Value;

use crate::stage::feeder::{Feeder, market};
use crate::stage::program::{Program, ploy, run};
use crate::stage::recorder::{self, Disk, recorder};
use crate::stage::script::{OnEvent, buy, script, yes_ask};
use crate::stage::service::{Stage, command, one, phase, stop, until};
use crate::stage::{folder, id, legged, shipped, tape};

/// Buys now and then, and panics at some books: both follow from the book alone, so that the strategy decides by
/// nothing but what it is shown.
fn panics_at(every: i64) -> OnEvent {
    Box::new(move |event, _, looks| {
        let Some((market, ask)) = yes_ask(event) else { return };
        let millis = event.at.micros() / 1000;
        assert!(millis % every != 0, "the book of {}", event.at);
        if millis % 7 == 0 {
            looks.push(buy(market, ask, TimeInForce::Fak));
        }
    })
}

/// Returns how a strategy is built that has no memory for its first two tries, of which so many are over.
fn late(over: u64) -> Build {
    let (tries, sound) = (AtomicU64::new(over), calm());
    Arc::new(move || {
        let number = tries.fetch_add(1, Ordering::SeqCst);
        assert!(2 <= number, "no memory for try {number}");
        sound()
    })
}

fn calm() -> Build {
    script(&Arc::default(), |_| panics_at(i64::MAX))
}

fn panicking() -> Build {
    script(&Arc::default(), |_| panics_at(997))
}

/// The strategies with ways of their own, by name.
fn scripts(over: u64) -> BTreeMap<&'static str, Build> {
    BTreeMap::from([("late", late(over)), ("panics", panicking()), ("stray", calm())])
}

/// Returns how strategies are built when what they took in is played again. Those with ways of their own decide by
/// what they are shown: one that was saved is built like a fresh one.
fn builders(
    over: u64,
) -> impl Fn(&StrategyConfig, Option<&Saved>) -> Result<Box<dyn Strategy>, Misfit> {
    let (scripts, calm) = (scripts(over), calm());
    move |config, saved| match (scripts.get(config.id.as_str()), saved) {
        (Some(_), Some(_)) if config.id.as_str() == "late" => Ok(calm()),
        (Some(build), _) => Ok(build()),
        (None, saved) => known(config, saved),
    }
}

fn replayed(files: &[PathBuf]) -> Played {
    replayed_after(0, files)
}

/// Plays files before which `late` was tried so often.
fn replayed_after(over: u64, files: &[PathBuf]) -> Played {
    play(files, &builders(over), &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Returns the digests of the strategies, by name.
fn digests(status: &SystemStatus) -> BTreeMap<String, String> {
    let one = status.strategies.iter();
    one.map(|strategy| (strategy.id.to_string(), strategy.kernel.digest.clone())).collect()
}

fn came(played: &Played) -> BTreeMap<String, String> {
    let all = played.report.strategies.iter();
    all.map(|(id, report)| (id.to_string(), report.digest.clone())).collect()
}

/// Plays the beginning of the shipped tape by hand, with everything that can happen to a strategy on the way, and
/// ends the service. Returns the last digests.
async fn eventful(recorder: record::Recorder) -> BTreeMap<String, String> {
    let shipped = [legged(), shipped("split_arb_simultaneous")];
    let stage = shipped.into_iter().fold(Stage::new(), Stage::with);
    let stage = scripts(0).into_iter().fold(stage, |stage, (id, build)| stage.custom(id, build));
    let (app, mut feeder) = stage.record(recorder).fed().await;
    let (_, events) = tape::events(tape::SHORT);
    let part = events.len() / 6;
    for (number, events) in events.chunks(part).enumerate() {
        for event in events {
            feeder.forward(event.clone()).await;
        }
        feeder.settled(&app).await;
        happens(&app, &feeder, number).await;
    }
    feeder.wait(Duration::from_secs(90)).await;
    feeder.settled(&app).await;
    let status = app.fresh().await;
    assert!(1 <= one(&status, "panics").restarts["failure"], "it never failed");
    assert_eq!(one(&status, "late").restarts["failure"], 2);
    for (strategy, fills) in [("split_arb_legged", 1), ("panics", 5), ("late", 5), ("stray", 5)] {
        assert!(fills <= one(&status, strategy).kernel.fills, "{strategy} did nothing");
    }
    let digests = digests(&status);
    stop(app).await;
    digests
}

/// What happens after a part of the tape.
async fn happens(app: &App, feeder: &Feeder, part: usize) {
    let run = async |name: &str, action, phase_after| {
        command(app, name, action).await.unwrap();
        phase(app, name, phase_after).await;
    };
    match part {
        0 => run("split_arb_legged", Action::Restart, "running").await,
        1 => {
            app.bus.tell(stray_fill(feeder.now()), Ticket::none());
            phase(app, "stray", "halted").await;
            run("split_arb_simultaneous", Action::Stop, "stopped").await;
        }
        2 => {
            run("stray", Action::Resume, "running").await;
            run("split_arb_simultaneous", Action::Start, "running").await;
        }
        3 => {
            let refused = command(app, "panics", Action::Start).await;
            assert!(refused.is_err(), "it runs, or waits for its next try");
        }
        _ => {}
    }
}

/// Returns a fill of an order that nobody sent.
fn stray_fill(at: Timestamp) -> OrderEvent {
    let order = ClientOrderId { strategy: id("stray"), number: 7777 };
    let fill = Fill {
        number: 1,
        order: order.clone(),
        market: market(1, at).id,
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.40".parse().unwrap(),
        size: "10".parse().unwrap(),
        fee: "0".parse().unwrap(),
        liquidity: Liquidity::Taker,
        at,
    };
    OrderEvent { at, order, update: Update::Filled(fill) }
}

/// All inputs of a whole record: none is missing, none had to be left out.
fn complete(report: &StrategyReport) {
    assert_eq!((report.skipped, report.missing), (0, 0), "{report}");
    assert_eq!(report.expected.as_deref(), Some(report.digest.as_str()), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_faults_and_restarts_is_played_again_to_the_same_digests() {
    let folder = folder();
    let served = eventful(recorder(folder.path())).await;
    let files = recorder::files(folder.path());
    assert!(3 < files.len(), "{files:?}");

    let whole = replayed(&files);
    assert!(whole.report.is_equal(), "{}", whole.report);
    assert_eq!(whole.report.cut_off, Vec::<String>::new());
    assert_eq!(came(&whole), served);
    whole.report.strategies.values().for_each(complete);
    let of = |name: &str| &whole.report.strategies[&id(name)];
    assert_eq!((of("late").incarnations, of("late").ends), (3, 3));
    assert_eq!((of("stray").incarnations, of("split_arb_legged").incarnations), (2, 2));
    assert!(whole.report.strategies.values().all(|one| 0 < one.inputs && 0 < one.decisions));
    assert!(whole.report.strategies.values().any(|one| 2 < one.checkpoints), "{}", whole.report);

    for (number, file) in files.iter().enumerate() {
        let before = replayed(&files[..number]).report;
        let over = before.strategies.get(&id("late")).map_or(0, |late| late.incarnations);
        let until = replayed(&files[..=number]);
        let alone = replayed_after(over, std::slice::from_ref(file));
        assert!(alone.report.is_equal(), "{}", alone.report);
        let mut compared = 0;
        for (id, report) in &alone.report.strategies {
            if 0 < report.inputs {
                assert_eq!(report.digest, until.report.strategies[id].digest, "{id} in {number}");
                compared += 1;
            }
        }
        assert!(0 < compared, "{}", alone.report);
        let rest = replayed_after(over, &files[number..]);
        assert!(rest.report.is_equal(), "{}", rest.report);
        // A strategy that took nothing in any more stands in no later file.
        for (id, digest) in came(&rest) {
            assert_eq!(digest, served[&id], "{id} from file {number} on");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_oldest_files_are_deleted_the_rest_is_played_to_the_same_digests() {
    let folder = folder();
    let total = 8 * recorder::FILE_BYTES;
    let limited = recorder::limited(folder.path(), total, record::create());
    let shown = limited.clone();
    let served = eventful(limited).await;
    let (status, files) = (shown.status(), recorder::files(folder.path()));
    assert!(0 < status.deleted, "{status:?}");
    assert_eq!(status.files - status.deleted, u64::try_from(files.len()).unwrap());
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    // The last file may be larger than its limit by what waited in the queue.
    assert!(bytes <= 2 * total, "{bytes}");
    let rest = replayed(&files);
    assert!(rest.report.is_equal(), "{}", rest.report);
    assert_eq!(came(&rest), served);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_cut_off_is_played_as_far_as_it_goes() {
    let folder = folder();
    drop(eventful(recorder(folder.path())).await);
    let files = recorder::files(folder.path());
    let cut = &files[0];
    let alone = std::slice::from_ref(cut);
    let whole = replayed(alone);
    let bytes = fs::read(cut).unwrap();
    let mut before = 0;
    for tenths in 0..10 {
        fs::write(cut, &bytes[..bytes.len() * tenths / 10]).unwrap();
        if tenths == 0 {
            let error = play(alone, &builders(0), &mut |_| ControlFlow::Continue(()));
            assert!(error.unwrap_err().to_string().contains("the file is empty"));
            continue;
        }
        let played = replayed(alone);
        assert!(played.report.is_equal(), "{}", played.report);
        assert_eq!(played.report.cut_off.len(), 1, "{}", played.report);
        let lines = played.report.lines;
        assert!(before <= lines && lines < whole.report.lines, "{before} {lines}");
        before = lines;
    }
    assert!(whole.report.lines / 4 < before, "{before} of {}", whole.report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inputs_that_came_too_fast_are_a_gap_after_which_all_is_played_again() {
    let folder = folder();
    let (open, gate) = mpsc::channel::<()>();
    let (gate, real) = (Mutex::new(gate), record::create());
    // Until the first file is begun the writer takes nothing from its queue.
    let create = Box::new(move |path: &Path| {
        gate.lock().unwrap().recv().ok(); // its sender is gone: the gate is open
        real(path)
    });
    let recorder = recorder::limited(folder.path(), u64::MAX, create);
    let stage = Stage::new().with(legged()).custom("stray", calm()).record(recorder.clone());
    let (app, mut feeder) = stage.fed().await;
    let market = feeder.market(1).await;
    feeder.settled(&app).await;
    let trade = Trade {
        market,
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.5".parse().unwrap(),
        size: "1".parse().unwrap(),
    };
    // A live feed waits for nobody.
    while recorder.status().lost < 100 {
        for _ in 0..1000 {
            let event = MarketEvent { at: feeder.now(), kind: Kind::Trade(trade) };
            app.bus.publish(&event, &Ticket::none());
        }
        until(&app, "all is read", |_| app.bus.waiting().into_values().all(|n| n == 0)).await;
    }
    assert_eq!(recorder.status().queued, 8192);
    drop(open);
    until(&app, "all is written", |status| status.record.queued == 0).await;
    for price in ["0.30", "0.31", "0.32"] {
        feeder.book(market, "0.20", price).await;
        feeder.wait(Duration::from_secs(1)).await;
    }
    feeder.settled(&app).await;
    let status = app.fresh().await;
    let (lost, served) = (status.record.lost, digests(&status));
    stop(app).await;

    let played = replayed(&recorder::files(folder.path()));
    assert!(played.report.is_equal(), "{}", played.report);
    assert_eq!(came(&played), served);
    let missing: u64 = played.report.strategies.values().map(|one| one.missing).sum();
    assert_eq!(missing, lost, "{}", played.report);
    assert!(played.report.strategies.values().all(|one| 0 < one.missing && one.ends == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_nobody_and_the_record_goes_on_when_there_is_room() {
    let folder = folder();
    let disk = Disk::with_room(0);
    let recorder = recorder::limited(folder.path(), u64::MAX, disk.create());
    let stage = Stage::new().custom("stray", calm()).with(legged()).record(recorder.clone());
    let (app, mut feeder) = stage.fed().await;
    let (_, events) = tape::events(tape::SHORT);
    let part = events.len() / 4;
    let mut parts = events.chunks(part);
    let mut feed = async |feeder: &mut Feeder| {
        for event in parts.next().unwrap() {
            feeder.forward(event.clone()).await;
        }
        feeder.settled(&app).await;
    };
    feed(&mut feeder).await;
    let failing = until(&app, "it fails", |s| s.record.state == RecordPhase::Failing).await;
    assert!(0 < one(&failing, "stray").kernel.fills, "it trades");
    assert!(failing.record.last_error.as_ref().unwrap().starts_with("begin a file: "));
    // It is tried again and again: a try that is on its way has a file for a moment.
    let is_clean = |_: &SystemStatus| record::files::list(folder.path()).unwrap().is_empty();
    until(&app, "no half of a file is left", is_clean).await;

    // Room for a file, and not for what is fed next.
    disk.grow(16 * 1024);
    let room = until(&app, "it is written", |s| s.record.state == RecordPhase::Recording).await;
    feed(&mut feeder).await;
    feed(&mut feeder).await;
    until(&app, "it fails again", |status| room.record.errors < status.record.errors).await;
    disk.grow(u64::MAX / 2);
    until(&app, "it is written", |s| s.record.state == RecordPhase::Recording).await;
    feed(&mut feeder).await;
    until(&app, "all is written", |status| status.record.queued == 0).await;
    let status = app.fresh().await;
    let (record, served) = (status.record.clone(), digests(&status));
    assert!(0 < record.lost && 0 < record.inputs && 2 <= record.errors, "{record:?}");
    stop(app).await;

    let played = replayed(&recorder::files(folder.path()));
    assert!(played.report.is_equal(), "{}", played.report);
    assert!(!played.report.cut_off.is_empty(), "{}", played.report);
    assert_eq!(came(&played), served);
    for (id, report) in &played.report.strategies {
        let taken = one(&status, id.as_str()).kernel.inputs;
        assert!(0 < report.inputs && report.inputs < taken, "{}", played.report);
    }
}

/// Lets a strategy see a few books, and returns what it came to.
async fn short(recorder: record::Recorder) -> BTreeMap<String, String> {
    let (app, mut feeder) = Stage::new().with(legged()).record(recorder).fed().await;
    let market = feeder.market(1).await;
    for cents in 20..35 {
        feeder.book(market, "0.19", &format!("0.{cents}")).await;
        feeder.settled(&app).await;
        until(&app, "it is written", |status| status.record.queued == 0).await;
    }
    feeder.resolve(market, "1").await;
    feeder.settled(&app).await;
    let served = digests(&*app.fresh().await);
    stop(app).await;
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_old_enough_is_followed_by_the_next() {
    let folder = folder();
    // Every file is too old as soon as it begins: each input of the strategy begins another one.
    let served = short(recorder::spanned(folder.path(), Duration::ZERO)).await;
    let files = recorder::files(folder.path());
    assert!(5 < files.len(), "{files:?}");
    let played = replayed(&files);
    assert!(played.report.is_equal(), "{}", played.report);
    played.report.strategies.values().for_each(complete);
    assert_eq!(came(&played), served);
    let last = replayed(&files[files.len() - 1..]);
    assert_eq!(came(&last), served, "{}", last.report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_is_played_or_refused_and_never_panics() {
    let folder = folder();
    drop(short(recorder(folder.path())).await);
    let text = recorder::text(&recorder::files(folder.path())[0]).into_bytes();
    let damaged = folder.path().join("damaged.jsonl");
    let (mut seed, mut refused) = (7_usize, 0);
    for round in 0..300 {
        let mut bytes = text.clone();
        for _ in 0..=round % 3 {
            // The steps of a generator with a full period: every place is reached.
            seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
            let (at, byte) = (seed % bytes.len(), b"0123456789{}[]:,\"az-."[seed / 7 % 21]);
            bytes[at] = byte;
        }
        fs::write(&damaged, &bytes).unwrap();
        let files = [damaged.clone()];
        let played = play(&files, &builders(0), &mut |_| ControlFlow::Continue(()));
        refused += usize::from(played.is_err());
    }
    assert!(0 < refused && refused < 300, "{refused} of 300");
}

#[test]
fn the_record_of_a_run_is_checked_to_the_digest_of_its_report() {
    let folder = folder();
    let words = ["--speed", "max", "--exit-at-end", "--output", "json"];
    let ended = Program::to_end(run(folder.path(), &words));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();

    let check = |words: &[&str]| Program::to_end(ploy(folder.path(), words));
    let checked = check(&["record", "check", "data/record", "-o", "json"]);
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stderr);
    let runs: Value = serde_json::from_str(&checked.stdout).unwrap();
    let strategies = runs[0]["strategies"].as_object().unwrap();
    let pairs = strategies.iter().map(|(id, one)| (id.as_str(), one["digest"].as_str().unwrap()));
    assert_eq!(report["decision_digest"], DecisionDigest::combine(pairs));
    let words = check(&["record", "check", "data/record"]).stdout;
    assert_eq!(words.matches(": equal: ").count(), strategies.len(), "{words}");

    // Its decisions are those of a replay of the tapes, to the last number.
    let config = crate::stage::repo("config");
    let config = config.to_str().unwrap();
    let replayed = check(&["replay", "data/record", "--decisions", "record.decisions"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(replayed.stdout.matches(": equal: ").count(), strategies.len());
    check(&["replay", "--config", config, "--decisions", "tapes.decisions"]);
    for id in strategies.keys() {
        let sides = ["record.decisions", "tapes.decisions", "--strategy", id];
        let compared = check(&[&["compare", "--config", config], &sides[..]].concat());
        assert_eq!(compared.status.code(), Some(0), "{id}: {compared:?}");
    }

    // One digit of what a strategy took in is another one.
    let file = &recorder::files(&folder.path().join("data/record"))[0];
    let text = crate::stage::recorder::text(file);
    let (from, to) = ("\"gate\":\"open\"", "\"gate\":\"closed\"");
    assert!(text.contains(from));
    fs::write(folder.path().join("wrong.jsonl"), text.replacen(from, to, 1)).unwrap();
    let wrong = check(&["record", "check", "wrong.jsonl"]);
    assert_eq!(wrong.status.code(), Some(10), "{}{}", wrong.stdout, wrong.stderr);
    assert!(wrong.stdout.contains("first difference between n = "), "{}", wrong.stdout);
    let missing = check(&["record", "check", "nowhere"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stderr.contains("nowhere: there is no such file"), "{}", missing.stderr);
}

#[test]
fn a_process_that_is_killed_leaves_a_record_that_can_be_played() {
    let folder = folder();
    let mut program = Program::start(run(folder.path(), &["--speed", "600x"]));
    program.logged("order.filled");
    // A record is flushed at least once a second; what is flushed is there after a kill.
    program.logged("order.filled");
    program.signal("KILL");
    let ended = program.wait(crate::stage::WITHIN);
    assert!(!ended.status.success());
    let words = ["record", "check", "data/record", "-o", "json"];
    let checked = Program::to_end(ploy(folder.path(), &words));
    assert_eq!(checked.status.code(), Some(0), "{}{}", checked.stdout, checked.stderr);
    let runs: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(runs[0]["cut_off"].as_array().unwrap().len(), 1, "{runs}");
}
