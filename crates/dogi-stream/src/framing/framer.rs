//! Pieces in, frames out.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::Framing;
use super::ndjson::{self, Line};
use super::sse;
use crate::channel::Channel;
use crate::cursor::Cursor;
use crate::follow::Piece;
use crate::position::Position;

/// Turns pieces of named outputs into the frames of one body.
///
/// ```
/// use dogi_stream::{Channel, Framer, Framing, Piece, Position};
///
/// let mut framer = Framer::new(Framing::Sse, "run7");
/// let log = framer.add("log", Position::START);
/// let position_after = Position::new(0, 9);
/// let bytes = "one\ntwo \u{20AC}".as_bytes()[..9].to_vec().into(); // cut inside of the €
/// framer.push(log, Piece::Data { position_after, channel: Channel::Stdout, bytes });
/// let frame = framer.next_frame().expect("something to send");
/// assert_eq!(frame, "event: log\ndata: one\ndata: two \nid: run7;log=0:8\n\n");
/// assert_eq!(framer.next_frame(), None);
/// ```
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    /// What the frames so far stand for.
    cursor: Cursor,
    outputs: Vec<Output>,
    /// The output whose header was printed last.
    shown: Option<usize>,
    work: VecDeque<Work>,
}

#[derive(Debug)]
struct Output {
    name: String,
    /// The end of the bytes that are framed.
    at: Position,
    /// Up to three bytes after that, which were pushed and wait for what follows.
    held: Bytes,
    held_channel: Channel,
}

#[derive(Debug)]
enum Work {
    Data(Chunk),
    Restarted { output: usize, generation: u64 },
    End { output: usize },
    Status(String),
}

#[derive(Debug)]
struct Chunk {
    output: usize,
    channel: Channel,
    bytes: Bytes,
    /// There won't be more to decide by.
    last: bool,
}

impl Framer {
    /// A framer for outputs of `run`, the token that its cursors carry.
    pub fn new(framing: Framing, run: impl Into<String>) -> Self {
        let cursor = Cursor::new(run);
        Self {
            framing,
            cursor,
            outputs: Vec::new(),
            shown: None,
            work: VecDeque::new(),
        }
    }

    /// Adds an output that goes on at `from`, and returns its index. Control characters of the
    /// name, which could break the framing, are shown as `?`.
    pub fn add(&mut self, name: &str, from: Position) -> usize {
        let name = name.replace(|character: char| character.is_control(), "?");
        self.cursor.set(&name, from);
        let held_channel = Channel::Stdout;
        self.outputs.push(Output {
            name,
            at: from,
            held: Bytes::new(),
            held_channel,
        });
        self.outputs.len() - 1
    }

    /// What the frames handed out so far stand for: resuming here goes on after them.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Takes the next piece of an output. The pieces must follow one another without a gap, from
    /// the position given to [`add`](Self::add) on. They pile up until they are
    /// [framed](Self::next_frame).
    ///
    /// # Panics
    /// When there is no such output.
    pub fn push(&mut self, output: usize, piece: Piece) {
        self.assert_known(output);
        self.work.push_back(match piece {
            Piece::Data { channel, bytes, .. } => Work::Data(Chunk {
                output,
                channel,
                bytes,
                last: false,
            }),
            Piece::Restarted { generation } => Work::Restarted { output, generation },
        });
    }

    /// Says that no more will come of an output, so that nothing of it is held back.
    ///
    /// # Panics
    /// When there is no such output.
    pub fn end(&mut self, output: usize) {
        self.assert_known(output);
        self.work.push_back(Work::End { output });
    }

    /// Takes the status of the run, a JSON text, for the end of the body: as `event: status`, as
    /// an object with the key `status`, or as a line of text (under a header where there are
    /// several outputs). A text that is not JSON becomes a JSON string in NDJSON.
    pub fn push_status(&mut self, json: impl Into<String>) {
        self.work.push_back(Work::Status(json.into()));
    }

    /// The next frame to send, until everything that was pushed is framed or held back.
    pub fn next_frame(&mut self) -> Option<Bytes> {
        loop {
            let frame = match self.work.pop_front()? {
                Work::Data(chunk) => self.data(chunk),
                Work::Restarted { output, generation } => match self.take_held(output) {
                    Some(held) => self.before(held, Work::Restarted { output, generation }),
                    None => self.restarted(output, generation),
                },
                Work::End { output } => self.take_held(output).and_then(|held| self.data(held)),
                Work::Status(json) => self.status(json),
            };
            if frame.is_some() {
                return frame;
            }
        }
    }

    fn assert_known(&self, output: usize) {
        assert!(
            output < self.outputs.len(),
            "output {output} of {}",
            self.outputs.len()
        );
    }

    /// Frames a chunk first and does other work after that.
    fn before(&mut self, chunk: Chunk, work: Work) -> Option<Bytes> {
        self.work.push_front(work);
        self.data(chunk)
    }

    /// What was held back of an output, now to be framed as it is.
    fn take_held(&mut self, output: usize) -> Option<Chunk> {
        let state = &mut self.outputs[output];
        let bytes = std::mem::take(&mut state.held);
        let channel = state.held_channel;
        (!bytes.is_empty()).then_some(Chunk {
            output,
            channel,
            bytes,
            last: true,
        })
    }

    fn advance(&mut self, output: usize, bytes: usize) -> Position {
        let state = &mut self.outputs[output];
        state.at.offset += bytes as u64;
        self.cursor.set(&state.name, state.at);
        state.at
    }

    fn data(&mut self, mut chunk: Chunk) -> Option<Bytes> {
        if self.framing == Framing::Text {
            return Some(self.text(chunk));
        }
        if let Some(held) = self.take_held(chunk.output) {
            if self.framing == Framing::Ndjson && held.channel != chunk.channel {
                return self.before(held, Work::Data(chunk));
            }
            chunk.bytes = [held.bytes, chunk.bytes].concat().into();
        }
        self.encoded(chunk)
    }

    /// The bytes as they are, after a header of their own where one is due.
    fn text(&mut self, chunk: Chunk) -> Bytes {
        if let Some(header) = self.header(Some(chunk.output)) {
            self.work.push_front(Work::Data(chunk));
            return header;
        }
        self.advance(chunk.output, chunk.bytes.len());
        chunk.bytes
    }

    /// The header for an output, or for the status.
    fn header(&mut self, output: Option<usize>) -> Option<Bytes> {
        let index = output.unwrap_or(usize::MAX);
        if self.outputs.len() < 2 || self.shown == Some(index) {
            return None;
        }
        let blank = if self.shown.is_some() { "\n" } else { "" };
        let name = output.map_or("status", |output| &self.outputs[output].name);
        self.shown = Some(index);
        Some(format!("{blank}==> {name} <==\n").into())
    }

    /// Frames the beginning of a chunk and puts the rest back, or holds back all of it.
    fn encoded(&mut self, mut chunk: Chunk) -> Option<Bytes> {
        let mut frame = Vec::new();
        let consumed = match self.framing {
            Framing::Ndjson => self.object(&mut frame, &chunk),
            _ => self.event(&mut frame, &chunk),
        };
        if consumed == 0 {
            let state = &mut self.outputs[chunk.output];
            // A copy, so that three bytes don't keep a whole block.
            state.held = Bytes::copy_from_slice(&chunk.bytes);
            state.held_channel = chunk.channel;
            return None;
        }
        chunk.bytes.advance(consumed);
        if !chunk.bytes.is_empty() {
            self.work.push_front(Work::Data(chunk));
        }
        frame.shrink_to_fit();
        Some(frame.into())
    }

    fn event(&mut self, frame: &mut Vec<u8>, chunk: &Chunk) -> usize {
        frame.extend(
            ["event: ", &self.outputs[chunk.output].name, "\n"]
                .concat()
                .bytes(),
        );
        let consumed = sse::encode(frame, &chunk.bytes, chunk.last);
        if consumed > 0 {
            self.advance(chunk.output, consumed);
            self.end_event(frame);
        }
        consumed
    }

    fn end_event(&self, frame: &mut Vec<u8>) {
        frame.extend(format!("id: {}\n\n", self.cursor).bytes());
    }

    fn object(&mut self, frame: &mut Vec<u8>, chunk: &Chunk) -> usize {
        let Some(taken) = ndjson::take(&chunk.bytes, chunk.last) else {
            return 0;
        };
        let position = self.advance(chunk.output, taken.len());
        let mut line = Line::new(&self.outputs[chunk.output].name);
        line.position = Some(position);
        line.stream = Some(chunk.channel);
        taken.fill(&mut line);
        line.write(frame);
        taken.len()
    }

    fn restarted(&mut self, output: usize, generation: u64) -> Option<Bytes> {
        let state = &mut self.outputs[output];
        state.at = Position::new(generation, 0);
        self.cursor.set(&state.name, state.at);
        let mut frame = Vec::new();
        match self.framing {
            Framing::Text => return None,
            Framing::Sse => {
                let name = &self.outputs[output].name;
                frame.extend(["event: truncated\ndata: ", name, "\n"].concat().bytes());
                self.end_event(&mut frame);
            }
            Framing::Ndjson => {
                let mut line = Line::new(&state.name);
                line.position = Some(state.at);
                line.truncated = true;
                line.write(&mut frame);
            }
        }
        Some(frame.into())
    }

    fn status(&mut self, json: String) -> Option<Bytes> {
        let mut frame = Vec::new();
        match self.framing {
            Framing::Text => {
                if let Some(header) = self.header(None) {
                    self.work.push_front(Work::Status(json));
                    return Some(header);
                }
                frame.extend([&json, "\n"].concat().bytes());
            }
            Framing::Sse => {
                frame.extend_from_slice(b"event: status\n");
                for line in json.split(['\r', '\n']) {
                    frame.extend(["data: ", line, "\n"].concat().bytes());
                }
                self.end_event(&mut frame);
            }
            Framing::Ndjson => {
                let status = serde_json::from_str(&json);
                let mut line = Line::new("status");
                line.status = Some(status.unwrap_or(serde_json::Value::String(json)));
                line.write(&mut frame);
            }
        }
        Some(frame.into())
    }
}
