//! Whether the process turns over, and whether the service can do its work.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use ploy::lifecycle::Phase;
use ploy::status::{FeedPhase, SystemStatus};

use super::ApiState;
use super::error::{Complete, Problem};

/// Answers as long as the process turns over.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// Answers whether the service can do its work; with `?verbose` one check a line. A strategy that is halted
/// is no fault of the service: a restart of everything would not mend it.
pub(super) async fn readyz(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let status = state.snapshot();
    let mut reasons = status.not_ready.clone();
    if state.status.has_changed().is_err() {
        reasons.push("the status is no longer brought up to date".to_owned());
    }
    let verbose = query.is_some_and(|query| {
        query.split('&').any(|pair| pair.split('=').next() == Some("verbose"))
    });
    match (verbose, reasons.is_empty()) {
        (false, true) => "ok\n".into_response(),
        (false, false) => Problem::not_ready(reasons).into_response(),
        (true, true) => checks(&status, &reasons).into_response(),
        (true, false) => {
            let code = StatusCode::SERVICE_UNAVAILABLE;
            let mut response = (code, checks(&status, &reasons)).into_response();
            response.extensions_mut().insert(Complete);
            response
        }
    }
}

/// Returns one check a line: `+` is good, `-` stands in the way, `!` needs a person but does not count.
fn checks(status: &SystemStatus, reasons: &[String]) -> String {
    let mut lines: Vec<(char, String)> =
        reasons.iter().map(|reason| ('-', reason.clone())).collect();
    let feed = match status.feed.state {
        FeedPhase::Waiting => ('+', "feed waiting".to_owned()),
        FeedPhase::Playing => ('+', format!("feed playing, {} events", status.feed.events)),
        FeedPhase::Ended => ('+', format!("feed ended, {} events", status.feed.events)),
        FeedPhase::Failed => ('-', "feed failed".to_owned()),
    };
    lines.push(feed);
    lines.push(if status.store.up {
        ('+', format!("store up, {} rows", status.store.rows))
    } else {
        ('-', "store down".to_owned())
    });
    for strategy in &status.strategies {
        let mark = match &strategy.phase {
            Phase::Halted { .. } | Phase::Backoff { .. } | Phase::Quarantine { .. } => '!',
            Phase::Stopped
            | Phase::Starting
            | Phase::Warming
            | Phase::Running
            | Phase::Stopping { .. } => '+',
        };
        lines.push((mark, format!("{} {}", strategy.id, strategy.phase.name())));
    }
    let mut text = String::new();
    for (mark, line) in lines {
        writeln!(text, "[{mark}] {line}").expect("writing to a text does not fail");
    }
    text.push_str(if reasons.is_empty() { "ready\n" } else { "not ready\n" });
    text
}
