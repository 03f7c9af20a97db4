//! Answers as the `webhook` server gives them.

use dogi_hooks::incoming::Hook;
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::http::body::{Body, empty, full};
use crate::http::show::describe;

/// Headers that say how an answer is sent, which is not a hook's business.
const OF_THE_CONNECTION: [http::HeaderName; 5] = [
    CONNECTION,
    CONTENT_LENGTH,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A text. Codes that have no body have none, and what is empty has no type.
pub(super) fn text(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let text = text.into();
    let bodiless = matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT
    ) || status.is_informational();
    if bodiless || text.is_empty() {
        let mut response = with_body(status, empty());
        response.headers_mut().remove(CONTENT_TYPE);
        return response;
    }
    with_body(status, full(text))
}

pub(super) fn with_body(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    describe(&mut response, "text/plain; charset=utf-8");
    response
}

/// The headers of the hook, for requests that triggered it.
pub(super) fn add_headers(response: &mut Response<Body>, hook: &Hook) {
    for (name, value) in &hook.response().headers {
        if !OF_THE_CONNECTION.contains(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
}

pub(super) fn method_not_allowed(methods: &[Method]) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "");
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::try_from(names.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
