//! Problems: the one shape in which the API says no, as RFC 9457 has it.

use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use ploy::command::Refusal;
use ploy::status::SystemStatus;
use serde::{Deserialize, Serialize};

use crate::ports::StoreError;
use crate::ports::config::{DeskError, FaultRecord};
use crate::ports::gates::Denied;

/// The media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why the API says no: one code for each thing that a caller does differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No such address.
    UnknownRoute,
    /// The address is there, the method is not.
    MethodNotAllowed,
    /// No strategy of this name.
    UnknownStrategy,
    /// No such decision, order or run.
    UnknownRecord,
    /// The strategy's phase forbids it.
    WrongPhase,
    /// All stays halted: what halted is still there.
    StillHalted,
    /// A parameter behind the `?` is unknown or out of range.
    BadQuery,
    /// The body is not what is expected.
    BadBody,
    /// The body is not said to be JSON.
    NotJson,
    /// The change does not say on which version it is based.
    BaseNeeded,
    /// What is there is not the version on which the change is based.
    Conflict,
    /// What the file would say has faults.
    BadConfig,
    /// The file must not, or cannot, be written.
    NotWritable,
    /// The body is larger than its address takes: 64 KiB, or 256 KiB where it is a file of settings.
    TooLarge,
    /// The request names a host that this service is not.
    WrongHost,
    /// The request was sent by a page of another origin.
    WrongOrigin,
    /// It took too long.
    TimedOut,
    /// The part that would have to answer is not there.
    Unavailable,
    /// The service is not ready.
    NotReady,
    /// A bug of ours.
    Internal,
}

/// A problem before it is written: the envelope adds the address and the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
    facts: Facts,
}

/// Marks an error answer that is complete as it stands, and no problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complete;

/// What a caller can act on, beside the code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The phase that forbids it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The commands that are possible in that phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// The strategies that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Vec<String>>,
    /// What stands in the way of being ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
    /// The version on which a change was based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The version that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// What is wrong in a file, each with its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<FaultRecord>>,
}

/// A problem as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This problem, for people.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: Code,
    /// The path that was asked for.
    pub instance: String,
    /// The request's id, as in the header.
    pub request_id: String,
    /// What a caller can act on.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 20] = [
        Self::UnknownRoute,
        Self::MethodNotAllowed,
        Self::UnknownStrategy,
        Self::UnknownRecord,
        Self::WrongPhase,
        Self::StillHalted,
        Self::BadQuery,
        Self::BadBody,
        Self::NotJson,
        Self::BaseNeeded,
        Self::Conflict,
        Self::BadConfig,
        Self::NotWritable,
        Self::TooLarge,
        Self::WrongHost,
        Self::WrongOrigin,
        Self::TimedOut,
        Self::Unavailable,
        Self::NotReady,
        Self::Internal,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::UnknownRoute => "There is nothing at this address",
            Self::MethodNotAllowed => "This address does not take this method",
            Self::UnknownStrategy => "There is no such strategy",
            Self::UnknownRecord => "There is no such record",
            Self::WrongPhase => "The strategy's phase forbids it",
            Self::StillHalted => "What halted is still there",
            Self::BadQuery => "A query parameter is not acceptable",
            Self::BadBody => "The body is not acceptable",
            Self::NotJson => "The body must be JSON",
            Self::BaseNeeded => "The change must say on which version it is based",
            Self::Conflict => "The settings are not what the change is based on",
            Self::BadConfig => "The settings have faults",
            Self::NotWritable => "The file of settings cannot be written",
            Self::TooLarge => "The body is too large",
            Self::WrongHost => "This service does not answer for this host",
            Self::WrongOrigin => "Pages of other origins may not command",
            Self::TimedOut => "The answer took too long",
            Self::Unavailable => "A part of the service is not there",
            Self::NotReady => "The service is not ready",
            Self::Internal => "The service failed",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::UnknownRoute => "urn:ploy:problem:unknown-route",
            Self::MethodNotAllowed => "urn:ploy:problem:method-not-allowed",
            Self::UnknownStrategy => "urn:ploy:problem:unknown-strategy",
            Self::UnknownRecord => "urn:ploy:problem:unknown-record",
            Self::WrongPhase => "urn:ploy:problem:wrong-phase",
            Self::StillHalted => "urn:ploy:problem:still-halted",
            Self::BadQuery => "urn:ploy:problem:bad-query",
            Self::BadBody => "urn:ploy:problem:bad-body",
            Self::NotJson => "urn:ploy:problem:not-json",
            Self::BaseNeeded => "urn:ploy:problem:base-needed",
            Self::Conflict => "urn:ploy:problem:conflict",
            Self::BadConfig => "urn:ploy:problem:bad-config",
            Self::NotWritable => "urn:ploy:problem:not-writable",
            Self::TooLarge => "urn:ploy:problem:too-large",
            Self::WrongHost => "urn:ploy:problem:wrong-host",
            Self::WrongOrigin => "urn:ploy:problem:wrong-origin",
            Self::TimedOut => "urn:ploy:problem:timed-out",
            Self::Unavailable => "urn:ploy:problem:unavailable",
            Self::NotReady => "urn:ploy:problem:not-ready",
            Self::Internal => "urn:ploy:problem:internal",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::UnknownRoute | Self::UnknownStrategy | Self::UnknownRecord => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongPhase | Self::StillHalted | Self::NotWritable => StatusCode::CONFLICT,
            Self::BaseNeeded => StatusCode::PRECONDITION_REQUIRED,
            Self::Conflict => StatusCode::PRECONDITION_FAILED,
            Self::BadConfig => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadQuery | Self::BadBody => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongHost | Self::WrongOrigin => StatusCode::FORBIDDEN,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Unavailable | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Problem {
    /// Returns a problem with its words for people.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, status: code.status(), detail: detail.into(), facts: Facts::default() }
    }

    /// Returns the problem that no strategy has this name, with those that there are.
    pub(super) fn unknown_strategy(id: &str, status: &SystemStatus) -> Self {
        let known: Vec<String> = status.strategies.iter().map(|s| s.id.to_string()).collect();
        let names = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        let mut problem =
            Self::new(Code::UnknownStrategy, format!("no strategy is called `{id}`; {names}"));
        problem.facts.known = Some(known);
        problem
    }

    /// Returns the problem that the service is not ready, with the reasons.
    pub(super) fn not_ready(reasons: Vec<String>) -> Self {
        let mut problem = Self::new(Code::NotReady, reasons.join("; "));
        problem.facts.reasons = Some(reasons);
        problem
    }

    /// Returns the problem that the manager refused a command.
    pub(super) fn refused(refusal: &Refusal, status: &SystemStatus) -> Self {
        match refusal {
            Refusal::NotFound(id, _) => Self::unknown_strategy(id, status),
            Refusal::Removed(_) => {
                let mut problem = Self::new(Code::WrongPhase, refusal.to_string());
                problem.facts.phase = Some("stopped".to_owned());
                problem.facts.allowed = Some(Vec::new());
                problem
            }
            Refusal::Phase(no) => {
                let mut problem = Self::new(Code::WrongPhase, no.to_string());
                problem.facts.phase = Some(no.phase.to_owned());
                problem.facts.allowed = Some(no.allowed.split(", ").map(str::to_owned).collect());
                problem
            }
            Refusal::SafeMode(_) => {
                let mut problem = Self::new(Code::WrongPhase, refusal.to_string());
                problem.facts.allowed = Some(Vec::new());
                problem
            }
            Refusal::NotInSafeMode => Self::new(Code::WrongPhase, refusal.to_string()),
            Refusal::Rollout(..) => Self::new(Code::WrongPhase, refusal.to_string()),
            Refusal::TimedOut(_) => Self::new(Code::TimedOut, refusal.to_string()),
            Refusal::Unavailable => Self::new(Code::Unavailable, refusal.to_string()),
        }
    }

    /// Returns the problem that a halt, a resume or a pause was not granted.
    pub(super) fn denied(denied: &Denied) -> Self {
        let code = match denied {
            Denied::StillThere(_) => Code::StillHalted,
            Denied::NotStored(_) => Code::Unavailable,
            Denied::Unfit(_) => Code::BadBody,
        };
        Self::new(code, denied.to_string())
    }

    /// Returns the problem that a request about settings was refused.
    pub(super) fn of_desk(error: DeskError, status: &SystemStatus) -> Self {
        match error {
            DeskError::Unknown(id) => Self::unknown_strategy(id.as_str(), status),
            other @ (DeskError::Conflict { .. }
            | DeskError::Faulty(_)
            | DeskError::Version(_)
            | DeskError::NotWritable(_)
            | DeskError::Unavailable(_)
            | DeskError::Store(_)) => other.into(),
        }
    }

    /// Writes the problem into the response that carried it; its other headers stay.
    pub(super) fn write(
        self,
        response: Response<Body>,
        instance: &str,
        request_id: &str,
    ) -> Response<Body> {
        let body = ProblemBody {
            kind: self.code.kind().to_owned(),
            title: self.code.title().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
            facts: self.facts,
        };
        let text = serde_json::to_vec(&body).expect("a problem is made of texts and numbers");
        let (mut parts, _) = response.into_parts();
        parts.status = self.status;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("1");
            parts.headers.insert(RETRY_AFTER, seconds);
        }
        Response::from_parts(parts, Body::from(text))
    }
}

/// Leaves the problem with the response; the envelope writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = format!("the records cannot be read now: {error}");
        Self::new(Code::Unavailable, detail)
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::Unknown(_) => Self::new(Code::UnknownStrategy, detail),
            DeskError::Conflict { base, current, .. } => {
                let mut problem = Self::new(Code::Conflict, detail);
                (problem.facts.base, problem.facts.current) = (Some(base), Some(current));
                problem
            }
            DeskError::Faulty(faults) => {
                let mut problem = Self::new(Code::BadConfig, detail);
                problem.facts.faults = Some(faults);
                problem
            }
            DeskError::Version(_) => Self::new(Code::UnknownRecord, detail),
            DeskError::NotWritable(_) => Self::new(Code::NotWritable, detail),
            DeskError::Unavailable(_) | DeskError::Store(_) => Self::new(Code::Unavailable, detail),
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::BadBody,
        };
        Self::new(code, rejection.body_text())
    }
}
