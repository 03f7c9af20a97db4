//! A place in a tree: one directory, with the attributes of all directories above it.

use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::FindExt;
use gix::objs::tree::EntryKind;
use gix::prelude::HeaderExt;
use gix::{ObjectId, OdbHandle};

use super::attributes::Attributes;
use super::names::{MAX_DEPTH, NameError, Names};
use super::{Treatment, Tree, unreadable};
use crate::error::ContextError;

/// `.gitattributes` larger than this is not read, as git does not.
const MAX_ATTRIBUTES: usize = 100 << 20;

/// As much of a refused path is shown, in bytes.
const MAX_SHOWN: usize = 300;

/// One entry of a directory.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: BString,
    pub(super) kind: EntryKind,
    pub(super) id: ObjectId,
}

/// The state of a descent within one repository.
pub(super) struct Cursor {
    pub(super) tree: Arc<Tree>,
    pub(super) objects: OdbHandle,
    pub(super) attributes: Attributes,
    /// The directory, relative to its repository; empty: the root.
    path: BString,
    /// How many directories of this repository were entered.
    depth: usize,
    buffer: Vec<u8>,
}

impl Cursor {
    pub(super) fn new(tree: Arc<Tree>) -> Result<Cursor, ContextError> {
        let objects = tree.handle();
        let attributes = Attributes::new().map_err(ContextError::io("read attributes"))?;
        let path = BString::default();
        Ok(Cursor {
            tree,
            objects,
            attributes,
            path,
            depth: 0,
            buffer: Vec::new(),
        })
    }

    /// Reads the directory `id`, checks its names, and takes up its attributes. Must be matched by
    /// [`Cursor::leave`]. `name` is empty for the root.
    pub(super) fn enter(&mut self, name: &BStr, id: ObjectId) -> Result<Vec<Entry>, ContextError> {
        if !name.is_empty() {
            self.path = self.join(name);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refused(&self.path, NameError::Deep));
        }
        let entries = self.entries(id)?;
        let attributes = self.attributes_file(&entries)?;
        self.attributes
            .enter(self.path.as_bstr(), attributes.as_deref())
            .map_err(ContextError::io("read attributes"))?;
        Ok(entries)
    }

    /// Goes back to the directory above.
    pub(super) fn leave(&mut self) {
        self.attributes.leave();
        self.depth -= 1;
        let end = self.path.rfind_byte(b'/').unwrap_or(0);
        self.path.truncate(end);
    }

    /// `name` in this directory, relative to the repository.
    pub(super) fn join(&self, name: &BStr) -> BString {
        join(&self.path, name)
    }

    /// The submodule at `path`, if it was fetched.
    pub(super) fn module(&self, path: &BStr) -> Option<Arc<Tree>> {
        self.tree.modules.get(path).cloned()
    }

    /// What a checkout does to the file at `path`.
    pub(super) fn treatment(&mut self, path: &BStr) -> Treatment {
        self.attributes.treatment(path)
    }

    /// The stored bytes of a blob.
    pub(super) fn blob(&mut self, path: &BStr, id: &gix::oid) -> Result<&[u8], ContextError> {
        let blob = self.objects.find_blob(id, &mut self.buffer);
        Ok(blob.map_err(|error| unreadable(id, path, error))?.data)
    }

    /// The size of a blob, without its bytes.
    pub(super) fn size(&self, path: &BStr, id: &gix::oid) -> Result<u64, ContextError> {
        let header = self.objects.header(id);
        Ok(header.map_err(|error| unreadable(id, path, error))?.size())
    }

    /// The bytes of a file as they stand in a work tree.
    pub(super) fn file(
        &mut self,
        path: &BStr,
        id: &gix::oid,
        treatment: &Treatment,
        out: &mut Vec<u8>,
    ) -> Result<(), ContextError> {
        let blob = self.objects.find_blob(id, &mut self.buffer);
        let stored = blob.map_err(|error| unreadable(id, path, error))?.data;
        treatment.apply(id, stored, out).map_err(|source| {
            let path = path.to_string();
            ContextError::Filter {
                path,
                source: source.into(),
            }
        })
    }

    fn entries(&mut self, id: ObjectId) -> Result<Vec<Entry>, ContextError> {
        let tree = self.objects.find_tree_iter(&id, &mut self.buffer);
        let tree = tree.map_err(|error| unreadable(&id, &self.path, error))?;
        let mut names = Names::default();
        let mut entries = Vec::new();
        for entry in tree {
            let entry = entry.map_err(|error| unreadable(&id, &self.path, error))?;
            let kind = entry.mode.kind();
            names
                .check(self.path.as_bstr(), entry.filename, kind == EntryKind::Link)
                .map_err(|reason| refused(&join(&self.path, entry.filename), reason))?;
            entries.push(Entry {
                name: entry.filename.to_owned(),
                kind,
                id: entry.oid.to_owned(),
            });
        }
        Ok(entries)
    }

    fn attributes_file(&mut self, entries: &[Entry]) -> Result<Option<Vec<u8>>, ContextError> {
        let file = entries.iter().find(|entry| {
            entry.name == ".gitattributes"
                && matches!(entry.kind, EntryKind::Blob | EntryKind::BlobExecutable)
        });
        let Some(file) = file else { return Ok(None) };
        let path = self.join(file.name.as_bstr());
        let bytes = self.blob(path.as_bstr(), &file.id)?;
        Ok((bytes.len() <= MAX_ATTRIBUTES).then(|| bytes.to_vec()))
    }
}

fn join(directory: &BString, name: &BStr) -> BString {
    let mut path = directory.clone();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

fn refused(path: &[u8], reason: NameError) -> ContextError {
    let shown = path.get(..MAX_SHOWN).unwrap_or(path);
    ContextError::Name {
        path: String::from_utf8_lossy(shown).into_owned(),
        reason,
    }
}
