//! The REST API: the snapshot and the records for reading, the command bus for acting; nothing is decided here.

mod audit;
mod config;
pub mod error;
mod guard;
pub mod halt;
mod health;
pub mod metrics;
mod rollout;
pub mod safe_mode;
pub mod server;
pub mod strategies;
#[cfg(test)]
mod tests;
mod why;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use ploy::ledger::LedgerStatus;
use ploy::status::SystemStatus;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use self::error::{Code, Problem};
pub use self::guard::{Exposed, Hosts};
use crate::bus::command::CommandBus;
use crate::bus::safe_mode::SafeModeBus;
use crate::ports::Records;
use crate::ports::audit::AuditRecords;
use crate::ports::config::ConfigDesk;
use crate::ports::gates::Brake;
use crate::ports::why::{Chains, Recall};

/// A command is a name at most; more than this is a mistake or an attack.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long requests that run may take to end after the shutdown began; the process must not wait for a
/// client that never reads.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(5);
/// The number of the snapshot that an answer was made of.
const X_SNAPSHOT: HeaderName = HeaderName::from_static("x-snapshot");

/// What the API reads and whom it asks.
#[derive(Clone)]
pub struct ApiState {
    /// The newest snapshot.
    pub status: watch::Receiver<Arc<SystemStatus>>,
    /// The way to the manager.
    pub commands: CommandBus,
    /// What was stored.
    pub records: Arc<dyn Records>,
    /// The same, as chains from an event to what became of an order.
    pub chains: Arc<dyn Chains>,
    /// Who knows the noes of the past exactly, by playing a record again; nobody does where there is none.
    pub recall: Option<Arc<dyn Recall>>,
    /// Who did what; absent where nothing is kept of it.
    pub audit: Option<Arc<dyn AuditRecords>>,
    /// The way out of safe mode; nobody can be asked where there is none.
    pub safe_mode: Option<SafeModeBus>,
    /// What halts and pauses; nothing does where there is none.
    pub brake: Option<Arc<dyn Brake>>,
    /// Where changes of settings are asked for; absent where no folder of settings is watched.
    pub desk: Option<Arc<dyn ConfigDesk>>,
    /// The names by which this service may be asked.
    pub hosts: Hosts,
}

/// Returns the API: every route behind the same guards, every error in the same shape.
pub fn router(state: ApiState) -> Router {
    let hosts = state.hosts.clone();
    Router::new()
        .route("/v1/status", get(status))
        .merge(config::routes())
        .route("/v1/ledger", get(ledger))
        .merge(strategies::routes())
        .merge(safe_mode::routes())
        .merge(rollout::routes())
        .merge(why::routes())
        .merge(halt::routes())
        .merge(audit::routes())
        .route("/livez", get(health::livez))
        .route("/healthz", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics_text))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(guard::limit_time))
        .layer(middleware::from_fn_with_state(hosts, guard::check_sender))
        .layer(CatchPanicLayer::custom(guard::on_panic))
        .layer(middleware::from_fn(guard::envelope))
}

/// Answers requests until `shutdown`; those that run then have 5 s to end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let begun = shutdown.clone();
    let server = axum::serve(listener, router(state))
        .with_graceful_shutdown(async move { begun.cancelled().await });
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(SHUTDOWN_WITHIN).await;
    };
    tokio::select! {
        ended = server => ended,
        () = deadline => {
            tracing::warn!("requests were cut off because they did not end in time");
            Ok(())
        }
    }
}

async fn status(State(state): State<ApiState>, headers: HeaderMap) -> Response<Body> {
    let status = state.snapshot();
    answer(&status, &headers, &*status)
}

/// The account's books.
#[derive(Debug, Serialize)]
struct LedgerAnswer<'a> {
    snapshot: u64,
    #[serde(flatten)]
    ledger: &'a LedgerStatus,
}

async fn ledger(State(state): State<ApiState>, headers: HeaderMap) -> Response<Body> {
    let status = state.snapshot();
    let body = LedgerAnswer { snapshot: status.snapshot, ledger: &status.ledger };
    answer(&status, &headers, &body)
}

async fn metrics_text(State(state): State<ApiState>) -> Response<Body> {
    let status = state.snapshot();
    let text = metrics::render(&status, &metrics::ProcessInfo::read());
    let mut response = text.into_response();
    let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(X_SNAPSHOT, HeaderValue::from(status.snapshot));
    response
}

async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(Code::UnknownRoute, format!("there is nothing at `{}`", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("`{}` does not take {method}", uri.path()))
}

/// Returns a part of a snapshot as JSON, or only that it has not changed since the caller's copy.
fn answer<T: Serialize>(status: &SystemStatus, headers: &HeaderMap, body: &T) -> Response<Body> {
    let tag = format!("\"{}-{}\"", status.run, status.snapshot);
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::Json(body).into_response()
    };
    let kept = response.headers_mut();
    kept.insert(X_SNAPSHOT, HeaderValue::from(status.snapshot));
    kept.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        kept.insert(ETAG, tag);
    }
    response
}

/// Refuses what is empty, too long, or more than a line.
fn one_line(name: &str, text: &str, max: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if (1..=max).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("`{name}` must be 1 to {max} printable characters");
    Err(Problem::new(Code::BadBody, detail))
}

impl ApiState {
    /// Returns what the API reads of this store, with the newest snapshot and the way to the manager.
    #[must_use]
    pub fn of<S: Records + Chains + Clone>(
        store: &S,
        (status, commands): (watch::Receiver<Arc<SystemStatus>>, CommandBus),
        hosts: Hosts,
    ) -> Self {
        let (records, chains) = (Arc::new(store.clone()), Arc::new(store.clone()));
        Self {
            status,
            commands,
            records,
            chains,
            recall: None,
            audit: None,
            safe_mode: None,
            brake: None,
            desk: None,
            hosts,
        }
    }

    /// Returns this with somebody who knows the noes of the past, where there is one.
    #[must_use]
    pub fn recalling(self, recall: Option<Arc<dyn Recall>>) -> Self {
        Self { recall, ..self }
    }

    /// Returns this with the way out of safe mode.
    #[must_use]
    pub fn leaving(self, safe_mode: SafeModeBus) -> Self {
        Self { safe_mode: Some(safe_mode), ..self }
    }

    /// Returns this with what halts and pauses.
    #[must_use]
    pub fn braking(self, brake: Arc<dyn Brake>) -> Self {
        Self { brake: Some(brake), ..self }
    }

    /// Returns this with a desk where changes of settings are asked for, where there is one.
    #[must_use]
    pub fn with_desk<D: ConfigDesk>(mut self, desk: Option<D>) -> Self {
        self.desk = desk.map(|desk| {
            let desk: Arc<dyn ConfigDesk> = Arc::new(desk);
            desk
        });
        self
    }

    fn snapshot(&self) -> Arc<SystemStatus> {
        Arc::clone(&self.status.borrow())
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
