//! The engine's framing of output: eight bytes of header, then the payload.
//!
//! Documented with `POST /containers/{id}/attach` of the Engine API: the header is the channel
//! (0 stdin, 1 stdout, 2 stderr, 3 an error of the engine itself), three zero bytes and the payload's
//! length as a big-endian 32-bit number. With a terminal there is no framing at all. The client library's
//! own decoder guesses which of both it reads from the first byte of each chunk, which a program that
//! prints control characters to a terminal defeats; and it waits for line ends. Hence this one.

use bytes::{Bytes, BytesMut};

use super::Channel;

/// Splits a byte stream into channels. Pure.
#[derive(Debug)]
pub(crate) struct Demux {
    state: State,
}

#[derive(Debug)]
enum State {
    Raw,
    Header {
        got: [u8; 8],
        len: usize,
    },
    Payload {
        channel: Source,
        left: usize,
        /// Nothing of it has been given.
        fresh: bool,
    },
    Broken,
}

/// Where a frame comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Job(Channel),
    Engine,
}

/// The header of a frame that can't be one.
#[derive(Debug, thiserror::Error)]
#[error("expected an output frame, got the bytes {0:02x?}")]
pub(crate) struct BadFrame(pub(crate) [u8; 8]);

impl Demux {
    pub(crate) fn new(tty: bool) -> Demux {
        Demux {
            state: if tty { State::Raw } else { Demux::header() },
        }
    }

    fn header() -> State {
        State::Header {
            got: [0; 8],
            len: 0,
        }
    }

    /// Takes bytes as they came and appends what they hold to `out`. Neighbouring frames of one
    /// channel become one piece.
    pub(crate) fn push(
        &mut self,
        input: &[u8],
        out: &mut Vec<(Source, BytesMut)>,
    ) -> Result<(), BadFrame> {
        self.split(input, |source, _, bytes| append(out, source, bytes))
    }

    /// Takes bytes as they came and gives `each` what they hold, with whether it begins a frame.
    pub(crate) fn split(
        &mut self,
        mut input: &[u8],
        mut each: impl FnMut(Source, bool, &[u8]),
    ) -> Result<(), BadFrame> {
        while !input.is_empty() {
            match &mut self.state {
                State::Raw => {
                    each(Source::Job(Channel::Stdout), false, input);
                    return Ok(());
                }
                State::Broken => return Ok(()),
                State::Header { got, len } => {
                    let take = input.len().min(8 - *len);
                    got[*len..*len + take].copy_from_slice(&input[..take]);
                    *len += take;
                    input = &input[take..];
                    if *len == 8 {
                        let header = *got;
                        self.state = parse(header).ok_or(BadFrame(header)).inspect_err(|_| {
                            self.state = State::Broken;
                        })?;
                    }
                }
                State::Payload {
                    channel,
                    left,
                    fresh,
                } => {
                    let take = input.len().min(*left);
                    each(*channel, std::mem::take(fresh), &input[..take]);
                    *left -= take;
                    input = &input[take..];
                    if *left == 0 {
                        self.state = Demux::header();
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the stream may end here.
    pub(crate) fn at_boundary(&self) -> bool {
        matches!(self.state, State::Raw | State::Header { len: 0, .. })
    }
}

fn parse(header: [u8; 8]) -> Option<State> {
    let channel = match header[..4] {
        [1, 0, 0, 0] => Source::Job(Channel::Stdout),
        [2, 0, 0, 0] => Source::Job(Channel::Stderr),
        [3, 0, 0, 0] => Source::Engine,
        _ => return None,
    };
    let left = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    Some(if left == 0 {
        Demux::header()
    } else {
        State::Payload {
            channel,
            left,
            fresh: true,
        }
    })
}

fn append(out: &mut Vec<(Source, BytesMut)>, source: Source, bytes: &[u8]) {
    match out.last_mut() {
        Some((last, piece)) if *last == source => piece.extend_from_slice(bytes),
        _ => out.push((source, BytesMut::from(bytes))),
    }
}

/// A finished piece.
pub(crate) fn freeze(piece: BytesMut) -> Bytes {
    piece.freeze()
}
