//! A directory on this machine as the source of a context: what is there, committed or not.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice};
use tokio_util::sync::CancellationToken;

use super::entry::{Content, Entry, Visit};
use crate::error::ContextError;
use crate::tree::{Descend, Found, Kind};

/// Linux' `O_NOFOLLOW` and `O_NONBLOCK`: neither a symlink nor a pipe put in a file's place is
/// opened.
const NO_FOLLOW: i32 = if cfg!(any(target_arch = "arm", target_arch = "aarch64")) {
    0o100_000
} else {
    0o400_000
} | 0o4000;

/// Linux' `ELOOP`: links that lead to each other.
const LOOP: i32 = 40;

/// Walks `root`, leaving out every `.git` unless `git_dir`.
pub(crate) fn walk(
    root: &Path,
    git_dir: bool,
    max_entries: u64,
    cancel: &CancellationToken,
    visit: &mut Visit<'_>,
) -> Result<(), ContextError> {
    let mut run = Run {
        root,
        git_dir,
        max_entries,
        cancel,
        entries: 0,
    };
    // A stack of our own: directories may be deep.
    let mut levels = vec![(BString::default(), names(root)?.into_iter())];
    while let Some((directory, names)) = levels.last_mut() {
        let Some(name) = names.next() else {
            levels.pop();
            continue;
        };
        let mut path = directory.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        if let Some(inside) = run.entry(&name, path.as_bstr(), visit)? {
            levels.push((path, inside.into_iter()));
        }
    }
    Ok(())
}

/// `path`, which has no links, below `root`.
pub(super) fn below(root: &Path, path: &BString) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// What is at `path` below `root`, with its path without links.
pub(super) fn find(root: &Path, path: &str) -> Result<Option<Found>, ContextError> {
    let at = root.join(path.trim_start_matches('/'));
    let real = match at.canonicalize() {
        Ok(real) => real,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(source) => return Err(failed(&at, source)),
    };
    let Ok(inside) = real.strip_prefix(root) else {
        return Ok(None);
    };
    let inside = BString::from(inside.as_os_str().as_bytes());
    Ok(match fs::metadata(&real) {
        Ok(metadata) if metadata.is_dir() => Some(Found::Directory(inside)),
        Ok(metadata) if metadata.is_file() => Some(Found::File(inside)),
        Ok(_) => None,
        Err(source) => return Err(failed(&real, source)),
    })
}

/// The file at `path` below `root`.
pub(super) fn read(root: &Path, path: &str) -> Result<Option<Vec<u8>>, ContextError> {
    let Some(Found::File(inside)) = find(root, path)? else {
        return Ok(None);
    };
    let at = below(root, &inside);
    fs::read(&at)
        .map(Some)
        .map_err(|source| failed(&at, source))
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory) || error.raw_os_error() == Some(LOOP)
}

struct Run<'a> {
    root: &'a Path,
    git_dir: bool,
    max_entries: u64,
    cancel: &'a CancellationToken,
    entries: u64,
}

impl Run<'_> {
    /// Shows an entry; what is in it if it is a directory to be entered.
    fn entry(
        &mut self,
        name: &OsStr,
        path: &BStr,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Vec<OsString>>, ContextError> {
        if name == ".git" && !self.git_dir {
            return Ok(None);
        }
        self.entries += 1;
        if self.entries > self.max_entries {
            return Err(ContextError::TooManyFiles {
                limit: self.max_entries,
            });
        }
        if self.cancel.is_cancelled() {
            return Err(ContextError::Cancelled);
        }
        let at = self.root.join(OsStr::from_bytes(path));
        let metadata = match fs::symlink_metadata(&at) {
            Ok(metadata) => metadata,
            // Gone since the directory was listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(&at, source)),
        };
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Symlink,
            kind if kind.is_file() => Kind::File {
                executable: metadata.mode() & 0o100 != 0,
            },
            // Sockets, pipes and devices have no content to send.
            _ => return Ok(None),
        };
        let mut entry = OnDisk {
            path,
            at: &at,
            kind,
            metadata,
        };
        let enter = visit(&mut entry)? == Descend::Into && kind == Kind::Directory;
        enter.then(|| names(&at)).transpose()
    }
}

fn names(at: &Path) -> Result<Vec<OsString>, ContextError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(at).map_err(|source| failed(at, source))? {
        names.push(entry.map_err(|source| failed(at, source))?.file_name());
    }
    names.sort();
    Ok(names)
}

fn failed(at: &Path, source: std::io::Error) -> ContextError {
    ContextError::Io {
        doing: format!("read {}", at.display()),
        source,
    }
}

struct OnDisk<'a> {
    path: &'a BStr,
    at: &'a Path,
    kind: Kind,
    metadata: Metadata,
}

impl OnDisk<'_> {
    fn open(&self) -> Result<(File, u64), ContextError> {
        let opened = fs::OpenOptions::new()
            .read(true)
            .custom_flags(NO_FOLLOW)
            .open(self.at);
        let file = opened.map_err(|source| failed(self.at, source))?;
        let size = file
            .metadata()
            .map_err(|source| failed(self.at, source))?
            .len();
        Ok((file, size))
    }
}

impl Entry for OnDisk<'_> {
    fn path(&self) -> &BStr {
        self.path
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn mode(&self) -> u32 {
        self.metadata.mode() & 0o7777
    }

    fn modified(&self) -> u64 {
        u64::try_from(self.metadata.mtime()).unwrap_or(0)
    }

    fn identify(&mut self, digest: &mut ring::digest::Context) -> Result<(), ContextError> {
        digest.update(&self.mode().to_be_bytes());
        match self.kind {
            Kind::Directory => Ok(()),
            Kind::Symlink => {
                let mut target = Vec::new();
                self.content(&mut target)?;
                digest.update(&target);
                Ok(())
            }
            Kind::File { .. } => {
                let (mut file, size) = self.open()?;
                digest.update(&size.to_be_bytes());
                let mut chunk = vec![0; 64 * 1024];
                loop {
                    let read = file
                        .read(&mut chunk)
                        .map_err(|source| failed(self.at, source))?;
                    if read == 0 {
                        return Ok(());
                    }
                    digest.update(&chunk[..read]);
                }
            }
        }
    }

    fn content(&mut self, buffer: &mut Vec<u8>) -> Result<Content, ContextError> {
        if self.kind == Kind::Symlink {
            let target = fs::read_link(self.at).map_err(|source| failed(self.at, source))?;
            buffer.extend(target.into_os_string().into_vec());
            return Ok(Content::Buffer);
        }
        let (file, size) = self.open()?;
        Ok(Content::File(file, size))
    }

    fn size(&mut self) -> Result<u64, ContextError> {
        Ok(self.metadata.len())
    }

    fn is_repository(&self) -> bool {
        fs::symlink_metadata(self.at.join(".git")).is_ok()
    }

    fn is_lfs(&mut self) -> bool {
        // What is on disk is what the user has.
        false
    }
}
