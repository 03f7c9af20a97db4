//! The helper's frames, see `helper/tail.rs`. Pure.

use bytes::{Buf, Bytes, BytesMut};

use crate::container::PathKind;

const MAGIC: &[u8] = b"\0dogi-tail 1\n";
const HEADER: usize = 9;
/// Much more than the helper ever sends.
const MAX_PAYLOAD: usize = 1024 * 1024;
/// What may come before the magic: the text of an exec error.
const MAX_PREAMBLE: usize = 64 * 1024;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Which of the paths given to the helper.
    pub(super) index: usize,
    pub(super) event: FrameEvent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FrameEvent {
    Data(Bytes),
    Restart,
    NotAFile(PathKind),
    Unreadable(String),
}

/// Something that the helper does not write.
#[derive(Debug, thiserror::Error)]
#[error("not the helper's frames: {0}")]
pub(super) struct BadFrames(pub(super) String);

/// Finds frames in a byte stream.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
    begun: bool,
}

impl Decoder {
    /// Whether the helper has said anything.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// What came instead of the helper's words.
    pub(super) fn preamble(&self) -> String {
        String::from_utf8_lossy(&self.buffer).trim().to_owned()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BadFrames> {
        self.buffer.extend_from_slice(bytes);
        if self.begun {
            return Ok(());
        }
        match self
            .buffer
            .windows(MAGIC.len())
            .position(|window| window == MAGIC)
        {
            Some(at) => {
                self.buffer.advance(at + MAGIC.len());
                self.begun = true;
                Ok(())
            }
            None if self.buffer.len() > MAX_PREAMBLE => Err(BadFrames("no beginning".to_owned())),
            None => Ok(()),
        }
    }

    /// The next frame that is complete.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, BadFrames> {
        if !self.begun || self.buffer.len() < HEADER {
            return Ok(None);
        }
        let kind = self.buffer[0];
        let index = be32(&self.buffer[1..5]);
        let len = be32(&self.buffer[5..9]);
        if len > MAX_PAYLOAD {
            return Err(BadFrames(format!("{len} bytes of payload")));
        }
        if self.buffer.len() < HEADER + len {
            return Ok(None);
        }
        self.buffer.advance(HEADER);
        let payload = self.buffer.split_to(len).freeze();
        let event = match kind {
            1 => FrameEvent::Data(payload),
            2 => FrameEvent::Restart,
            3 => FrameEvent::NotAFile(match &payload[..] {
                b"directory" => PathKind::Directory,
                b"fifo" => PathKind::Fifo,
                b"socket" => PathKind::Socket,
                _ => PathKind::Device,
            }),
            4 => FrameEvent::Unreadable(String::from_utf8_lossy(&payload).into_owned()),
            other => return Err(BadFrames(format!("kind {other}"))),
        };
        Ok(Some(Frame { index, event }))
    }
}

fn be32(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}
