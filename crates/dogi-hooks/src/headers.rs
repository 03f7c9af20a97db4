use std::{fmt, str::FromStr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

/// Header fields that the operator adds to every callback, often with credentials:
/// values are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallbackHeaders(HeaderMap);

/// Header fields that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadersError {
    /// The text is not a JSON object. It is not quoted: it may hold a secret.
    NotAnObject,
    /// Some of the fields are wrong; all that are.
    Fields(Vec<BadHeader>),
}

/// A header field that can't be sent, without its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {problem}", .name.escape_debug())]
#[non_exhaustive]
pub struct BadHeader {
    /// The name, as written.
    pub name: String,
    problem: &'static str,
}

impl CallbackHeaders {
    /// The fields.
    pub fn as_map(&self) -> &HeaderMap {
        &self.0
    }
}

/// Reads a JSON object of strings, such as `{"Authorization": "Bearer …"}`.
impl FromStr for CallbackHeaders {
    type Err = HeadersError;

    fn from_str(text: &str) -> Result<Self, HeadersError> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| HeadersError::NotAnObject)?;
        let (mut map, mut bad) = (HeaderMap::new(), Vec::new());
        for (name, value) in &object {
            match field(name, value) {
                // JSON names differ in case where those of header fields do not.
                Ok((name, value)) => {
                    map.append(name, value);
                }
                Err(e) => bad.push(e),
            }
        }
        if bad.is_empty() {
            Ok(Self(map))
        } else {
            Err(HeadersError::Fields(bad))
        }
    }
}

fn field(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), BadHeader> {
    let bad = |problem| BadHeader {
        name: name.to_owned(),
        problem,
    };
    let key: HeaderName = name
        .parse()
        .map_err(|_| bad("is no name of a header field"))?;
    if let Some(problem) = reserved(&key) {
        return Err(bad(problem));
    }
    let Value::String(text) = value else {
        return Err(bad("its value is not a string"));
    };
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| bad("its value holds what no header field may hold"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// What the sender must say itself.
fn reserved(name: &HeaderName) -> Option<&'static str> {
    let framing = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::EXPECT,
    ];
    if framing.contains(name) {
        return Some("belongs to the connection and can't be set");
    }
    let own = name.as_str().starts_with("webhook-");
    own.then_some("belongs to the signature and can't be set")
}

impl fmt::Debug for CallbackHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for HeadersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => {
                f.write_str("wanted is a JSON object of strings, such as {\"X-Token\": \"…\"}")
            }
            Self::Fields(fields) => {
                for (place, field) in fields.iter().enumerate() {
                    write!(f, "{}{field}", if place == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for HeadersError {}
