use bytes::Bytes;
use dogi_stream::{Channel, Position};

use super::OutputWriter;

/// Bytes at the end of a log that are looked at for lines that stand there already.
const TAIL: u64 = 64 * 1024;

/// Writes dogi's own lines to a run's log.
#[derive(Debug, Clone)]
pub struct Console {
    log: OutputWriter,
}

impl Console {
    pub(super) fn new(log: OutputWriter) -> Self {
        Self { log }
    }

    /// Writes one line, on a line of its own.
    pub async fn line(&self, text: impl AsRef<str>) {
        let newline = if self.log.at_line_start() { "" } else { "\n" };
        let line = format!("{newline}{}\n", text.as_ref());
        self.raw(line.into()).await;
    }

    /// Writes bytes as they are.
    pub async fn raw(&self, bytes: Bytes) {
        self.log.append(vec![(Channel::System, bytes)]).await;
    }

    /// Writes one of the last lines, which tell how the run ended: they are few, and stand there
    /// even where the limit has cut what came before.
    pub(crate) async fn closing_line(&self, text: String) {
        self.log.closing_line(text).await;
    }

    /// Whether the server, in this life or an earlier one, wrote `text` as a line near the end of
    /// the log. What the job itself printed does not count.
    pub(crate) async fn has_line(&self, text: &str) -> bool {
        let log = self.log.reader();
        let end = log.position();
        let from = Position::new(end.generation, end.offset.saturating_sub(TAIL));
        let mut tail = log.snapshot(from);
        let mut own = Vec::new();
        while let Ok(Some(piece)) = tail.next().await {
            if let dogi_stream::Piece::Data {
                channel: Channel::System,
                bytes,
                ..
            } = piece
            {
                own.extend_from_slice(&bytes);
            }
        }
        own.split(|byte| *byte == b'\n')
            .any(|line| line == text.as_bytes())
    }
}
