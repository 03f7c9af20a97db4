use std::fmt;

use dogi_job::UnixMillis;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::ports::Alive;

/// Keeps things on disk for later use, and gives them up when the room is wanted.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// What it keeps.
    fn kind(&self) -> KeptKind;

    /// Whether giving something up makes room on the disk of the data directory.
    fn shares_disk(&self) -> bool {
        true
    }

    /// Everything that it keeps, in no particular order.
    ///
    /// Cancel safe.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Kept>, KeepError>>;

    /// Gives up one thing, unless it came into use. What is gone already was no bytes large.
    ///
    /// Not cancel safe: a removal that was begun is ended.
    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Removal, KeepError>>;

    /// Finds, and removes if it is asked to, what lies around beside the things that are kept and
    /// belongs to nobody: what a crash left, mostly.
    fn sweep<'a>(&'a self, sweep: Sweep<'a>) -> BoxFuture<'a, Result<Vec<Leftover>, KeepError>>;
}

/// The sorts of things that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptKind {
    /// Mirrors of repositories.
    Mirrors,
    /// Images of the server's own builds.
    Images,
    /// Finished runs with their outputs.
    Runs,
}

impl KeptKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mirrors, Self::Images, Self::Runs];

    /// `mirrors`, `images` or `runs`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mirrors => "mirrors",
            Self::Images => "images",
            Self::Runs => "runs",
        }
    }
}

impl fmt::Display for KeptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// By which [`Keeper::remove`] knows it.
    pub id: String,
    /// By which a person knows it: a repository's URL, an image's id. No secrets.
    pub label: String,
    /// Bytes that it takes on disk.
    pub bytes: u64,
    /// When it was of use last.
    pub last_used: UnixMillis,
    /// Whether it is of use right now.
    pub in_use: bool,
}

/// What came of [`Keeper::remove`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed {
        /// Bytes that it took on disk.
        bytes: u64,
    },
    /// It came into use, and stays.
    InUse,
}

/// Asks for what belongs to nobody.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    /// Tells which runs are not over. To be asked after looking what there is.
    pub alive: &'a Alive<'a>,
    /// Whether it is to be removed, or only told.
    pub remove: bool,
}

impl fmt::Debug for Sweep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep")
            .field("remove", &self.remove)
            .finish_non_exhaustive()
    }
}

/// Something that belongs to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// By which a person knows it.
    pub what: String,
    /// Bytes that it takes on disk; 0 if that is not known.
    pub bytes: u64,
}

/// A keeper could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
pub struct KeepError {
    /// What it should have done.
    pub what: String,
    /// Whether that is only because what it works with is not there at the moment, such as a
    /// Docker engine that does not run.
    pub absent: bool,
    /// Why not.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl KeepError {
    /// That `what` failed for this reason.
    pub fn new(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what: what.into(),
            absent: false,
            source: source.into(),
        }
    }
}
