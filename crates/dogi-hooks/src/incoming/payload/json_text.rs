//! What stands between the quotes of JSON.

use std::borrow::Cow;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Where a string that begins at `start` has its closing quote; else where and what is wrong.
pub(super) fn end(text: &[u8], start: usize) -> Result<usize, (usize, &'static str)> {
    let mut at = start;
    loop {
        at += plain(&text[at..]);
        match text.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at += escape_len(&text[at..]).ok_or((at, "an unknown escape stands"))?,
            Some(_) => return Err((at, "an unescaped control character stands")),
            None => return Err((at, "it ends too early")),
        }
    }
}

/// How many bytes stand before the first quote, backslash or control character, or the end.
///
/// Most of a body is such bytes, so eight are looked at together: a byte less than `n` borrows when
/// `n` is taken from it, which sets its highest bit. A borrow may go on into the bytes behind, so
/// that of a word only the first one found is sure, which is the one that is wanted.
fn plain(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = less(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        if found != 0 {
            return number * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let before = text.len() - rest.len();
    before + rest.iter().position(special).unwrap_or(rest.len())
}

/// The same byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Marks the first byte that is less than `n`, which is at most 0x80.
const fn less(word: u64, n: u8) -> u64 {
    word.wrapping_sub(all(n)) & !word & all(0x80)
}

/// Marks the first byte that is this one.
const fn equal(word: u64, byte: u8) -> u64 {
    less(word ^ all(byte), 1)
}

fn escape_len(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => unit(text).map(|_| 6),
        _ => None,
    }
}

/// The UTF-16 code unit that a text such as `\u00e9…` begins with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// The text that was meant, which most often is the one that stands there.
pub(super) fn text(raw: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr(b'\\', raw).is_none() && std::str::from_utf8(raw).is_ok() {
        true => Cow::Borrowed(raw),
        false => Cow::Owned(decode(raw)),
    }
}

/// The text that was meant, as UTF-8.
pub(super) fn decode(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        push_lossy(&mut out, &rest[..at]);
        let (c, len) = escaped(&rest[at..]);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + len..];
    }
    push_lossy(&mut out, rest);
    out
}

/// Go replaces each byte that belongs to no character by itself.
fn push_lossy(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice(REPLACEMENT.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// The character of an escape that was checked, and the escape's length.
fn escaped(text: &[u8]) -> (char, usize) {
    let c = match text.get(1) {
        Some(b'b') => '\x08',
        Some(b'f') => '\x0c',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return utf16(text),
        Some(other) => char::from(*other),
        None => return (REPLACEMENT, text.len()),
    };
    (c, 2)
}

fn utf16(text: &[u8]) -> (char, usize) {
    let Some(first) = unit(text) else {
        return (REPLACEMENT, text.len());
    };
    let second = text.get(6..).and_then(unit);
    let units = std::iter::once(first).chain(second);
    match char::decode_utf16(units).next() {
        Some(Ok(c)) => (c, 6 * c.len_utf16()),
        // A lone half: what follows is read by itself.
        _ => (REPLACEMENT, 6),
    }
}
