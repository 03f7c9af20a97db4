//! Bodies as payloads.

mod form;
mod json;
mod json_path;
mod json_text;
mod media_type;
mod multipart;
mod part_headers;
mod quoted_printable;
mod xml;
mod xml_text;

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use media_type::MediaType;

use super::limits::Budget;
use super::{BadRequest, Map, Received, Value};
pub(crate) use form::fields as form_fields;
pub(super) use form::query;
pub use json::parse_json;
pub(super) use json::parse_within;

/// A payload, perhaps one that nobody has asked for yet.
///
/// A JSON body is checked at once. A value that is asked for is then looked for in the text, and all
/// values are built only when the whole payload is asked for: rules and arguments want one or two of
/// a thousand, and passing over the others costs a tenth of building them.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Nothing,
    Ready(Value),
    Json(Bytes, OnceLock<Option<Value>>),
}

impl Payload {
    pub(super) fn get(&self) -> Option<&Value> {
        match self {
            Self::Nothing => None,
            Self::Ready(value) => Some(value),
            // It was checked: what could fail is that it is not what it was.
            Self::Json(body, value) => value
                .get_or_init(|| json::payload(body).ok().flatten())
                .as_ref(),
        }
    }

    /// The text of the value at a [dotted path](Value::at).
    pub(super) fn text_at(&self, path: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Json(body, value) if value.get().is_none() => json_path::text_at(body, path),
            _ => self.get()?.at(path).map(Value::to_text),
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut Value> {
        if let Self::Json(body, value) = self {
            let built = value.take();
            let built = built.unwrap_or_else(|| json::payload(body).ok().flatten());
            *self = built.map_or(Self::Nothing, Self::Ready);
        }
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Reads a body.
    ///
    /// `content_type` says how; `json_fields` are the names of file fields of a multipart form
    /// that are JSON whatever their own content type is; `budget` is the request's.
    pub(super) fn read(
        received: &Received,
        content_type: &[u8],
        json_fields: &dyn Fn(&[u8]) -> bool,
        budget: &mut Budget,
    ) -> Result<Self, BadRequest> {
        let body = &received.body;
        let says = |format: &str| memchr::memmem::find(content_type, format.as_bytes()).is_some();
        // First, as its boundary may have any of the words that follow.
        if content_type.starts_with(b"multipart/form-data;") {
            let boundary = boundary(received, content_type)?;
            let parts = multipart::parts(body, &boundary)?;
            return fields(&parts, json_fields, budget);
        }
        if says("json") {
            return Ok(match json::check(body, budget)? {
                true => Self::Json(body.clone(), OnceLock::new()),
                false => Self::Nothing,
            });
        }
        if says("x-www-form-urlencoded") {
            return Ok(Self::Ready(Value::Map(form::payload(body)?)));
        }
        if says("xml") {
            let payload = xml::payload(body, budget)?;
            return Ok(payload.map_or(Self::Nothing, Self::Ready));
        }
        Ok(Self::Nothing)
    }
}

/// The sender knows the boundary: its header wins over what the hook says.
fn boundary(received: &Received, content_type: &[u8]) -> Result<Vec<u8>, BadRequest> {
    let header = received.headers.get(http::header::CONTENT_TYPE);
    let header = header.map_or(&[][..], |value| value.as_bytes());
    [header, content_type]
        .into_iter()
        .filter_map(MediaType::parse)
        .filter(|it| it.kind == b"multipart/form-data")
        .find_map(|it| it.param("boundary").map(<[u8]>::to_vec))
        .filter(|boundary| !boundary.is_empty())
        .ok_or(BadRequest::Multipart {
            parts: 0,
            problem: "a content type without a boundary stands",
        })
}

/// The first value of each field; files only where they are JSON objects, and then before a value
/// of the same name.
fn fields(
    parts: &[multipart::Part<'_>],
    json_fields: &dyn Fn(&[u8]) -> bool,
    budget: &mut Budget,
) -> Result<Payload, BadRequest> {
    let mut pairs = Vec::new();
    let mut files = std::collections::BTreeSet::new();
    for part in parts.iter().filter(|part| part.is_file) {
        let first = files.insert(part.name.as_slice());
        if first && (part.is_json || json_fields(&part.name)) {
            pairs.push((part.name.clone(), object(part, budget)?));
        }
    }
    for part in parts.iter().filter(|part| !part.is_file) {
        let value = Value::Text(part.content.to_vec());
        pairs.push((part.name.clone(), value));
    }
    if pairs.is_empty() {
        return Ok(Payload::Nothing);
    }
    Ok(Payload::Ready(Value::Map(Map::first_wins(pairs))))
}

fn object(part: &multipart::Part<'_>, budget: &mut Budget) -> Result<Value, BadRequest> {
    let source = match parse_within(&part.content, budget) {
        Ok(value @ (Value::Map(_) | Value::Null)) => return Ok(value),
        Ok(_) => None,
        // It is no fault of this part.
        Err(error) if error == Budget::EXCEEDED => return Err(error),
        Err(source) => Some(Box::new(source)),
    };
    Err(BadRequest::Part {
        part: part.number,
        source,
    })
}
