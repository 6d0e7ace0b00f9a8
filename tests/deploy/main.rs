//! Metrics, dashboards, alerts, log events and their pages agree with each other and with the program.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is tests, and a helper of a test fails by panicking"
)]

mod alerts;
mod commands;
mod dashboard;
mod exposition;
mod expression;
mod logging;
mod metrics;
mod promtool;
mod readme;
mod status;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns a path of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Returns a file of the repository.
fn file(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares what stands between `<!-- marker -->` and `<!-- /marker -->` of a page with what should stand
/// there. With `UPDATE_EXPECT` set the page is written anew instead.
fn check_block(page: &str, marker: &str, expected: &str) {
    let text = file(page);
    let (open, close) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->\n"));
    let (before, rest) = text.split_once(&open).expect(&open);
    let (block, after) = rest.split_once(&close).expect(&close);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path(page), format!("{before}{open}{expected}{close}{after}")).unwrap();
        return;
    }
    assert_eq!(block, expected, "{page}: write it anew with UPDATE_EXPECT=1");
}
