//! Safe mode: a person leaves it, with a name and a reason.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::error::{Code, Problem};

/// The longest name of somebody who asks.
const ACTOR_CHARS_MAX: usize = 64;
/// The longest reason.
const REASON_CHARS_MAX: usize = 500;

/// What the body must say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Who asks; `api` where it is not said.
    actor: Option<String>,
    /// Why the service may trade again.
    reason: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Why it was left, as it stands in the audit.
    pub reason: String,
    /// The number of the newest snapshot; a later one shows the strategies that start.
    pub snapshot: u64,
}

/// Returns the route.
pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/v1/safe-mode/leave", routing::post(leave))
}

async fn leave(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let Ask { actor, reason } = ask(&headers, body)?;
    let actor = actor.unwrap_or_else(|| "api".to_owned());
    held("actor", &actor, ACTOR_CHARS_MAX)?;
    held("reason", &reason, REASON_CHARS_MAX)?;
    let bus = state.safe_mode.as_ref();
    let bus = bus.ok_or_else(|| Problem::new(Code::Unavailable, "nobody is there to be asked"))?;
    let left = bus.leave(actor, reason.clone()).await;
    left.map_err(|refusal| Problem::refused(&refusal, &state.snapshot()))?;
    let left = Left { reason, snapshot: state.snapshot().snapshot };
    Ok((StatusCode::ACCEPTED, Json(&left)).into_response())
}

fn ask(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Ask, Problem> {
    let body = body.map_err(|rejection| {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::BadBody,
        };
        Problem::new(code, rejection.body_text())
    })?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::NotJson, "a body needs `Content-Type: application/json`"));
    }
    serde_json::from_slice(&body).map_err(|error| Problem::new(Code::BadBody, error.to_string()))
}

fn held(name: &str, text: &str, chars_max: usize) -> Result<(), Problem> {
    let length = text.trim().chars().count();
    if (1..=chars_max).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("`{name}` must be 1 to {chars_max} printable characters");
    Err(Problem::new(Code::BadBody, detail))
}
