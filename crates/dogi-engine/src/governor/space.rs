//! How much room there is.

use std::{fmt, path::PathBuf};

/// Tells how much room a disk has.
pub trait Space: fmt::Debug + Send + Sync {
    /// What there is now; `None` where that can't be found out. It is asked often, and answers at
    /// once.
    fn room(&self) -> Option<Room>;
}

/// The room of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this process may still write.
    pub free: u64,
    /// Bytes that the disk has.
    pub total: u64,
}

/// The disk that a directory is on.
#[derive(Debug, Clone)]
pub struct DiskSpace {
    directory: PathBuf,
}

impl DiskSpace {
    /// The disk of `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }
}

impl Space for DiskSpace {
    fn room(&self) -> Option<Room> {
        let found = rustix::fs::statvfs(&self.directory).ok()?;
        Some(Room {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }
}
