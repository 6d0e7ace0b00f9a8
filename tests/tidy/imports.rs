//! The architecture as two tables: which part may import which. A new arrow needs a reason and a line here.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{self, code, heads};
use crate::{files, none, read};

/// A part with the parts that it may import.
type Arrows = &'static [(&'static str, &'static [&'static str])];

/// The core, from the words up to the kernel and those who run it.
///
/// A strategy knows neither who guards it, nor what fills its orders, nor where its settings come from. The
/// guard knows no strategy, and what is told of orders knows no guard: only the kernel, which asks the guard,
/// makes orders.
const CORE: Arrows = &[
    ("lib", &[]),
    ("audit", &[]),
    ("price", &[]),
    ("time", &[]),
    // A day has other lengths where clocks are put forward and back; who counts days must know.
    ("zone", &["time"]),
    ("fees", &["price"]),
    ("market", &["fees", "price", "time"]),
    ("book", &["market", "price", "time"]),
    ("event", &["book", "market", "price", "time"]),
    ("intent", &["market", "price"]),
    ("numbers", &["price"]),
    ("trigger", &["market", "time"]),
    ("decision", &["intent", "market", "numbers", "risk", "time", "trigger"]),
    ("order", &["market", "price", "time"]),
    ("open_orders", &["intent", "market", "order", "price"]),
    ("order_path", &["intent", "kernel", "market", "order", "price", "time"]),
    ("position", &["market", "order", "price", "time"]),
    ("ledger", &["market", "order", "price"]),
    ("restart", &["time"]),
    ("lifecycle", &["restart", "time"]),
    ("rollout", &["price", "time"]),
    (
        "strategy",
        &[
            "book",
            "decision",
            "event",
            "fees",
            "intent",
            "market",
            "numbers",
            "open_orders",
            "order",
            "position",
            "price",
            "time",
        ],
    ),
    (
        "risk",
        &[
            "book",
            "event",
            "intent",
            "lifecycle",
            "market",
            "numbers",
            "open_orders",
            "order",
            "position",
            "price",
            "time",
            "zone",
        ],
    ),
    ("halt", &["intent", "lifecycle", "order", "time"]),
    ("command", &["lifecycle", "order", "rollout"]),
    ("process", &["time"]),
    ("life", &["command", "lifecycle", "restart", "time"]),
    ("tape", &["book", "event", "market", "price", "time"]),
    (
        "status",
        &["halt", "ledger", "lifecycle", "market", "order", "price", "rollout", "tape", "time"],
    ),
    (
        "kernel",
        &[
            "decision",
            "event",
            "intent",
            "lifecycle",
            "market",
            "numbers",
            "open_orders",
            "order",
            "position",
            "price",
            "risk",
            "status",
            "strategy",
            "time",
            "trigger",
        ],
    ),
    ("paper", &["book", "event", "fees", "intent", "kernel", "market", "order", "price", "time"]),
    ("replay", &["event", "kernel", "order", "paper", "time"]),
    (
        "compare",
        &[
            "decision", "intent", "kernel", "market", "numbers", "order", "price", "risk", "tape",
            "time",
        ],
    ),
    (
        "record",
        &[
            "book",
            "event",
            "kernel",
            "lifecycle",
            "market",
            "order",
            "price",
            "restart",
            "status",
            "tape",
            "time",
        ],
    ),
    (
        "config",
        &[
            "halt", "numbers", "order", "price", "process", "restart", "risk", "rollout",
            "strategy", "zone",
        ],
    ),
];

/// What runs, besides the core: adapters know no store, the API knows no runtime and no manager, a runtime
/// knows no venue, and only `app` knows all.
const ACTORS: Arrows = &[
    ("bus", &[]),
    ("panics", &[]),
    ("pulse", &[]),
    ("settings", &["record", "store"]),
    ("telemetry", &[]),
    ("watchdog", &["pulse", "telemetry"]),
    ("words", &[]),
    ("ports", &["bus"]),
    ("clock", &["bus", "ports"]),
    ("supervisor", &["ports", "telemetry"]),
    ("store", &["bus", "ports", "telemetry"]),
    ("adapters", &["bus", "clock", "ports"]),
    ("record", &["adapters", "panics", "ports", "telemetry"]),
    ("ledger", &["ports", "telemetry"]),
    ("account", &["bus", "ports", "store", "telemetry"]),
    ("halt", &["bus", "clock", "ports", "store", "telemetry"]),
    ("failpoint", &[]),
    // It says when an answer was lost, in event time.
    (
        "executor",
        &["account", "bus", "clock", "failpoint", "ledger", "ports", "store", "telemetry"],
    ),
    ("feed", &["bus", "clock", "ports", "record", "store", "telemetry"]),
    (
        "runtime",
        &[
            "account",
            "bus",
            "clock",
            "executor",
            "ledger",
            "panics",
            "ports",
            "pulse",
            "record",
            "store",
            "telemetry",
        ],
    ),
    // What breaks the account or costs a thread halts all, and only the manager learns of it.
    (
        "manager",
        &[
            "bus",
            "clock",
            "halt",
            "panics",
            "ports",
            "pulse",
            "record",
            "runtime",
            "shadow",
            "telemetry",
        ],
    ),
    ("config_service", &["bus", "ports", "telemetry"]),
    ("status", &["account", "bus", "clock", "halt", "ledger", "ports", "record", "store"]),
    ("api", &["bus", "ports", "telemetry"]),
    ("verdict", &["words"]),
    ("live", &["verdict", "words"]),
    ("report", &["words"]),
    ("replay", &["adapters", "panics", "ports", "record", "words"]),
    ("shadow", &["bus", "compare", "panics", "replay"]),
    ("compare", &["adapters", "replay", "settings", "store", "words"]),
    (
        "cli",
        &[
            "adapters", "api", "compare", "panics", "ports", "record", "replay", "report",
            "settings", "store", "verdict", "words",
        ],
    ),
    (
        "app",
        &[
            "account",
            "adapters",
            "api",
            "bus",
            "clock",
            "config_service",
            "executor",
            "failpoint",
            "feed",
            "halt",
            "ledger",
            "manager",
            "ports",
            "pulse",
            "record",
            "runtime",
            "settings",
            "status",
            "store",
            "supervisor",
            "telemetry",
        ],
    ),
    (
        "run",
        &[
            "app",
            "bus",
            "cli",
            "config_service",
            "feed",
            "live",
            "panics",
            "ports",
            "report",
            "settings",
            "store",
            "telemetry",
            "watchdog",
        ],
    ),
    ("main", &["cli", "run"]),
    ("lib", &[]),
    ("sample", &[]),
];

#[test]
fn parts_of_the_core_import_only_what_they_may() {
    check("src", CORE);
}

#[test]
fn parts_of_the_actors_import_only_what_they_may() {
    check("actors/src", ACTORS);
}

/// In a circle nobody can be read, tested or changed alone.
#[test]
fn no_parts_import_each_other_in_a_circle() {
    for table in [CORE, ACTORS] {
        let mut left: BTreeMap<&str, &[&str]> = table.iter().copied().collect();
        while !left.is_empty() {
            let free = |imports: &&[&str]| imports.iter().all(|part| !left.contains_key(part));
            let next: Vec<&str> =
                left.iter().filter(|(_, imports)| free(imports)).map(|(part, _)| *part).collect();
            assert!(!next.is_empty(), "a circle among {:?}", left.keys());
            left.retain(|part, _| !next.contains(part));
        }
    }
}

fn check(folder: &str, table: Arrows) {
    let mut faults = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (part, imports) in table {
        unused.extend(imports.iter().map(|import| (*part, *import)));
    }
    let mut seen = BTreeSet::new();
    for path in files(&[folder], ".rs") {
        let part = part(folder, &path);
        let Some((part, may)) = table.iter().find(|(name, _)| *name == part) else {
            faults.push(format!("{path}: the part `{part}` is not in the table"));
            continue;
        };
        seen.insert(*part);
        if source::is_test(&path) {
            continue;
        }
        let code = code(&read(&path));
        for (line, target) in arrows(&code, &path, folder) {
            unused.retain(|arrow| *arrow != (*part, target.as_str()));
            if target != *part && !may.contains(&target.as_str()) {
                faults.push(format!("{path}:{line}: `{part}` may not import `{target}`"));
            }
        }
    }
    let known = table.iter().map(|(part, _)| *part);
    faults
        .extend(known.filter(|part| !seen.contains(part)).map(|part| format!("no part `{part}`")));
    let unused = unused.into_iter();
    faults.extend(unused.map(|(part, may)| format!("`{part}` need not import `{may}` any more")));
    none(&faults);
}

/// Returns the parts that a file names. The program names those of its library by the library's name.
fn arrows(code: &str, path: &str, folder: &str) -> Vec<(usize, String)> {
    let mut found = heads(code, "crate::");
    if path == "actors/src/main.rs" {
        found.extend(heads(code, "actors::"));
    }
    // So many steps up lead out of the part: such a path hides what it imports.
    let inside = path.strip_prefix(folder).unwrap().trim_start_matches('/');
    let depth = inside.split('/').filter(|step| *step != "mod.rs").count();
    for (at, _) in code.match_indices(&"super::".repeat(depth)) {
        if !code[..at].ends_with("super::") && inside != "lib.rs" {
            let line = code[..at].matches('\n').count() + 1;
            found.push((line, "something through super::".to_owned()));
        }
    }
    found
}

/// `actors/src/runtime/mod.rs` and `actors/src/runtime.rs` are both of the part `runtime`.
fn part(folder: &str, path: &str) -> String {
    let inside = path.strip_prefix(folder).unwrap().trim_start_matches('/');
    inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned()
}
