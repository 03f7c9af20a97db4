//! One path in a tree, with symlinks followed inside the tree and never out of it.

use std::collections::VecDeque;
use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::EntryKind;

use super::Tree;
use super::cursor::{Cursor, Entry};
use crate::error::ContextError;

/// As many symlinks as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A directory, with the path that leads there without symlinks.
    Directory(BString),
    /// A file, with its path without symlinks.
    File(BString),
}

impl Tree {
    /// Where `path` leads; `None`: nothing is there, or it leads out of the tree.
    pub(crate) fn find(self: &Arc<Self>, path: &BStr) -> Result<Option<Found>, ContextError> {
        let mut ahead: VecDeque<BString> = parts(path).collect();
        let mut here: Vec<BString> = Vec::new();
        let mut links = 0;
        let mut file = false;
        while let Some(part) = ahead.pop_front() {
            if file {
                return Ok(None);
            }
            if part == ".." {
                if here.pop().is_none() {
                    return Ok(None);
                }
                continue;
            }
            let Some((mut cursor, entries)) = self.open(&here)? else {
                return Ok(None);
            };
            let Some(entry) = entries.into_iter().find(|entry| entry.name == part) else {
                return Ok(None);
            };
            match entry.kind {
                EntryKind::Tree | EntryKind::Commit => here.push(part),
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    here.push(part);
                    file = true;
                }
                EntryKind::Link => {
                    links += 1;
                    let name = cursor.join(part.as_bstr());
                    let target = cursor.blob(name.as_bstr(), &entry.id)?;
                    if links > MAX_LINKS || target.starts_with(b"/") {
                        return Ok(None);
                    }
                    let target: Vec<BString> = parts(target.as_bstr()).collect();
                    target
                        .into_iter()
                        .rev()
                        .for_each(|part| ahead.push_front(part));
                }
            }
        }
        let path = BString::from(here.join(&b'/'));
        Ok(Some(if file {
            Found::File(path)
        } else {
            Found::Directory(path)
        }))
    }

    /// The bytes of the file at `path`, as a checkout writes them.
    pub(crate) fn read(self: &Arc<Self>, path: &BStr) -> Result<Option<Vec<u8>>, ContextError> {
        let Some(Found::File(path)) = self.find(path)? else {
            return Ok(None);
        };
        let mut directory: Vec<BString> = parts(path.as_bstr()).collect();
        let Some(name) = directory.pop() else {
            return Ok(None);
        };
        let Some((mut cursor, entries)) = self.open(&directory)? else {
            return Ok(None);
        };
        let Some(entry) = entries.into_iter().find(|entry| entry.name == name) else {
            return Ok(None);
        };
        let inner = cursor.join(name.as_bstr());
        let treatment = cursor.treatment(inner.as_bstr());
        let mut out = Vec::new();
        cursor.file(inner.as_bstr(), &entry.id, &treatment, &mut out)?;
        Ok(Some(out))
    }

    /// Opens a directory on a path without symlinks.
    fn open(
        self: &Arc<Self>,
        path: &[BString],
    ) -> Result<Option<(Cursor, Vec<Entry>)>, ContextError> {
        let mut cursor = Cursor::new(self.clone())?;
        let mut entries = cursor.enter(b"".as_bstr(), self.root)?;
        for name in path {
            let Some(entry) = entries.iter().find(|entry| entry.name == *name) else {
                return Ok(None);
            };
            match entry.kind {
                EntryKind::Tree => entries = cursor.enter(name.as_bstr(), entry.id)?,
                EntryKind::Commit => {
                    let inner = cursor.join(name.as_bstr());
                    let Some(module) = cursor.module(inner.as_bstr()) else {
                        return Ok(None);
                    };
                    let root = module.root;
                    cursor = Cursor::new(module)?;
                    entries = cursor.enter(b"".as_bstr(), root)?;
                }
                _ => return Ok(None),
            }
        }
        Ok(Some((cursor, entries)))
    }
}

fn parts(path: &BStr) -> impl Iterator<Item = BString> + '_ {
    path.split_str("/")
        .filter(|part| !matches!(*part, b"" | b"."))
        .map(BString::from)
}
