//! Quoted-printable of RFC 2045, section 6.7, as Go's `mime/quotedprintable` reads it.

use super::form::hex_byte;

pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        // Blanks at the end of a line were added on the way.
        let content = line.trim_ascii_end();
        let end = &line[content.len()..];
        match content.strip_suffix(b"=") {
            // A line that goes on.
            Some(content) if goes_on(content, end) => decode_line(&mut out, content)?,
            Some(_) => return Err(BAD),
            None => {
                decode_line(&mut out, content)?;
                if end.ends_with(b"\r\n") {
                    out.extend_from_slice(b"\r\n");
                } else if end.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
        }
    }
    Ok(out)
}

const BAD: &str = "bad quoted-printable stands";

/// Whether a `=` stands at a line's very end; at the end of the text after something else.
fn goes_on(content: &[u8], end: &[u8]) -> bool {
    end.starts_with(b"\n") || end.starts_with(b"\r\n") || (end.is_empty() && !content.is_empty())
}

fn decode_line(out: &mut Vec<u8>, line: &[u8]) -> Result<(), &'static str> {
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        rest = tail;
        out.push(match first {
            b'=' => match tail.first_chunk().and_then(hex_byte) {
                Some(byte) => {
                    rest = &tail[2..];
                    byte
                }
                // Taken for itself, as others do.
                None if !tail.is_empty() => b'=',
                None => return Err(BAD),
            },
            b'\t' | b'\r' | b' '..=b'~' | 0x80.. => *first,
            _ => return Err(BAD),
        });
    }
    Ok(())
}
