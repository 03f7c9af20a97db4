//! A commit whose objects are all here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use dogi_url::{Commit, RepoUrl};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::objs::FindExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, ContextOptions, Source, TarStats, TarStream, tree_tar};
use crate::error::{CheckoutError, ContextError};
use crate::limits::Limits;
use crate::mirror::{Directory, Lease, Obtained};
use crate::mirrors::Run;
use crate::tree::{Module, Tree, changes, read_modules, unreadable};

/// A commit with its submodules, complete in the mirrors, which can't be removed while this or a
/// clone of it lives. Cheap to clone.
#[derive(Clone)]
pub struct Checkout {
    inner: Arc<Inner>,
}

struct Inner {
    id: ObjectId,
    commit: Commit,
    tag: Option<ObjectId>,
    found: String,
    url: Option<RepoUrl>,
    modified: u64,
    tree: Arc<Tree>,
    submodules: Vec<Submodule>,
    limits: Limits,
    scratch: PathBuf,
    leases: Vec<(Lease, Directory)>,
}

/// A submodule of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// Where it is in the tree, from the root of the outermost repository.
    pub path: String,
    /// Its repository; `None`: it was found on this machine.
    pub repo: Option<RepoUrl>,
    /// Its commit.
    pub commit: Commit,
}

/// A commit in a mirror, its submodules still to come.
pub(crate) struct Made {
    url: Option<RepoUrl>,
    obtained: Obtained,
    lease: Option<(Lease, Directory)>,
    root: ObjectId,
    modified: u64,
    modules: Vec<Module>,
}

impl Made {
    /// Reads the commit. Blocks.
    pub(crate) fn read(
        url: Option<RepoUrl>,
        obtained: Obtained,
        lease: Option<(Lease, Directory)>,
    ) -> Result<Made, CheckoutError> {
        let read = head(&obtained.objects, obtained.commit).and_then(|(root, modified)| {
            let objects = obtained.objects.to_thread_local().objects;
            Ok((root, modified, read_modules(&objects, root)?))
        });
        if let (Err(ContextError::Object { .. }), Some((_, directory))) = (&read, &lease) {
            directory.mark_damaged();
        }
        let (root, modified, modules) = read?;
        Ok(Made {
            url,
            obtained,
            lease,
            root,
            modified,
            modules,
        })
    }
}

impl Checkout {
    /// Gets the submodules. `local` is where to look for them before asking a server.
    pub(crate) async fn make(
        run: &Run<'_>,
        made: Made,
        depth: usize,
        local: Option<&Path>,
    ) -> Result<Checkout, CheckoutError> {
        let Made {
            url,
            obtained,
            lease,
            root,
            modified,
            modules,
        } = made;
        let Obtained {
            commit: id,
            tag,
            name: found,
            objects,
        } = obtained;
        let mut leases: Vec<_> = lease.into_iter().collect();
        let mut tree = Tree {
            objects,
            root,
            modules: BTreeMap::new(),
        };
        let mut submodules = Vec::new();
        for module in modules {
            let path = module.path.clone();
            let inner = submodule(run, module, url.as_ref(), depth, local);
            let inner = Box::pin(inner)
                .await
                .map_err(|source| run.submodule_failed(path.to_string(), source))?;
            submodules.push(Submodule {
                path: path.to_string(),
                repo: inner.inner.url.clone(),
                commit: inner.inner.commit.clone(),
            });
            submodules.extend(inner.inner.submodules.iter().map(|deeper| Submodule {
                path: format!("{path}/{}", deeper.path),
                ..deeper.clone()
            }));
            tree.modules.insert(path, inner.inner.tree.clone());
            // Nobody else has it yet.
            if let Ok(inner) = Arc::try_unwrap(inner.inner) {
                leases.extend(inner.leases);
            }
        }
        let commit = Commit::new(id.to_string()).expect("an object id is 40 hex digits");
        let inner = Inner {
            id,
            commit,
            tag,
            found,
            url,
            modified,
            tree: Arc::new(tree),
            submodules,
            limits: run.mirrors.limits().clone(),
            scratch: run.mirrors.root().to_owned(),
            leases,
        };
        Ok(Checkout {
            inner: Arc::new(inner),
        })
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> &Commit {
        &self.inner.commit
    }

    /// What the revision turned out to be: `refs/heads/main`, `refs/tags/v1`, or the commit's id.
    #[must_use]
    pub fn revision_found(&self) -> &str {
        &self.inner.found
    }

    /// The repository; `None`: one on this machine, without a remote.
    #[must_use]
    pub fn repo(&self) -> Option<&RepoUrl> {
        self.inner.url.as_ref()
    }

    /// The submodules that were found, nested ones included.
    #[must_use]
    pub fn submodules(&self) -> &[Submodule] {
        &self.inner.submodules
    }

    /// The bytes of a file as a checkout writes them; `None`: there is no such file. Symlinks are
    /// followed inside the tree, never out of it.
    ///
    /// # Errors
    /// [`ContextError`] when an object is damaged or a name is refused.
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, a thread reads on to the end of the file.
    pub async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, ContextError> {
        let (checkout, path) = (self.clone(), path.trim_start_matches('/').to_owned());
        blocking(move || checkout.noted(checkout.tree().read(path.as_bytes().as_bstr()))).await
    }

    /// The files that differ between an earlier commit and this one, by their paths from the root; those
    /// that are only in one of them too, and submodules that point elsewhere. `None`: too many differ to be
    /// listed.
    ///
    /// # Errors
    /// [`ContextError`] when an object is damaged.
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, a thread reads on to the end.
    pub async fn changed_since(
        &self,
        before: &Checkout,
    ) -> Result<Option<BTreeSet<String>>, ContextError> {
        let (before, after) = (before.clone(), self.clone());
        blocking(move || {
            let [old, new] = [&before, &after].map(|checkout| {
                let tree = checkout.tree();
                (tree.handle(), tree.root)
            });
            after.noted(changes((&old.0, old.1), (&new.0, new.1)))
        })
        .await
    }

    /// A build context of this commit.
    ///
    /// # Errors
    /// [`ContextError::NoDockerfile`] and [`ContextError::NoDirectory`] when the options name
    /// what does not exist, [`ContextError::Ignore`] for a bad `.dockerignore`,
    /// [`ContextError::Name`] for a tree that no checkout could write.
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, it is stopped.
    pub async fn context(
        &self,
        options: ContextOptions,
        cancel: &CancellationToken,
    ) -> Result<Context, ContextError> {
        let checkout = self.clone();
        let cancel = cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        blocking(move || {
            checkout.noted(Context::open(
                checkout.source(),
                &options,
                &checkout.inner.limits,
                &cancel,
            ))
        })
        .await
    }

    /// The whole tree as a tar whose paths begin with `prefix`, without regard to
    /// `.dockerignore`. Blocks.
    ///
    /// # Errors
    /// As [`Context::write_tar`].
    pub fn write_tree_tar(
        &self,
        prefix: &str,
        out: impl std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<TarStats, ContextError> {
        let source = self.source();
        self.noted(tree_tar(&source, prefix, &self.inner.limits, out, cancel))
    }

    /// [`Checkout::write_tree_tar`] as a stream. Must be called within a tokio runtime.
    #[must_use]
    pub fn tree_tar(&self, prefix: &str, cancel: &CancellationToken) -> TarStream {
        let (checkout, prefix) = (self.clone(), prefix.to_owned());
        TarStream::spawn(cancel.clone(), move |out, cancel| {
            checkout.write_tree_tar(&prefix, out, cancel)
        })
    }

    /// Where its files are.
    pub(crate) fn source(&self) -> Source {
        Source::Stored {
            checkout: self.clone(),
            start: BString::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn id(&self) -> ObjectId {
        self.inner.id
    }

    pub(crate) fn tag_object(&self) -> Option<ObjectId> {
        self.inner.tag
    }

    pub(crate) fn url(&self) -> Option<String> {
        self.inner.url.as_ref().map(RepoUrl::clone_url)
    }

    pub(crate) fn tree(&self) -> &Arc<Tree> {
        &self.inner.tree
    }

    pub(crate) fn scratch(&self) -> &Path {
        &self.inner.scratch
    }

    /// The time of the commit, which all its files get.
    pub(crate) fn modified(&self) -> u64 {
        self.inner.modified
    }

    /// Passes a result on, after [`Checkout::note`] has seen its error.
    pub(crate) fn noted<T>(&self, result: Result<T, ContextError>) -> Result<T, ContextError> {
        if let Err(error) = &result {
            self.note(error);
        }
        result
    }

    /// When an object could not be read the mirrors are made anew next time.
    pub(crate) fn note(&self, error: &ContextError) {
        if let ContextError::Object { .. } = error {
            let leases = self.inner.leases.iter();
            leases.for_each(|(_, directory)| directory.mark_damaged());
        }
    }
}

impl std::fmt::Debug for Checkout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkout")
            .field("url", &self.inner.url)
            .field("commit", &self.inner.commit)
            .field("submodules", &self.inner.submodules)
            .finish_non_exhaustive()
    }
}

/// The tree of a commit and its time.
fn head(
    objects: &gix::ThreadSafeRepository,
    id: ObjectId,
) -> Result<(ObjectId, u64), ContextError> {
    let objects = objects.to_thread_local().objects;
    let mut buffer = Vec::new();
    let commit = objects
        .find_commit(&id, &mut buffer)
        .map_err(|e| unreadable(&id, b"", e))?;
    let modified = commit.committer().ok().and_then(|who| who.time().ok());
    let modified = modified
        .and_then(|time| u64::try_from(time.seconds).ok())
        .unwrap_or(0);
    Ok((commit.tree(), modified))
}

async fn submodule(
    run: &Run<'_>,
    module: Module,
    outer: Option<&RepoUrl>,
    depth: usize,
    local: Option<&Path>,
) -> Result<Checkout, CheckoutError> {
    let limits = run.mirrors.limits();
    let shown = || outer.map(ToString::to_string).unwrap_or_default();
    let too_many = |reason: String| CheckoutError::Submodules {
        url: shown(),
        reason,
    };
    if depth >= limits.max_submodule_depth {
        let limit = limits.max_submodule_depth;
        return Err(too_many(format!(
            "its submodules are nested deeper than {limit}"
        )));
    }
    if run.count.fetch_add(1, Ordering::Relaxed) >= limits.max_submodules {
        let limit = limits.max_submodules;
        return Err(too_many(format!("it has more than {limit} submodules")));
    }
    if let Some(local) = local {
        let (local, wanted) = (local.to_owned(), module.clone());
        let here = move || crate::local::module(&local, &wanted);
        let here = tokio::task::spawn_blocking(here).await;
        if let Some((made, inner)) = here.map_err(|_| CheckoutError::Cancelled)? {
            return Checkout::make(run, made, depth + 1, Some(&inner)).await;
        }
    }
    let refused = |reason: String| ContextError::Submodule {
        name: module.name.to_str_lossy().into_owned(),
        reason,
    };
    let url = if module.url.starts_with("./") || module.url.starts_with("../") {
        let outer = outer.ok_or_else(|| {
            refused(format!(
                "its url {:?} is relative, and there is no remote",
                module.url
            ))
        })?;
        outer
            .join_relative(&module.url)
            .map_err(|error| refused(error.to_string()))?
    } else {
        RepoUrl::from_clone_url(&module.url).map_err(|error| refused(error.to_string()))?
    };
    // Even where the operator allows them: a repository from elsewhere must not choose a
    // directory of this machine.
    let is_file = |repo: &RepoUrl| repo.scheme() == "file";
    if is_file(&url) && !outer.is_some_and(is_file) {
        return Err(refused(format!(
            "its url {:?} is a directory of this machine",
            module.url
        ))
        .into());
    }
    run.tell(&format!("Submodule {} from {url}", module.path));
    run.checkout(url, Some(module.commit.to_string()), depth + 1)
        .await
}

/// Does `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static, E: From<ContextError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    joined(tokio::task::spawn_blocking(work)).await
}

/// What came of such a thread; its panic goes on here.
pub(crate) async fn joined<T, E: From<ContextError>>(
    thread: JoinHandle<Result<T, E>>,
) -> Result<T, E> {
    thread
        .await
        .unwrap_or_else(|panic| match panic.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ContextError::Cancelled.into()),
        })
}
