//! Asks a service that runs, and says in plain words when it cannot.

use std::time::Duration;

use ploy::command::Action;
use ploy::order::StrategyId;
use reqwest::{Method, RequestBuilder, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Exit;
use crate::api::error::{Code, ProblemBody};
use crate::api::safe_mode::Left;
use crate::api::strategies::Taken;
use crate::words;

/// A service on the same machine, or near it, answers a call at once.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A little longer than the service takes to say that it takes too long.
const ANSWER_WITHIN: Duration = Duration::from_secs(13);

/// The way to a service.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
}

/// What a change carries.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Json(Value),
    Text(String),
}

/// An answer as it came, and as it is read.
#[derive(Clone, Debug)]
pub(super) struct Answer<T> {
    /// As it came.
    pub(super) json: Value,
    /// As it is read; text of others cannot command a terminal any more.
    pub(super) value: T,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody listens there.
    #[error("no ploy answers at {url}: is `ploy run` started?")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    /// Nothing came in time.
    #[error("{url} did not answer within {} s", ANSWER_WITHIN.as_secs())]
    TimedOut { url: String },
    /// It said no.
    #[error("{}", words::plain(&.0.detail))]
    Refused(Box<ProblemBody>),
    /// It is not ours, or of another version.
    #[error("what answers at {url} is no ploy of this version ({found})")]
    Foreign { url: String, found: String },
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The request could not be made.
    #[error("cannot ask {url}")]
    Request {
        url: String,
        #[source]
        source: reqwest::Error,
    },
}

impl Client {
    /// Returns the way to the service at this address.
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            // A control API is never behind a proxy, whatever the environment says.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .build()
            .map_err(|source| Failure::Request { url: shown(url), source })?;
        Ok(Self { http, url: url.clone() })
    }

    /// Returns what stands at a path.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Failure> {
        let (status, text) = self.ask(Method::GET, path, None).await?;
        self.read(status, &text)
    }

    /// Sends something to a path.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<Answer<T>, Failure> {
        let (status, text) = self.ask(Method::POST, path, Some(body)).await?;
        self.read(status, &text)
    }

    /// Sends a command.
    pub(super) async fn command(
        &self,
        action: Action,
        id: &StrategyId,
    ) -> Result<Answer<Taken>, Failure> {
        let path = format!("v1/strategies/{id}/{}", action.name());
        let body = serde_json::json!({"actor": "cli"});
        let (status, text) = self.ask(Method::POST, &path, Some(&body)).await?;
        self.read(status, &text)
    }

    /// Leaves safe mode.
    pub(super) async fn leave_safe_mode(&self, reason: &str) -> Result<Answer<Left>, Failure> {
        let body = serde_json::json!({"actor": "cli", "reason": reason});
        let (status, text) = self.ask(Method::POST, "v1/safe-mode/leave", Some(&body)).await?;
        self.read(status, &text)
    }

    /// Changes something; `header` says under which condition.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        header: Option<(&'static str, String)>,
        body: Body,
    ) -> Result<Answer<T>, Failure> {
        let url = self.url.join(path).unwrap_or_else(|_| self.url.clone());
        let request = match body {
            Body::Json(json) => self.http.request(method, url).json(&json),
            Body::Text(text) => self.http.request(method, url).body(text),
        };
        let request =
            header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let (status, text) = self.sent(request).await?;
        self.read(status, &text)
    }

    /// Returns whether the service is ready, and its checks, one a line.
    pub(super) async fn ready(&self) -> Result<(bool, Vec<String>), Failure> {
        let (status, text) = self.ask(Method::GET, "readyz?verbose", None).await?;
        let ready = match status {
            StatusCode::OK => true,
            StatusCode::SERVICE_UNAVAILABLE => false,
            other => return Err(self.foreign(&format!("it says {other} to /readyz"))),
        };
        let mut checks: Vec<String> = text.lines().map(words::plain).collect();
        match checks.pop().as_deref() {
            Some("ready") if ready => Ok((ready, checks)),
            Some("not ready") if !ready => Ok((ready, checks)),
            Some(_) | None => Err(self.foreign("its /readyz has another form")),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, String), Failure> {
        let url = self.url.join(path).unwrap_or_else(|_| self.url.clone());
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.sent(request).await
    }

    async fn sent(&self, request: RequestBuilder) -> Result<(StatusCode, String), Failure> {
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.failed(error))?;
        Ok((status, text))
    }

    fn read<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        text: &str,
    ) -> Result<Answer<T>, Failure> {
        if !status.is_success() {
            return Err(match serde_json::from_str(text) {
                Ok(problem) => Failure::Refused(Box::new(problem)),
                Err(_) => self.foreign(&format!("it says {status}")),
            });
        }
        let unreadable = |error: serde_json::Error| self.foreign(&error.to_string());
        let json: Value = serde_json::from_str(text).map_err(unreadable)?;
        let value = serde_json::from_value(plain(json.clone())).map_err(unreadable)?;
        Ok(Answer { json, value })
    }

    fn failed(&self, source: reqwest::Error) -> Failure {
        let url = shown(&self.url);
        if source.is_connect() {
            Failure::Unreachable { url, source }
        } else if source.is_timeout() {
            Failure::TimedOut { url }
        } else {
            Failure::Request { url, source }
        }
    }

    /// Returns the failure that what answers is not ours.
    pub(super) fn foreign(&self, found: &str) -> Failure {
        let url = shown(&self.url);
        let found = words::plain(found);
        Failure::Foreign { url, found }
    }
}

impl Failure {
    /// Returns the exit code for it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::Usage(_) => Exit::Usage,
            Self::Foreign { .. } | Self::Request { .. } => Exit::Failed,
            Self::Refused(problem) => match problem.code {
                Code::UnknownStrategy | Code::UnknownRecord => Exit::NotFound,
                Code::WrongPhase | Code::StillHalted | Code::NotWritable => Exit::Refused,
                Code::Conflict => Exit::Different,
                Code::TimedOut => Exit::TimedOut,
                Code::UnknownRoute
                | Code::MethodNotAllowed
                | Code::BadQuery
                | Code::BadBody
                | Code::NotJson
                | Code::BaseNeeded
                | Code::BadConfig
                | Code::TooLarge
                | Code::WrongHost
                | Code::WrongOrigin
                | Code::Unavailable
                | Code::NotReady
                | Code::Internal => Exit::Failed,
            },
        }
    }

    /// Returns the commands that would be possible instead.
    pub(super) fn instead(&self) -> &[String] {
        match self {
            Self::Refused(problem) => problem.facts.allowed.as_deref().unwrap_or_default(),
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Foreign { .. }
            | Self::Usage(_)
            | Self::Request { .. } => &[],
        }
    }
}

fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Returns the answer with every text on one line and without what could command a terminal.
fn plain(json: Value) -> Value {
    match json {
        Value::String(text) => Value::String(words::plain(&text)),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, value)| (words::plain(&name), plain(value))).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_command_a_terminal() {
        let json = serde_json::json!({"a\u{1b}": ["\u{1b}[31m", 1, null, {"b": "c\nd"}]});
        let expected = serde_json::json!({"a ": [" [31m", 1, null, {"b": "c d"}]});
        assert_eq!(plain(json), expected);
    }
}
