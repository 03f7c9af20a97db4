//! Where a context's files come from.

use std::path::PathBuf;

use gix::bstr::{BStr, BString, ByteSlice};
use tokio_util::sync::CancellationToken;

use super::entry::Visit;
use super::{disk, stored};
use crate::checkout::Checkout;
use crate::error::ContextError;
use crate::limits::Limits;
use crate::tree::Found;

/// A directory of a tree or of the disk. Paths are relative to the root of the tree, links in them
/// are followed, and whatever leads out of it does not exist.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Stored { checkout: Checkout, start: BString },
    Disk { root: PathBuf, start: BString },
}

impl Source {
    /// The directory `subdir` of the tree of `self`.
    pub(crate) fn narrowed(self, subdir: &str) -> Result<Source, ContextError> {
        let start = match self.find(subdir)? {
            Some(Found::Directory(path)) => path,
            _ => {
                return Err(ContextError::NoDirectory {
                    path: subdir.to_owned(),
                });
            }
        };
        Ok(match self {
            Source::Stored { checkout, .. } => Source::Stored { checkout, start },
            Source::Disk { root, .. } => Source::Disk { root, start },
        })
    }

    /// Where the context is in the tree.
    pub(crate) fn start(&self) -> &BStr {
        match self {
            Source::Stored { start, .. } | Source::Disk { start, .. } => start.as_bstr(),
        }
    }

    pub(crate) fn walk(
        &self,
        git_dir: bool,
        limits: &Limits,
        cancel: &CancellationToken,
        visit: &mut Visit<'_>,
    ) -> Result<(), ContextError> {
        let entries = limits.max_files;
        match self {
            Source::Stored { checkout, start } => {
                let modified = checkout.modified();
                stored::walk(
                    checkout.tree(),
                    start.as_bstr(),
                    modified,
                    entries,
                    cancel,
                    visit,
                )
            }
            Source::Disk { root, start } => {
                disk::walk(&disk::below(root, start), git_dir, entries, cancel, visit)
            }
        }
    }

    /// What is at `path`, with its path without links.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Found>, ContextError> {
        match self {
            Source::Stored { checkout, .. } => checkout.tree().find(path.as_bytes().as_bstr()),
            Source::Disk { root, .. } => disk::find(root, path),
        }
    }

    /// The file at `path`.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ContextError> {
        match self {
            Source::Stored { checkout, .. } => checkout.tree().read(path.as_bytes().as_bstr()),
            Source::Disk { root, .. } => disk::read(root, path),
        }
    }

    /// `path`, which is relative to the context, relative to the root.
    pub(crate) fn join(&self, path: &str) -> String {
        let start = self.start().to_str_lossy();
        if start.is_empty() {
            path.to_owned()
        } else {
            format!("{start}/{path}")
        }
    }
}
