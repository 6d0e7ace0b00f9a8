//! Which names may stand where: outside crates, clocks, and the few doors through which an order passes.

use crate::source::{self, code};
use crate::{files, none, read};

/// A name, and the only places in which code may say it.
const ONLY_IN: &[(&str, &[&str])] = &[
    // Who speaks with the outside.
    ("sqlx::", &["actors/src/store/"]),
    ("axum::", &["actors/src/api/"]),
    ("reqwest::", &["actors/src/cli/"]),
    (
        "flate2::",
        &["actors/src/adapters/tape/", "actors/src/record/sink.rs", "actors/src/replay/file.rs"],
    ),
    ("notify::", &["actors/src/config_service/files.rs"]),
    ("prometheus::", &["actors/src/api/metrics/"]),
    ("ratatui::", &["actors/src/live.rs", "actors/src/cli/look.rs"]),
    ("clap::", &["actors/src/cli/", "actors/src/main.rs"]),
    // Who is an actor.
    (
        "ractor::",
        &[
            "actors/src/adapters/paper.rs",
            "actors/src/api/server.rs",
            "actors/src/app/",
            "actors/src/config_service/",
            "actors/src/executor/",
            "actors/src/feed.rs",
            "actors/src/halt/",
            "actors/src/manager/",
            "actors/src/runtime/",
            "actors/src/shadow/",
            "actors/src/status.rs",
            "actors/src/supervisor.rs",
        ],
    ),
    // Who reads the machine's clock.
    (
        "SystemTime::now",
        // A row of the audit chain says when it was written, whatever the clock of decisions says.
        &["actors/src/app/parts.rs", "actors/src/store/audit/", "actors/src/telemetry/mod.rs"],
    ),
    // An intent becomes an order by the guard and the kernel, and goes out by the executor alone.
    ("Approved {", &["src/risk/mod.rs"]),
    ("Order::new", &["src/kernel/"]),
    ("dyn Venue", &["actors/src/app/", "actors/src/executor/", "actors/src/halt/watch.rs"]),
    ("impl Venue", &["actors/src/adapters/"]),
    ("PaperHandle", &["actors/src/adapters/paper.rs", "actors/src/app/"]),
    (
        "PaperVenue",
        &[
            "actors/src/adapters/paper.rs",
            "actors/src/app/",
            "actors/src/replay/",
            "actors/src/shadow/",
            "src/paper/",
            "src/replay/",
        ],
    ),
    // One function moves a phase; the life of a strategy asks it to, and one part asks whether it would.
    ("phase.next(", &["actors/src/manager/", "src/life.rs"]),
];

#[test]
fn names_stand_only_where_they_may() {
    let mut faults = Vec::new();
    let mut seen = vec![false; ONLY_IN.len()];
    for path in files(&["src", "actors/src"], ".rs") {
        if source::is_test(&path) {
            continue;
        }
        for (number, line) in code(&read(&path)).lines().enumerate() {
            for ((name, places), seen) in ONLY_IN.iter().zip(&mut seen) {
                if !says(line, name) {
                    continue;
                }
                if places.iter().any(|place| path.starts_with(place)) {
                    *seen = true;
                } else {
                    faults.push(format!("{path}:{}: `{name}` has no place here", number + 1));
                }
            }
        }
    }
    let unseen = ONLY_IN.iter().zip(seen).filter(|(_, seen)| !seen);
    faults.extend(unseen.map(|((name, _), _)| format!("`{name}` stands nowhere any more")));
    none(&faults);
}

fn says(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}
