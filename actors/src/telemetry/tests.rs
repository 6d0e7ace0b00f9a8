//! What a log line looks like, what it carries from its spans, and what it never shows.

use expect_test::{Expect, expect};
use ploy::time::Timestamp;
use std::sync::OnceLock;
use tracing::Level;

use super::events;
use super::layer::{LineLayer, Style};
use super::line::Colour;
use super::sink::Sink;
use super::sink::tests::{Memory, counts};

fn at() -> Timestamp {
    Timestamp::from_micros(1_790_586_000_250_000)
}

/// Logs what `say` says in this style, and compares the lines.
fn check(style: Style, say: impl FnOnce(), lines: &Expect) {
    lines.assert_eq(&lines_of(style, say));
}

/// Returns what the log says, whatever the version.
fn lines_of(style: Style, say: impl FnOnce()) -> String {
    use tracing_subscriber::layer::SubscriberExt as _;
    let memory = Memory::default();
    let counts = counts();
    let sink = Sink::start(Box::new(memory.clone()), counts).unwrap();
    static NONE: OnceLock<String> = OnceLock::new();
    let run = "run-1".to_owned();
    let layer = LineLayer { style, run, known: &NONE, now: at, sink: sink.clone(), counts };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
    sink.flush();
    let text = memory.text.lock().unwrap();
    let version = format!(r#""service.version":"{}""#, env!("CARGO_PKG_VERSION"));
    text.replace(&version, r#""service.version":"…""#)
}

fn say_much() {
    let span = tracing::info_span!("strategy", strategy = "split", market = tracing::field::Empty);
    let _entered = span.enter();
    span.record("market", "0xab");
    tracing::info!(
        duration_ms = 12,
        order = %"split:7",
        event.name = events::ORDER_FILLED,
        price = "0.46",
        ratio = 0.5,
        "order filled"
    );
    let cause = std::io::Error::other("disk full");
    let outer = Outer(cause);
    let error: &dyn std::error::Error = &outer;
    tracing::error!(
        event.name = events::STORE_FAILED,
        error.r#type = "io",
        error,
        strategy = "other",
        level = 3,
        "write failed"
    );
}

#[derive(Debug, thiserror::Error)]
#[error("write rows")]
struct Outer(#[source] std::io::Error);

#[test]
fn a_line_is_flat_json_with_the_fields_of_its_spans() {
    let lines = expect![[r#"
        {"timestamp":"2026-09-28T09:00:00.250000Z","level":"info","message":"order filled","service.name":"ploy","service.version":"…","run.id":"run-1","event.name":"order.filled","strategy.id":"split","market.id":"0xab","order.id":"split:7","duration_ms":12,"price":"0.46","ratio":0.5,"code.module":"actors::telemetry::tests"}
        {"timestamp":"2026-09-28T09:00:00.250000Z","level":"error","message":"write failed","service.name":"ploy","service.version":"…","run.id":"run-1","event.name":"store.failed","strategy.id":"other","market.id":"0xab","error.type":"io","error.message":"write rows: disk full","field.level":3,"code.module":"actors::telemetry::tests"}
    "#]];
    check(Style::Json, say_much, &lines);
}

#[test]
fn a_terminal_shows_time_level_strategy_message_and_fields() {
    let lines = expect![[r#"
        09:00:00.250 info  split: order filled market.id=0xab order.id=split:7 duration_ms=12 price=0.46 ratio=0.5
        09:00:00.250 error other: write failed market.id=0xab error.type=io error.message=write rows: disk full level=3
    "#]];
    check(Style::Pretty(Colour::Off), say_much, &lines);
}

#[test]
fn foreign_text_breaks_no_line_and_gives_the_terminal_no_orders() {
    let say = || tracing::warn!(reason = "bad\nlevel=error \u{1b}[2J", "refused\r\nby venue");
    check(
        Style::Pretty(Colour::Off),
        say,
        &expect![[r#"
        09:00:00.250 warn  refused\r\nby venue reason=bad\nlevel=error \u{1b}[2J
    "#]],
    );
    check(
        Style::Json,
        say,
        &expect![[r#"
        {"timestamp":"2026-09-28T09:00:00.250000Z","level":"warn","message":"refused\r\nby venue","service.name":"ploy","service.version":"…","run.id":"run-1","reason":"bad\nlevel=error \u001b[2J","code.module":"actors::telemetry::tests"}
    "#]],
    );
}

#[test]
fn a_secret_in_a_field_or_an_address_is_not_logged() {
    let say = || {
        tracing::info!(api_key = "k-1", nonce_secret = 5, url = "postgres://u:p@db/x", "connect");
    };
    check(
        Style::Json,
        say,
        &expect![[r#"
        {"timestamp":"2026-09-28T09:00:00.250000Z","level":"info","message":"connect","service.name":"ploy","service.version":"…","run.id":"run-1","api_key":"[redacted]","nonce_secret":"[redacted]","url":"postgres://[redacted]@db/x","code.module":"actors::telemetry::tests"}
    "#]],
    );
}

#[test]
fn a_panic_is_one_line_with_its_text_and_place() {
    let here = std::thread::current().id();
    let before = std::sync::Arc::new(std::panic::take_hook());
    let others = std::sync::Arc::clone(&before);
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == here {
            super::log_panic(panic);
        } else {
            others(panic);
        }
    }));
    let say = || {
        let panicked = std::panic::catch_unwind(|| panic!("negative size"));
        assert!(panicked.is_err());
    };
    let memory = lines_of(Style::Json, say);
    std::panic::set_hook(Box::new(move |panic| before(panic)));
    let line: serde_json::Value = serde_json::from_str(&memory).unwrap();
    assert_eq!(line["event.name"], "process.panicked");
    assert_eq!(line["error.message"], "negative size");
    let place = line["code.place"].as_str().unwrap();
    assert!(place.contains("telemetry/tests.rs:"), "{place}");
}

#[test]
fn events_are_counted_by_level() {
    let counts = counts();
    for (level, times) in [(Level::ERROR, 3), (Level::WARN, 2), (Level::INFO, 1)] {
        for _ in 0..times {
            counts.event(level);
        }
    }
    let read = counts.read();
    assert_eq!((read.error, read.warn, read.info, read.debug), (3, 2, 1, 0));
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_with_its_text() {
    let settings = super::Settings {
        format: super::Format::Json,
        filter: "loud=verbose".into(),
        run: "run-1".into(),
    };
    let error = super::init(&settings).unwrap_err();
    assert_eq!(error.to_string(), "log filter `loud=verbose`");
}
