//! The files of a tree whose paths somebody wants, without the rest of it.

use std::collections::BTreeSet;
use std::io::Read;

use bytes::Bytes;
use gix::bstr::{BString, ByteSlice};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::checkout::{Checkout, blocking, joined};
use crate::context::{Content, Entry, Source};
use crate::error::{ContextError, FilesError};
use crate::limits::Limits;
use crate::local::WorkTree;
use crate::tree::{Descend, Kind};

/// As many paths are asked about at once.
const BATCH: usize = 1024;

/// Which files are asked for, and how much they may take.
#[derive(Clone, Copy)]
pub struct FileQuery<'a> {
    /// Whether the file at this path, relative to the root, is wanted. Asked by the task that
    /// waits for the files, about regular files only.
    pub wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
    /// The names of directories that are not entered, wherever they are.
    pub skip: &'static [&'static str],
    /// How large each file may be, in bytes.
    pub max_bytes: u64,
    /// How many files may be wanted.
    pub max_files: usize,
}

impl std::fmt::Debug for FileQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileQuery")
            .field("skip", &self.skip)
            .field("max_bytes", &self.max_bytes)
            .field("max_files", &self.max_files)
            .finish_non_exhaustive()
    }
}

/// A file that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// Relative to the root. What is not UTF-8 in it is replaced.
    pub path: String,
    /// Its bytes, as a checkout writes them.
    pub content: Bytes,
}

impl Checkout {
    /// The regular files that are wanted, in the order of their paths. No symlink is followed, and
    /// submodules are not entered: their files are not this repository's own.
    ///
    /// # Errors
    /// [`FilesError`] for a file that is too large or one too many, and when the tree can't be
    /// read.
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, it is stopped.
    pub async fn files(
        &self,
        query: FileQuery<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RepoFile>, FilesError> {
        let found = find(self.source(), &query, self.limits(), cancel).await;
        if let Err(FilesError::Tree(error)) = &found {
            self.note(error);
        }
        found
    }
}

impl WorkTree {
    /// As [`Checkout::files`], of the files as they are on disk, committed or not. Repositories
    /// inside it are not entered. Of a file that goes meanwhile it is as if it had never been
    /// there.
    ///
    /// # Errors
    /// As [`Checkout::files`].
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, it is stopped.
    pub async fn files(
        &self,
        query: FileQuery<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RepoFile>, FilesError> {
        find(self.source(), &query, self.limits(), cancel).await
    }
}

/// Two walks: the first tells the paths, and the second enters only what leads to a file.
async fn find(
    source: Source,
    query: &FileQuery<'_>,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<Vec<RepoFile>, FilesError> {
    let cancel = cancel.child_token();
    let _stop = cancel.clone().drop_guard();
    let picked = pick(&source, query, limits, &cancel).await?;
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let (max_bytes, limits) = (query.max_bytes, limits.clone());
    blocking(move || read(&source, &picked, max_bytes, &limits, &cancel)).await
}

/// The paths that are wanted. `wanted` need not be fit for the thread that walks.
async fn pick(
    source: &Source,
    query: &FileQuery<'_>,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<BTreeSet<BString>, FilesError> {
    let (send, mut batches) = mpsc::channel(1);
    let walk = tokio::task::spawn_blocking({
        let (source, limits, cancel) = (source.clone(), limits.clone(), cancel.clone());
        let skip = query.skip;
        move || tell(&source, skip, &limits, &cancel, &send)
    });
    let mut picked = BTreeSet::new();
    while let Some(batch) = batches.recv().await {
        for path in batch {
            let text = path.to_str_lossy();
            if !(query.wanted)(&text) {
                continue;
            }
            if picked.len() >= query.max_files {
                return Err(FilesError::TooMany {
                    path: text.into_owned(),
                    limit: query.max_files,
                });
            }
            picked.insert(path);
        }
    }
    joined(walk).await.map(|()| picked)
}

/// Sends the paths of all regular files. Blocks.
fn tell(
    source: &Source,
    skip: &[&str],
    limits: &Limits,
    cancel: &CancellationToken,
    send: &mpsc::Sender<Vec<BString>>,
) -> Result<(), FilesError> {
    // Nobody listens any more: whoever asked is gone, or has the answer.
    let gone = |_| ContextError::Cancelled;
    let mut batch = Vec::new();
    source.walk(false, limits, cancel, &mut |entry: &mut dyn Entry| {
        match entry.kind() {
            Kind::Directory if is_skipped(entry, skip) => return Ok(Descend::Past),
            Kind::File { .. } => batch.push(entry.path().to_owned()),
            Kind::Directory | Kind::Symlink => {}
        }
        if batch.len() >= BATCH {
            let full = std::mem::take(&mut batch);
            send.blocking_send(full).map_err(gone)?;
        }
        Ok(Descend::Into)
    })?;
    Ok(send.blocking_send(batch).map_err(gone)?)
}

fn is_skipped(entry: &dyn Entry, skip: &[&str]) -> bool {
    let name = entry.path().rsplit_str("/").next().unwrap_or_default();
    skip.iter().any(|skipped| skipped.as_bytes() == name) || entry.is_repository()
}

/// The files at `picked`, as far as they are still there. Blocks.
fn read(
    source: &Source,
    picked: &BTreeSet<BString>,
    max_bytes: u64,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<Vec<RepoFile>, FilesError> {
    let above: BTreeSet<&[u8]> = picked.iter().flat_map(directories).collect();
    let mut files = Vec::new();
    let mut too_large = None;
    let walked = source.walk(false, limits, cancel, &mut |entry: &mut dyn Entry| {
        match entry.kind() {
            Kind::Directory if !above.contains(entry.path().as_bytes()) => Ok(Descend::Past),
            Kind::File { .. } if picked.contains(entry.path()) => {
                if cancel.is_cancelled() {
                    return Err(ContextError::Cancelled);
                }
                let path = entry.path().to_string();
                match bytes_of(entry, max_bytes)? {
                    Some(content) => files.push(RepoFile { path, content }),
                    None => {
                        too_large = Some(path);
                        // There is no other way to end a walk; what it says is not looked at.
                        return Err(ContextError::Cancelled);
                    }
                }
                Ok(Descend::Past)
            }
            _ => Ok(Descend::Into),
        }
    });
    if let Some(path) = too_large {
        let limit = max_bytes;
        return Err(FilesError::TooLarge { path, limit });
    }
    walked?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The content; `None`: it is larger than `limit`. Little more than that is ever in memory, unless
/// `.gitattributes` makes more of it.
fn bytes_of(entry: &mut dyn Entry, limit: u64) -> Result<Option<Bytes>, ContextError> {
    if entry.size()? > limit {
        return Ok(None);
    }
    let mut buffer = Vec::new();
    if let Content::File(file, _) = entry.content(&mut buffer)? {
        let doing = || format!("read {:?}", entry.path().to_string());
        // It may have grown since it was looked at.
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut buffer);
        read.map_err(|source| ContextError::io(doing())(source))?;
    }
    let fits = u64::try_from(buffer.len()).is_ok_and(|size| size <= limit);
    Ok(fits.then(|| buffer.into()))
}

/// All directories that lead to `path`.
fn directories(path: &BString) -> impl Iterator<Item = &[u8]> {
    path.find_iter("/").map(|end| &path[..end])
}
