//! The build context: what is sent to Docker.

mod disk;
mod dockerfile;
mod entry;
mod gitdir;
mod select;
mod source;
mod stored;
mod stream;
mod tar;

use gix::bstr::ByteSlice;
use tokio_util::sync::CancellationToken;

pub(crate) use entry::{Content, Entry};
pub(crate) use source::Source;
pub use stream::TarStream;
pub use tar::TarStats;

use crate::checkout::Checkout;
use crate::error::ContextError;
use crate::ignore::{Builder, Dockerignore};
use crate::limits::Limits;
use crate::tree::{Descend, Kind};
use dockerfile::{DOCKERIGNORE, Dockerfile};
use entry::Visit;
use gitdir::GitContent;
use select::Select;
use tar::TarWriter;

/// Which part of a tree becomes the context, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextOptions {
    /// The directory that is the context, relative to the root; empty: the root itself.
    pub subdir: String,
    /// The Dockerfile, relative to the root, as with `docker build -f PATH CONTEXT` there: it
    /// need not be in the context. `None`: the `Dockerfile` of the context.
    pub dockerfile: Option<String>,
    /// Whether it is for a build, so that there must be a Dockerfile.
    pub build: bool,
    /// Whether `.dockerignore` is obeyed.
    pub dockerignore: bool,
    /// The builder that will read it.
    pub builder: Builder,
    /// Whether a `.git` directory is part of it, in which `git log -1`, `git status` and
    /// `git describe` work. Only where the context is the root of the repository.
    pub git_dir: bool,
}

impl Default for ContextOptions {
    fn default() -> Self {
        ContextOptions {
            subdir: String::new(),
            dockerfile: None,
            build: true,
            dockerignore: true,
            builder: Builder::default(),
            git_dir: false,
        }
    }
}

/// A build context: its digest is known, its tar can be written any number of times.
#[derive(Debug, Clone)]
pub struct Context {
    source: Source,
    ignore: Dockerignore,
    builder: Builder,
    git_dir: bool,
    dockerfile: Option<Dockerfile>,
    digest: String,
    lfs_pointers: Vec<String>,
    limits: Limits,
}

impl Context {
    /// Blocks on the object database or the disk.
    pub(crate) fn open(
        source: Source,
        options: &ContextOptions,
        limits: &Limits,
        cancel: &CancellationToken,
    ) -> Result<Context, ContextError> {
        let source = source.narrowed(&options.subdir)?;
        let dockerfile = match options.build {
            true => {
                let path = options.dockerfile.as_deref();
                Some(dockerfile::find(&source, path, limits, cancel)?)
            }
            false => None,
        };
        let mut ignore = Dockerignore::default();
        if options.dockerignore {
            ignore = dockerfile::read_ignore(&source, dockerfile.as_ref(), options.builder)?;
        }
        let mut context = Context {
            source,
            ignore,
            builder: options.builder,
            git_dir: options.git_dir,
            dockerfile,
            digest: String::new(),
            lfs_pointers: Vec::new(),
            limits: limits.clone(),
        };
        context.examine(cancel)?;
        Ok(context)
    }

    /// 64 hex digits. The same digest means the same paths, modes and contents, whatever commit
    /// they come from: it is made of object ids and of the attributes that change bytes on
    /// checkout. The digest of a directory on disk is made of the files' contents.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The Dockerfile's path in the tar, which is what Docker must be told. Empty: none was asked
    /// for.
    #[must_use]
    pub fn dockerfile(&self) -> &str {
        self.dockerfile
            .as_ref()
            .map_or("", |dockerfile| &dockerfile.name)
    }

    /// The bytes of the Dockerfile; none, if none was asked for. Blocks on the object database or
    /// the disk.
    ///
    /// # Errors
    /// When the object is damaged or the disk fails.
    pub fn read_dockerfile(&self) -> Result<Vec<u8>, ContextError> {
        let Some(dockerfile) = &self.dockerfile else {
            return Ok(Vec::new());
        };
        Ok(self.source.read(&dockerfile.path)?.unwrap_or_default())
    }

    /// Files whose content is kept by Git LFS: the context holds small pointers in their place.
    /// (The files that `.gitattributes` gives to LFS; see [`TarStats`] for any others.)
    #[must_use]
    pub fn lfs_pointers(&self) -> &[String] {
        &self.lfs_pointers
    }

    /// Writes the tar. Blocks; call it where blocking is fine.
    ///
    /// # Errors
    /// When an object is damaged, a limit is passed, `out` fails or `cancel` is cancelled; what
    /// was written so far is no complete tar.
    pub fn write_tar(
        &self,
        out: impl std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<TarStats, ContextError> {
        let written = self.write(out, cancel);
        match &self.source {
            Source::Stored { checkout, .. } => checkout.noted(written),
            Source::Disk { .. } => written,
        }
    }

    /// The tar as a stream of chunks, written by a thread of the runtime's blocking pool.
    ///
    /// Must be called within a tokio runtime. Dropping the stream ends the thread.
    #[must_use]
    pub fn stream(&self, cancel: &CancellationToken) -> TarStream {
        let context = self.clone();
        TarStream::spawn(cancel.clone(), move |out, cancel| {
            context.write_tar(out, cancel)
        })
    }

    fn write(
        &self,
        out: impl std::io::Write,
        cancel: &CancellationToken,
    ) -> Result<TarStats, ContextError> {
        let limit = self.limits.max_tree_bytes;
        let mut tar = TarWriter::new(out, b"".as_bstr(), limit, cancel);
        let hides = self.hides_dockerfile();
        self.each(cancel, &mut |entry: &mut dyn Entry| {
            if !(hides && entry.path() == DOCKERIGNORE) {
                tar.entry(entry)?;
            }
            Ok(Descend::Into)
        })?;
        if let Some(dockerfile) = self.outside() {
            let content = self.read_dockerfile()?;
            tar.extra(
                &dockerfile.name,
                0,
                content.len() as u64,
                content.as_slice(),
            )?;
            if hides {
                let ignore = self.source.read(&self.source.join(DOCKERIGNORE))?;
                let hiding = dockerfile::hiding(ignore.as_deref(), &dockerfile.name);
                tar.extra(DOCKERIGNORE, 0, hiding.len() as u64, hiding.as_slice())?;
            }
        }
        if let Some(checkout) = self.with_git_dir() {
            self.write_git_dir(checkout, &mut tar)?;
        }
        tar.finish()
    }

    /// The Dockerfile, if it is none of the context's files.
    fn outside(&self) -> Option<&Dockerfile> {
        self.dockerfile
            .as_ref()
            .filter(|dockerfile| dockerfile.outside)
    }

    fn hides_dockerfile(&self) -> bool {
        self.outside().is_some() && self.builder == Builder::Classic
    }

    /// The checkout whose `.git` is to be made up.
    fn with_git_dir(&self) -> Option<&Checkout> {
        match &self.source {
            Source::Stored { checkout, start } if self.git_dir && start.is_empty() => {
                Some(checkout)
            }
            _ => None,
        }
    }

    fn each(&self, cancel: &CancellationToken, visit: &mut Visit<'_>) -> Result<(), ContextError> {
        let mut select = Select::new(&self.ignore, visit);
        self.source.walk(
            self.git_dir,
            &self.limits,
            cancel,
            &mut |entry: &mut dyn Entry| select.entry(entry),
        )
    }

    fn examine(&mut self, cancel: &CancellationToken) -> Result<(), ContextError> {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(b"dogi context 1\0");
        let mut lfs_pointers = Vec::new();
        self.each(cancel, &mut |entry: &mut dyn Entry| {
            let kind = match entry.kind() {
                Kind::Directory => b"d",
                Kind::File { executable: false } => b"f",
                Kind::File { executable: true } => b"x",
                Kind::Symlink => b"l",
            };
            digest.update(kind);
            digest.update(entry.path());
            digest.update(b"\0");
            entry.identify(&mut digest)?;
            digest.update(b"\0");
            if matches!(entry.kind(), Kind::File { .. }) && entry.is_lfs() {
                lfs_pointers.push(entry.path().to_string());
            }
            Ok(Descend::Into)
        })?;
        if let Some(dockerfile) = self.outside() {
            // Its name is made of its content.
            digest.update(format!("Dockerfile\0{}\0", dockerfile.name).as_bytes());
        }
        if let Some(checkout) = self.with_git_dir() {
            digest.update(b".git\0");
            digest.update(gitdir::identity(checkout).as_bytes());
        }
        self.digest = hex::encode(digest.finish());
        self.lfs_pointers = lfs_pointers;
        Ok(())
    }

    fn write_git_dir(
        &self,
        checkout: &Checkout,
        tar: &mut TarWriter<'_, impl std::io::Write>,
    ) -> Result<(), ContextError> {
        if self.ignore.ignores(".git") && !self.ignore.must_enter(".git") {
            return Ok(());
        }
        for file in gitdir::files(checkout, self.limits.max_files)? {
            if self.ignore.ignores(&file.path) {
                continue;
            }
            let modified = checkout.modified();
            match file.content {
                GitContent::Bytes(bytes) => {
                    tar.extra(&file.path, modified, bytes.len() as u64, bytes.as_slice())?;
                }
                GitContent::File(content, size) => {
                    tar.extra(&file.path, modified, size, content)?;
                }
            }
        }
        Ok(())
    }
}

/// The whole tree as a tar whose paths begin with `prefix`.
pub(crate) fn tree_tar(
    source: &Source,
    prefix: &str,
    limits: &Limits,
    out: impl std::io::Write,
    cancel: &CancellationToken,
) -> Result<TarStats, ContextError> {
    let prefix = match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let prefix = prefix.as_bytes().as_bstr();
    let mut tar = TarWriter::new(out, prefix, limits.max_tree_bytes, cancel);
    source.walk(false, limits, cancel, &mut |entry: &mut dyn Entry| {
        tar.entry(entry)?;
        Ok(Descend::Into)
    })?;
    tar.finish()
}
