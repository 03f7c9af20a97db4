//! Outputs as files: what is there of them, whole or in part.

use dogi_engine::RunHandle;
use dogi_stream::Log;
use dogi_url::OutputName;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::State;
use super::body::{Body, empty, raw};
use super::problem::Problem;
use super::range::{Part, part};
use super::show::{describe, name_run};

/// The content of an output so far. Its `ETag` names the run, the generation and the length:
/// bytes once published never change, so the same tag is the same bytes.
pub(super) fn file(
    state: &State,
    method: &Method,
    headers: &HeaderMap,
    run: &RunHandle,
    name: &OutputName,
) -> Result<Response<Body>, Problem> {
    let log = run
        .output(name)
        .ok_or_else(|| super::show::no_output(run, name))?;
    let position = log.position();
    let length = position.offset;
    let tag = format!("\"{}-{}-{length}\"", run.id(), position.generation);
    let mut response = match precondition(headers, &tag) {
        Some(StatusCode::NOT_MODIFIED) => status(StatusCode::NOT_MODIFIED),
        Some(_) => {
            let detail = format!("If-Match: the output is {tag} now");
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        }
        None => content(headers, method, log, length, &tag)?,
    };
    describe(&mut response, "text/plain; charset=utf-8");
    name_run(state, &mut response, run);
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        fields.insert(ETAG, tag);
    }
    Ok(response)
}

fn content(
    headers: &HeaderMap,
    method: &Method,
    log: &Log,
    length: u64,
    tag: &str,
) -> Result<Response<Body>, Problem> {
    let wanted = match headers.get(RANGE).and_then(|value| value.to_str().ok()) {
        Some(range) if *method == Method::GET && range_holds(headers, tag) => part(range, length),
        _ => Part::Whole,
    };
    let (code, range) = match wanted {
        Part::Whole => (StatusCode::OK, 0..length),
        Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Unsatisfiable => {
            let detail = format!("Range: the output has {length} bytes so far");
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail);
            return Err(with_value(problem, format!("bytes */{length}")));
        }
    };
    let body = match *method == Method::HEAD {
        true => empty(),
        false => raw(log.range(range.clone())),
    };
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let fields = response.headers_mut();
    fields.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if code == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        if let Ok(value) = HeaderValue::try_from(text) {
            fields.insert(CONTENT_RANGE, value);
        }
    }
    Ok(response)
}

fn with_value(problem: Problem, range: String) -> Problem {
    match HeaderValue::try_from(range) {
        Ok(value) => problem.with_header(CONTENT_RANGE, value),
        Err(_) => problem,
    }
}

fn status(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(empty());
    *response.status_mut() = code;
    response
}

/// `If-Match` and `If-None-Match`: 412 or 304 where they say so.
fn precondition(headers: &HeaderMap, tag: &str) -> Option<StatusCode> {
    if headers.contains_key(IF_MATCH) && !lists(headers, IF_MATCH, tag, false) {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    lists(headers, IF_NONE_MATCH, tag, true).then_some(StatusCode::NOT_MODIFIED)
}

/// Whether a list of tags holds this one; a weak comparison ignores `W/`.
fn lists(headers: &HeaderMap, name: http::HeaderName, tag: &str, weak: bool) -> bool {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|item| {
            let item = if weak {
                item.strip_prefix("W/").unwrap_or(item)
            } else {
                item
            };
            item == "*" || item == tag
        })
}

/// `If-Range`: a range is only good for the bytes that the client has the rest of.
fn range_holds(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|value| value.as_bytes() == tag.as_bytes())
}
