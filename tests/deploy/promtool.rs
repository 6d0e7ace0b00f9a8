//! Prometheus' own checker agrees, where it is installed. Under CI it must be.

use std::io::{Write as _, stderr};
use std::process::{Command, Stdio};

use actors::api::metrics::render;

/// Runs promtool in `deploy/prometheus`, with `input`, and fails when it complains.
fn check(arguments: &[&str], input: &str) {
    let spawned = Command::new("promtool")
        .args(arguments)
        .current_dir(crate::path("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "promtool is needed: {error}");
            // Past the test runner's capture: a check that did not run must be seen.
            let notice = format!(
                "SKIPPED: promtool {}: {error}
",
                arguments.join(" ")
            );
            stderr().write_all(notice.as_bytes()).unwrap();
            return;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_finds_no_fault_in_the_settings() {
    check(&["check", "config", "prometheus.yml"], "");
}

#[test]
fn promtool_finds_no_fault_in_the_rules() {
    check(&["check", "rules", "alerts.yml"], "");
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    check(&["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn promtool_finds_no_fault_in_the_metrics() {
    let text = render(&crate::status::full(), &crate::status::process());
    check(&["check", "metrics"], &text);
}
