//! The stream under a connection: it reports progress, tolerates a half-close, and closes so
//! that the last answer arrives.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use super::refusal;

/// Bytes thrown away at most while lingering: a client that sends more gets its reset.
const LINGER_BYTES: usize = 64 << 20;

/// A client's stream (plain or TLS) that keeps [`Activity`] informed.
#[derive(Debug)]
pub(super) struct ClientIo<S> {
    stream: S,
    activity: Arc<Activity>,
    linger: std::time::Duration,
    closing: Option<Closing>,
    /// Goes out in the place of a refusal.
    instead: Option<Instead>,
}

#[derive(Debug)]
struct Instead {
    bytes: Vec<u8>,
    written: usize,
    /// How many bytes it stands for.
    length: usize,
}

#[derive(Debug)]
struct Closing {
    until: Pin<Box<Sleep>>,
    write_closed: bool,
    left: usize,
}

impl<S> ClientIo<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, linger: std::time::Duration) -> Self {
        Self {
            stream,
            activity,
            linger,
            closing: None,
            instead: None,
        }
    }

    fn progress(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &poll {
            Poll::Ready(Ok(_)) => self.activity.wrote(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.stalled(),
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> ClientIo<S> {
    /// Writes the explanation of a refusal in its place; `None`: these bytes are none.
    fn poll_explained(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            // An answer may hold whatever bytes a job has printed.
            if self.activity.is_answering() {
                return None;
            }
            let bytes = refusal::explained(buf)?;
            self.instead = Some(Instead {
                bytes,
                written: 0,
                length: buf.len(),
            });
        }
        while let Some(instead) = &mut self.instead {
            let rest = &instead.bytes[instead.written..];
            if rest.is_empty() {
                let length = instead.length;
                self.instead = None;
                return Some(Poll::Ready(Ok(length)));
            }
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(written)) => instead.written += written,
                other => return Some(other),
            }
        }
        None
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let eof = buf.filled().len() == before && buf.remaining() > 0;
        if eof && self.activity.hide_eof(cx.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = match self.poll_explained(cx, buf) {
            Some(poll) => poll,
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        };
        self.progress(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = match bufs {
            [only] => self.poll_explained(cx, only),
            _ => None,
        };
        let poll = match poll {
            Some(poll) => poll,
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        };
        self.progress(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.activity.wrote_all();
        Poll::Ready(Ok(()))
    }

    /// Closes the writing half, then reads away what the client still sends until it closes too:
    /// the kernel answers unread bytes with a reset, which would destroy the last answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream,
            closing,
            linger,
            ..
        } = &mut *self;
        let closing = closing.get_or_insert_with(|| Closing {
            until: Box::pin(sleep_until(Instant::now() + *linger)),
            write_closed: false,
            left: LINGER_BYTES,
        });
        if closing.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !closing.write_closed {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            closing.write_closed = true;
        }
        let mut waste = [0_u8; 4096];
        while closing.left > 0 {
            let mut buf = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf)) {
                Ok(()) if buf.filled().is_empty() => break,
                Ok(()) => closing.left = closing.left.saturating_sub(buf.filled().len()),
                Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
