//! The source that is git repositories.

use std::{path::Path, sync::Arc};

use dogi_git::{
    Builder, CheckoutError, ContextError, ContextOptions, FileQuery, FilesError, Limits, LocalRepo,
    Mirrors, WorkTree,
};
use dogi_job::{FailureKind, SourceRef};
use dogi_url::{Commit, RepoUrl, Revision};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::chain;
use super::mirrors::MirrorKeeper;
use crate::ports::{
    BoxStream, Checkout, CheckoutRequest, Context, ContextRequest, FileLimits, Keeper, RepoFile,
    Source, StepError, Work,
};

/// Repositories by way of mirrors, and work trees of this machine.
#[derive(Debug)]
pub struct GitSource {
    mirrors: Mirrors,
    builder: Builder,
    limits: Limits,
}

impl GitSource {
    /// A source on `mirrors`, for contexts that `builder` will read. `limits` are those of work
    /// trees; those of repositories are the mirrors'.
    #[must_use]
    pub fn new(mirrors: Mirrors, builder: Builder, limits: Limits) -> Self {
        Self {
            mirrors,
            builder,
            limits,
        }
    }

    async fn clone_repo(
        &self,
        url: &RepoUrl,
        revision: Option<&Revision>,
        stranger: bool,
        work: &Work,
    ) -> Result<Arc<dyn Checkout>, StepError> {
        let mirrors = match stranger {
            true => self.mirrors.for_strangers(),
            false => self.mirrors.clone(),
        };
        let checkout = with_progress(work, |told| async move {
            let told = |line: &str| told.tell(line);
            mirrors.checkout(url, revision, &work.cancel, &told).await
        });
        let checkout = checkout.await.map_err(of_checkout)?;
        Ok(Arc::new(Stored {
            checkout,
            builder: self.builder,
        }))
    }

    async fn open_local(
        &self,
        path: &Path,
        revision: Option<&Revision>,
        work: &Work,
    ) -> Result<Arc<dyn Checkout>, StepError> {
        if revision.is_none() {
            let tree = WorkTree::open(path, self.limits.clone()).map_err(of_context)?;
            return Ok(Arc::new(OnDisk {
                tree,
                builder: self.builder,
            }));
        }
        let repo = LocalRepo::open(path).map_err(of_checkout)?;
        let checkout = with_progress(work, |told| async move {
            let told = |line: &str| told.tell(line);
            repo.checkout(&self.mirrors, revision, &work.cancel, &told)
                .await
        });
        let checkout = checkout.await.map_err(of_checkout)?;
        Ok(Arc::new(Stored {
            checkout,
            builder: self.builder,
        }))
    }
}

impl Source for GitSource {
    fn checkout<'a>(
        &'a self,
        request: CheckoutRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        let stranger = request.stranger;
        match request.source {
            SourceRef::Repo { url, revision } => self
                .clone_repo(url, revision.as_ref(), stranger, work)
                .boxed(),
            SourceRef::WorkTree { path, revision } => {
                self.open_local(path, revision.as_ref(), work).boxed()
            }
            SourceRef::Refused { reason } => {
                let refused = StepError::failed(FailureKind::Source, reason.clone());
                async { Err(refused) }.boxed()
            }
            SourceRef::Nothing => async {
                let message = "the run has no source, and wants its files";
                Err(StepError::failed(FailureKind::Internal, message))
            }
            .boxed(),
        }
    }

    fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        Some(Arc::new(MirrorKeeper::new(self.mirrors.clone())))
    }
}

/// Takes lines where nobody can wait, for a log that has to be waited for.
struct Told(mpsc::UnboundedSender<String>);

impl Told {
    fn tell(&self, line: &str) {
        // Whoever prints is there for as long as this is.
        let _ = self.0.send(line.to_owned());
    }
}

/// Does `act`, writing what it tells to the log on the way.
async fn with_progress<T, F: Future<Output = T>>(work: &Work, act: impl FnOnce(Told) -> F) -> T {
    let (send, mut lines) = mpsc::unbounded_channel();
    let print = async {
        while let Some(line) = lines.recv().await {
            work.console.line(line).await;
        }
    };
    futures::join!(act(Told(send)), print).0
}

/// A commit in an object database.
#[derive(Debug)]
struct Stored {
    checkout: dogi_git::Checkout,
    builder: Builder,
}

impl Checkout for Stored {
    fn commit(&self) -> Option<Commit> {
        Some(self.checkout.commit().clone())
    }

    fn revision(&self) -> Option<String> {
        Some(self.checkout.revision_found().to_owned())
    }

    fn context<'a>(
        &'a self,
        request: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        async move {
            let options = options(&request, self.builder);
            let context = self.checkout.context(options, request.cancel).await;
            GitContext::read(context.map_err(of_context)?).await
        }
        .boxed()
    }

    fn files<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
        limits: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        async move {
            let cancel = CancellationToken::new();
            given(self.checkout.files(query(wanted, limits), &cancel).await)
        }
        .boxed()
    }

    fn tree(&self, prefix: &str, cancel: CancellationToken) -> BoxStream {
        Box::pin(self.checkout.tree_tar(prefix, &cancel))
    }
}

/// A directory as it is.
#[derive(Debug)]
struct OnDisk {
    tree: WorkTree,
    builder: Builder,
}

impl Checkout for OnDisk {
    fn commit(&self) -> Option<Commit> {
        None
    }

    fn revision(&self) -> Option<String> {
        None
    }

    fn context<'a>(
        &'a self,
        request: ContextRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<dyn Context>, StepError>> {
        async move {
            let options = options(&request, self.builder);
            let context = self.tree.context(options, request.cancel).await;
            GitContext::read(context.map_err(of_context)?).await
        }
        .boxed()
    }

    fn files<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
        limits: FileLimits,
    ) -> BoxFuture<'a, Result<Vec<RepoFile>, StepError>> {
        async move {
            let cancel = CancellationToken::new();
            given(self.tree.files(query(wanted, limits), &cancel).await)
        }
        .boxed()
    }

    fn tree(&self, prefix: &str, cancel: CancellationToken) -> BoxStream {
        Box::pin(self.tree.tree_tar(prefix, &cancel))
    }
}

/// What is installed there belongs to others, and there is much of it.
const NOT_LOOKED_INTO: &[&str] = &["node_modules"];

fn query<'a>(
    wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
    limits: FileLimits,
) -> FileQuery<'a> {
    FileQuery {
        wanted,
        skip: NOT_LOOKED_INTO,
        max_bytes: limits.max_bytes,
        max_files: limits.max_files,
    }
}

fn given(found: Result<Vec<dogi_git::RepoFile>, FilesError>) -> Result<Vec<RepoFile>, StepError> {
    let given = |file: dogi_git::RepoFile| RepoFile {
        path: file.path,
        content: file.content,
    };
    match found {
        Ok(files) => Ok(files.into_iter().map(given).collect()),
        Err(FilesError::Tree(error)) => Err(of_context(error)),
        Err(error) => Err(StepError::failed(FailureKind::Source, chain(&error))),
    }
}

fn options(request: &ContextRequest<'_>, builder: Builder) -> ContextOptions {
    let build = request.build;
    let mut options = ContextOptions::default();
    options.subdir = build
        .context
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    if let Some(dockerfile) = &build.dockerfile {
        options.dockerfile = Some(dockerfile.to_string());
    }
    options.git_dir = build.git_dir;
    options.builder = builder;
    options
}

/// As many pointers of Git LFS as a log names.
const MAX_POINTERS: usize = 20;

#[derive(Debug)]
struct GitContext {
    context: dogi_git::Context,
    dockerfile: Vec<u8>,
}

impl GitContext {
    async fn read(context: dogi_git::Context) -> Result<Arc<dyn Context>, StepError> {
        let read = tokio::task::spawn_blocking(move || {
            context.read_dockerfile().map(|dockerfile| Self {
                context,
                dockerfile,
            })
        });
        match read.await {
            Ok(read) => Ok(Arc::new(read.map_err(of_context)?)),
            Err(_) => Err(StepError::failed(
                FailureKind::Internal,
                "a fault in the server ended the reading of the Dockerfile",
            )),
        }
    }
}

impl Context for GitContext {
    fn digest(&self) -> Option<String> {
        Some(self.context.digest().to_owned())
    }

    fn dockerfile(&self) -> &[u8] {
        &self.dockerfile
    }

    fn dockerfile_path(&self) -> &str {
        self.context.dockerfile()
    }

    fn notes(&self) -> Vec<String> {
        let pointers = self.context.lfs_pointers();
        let note = |path| format!("{path} is a pointer of Git LFS: its content is not fetched");
        let mut notes: Vec<String> = pointers.iter().take(MAX_POINTERS).map(note).collect();
        if let Some(more @ 1..) = pointers.len().checked_sub(MAX_POINTERS) {
            notes.push(format!("{more} more files are pointers of Git LFS"));
        }
        notes
    }

    fn stream(&self, cancel: CancellationToken) -> BoxStream {
        Box::pin(self.context.stream(&cancel))
    }
}

fn of_checkout(error: CheckoutError) -> StepError {
    match error {
        CheckoutError::Cancelled => StepError::Cancelled,
        CheckoutError::Tree(error) => of_context(error),
        CheckoutError::Denied { .. } | CheckoutError::TransportDenied { .. } => {
            StepError::failed(FailureKind::Forbidden, chain(&error))
        }
        CheckoutError::Io { source, .. } => of_disk(&source),
        error => StepError::failed(FailureKind::Source, chain(&error)),
    }
}

fn of_context(error: ContextError) -> StepError {
    match error {
        ContextError::Cancelled => StepError::Cancelled,
        ContextError::Io { source, .. } => of_disk(&source),
        error => StepError::failed(FailureKind::Source, chain(&error)),
    }
}

/// The paths in such an error are the server's own.
fn of_disk(error: &std::io::Error) -> StepError {
    let (kind, what) = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => (
            FailureKind::DiskFull,
            "the disk of the server is full".to_owned(),
        ),
        kind => (
            FailureKind::Internal,
            format!("the server's disk failed: {kind}"),
        ),
    };
    tracing::error!(error = %chain(error), "the mirrors can't be used");
    StepError::failed(kind, what)
}
