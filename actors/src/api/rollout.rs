//! Roll-outs over HTTP: how a version in shadow compares, and what a person decides about a version on its way.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use serde::Deserialize;

use super::error::{Code, Problem};
use super::strategies::Id;
use super::{ApiState, one_line};
use crate::bus::command::{Decision, Who};

/// The longest name of somebody who decides.
const ACTOR_CHARS_MAX: usize = 64;
/// The longest reason.
const REASON_CHARS_MAX: usize = 500;

/// What a decision's body may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Who decides; `api` where it is not said.
    actor: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// Returns the routes of roll-outs.
pub(super) fn routes() -> Router<ApiState> {
    let mut router = Router::new().route("/v1/strategies/{id}/shadow", routing::get(compare));
    for decision in [Decision::Promote, Decision::Discard] {
        let path = format!("/v1/strategies/{{id}}/{}", decision.name());
        let handler = move |state, id, headers, body| decide(decision, state, id, (headers, body));
        router = router.route(&path, routing::post(handler));
    }
    router
}

async fn compare(State(state): State<ApiState>, id: Id) -> Result<Response<Body>, Problem> {
    let who = Who { actor: "api".to_owned(), reason: None };
    answer(&state, &id, Decision::Compare, who).await
}

async fn decide(
    decision: Decision,
    State(state): State<ApiState>,
    id: Id,
    (headers, body): (HeaderMap, Result<Bytes, BytesRejection>),
) -> Result<Response<Body>, Problem> {
    let who = who(&headers, body)?;
    let mut response = answer(&state, &id, decision, who).await?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

async fn answer(
    state: &ApiState,
    id: &Id,
    decision: Decision,
    who: Who,
) -> Result<Response<Body>, Problem> {
    let strategy = state.known(id)?;
    let answer = state.commands.decide(strategy, decision, who).await;
    let answer = answer.map_err(|refusal| Problem::refused(&refusal, &state.snapshot()))?;
    Ok(Json(answer).into_response())
}

/// Returns who decides, and why, as the body says.
fn who(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Who, Problem> {
    let body = body.map_err(|rejection| {
        let is_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let code = if is_large { Code::TooLarge } else { Code::BadBody };
        Problem::new(code, rejection.body_text())
    })?;
    let ask: Ask = if body.is_empty() {
        Ask::default()
    } else {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/json") {
            let detail = "a body needs `Content-Type: application/json`";
            return Err(Problem::new(Code::NotJson, detail));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Problem::new(Code::BadBody, error.to_string()))?
    };
    let actor = ask.actor.unwrap_or_else(|| "api".to_owned());
    one_line("actor", &actor, ACTOR_CHARS_MAX)?;
    if let Some(reason) = &ask.reason {
        one_line("reason", reason, REASON_CHARS_MAX)?;
    }
    Ok(Who { actor, reason: ask.reason })
}
