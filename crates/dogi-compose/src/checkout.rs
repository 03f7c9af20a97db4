//! Which paths stay inside the checkout, symbolic links considered.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// The directory that a project may use.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

/// Why a path is not one of the checkout's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// It leads elsewhere, by `..`, by a link or by being absolute.
    #[error("it leads out of the checkout, to {to:?}")]
    Outside {
        /// Where to.
        to: PathBuf,
    },
    /// A link whose target does not exist, and may be anywhere once it does.
    #[error("{link:?} is a link to something that does not exist")]
    Dangling {
        /// The link.
        link: PathBuf,
    },
    /// `..` behind a directory that does not exist.
    #[error("it goes through {missing:?}, which does not exist")]
    Missing {
        /// What is not there.
        missing: PathBuf,
    },
    /// The file system does not say.
    #[error("{path:?} can't be looked at")]
    Unreadable {
        /// The part that was looked at.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
}

impl Checkout {
    /// Resolves the directory's own links.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(directory)?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The real path of `path`, which counts from `base` and need not exist.
    pub(crate) fn inside(&self, base: &Path, path: &Path) -> Result<PathBuf, PathFault> {
        let real = resolve(&base.join(path))?;
        if real.starts_with(&self.root) {
            return Ok(real);
        }
        Err(PathFault::Outside { to: real })
    }
}

/// As `realpath -m`, but it refuses what it can't follow to the end.
fn resolve(path: &Path) -> Result<PathBuf, PathFault> {
    let mut real = PathBuf::from("/");
    let mut missing: Option<PathBuf> = None;
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            Component::ParentDir => {
                if let Some(missing) = missing {
                    return Err(PathFault::Missing { missing });
                }
                real.pop();
            }
            Component::Normal(name) => {
                real.push(name);
                if missing.is_none() && !follow(&mut real)? {
                    missing = Some(real.clone());
                }
            }
        }
    }
    Ok(real)
}

/// Follows the last component if it is a link; whether there is anything.
fn follow(real: &mut PathBuf) -> Result<bool, PathFault> {
    let unreadable = |path: &Path, source| PathFault::Unreadable {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(&*real) {
        Ok(metadata) if metadata.is_symlink() => match fs::canonicalize(&*real) {
            Ok(target) => *real = target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(PathFault::Dangling { link: real.clone() });
            }
            Err(source) => return Err(unreadable(real, source)),
        },
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(unreadable(real, source)),
    }
    Ok(true)
}
