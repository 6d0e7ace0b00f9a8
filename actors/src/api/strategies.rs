//! The strategies: each one's status, its records page by page, and the commands.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, Query as Parameters, State};
use axum::http::header::{CONTENT_TYPE, LINK, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use ploy::command::{Accepted, Action, Command, Refusal};
use ploy::order::StrategyId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Code, Problem};
use super::{ApiState, answer, one_line};
use crate::ports::{Page, Query, StoreError};

/// How many records a page has where the caller does not say.
pub(super) const PAGE_DEFAULT: u32 = 100;
/// The longest page.
pub(super) const PAGE_MAX: u32 = 1000;
/// The longest name of somebody who asks.
const ACTOR_CHARS_MAX: usize = 64;

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which strategy.
    pub strategy: StrategyId,
    /// The phase it is in after the command was taken.
    pub phase: String,
    /// What the command did, where that is more than a move to the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<String>,
    /// The number of the newest snapshot; a later one shows what the command led to.
    pub snapshot: u64,
}

/// A part of a snapshot that is a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items<T> {
    /// The number of the snapshot.
    pub snapshot: u64,
    /// The list.
    pub items: T,
}

/// What a command's body may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// Who asks; `api` where it is not said.
    actor: Option<String>,
    /// Why, for people.
    pub(super) reason: Option<String>,
    /// Of a pause: what may pass.
    pub(super) gate: Option<String>,
}

/// The id in a strategy's address, as it was sent.
pub(super) struct Id(pub(super) String);

/// Which page of records is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) limit: u32,
    pub(super) before: Option<i64>,
}

/// Returns the routes of strategies.
pub(super) fn routes() -> Router<ApiState> {
    let mut router = Router::new()
        .route("/v1/strategies", routing::get(list))
        .route("/v1/strategies/{id}", routing::get(one))
        .route("/v1/strategies/{id}/positions", routing::get(positions))
        .route("/v1/strategies/{id}/decisions", routing::get(decisions))
        .route("/v1/strategies/{id}/orders", routing::get(orders))
        .route("/v1/strategies/{id}/fills", routing::get(fills));
    for action in Action::ALL {
        let path = format!("/v1/strategies/{{id}}/{}", action.name());
        let handler = move |state, id, headers, body| command(action, state, id, (headers, body));
        router = router.route(&path, routing::post(handler));
    }
    router
}

async fn list(State(state): State<ApiState>, headers: HeaderMap) -> Response<Body> {
    let status = state.snapshot();
    let items = Items { snapshot: status.snapshot, items: &status.strategies };
    answer(&status, &headers, &items)
}

async fn one(
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let status = state.snapshot();
    match status.strategy(&id) {
        Some(strategy) => Ok(answer(&status, &headers, strategy)),
        None => Err(Problem::unknown_strategy(&id, &status)),
    }
}

async fn positions(
    State(state): State<ApiState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let status = state.snapshot();
    let Some(strategy) = status.strategy(&id) else {
        return Err(Problem::unknown_strategy(&id, &status));
    };
    let items = Items { snapshot: status.snapshot, items: &strategy.kernel.positions };
    Ok(answer(&status, &headers, &items))
}

async fn decisions(
    State(state): State<ApiState>,
    id: Id,
    wanted: Wanted,
) -> Result<Response<Body>, Problem> {
    let query = state.query(&id, wanted)?;
    let page = state.records.decisions(query.clone());
    paged("decisions", &query, page).await
}

async fn orders(
    State(state): State<ApiState>,
    id: Id,
    wanted: Wanted,
) -> Result<Response<Body>, Problem> {
    let query = state.query(&id, wanted)?;
    let page = state.records.orders(query.clone());
    paged("orders", &query, page).await
}

async fn fills(
    State(state): State<ApiState>,
    id: Id,
    wanted: Wanted,
) -> Result<Response<Body>, Problem> {
    let query = state.query(&id, wanted)?;
    let page = state.records.fills(query.clone());
    paged("fills", &query, page).await
}

/// Returns a page, with the address of the next one beside it.
async fn paged<T: Serialize>(
    kind: &str,
    query: &Query,
    page: impl Future<Output = Result<Page<T>, StoreError>>,
) -> Result<Response<Body>, Problem> {
    let page = page.await?;
    let mut response = Json(&page).into_response();
    let link = page.next.map(|next| {
        let Query { strategy, limit, .. } = query;
        format!("</v1/strategies/{strategy}/{kind}?limit={limit}&cursor={next}>; rel=\"next\"")
    });
    if let Some(Ok(link)) = link.map(|link| HeaderValue::from_str(&link)) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Asks the manager and tells what it said.
async fn command(
    action: Action,
    State(state): State<ApiState>,
    Id(id): Id,
    (headers, body): (HeaderMap, Result<Bytes, BytesRejection>),
) -> Result<Response<Body>, Problem> {
    let ask = body_of(&headers, body)?;
    let actor = ask.actor()?;
    if ask.gate.is_some() || (action != Action::Resume && ask.reason.is_some()) {
        let why = "`gate` says something of a pause only, and `reason` of halt, pause and resume";
        return Err(Problem::new(Code::BadBody, why));
    }
    let unknown = |_| Problem::unknown_strategy(&id, &state.snapshot());
    let strategy: StrategyId = id.parse().map_err(unknown)?;
    tracing::info!(strategy = id, action = action.name(), actor, "command asked for");
    let opened = match action {
        Action::Resume => super::halt::open(&state, &strategy, (&actor, ask.reason)).await?,
        Action::Start | Action::Stop | Action::Restart => None,
    };
    let before = state.snapshot();
    let command = Command { strategy: strategy.clone(), action, actor };
    let accepted = match (state.commands.send(command).await, &opened) {
        (Ok(accepted), _) => accepted,
        // Its pause is over: that was to be done, whatever its phase has to say to a resume.
        (Err(Refusal::Phase(no)), Some(_)) => Accepted { strategy, phase: no.phase.to_owned() },
        (Err(refusal), _) => return Err(Problem::refused(&refusal, &state.snapshot())),
    };
    let did = match action {
        Action::Resume => {
            Some(super::halt::resumed(before.strategy(accepted.strategy.as_str()), opened))
        }
        Action::Start | Action::Stop | Action::Restart => None,
    };
    let taken = Taken {
        did,
        snapshot: state.snapshot().snapshot,
        strategy: accepted.strategy,
        phase: accepted.phase,
    };
    let mut response = (StatusCode::ACCEPTED, Json(&taken)).into_response();
    let place = HeaderValue::from_str(&format!("/v1/strategies/{}", taken.strategy));
    if let Ok(place) = place {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// Returns what the body says.
pub(super) fn body_of(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Ask, Problem> {
    let body = body.map_err(Problem::from)?;
    if body.is_empty() {
        return Ok(Ask::default());
    }
    json_of(headers, Ok(body))
}

/// Returns who asks, as the body says.
pub(super) fn read_actor(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Problem> {
    body_of(headers, body)?.actor()
}

impl Ask {
    /// Returns who asks.
    pub(super) fn actor(&self) -> Result<String, Problem> {
        actor_of(self.actor.clone(), "api".to_owned())
    }
}

/// Returns what a body of JSON says.
pub(super) fn json_of<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    let body = body.map_err(Problem::from)?;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::NotJson, "a body needs `Content-Type: application/json`"));
    }
    serde_json::from_slice(&body).map_err(|error| Problem::new(Code::BadBody, error.to_string()))
}

/// Returns who asks, as it was said or else is known.
pub(super) fn actor_of(said: Option<String>, known: String) -> Result<String, Problem> {
    let Some(actor) = said else { return Ok(known) };
    one_line("actor", &actor, ACTOR_CHARS_MAX)?;
    Ok(actor)
}

impl ApiState {
    /// Returns the id of the strategy that is meant.
    pub(super) fn known(&self, Id(id): &Id) -> Result<StrategyId, Problem> {
        let status = self.snapshot();
        let strategy = status.strategy(id);
        let strategy = strategy.ok_or_else(|| Problem::unknown_strategy(id, &status))?;
        Ok(strategy.id.clone())
    }

    fn query(&self, id: &Id, wanted: Wanted) -> Result<Query, Problem> {
        Ok(Query { strategy: self.known(id)?, limit: wanted.limit, before: wanted.before })
    }
}

impl FromRequestParts<ApiState> for Id {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            // The address holds bytes that are no text.
            Err(_) => Err(Problem::unknown_strategy("\u{fffd}", &state.snapshot())),
        }
    }
}

impl FromRequestParts<ApiState> for Wanted {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Code::BadQuery, detail);
        let Parameters(pairs) = Parameters::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| bad(rejection.body_text()))?;
        let (mut limit, mut before) = (None, None);
        for (name, value) in pairs {
            let twice = match name.as_str() {
                "limit" => limit.replace(whole(&name, &value, 1..=i64::from(PAGE_MAX))?),
                "cursor" => before.replace(whole(&name, &value, 0..=i64::MAX)?),
                _ => {
                    let known = "there are `limit` and `cursor`";
                    return Err(bad(format!("`{name}` is no parameter here; {known}")));
                }
            };
            if twice.is_some() {
                return Err(bad(format!("`{name}` is given twice")));
            }
        }
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        Ok(Self { limit: limit.unwrap_or(PAGE_DEFAULT), before })
    }
}

pub(super) fn whole(
    name: &str,
    value: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Problem> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (from, to) = (range.start(), range.end());
        let detail = format!("`{name}` must be a whole number from {from} to {to}, not `{value}`");
        Problem::new(Code::BadQuery, detail)
    })
}
