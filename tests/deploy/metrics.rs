//! What Prometheus is shown: the same snapshot as everyone, under stable names, without endless labels.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use actors::api::metrics::{CONTENT_TYPE, ProcessInfo, render};
use expect_test::expect_file;
use ploy::lifecycle::Phase;
use ploy::restart::FailureClass;
use ploy::risk::Rule;
use ploy::status::FeedPhase;

use crate::exposition::{read, rendered};
use crate::status::{full, process};

/// A label outside this list could have endless values: a market, a token, an order.
const LABELS: [&str; 12] = [
    "action", "cause", "feed", "gate", "level", "mode", "result", "rule", "stage", "state",
    "strategy", "version",
];

#[test]
fn a_full_status_is_shown_as_recorded() {
    expect_file!["metrics.txt"].assert_eq(&render(&full(), &process()));
}

#[test]
fn every_metric_of_the_source_is_in_a_full_status() {
    let shown = rendered();
    for source in ["mod.rs", "strategy.rs", "process.rs"] {
        let text = crate::file(&format!("actors/src/api/metrics/{source}"));
        let literals = text.split('"').skip(1).step_by(2);
        let names =
            literals.filter(|text| text.starts_with("ploy_") || text.starts_with("process_"));
        for name in names {
            assert!(shown.contains_key(name), "{source}: {name} is not in tests/deploy/status.rs");
        }
    }
}

#[test]
fn names_say_what_they_count_and_in_which_unit() {
    for (name, metric) in rendered() {
        assert!(name.starts_with("ploy_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == "counter", "{name}");
        assert!(metric.help.ends_with('.') && 0 < metric.series, "{name}");
        for label in metric.labels.keys() {
            assert!(LABELS.contains(&label.as_str()), "{name}: {label}");
        }
    }
    assert_eq!(CONTENT_TYPE, "text/plain; version=0.0.4");
}

#[test]
fn a_removed_strategy_takes_its_series_with_it_and_no_other() {
    let with = render(&full(), &process());
    let mut status = full();
    status.strategies.retain(|strategy| strategy.id.as_str() != "split");
    let without = render(&status, &process());
    assert!(with.contains(r#"strategy="split""#) && !without.contains("split"));
    let lines: BTreeSet<&str> = with.lines().collect();
    let kept: BTreeSet<&str> = without.lines().collect();
    for line in lines.difference(&kept) {
        assert!(line.contains(r#"strategy="split""#) || line.starts_with('#'), "{line}");
    }
}

#[test]
fn one_state_of_a_strategy_is_1_and_the_others_are_0() {
    for (phase, name) in [
        (Phase::Running, "running"),
        (Phase::Halted { class: FailureClass::Panic, cause: "budget".into() }, "halted"),
    ] {
        let mut status = full();
        status.strategies[1].phase = phase;
        let text = render(&status, &process());
        for state in Phase::NAMES {
            let value = u8::from(state == name);
            let line =
                format!("ploy_strategy_state{{strategy=\"split\",state=\"{state}\"}} {value}\n");
            assert!(text.contains(&line), "{line}");
        }
    }
}

#[test]
fn a_rule_that_never_refused_is_shown_as_zero_so_that_its_first_refusal_is_a_rise() {
    let text = render(&full(), &process());
    for rule in Rule::ALL {
        let line =
            format!("ploy_risk_rejections_total{{strategy=\"late\",rule=\"{}\"}} 0\n", rule.name());
        assert!(text.contains(&line), "{line}");
    }
}

#[test]
fn what_is_not_known_has_no_series() {
    let text = render(&full(), &ProcessInfo::default());
    for absent in [
        "ploy_strategy_last_trade_timestamp_seconds{strategy=\"late\"}",
        "ploy_risk_usage{strategy=\"split\",rule=\"loss_streak\"}",
        "process_resident_memory_bytes",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
    let mut status = full();
    status.feed.last_event_at = None;
    status.strategies.clear();
    let metrics = read(&render(&status, &process()));
    assert!(!metrics.contains_key("ploy_feed_last_message_timestamp_seconds"));
    assert!(!metrics.contains_key("ploy_decisions_total"));
}

#[test]
fn readiness_and_the_feed_are_those_of_the_snapshot() {
    let mut status = full();
    status.not_ready = vec!["store".into()];
    status.feed.state = FeedPhase::Failed;
    let text = render(&status, &process());
    for line in [
        "ploy_ready 0\n",
        "ploy_feed_connected{feed=\"tape\"} 0\n",
        "ploy_feed_state{feed=\"tape\",state=\"failed\"} 1\n",
        "ploy_status_snapshot 42\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn the_page_lists_every_metric_as_the_program_shows_it() {
    let mut table =
        String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for (name, metric) in rendered() {
        let labels: Vec<String> = metric.labels.keys().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{name}` | {} | {} | {} |", metric.kind, labels.join(", "), metric.help)
            .unwrap();
    }
    crate::check_block("docs/operations.md", "metrics", &table);
}
