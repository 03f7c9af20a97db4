use std::{fmt, io, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::{net::unix::pipe, sync::watch, time::Instant};

const SMALLEST_CHUNK: usize = 4 * 1024;
const LARGEST_CHUNK: usize = 64 * 1024;

/// What a program and those that it started write to standard output and standard error, in the
/// order in which they write it.
///
/// The program waits while nobody reads and the pipe is full (64 KiB). The output ends when all who
/// could write have closed it, or [`Limits::linger`](crate::Limits::linger) after the program's end.
pub struct Output {
    pipe: pipe::Receiver,
    /// When the program has ended.
    ended: watch::Receiver<Option<Instant>>,
    linger: Duration,
    /// The size of the next chunk: it follows what is written.
    chunk: usize,
    /// Somebody kept the pipe open for too long: as many bytes are still taken out of it.
    rest: Option<usize>,
    over: bool,
    held_open: bool,
}

impl Output {
    pub(crate) fn new(
        pipe: pipe::Receiver,
        ended: watch::Receiver<Option<Instant>>,
        linger: Duration,
    ) -> Self {
        Self {
            pipe,
            ended,
            linger,
            chunk: SMALLEST_CHUNK,
            rest: None,
            over: false,
            held_open: false,
        }
    }

    /// The next bytes, up to 64 KiB and never none; `None`: the output is over.
    ///
    /// # Errors
    ///
    /// What reading a pipe can fail with, which is next to nothing.
    ///
    /// # Cancel safety
    ///
    /// No bytes are lost.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.over {
            // What the program wrote is in the pipe when it ends, so nothing of that is lost, however
            // late it is read; a process that writes on and on still can't keep it open.
            tokio::select! {
                biased;
                () = lingered(&mut self.ended, self.linger), if self.rest.is_none() => {
                    let there = rustix::io::ioctl_fionread(&self.pipe)?;
                    self.rest = Some(usize::try_from(there).unwrap_or(usize::MAX));
                }
                readable = self.pipe.readable() => readable?,
            }
            if let Some(bytes) = self.read_now()? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Reads to the end, keeps the first `limit` bytes and counts the others.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// What was read until then is lost.
    pub async fn read_to_limit(&mut self, limit: usize) -> io::Result<Collected> {
        let Some(first) = self.next().await? else {
            return Ok(self.collected(Bytes::new(), 0));
        };
        // Most programs write once or never: their chunk is handed on as it is.
        let Some(second) = self.next().await? else {
            let kept = first.slice(..first.len().min(limit));
            let dropped = first.len() - kept.len();
            return Ok(self.collected(kept, dropped as u64));
        };
        let mut kept = BytesMut::new();
        let mut dropped = 0;
        for chunk in [first, second] {
            dropped += keep(&mut kept, &chunk, limit);
        }
        while let Some(chunk) = self.next().await? {
            dropped += keep(&mut kept, &chunk, limit);
        }
        Ok(self.collected(kept.freeze(), dropped))
    }

    /// Whether the output was given up because a process that the program left behind kept it open.
    pub fn held_open(&self) -> bool {
        self.held_open
    }

    fn collected(&self, bytes: Bytes, dropped: u64) -> Collected {
        Collected {
            bytes,
            dropped,
            held_open: self.held_open,
        }
    }

    /// Reads what is there, if anything is.
    fn read_now(&mut self) -> io::Result<Option<Bytes>> {
        let size = self.rest.map_or(self.chunk, |rest| rest.min(self.chunk));
        if size == 0 {
            return Ok(self.give_up());
        }
        let mut buffer = BytesMut::with_capacity(size).limit(size);
        match self.pipe.try_read_buf(&mut buffer) {
            Ok(0) => {
                self.over = true;
                Ok(None)
            }
            Ok(read) => {
                self.rest = self.rest.map(|rest| rest - read);
                self.adapt(read);
                Ok(Some(buffer.into_inner().freeze()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.rest {
                Some(_) => Ok(self.give_up()),
                None => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    fn give_up(&mut self) -> Option<Bytes> {
        self.over = true;
        self.held_open = true;
        None
    }

    fn adapt(&mut self, read: usize) {
        if read >= self.chunk {
            self.chunk = (self.chunk * 4).min(LARGEST_CHUNK);
        } else if read < self.chunk / 8 {
            self.chunk = (self.chunk / 4).max(SMALLEST_CHUNK);
        }
    }
}

/// The time after the program's end in which its output may still come.
async fn lingered(ended: &mut watch::Receiver<Option<Instant>>, linger: Duration) {
    // Without a value the runtime ended, and killed the program: it is as over as it can be.
    let at = match ended.wait_for(Option::is_some).await {
        Ok(at) => *at,
        Err(_) => None,
    };
    tokio::time::sleep_until(at.unwrap_or_else(Instant::now) + linger).await;
}

/// Keeps as much of a chunk as there is room for, and tells how much that was not.
fn keep(kept: &mut BytesMut, chunk: &[u8], limit: usize) -> u64 {
    let room = chunk.len().min(limit - kept.len());
    kept.extend_from_slice(&chunk[..room]);
    (chunk.len() - room) as u64
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("linger", &self.linger)
            .field("over", &self.over)
            .field("held_open", &self.held_open)
            .finish_non_exhaustive()
    }
}

/// The output of a program that has ended. `Debug` shows its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Collected {
    /// Its beginning.
    pub bytes: Bytes,
    /// How many bytes after that were dropped.
    pub dropped: u64,
    /// Whether it was given up because a process that the program left behind kept it open.
    pub held_open: bool,
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("bytes", &self.bytes.len())
            .field("dropped", &self.dropped)
            .field("held_open", &self.held_open)
            .finish()
    }
}
