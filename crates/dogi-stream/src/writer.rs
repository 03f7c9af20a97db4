//! The one end through which a log grows.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::blocks::BLOCK;
use crate::channel::{Channel, Lengths};
use crate::files::{Extent, Files, Names, ReplaceError};
use crate::log::Log;
use crate::marks::{self, Mark};
use crate::position::Position;
use crate::recover;
use crate::shared::Shared;

/// Writes a log. There is one per log; dropping it finishes the log.
///
/// All calls are blocking writes to the page cache and never wait for readers. Nothing is synced:
/// what is written survives a crash of the process at once, and one of the machine after
/// [`sync`](Self::sync).
#[derive(Debug)]
pub struct LogWriter {
    shared: Arc<Shared>,
    files: Arc<Files>,
    stored: Stored,
    /// A restart failed half-way.
    broken: bool,
}

/// What the files of a generation hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stored {
    pub(crate) extent: Extent,
    pub(crate) lengths: Lengths,
    /// The last mark on disk, if there is one and it is known to be right.
    pub(crate) last_mark: Option<Mark>,
}

impl LogWriter {
    /// Begins a new log at `path`, generation 0, with its marks beside it.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a file at `path`: [`recover`](Self::recover) takes it up.
    pub fn create(path: &Path) -> io::Result<(Self, Log)> {
        let names = Names::new(path)?;
        let files = Files::create(&names)?;
        Ok(Self::with(names, files, Stored::default()))
    }

    /// Takes up the log at `path` after a crash: cuts off what was torn, and goes on at the end.
    ///
    /// Positions given out before stay valid. Where bytes are missing that the marks know of
    /// (after a power cut), a new generation begins with what is left, so that no reader resumes
    /// into other bytes. [`lengths`](Self::lengths) tells what is there.
    ///
    /// # Errors
    /// `NotFound` when there is no log, and what reading and cutting it meets.
    pub fn recover(path: &Path) -> io::Result<(Self, Log)> {
        let names = Names::new(path)?;
        let (files, stored) = recover::recover(&names)?;
        Ok(Self::with(names, files, stored))
    }

    /// Begins a log that readers may know already.
    pub(crate) fn begin(shared: Arc<Shared>) -> io::Result<Self> {
        let files = Arc::new(Files::create(&shared.names)?);
        shared.begin(files.clone());
        Ok(Self {
            shared,
            files,
            stored: Stored::default(),
            broken: false,
        })
    }

    fn with(names: Names, files: Files, stored: Stored) -> (Self, Log) {
        let files = Arc::new(files);
        let shared = Shared::live(names, files.clone(), stored.extent);
        let log = Log::new(shared.clone());
        (
            Self {
                shared,
                files,
                stored,
                broken: false,
            },
            log,
        )
    }

    /// The end of the log: where the next byte goes.
    pub fn position(&self) -> Position {
        Position::new(self.files.generation, self.stored.extent.len)
    }

    /// Bytes of the current generation, per channel.
    pub fn lengths(&self) -> Lengths {
        self.stored.lengths
    }

    /// Bytes on disk, those of the marks included: what a disk budget counts.
    pub fn disk_len(&self) -> u64 {
        self.stored.extent.len + marks::HEADER + self.stored.extent.marks * marks::RECORD
    }

    /// Appends bytes of one channel, shows them to the readers, and returns the end.
    ///
    /// # Errors
    /// On an error, a full disk for one, the log is as it was before the call, and can be appended
    /// to again later.
    pub fn append(&mut self, channel: Channel, bytes: &[u8]) -> io::Result<Position> {
        self.write(channel, bytes)?;
        let mut chunks = Vec::new();
        if self.shared.is_followed() {
            share(channel, bytes, &mut chunks);
        }
        self.publish(chunks);
        Ok(self.position())
    }

    /// Appends several runs of bytes and wakes the readers once.
    ///
    /// # Errors
    /// On an error the runs before the failing one are appended ([`position`](Self::position)
    /// tells how far it came), the others are not.
    pub fn append_all(&mut self, runs: &[(Channel, Bytes)]) -> io::Result<Position> {
        let mut chunks = Vec::new();
        // Asked once, since followers come and go: the chunks must be without a gap.
        let followed = self.shared.is_followed();
        let result = runs.iter().try_for_each(|(channel, bytes)| {
            self.write(*channel, bytes)?;
            if followed {
                share(*channel, bytes, &mut chunks);
            }
            Ok(())
        });
        self.publish(chunks);
        result.map(|()| self.position())
    }

    /// Starts the log over: an empty content with the next generation number. Readers of the old
    /// one, which is unlinked, still read it to its end. Returns the new beginning.
    ///
    /// # Errors
    /// On an error the old generation goes on, except where the disk fails between two renames:
    /// then everything else is refused too, until [`recover`](Self::recover).
    pub fn restart(&mut self) -> io::Result<Position> {
        self.check()?;
        let generation = self.files.generation + 1;
        let files =
            Files::replace(&self.shared.names, generation).map_err(|error| match error {
                ReplaceError::Unchanged(error) => error,
                ReplaceError::HalfWay(error) => {
                    self.broken = true;
                    error
                }
            })?;
        self.files = Arc::new(files);
        self.stored = Stored::default();
        self.shared.restart(self.files.clone());
        Ok(self.position())
    }

    /// Waits until everything appended is on the disk itself, so that it survives a power cut.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn sync(&self) -> io::Result<()> {
        // Bytes before the marks that speak of them: a mark beyond the end is noticed later.
        self.files.content.sync_data()?;
        self.files
            .marks
            .as_ref()
            .map_or(Ok(()), |marks| marks.sync_data())
    }

    /// Ends the log: readers get what is left and then the end. Dropping the writer does the same.
    pub fn finish(self) -> Position {
        self.position()
    }

    fn check(&self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other(
                "the log is broken since it failed to start over",
            ));
        }
        Ok(())
    }

    fn write(&mut self, channel: Channel, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.mark(channel)?;
        let len = self.stored.extent.len;
        if let Err(error) = self.files.content.write_all_at(bytes, len) {
            // Where cutting fails too, the next append writes over the rest: the published length
            // is what counts.
            let _ = self.files.content.set_len(len);
            return Err(error);
        }
        self.stored.extent.len += bytes.len() as u64;
        self.stored.lengths.add(channel, bytes.len() as u64);
        Ok(())
    }

    /// Sees to it that bytes appended next count as `channel`.
    fn mark(&mut self, channel: Channel) -> io::Result<()> {
        let mark = Mark {
            offset: self.stored.extent.len,
            channel,
        };
        let index = match self.stored.last_mark {
            Some(last) if last.channel == channel => return Ok(()),
            // Left by an append that failed: no byte counts on it.
            Some(last) if last.offset == mark.offset => self.stored.extent.marks - 1,
            _ => self.stored.extent.marks,
        };
        let Some(marks) = &self.files.marks else {
            return Ok(());
        };
        // Torn or not: what matters is that the place is written again before bytes follow.
        self.stored.last_mark = None;
        self.stored.extent.marks = index;
        marks::write(marks, index, mark)?;
        self.stored.extent.marks = index + 1;
        self.stored.last_mark = Some(mark);
        Ok(())
    }

    fn publish(&self, chunks: Vec<(Channel, Bytes)>) {
        self.shared.lock().publish(self.stored.extent, chunks);
        self.shared.notify();
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.finish();
    }
}

/// Copies bytes for the readers that keep up, in blocks, so that a reader which stops with one of
/// them in its hand doesn't hold on to more than that block.
fn share(channel: Channel, bytes: &[u8], chunks: &mut Vec<(Channel, Bytes)>) {
    let blocks = bytes.chunks(BLOCK as usize).map(Bytes::copy_from_slice);
    chunks.extend(blocks.map(|block| (channel, block)));
}
