//! Server-sent events.

use super::utf8::{incomplete_tail, push_lossy};
use super::{TAKE, TAKE_GROWING};

/// Appends the `data` lines for the beginning of `bytes` and returns how many bytes they stand
/// for; 0, and nothing appended, when it takes more bytes to decide. `last`: there won't be more.
pub(super) fn encode(out: &mut Vec<u8>, bytes: &[u8], last: bool) -> usize {
    let complete = cut(bytes, TAKE, last);
    if complete.is_empty() {
        return 0;
    }
    let budget = out.len() + TAKE + TAKE_GROWING;
    let valid = std::str::from_utf8(complete).is_ok();
    out.extend_from_slice(b"data: ");
    let mut at = 0;
    while out.len() < budget {
        let rest = &complete[at..];
        let line = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        // Line by line, since a line break ends an incomplete character.
        match valid {
            true => out.extend_from_slice(&rest[..line]),
            false => push_lossy(out, &rest[..line]),
        }
        at += line;
        if line == rest.len() {
            break;
        }
        at += if rest[line..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        out.extend_from_slice(b"\ndata: ");
    }
    out.push(b'\n');
    at
}

/// The longest beginning, up to `max` bytes, whose meaning doesn't depend on what follows.
fn cut(bytes: &[u8], max: usize, last: bool) -> &[u8] {
    let taken = &bytes[..bytes.len().min(max)];
    if last && taken.len() == bytes.len() {
        return taken;
    }
    let undecided = match taken {
        [.., b'\r'] => 1,
        _ => incomplete_tail(taken),
    };
    &taken[..taken.len() - undecided]
}
