//! The client's side of a stream.
//!
//! A client that prints or stores an output should ask for NDJSON rather than server-sent events:
//! it carries the exact bytes, which events can't (line breaks and invalid UTF-8 are normalised),
//! it tells the channels apart, and each object says where to resume. Events are for browsers.

use bytes::{Buf, Bytes, BytesMut};

use crate::channel::Channel;
use crate::cursor::Cursor;
use crate::framing::ndjson::{Line, bytes_of};
use crate::position::Position;

/// What a server says in NDJSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Bytes of an output.
    Data {
        /// The output's name.
        output: String,
        /// Where the output goes on after these bytes.
        position: Position,
        /// Where the bytes came from, if the server says so.
        channel: Option<Channel>,
        /// The exact bytes.
        bytes: Bytes,
    },
    /// An output starts over: what was received of it so far is out of date.
    Restarted {
        /// The output's name.
        output: String,
        /// The new beginning.
        position: Position,
    },
    /// The run waits, and this is its place in the queue, counted from 1. It may come again.
    Queued(usize),
    /// How the run ended.
    Status(serde_json::Value),
}

impl Message {
    /// Moves a cursor past this message, so that it can be sent as `Last-Event-ID` to resume.
    pub fn advance(&self, cursor: &mut Cursor) {
        match self {
            Self::Data {
                output, position, ..
            }
            | Self::Restarted { output, position } => {
                cursor.set(output, *position);
            }
            Self::Queued(_) | Self::Status(_) => {}
        }
    }
}

/// What came is not the stream of a server.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A line is not an object as expected.
    #[error("`{line}` is not an object of a stream")]
    Json {
        /// The beginning of the line.
        line: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The base64 of a line is damaged.
    #[error("`data_base64` of output `{output}` is damaged")]
    Base64 {
        /// The output's name.
        output: String,
        /// What is wrong with it.
        #[source]
        source: base64::DecodeError,
    },
    /// An object has neither data nor status, or no position.
    #[error("`{line}` lacks {missing}")]
    Incomplete {
        /// The beginning of the line.
        line: String,
        /// The key or keys that should be there.
        missing: &'static str,
    },
    /// A line grows without end.
    #[error("a line is longer than {limit} bytes")]
    TooLong {
        /// The longest line allowed, in bytes.
        limit: usize,
    },
}

/// Reads an NDJSON stream however it arrives.
///
/// ```
/// use dogi_stream::{Cursor, Message, NdjsonDecoder};
///
/// let mut cursor = Cursor::new("run7");
/// let mut decoder = NdjsonDecoder::new();
/// decoder.feed(br#"{"output":"log","position":"0:3","data":"hi"#);
/// assert_eq!(decoder.next_message()?, None);
/// decoder.feed(b"\\n\"}\n");
/// let message = decoder.next_message()?.expect("the line is complete");
/// message.advance(&mut cursor);
/// assert!(matches!(message, Message::Data { bytes, .. } if bytes == "hi\n"));
/// assert_eq!(cursor.to_string(), "run7;log=0:3");
/// # Ok::<(), dogi_stream::DecodeError>(())
/// ```
///
/// When the connection breaks, a line that is not complete is dropped with the decoder: the cursor
/// doesn't count it. Keys that are not known are ignored, and so are empty lines.
#[derive(Debug)]
pub struct NdjsonDecoder {
    buffer: BytesMut,
    /// Bytes known to hold no line feed.
    searched: usize,
    limit: usize,
}

impl NdjsonDecoder {
    /// Lines of up to 16 MiB: a status may quote the answer of a callback.
    const LIMIT: usize = 16 * 1024 * 1024;

    /// A decoder for a new connection.
    pub fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            limit: Self::LIMIT,
        }
    }

    /// Another limit for the length of a line, in bytes.
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Takes bytes as they arrive. Ask for messages until there are none before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete message.
    ///
    /// # Errors
    /// When a line is not what a server sends: calling again goes on after it. After
    /// [`DecodeError::TooLong`] there may be no line to go on with; the connection is of no use.
    pub fn next_message(&mut self) -> Result<Option<Message>, DecodeError> {
        while let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let line = self.buffer.split_to(self.searched + end);
            self.buffer.advance(1);
            self.searched = 0;
            if !line.trim_ascii().is_empty() {
                return self.checked(&line).map(Some);
            }
        }
        self.searched = self.buffer.len();
        if self.searched > self.limit {
            return Err(DecodeError::TooLong { limit: self.limit });
        }
        Ok(None)
    }

    fn checked(&self, line: &[u8]) -> Result<Message, DecodeError> {
        if line.len() > self.limit {
            return Err(DecodeError::TooLong { limit: self.limit });
        }
        message(line)
    }
}

impl Default for NdjsonDecoder {
    fn default() -> Self {
        Self::new()
    }
}

fn message(text: &[u8]) -> Result<Message, DecodeError> {
    let line: Line<'_> = serde_json::from_slice(text).map_err(|source| DecodeError::Json {
        line: excerpt(text),
        source,
    })?;
    let output = line.output.clone().into_owned();
    let bytes = bytes_of(&line).map_err(|source| DecodeError::Base64 {
        output: output.clone(),
        source,
    })?;
    if let Some(status) = line.status {
        return Ok(Message::Status(status));
    }
    if let Some(position) = line.queued {
        return Ok(Message::Queued(position));
    }
    let incomplete = |missing| DecodeError::Incomplete {
        line: excerpt(text),
        missing,
    };
    let position = line.position.ok_or_else(|| incomplete("`position`"))?;
    match (bytes, line.truncated) {
        (_, true) => Ok(Message::Restarted { output, position }),
        (Some(bytes), false) => Ok(Message::Data {
            output,
            position,
            channel: line.stream,
            bytes: bytes.into(),
        }),
        (None, false) => Err(incomplete("`data`, `data_base64`, `truncated` or `status`")),
    }
}

fn excerpt(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned()
}
