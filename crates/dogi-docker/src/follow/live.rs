//! What was delivered of a file, and what is missing. Pure.

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use super::{FileEvent, FileKey};

/// What has been delivered of a file since it last started over: a count and a running hash, so that
/// comparing it with the whole file later needs no copy of it.
#[derive(Clone)]
pub struct LiveFile {
    delivered: u64,
    hash: Context,
}

impl std::fmt::Debug for LiveFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveFile")
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}

impl Default for LiveFile {
    fn default() -> Self {
        LiveFile {
            delivered: 0,
            hash: Context::new(&SHA256),
        }
    }
}

impl LiveFile {
    /// Nothing delivered yet.
    pub fn new() -> LiveFile {
        LiveFile::default()
    }

    /// Bytes delivered since the file last started over.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// These bytes have been delivered.
    pub fn record(&mut self, bytes: &[u8]) {
        self.delivered += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// The file starts over.
    pub fn restart(&mut self) {
        *self = LiveFile::default();
    }
}

/// Compares the whole file, as it streams by, with what was delivered, and lets the rest through.
///
/// ```
/// # use dogi_docker::{LiveFile, Reconciler};
/// let mut live = LiveFile::new();
/// live.record(b"one\ntw");
/// let mut reconciler = Reconciler::new(&live, 8)?;
/// assert_eq!(reconciler.push("one\n".into())?, None);
/// assert_eq!(reconciler.push("two\n".into())?, Some("o\n".into()));
/// # Ok::<(), dogi_docker::Mismatch>(())
/// ```
#[derive(Debug)]
pub struct Reconciler {
    wanted: LiveFile,
    seen: LiveFile,
}

/// What was delivered is not the beginning of the file: it has to start over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was delivered is not the beginning of the file")]
pub struct Mismatch;

impl Reconciler {
    /// For a file of `size` bytes.
    ///
    /// # Errors
    /// [`Mismatch`] when the file is shorter than what was delivered.
    pub fn new(live: &LiveFile, size: u64) -> Result<Reconciler, Mismatch> {
        if size < live.delivered {
            return Err(Mismatch);
        }
        Ok(Reconciler {
            wanted: live.clone(),
            seen: LiveFile::new(),
        })
    }

    /// For something whose size nobody knows yet.
    pub(crate) fn of_unknown_size(live: &LiveFile) -> Reconciler {
        Reconciler {
            wanted: live.clone(),
            seen: LiveFile::new(),
        }
    }

    /// Whether what has come so far is exactly what had been delivered when `live` was kept.
    pub(crate) fn has_seen(&self, live: &LiveFile) -> bool {
        self.seen.delivered == live.delivered
            && self.seen.hash.clone().finish().as_ref() == live.hash.clone().finish().as_ref()
    }

    /// Whether all that had been delivered was seen, and is the same.
    pub(crate) fn is_done(&self) -> bool {
        self.seen.delivered >= self.wanted.delivered
    }

    /// For a file of which nothing has been delivered: everything passes.
    pub fn from_the_start() -> Reconciler {
        Reconciler {
            wanted: LiveFile::new(),
            seen: LiveFile::new(),
        }
    }

    /// The file's next bytes; gives those that have not been delivered.
    ///
    /// # Errors
    /// [`Mismatch`] once all of what was delivered has been seen and is not the same.
    pub fn push(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>, Mismatch> {
        let left = self.wanted.delivered - self.seen.delivered;
        if left > 0 {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            self.seen.record(&bytes.split_to(take));
            if take as u64 == left {
                let same = self.wanted.hash.clone().finish().as_ref()
                    == self.seen.hash.clone().finish().as_ref();
                if !same {
                    return Err(Mismatch);
                }
            }
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

/// What is to be delivered so that the reader ends up with `archive`, the whole file. Appends where
/// what was delivered is its beginning, starts over otherwise.
///
/// [`Container::follow`](crate::Container::follow) does the same to files as they stream by.
pub fn reconcile(live: &LiveFile, file: FileKey, archive: &[u8]) -> Vec<FileEvent> {
    let whole = Bytes::copy_from_slice(archive);
    let rest = Reconciler::new(live, archive.len() as u64)
        .and_then(|mut reconciler| reconciler.push(whole.clone()));
    match rest {
        Ok(rest) => rest
            .map(|bytes| FileEvent::Data { file, bytes })
            .into_iter()
            .collect(),
        Err(Mismatch) => {
            let data = (!whole.is_empty()).then_some(FileEvent::Data { file, bytes: whole });
            std::iter::once(FileEvent::Restarted { file })
                .chain(data)
                .collect()
        }
    }
}
