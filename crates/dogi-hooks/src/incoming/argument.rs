use std::borrow::Cow;

use super::Request;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `header`: the first value of a header.
    Header(String),
    /// `url` or `query`: the first value of a parameter of the query.
    Query(String),
    /// `payload`: a dotted path.
    Payload(String),
    /// `string`: the text itself.
    Literal(String),
    /// `raw-request-body`
    RawBody,
    /// `request`, `method`
    Method,
    /// `request`, `remote-addr`: address and port of the peer.
    RemoteAddr,
    /// `entire-payload`: as JSON.
    EntirePayload,
    /// `entire-headers`: as JSON.
    EntireHeaders,
    /// `entire-query`: as JSON.
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
#[error("the request has no {0:?}")]
pub struct Missing(pub Source);

impl Argument {
    /// The value as text.
    ///
    /// # Errors
    /// When the request does not have it.
    pub fn get<'r>(&'r self, _request: &'r Request) -> Result<Cow<'r, [u8]>, Missing> {
        unreachable!("skeleton")
    }
}
