//! Where text may be cut.

/// Bytes at the end that are the beginning of a character, and may become one: 0 to 3.
pub(super) fn incomplete_tail(bytes: &[u8]) -> usize {
    for len in 1..=bytes.len().min(3) {
        let tail = &bytes[bytes.len() - len..];
        match tail[0] {
            0x80..=0xBF => continue,
            0xC2..=0xF4 => {
                let incomplete = std::str::from_utf8(tail)
                    .err()
                    .map(|error| error.error_len());
                return if incomplete == Some(None) { len } else { 0 };
            }
            _ => return 0,
        }
    }
    0
}

/// Appends bytes as text, with U+FFFD for what is not UTF-8, as the WHATWG encoding standard and
/// `String::from_utf8_lossy` do it.
pub(super) fn push_lossy(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}
