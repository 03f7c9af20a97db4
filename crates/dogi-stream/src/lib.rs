//! Append-only logs on disk, `tail -f` for any number of readers, and the framing of what they
//! read as text, server-sent events or NDJSON.
//!
//! One [`LogWriter`] appends to a log and never waits for anybody. Any number of [`Follower`]s
//! read it, each from a [`Position`] of its own, from the first byte to the last: whether they
//! start before the writer, while it writes or after it has finished. A [`Multiplexer`] puts
//! several of them into one body, in a [`Framing`] whose frames say where to resume. [`mask`] keeps
//! secrets out of what is written.
//!
//! ```
//! use dogi_stream::{Channel, Framing, LogWriter, Multiplexer, Position};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::TempDir::new()?;
//! let (mut writer, log) = LogWriter::create(&directory.path().join("log"))?;
//! let mut body = Multiplexer::new(Framing::Sse, "run7");
//! body.add("log", log.follow(Position::START));
//!
//! writer.append(Channel::Stdout, b"hello\n")?;
//! let frame = body.next().await?.expect("there is something to read");
//! assert_eq!(frame, "event: log\ndata: hello\ndata: \nid: run7;log=0:6\n\n");
//!
//! // The connection breaks; the client comes back with the id as Last-Event-ID.
//! drop(body);
//! writer.append(Channel::Stdout, b"the last byte, without a newline")?;
//! writer.finish();
//! let cursor: dogi_stream::Cursor = "run7;log=0:6".parse()?;
//! let mut body = Multiplexer::new(Framing::Text, cursor.run());
//! body.add("log", log.follow(cursor.position("log")));
//! assert_eq!(body.next().await?.unwrap(), "the last byte, without a newline");
//! assert_eq!(body.next().await?, None);
//! # Ok(())
//! # }
//! ```
//!
//! # On disk
//!
//! The content file holds the raw bytes and nothing else, so that `cat`, ranges and checksums work
//! on it. A small file beside it, `.NAME.marks`, says which bytes came from which [`Channel`]; a
//! mark is written before the bytes it speaks of, so that whatever a crash leaves is a correct
//! prefix that [`LogWriter::recover`] takes up. A log that [starts over](LogWriter::restart) gets a
//! new content file and the next generation number; readers of the old one finish it first.
//!
//! # What readers cost
//!
//! The newest 256 KiB are in memory, once for all readers that keep up; everything older is read
//! from the file in blocks of 8 KiB, a few at a time, by the readers that want it. A reader holds
//! a position and at most one such block: a thousand that have stopped cost some 10 to 17 KB each,
//! frames included (`tests/memory.rs`), and the writer nothing. Wake-ups coalesce: a reader that
//! was busy finds everything that has come meanwhile. `cargo bench -p dogi-stream` measures.
//!
//! # Limitations
//!
//! - Readers of a log must live in the process of its writer; other processes see the content
//!   file. Nothing keeps two writers from the same path: that is up to the owner of the directory.
//! - Nothing is synced unless [`LogWriter::sync`] is called: a crash of the process loses nothing,
//!   a power cut may lose the end. Where the marks show it, a new generation begins then.
//! - The order of bytes from different channels is the order in which they were appended; what it
//!   was in the program can't be known.
//! - Of generations that were replaced while readers were still on them, four are kept for these
//!   readers; one that is further behind goes on with the current generation.
//! - Unix only (positional reads and writes), and a tokio runtime for reading.
//!
//! # Features
//!
//! None.

mod blocks;
mod channel;
mod cursor;
mod decode;
mod files;
mod follow;
mod framing;
mod log;
mod marks;
pub mod mask;
mod multiplex;
mod position;
mod recover;
mod reserved;
mod shared;
mod tail;
mod writer;

pub use channel::{Channel, Lengths};
pub use cursor::{Cursor, ParseCursorError};
pub use decode::{DecodeError, Message, NdjsonDecoder};
pub use follow::{Follower, Piece};
pub use framing::{Framer, Framing};
pub use log::Log;
pub use multiplex::Multiplexer;
pub use position::{ParsePositionError, Position};
pub use reserved::Reserved;
pub use writer::LogWriter;
