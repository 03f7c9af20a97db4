//! Writing a tar that is the same whenever the files are the same.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gix::bstr::{BStr, BString};
use tar::{EntryType, Header};
use tokio_util::sync::CancellationToken;

use super::entry::{Content, Entry, is_lfs_pointer};
use crate::error::ContextError;
use crate::tree::Kind;

/// As much as is copied between two looks at the cancel token.
const CHUNK: usize = 256 * 1024;
/// As long as a link's target fits into a plain header.
const SHORT_LINK: usize = 100;
/// Linux takes no longer target.
const MAX_LINK: usize = 4096;

/// What a tar holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TarStats {
    /// Files and symlinks.
    pub files: u64,
    /// The size of the files, in bytes.
    pub bytes: u64,
    /// The files that are pointers of Git LFS, at most a hundred of them.
    pub lfs_pointers: Vec<String>,
}

const MAX_NAMED: usize = 100;

pub(crate) struct TarWriter<'a, W: Write> {
    builder: tar::Builder<W>,
    prefix: BString,
    limit: u64,
    cancel: &'a CancellationToken,
    buffer: Vec<u8>,
    stats: TarStats,
}

impl<'a, W: Write> TarWriter<'a, W> {
    /// Paths begin with `prefix`, which is empty or ends with a slash; the files may have `limit`
    /// bytes together.
    pub(crate) fn new(out: W, prefix: &BStr, limit: u64, cancel: &'a CancellationToken) -> Self {
        let builder = tar::Builder::new(out);
        let prefix = prefix.to_owned();
        let (buffer, stats) = (Vec::new(), TarStats::default());
        TarWriter {
            builder,
            prefix,
            limit,
            cancel,
            buffer,
            stats,
        }
    }

    pub(crate) fn entry(&mut self, entry: &mut dyn Entry) -> Result<(), ContextError> {
        if self.cancel.is_cancelled() {
            return Err(ContextError::Cancelled);
        }
        let mut path = self.prefix.clone();
        path.extend_from_slice(entry.path());
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode());
        header.set_mtime(entry.modified());
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        match entry.kind() {
            Kind::Directory => {
                header.set_entry_type(EntryType::Directory);
                self.append(header, &path, io::empty())
            }
            Kind::Symlink => {
                self.buffer.clear();
                entry.content(&mut self.buffer)?;
                self.stats.files += 1;
                self.symlink(header, &path)
            }
            Kind::File { .. } => self.file(header, &path, entry),
        }
    }

    /// A file that is not an entry of the walk.
    pub(crate) fn extra(
        &mut self,
        path: &str,
        modified: u64,
        size: u64,
        content: impl Read,
    ) -> Result<(), ContextError> {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(modified);
        header.set_uid(0);
        header.set_gid(0);
        self.grow(size)?;
        header.set_size(size);
        header.set_entry_type(EntryType::Regular);
        let mut full = self.prefix.clone();
        full.extend_from_slice(path.as_bytes());
        self.append(header, &full, content.take(size))
    }

    pub(crate) fn finish(self) -> Result<TarStats, ContextError> {
        let mut out = self
            .builder
            .into_inner()
            .map_err(ContextError::io("end the tar"))?;
        out.flush().map_err(ContextError::io("end the tar"))?;
        Ok(self.stats)
    }

    fn file(
        &mut self,
        mut header: Header,
        path: &BString,
        entry: &mut dyn Entry,
    ) -> Result<(), ContextError> {
        header.set_entry_type(EntryType::Regular);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let content = entry.content(&mut buffer)?;
        self.stats.files += 1;
        let written = match content {
            Content::Buffer => {
                if is_lfs_pointer(&buffer) && self.stats.lfs_pointers.len() < MAX_NAMED {
                    self.stats.lfs_pointers.push(entry.path().to_string());
                }
                self.grow(buffer.len() as u64)?;
                header.set_size(buffer.len() as u64);
                self.append(header, path, buffer.as_slice())
            }
            Content::File(file, size) => {
                self.grow(size)?;
                header.set_size(size);
                // A file that shrinks while it is read must not shift what follows.
                let padded = file.chain(io::repeat(0)).take(size);
                self.append(header, path, padded)
            }
        };
        self.buffer = buffer;
        written
    }

    fn symlink(&mut self, mut header: Header, path: &BString) -> Result<(), ContextError> {
        header.set_entry_type(EntryType::Symlink);
        let target = std::mem::take(&mut self.buffer);
        if target.contains(&0) || target.is_empty() || target.len() > MAX_LINK {
            let reason = crate::tree::NameError::Component("its target is no path".to_owned());
            return Err(ContextError::Name {
                path: path.to_string(),
                reason,
            });
        }
        if target.len() > SHORT_LINK {
            let mut long = Header::new_gnu();
            long.set_entry_type(EntryType::GNULongLink);
            long.set_mode(0o644);
            long.set_uid(0);
            long.set_gid(0);
            long.set_mtime(0);
            long.set_size(target.len() as u64 + 1);
            let name: BString = "././@LongLink".into();
            let content = target.as_slice().chain([0].as_slice());
            self.append(long, &name, content)?;
        }
        let short = &target[..target.len().min(SHORT_LINK)];
        header
            .set_link_name_literal(short)
            .map_err(ContextError::io(format!("write the symlink {path:?}")))?;
        self.append(header, path, io::empty())?;
        self.buffer = target;
        Ok(())
    }

    fn append(
        &mut self,
        mut header: Header,
        path: &BString,
        content: impl Read,
    ) -> Result<(), ContextError> {
        let content = Watched {
            content,
            cancel: self.cancel,
        };
        let written = if header.entry_type() == EntryType::GNULongLink {
            // Its name begins with `./`, which would be taken off.
            let gnu = header
                .as_gnu_mut()
                .map(|gnu| gnu.name[..path.len()].copy_from_slice(path));
            debug_assert!(gnu.is_some());
            header.set_cksum();
            self.builder.append(&header, content)
        } else {
            let path = Path::new(OsStr::from_bytes(path));
            self.builder.append_data(&mut header, path, content)
        };
        written.map_err(|source| {
            if self.cancel.is_cancelled() {
                return ContextError::Cancelled;
            }
            ContextError::Io {
                doing: format!("write {path:?} to the tar"),
                source,
            }
        })
    }

    fn grow(&mut self, size: u64) -> Result<(), ContextError> {
        self.stats.bytes = self.stats.bytes.saturating_add(size);
        match self.stats.bytes > self.limit {
            true => Err(ContextError::TooLarge { limit: self.limit }),
            false => Ok(()),
        }
    }
}

/// A reader that fails once it is cancelled, however long the file is.
struct Watched<'a, R> {
    content: R,
    cancel: &'a CancellationToken,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let size = buffer.len().min(CHUNK);
        self.content.read(&mut buffer[..size])
    }
}
