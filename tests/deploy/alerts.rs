//! The alert rules: they name what the program shows, and say where to read on.

use std::collections::{BTreeMap, BTreeSet};

const RULES: &str = "deploy/prometheus/alerts.yml";
const PAGE: &str = "docs/operations.md";

/// The keys of one alert, as text.
type Alert = BTreeMap<String, String>;

/// Reads the alerts. Each key stands on a line of its own with its whole value, which is all that this file
/// uses of YAML.
fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for line in crate::file(RULES).lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push(Alert::from([("alert".into(), name.into())]));
        } else if let (Some(alert), Some((key, value))) = (alerts.last_mut(), line.split_once(": "))
        {
            let value = value.trim_matches('\'').replace("''", "'");
            let before = alert.insert(key.into(), value);
            assert_eq!(before, None, "{key} twice in {}", alert["alert"]);
        }
    }
    alerts
}

#[test]
fn every_alert_names_only_what_the_program_shows() {
    let metrics = crate::exposition::rendered();
    for alert in alerts() {
        let labels = crate::expression::check(&alert["alert"], &alert["expr"], &metrics);
        let text = format!("{} {}", alert["summary"], alert["description"]);
        for used in text.split("$labels.").skip(1) {
            let label = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            assert!(labels.contains(label), "{}: no label `{label}`", alert["alert"]);
        }
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let page = crate::file(PAGE);
    let headings: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].clone();
        assert!(matches!(alert["severity"].as_str(), "critical" | "warning"), "{name}");
        assert!(alert["description"].ends_with('.'), "{name}");
        assert_eq!(alert["runbook"], format!("{PAGE}#{}", name.to_lowercase()));
        assert!(headings.contains(name.as_str()), "{PAGE} has no `### {name}`");
        assert!(names.insert(name.clone()), "{name} twice");
    }
    let after = page.split_once("\n## Alerts\n").unwrap().1;
    let section = after.split("\n## ").next().unwrap();
    for heading in section.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(names.contains(heading), "{PAGE}: there is no alert {heading}");
    }
}

#[test]
fn every_alert_is_tested() {
    let tests = crate::file("deploy/prometheus/alerts_test.yml");
    for alert in alerts() {
        let name = &alert["alert"];
        let tested = tests.contains(&format!("alertname: {name}\n"));
        assert!(tested, "alerts_test.yml does not make {name} fire");
    }
}
