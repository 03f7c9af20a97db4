//! Headers as Go's HTTP server shows them to a program.

use http::{HeaderMap, header};

use super::{Map, Value};

/// The first value of each header, under its [canonical name](canonical).
///
/// Without those that Go's server keeps for itself: `Host` and `Transfer-Encoding` always,
/// `Content-Length` and `Trailer` of a body in chunks. And with `Cache-Control: no-cache` for an
/// old `Pragma: no-cache`, as it has it from RFC 7234, section 5.4.
pub(super) fn first_values(headers: &HeaderMap) -> Map {
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let pairs = headers.keys().filter_map(|name| {
        let hidden = match *name {
            header::HOST | header::TRANSFER_ENCODING => true,
            header::CONTENT_LENGTH | header::TRAILER => chunked,
            _ => false,
        };
        let value = headers.get(name).filter(|_| !hidden)?;
        let value = Value::Text(value.as_bytes().to_vec());
        Some((canonical(name.as_str()).into_bytes(), value))
    });
    let mut pairs: Vec<_> = pairs.collect();
    let pragma = headers.get(header::PRAGMA);
    if pragma.is_some_and(|value| value == "no-cache") {
        let value = Value::Text(b"no-cache".to_vec());
        // Behind a `Cache-Control` that was sent, which then wins.
        pairs.push((b"Cache-Control".to_vec(), value));
    }
    Map::first_wins(pairs)
}

/// Go's `textproto.CanonicalMIMEHeaderKey`: the first letter and each after a hyphen in upper case,
/// all others in lower case. What can't be the name of a header stays as it is.
pub(super) fn canonical(name: &str) -> String {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.chars().all(token) {
        return name.to_owned();
    }
    let mut upper = true;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        out.push(if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
        upper = c == '-';
    }
    out
}
