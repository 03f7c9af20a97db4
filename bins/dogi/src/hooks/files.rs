//! The files that hooks stand in: read as a whole, and looked at for changes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dogi_hooks::incoming::{Hook, Hooks, Mistake, Secret, SecretLookup, Unreadable};

use super::jobs;
use crate::config::{Environment, Origin, Problem, Report};

/// A file of hooks, or with a secret, has no more than this.
const MAX_FILE: u64 = 16 << 20;

/// Where hooks stand, and what reading them needs.
#[derive(Clone, Debug)]
pub(crate) struct HookFiles {
    paths: Vec<PathBuf>,
    environment: Environment,
    max_timeout: Duration,
}

/// The hooks of all files.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) hooks: Hooks,
    /// The variables that hold their secrets.
    pub(crate) variables: BTreeSet<String>,
}

/// What files were like when they were read: those of hooks, and those that secrets came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

/// Tells one content of a path from the next, by whatever way it was replaced: written over, renamed
/// to, or by a link that leads elsewhere now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl HookFiles {
    /// Files, the environment that secrets may come from, and the most that a command may take.
    pub(crate) fn new(
        paths: Vec<PathBuf>,
        environment: Environment,
        max_timeout: Duration,
    ) -> Self {
        Self {
            paths,
            environment,
            max_timeout,
        }
    }

    /// Reads all of them, and tells what they were like just before; blocking.
    ///
    /// # Errors
    /// With every mistake in any of them.
    pub(crate) fn read(&self) -> (Result<Loaded, Report>, Stamps) {
        self.read_if(|_| true)
    }

    /// The same for files that were read before: one that is empty now was emptied by whoever writes
    /// it anew, and is no list without hooks.
    ///
    /// # Errors
    /// As [`HookFiles::read`].
    pub(crate) fn read_again(&self) -> (Result<Loaded, Report>, Stamps) {
        self.read_if(|text| !text.trim().is_empty())
    }

    fn read_if(&self, whole: impl Fn(&str) -> bool) -> (Result<Loaded, Report>, Stamps) {
        let mut stamps = Stamps::of(self.paths.iter().map(PathBuf::as_path));
        let mut problems = Vec::new();
        let mut texts = Vec::new();
        for path in &self.paths {
            match read_text(path) {
                Ok(text) if !whole(&text) => {
                    let message = "is empty: expected a list of hooks, or [] for none";
                    problems.push(Problem::new(Origin::file(path), message));
                }
                Ok(text) => texts.push((path.clone(), text)),
                Err(reason) => problems.push(Problem::new(Origin::file(path), reason)),
            }
        }
        let lookup = Lookup {
            environment: &self.environment,
            files: Mutex::default(),
            variables: Mutex::default(),
        };
        let read = Hooks::read_checked(&texts, &lookup, |hook| self.check(hook));
        let Lookup {
            files, variables, ..
        } = lookup;
        let secrets = files.into_inner().unwrap_or_else(PoisonError::into_inner);
        stamps.0.extend(secrets.0);
        let variables = variables
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(hooks) if problems.is_empty() => return (Ok(Loaded { hooks, variables }), stamps),
            Ok(_) => {}
            Err(mistakes) => problems.extend(mistakes.into_iter().map(Problem::from)),
        }
        (Err(Report(problems)), stamps)
    }

    /// What is wrong with a hook for this server.
    fn check(&self, hook: &Hook) -> Vec<Mistake> {
        let mut mistakes = jobs::check(hook);
        mistakes.extend(self.check_timeout(hook));
        if hook.image().is_some() {
            let message = "only hooks of a repository run in an image; those of the operator run \
                           on this machine, or start a job with dogi";
            let key = hook.key("image");
            mistakes.push(Mistake::new(hook.file(), hook.line(), &key, message));
        }
        mistakes
    }

    fn check_timeout(&self, hook: &Hook) -> Option<Mistake> {
        let timeout = hook.limits().timeout?;
        let most = self.max_timeout.as_secs();
        let key = hook.key("timeout");
        let message = format!("more than a job may take here: at most {most}s (JOB_TIMEOUT)");
        (timeout > self.max_timeout).then(|| Mistake::new(hook.file(), hook.line(), &key, message))
    }
}

impl Stamps {
    fn of<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        Self(
            paths
                .map(|path| (path.to_path_buf(), Stamp::of(path)))
                .collect(),
        )
    }

    /// The same files as they are now; blocking.
    pub(crate) fn again(&self) -> Self {
        Self::of(self.0.keys().map(PathBuf::as_path))
    }
}

impl Stamp {
    /// `None` where there is nothing.
    fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("has more than {MAX_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// Secrets from the environment and from files, which are remembered.
struct Lookup<'a> {
    environment: &'a Environment,
    files: Mutex<Stamps>,
    variables: Mutex<BTreeSet<String>>,
}

impl SecretLookup for Lookup<'_> {
    fn env(&self, name: &str) -> Result<Option<Secret>, Unreadable> {
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned());
        match self.environment.get(name) {
            Ok(text) => Ok(text.map(Secret::new)),
            Err(_) => Err(Unreadable("is not UTF-8".to_owned())),
        }
    }

    fn file(&self, path: &str) -> Result<Secret, Unreadable> {
        let path = Path::new(path);
        let stamp = Stamp::of(path);
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .insert(path.to_path_buf(), stamp);
        read_text(path).map(Secret::new).map_err(Unreadable)
    }
}
