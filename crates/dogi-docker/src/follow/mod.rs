//! Following files in a container, from inside.
//!
//! A small helper is put into the container before it starts ([`Container::inject_helper`]) and run
//! there as the job's own user once it runs ([`Container::follow`]). It sees what the job sees: any
//! mount, any link, files that come late, are truncated or replaced. Its last look is always a moment
//! before the job's last write, so when the container has ended every file is fetched once more from the
//! engine and compared with what was delivered ([`Reconciler`]).
//!
//! Where the helper can't run, the same fetching is done repeatedly while the container runs.

mod followed;
mod frames;
mod helper;
mod live;
mod run;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub use helper::{HELPER_PATH, Injection, helper_program};
pub use live::{LiveFile, Mismatch, Reconciler, reconcile};

use crate::container::{Container, PathKind, Rewriting};
use crate::error::EngineError;
use followed::Followed;

/// The caller's own number for a file.
pub type FileKey = usize;

/// What happened to a followed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEvent {
    /// The next bytes of the file.
    Data {
        /// Which file.
        file: FileKey,
        /// At most 64 KiB, never empty.
        bytes: Bytes,
    },
    /// The file starts over: it was truncated, rewritten or replaced. What was delivered of it is no
    /// longer its content; the next data is its beginning.
    Restarted {
        /// Which file.
        file: FileKey,
    },
    /// What stands at the path is not a regular file and is not read. Following goes on: a file may
    /// take its place.
    NotAFile {
        /// Which file.
        file: FileKey,
        /// What it is.
        kind: PathKind,
    },
    /// The job's user can't read the file while the job runs. Its content comes when the job has ended.
    Unreadable {
        /// Which file.
        file: FileKey,
        /// What the system said.
        reason: String,
    },
}

/// The events of all followed files, in order per file.
///
/// It ends by itself when the container has ended and the rest of every file has been delivered: **do not
/// remove the container before.** Dropping it ends the following.
///
/// Like [`crate::Output`] it is read ahead by a bounded amount; a consumer that stops only stops the helper.
#[derive(Debug)]
pub struct FollowStream {
    events: mpsc::Receiver<Result<FileEvent, FollowError>>,
    _task: AbortOnDropHandle<()>,
}

/// Following that could not begin or broke off.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// A path that can't be followed, whatever is there.
    #[error("can't follow {path:?}: {reason}")]
    BadPath {
        /// As given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The container or the engine is gone.
    #[error("the files can't be followed any further")]
    Engine(#[source] EngineError),
}

impl FollowStream {
    /// The next event; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// The container or the engine went away; the stream ends after it.
    pub async fn next(&mut self) -> Option<Result<FileEvent, FollowError>> {
        self.events.recv().await
    }
}

impl Stream for FollowStream {
    type Item = Result<FileEvent, FollowError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(cx)
    }
}

/// Events that may wait for the consumer; with their size, 4 MiB.
const READ_AHEAD: usize = 64;

impl Container {
    /// Follows files as `tail -F` does, from their beginning. Call it when the container has been started;
    /// fine when it has ended already.
    ///
    /// Whether the helper was injected is found out by trying. tmpfs mounts (`/dev/shm` is one) vanish with
    /// the container: their last few milliseconds can't be had. An engine that goes away is waited for.
    ///
    /// # Errors
    /// [`FollowError::BadPath`]; everything else is told by the stream.
    pub fn follow<P: AsRef<str>>(
        &self,
        files: &[(FileKey, P)],
    ) -> Result<FollowStream, FollowError> {
        let files = files.iter();
        self.follow_on(files.map(|(key, path)| (*key, path.as_ref(), LiveFile::new())))
    }

    /// As [`Container::follow`], from where an earlier following was interrupted: with what was delivered
    /// of each file since it last started over. Each file is compared with it first; one that is not
    /// the same any more, or that can't be compared (on a tmpfs), starts over.
    ///
    /// # Errors
    /// [`FollowError::BadPath`]; everything else is told by the stream.
    pub fn follow_on<'a>(
        &self,
        files: impl IntoIterator<Item = (FileKey, &'a str, LiveFile)>,
    ) -> Result<FollowStream, FollowError> {
        self.follow_on_with(files, &Rewriting::none())
    }

    /// As [`Container::follow_on`], of files that are rewritten before they are kept: what was delivered
    /// is, and so is what comes.
    ///
    /// # Errors
    /// [`FollowError::BadPath`]; everything else is told by the stream.
    pub fn follow_on_with<'a>(
        &self,
        files: impl IntoIterator<Item = (FileKey, &'a str, LiveFile)>,
        rewriting: &Rewriting,
    ) -> Result<FollowStream, FollowError> {
        let mut followed = Vec::new();
        for (key, path, live) in files {
            let path = path.to_owned();
            if let Some(reason) = fault(&path) {
                return Err(FollowError::BadPath { path, reason });
            }
            followed.push(Followed::new(key, path, live, rewriting.clone()));
        }
        let (send, events) = mpsc::channel(READ_AHEAD);
        let task = tokio::spawn(run::follow(self.clone(), followed, send));
        Ok(FollowStream {
            events,
            _task: AbortOnDropHandle::new(task),
        })
    }
}

fn fault(path: &str) -> Option<&'static str> {
    match path {
        _ if !path.starts_with('/') => Some("the path is not absolute"),
        _ if path.contains('\0') => Some("the path has a NUL byte"),
        _ if path.len() > 4095 => Some("the path is longer than 4095 bytes"),
        _ => None,
    }
}
