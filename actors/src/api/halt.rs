//! Halts and pauses: the kill switch and what takes it back, over the brake that the service has.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use ploy::halt::Scope;
use ploy::lifecycle::{Gate, Phase};
use ploy::order::StrategyId;
use ploy::status::StrategyStatus;

use super::ApiState;
use super::error::{Code, Problem};
use super::strategies::{Id, body_of};
use crate::ports::gates::{Ask, Turned, Wish};

type Sent = (HeaderMap, Result<Bytes, BytesRejection>);

/// Returns the routes of halts and pauses.
pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/halt", routing::post(halt))
        .route("/v1/resume", routing::post(resume))
        .route("/v1/pause", routing::post(pause_all))
        .route("/v1/strategies/{id}/pause", routing::post(pause_one))
}

async fn halt(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    asked(&state, Wish::Halt, (headers, body)).await
}

async fn resume(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    asked(&state, Wish::Resume, (headers, body)).await
}

async fn pause_all(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    asked(&state, Wish::Pause(Scope::All, Gate::ReduceOnly), (headers, body)).await
}

async fn pause_one(
    State(state): State<ApiState>,
    id: Id,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let scope = Scope::One(state.known(&id)?);
    asked(&state, Wish::Pause(scope, Gate::ReduceOnly), (headers, body)).await
}

async fn asked(
    state: &ApiState,
    wish: Wish,
    (headers, body): Sent,
) -> Result<Response<Body>, Problem> {
    let said = body_of(&headers, body)?;
    let actor = said.actor()?;
    let wish = match (wish, said.gate.as_deref()) {
        (wish, None) => wish,
        (Wish::Pause(scope, _), Some("reduce_only")) => Wish::Pause(scope, Gate::ReduceOnly),
        (Wish::Pause(scope, _), Some("closed")) => Wish::Pause(scope, Gate::Closed),
        (Wish::Pause(..), Some(other)) => {
            let why = format!("`gate` must be `reduce_only` or `closed`, not `{other}`");
            return Err(Problem::new(Code::BadBody, why));
        }
        (Wish::Halt | Wish::Resume, Some(_)) => {
            return Err(Problem::new(Code::BadBody, "`gate` says something of a pause only"));
        }
    };
    // Without one the brake says what is missing.
    let reason = said.reason.unwrap_or_default();
    let turned = granted(state, Ask { wish, reason, actor }).await?;
    Ok(Json(turned).into_response())
}

/// Ends the pause of a strategy, where it has one. Returns what was said then.
pub(super) async fn open(
    state: &ApiState,
    id: &StrategyId,
    (actor, reason): (&str, Option<String>),
) -> Result<Option<String>, Problem> {
    let status = state.snapshot();
    let is_known = status.strategy(id.as_str()).is_some();
    if state.brake.is_none() || !is_known {
        return Ok(None);
    }
    let wish = Wish::Pause(Scope::One(id.clone()), Gate::Open);
    let reason = reason.unwrap_or_else(|| "resumed".to_owned());
    let turned = granted(state, Ask { wish, reason, actor: actor.to_owned() }).await?;
    Ok(turned.changed.then_some(turned.said))
}

/// Returns what a resume of one strategy did, by how it was before.
pub(super) fn resumed(before: Option<&StrategyStatus>, opened: Option<String>) -> String {
    let mut did: Vec<String> = opened.into_iter().collect();
    if let Some(before) = before {
        if matches!(before.phase, Phase::Halted { .. }) {
            did.push("its halt is over: it starts".to_owned());
        }
        if before.kernel.tripped.is_some() {
            did.push("its breaker is released".to_owned());
        }
    }
    if did.is_empty() { NOTHING.to_owned() } else { did.join("; ") }
}

/// What is said of a resume that found nothing to do.
pub const NOTHING: &str =
    "nothing was changed: it was neither halted nor paused, and no breaker was tripped";

async fn granted(state: &ApiState, ask: Ask) -> Result<Turned, Problem> {
    let missing = || Problem::new(Code::Unavailable, "nothing here can halt or pause");
    let brake = state.brake.clone().ok_or_else(missing)?;
    brake.ask(ask).await.map_err(|denied| Problem::denied(&denied))
}
