//! The names of log events: one list, which the code and the page follow.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use actors::telemetry::events::EVENTS;

#[test]
fn the_page_lists_every_event_with_what_to_do() {
    let mut table = String::from(
        "| `event.name` | level | meaning | what to do |\n| --- | --- | --- | --- |\n",
    );
    for event in EVENTS {
        let level = event.level.to_string().to_lowercase();
        writeln!(table, "| `{}` | {level} | {} | {} |", event.name, event.meaning, event.action)
            .unwrap();
    }
    crate::check_block("docs/logging.md", "events", &table);
}

#[test]
fn the_code_logs_only_listed_events_at_their_levels() {
    let mut faults = Vec::new();
    let mut used = 0;
    visit(&crate::path("actors/src"), &mut |file, text| {
        for (start, _) in text.match_indices("event.name = ") {
            used += 1;
            if let Err(fault) = check(text, start) {
                faults.push(format!("{}: {fault}", file.display()));
            }
        }
    });
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(0 < used);
}

#[test]
fn a_wrong_event_is_found() {
    for (code, fault) in [
        ("info!(event.name = events::ORDER_FILLED, \"a\")", None),
        ("info!(a = 1,\n event.name = \"order.filled\", \"a\")", None),
        (
            "info!(event.name = \"order.misplaced\", \"a\")",
            Some("`order.misplaced` is not in the list"),
        ),
        ("info!(event.name = events::GONE)", Some("`gone` is not in the list")),
        (
            "warn!(event.name = events::ORDER_FILLED)",
            Some("`order.filled` is logged as warn, not as info"),
        ),
    ] {
        let found = check(code, code.find("event.name").unwrap()).err();
        assert_eq!(found.as_deref(), fault, "{code}");
    }
}

/// Checks the name that follows `event.name = ` at `start`, and the level of the macro that it stands in.
fn check(text: &str, start: usize) -> Result<(), String> {
    let (before, after) = text.split_at(start);
    let value = after.trim_start_matches("event.name = ");
    let name: String = match value.strip_prefix('"') {
        Some(literal) => literal.split('"').next().unwrap_or_default().to_owned(),
        None => {
            let path = value.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
            let constant = path.into_iter().next().and_then(|path| path.rsplit("::").next());
            // A constant is the name in capitals.
            constant.unwrap_or_default().to_lowercase().replacen('_', ".", 1)
        }
    };
    let Some(event) = EVENTS.iter().find(|event| event.name == name) else {
        return Err(format!("`{name}` is not in the list"));
    };
    let levels = ["error", "warn", "info", "debug", "trace"];
    let level = levels
        .into_iter()
        .filter_map(|level| Some((before.rfind(&format!("{level}!("))?, level)))
        .max();
    let listed = event.level.to_string().to_lowercase();
    match level {
        Some((_, level)) if level != listed => {
            Err(format!("`{name}` is logged as {level}, not as {listed}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Calls `seen` with every Rust file below a folder.
fn visit(folder: &Path, seen: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, seen);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            seen(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
