//! What is asked of the governor, and what it tells.

use dogi_job::UnixMillis;
use serde::{Deserialize, Serialize};

/// Asks to make room, see [`crate::Engine::collect`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CollectRequest {
    /// Only to tell what would be removed.
    pub dry_run: bool,
    /// Everything that is not in use goes, not only what is beyond the budgets.
    pub everything: bool,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectReport {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What went, in the order of removal.
    pub removed: Vec<Collected>,
    /// What was left out because something is not there, such as Docker: a sentence each.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// What could not be looked at or removed: a sentence each.
    pub failed: Vec<String>,
}

/// Something that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// `mirrors`, `images` or `runs`; `leftovers` for what belonged to nobody.
    pub kind: String,
    /// By which a person knows it.
    pub what: String,
    /// Bytes that it took on disk.
    pub bytes: u64,
    /// When it was of use last, where that is known.
    pub last_used: Option<UnixMillis>,
}

impl CollectReport {
    /// Bytes of everything that was removed.
    #[must_use]
    pub fn freed(&self) -> u64 {
        self.removed
            .iter()
            .fold(0, |sum, one| sum.saturating_add(one.bytes))
    }
}

/// How much of one kind is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes on disk.
    pub bytes: u64,
    /// How many things.
    pub count: u64,
}

/// What is on disk, see [`crate::Engine::disk`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUsage {
    /// Mirrors of repositories.
    pub mirrors: Usage,
    /// Images of the server's own builds, what they share with other images left out.
    pub images: Usage,
    /// Finished runs with their outputs.
    pub runs: Usage,
    /// Bytes of the files that lie in the data directory itself: the database, mostly.
    pub database: u64,
    /// Bytes that are free on the disk of the data directory; `None` where it does not tell.
    pub free: Option<u64>,
    /// Bytes that have to be free for a new run.
    pub floor: u64,
}
