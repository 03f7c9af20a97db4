use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use super::payload::{self, Payload, parse_json};
use super::{Argument, BadRequest, Source, Value, headers};

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
    /// Counts instead of the header `Content-Type` (`incoming-payload-content-type`), unless empty.
    pub content_type: Option<String>,
    /// Texts that are JSON (`parse-parameters-as-json`).
    pub json: Vec<Argument>,
}

/// A request that rules and arguments can be asked about.
///
/// It can be shared between threads; what rules and arguments see of it never changes.
#[derive(Debug, Clone)]
pub struct Request {
    received: Received,
    /// Always mappings; beside texts they have the objects of `parse-parameters-as-json`.
    pub(super) headers: Value,
    pub(super) query: Value,
    payload: Payload,
}

impl Request {
    /// Reads the payload.
    ///
    /// How it is read is decided by the content type, in this order: it begins with
    /// `multipart/form-data;`, it contains `json`, `x-www-form-urlencoded` or `xml`. Otherwise, and
    /// for an empty body that should be JSON or XML, there is no payload.
    ///
    /// A JSON list becomes the payload's `root`. What follows a JSON value or an XML document is
    /// ignored. The texts of [`PayloadShape::json`] are replaced by the JSON objects that they
    /// are; one that is none stays a text, as does a source other than headers, query and payload.
    ///
    /// # Errors
    /// When the body is not what its content type says, or is too much: see [`BadRequest`].
    pub fn read(received: Received, shape: &PayloadShape) -> Result<Self, BadRequest> {
        let header = received.headers.get(header::CONTENT_TYPE);
        let content_type = match shape.content_type.as_deref() {
            Some(content_type) if !content_type.is_empty() => content_type.as_bytes(),
            _ => header.map_or(&[][..], |value| value.as_bytes()),
        };
        let json_fields = |field: &[u8]| {
            let named = |argument: &Argument| matches!(&argument.source, Source::Payload(name) if name.as_bytes() == field);
            shape.json.iter().any(named)
        };
        let payload = Payload::read(&received, content_type, &json_fields)?;
        let mut request = Self {
            headers: Value::Map(headers::first_values(&received.headers)),
            query: Value::Map(payload::query(received.query.as_bytes())),
            payload,
            received,
        };
        for argument in &shape.json {
            request.replace(&argument.source);
        }
        Ok(request)
    }

    /// Replaces a text by the JSON object that it is.
    fn replace(&mut self, source: &Source) {
        let place = match source {
            Source::Header(name) => self.headers.at_mut(headers::canonical(name).as_bytes()),
            Source::Query(name) => self.query.at_mut(name.as_bytes()),
            Source::Payload(path) => {
                let payload = self.payload.get_mut();
                payload.and_then(|payload| payload.at_mut(path.as_bytes()))
            }
            _ => None,
        };
        let Some(place @ Value::Text(_)) = place else {
            return;
        };
        if let Ok(object @ Value::Map(_)) = parse_json(&place.to_text()) {
            *place = object;
        }
    }

    /// The request as it came.
    #[must_use]
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The text of the value of the payload at a [dotted path](Value::at); the others are not built
    /// for it.
    pub(super) fn payload_text(&self, path: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.payload.text_at(path)
    }

    /// The payload, always a mapping; `None` where there is none.
    #[must_use]
    pub fn payload(&self) -> Option<&Value> {
        self.payload.get()
    }
}
