//! What the mirrors take on disk, and how it is given back.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::Mirrors;
use crate::mirror::{Directory, Lease, Turn, remove_all, size_of};

/// A mirror as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMirror {
    /// Its name for [`Mirrors::remove`].
    pub name: String,
    /// The repository, for people, and whether it is its mirror for strangers; empty if that can't
    /// be read.
    pub url: String,
    /// Bytes that it takes on disk.
    pub bytes: u64,
    /// When a checkout was made from it last. Outlives the process.
    pub last_used: SystemTime,
    /// Whether a [`crate::Checkout`] needs it, or one is being made, in this process or another.
    pub in_use: bool,
}

/// What came of [`Mirrors::remove`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, and took this many bytes; 0 if it was gone already.
    Removed {
        /// The bytes.
        bytes: u64,
    },
    /// It came into use: it stays.
    InUse,
}

/// Something that a killed process left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where, below the mirrors' directory.
    pub name: String,
    /// Bytes that it takes on disk.
    pub bytes: u64,
}

/// Sizes that are known, each with the version of the mirror that had it: a mirror that nobody
/// wrote to needs no second look at its files.
pub(crate) type Sizes = Mutex<HashMap<String, (Version, u64)>>;
type Version = (SystemTime, Option<SystemTime>);

impl Mirrors {
    /// All mirrors, in no particular order.
    ///
    /// Blocks on the disk. Mirrors that did not change since the last call cost little.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn list(&self) -> io::Result<Vec<KeptMirror>> {
        let mut kept = Vec::new();
        for directory in self.directories()? {
            kept.push(KeptMirror {
                name: directory.name().to_owned(),
                url: directory.url().unwrap_or_default(),
                bytes: self.size(&directory),
                last_used: directory.last_used(),
                in_use: Lease::is_taken(&directory)?,
            });
        }
        let mut sizes = self.sizes();
        sizes.retain(|name, _| kept.iter().any(|mirror| mirror.name == *name));
        drop(sizes);
        Ok(kept)
    }

    /// Removes a mirror, unless a checkout needs it. Whoever clones the repository at this moment
    /// waits until it is gone, and makes it anew.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &str) -> io::Result<Removal> {
        let Some(directory) = Directory::named(&self.shared.root, name) else {
            return Ok(Removal::Removed { bytes: 0 });
        };
        let Some(_turn) = Turn::try_take(&self.shared.turns, &directory)? else {
            return Ok(Removal::InUse);
        };
        let Some(_lease) = Lease::try_take_alone(&directory)? else {
            return Ok(Removal::InUse);
        };
        let bytes = directory.size();
        directory.remove()?;
        directory.remove_locks()?;
        Ok(Removal::Removed { bytes })
    }

    /// Removes mirrors, those first that were not used for the longest time, until the others
    /// take no more than `max_bytes`. None that a [`crate::Checkout`] needs is removed.
    ///
    /// Blocks on the disk. Returns how many bytes were freed.
    ///
    /// # Errors
    /// When the directory can't be read or a mirror can't be removed.
    pub fn collect(&self, max_bytes: u64) -> io::Result<u64> {
        let mut mirrors = self.list()?;
        mirrors.sort_by_key(|mirror| mirror.last_used);
        let mut total: u64 = mirrors.iter().map(|mirror| mirror.bytes).sum();
        let mut freed = 0;
        for mirror in mirrors {
            if total <= max_bytes {
                break;
            }
            if let Removal::Removed { bytes } = self.remove(&mirror.name)? {
                total -= mirror.bytes;
                freed += bytes;
            }
        }
        Ok(freed)
    }

    /// Finds what a killed process left: half-written packs, mirrors that were being made or
    /// removed, locks of mirrors that are gone. With `remove` it is removed. What a living
    /// process works on is left alone.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// When the directory can't be read, or something can't be removed.
    pub fn sweep(&self, remove: bool) -> io::Result<Vec<Leftover>> {
        let mut left = Vec::new();
        for directory in self.traces()? {
            let had_mirror = directory.path().exists();
            let Some(_turn) = Turn::try_take(&self.shared.turns, &directory)? else {
                continue;
            };
            for path in directory.leftovers()? {
                left.push(self.leftover(&path));
                if remove {
                    remove_all(&path)?;
                }
            }
            // The locks are empty, and here again by now: they are not worth a word.
            if !had_mirror && let Some(_lease) = Lease::try_take_alone(&directory)? {
                directory.remove_locks()?;
            }
        }
        Ok(left)
    }

    fn leftover(&self, path: &Path) -> Leftover {
        let below = path.strip_prefix(&self.shared.root).unwrap_or(path);
        Leftover {
            name: below.display().to_string(),
            bytes: size_of(path),
        }
    }

    fn directories(&self) -> io::Result<Vec<Directory>> {
        let names = self.names()?;
        let named = names
            .iter()
            .filter_map(|name| Directory::named(&self.shared.root, name));
        Ok(named.collect())
    }

    /// Every mirror of which there is anything.
    fn traces(&self) -> io::Result<Vec<Directory>> {
        let mut stems: Vec<PathBuf> = self.names()?.iter().map(PathBuf::from).collect();
        for stem in &mut stems {
            stem.set_extension("");
        }
        stems.sort();
        stems.dedup();
        let named = stems
            .iter()
            .filter_map(|stem| Directory::named(&self.shared.root, stem.to_str()?));
        Ok(named.collect())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.shared.root)? {
            // What is not UTF-8 is not ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn size(&self, directory: &Directory) -> u64 {
        let version = directory.version();
        if let Some((known, bytes)) = self.sizes().get(directory.name())
            && *known == version
        {
            return *bytes;
        }
        let bytes = directory.size();
        let known = (version, bytes);
        self.sizes().insert(directory.name().to_owned(), known);
        bytes
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Version, u64)>> {
        self.shared
            .sizes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
