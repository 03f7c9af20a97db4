//! Repositories on this machine.

use std::path::{Component, Path, PathBuf};

use dogi_url::{RepoUrl, Revision};
use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use tokio_util::sync::CancellationToken;

use crate::checkout::{Checkout, Made};
use crate::context::{Context, ContextOptions, Source, TarStats, TarStream, tree_tar};
use crate::error::{CheckoutError, ContextError};
use crate::limits::Limits;
use crate::mirror::{Obtained, open_isolated};
use crate::mirrors::{Mirrors, Progress};
use crate::tree::Module;

/// A repository on this machine, at whichever of its commits.
///
/// Its own configuration is read, that of the machine and the user is not.
#[derive(Debug, Clone)]
pub struct LocalRepo {
    git_dir: PathBuf,
}

impl LocalRepo {
    /// The repository that `path` lies in.
    ///
    /// # Errors
    /// [`CheckoutError::NotFound`] when there is none.
    pub fn open(path: &Path) -> Result<LocalRepo, CheckoutError> {
        let missing = |error: gix::Error| CheckoutError::NotFound {
            url: path.display().to_string(),
            reason: format!("it is in no git repository ({error})"),
        };
        let (found, _trust) = gix::discover::upwards(path).map_err(missing)?;
        let (git_dir, _work_dir) = found.into_repository_and_work_tree_directories();
        open_isolated(&git_dir).map_err(missing)?;
        Ok(LocalRepo { git_dir })
    }

    /// A commit of it: the one that `revision` names, or the one that is checked out. Submodules
    /// come from this repository where they are checked out, else from their servers by way of
    /// `mirrors`.
    ///
    /// # Errors
    /// As [`Mirrors::checkout`].
    ///
    /// # Cancel safety
    /// As [`Mirrors::checkout`].
    pub async fn checkout(
        &self,
        mirrors: &Mirrors,
        revision: Option<&Revision>,
        cancel: &CancellationToken,
        progress: &Progress<'_>,
    ) -> Result<Checkout, CheckoutError> {
        let (git_dir, revision) = (self.git_dir.clone(), revision.cloned());
        let found = tokio::task::spawn_blocking(move || find(&git_dir, revision.as_ref()));
        let made = found.await.map_err(|_| CheckoutError::Cancelled)??;
        let run = mirrors.run(cancel, progress);
        Checkout::make(&run, made, 0, Some(&self.git_dir)).await
    }
}

fn find(git_dir: &Path, revision: Option<&Revision>) -> Result<Made, CheckoutError> {
    let url = git_dir.display().to_string();
    let objects = open_isolated(git_dir).map_err(|error| CheckoutError::NotFound {
        url: url.clone(),
        reason: error.to_string(),
    })?;
    let repo = objects.to_thread_local();
    let shown = revision.map_or("HEAD", Revision::as_str).to_owned();
    let missing = |hint: String| CheckoutError::NoRevision {
        url: url.clone(),
        revision: shown.clone(),
        hint,
    };
    let (name, id) = match revision {
        None => head(&repo).ok_or_else(|| CheckoutError::Empty { url: url.clone() })?,
        Some(revision) => named(&repo, revision.as_str()).map_err(missing)?,
    };
    let object = repo
        .find_object(id)
        .map_err(|error| missing(format!("; {error}")))?;
    let tag = (object.kind == gix::objs::Kind::Tag).then_some(id);
    let commit = object
        .peel_to_commit()
        .map_err(|error| missing(format!("; {error}")))?
        .id;
    let name = name.unwrap_or_else(|| commit.to_string());
    let origin = origin(&repo);
    Made::read(
        origin,
        Obtained {
            commit,
            tag,
            name,
            objects,
        },
        None,
    )
}

fn head(repo: &gix::Repository) -> Option<(Option<String>, ObjectId)> {
    let head = repo.head().ok()?;
    let name = head.referent_name().map(|name| name.as_bstr().to_string());
    Some((name, repo.head_id().ok()?.detach()))
}

/// In the order of [`Mirrors::checkout`], then all that git understands.
fn named(repo: &gix::Repository, name: &str) -> Result<(Option<String>, ObjectId), String> {
    if name.len() != 40 {
        for full in [format!("refs/heads/{name}"), format!("refs/tags/{name}")] {
            if let Ok(mut reference) = repo.find_reference(full.as_str()) {
                let id = reference
                    .follow_to_object()
                    .map_err(|error| format!("; {error}"))?;
                return Ok((Some(full), id.detach()));
            }
        }
    }
    let id = repo.rev_parse_single(name).map_err(|_| String::new())?;
    Ok((None, id.detach()))
}

fn origin(repo: &gix::Repository) -> Option<RepoUrl> {
    let url = repo.config_snapshot().string("remote.origin.url")?;
    RepoUrl::from_clone_url(url.to_str().ok()?).ok()
}

/// The submodule as it was checked out in the repository at `git_dir`, if it has the commit;
/// with its own git directory.
pub(crate) fn module(git_dir: &Path, module: &Module) -> Option<(Made, PathBuf)> {
    let name = Path::new(module.name.to_str().ok()?);
    if !name
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let directory = git_dir.join("modules").join(name);
    let objects = open_isolated(&directory).ok()?;
    let repo = objects.to_thread_local();
    let commit = repo.find_commit(module.commit).ok()?.id;
    let obtained = Obtained {
        commit,
        tag: None,
        name: commit.to_string(),
        objects,
    };
    let made = Made::read(origin(&repo), obtained, None).ok()?;
    Some((made, directory))
}

/// A directory as it is on disk, committed or not, less every `.git`.
///
/// Symlinks are kept and never followed; sockets, pipes and devices are left out. The digest is
/// made of the files' contents.
#[derive(Debug, Clone)]
pub struct WorkTree {
    root: PathBuf,
    limits: Limits,
}

impl WorkTree {
    /// The directory at `path`.
    ///
    /// # Errors
    /// [`ContextError::NoDirectory`] when it is none.
    pub fn open(path: &Path, limits: Limits) -> Result<WorkTree, ContextError> {
        let missing = || ContextError::NoDirectory {
            path: path.display().to_string(),
        };
        let root = path.canonicalize().map_err(|_| missing())?;
        if !root.is_dir() {
            return Err(missing());
        }
        Ok(WorkTree { root, limits })
    }

    /// A build context of it. With [`ContextOptions::git_dir`] `.git` is sent as it is.
    ///
    /// # Errors
    /// As [`Checkout::context`].
    ///
    /// # Cancel safety
    /// Nothing is changed; dropped, it is stopped.
    pub async fn context(
        &self,
        options: ContextOptions,
        cancel: &CancellationToken,
    ) -> Result<Context, ContextError> {
        let tree = self.clone();
        let cancel = cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        crate::checkout::blocking(move || {
            Context::open(tree.source(), &options, &tree.limits, &cancel)
        })
        .await
    }

    /// Where its files are.
    pub(crate) fn source(&self) -> Source {
        Source::Disk {
            root: self.root.clone(),
            start: BString::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The whole directory as a tar whose paths begin with `prefix`, as a stream. Must be called
    /// within a tokio runtime.
    #[must_use]
    pub fn tree_tar(&self, prefix: &str, cancel: &CancellationToken) -> TarStream {
        let (tree, prefix) = (self.clone(), prefix.to_owned());
        TarStream::spawn(cancel.clone(), move |out, cancel| {
            tree.write_tree_tar(&prefix, out, cancel)
        })
    }

    /// [`WorkTree::tree_tar`] written to `out`. Blocks.
    ///
    /// # Errors
    /// As [`Context::write_tar`].
    pub fn write_tree_tar(
        &self,
        prefix: &str,
        out: impl std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<TarStats, ContextError> {
        tree_tar(&self.source(), prefix, &self.limits, out, cancel)
    }
}
