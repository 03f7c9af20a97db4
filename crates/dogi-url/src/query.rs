//! Escapes, and `name=value` pairs in the form of `application/x-www-form-urlencoded`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Escaped in a printed path: all but what RFC 3986 allows in a segment, and `'`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Escaped in a printed name or value: as little as is safe, so that URLs stay readable.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',');

/// An escape that is none, or escapes that are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EscapeError {
    /// A `%` that two hex digits don't follow.
    #[error("{escape:?} is not an escape; allowed: `%` and two hex digits, `%25` for `%` itself")]
    BadEscape {
        /// The `%` and up to two characters after it.
        escape: String,
    },
    /// What is escaped is not UTF-8.
    #[error("the decoded text is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where the decoded text stops being UTF-8.
        at: usize,
    },
}

/// One `name=value` as it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawPair<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

/// The pairs of a query or a form; empty ones (`a=1&&b=2`) are skipped.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = RawPair<'_>> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        RawPair { name, value }
    })
}

/// Decodes a name or a value: `+` is a space.
pub(crate) fn decode(text: &str) -> Result<String, EscapeError> {
    match text.contains('+') {
        true => decode_path(&text.replace('+', " ")),
        false => decode_path(text),
    }
}

/// Decodes a part of a path: `+` is itself.
pub(crate) fn decode_path(text: &str) -> Result<String, EscapeError> {
    if let Some(escape) = bad_escape(text) {
        return Err(EscapeError::BadEscape { escape });
    }
    let bytes = Cow::from(percent_decode_str(text)).into_owned();
    String::from_utf8(bytes).map_err(|source| EscapeError::NotUtf8 {
        at: source.utf8_error().valid_up_to(),
    })
}

/// Decodes as much as can be decoded: to recognise a name that hides behind escapes.
pub(crate) fn decode_lossy(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

pub(crate) fn escape_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

pub(crate) fn escape_query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// Escapes a character whatever it is.
pub(crate) fn escape_all(character: char) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}

fn bad_escape(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let at = (0..bytes.len()).find(|&at| bytes[at] == b'%' && !(hex(at + 1) && hex(at + 2)))?;
    Some(text[at..].chars().take(3).collect())
}
