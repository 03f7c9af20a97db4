//! How the bytes of several outputs travel as one body. Pure: no I/O, no clock.

mod framer;
pub(crate) mod ndjson;
mod sse;
mod utf8;

use bytes::Bytes;

pub use framer::Framer;

/// A way to put outputs into one body.
///
/// | | bytes | several outputs | resumes by |
/// |---|---|---|---|
/// | `Text` | as they are, never copied | `==> NAME <==` headers | |
/// | `Sse` | as text, lines normalised | `event: NAME` | `Last-Event-ID` |
/// | `Ndjson` | exact | `"output": "NAME"` | `"position"` of the objects |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The bytes themselves. With several outputs, headers as `tail -f a b` prints them: a blank
    /// line (more exactly, a line feed) before each header but the first, and a header only where
    /// another output follows. As `tail -F` does with files that don't exist yet, an output is
    /// first mentioned when it has something to say.
    Text,
    /// Server-sent events as the WHATWG HTML standard has them (§ 9.2).
    ///
    /// An event carries a piece of one output. The data of all events of a name, joined with
    /// nothing between them, is the output as text: a line feed, carriage return or both count as
    /// one line feed (the format knows no difference), and bytes that are not UTF-8 are replaced
    /// by U+FFFD. What can't be decided yet, up to three bytes of an incomplete character or a
    /// carriage return that a line feed may follow, is held back until more comes, and the `id`
    /// always stands for exactly what was sent: resuming there neither loses nor repeats.
    Sse,
    /// One JSON object in a line for each piece:
    /// `{"output":"log","position":"0:12","stream":"stdout","data":"hello world\n"}`, where bytes
    /// that are not UTF-8 stand base64-encoded in `data_base64` instead. `position` is where the
    /// output goes on after this piece. A restart is `{"output":…,"position":"1:0",
    /// "truncated":true}`, the status at the end `{"output":"status","status":{…}}`, a place in the
    /// queue before it begins `{"output":"status","queued":7}`. An incomplete
    /// character at the end of a piece is held back for the next one, so that text stays text.
    Ndjson,
}

impl Framing {
    /// The value of the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Sse => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// The place in the queue, counted from 1, of a run that waits. It is of the moment: it belongs to
    /// no output, has no position, and may be sent between any two frames.
    pub fn queued(self, position: usize) -> Bytes {
        match self {
            Self::Text => format!("dogi: queued, number {position} in line\n").into(),
            Self::Sse => format!("event: queued\ndata: {position}\n\n").into(),
            Self::Ndjson => ndjson::queued(position).into(),
        }
    }

    /// What to send now and then so that nobody between takes the connection for dead: a comment
    /// for server-sent events; the other framings have nothing that is not data.
    pub const fn keep_alive(self) -> Option<Bytes> {
        match self {
            Self::Sse => Some(Bytes::from_static(b":\n\n")),
            Self::Text | Self::Ndjson => None,
        }
    }
}

/// Bytes of an output that one frame takes at most. It bounds what a reader that has stopped holds
/// in memory besides its piece; the worst case is six bytes for one.
const TAKE: usize = 4 * 1024;
/// The same for bytes that grow much when they are encoded.
const TAKE_GROWING: usize = 1024;
