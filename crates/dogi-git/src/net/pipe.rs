//! Asynchronous streams, read and written by the thread that speaks the protocol.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Link;

pub(super) const SILENT: &str = "the server sent nothing";
pub(super) const DEAF: &str = "the server read nothing";

/// Reads with the limits of a link. Whoever reads from it buffers.
pub(super) struct Reader<R> {
    pub(super) from: R,
    pub(super) link: Arc<Link>,
}

impl<R: AsyncRead + Unpin> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stall = self.link.limits.stall;
        let read = self.link.wait(stall, SILENT, self.from.read(buffer))?;
        self.link.count(read)?;
        Ok(read)
    }
}

/// Writes with the limits of a link.
pub(super) struct Writer<W> {
    pub(super) to: W,
    pub(super) link: Arc<Link>,
}

impl<W: AsyncWrite + Unpin> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.link
            .wait(self.link.limits.stall, DEAF, self.to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link
            .wait(self.link.limits.stall, DEAF, self.to.flush())
    }
}
