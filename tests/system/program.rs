//! The program from its first line to its exit code, when all is well.

use std::collections::BTreeMap;

use actors::telemetry::events::EVENTS;
use ploy::decision::DecisionDigest;
use serde_json::Value;

use crate::stage::program::{Program, run};
use crate::stage::{folder, settings, tape};

#[test]
fn a_run_to_the_end_writes_one_report_for_programs_and_nothing_else_on_standard_output() {
    let folder = folder();
    let words = ["--speed", "max", "--exit-at-end", "--output", "json"];
    let ended = Program::to_end(run(folder.path(), &words));
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 1);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(folder.path().join("data/ploy.db").is_file(), "the store stands where it was started");

    let replay = tape::replay(&settings().tapes, &settings().strategies);
    assert_eq!(report["events"], 45_461);
    let strategies = report["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), replay.kernels().len());
    let mut digests = Vec::new();
    for (told, (id, kernel)) in strategies.iter().zip(replay.kernels()) {
        let status = kernel.status();
        assert_eq!(told["id"], id.as_str());
        assert_eq!(told["decisions"], status.decisions);
        assert_eq!(told["orders"], status.orders.submitted);
        assert_eq!(told["fills"], status.fills);
        assert_eq!(told["pnl_usdc"], status.pnl.total_usdc.to_string());
        assert_eq!(told["fees_usdc"], status.pnl.fees_usdc.to_string());
        digests.push((id.to_string(), status.digest));
    }
    let pairs = digests.iter().map(|(id, digest)| (id.as_str(), digest.as_str()));
    assert_eq!(report["decision_digest"], DecisionDigest::combine(pairs));
}

#[test]
fn without_a_terminal_every_line_of_the_log_is_json_and_says_a_listed_event_at_its_level() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let words = ["--speed", "max", "--exit-at-end", "--tape", tape.to_str().unwrap()];
    let ended = Program::to_end(run(folder.path(), &words));
    assert!(ended.status.success(), "{}", ended.stderr);
    let levels: BTreeMap<&str, String> =
        EVENTS.iter().map(|event| (event.name, event.level.to_string().to_lowercase())).collect();
    let mut named = Vec::new();
    for line in ended.log() {
        for key in ["timestamp", "level", "message", "service.name", "run.id", "code.module"] {
            assert!(line[key].is_string(), "no {key}: {line}");
        }
        if let Some(name) = line["event.name"].as_str() {
            let level = levels.get(name).unwrap_or_else(|| panic!("not listed: {line}"));
            assert_eq!(line["level"], *level, "{line}");
            named.push(name.to_owned());
        }
    }
    for name in ["service.started", "service.ready", "order.submitted", "order.filled"] {
        assert!(named.iter().any(|said| said == name), "{name} was not said: {named:?}");
    }
    assert_eq!(named.last().unwrap(), "service.stopped");
}

#[test]
fn a_report_for_people_is_on_standard_output_and_the_log_is_not() {
    let folder = folder();
    let tape = tape::short(folder.path());
    let words = ["--speed", "max", "--exit-at-end", "--tape", tape.to_str().unwrap()];
    let ended = Program::to_end(run(folder.path(), &words));
    assert!(ended.stdout.starts_with("PAPER run"), "{}", ended.stdout);
    assert!(ended.stdout.contains("split_arb_legged  split_arb legged"), "{}", ended.stdout);
    assert!(ended.stdout.lines().all(|line| !line.starts_with('{')));
}
