use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::{Request, Value, headers};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `header`: the first value of a header.
    Header(String),
    /// `url` or `query`: the first value of a parameter of the query.
    Query(String),
    /// `payload`: a dotted path, see [`Value::at`].
    Payload(String),
    /// `string`: the text itself.
    Literal(String),
    /// `raw-request-body`: the body as it was sent, whatever its content type.
    RawBody,
    /// `request`, `method`
    Method,
    /// `request`, `remote-addr`: address and port of the peer, `192.0.2.1:80` or `[2001:db8::1]:80`.
    RemoteAddr,
    /// `entire-payload`: as JSON, `null` where there is none.
    EntirePayload,
    /// `entire-headers`: as JSON, the first value of each.
    EntireHeaders,
    /// `entire-query`: as JSON, the first value of each parameter.
    EntireQuery,
}

/// A value that a request may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Where it comes from.
    pub source: Source,
}

/// The request does not have the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request has no {0}")]
pub struct Missing(pub Source);

impl Argument {
    /// The value as text.
    ///
    /// Names of headers may be written in any case. A header, a parameter of the query or a value
    /// of the payload that was read as JSON (`parse-parameters-as-json`) can be reached into by a
    /// dotted path. Lists and mappings are rendered as JSON, see [`Value::to_text`].
    ///
    /// Nothing of a payload is copied unless it has to be rendered.
    ///
    /// # Errors
    /// When the request does not have it.
    pub fn get<'r>(&'r self, request: &'r Request) -> Result<Cow<'r, [u8]>, Missing> {
        let received = request.received();
        let value = match &self.source {
            Source::Header(name) => request
                .headers
                .at(headers::canonical(name).as_bytes())
                .map(Value::to_text),
            Source::Query(name) => request.query.at(name.as_bytes()).map(Value::to_text),
            Source::Payload(path) => request.payload_text(path.as_bytes()),
            Source::Literal(text) => Some(Cow::Borrowed(text.as_bytes())),
            Source::RawBody => Some(Cow::Borrowed(received.body.as_ref())),
            Source::Method => Some(Cow::Borrowed(received.method.as_str().as_bytes())),
            Source::RemoteAddr => Some(Cow::Owned(remote_addr(received.peer).into_bytes())),
            Source::EntirePayload => {
                let payload = request.payload().unwrap_or(&Value::Null);
                Some(Cow::Owned(payload.to_json()))
            }
            Source::EntireHeaders => Some(Cow::Owned(request.headers.to_json())),
            Source::EntireQuery => Some(Cow::Owned(request.query.to_json())),
        };
        value.ok_or_else(|| Missing(self.source.clone()))
    }
}

/// An IPv4 peer of a socket for both families is shown as what it is.
fn remote_addr(peer: SocketAddr) -> String {
    SocketAddr::new(peer.ip().to_canonical(), peer.port()).to_string()
}

/// In words, with the name that the hook gives, never with a value of the request.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::Header(name) => ("header", name),
            Self::Query(name) => ("query parameter", name),
            Self::Payload(path) => ("payload value", path),
            Self::Literal(_) => return f.write_str("string"),
            Self::RawBody => return f.write_str("raw body"),
            Self::Method => return f.write_str("method"),
            Self::RemoteAddr => return f.write_str("remote address"),
            Self::EntirePayload => return f.write_str("payload"),
            Self::EntireHeaders => return f.write_str("headers"),
            Self::EntireQuery => return f.write_str("query"),
        };
        write!(f, "{what} `{}`", name.escape_debug())
    }
}
