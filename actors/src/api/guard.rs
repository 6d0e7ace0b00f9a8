//! What every request passes: who may send it, how long it may take, and the envelope of its answer.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, Method, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use uuid::Uuid;

use super::error::{Code, Complete, Problem};

/// A little longer than a command may take, whose own limit has a better answer to give.
const REQUEST_WITHIN: Duration = Duration::from_secs(11);
/// The id of a request: the caller's, where it is a UUID, else ours.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The names of this machine that no other machine has.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The names by which the service may be asked. A page in an operator's browser can make its own name point
/// to this machine; the name that the browser then sends is not among these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Arc<[String]>);

/// An address that others can reach, and no name by which they may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} can be reached from other machines: say by which name they may ask, such as `--allow-host ploy:{port}`", port = .0.port())]
pub struct Exposed(SocketAddr);

impl Hosts {
    /// Returns the loopback names with the port of `listen`, and the `others`.
    ///
    /// # Errors
    /// When `listen` can be reached from other machines and there are no `others`.
    pub fn new(listen: SocketAddr, others: &[String]) -> Result<Self, Exposed> {
        if !listen.ip().is_loopback() && others.is_empty() {
            return Err(Exposed(listen));
        }
        let port = listen.port();
        let loopback = LOOPBACK.iter().map(|name| format!("{name}:{port}"));
        // A browser leaves the port out where it is the usual one.
        let bare = LOOPBACK.iter().filter(|_| port == 80).map(|&name| name.to_owned());
        let others = others.iter().map(|name| name.to_ascii_lowercase());
        Ok(Self(loopback.chain(bare).chain(others).collect()))
    }

    fn allow(&self, host: &str) -> bool {
        self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// Writes the request's id, and every error as a problem.
pub(super) async fn envelope(request: Request, next: Next) -> Response<Body> {
    let id = request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok())
        .unwrap_or_else(Uuid::now_v7)
        .to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.write(response, &path, &id);
    } else if (status.is_client_error() || status.is_server_error())
        && response.extensions().get::<Complete>().is_none()
    {
        response = unnamed(status).write(response, &path, &id);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, request_id = id, "request answered");
    response
}

/// Answers for a request that hit a bug; the service goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub(super) fn on_panic(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    tracing::error!(panic = message, "a request hit a bug");
    Problem::new(Code::Internal, "the request hit a bug; the log says where").into_response()
}

/// Refuses requests for other hosts, and commands from pages of other origins.
pub(super) async fn check_sender(
    State(hosts): State<Hosts>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match sender(&hosts, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Ends a request that takes too long.
pub(super) async fn limit_time(request: Request, next: Next) -> Response<Body> {
    match tokio::time::timeout(REQUEST_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(Code::TimedOut, format!("no answer within {} s", REQUEST_WITHIN.as_secs()))
                .into_response()
        }
    }
}

fn sender(hosts: &Hosts, request: &Request) -> Result<(), Problem> {
    let wrong = |name: &str| {
        let detail = format!("`{name}` is not a name of this service");
        Problem::new(Code::WrongHost, detail)
    };
    let host = only(request.headers(), &HOST).map_err(|()| wrong("(none, or several)"))?;
    let host = host.ok_or_else(|| wrong("(none)"))?;
    let named = request.uri().authority().map(|name| name.as_str());
    for name in [Some(host), named].into_iter().flatten() {
        if !hosts.allow(name) {
            return Err(wrong(name));
        }
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(());
    }
    let origin = only(request.headers(), &ORIGIN);
    match origin {
        Ok(None) => Ok(()),
        Ok(Some(origin)) if origin.eq_ignore_ascii_case(&format!("http://{host}")) => Ok(()),
        Ok(Some(_)) | Err(()) => {
            Err(Problem::new(Code::WrongOrigin, "a page of another origin sent this request"))
        }
    }
}

/// Returns a header that may be there once at most; an error when it is there twice or is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_not_text| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Returns the problem for an error that came without one, from a layer that is not ours.
fn unnamed(status: StatusCode) -> Problem {
    let code = match status {
        StatusCode::NOT_FOUND => Code::UnknownRoute,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        other if other.is_client_error() => Code::BadBody,
        _ => Code::Internal,
    };
    Problem::new(code, status.canonical_reason().unwrap_or("the request failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, others: &[&str], host: &str, allowed: Result<bool, ()>) {
        let others: Vec<String> = others.iter().map(|&name| name.to_owned()).collect();
        let hosts = Hosts::new(listen.parse().unwrap(), &others);
        assert_eq!(
            hosts.map(|hosts| hosts.allow(host)).map_err(|_not_text| ()),
            allowed,
            "{listen} {others:?} {host}"
        );
    }

    #[test]
    fn only_loopback_and_named_hosts_with_their_port_are_answered() {
        check("127.0.0.1:8080", &[], "127.0.0.1:8080", Ok(true));
        check("127.0.0.1:8080", &[], "LocalHost:8080", Ok(true));
        check("[::1]:8080", &[], "[::1]:8080", Ok(true));
        check("127.0.0.1:8080", &[], "localhost", Ok(false));
        check("127.0.0.1:80", &[], "localhost", Ok(true));
        check("127.0.0.1:8080", &[], "localhost:8081", Ok(false));
        check("127.0.0.1:8080", &[], "0.0.0.0:8080", Ok(false));
        check("127.0.0.1:8080", &[], "attacker.example:8080", Ok(false));
        check("0.0.0.0:8080", &[], "localhost:8080", Err(()));
        check("0.0.0.0:8080", &["Ploy:8080"], "ploy:8080", Ok(true));
        check("0.0.0.0:8080", &["ploy:8080"], "localhost:8080", Ok(true));
    }
}
