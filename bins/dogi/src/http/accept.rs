//! What the client can read.

use dogi_stream::{Cursor, Framing};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName};

use super::problem::Problem;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The framing that an `Accept` header asks for. Text unless one of the others is preferred: who
/// asks for anything that is none of them (a browser wants HTML) gets text as well.
#[must_use]
pub fn framing(headers: &HeaderMap) -> Framing {
    let mut best = (Framing::Text, 0);
    for range in headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
    {
        for (framing, quality) in range.split(',').filter_map(media_range) {
            if quality > best.1 {
                best = (framing, quality);
            }
        }
    }
    best.0
}

/// A known media range and its quality in thousandths.
fn media_range(text: &str) -> Option<(Framing, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let framing = match parts.next()?.to_ascii_lowercase().as_str() {
        "text/event-stream" => Framing::Sse,
        "application/x-ndjson" | "application/ndjson" => Framing::Ndjson,
        "text/plain" => Framing::Text,
        _ => return None,
    };
    Some((framing, quality(parts)?))
}

/// The quality among the parameters of a media range, in thousandths; `None` where it is none.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<u32> {
    let quality = parameters
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
        .map_or(Some(1.0), |text| text.parse::<f32>().ok())?;
    // As RFC 9110 has it, from 0 to 1 with three digits; out of that nothing is said.
    (0.0..=1.0)
        .contains(&quality)
        .then(|| (quality * 1000.0).round() as u32)
}

/// Where a reader of an earlier answer wants to go on.
///
/// # Errors
/// 400 when the header is no cursor of this server.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| Problem::bad_request("Last-Event-ID: expected the id of an event"))?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error| Problem::bad_request(format!("Last-Event-ID: {error}")))
}
