use std::{fmt, io, pin::Pin, sync::Arc};

use bytes::Bytes;
use dogi_job::SourceRef;
use dogi_url::{BuildParams, Commit};
use futures::{Stream, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use crate::ports::{Keeper, StepError, Work};

/// A stream of bytes that an effect sends on.
pub type BoxStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where the files of runs come from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Resolves what the request names and has its objects at hand.
    fn checkout<'a>(
        &'a self,
        request: CheckoutRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>>;

    /// What keeps its files for the next run, if they are to be kept within a budget.
    fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        None
    }
}

/// What is to be checked out, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct CheckoutRequest<'a> {
    /// Which files.
    pub source: &'a SourceRef,
    /// Whoever wrote them may not see all that the server may: what the files refer to, such as
    /// submodules, is had without its credentials or not at all.
    pub stranger: bool,
}

/// The files of one commit, or of a work tree. They stay at hand as long as the value lives.
pub trait Checkout: fmt::Debug + Send + Sync {
    /// The commit; `None` for a work tree as it is on disk.
    fn commit(&self) -> Option<Commit>;

    /// The branch or tag that the commit was found by.
    fn revision(&self) -> Option<String>;

    /// Prepares the build context.
    fn context<'a>(
        &'a self,
        request: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>>;

    /// The regular files whose path, relative to the root, `wanted` takes, in the order of their
    /// paths. No link is followed; neither submodules nor directories called `node_modules` are
    /// looked into. Of a work tree it is what is on disk, committed or not.
    ///
    /// # Errors
    /// [`StepError::Failed`] for a file that is larger, or one more, than `limits` say.
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, it is stopped.
    fn files<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
        limits: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>>;

    /// The whole tree as a tar stream, every name below `prefix`.
    fn tree(&self, prefix: &str, cancel: CancellationToken) -> BoxStream;
}

/// How much [`Checkout::files`] may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// The size of each file, in bytes.
    pub max_bytes: u64,
    /// The number of files.
    pub max_files: usize,
}

/// A file of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// Relative to the root.
    pub path: String,
    /// All of it.
    pub content: Bytes,
}

/// Which part of the files a build gets.
#[derive(Debug, Clone, Copy)]
pub struct ContextRequest<'a> {
    /// The build parameters of the request.
    pub build: &'a BuildParams,
    /// Cancelled when the context is no longer wanted.
    pub cancel: &'a CancellationToken,
}

/// A build context: the files less what `.dockerignore` leaves out.
pub trait Context: fmt::Debug + Send + Sync {
    /// Equal for equal contents, modes, paths and filters; `None` where it can't be known
    /// without reading everything.
    fn digest(&self) -> Option<String>;

    /// The bytes of the Dockerfile.
    fn dockerfile(&self) -> &[u8];

    /// The path of the Dockerfile inside the context.
    fn dockerfile_path(&self) -> &str;

    /// What a reader of the log should know about it, a sentence each.
    fn notes(&self) -> Vec<String>;

    /// The context as a tar stream.
    fn stream(&self, cancel: CancellationToken) -> BoxStream;
}
