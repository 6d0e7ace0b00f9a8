//! The audit chain for programs: pages of who did what, the newest first.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query as Parameters, State};
use axum::http::request::Parts;
use axum::{Json, Router, routing};
use ploy::time::Timestamp;

use super::ApiState;
use super::error::{Code, Problem};
use super::strategies::{PAGE_DEFAULT, PAGE_MAX, whole};
use crate::ports::Page;
use crate::ports::audit::{AuditQuery, AuditRecord, AuditRecords};

/// The longest text that is looked for.
const TEXT_CHARS_MAX: usize = 200;

/// What stands behind the `?`.
struct Wanted(AuditQuery);

/// Returns the route of the audit chain.
pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/v1/audit", routing::get(audit))
}

async fn audit(
    State(state): State<ApiState>,
    Wanted(query): Wanted,
) -> Result<Json<Page<AuditRecord>>, Problem> {
    let Some(chain) = &state.audit else {
        return Err(Problem::new(Code::UnknownRoute, "no audit chain is kept here"));
    };
    Ok(Json(chain.audit(query).await?))
}

impl ApiState {
    /// Returns this with the audit chain.
    #[must_use]
    pub fn auditing<S: AuditRecords + Clone>(self, store: &S) -> Self {
        Self { audit: Some(Arc::new(store.clone())), ..self }
    }
}

impl FromRequestParts<ApiState> for Wanted {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Code::BadQuery, detail);
        let Parameters(pairs) = Parameters::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| bad(rejection.body_text()))?;
        let mut query = AuditQuery::default();
        let mut limit = None;
        for (name, value) in pairs {
            let twice = match name.as_str() {
                "strategy" => query.strategy.replace(text(&name, value)?).is_some(),
                "actor" => query.actor.replace(text(&name, value)?).is_some(),
                "action" => query.action.replace(text(&name, value)?).is_some(),
                "since" => query.since.replace(time(&name, &value)?).is_some(),
                "until" => query.until.replace(time(&name, &value)?).is_some(),
                "limit" => limit.replace(whole(&name, &value, 1..=i64::from(PAGE_MAX))?).is_some(),
                "cursor" => query.before.replace(whole(&name, &value, 0..=i64::MAX)?).is_some(),
                _ => {
                    let known =
                        "`strategy`, `actor`, `action`, `since`, `until`, `limit` and `cursor`";
                    return Err(bad(format!("`{name}` is no parameter here; there are {known}")));
                }
            };
            if twice {
                return Err(bad(format!("`{name}` is given twice")));
            }
        }
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        Ok(Self(AuditQuery { limit: limit.unwrap_or(PAGE_DEFAULT), ..query }))
    }
}

fn text(name: &str, value: String) -> Result<String, Problem> {
    if (1..=TEXT_CHARS_MAX).contains(&value.chars().count()) {
        return Ok(value);
    }
    let detail = format!("`{name}` must be 1 to {TEXT_CHARS_MAX} characters");
    Err(Problem::new(Code::BadQuery, detail))
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    let detail = |error| format!("`{name}`: {error}");
    value.parse().map_err(|error: ploy::time::NotATime| Problem::new(Code::BadQuery, detail(error)))
}
