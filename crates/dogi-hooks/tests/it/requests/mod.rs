//! Requests as the hooks see them, by tables of what the well-known `webhook` server makes of them.

mod arguments;
mod forms;
mod headers;
mod hostile;
mod json;
mod json_parameters;
mod multipart;
mod properties;
mod xml;

use dogi_hooks::incoming::{
    Argument, BadRequest, Missing, PayloadShape, Received, Request, Source,
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const XML: &str = "application/xml";

/// A request without query and headers other than its content type.
fn received(content_type: &str, body: impl AsRef<[u8]>) -> Received {
    let mut headers = http::HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert("content-type", content_type.parse().unwrap());
    }
    Received {
        method: http::Method::POST,
        headers,
        query: String::new(),
        peer: "192.0.2.1:4711".parse().unwrap(),
        client: "192.0.2.1".parse().unwrap(),
        body: body.as_ref().to_vec().into(),
        at: 0,
    }
}

fn read(content_type: &str, body: impl AsRef<[u8]>) -> Result<Request, BadRequest> {
    Request::read(received(content_type, body), &PayloadShape::default())
}

fn get_bytes(request: &Request, source: Source) -> Result<Vec<u8>, Missing> {
    let argument = Argument { source };
    argument.get(request).map(|value| value.into_owned())
}

/// The value, or `-` where it is missing.
fn get(request: &Request, source: Source) -> String {
    match get_bytes(request, source) {
        Ok(value) => String::from_utf8(value).unwrap(),
        Err(_) => "-".to_owned(),
    }
}

/// The payload as JSON, or the error.
fn payload(content_type: &str, body: impl AsRef<[u8]>) -> String {
    match read(content_type, body) {
        Ok(request) => get(&request, Source::EntirePayload),
        Err(error) => format!("{}: {error}", if error.is_too_much() { 413 } else { 400 }),
    }
}

/// The payloads of a table of bodies; all that differ are shown.
fn check(content_type: &str, table: &[(&[u8], &str)]) {
    let bad: Vec<_> = table
        .iter()
        .map(|(body, wanted)| (body, wanted, payload(content_type, body)))
        .filter(|(_, wanted, got)| got != *wanted)
        .map(|(body, wanted, got)| {
            format!("{}\n  wanted {wanted}\n  got    {got}", body.escape_ascii())
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

fn p(path: &str) -> Source {
    Source::Payload(path.to_owned())
}
