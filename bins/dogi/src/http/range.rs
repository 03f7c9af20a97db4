//! `Range` as RFC 9110 § 14 has it: one range of bytes; several are answered with everything,
//! which a server may do.

use std::ops::Range;

/// What part of a representation to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it (200).
    Whole,
    /// These bytes (206).
    Bytes(Range<u64>),
    /// None that exists (416).
    Unsatisfiable,
}

/// Reads a `Range` header for a representation of `length` bytes.
#[must_use]
pub fn part(header: &str, length: u64) -> Part {
    let Some(spec) = header.trim().strip_prefix("bytes=") else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Part::Whole;
    };
    match (number(first), number(last)) {
        // `bytes=-N`: the last N.
        (Some(None), Some(Some(0))) => Part::Unsatisfiable,
        (Some(None), Some(Some(_))) if length == 0 => Part::Unsatisfiable,
        (Some(None), Some(Some(count))) => Part::Bytes(length.saturating_sub(count)..length),
        (Some(Some(first)), Some(_)) if first >= length => Part::Unsatisfiable,
        (Some(Some(first)), Some(None)) => Part::Bytes(first..length),
        (Some(Some(first)), Some(Some(last))) if last >= first => {
            Part::Bytes(first..last.saturating_add(1).min(length))
        }
        // Malformed, or several ranges.
        _ => Part::Whole,
    }
}

/// `Some(None)`: nothing stands there; `None`: no number stands there.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // A number too large for anything is as good as the largest.
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}
