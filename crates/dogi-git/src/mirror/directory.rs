//! A mirror's directory.
//!
//! ```text
//! <root>/<hash>/            a bare repository: HEAD, config, objects, refs, shallow
//! <root>/<hash>/refs/dogi/commits/<commit>   the commit and all it needs is here
//! <root>/<hash>/dogi-url    whose mirror it is, for people
//! <root>/<hash>/dogi-used   written whenever it is used: its time says when that was last
//! <root>/<hash>/damaged     an object could not be read: to be made anew
//! <root>/<hash>.lock        held while something is fetched into it
//! <root>/<hash>.lease       held, shared, while something is read from it
//! ```
//!
//! The hash is that of the URL, and another one for the mirror of the same repository that is fetched
//! without credentials.
//!
//! A directory is made under another name and renamed once it is whole. A commit's ref is written
//! last, after the pack: what a crash leaves behind is a pack that nobody refers to.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gix::ObjectId;

use super::Lease;
use crate::net::Access;

/// More packs than this make reading slow: the mirror is made anew when nobody reads from it.
const MAX_PACKS: usize = 60;
/// As many commits as the server is told that they are here already.
const MAX_HAVES: usize = 16;

/// The file that is written whenever the mirror is used.
const USED: &str = "dogi-used";
/// The unit of `st_blocks`, whatever the file system's own is (`stat(2)`).
const BLOCK: u64 = 512;

/// Where a mirror is.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    root: PathBuf,
    name: String,
}

/// Opens a repository without any configuration of the machine or the user.
pub(crate) fn open_isolated(path: &Path) -> Result<gix::ThreadSafeRepository, gix::Error> {
    let options = gix::open::Options::isolated().open_path_as_is(true);
    gix::ThreadSafeRepository::open_opts(path, options)
}

impl Directory {
    /// The mirror of `url` below `root`. What is fetched without credentials has one of its own,
    /// which so never holds what not everybody may see.
    pub(crate) fn of(root: &Path, url: &str, access: Access) -> Directory {
        let key = match access {
            Access::Known => url.to_owned(),
            // No repository's URL begins like this.
            Access::Anonymous => format!("anonymous {url}"),
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        let name = hex::encode(&digest.as_ref()[..20]);
        Directory {
            root: root.to_owned(),
            name,
        }
    }

    /// The mirror in the directory `name`, if that is the name of one.
    pub(crate) fn named(root: &Path, name: &str) -> Option<Directory> {
        let hash = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        hash.then(|| Directory {
            root: root.to_owned(),
            name: name.to_owned(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.root.join(format!("{}.lock", self.name))
    }

    pub(crate) fn lease_path(&self) -> PathBuf {
        self.root.join(format!("{}.lease", self.name))
    }

    pub(super) fn packs(&self) -> PathBuf {
        self.path().join("objects/pack")
    }

    fn commits(&self) -> PathBuf {
        self.path().join("refs/dogi/commits")
    }

    /// Whether the commit and all that it needs is here.
    pub(crate) fn has(&self, commit: &gix::oid) -> bool {
        self.commits().join(commit.to_string()).exists() && !self.is_damaged()
    }

    /// Notes that the commit is complete.
    pub(super) fn keep(&self, commit: &gix::oid) -> io::Result<()> {
        let directory = self.commits();
        let unfinished = directory.join(format!("{commit}.lock"));
        fs::write(&unfinished, format!("{commit}\n"))?;
        fs::rename(unfinished, directory.join(commit.to_string()))
    }

    /// The newest commits that are here.
    pub(super) fn haves(&self) -> Vec<ObjectId> {
        let mut found: Vec<(SystemTime, ObjectId)> = Vec::new();
        for entry in fs::read_dir(self.commits()).into_iter().flatten().flatten() {
            let id = entry
                .file_name()
                .to_str()
                .and_then(|name| ObjectId::from_hex(name.as_bytes()).ok());
            let modified = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .ok();
            found.extend(modified.zip(id));
        }
        found.sort_by(|a, b| b.cmp(a));
        found
            .into_iter()
            .take(MAX_HAVES)
            .map(|(_, id)| id)
            .collect()
    }

    pub(crate) fn mark_damaged(&self) {
        // If this fails the next reader finds the damage again.
        let _ = fs::write(self.path().join("damaged"), "");
    }

    fn is_damaged(&self) -> bool {
        self.path().join("damaged").exists()
    }

    /// Sees to it that there is a repository, and sweeps up what a crash left. The turn must be
    /// held.
    pub(super) fn prepare(&self, url: &str, lease: &Lease) -> io::Result<()> {
        if self.is_damaged() || open_isolated(&self.path()).is_err() {
            self.remove()?;
            self.create(url)?;
        } else if self.pack_count() > MAX_PACKS && lease.try_own()? {
            let made = self.remove().and_then(|()| self.create(url));
            lease.share()?;
            made?;
        }
        self.sweep()?;
        self.touch();
        Ok(())
    }

    /// Removes the repository. Nobody is left behind with half of one: it is renamed first.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let gone = self.root.join(format!("{}.gone", self.name));
        remove_all(&gone)?;
        match fs::rename(self.path(), &gone) {
            Ok(()) => remove_all(&gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn create(&self, url: &str) -> io::Result<()> {
        let new = self.root.join(format!("{}.new", self.name));
        remove_all(&new)?;
        for directory in [
            "objects/pack",
            "objects/info",
            "refs/heads",
            "refs/dogi/commits",
        ] {
            fs::create_dir_all(new.join(directory))?;
        }
        fs::write(new.join("HEAD"), "ref: refs/heads/none\n")?;
        let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
        fs::write(new.join("config"), config)?;
        fs::write(new.join("dogi-url"), format!("{url}\n"))?;
        fs::rename(new, self.path())
    }

    /// Removes what an interrupted writer left inside. The turn must be held.
    fn sweep(&self) -> io::Result<()> {
        self.stale()?.iter().try_for_each(|file| remove_file(file))
    }

    /// With the turn held no other writer is there: every lock and half-written file is stale.
    fn stale(&self) -> io::Result<Vec<PathBuf>> {
        let locks = ["shallow", "HEAD", "config", "packed-refs"];
        let mut stale: Vec<_> = locks
            .iter()
            .map(|name| self.path().join(format!("{name}.lock")))
            .filter(|file| file.exists())
            .collect();
        for entry in fs::read_dir(self.packs())? {
            let file = entry?.path();
            let pair = match file.extension().and_then(|extension| extension.to_str()) {
                Some("pack") => file.with_extension("idx").exists(),
                Some("idx") => file.with_extension("pack").exists(),
                _ => false,
            };
            if !pair {
                stale.push(file);
            }
        }
        Ok(stale)
    }

    /// What a killed process left of this mirror, inside and beside it. The turn must be held.
    pub(crate) fn leftovers(&self) -> io::Result<Vec<PathBuf>> {
        let beside = ["gone", "new"].map(|end| self.root.join(format!("{}.{end}", self.name)));
        let mut left: Vec<_> = beside.into_iter().filter(|path| path.exists()).collect();
        match self.stale() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            stale => left.extend(stale?),
        }
        Ok(left)
    }

    /// Removes the lock files, too, of a mirror that is not there. Turn and lease must be held
    /// alone.
    pub(crate) fn remove_locks(&self) -> io::Result<()> {
        remove_file(&self.lease_path())?;
        remove_file(&self.lock_path())
    }

    /// Whose mirror it is.
    pub(crate) fn url(&self) -> Option<String> {
        let text = fs::read_to_string(self.path().join("dogi-url")).ok()?;
        Some(text.trim_end().to_owned())
    }

    fn pack_count(&self) -> usize {
        let files = fs::read_dir(self.packs()).into_iter().flatten().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|e| e == "pack"))
            .count()
    }

    /// Notes that it is used, for [`crate::Mirrors::list`]: also for a later process.
    pub(crate) fn touch(&self) {
        // Only the order of collection suffers when this fails.
        let _ = fs::write(self.path().join(USED), "");
    }

    /// When it was used last; when it was made, if it never was.
    pub(crate) fn last_used(&self) -> SystemTime {
        modified(&self.path().join(USED))
            .or_else(|| modified(&self.path()))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Changes whenever something is written to it.
    pub(crate) fn version(&self) -> (SystemTime, Option<SystemTime>) {
        (self.last_used(), modified(&self.packs()))
    }

    /// Bytes that it takes on disk.
    pub(crate) fn size(&self) -> u64 {
        size_of(&self.path())
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// Bytes that a file or directory takes on disk; what can't be read takes none.
pub(crate) fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    let own = metadata.blocks().saturating_mul(BLOCK);
    if !metadata.is_dir() {
        return own;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.fold(own, |size, entry| {
        size.saturating_add(size_of(&entry.path()))
    })
}

pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => remove_file(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
