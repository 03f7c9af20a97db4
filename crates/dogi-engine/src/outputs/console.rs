use bytes::Bytes;
use dogi_stream::Channel;

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
        self.log.append_line(text.as_ref().to_owned()).await;
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
        let own = self.log.own_tail(TAIL).await.unwrap_or_default();
        own.split(|byte| *byte == b'\n')
            .any(|line| line == text.as_bytes())
    }
}
