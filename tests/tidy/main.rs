//! Checks what no compiler checks: who may import whom, how files look, and that pages tell the truth.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this test reads the sources, and a helper of a test fails by panicking"
)]

mod files;
mod imports;
mod manifests;
mod names;
mod numbers;
mod pages;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns every file below the folders, by path, whose name ends so. Build results are not among them.
fn files(folders: &[&str], ending: &str) -> Vec<String> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if name.ends_with(ending) {
            let inside = path.strip_prefix(root()).unwrap();
            found.push(inside.to_str().unwrap().to_owned());
        }
    }
    assert!(!found.is_empty(), "no file in {folders:?} ends in {ending}");
    found.sort();
    found
}

/// Returns the text of a file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with every fault at once.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
