//! The headers of a part of a multipart form.

use std::borrow::Cow;

/// Names with their values, in their order.
#[derive(Debug, Default)]
pub(super) struct PartHeaders<'b>(Vec<(&'b [u8], Cow<'b, [u8]>)>);

impl<'b> PartHeaders<'b> {
    /// Reads headers up to the empty line after them; what stands behind it.
    pub(super) fn parse(text: &'b [u8]) -> Result<(Self, &'b [u8]), &'static str> {
        let mut headers: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::new();
        let mut rest = text;
        loop {
            let (raw, after) = line(rest).ok_or("headers of a part without an end stand")?;
            rest = after;
            let trimmed = raw.trim_ascii_end();
            if let [b' ' | b'\t', ..] = raw {
                let continued = headers.last_mut().ok_or("a header without a name stands")?;
                let value = continued.1.to_mut();
                value.push(b' ');
                value.extend_from_slice(trimmed.trim_ascii());
                continue;
            }
            if trimmed.is_empty() {
                return Ok((Self(headers), rest));
            }
            let colon = memchr::memchr(b':', trimmed).ok_or("a header without a colon stands")?;
            let value = trimmed[colon + 1..].trim_ascii_start();
            headers.push((&trimmed[..colon], Cow::Borrowed(value)));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The values of a header.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_ref())
    }

    /// The first value of a header.
    pub(super) fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }
}

/// The first line with its break, if it has one, and what follows; `None` at the end.
pub(super) fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    Some(text.split_at(end))
}
