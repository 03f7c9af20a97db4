use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::{Argument, Value};

/// A request as it came over HTTP.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// All its headers.
    pub headers: HeaderMap,
    /// The query as sent, without `?`; empty where there is none.
    pub query: String,
    /// Whose connection it came over.
    pub peer: SocketAddr,
    /// Who sent it: the peer, or what a trusted proxy says.
    pub client: IpAddr,
    /// The whole body as sent.
    pub body: Bytes,
    /// Unix time in seconds at which it came.
    pub at: u64,
}

/// What a hook says about the form of its payloads.
#[derive(Debug, Clone, Default)]
pub struct PayloadShape {
    /// Counts instead of the header `Content-Type` (`incoming-payload-content-type`).
    pub content_type: Option<String>,
    /// Texts that are JSON (`parse-parameters-as-json`).
    pub json: Vec<Argument>,
}

/// A body that is not what it says, or is too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// A skeleton's error.
    #[error("skeleton")]
    Skeleton,
}

/// A request that rules and arguments can be asked about.
#[derive(Debug, Clone)]
pub struct Request {
    received: Received,
    payload: Option<Value>,
}

impl Request {
    /// Reads the payload.
    ///
    /// # Errors
    /// When the body is not what its content type says.
    pub fn read(received: Received, _shape: &PayloadShape) -> Result<Self, BadRequest> {
        Ok(Self {
            received,
            payload: None,
        })
    }

    /// The request as it came.
    #[must_use]
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The payload; `None` where there is none.
    #[must_use]
    pub fn payload(&self) -> Option<&Value> {
        self.payload.as_ref()
    }
}
