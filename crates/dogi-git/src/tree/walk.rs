//! Every file of a tree, in the tree's own order, through submodules.

use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::EntryKind;
use gix::{ObjectId, oid};
use tokio_util::sync::CancellationToken;

use super::cursor::{Cursor, Entry};
use super::{Treatment, Tree};
use crate::error::ContextError;

/// How many entries go by between two looks at the cancel token.
const CANCEL_INTERVAL: u64 = 256;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File { executable: bool },
    Symlink,
}

/// The visitor's answer to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descend {
    Into,
    Past,
}

/// One entry, shown to the visitor.
pub(crate) struct Item<'a> {
    /// Relative to where the walk began.
    pub(crate) path: &'a BStr,
    pub(crate) kind: Kind,
    /// The blob; null for directories.
    pub(crate) id: &'a oid,
    /// It is the directory of a submodule, fetched or not.
    pub(crate) module: bool,
    inner: BString,
    treatment: Option<Treatment>,
    cursor: &'a mut Cursor,
}

impl Item<'_> {
    /// What a checkout does to the bytes.
    pub(crate) fn treatment(&mut self) -> &Treatment {
        let (cursor, inner) = (&mut *self.cursor, &self.inner);
        self.treatment
            .get_or_insert_with(|| cursor.treatment(inner.as_bstr()))
    }

    /// The size of the stored bytes.
    pub(crate) fn size(&mut self) -> Result<u64, ContextError> {
        self.cursor.size(self.inner.as_bstr(), self.id)
    }

    /// Appends the file's bytes (a symlink's target) as a checkout writes them.
    pub(crate) fn read(&mut self, out: &mut Vec<u8>) -> Result<(), ContextError> {
        let treatment = match self.kind {
            Kind::Symlink => Treatment::default(),
            _ => self.treatment().clone(),
        };
        self.cursor
            .file(self.inner.as_bstr(), self.id, &treatment, out)
    }
}

/// The visitor: it may read the item, and says whether to enter a directory.
pub(crate) type Visit<'a> = dyn FnMut(&mut Item<'_>) -> Result<Descend, ContextError> + 'a;

/// A walk with its limits.
pub(crate) struct Walk<'a> {
    /// More entries than this are refused: a few small objects can describe a tree of billions.
    pub(crate) max_entries: u64,
    pub(crate) cancel: &'a CancellationToken,
}

impl Walk<'_> {
    /// Visits all that lies below the directory `start` of `tree` (empty: the root), which must be
    /// a real directory without symlinks on the way.
    pub(crate) fn run(
        &self,
        tree: &Arc<Tree>,
        start: &BStr,
        visit: &mut Visit<'_>,
    ) -> Result<(), ContextError> {
        let mut run = Run {
            walk: self,
            visit,
            path: BString::default(),
            entries: 0,
            cursors: Vec::new(),
            levels: Vec::new(),
        };
        run.find_start(tree, start)?;
        run.all()
    }
}

struct Run<'a, 'v> {
    walk: &'a Walk<'a>,
    visit: &'a mut Visit<'v>,
    path: BString,
    entries: u64,
    /// The repositories that were entered, the innermost last.
    cursors: Vec<Cursor>,
    /// The directories that were entered. A stack of our own: trees may be deep.
    levels: Vec<Level>,
}

struct Level {
    entries: std::vec::IntoIter<Entry>,
    /// How long the path is without this directory.
    outside: usize,
    /// It is the root of a submodule.
    module: bool,
}

impl Run<'_, '_> {
    /// Descends to where the walk begins, so that the attributes on the way count.
    fn find_start(&mut self, tree: &Arc<Tree>, start: &BStr) -> Result<(), ContextError> {
        let mut cursor = Cursor::new(tree.clone())?;
        let mut here = cursor.enter(b"".as_bstr(), tree.root)?;
        for name in start.split_str("/").filter(|name| !name.is_empty()) {
            let missing = || ContextError::NoDirectory {
                path: start.to_string(),
            };
            let entry = here
                .iter()
                .find(|entry| entry.name == name)
                .ok_or_else(missing)?;
            match entry.kind {
                EntryKind::Tree => here = cursor.enter(name.as_bstr(), entry.id)?,
                EntryKind::Commit => {
                    let path = cursor.join(name.as_bstr());
                    let module = cursor.module(path.as_bstr()).ok_or_else(missing)?;
                    let root = module.root;
                    cursor = Cursor::new(module)?;
                    here = cursor.enter(b"".as_bstr(), root)?;
                }
                _ => return Err(missing()),
            }
        }
        self.cursors.push(cursor);
        self.levels.push(Level {
            entries: here.into_iter(),
            outside: 0,
            module: true,
        });
        Ok(())
    }

    fn all(&mut self) -> Result<(), ContextError> {
        while let Some(level) = self.levels.last_mut() {
            match level.entries.next() {
                Some(entry) => self.entry(&entry)?,
                None => self.leave(),
            }
        }
        Ok(())
    }

    fn leave(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        self.path.truncate(level.outside);
        if level.module {
            self.cursors.pop();
        } else if let Some(cursor) = self.cursors.last_mut() {
            cursor.leave();
        }
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), ContextError> {
        self.count()?;
        let outside = self.path.len();
        if outside > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(&entry.name);
        let level = self.visited(entry)?;
        match level {
            Some((entries, module)) => self.levels.push(Level {
                entries,
                outside,
                module,
            }),
            None => self.path.truncate(outside),
        }
        Ok(())
    }

    /// Shows an entry; what to go on with if it is a directory to be entered, and whether that is
    /// a submodule.
    fn visited(
        &mut self,
        entry: &Entry,
    ) -> Result<Option<(std::vec::IntoIter<Entry>, bool)>, ContextError> {
        let Some(cursor) = self.cursors.last_mut() else {
            return Ok(None);
        };
        let kind = match entry.kind {
            EntryKind::Tree | EntryKind::Commit => Kind::Directory,
            EntryKind::Blob => Kind::File { executable: false },
            EntryKind::BlobExecutable => Kind::File { executable: true },
            EntryKind::Link => Kind::Symlink,
        };
        let null = ObjectId::null(entry.id.kind());
        let mut item = Item {
            path: self.path.as_bstr(),
            kind,
            id: if kind == Kind::Directory {
                &null
            } else {
                &entry.id
            },
            module: entry.kind == EntryKind::Commit,
            inner: cursor.join(entry.name.as_bstr()),
            treatment: None,
            cursor,
        };
        if (self.visit)(&mut item)? == Descend::Past || kind != Kind::Directory {
            return Ok(None);
        }
        let (inner, cursor) = (item.inner, item.cursor);
        if entry.kind == EntryKind::Tree {
            let entries = cursor.enter(entry.name.as_bstr(), entry.id)?;
            return Ok(Some((entries.into_iter(), false)));
        }
        let Some(module) = cursor.module(inner.as_bstr()) else {
            return Ok(None);
        };
        let root = module.root;
        let mut cursor = Cursor::new(module)?;
        let entries = cursor.enter(b"".as_bstr(), root)?;
        self.cursors.push(cursor);
        Ok(Some((entries.into_iter(), true)))
    }

    fn count(&mut self) -> Result<(), ContextError> {
        self.entries += 1;
        if self.entries > self.walk.max_entries {
            return Err(ContextError::TooManyFiles {
                limit: self.walk.max_entries,
            });
        }
        if self.entries.is_multiple_of(CANCEL_INTERVAL) && self.walk.cancel.is_cancelled() {
            return Err(ContextError::Cancelled);
        }
        Ok(())
    }
}
