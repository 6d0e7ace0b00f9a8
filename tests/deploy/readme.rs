//! The README's main job, run as a reader would: it ends well, and its report is the one that the page shows.

use std::process::{Command, Stdio};

/// Plays the shipped recording and returns the report, without the line that tells the machine's speed.
fn job() -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ploy"))
        .args(["run", "--speed", "max", "--exit-at-end", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .current_dir(crate::path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.trim_end().lines().filter(|line| !line.ends_with(" a second"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_readme_shows_the_report_of_its_main_job() {
    crate::check_block("README.md", "report", &format!("```text\n{}```\n", job()));
}
