//! Why: one decision or one order with its whole chain, and what a strategy was doing at an instant.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query as Parameters, State};
use axum::http::Response;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::{Json, routing};
use ploy::time::Timestamp;
use serde::Serialize;

use super::ApiState;
use super::error::{Code, Problem};
use super::strategies::Id;
use crate::ports::why::{Found, Of};

/// A record's number in its strategy's address, as it was sent.
struct Numbered {
    id: Id,
    number: String,
}

/// What stands behind the `?`.
#[derive(Default)]
struct Asked {
    run: Option<String>,
    at: Option<Timestamp>,
}

/// Returns the routes of chains and moments.
pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/strategies/{id}/decisions/{seq}", routing::get(decision))
        .route("/v1/strategies/{id}/orders/{number}", routing::get(order))
        .route("/v1/strategies/{id}/why", routing::get(moment))
}

async fn decision(
    State(state): State<ApiState>,
    Numbered { id, number }: Numbered,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    let (of, seq) = (asked.of(&state, &id)?, numbered(&id, "a decision", &number)?);
    let found = state.chains.decision(of, seq).await?;
    let what = || {
        let id = &id.0;
        format!("decision {seq} of {id} was stored (noes and repeated refusals are only counted)")
    };
    answer(found, &what)
}

async fn order(
    State(state): State<ApiState>,
    Numbered { id, number }: Numbered,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    let (of, number) = (asked.of(&state, &id)?, numbered(&id, "an order", &number)?);
    let found = state.chains.order(of, number).await?;
    answer(found, &|| format!("order {number} of {} was sent", id.0))
}

async fn moment(
    State(state): State<ApiState>,
    id: Id,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    let Some(at) = asked.at else {
        let detail = "`at` is missing: an instant such as 2026-09-28T09:00:00Z";
        return Err(Problem::new(Code::BadQuery, detail));
    };
    let mut found = state.chains.moment(asked.of(&state, &id)?, at).await?;
    if let (Found::There(moment), Some(recall)) = (&mut found, &state.recall) {
        moment.noes = Arc::clone(recall).noes(&moment.run, &moment.strategy, at).await;
    }
    answer(found, &|| format!("nothing of {} was stored", id.0))
}

fn answer<T: Serialize>(
    found: Found<T>,
    what: &dyn Fn() -> String,
) -> Result<Response<Body>, Problem> {
    match found {
        Found::There(value) => Ok(Json(&value).into_response()),
        Found::Nothing { run } => {
            let detail = format!("no {} in run {run}; `run` names another one", what());
            Err(Problem::new(Code::UnknownRecord, detail))
        }
        Found::NoRun(newest) => {
            let runs = newest.join(", ");
            let detail = format!("`run` names no run, or several; the newest ones are: {runs}");
            Err(Problem::new(Code::UnknownRecord, detail))
        }
    }
}

fn numbered(id: &Id, what: &str, number: &str) -> Result<u64, Problem> {
    number.parse().map_err(|_no_number| {
        let detail = format!("`{number}` is no number of {what} of {}", id.0);
        Problem::new(Code::UnknownRecord, detail)
    })
}

impl Asked {
    fn of(&self, state: &ApiState, id: &Id) -> Result<Of, Problem> {
        Ok(Of { strategy: state.known(id)?, run: self.run.clone() })
    }
}

impl FromRequestParts<ApiState> for Numbered {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        match Path::<(String, String)>::from_request_parts(parts, state).await {
            Ok(Path((id, number))) => Ok(Self { id: Id(id), number }),
            // The address holds bytes that are no text.
            Err(_) => Err(Problem::unknown_strategy("\u{fffd}", &state.snapshot())),
        }
    }
}

impl FromRequestParts<ApiState> for Asked {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Code::BadQuery, detail);
        let Parameters(pairs) = Parameters::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| bad(rejection.body_text()))?;
        let takes_at = parts.uri.path().ends_with("/why");
        let mut asked = Self::default();
        for (name, value) in pairs {
            let is_twice = match name.as_str() {
                "run" => asked.run.replace(value).is_some(),
                "at" if takes_at => {
                    let at = value.parse();
                    let at = at.map_err(|error| bad(format!("`at`: {error}")))?;
                    asked.at.replace(at).is_some()
                }
                _ => {
                    let known =
                        if takes_at { "there are `at` and `run`" } else { "there is `run`" };
                    return Err(bad(format!("`{name}` is no parameter here; {known}")));
                }
            };
            if is_twice {
                return Err(bad(format!("`{name}` is given twice")));
            }
        }
        Ok(asked)
    }
}
