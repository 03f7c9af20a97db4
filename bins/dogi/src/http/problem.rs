//! Errors as RFC 9457 has them: `application/problem+json`.

use std::io::ErrorKind;

use bytes::Bytes;
use dogi_engine::SubmitError;
use dogi_job::{FailureKind, Refusal, RunStatus};
use dogi_url::{RequestError, SignatureError, TargetError};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Map, Value};

use super::body::Body;

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    detail: String,
    more: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Long details are cut here: they quote what was sent.
const MAX_DETAIL: usize = 2000;
/// Seconds after which a full queue may have room.
const QUEUE_RETRY: u64 = 10;
/// Seconds after which a full disk may have room: the governor has looked again by then.
const DISK_RETRY: u64 = 60;

impl Problem {
    /// A problem of this status. The detail is a sentence for the client: what was wrong with
    /// which value, and what is allowed; no path of the host, no secret.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((cut, _)) = detail.char_indices().nth(MAX_DETAIL) {
            detail.truncate(cut);
            detail.push('…');
        }
        Self(Box::new(Parts {
            status,
            detail,
            more: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 403: the operator does not allow it.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"dogi\"");
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// 405 with what there is.
    #[must_use]
    pub fn method_not_allowed(method: &Method, allowed: &[Method]) -> Self {
        let list = allowed
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let detail = format!("{method} is not supported here; allowed: {list}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        match HeaderValue::try_from(list) {
            Ok(list) => problem.with_header(ALLOW, list),
            Err(_) => problem,
        }
    }

    /// 503: something that a job needs is not there, at the moment.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(QUEUE_RETRY)
    }

    /// 429: as many wait as may.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(QUEUE_RETRY)
    }

    /// How a run that failed before it showed anything is told.
    #[must_use]
    pub fn of_failed_run(status: &RunStatus) -> Self {
        let detail = match status.errors.as_slice() {
            [] => format!("the job ended: {}", status.state),
            errors => errors.join("; "),
        };
        Self::new(status_code(status), detail)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds a member to the JSON.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    fn retry_after(self, seconds: u64) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What was wrong.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The whole answer.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let Parts {
            status,
            detail,
            more,
            headers,
        } = *self.0;
        let mut json = Map::new();
        json.insert(
            "title".to_owned(),
            status.canonical_reason().unwrap_or("Error").into(),
        );
        json.insert("status".to_owned(), status.as_u16().into());
        json.insert("detail".to_owned(), detail.into());
        json.extend(more);
        let text = format!("{}\n", Value::Object(json));
        let mut response = Response::new(
            Full::new(Bytes::from(text))
                .map_err(|e| match e {})
                .boxed_unsync(),
        );
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.extend(headers);
        response
    }
}

/// The status code that tells how a run ended, or 200 while it goes on.
#[must_use]
pub(super) fn status_code(status: &RunStatus) -> StatusCode {
    if !status.state.is_final() || status.state == dogi_job::State::Succeeded {
        return StatusCode::OK;
    }
    match status.failure {
        Some(FailureKind::EngineUnavailable) => StatusCode::SERVICE_UNAVAILABLE,
        Some(FailureKind::DiskFull) => StatusCode::INSUFFICIENT_STORAGE,
        Some(FailureKind::Forbidden) => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<TargetError> for Problem {
    fn from(error: TargetError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        if error.is_bad_input() {
            Self::bad_request(error.to_string())
        } else {
            Self::unauthorized(error.to_string())
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let problem = Self::new(request_status(&error), error.to_string());
        match error.parameter() {
            Some(parameter) => problem.with("parameter", parameter),
            None => problem,
        }
    }
}

fn request_status(error: &RequestError) -> StatusCode {
    use dogi_url::BodyError;
    match error {
        RequestError::Body(BodyError::TooLong { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        RequestError::Body(BodyError::NotSigned | BodyError::Digest { .. }) => {
            StatusCode::UNAUTHORIZED
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

fn disk_full() -> Problem {
    let detail = "the disk of the server is full";
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail).retry_after(DISK_RETRY)
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::OverCeiling(over) => {
                Self::forbidden(over.to_string()).with("parameter", over.parameter)
            }
            SubmitError::Refused(refusal @ Refusal::QueueFull { .. }) => {
                Self::too_many(refusal.to_string())
            }
            SubmitError::Refused(refusal @ Refusal::GroupBusy { run, .. }) => {
                Self::new(StatusCode::CONFLICT, refusal.to_string()).with("run", run.as_str())
            }
            SubmitError::NoRoom(full) => {
                tracing::warn!(
                    free = full.free,
                    floor = full.floor,
                    "the disk is too full for a new job"
                );
                Self::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
                    .retry_after(DISK_RETRY)
            }
            SubmitError::Disk(source) => {
                tracing::error!(error = %crate::chain(source), "no place for the outputs of a run");
                match source.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => disk_full(),
                    _ => Self::unavailable(error.to_string()),
                }
            }
            SubmitError::Store(source) => {
                tracing::error!(error = %crate::chain(source), "cannot record a run");
                match source.full {
                    true => disk_full(),
                    false => Self::unavailable(error.to_string()),
                }
            }
            SubmitError::Closing => Self::unavailable(error.to_string()),
        }
    }
}
