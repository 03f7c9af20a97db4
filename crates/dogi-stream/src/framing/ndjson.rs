//! One JSON object in a line.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::utf8::incomplete_tail;
use super::{TAKE, TAKE_GROWING};
use crate::channel::Channel;
use crate::position::Position;

/// A line, as it is written and as it is read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) output: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_base64: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queued: Option<usize>,
}

impl<'a> Line<'a> {
    pub(super) fn new(output: &'a str) -> Self {
        Self {
            output: output.into(),
            position: None,
            stream: None,
            data: None,
            data_base64: None,
            truncated: false,
            status: None,
            queued: None,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("strings and numbers into memory");
        out.push(b'\n');
    }
}

/// The line that tells a place in the queue.
pub(super) fn queued(position: usize) -> Vec<u8> {
    let mut line = Line::new("status");
    line.queued = Some(position);
    let mut out = Vec::new();
    line.write(&mut out);
    out
}

/// The bytes of the next line, taken from the beginning of `bytes`: text where it is.
pub(super) enum Taken<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Taken<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    pub(super) fn fill(&self, line: &mut Line<'a>) {
        match self {
            Self::Text(text) => line.data = Some(Cow::Borrowed(text)),
            Self::Binary(bytes) => line.data_base64 = Some(STANDARD.encode(bytes).into()),
        }
    }
}

/// Takes what goes into the next line; `None` when all there is may be the beginning of a
/// character. `last`: there won't be more.
pub(super) fn take(bytes: &[u8], last: bool) -> Option<Taken<'_>> {
    let taken = &bytes[..bytes.len().min(TAKE)];
    let escaped = taken
        .iter()
        .filter(|byte| byte.is_ascii_control() && **byte != b'\n')
        .count();
    let growing = escaped > TAKE_GROWING / 2;
    let taken = if growing {
        &taken[..taken.len().min(TAKE_GROWING)]
    } else {
        taken
    };
    let ended = last && taken.len() == bytes.len();
    let complete = taken.len() - if ended { 0 } else { incomplete_tail(taken) };
    match std::str::from_utf8(&taken[..complete]) {
        Ok("") => None,
        Ok(text) => Some(Taken::Text(text)),
        Err(_) => Some(Taken::Binary(taken)),
    }
}

/// The exact bytes of a line.
pub(crate) fn bytes_of(line: &Line<'_>) -> Result<Option<Vec<u8>>, base64::DecodeError> {
    match (&line.data, &line.data_base64) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(encoded)) => STANDARD.decode(encoded.as_bytes()).map(Some),
        (None, None) => Ok(None),
    }
}
