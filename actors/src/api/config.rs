//! Settings: what is in force, what a reading finds, changes of a strategy's file, and what became of them.

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query as Parameters, State};
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Json, Router, routing};
use ploy::order::StrategyId;
use ploy::status::ConfigStatus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{Code, Problem};
use super::strategies::{Id, Wanted, actor_of, json_of, read_actor};
use super::{ApiState, answer};
use crate::ports::config::{
    Base, ConfigDesk, Edit, FILE_BYTES_MAX, HistoryPage, Run, Update, Updated,
};

/// What is in force of the strategies' files, and what is not.
#[derive(Debug, Serialize)]
struct ConfigAnswer<'a> {
    snapshot: u64,
    #[serde(flatten)]
    folder: &'a ConfigStatus,
    strategies: Vec<ConfigOf<'a>>,
}

/// The settings of one strategy.
#[derive(Debug, Serialize)]
struct ConfigOf<'a> {
    id: &'a StrategyId,
    version: &'a str,
    pending: Option<&'a str>,
}

/// What a body may say that changes settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sets {
    /// Each setting with its section, and its value; null is the default.
    set: Map<String, Value>,
    /// Who asks; `api` where it is not said.
    actor: Option<String>,
}

/// What a body says that goes back to an older version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// The version, or its first digits.
    version: String,
    /// Who asks; `api` where it is not said.
    actor: Option<String>,
}

/// What stands behind the `?` of a change.
struct Asked {
    run: Run,
    actor: String,
}

/// Returns the routes of settings.
pub(super) fn routes() -> Router<ApiState> {
    let one = routing::get(file).put(put).patch(patch);
    Router::new()
        .route("/v1/config", routing::get(config))
        .route("/v1/config/reload", routing::post(reload))
        .route("/v1/strategies/{id}/config", one)
        .route("/v1/strategies/{id}/config/rollback", routing::post(rollback))
        .route("/v1/strategies/{id}/config/history", routing::get(history))
        .layer(DefaultBodyLimit::max(FILE_BYTES_MAX))
}

async fn config(State(state): State<ApiState>, headers: HeaderMap) -> Response<Body> {
    let status = state.snapshot();
    let strategies = status.strategies.iter().map(|strategy| ConfigOf {
        id: &strategy.id,
        version: &strategy.config_version,
        pending: strategy.config_pending.as_deref(),
    });
    let body = ConfigAnswer {
        snapshot: status.snapshot,
        folder: &status.config,
        strategies: strategies.collect(),
    };
    answer(&status, &headers, &body)
}

async fn reload(
    State(state): State<ApiState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let actor = read_actor(&headers, body)?;
    tracing::info!(actor, "a reading of the settings was asked for");
    Ok(Json(state.desk()?.reload().await?).into_response())
}

async fn file(
    State(state): State<ApiState>,
    Id(id): Id,
    _: NoQuery,
) -> Result<Response<Body>, Problem> {
    let file = state.desk()?.file(state.named(&id)?).await;
    let file = file.map_err(|error| Problem::of_desk(error, &state.snapshot()))?;
    let version = file.version.clone();
    Ok(tagged(Json(file).into_response(), &version))
}

/// Takes the whole text of a file.
async fn put(
    State(state): State<ApiState>,
    Id(id): Id,
    asked: Asked,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let body = body.map_err(Problem::from)?;
    let text = String::from_utf8(body.to_vec())
        .map_err(|error| Problem::new(Code::BadBody, format!("the file is no text: {error}")))?;
    let Asked { run, actor } = asked;
    let base = base(&headers)?;
    let strategy = state.named(&id)?;
    state.update(Update { strategy, base, edit: Edit::Text(text), actor, run }).await
}

/// Takes settings with their values.
async fn patch(
    State(state): State<ApiState>,
    Id(id): Id,
    asked: Asked,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let Sets { set, actor } = json_of(&headers, body)?;
    let sets = set.into_iter().map(|(key, value)| Ok((key.clone(), word(&key, value)?)));
    let sets: Vec<(String, Option<String>)> = sets.collect::<Result<_, Problem>>()?;
    if sets.is_empty() {
        return Err(Problem::new(Code::BadBody, "`set` names no setting"));
    }
    let base = changed_base(&headers)?;
    let (strategy, actor) = (state.named(&id)?, actor_of(actor, asked.actor)?);
    state.update(Update { strategy, base, edit: Edit::Sets(sets), actor, run: asked.run }).await
}

async fn rollback(
    State(state): State<ApiState>,
    Id(id): Id,
    asked: Asked,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response<Body>, Problem> {
    let Rollback { version, actor } = json_of(&headers, body)?;
    let base = changed_base(&headers)?;
    let (strategy, actor) = (state.named(&id)?, actor_of(actor, asked.actor)?);
    let edit = Edit::Rollback(version);
    state.update(Update { strategy, base, edit, actor, run: asked.run }).await
}

async fn history(
    State(state): State<ApiState>,
    Id(id): Id,
    wanted: Wanted,
) -> Result<Response<Body>, Problem> {
    // Not only those that are there now: what was removed has its history too.
    let id = state.named(&id)?;
    let Wanted { limit, before } = wanted;
    let page = state.desk()?.history(id.clone(), HistoryPage { limit, before }).await?;
    let link = page.next.map(|next| {
        format!("</v1/strategies/{id}/config/history?limit={limit}&cursor={next}>; rel=\"next\"")
    });
    let mut response = Json(&page).into_response();
    if let Some(Ok(link)) = link.map(|link| HeaderValue::from_str(&link)) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Returns a value of JSON as it would stand in a file.
fn word(key: &str, value: Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(on) => Ok(Some(on.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::String(text) => Ok(Some(text)),
        // The brackets and quotes of both languages are the same.
        Value::Array(items) if items.iter().all(Value::is_string) => {
            Ok(Some(Value::Array(items).to_string()))
        }
        Value::Array(_) | Value::Object(_) => {
            let detail = format!("`{key}` must be a number, a text, a switch or a list of texts");
            Err(Problem::new(Code::BadBody, detail))
        }
    }
}

/// Returns on what a change of a file is based that may also not be there.
fn base(headers: &HeaderMap) -> Result<Base, Problem> {
    let absent = headers.get(IF_NONE_MATCH).map(HeaderValue::as_bytes);
    match (headers.contains_key(IF_MATCH), absent) {
        (false, Some(b"*")) => Ok(Base::Absent),
        (true, Some(_)) => {
            let detail = "`If-Match` and `If-None-Match` contradict each other: say one of them";
            Err(Problem::new(Code::BaseNeeded, detail))
        }
        (_, Some(_) | None) => changed_base(headers),
    }
}

/// Returns the version on which a change is based.
fn changed_base(headers: &HeaderMap) -> Result<Base, Problem> {
    let mut all = headers.get_all(IF_MATCH).iter();
    let only = match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    };
    let is_hex =
        |text: &&str| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let version = only.map(|text| text.trim().trim_matches('"')).filter(is_hex);
    version.map(|version| Base::Version(version.to_ascii_lowercase())).ok_or_else(|| {
        let detail = "say on which version the change is based: `If-Match: \"<version>\"`, as the \
             file's `ETag` has it; for a new strategy `If-None-Match: *` with its whole file";
        Problem::new(Code::BaseNeeded, detail)
    })
}

fn tagged(mut response: Response<Body>, version: &str) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// An address that takes no parameters; what is asked for in vain is not passed over.
struct NoQuery;

impl FromRequestParts<ApiState> for NoQuery {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(_) => Err(Problem::new(Code::BadQuery, "there are no parameters here")),
        }
    }
}

impl FromRequestParts<ApiState> for Asked {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Code::BadQuery, detail);
        let Parameters(pairs) = Parameters::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| bad(rejection.body_text()))?;
        let mut asked = Self { run: Run::Write, actor: "api".to_owned() };
        for (name, value) in pairs {
            match (name.as_str(), value.as_str()) {
                ("dry_run", "true") => asked.run = Run::Dry,
                ("dry_run", "false") => asked.run = Run::Write,
                ("actor", _) => asked.actor = actor_of(Some(value), String::new())?,
                ("dry_run", _) => return Err(bad("`dry_run` is true or false".to_owned())),
                _ => {
                    let known = "there are `dry_run` and `actor`";
                    return Err(bad(format!("`{name}` is no parameter here; {known}")));
                }
            }
        }
        Ok(asked)
    }
}

impl ApiState {
    fn desk(&self) -> Result<&dyn ConfigDesk, Problem> {
        let none = || Problem::new(Code::Unavailable, "this service watches no folder of settings");
        self.desk.as_deref().ok_or_else(none)
    }

    /// Returns the id that is meant, whether there is such a strategy or not.
    fn named(&self, id: &str) -> Result<StrategyId, Problem> {
        id.parse().map_err(|_invalid| Problem::unknown_strategy(id, &self.snapshot()))
    }

    async fn update(&self, update: Update) -> Result<Response<Body>, Problem> {
        let updated = self.desk()?.update(update).await;
        let updated: Updated =
            updated.map_err(|error| Problem::of_desk(error, &self.snapshot()))?;
        let status = match &updated.became {
            Some(became) if !became.is_in_force() => StatusCode::ACCEPTED,
            Some(_) if updated.written && updated.before.is_none() => StatusCode::CREATED,
            Some(_) | None => StatusCode::OK,
        };
        let version = updated.version.clone();
        Ok(tagged((status, Json(updated)).into_response(), &version))
    }
}
