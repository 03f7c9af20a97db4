//! Paths that say the same in a roundabout way.

use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::text;
use crate::http::body::Body;

const HOOKS: &str = "/hooks/";

/// What stands in a path as it is, in Go.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// Where a hook's path leads when it has empty parts, `.` or `..`: the `webhook` server redirects to
/// the path without them, so that no id has such parts.
pub(super) fn moved(id: &str, query: Option<&str>) -> Option<Response<Body>> {
    let path = format!("{HOOKS}{id}");
    let clean = clean(&path);
    if clean == path {
        return None;
    }
    let mut location = utf8_percent_encode(&clean, PATH).to_string();
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    let location = HeaderValue::try_from(location).ok()?;
    let mut response = text(StatusCode::MOVED_PERMANENTLY, "");
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

/// Go's `path.Clean`, with a slash at the end where there was one.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut clean = format!("/{}", parts.join("/"));
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    clean
}
