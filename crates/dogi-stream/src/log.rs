//! The handle through which a log is read.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::channel::Channel;
use crate::files::{Files, Names};
use crate::follow::Follower;
use crate::position::Position;
use crate::reserved::Reserved;
use crate::shared::Shared;

/// A log, for reading. Cheap to clone; all clones are the same log.
///
/// A finished log that nobody follows holds neither open files nor content in memory.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

impl Log {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A log of the past: complete, with no writer. Blocking, but short.
    ///
    /// The content is what the file holds; where the marks are missing, all of it counts as
    /// standard output of generation 0.
    ///
    /// # Errors
    /// When the file is not there or can't be read.
    pub fn open_finished(path: &Path) -> io::Result<Self> {
        let names = Names::new(path)?;
        let (files, extent) = Files::open_finished(&names)?;
        Ok(Self::new(Shared::finished(names, files.generation, extent)))
    }

    /// A log at `path` that is begun later, or never. Touches no disk.
    ///
    /// # Errors
    /// `InvalidInput` when `path` names no file.
    pub fn reserve(path: &Path) -> io::Result<(Reserved, Self)> {
        Reserved::new(path)
    }

    /// The file that holds the content of the current generation, as raw bytes.
    pub fn path(&self) -> &Path {
        &self.shared.names.content
    }

    /// The end of what has been published: the current generation and its length in bytes.
    pub fn position(&self) -> Position {
        self.shared.position()
    }

    /// Whether the writer is done, so that [`position`](Self::position) stays as it is.
    pub fn is_finished(&self) -> bool {
        self.shared.lock().finished
    }

    /// Follows from a position on, as `tail -f` does, until the log is finished.
    ///
    /// A position with offset 0 begins at the start of the current generation, whatever its own
    /// generation: a reader that has nothing can't be out of date. Any other position that is not
    /// in the current generation, or lies beyond its end, can't be resumed: the follower first
    /// yields [`Piece::Restarted`](crate::Piece::Restarted) and then the current generation from
    /// its start.
    ///
    /// The follower must be used within a tokio runtime.
    pub fn follow(&self, from: Position) -> Follower {
        Follower::new(self.shared.clone(), from)
    }

    /// What is there now, from a position on: ends where the log ends at this moment. A position
    /// that can't be resumed is treated as [`follow`](Self::follow) says.
    pub fn snapshot(&self, from: Position) -> Follower {
        Follower::snapshot(self.shared.clone(), from)
    }

    /// The bytes `range` of the current generation; what lies beyond its end is left out. Yields
    /// data only. When the log starts over meanwhile, the old generation is read on; if that is
    /// gone, the reader gets an error of kind `NotFound`.
    pub fn range(&self, range: Range<u64>) -> Follower {
        Follower::range(self.shared.clone(), range)
    }

    /// What there is of the current generation from `offset` on, all at once, for the end of a log
    /// or a log known to be small. Blocking.
    ///
    /// # Errors
    /// Those of the disk, and `NotFound` when the log starts over meanwhile.
    pub fn read(&self, offset: u64) -> io::Result<Vec<(Channel, Bytes)>> {
        self.shared.read(offset)
    }
}
