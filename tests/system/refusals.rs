//! What the program refuses: it says which file, which place and what to do, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::stage::program::{Ended, Program, ploy, run};
use crate::stage::{WITHIN, folder, repo, rows, tape};

/// Runs it to its end in a folder; it must fail, say all of this, and leave no other files than there were.
fn check(folder: &TempDir, words: &[&str], said: &[&str]) -> Ended {
    let before = files(folder.path());
    let mut all = vec!["--speed", "max", "--exit-at-end"];
    all.extend(words);
    let ended = Program::to_end(run(folder.path(), &all));
    failed(&ended, said);
    assert_eq!(files(folder.path()), before, "{words:?} left something behind");
    ended
}

fn failed(ended: &Ended, said: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    for part in said {
        assert!(ended.stderr.contains(part), "`{part}` is not said: {}", ended.stderr);
    }
}

/// Returns every file below a folder; the lock beside a store may stay.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !name.ends_with(".lock") {
            found.insert(name);
        }
    }
    found
}

/// Writes a file into a folder and returns its path as text.
fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Returns the lines of the beginning of the shipped tape.
fn lines(folder: &TempDir) -> Vec<String> {
    let text = fs::read_to_string(tape::short(folder.path())).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_tape_that_is_not_there_is_named_with_where_tapes_are() {
    let said = ["no/such.jsonl.gz", "there is no such tape", "config/tapes"];
    check(&folder(), &["--tape", "no/such.jsonl.gz"], &said);
}

#[test]
fn a_tape_of_another_version_is_refused_before_anything_starts() {
    let folder = folder();
    let text = lines(&folder).join("\n").replacen("\"version\":1", "\"version\":2", 1);
    let tape = file(&folder, "two.jsonl", text);
    let said = [tape.as_str(), "line 1: tape version 2 is not readable", "reads version 1"];
    check(&folder, &["--tape", &tape], &said);
}

#[test]
fn a_tape_cut_off_in_its_header_is_refused_before_anything_starts() {
    let folder = folder();
    let whole = fs::read(tape::whole()).unwrap();
    let tape = file(&folder, "header.jsonl.gz", &whole[..100]);
    check(&folder, &["--tape", &tape], &[tape.as_str(), "cut off after line 0"]);
}

#[test]
fn a_tape_cut_off_later_fails_the_run_and_the_report_says_so() {
    let folder = folder();
    let whole = fs::read(tape::whole()).unwrap();
    let tape = file(&folder, "cut.jsonl.gz", &whole[..whole.len() / 10]);
    let ended = broken(&folder, &tape, &["cut off after line "]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(report["feed_error"].as_str().unwrap().contains("cut off after line "), "{report}");
}

#[test]
fn a_tape_broken_in_the_middle_fails_the_run_with_the_number_of_the_line() {
    let folder = folder();
    let mut lines = lines(&folder);
    lines[700] = lines[700].replacen("\"t\":", "\"time\":", 1);
    let tape = file(&folder, "broken.jsonl", lines.join("\n"));
    let ended = broken(&folder, &tape, &["line 701: unknown field `time`"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["events"], 699, "what came before it was played");
}

fn broken(folder: &TempDir, tape: &str, said: &[&str]) -> Ended {
    let words = ["--speed", "max", "--exit-at-end", "--output", "json", "--tape", tape];
    let ended = Program::to_end(run(folder.path(), &words));
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    for part in said.iter().chain(&[tape]) {
        assert!(ended.stderr.contains(part), "`{part}` is not said: {}", ended.stderr);
    }
    ended
}

#[test]
fn a_service_whose_tape_broke_answers_on_and_says_which_line() {
    let folder = folder();
    let mut lines = lines(&folder);
    lines.truncate(700);
    let tape = file(&folder, "cut.jsonl", lines.join("\n") + "\n");
    let mut program = Program::start(run(folder.path(), &["--speed", "max", "--tape", &tape]));
    let url = program.logged("service.ready")["url"].as_str().unwrap().to_owned();
    let failed = program.logged("feed.failed");
    assert!(failed.to_string().contains("cut off after line 700"), "{failed}");
    let asked = Program::to_end(ploy(folder.path(), &["health", "--url", &url]));
    assert_eq!(asked.status.code(), Some(1));
    assert!(asked.stdout.contains("cut off after line 700"), "{}", asked.stdout);
    program.signal("TERM");
    let ended = program.wait(WITHIN);
    assert_eq!(ended.status.code(), Some(1), "what failed once is not forgotten");
}

#[test]
fn every_fault_of_every_settings_file_is_said_at_once_with_its_place() {
    let folder = folder();
    let config = folder.path().join("config");
    fs::create_dir_all(config.join("strategies")).unwrap();
    let shipped = |name: &str| fs::read_to_string(repo("config").join(name)).unwrap();
    let service = shipped("ploy.toml").replace("speed = \"60x\"", "speed = \"fast\"");
    fs::write(config.join("ploy.toml"), &service).unwrap();
    let strategy = shipped("strategies/split_arb_legged.toml")
        .replace("enabled = true", "enabled = \"yes\"")
        .replace("order_burst = 10", "order_brust = 10");
    fs::write(config.join("strategies/a.toml"), &strategy).unwrap();
    let place = |text: &str, needle: &str, column: usize| {
        let line = text.lines().position(|line| line.starts_with(needle)).unwrap() + 1;
        format!("{line}:{column}:")
    };
    let said = [
        format!("ploy.toml:{}", place(&service, "speed = ", 9)),
        format!("a.toml:{}", place(&strategy, "enabled = ", 11)),
        format!("a.toml:{}", place(&strategy, "order_brust = ", 1)),
        "nothing was started".to_owned(),
        "order_burst".to_owned(),
    ];
    let before = files(folder.path());
    let words = ["run", "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let ended = Program::to_end(ploy(folder.path(), &words));
    failed(&ended, &said.each_ref().map(String::as_str));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn an_address_in_use_is_refused_before_the_store_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = [address.as_str(), "--listen", "another ploy"];
    check(&folder(), &["--listen", &address], &said);
}

#[test]
fn a_data_folder_that_cannot_be_made_is_refused() {
    let folder = folder();
    let in_the_way = file(&folder, "data", "a file where a folder should be");
    for place in ["/proc/ploy", &in_the_way] {
        let said = [place, "ploy.db", "give the store another place"];
        check(&folder, &["--data", place], &said);
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = folder();
    let letter = "dear diary, ".repeat(1000);
    let store = file(&folder, "diary.db", &letter);
    let said = [store.as_str(), "give the store another place, or restore"];
    check(&folder, &["--store", &store], &said);
    assert_eq!(fs::read_to_string(&store).unwrap(), letter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_on_the_same_store_is_refused_and_the_first_one_never_notices() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let words = ["--speed", "60x", "--store", store.to_str().unwrap()];
    let mut first = Program::start(run(folder.path(), &words));
    first.logged("service.ready");
    let second = Program::to_end(run(folder.path(), &words));
    failed(&second, &[store.to_str().unwrap(), "in use by another process", "another place"]);
    first.signal("TERM");
    let ended = first.wait(Duration::from_secs(30));
    assert!(ended.status.success(), "{}", ended.stderr);
    let runs: Vec<(i64,)> = rows(&store, "select number from runs").await;
    assert_eq!(runs, [(1,)], "the second one wrote nothing");
}
