//! A tar as a stream, written by a blocking thread.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tar::TarStats;
use crate::error::ContextError;

/// The size of a chunk, in bytes.
const CHUNK: usize = 128 * 1024;
/// How many chunks wait for the reader.
const WAITING: usize = 4;

/// The chunks of a tar. An error is the last item; a tar without one is complete.
///
/// Dropping it stops the thread that writes.
#[derive(Debug)]
pub struct TarStream {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    _stop: DropGuard,
}

impl TarStream {
    pub(crate) fn spawn(
        cancel: CancellationToken,
        write: impl FnOnce(&mut Chunks, &CancellationToken) -> Result<TarStats, ContextError>
        + Send
        + 'static,
    ) -> TarStream {
        let (sender, chunks) = mpsc::channel(WAITING);
        let cancel = cancel.child_token();
        let stop = cancel.clone().drop_guard();
        tokio::task::spawn_blocking(move || {
            let mut out = Chunks {
                buffer: BytesMut::with_capacity(CHUNK),
                sender,
            };
            if let Err(error) = write(&mut out, &cancel) {
                // Nobody may be there any more to hear it.
                let _ = out.sender.blocking_send(Err(io::Error::other(error)));
            }
        });
        TarStream {
            chunks,
            _stop: stop,
        }
    }
}

impl Stream for TarStream {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.chunks.poll_recv(context)
    }
}

/// Where the thread writes to.
pub(crate) struct Chunks {
    buffer: BytesMut,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the tar");
        self.sender.blocking_send(Ok(chunk)).map_err(gone)
    }
}
