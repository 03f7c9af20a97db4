use serde::Serialize;

use crate::{Attempt, Callback, Data};

/// What was sent and what came back, for a status or a log:
/// `{"request": {"url", "method", "data"}, "response": {"status", "data"}}`, with
/// `"error"` in the place of the response where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exchange {
    /// What was sent.
    pub request: Request,
    /// What came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// Why nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was sent. The header fields are secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Where to, without a password.
    pub url: String,
    /// `POST`.
    pub method: &'static str,
    /// The body.
    pub data: Data,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it was read.
    pub data: Data,
}

impl Exchange {
    /// What is known after an attempt.
    pub fn new(callback: &Callback, attempt: &Attempt) -> Self {
        let (response, error) = match attempt {
            Attempt::Answered(answer) => {
                let response = Response {
                    status: answer.status,
                    data: answer.data.clone(),
                };
                (Some(response), None)
            }
            Attempt::Failed(failure) => (None, Some(failure.reason.clone())),
        };
        let url = callback.shown_url();
        let request = Request {
            url,
            method: "POST",
            data: callback.data(),
        };
        Self {
            request,
            response,
            error,
        }
    }
}
