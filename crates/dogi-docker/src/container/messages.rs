//! The engine's own copy of an output, as bytes again. Pure.
//!
//! The engine keeps messages, not bytes: a line each, without its newline, cut after 16,384 bytes. Its
//! answer (`GET /containers/{id}/logs`, `timestamps=1`) has the time before each message and a newline after it,
//! except after a piece of a longer line. The driver `local` of engine 20.10 forgets the newline of the
//! last piece, too. Pieces of one line share a time, so the next time tells that the line has ended:
//! then the newline is put back. (At the very end of an output nothing tells; none is put there.)
//! Found by looking at engine 20.10.24.

use bytes::{Bytes, BytesMut};
use time::{OffsetDateTime, UtcOffset};

/// Bytes of a line in one message, at most: `defaultBufSize` of the engine's log copier.
const MESSAGE: usize = 16 * 1024;

/// When the engine took a message: RFC 3339 in UTC with nine digits, which sorts as text.
pub(super) type Stamp = [u8; STAMP];
const STAMP: usize = 30;

/// The time of a message that the engine takes then.
pub(super) fn stamp_at(time: OffsetDateTime) -> Stamp {
    let time = time.to_offset(UtcOffset::UTC);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, nano) = time.to_hms_nano();
    let month = u8::from(month);
    let text =
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z");
    // A year of another length is none that an engine lives in.
    text.into_bytes().try_into().unwrap_or_default()
}

/// Consecutive bytes of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) stamp: Stamp,
    pub(super) bytes: Bytes,
}

/// What is no message.
#[derive(Debug, thiserror::Error)]
#[error("expected a time, got {0:?}")]
pub(super) struct NoStamp(String);

/// Turns the messages of one channel into its bytes.
#[derive(Debug)]
pub(super) struct Messages {
    framed: bool,
    state: State,
    stamp: Stamp,
    /// The last message was a piece of a long line that has not been seen to end.
    long: bool,
    held: BytesMut,
}

#[derive(Debug)]
enum State {
    Stamp,
    /// In a message, after so many bytes of it; `continued`: of a line that began earlier.
    Text {
        len: usize,
        continued: bool,
    },
}

impl Messages {
    /// `framed`: every message comes in a frame of its own, as it does without a terminal.
    pub(super) fn new(framed: bool) -> Messages {
        Messages {
            framed,
            state: State::Stamp,
            stamp: [0; STAMP],
            long: false,
            held: BytesMut::new(),
        }
    }

    /// Takes bytes as they came; `begins`: they begin a frame.
    pub(super) fn push(
        &mut self,
        begins: bool,
        bytes: &[u8],
        out: &mut Vec<Part>,
    ) -> Result<(), NoStamp> {
        if begins && let State::Text { continued, .. } = self.state {
            self.close(continued);
        }
        self.held.extend_from_slice(bytes);
        while self.step(out)? {}
        Ok(())
    }

    /// The answer is over: what was held back comes, too. Gives whether the output may have a newline
    /// more than can be seen.
    pub(super) fn finish(&mut self, out: &mut Vec<Part>) -> bool {
        let continued = matches!(
            self.state,
            State::Text {
                continued: true,
                ..
            }
        );
        if matches!(self.state, State::Text { .. }) {
            let rest = self.held.split();
            self.emit(rest.freeze(), out);
        }
        continued || self.long
    }

    /// Whether there is more to be done with what is there.
    fn step(&mut self, out: &mut Vec<Part>) -> Result<bool, NoStamp> {
        match self.state {
            State::Stamp if self.held.len() <= STAMP => Ok(false),
            State::Stamp => {
                let head = self.held.split_to(STAMP + 1);
                let stamp = stamp_of(&head)
                    .ok_or_else(|| NoStamp(String::from_utf8_lossy(&head).into_owned()))?;
                let continued = self.long && stamp == self.stamp;
                if self.long && !continued {
                    self.emit(Bytes::from_static(b"\n"), out);
                }
                self.long = false;
                self.stamp = stamp;
                self.state = State::Text { len: 0, continued };
                Ok(true)
            }
            State::Text { len, continued } => Ok(self.text(len, continued, out)),
        }
    }

    fn text(&mut self, len: usize, continued: bool, out: &mut Vec<Part>) -> bool {
        let room = (MESSAGE - len).min(self.held.len());
        let window = &self.held[..room];
        let newline = window.iter().position(|byte| *byte == b'\n');
        let line = newline.map_or(window, |at| &window[..at]);
        // Without frames, the next message follows the last piece of a long line without a break.
        if continued
            && !self.framed
            && let Some(at) = find_stamp(line, &self.held)
        {
            let text = self.held.split_to(at).freeze();
            self.emit(text, out);
            self.close(true);
            return true;
        }
        if let Some(at) = newline {
            let text = self.held.split_to(at + 1).freeze();
            self.emit(text, out);
            self.state = State::Stamp;
            self.long = false;
            return true;
        }
        if len + room == MESSAGE {
            let text = self.held.split_to(room).freeze();
            self.emit(text, out);
            self.close(true);
            return true;
        }
        let keep = if continued && !self.framed { STAMP } else { 0 };
        let ready = room.saturating_sub(keep);
        if ready > 0 {
            let text = self.held.split_to(ready).freeze();
            self.emit(text, out);
            self.state = State::Text {
                len: len + ready,
                continued,
            };
        }
        false
    }

    /// The message has ended without a newline.
    fn close(&mut self, long: bool) {
        self.long = long;
        self.state = State::Stamp;
    }

    fn emit(&self, bytes: Bytes, out: &mut Vec<Part>) {
        if !bytes.is_empty() {
            out.push(Part {
                stamp: self.stamp,
                bytes,
            });
        }
    }
}

/// `2026-11-21T10:50:07.037722294Z` and a space.
fn stamp_of(bytes: &[u8]) -> Option<Stamp> {
    const SHAPE: &[u8; STAMP + 1] = b"0000-00-00T00:00:00.000000000Z ";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    let head = bytes.get(..=STAMP)?;
    let fine = head.iter().zip(SHAPE).all(fits);
    fine.then(|| std::array::from_fn(|at| head[at]))
}

/// Where in `line`, a beginning of `held`, a time stands.
fn find_stamp(line: &[u8], held: &[u8]) -> Option<usize> {
    (0..line.len()).find(|at| stamp_of(&held[*at..]).is_some())
}
