//! `ploy replay` and `ploy compare` as a trader and a pipeline use them: files in, text, files and exit codes out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::stage::program::{Ended, Program, ploy, run};
use crate::stage::{folder, repo, tape};

/// Returns the shipped file of a strategy.
fn shipped(name: &str) -> PathBuf {
    repo(&format!("config/strategies/{name}.toml"))
}

/// Writes a shipped file with another value of a setting.
fn changed(folder: &Path, name: &str, key: &str, value: &str) -> PathBuf {
    let text = fs::read_to_string(shipped(name)).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    let path = folder.join("changed.toml");
    fs::write(&path, text.replace(line, &format!("{key} = {value}"))).unwrap();
    path
}

fn to_end(folder: &Path, verb: &str, words: &[&str]) -> Ended {
    let config = repo("config");
    let mut command: Command = ploy(folder, &[verb, "--config", config.to_str().unwrap()]);
    command.args(words);
    Program::to_end(command)
}

fn replay(folder: &Path, words: &[&str]) -> Ended {
    to_end(folder, "replay", words)
}

fn compare(folder: &Path, words: &[&str]) -> Ended {
    to_end(folder, "compare", words)
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_replay_of_the_shipped_tapes_decides_twice_the_same_and_as_the_service_does() {
    let folder = folder();
    let ended = replay(folder.path(), &["--report", "json"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr, "", "no bar in a pipe");
    let (first, second) = (json(&ended), json(&replay(folder.path(), &["-o", "json"])));
    assert_eq!(first["decision_digest"], second["decision_digest"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a replay stores nothing");
    let words = ["--speed", "max", "--exit-at-end", "--output", "json"];
    let served = json(&Program::to_end(run(folder.path(), &words)));
    assert_eq!(first["events"], served["events"]);
    assert_eq!(first["decision_digest"], served["decision_digest"]);
    let own = first["strategies"].as_array().unwrap();
    let others = served["strategies"].as_array().unwrap();
    assert!(!own.is_empty());
    assert_eq!(own.len(), others.len());
    for (own, other) in own.iter().zip(others) {
        for key in ["id", "decisions", "orders", "fills", "pnl_usdc", "digest", "causes", "books"] {
            assert_eq!(own[key], other[key], "{key}");
        }
    }
}

#[test]
fn people_get_the_report_of_a_run() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let file = shipped("split_arb_legged");
    let ended = replay(folder.path(), &[text(&tape), "--strategy", text(&file)]);
    assert!(ended.stdout.starts_with("PAPER run"), "{}", ended.stdout);
    assert!(ended.stdout.contains("split_arb_legged  split_arb legged  running"));
    assert!(!ended.stdout.contains("simultaneous"), "{}", ended.stdout);
    assert!(ended.stdout.contains(" a second\n"), "{}", ended.stdout);
}

#[test]
fn every_decision_is_written_down_and_is_enough_for_a_comparison() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let (plain, packed) = (folder.path().join("a.jsonl"), folder.path().join("b.jsonl.gz"));
    let report = json(&replay(
        folder.path(),
        &[text(&tape), "--decisions", text(&plain), "--report", "json"],
    ));
    replay(folder.path(), &[text(&tape), "--decisions", text(&packed)]);
    let lines: Vec<Value> = fs::read_to_string(&plain)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let strategies = report["strategies"].as_array().unwrap();
    assert_eq!(lines[0]["decisions"]["strategies"].as_array().unwrap().len(), strategies.len());
    let end = &lines.last().unwrap()["end"];
    assert_eq!(end["lines"], lines.len() - 1);
    for (told, total) in strategies.iter().zip(end["strategies"].as_array().unwrap()) {
        let of = |line: &&Value| line["decision"]["strategy"] == told["id"];
        let decisions = lines.iter().filter(of).count();
        assert_eq!(told["decisions"], decisions);
        assert_eq!(total["decisions"], decisions);
        assert_eq!(total["digest"], told["digest"]);
    }
    // The packed file is the same one, a comparison of the two needs neither tape nor settings of strategies.
    let id = "split_arb_legged";
    let same = compare(folder.path(), &[text(&plain), text(&packed), "--strategy", id]);
    assert_eq!(same.status.code(), Some(0), "{}", same.stderr);
    let which = compare(folder.path(), &[text(&plain), text(&packed)]);
    assert_eq!(which.status.code(), Some(1));
    assert!(which.stderr.contains("`--strategy` names one of them"), "{}", which.stderr);
    // A file of a strategy is replayed against what was written down.
    let file = shipped(id);
    let same = compare(folder.path(), &[text(&plain), text(&file), "--tape", text(&tape)]);
    assert_eq!(same.status.code(), Some(0), "{}{}", same.stdout, same.stderr);
}

#[test]
fn decisions_on_standard_output_leave_the_report_to_standard_error() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let ended = replay(folder.path(), &[text(&tape), "--decisions", "-"]);
    assert!(ended.stdout.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
    assert!(ended.stderr.starts_with("PAPER run"), "{}", ended.stderr);
}

#[test]
fn a_file_compared_with_itself_shows_no_difference() {
    let folder = folder();
    let file = shipped("split_arb_legged");
    let ended = compare(folder.path(), &[text(&file), text(&file)]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("No difference: "), "{}", ended.stdout);
}

/// Returns the entries that a file of a strategy orders on a tape.
fn entries(folder: &Path, tape: &Path, file: &Path) -> Vec<Value> {
    let written = folder.join("written.jsonl");
    replay(folder, &[text(tape), "--strategy", text(file), "--decisions", text(&written)]);
    let lines = fs::read_to_string(&written).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["decision"].take())
        .filter(|decision| {
            decision["verdict"] == "order" && decision["intent"]["purpose"] == "entry"
        })
        .map(|mut entry| {
            // Both sides go by the name of the first.
            entry["strategy"] = "any".into();
            entry
        })
        .collect()
}

/// Compares a shipped file with one of a lower cap, and holds what is listed to what each alone buys.
fn check_lower_cap(tape: &Path, id: &str, (cap, lower_cap): (&str, &str)) {
    let folder = folder();
    let file = shipped(id);
    let lower = changed(folder.path(), id, "entry_price_max_usdc", lower_cap);
    let page = folder.path().join("page.html");
    let words = [text(&file), text(&lower), "--tape", text(tape), "--html", text(&page)];
    let ended = compare(folder.path(), &[&words[..], &["-o", "json"]].concat());
    assert_eq!(ended.status.code(), Some(5), "{}", ended.stderr);
    let told = json(&ended);

    // What each file alone buys, and the other does not buy in the same look.
    let (a, b) = (entries(folder.path(), tape, &file), entries(folder.path(), tape, &lower));
    let is_in = |entry: &Value, others: &[Value]| {
        others.iter().any(|other| ["at", "market"].iter().all(|key| entry[*key] == other[*key]))
    };
    let vanished: Vec<&Value> = a.iter().filter(|entry| !is_in(entry, &b)).collect();
    let appeared: Vec<&Value> = b.iter().filter(|entry| !is_in(entry, &a)).collect();
    assert!(!vanished.is_empty());
    for (list, entries, side) in [("vanished", &vanished, "a"), ("appeared", &appeared, "b")] {
        assert_eq!(told[list]["count"], entries.len(), "{list}");
        let listed: Vec<Value> = told[list]["first"]
            .as_array()
            .unwrap()
            .iter()
            .map(|listed| {
                let mut entry = listed["sides"][side].clone();
                entry["strategy"] = "any".into();
                entry
            })
            .collect();
        assert_eq!(listed.iter().collect::<Vec<_>>(), *entries, "{list}");
    }
    let first = &told["first"];
    assert_eq!(first["difference"]["sides"]["b"]["reason"], "price_limit");
    assert_eq!(first["difference"]["sides"]["b"]["numbers"]["entry_price_max"], lower_cap);
    let ended_at: Vec<&Value> = first["gates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["passage"]["b"] == "failed")
        .map(|step| &step["gate"])
        .collect();
    assert_eq!(ended_at, ["price_limit"]);
    assert_eq!(told["settings"].as_array().unwrap().len(), 1);
    assert_eq!(told["settings"][0]["values"], serde_json::json!({"a": cap, "b": lower_cap}));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("<h2>Price of Up in "), "the tape tells prices");
}

#[test]
fn a_lower_cap_shows_exactly_the_entries_that_vanish_and_why() {
    let folder = folder();
    check_lower_cap(&tape::short(folder.path()), "split_arb_legged", ("0.35", "0.05"));
    let synthetic = repo("config/tapes/eth-5m-synthetic-2026-09-28.jsonl.gz");
    check_lower_cap(&synthetic, "momentum", ("0.55", "0.45"));
}

#[test]
fn a_version_that_was_run_is_kept_and_compared_by_its_first_digits() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let words = ["--speed", "max", "--exit-at-end", "--tape", text(&tape), "-o", "json"];
    let ended = Program::to_end(run(folder.path(), &words));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let file = shipped("split_arb_legged");
    let text_of = |id: &str| {
        ploy::config::strategy(id, id.parse().unwrap(), &fs::read_to_string(&file).unwrap())
    };
    let version = text_of("split_arb_legged").unwrap().version;
    let store = folder.path().join("data/ploy.db");
    let side = format!("split_arb_legged@{}", &version[..8]);
    let words = [&*side, text(&file), "--store", text(&store), "--tape", text(&tape)];
    let ended = compare(folder.path(), &words);
    assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    let unknown =
        compare(folder.path(), &["split_arb_legged@0000", text(&file), "--store", text(&store)]);
    assert_eq!(unknown.status.code(), Some(1));
    let expected =
        format!("no version of split_arb_legged begins with 0000; kept are: {}", &version[..12]);
    assert!(unknown.stderr.contains(&expected), "{}", unknown.stderr);
}

#[test]
fn what_cannot_be_read_played_or_written_is_said_and_fails() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let check = |ended: Ended, expected: &str| {
        assert_eq!(ended.status.code(), Some(1), "{expected}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    };
    let path = |name: &str| folder.path().join(name);
    check(replay(folder.path(), &["missing.jsonl"]), "missing.jsonl: there is no such tape");
    check(replay(folder.path(), &["--strategy", "missing.toml"]), "read missing.toml");
    check(
        replay(folder.path(), &[text(&tape), "--decisions", "no/such/folder.jsonl"]),
        "write no/such/folder.jsonl",
    );
    fs::write(path("record.jsonl"), "{\"tape\":\"ploy-record\",\"version\":1}\n").unwrap();
    check(replay(folder.path(), &[text(&path("record.jsonl"))]), "not the header of a record");
    let times = ["--from", "2026-09-28T10:00:00Z", "--to", "2026-09-28T09:00:00Z"];
    check(replay(folder.path(), &times), "is after --to");
    let bad = changed(folder.path(), "split_arb_legged", "size_shares", "\"many\"");
    check(replay(folder.path(), &["--strategy", text(&bad)]), "settings.size_shares");

    // A tape that was cut off: what came before is reported, the decisions are not whole, and both say so.
    let cut = path("cut.jsonl");
    let whole = fs::read_to_string(&tape).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let decisions = path("cut.decisions");
    let broken = replay(folder.path(), &[text(&cut), "--decisions", text(&decisions)]);
    assert!(broken.stdout.contains("THE TAPE BROKE"), "{}", broken.stdout);
    check(broken, "cut off after line");
    let id = "split_arb_legged";
    let words = [text(&decisions), text(&decisions), "--strategy", id];
    check(compare(folder.path(), &words), "cut off after line");
    let file = shipped(id);
    check(
        compare(folder.path(), &[text(&file), text(&file), "--tape", text(&cut)]),
        "cut off after",
    );
    check(compare(folder.path(), &[text(&file), "missing"]), "missing: there is no such file");
}
