//! A tree of the object database as the source of a context.

use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};
use tokio_util::sync::CancellationToken;

use super::entry::{Content, Entry, Visit, is_lfs_pointer};
use crate::error::ContextError;
use crate::tree::{Item, Kind, Tree, Walk};

/// Walks the directory `start` of `tree`.
pub(crate) fn walk(
    tree: &Arc<Tree>,
    start: &BStr,
    modified: u64,
    max_entries: u64,
    cancel: &CancellationToken,
    visit: &mut Visit<'_>,
) -> Result<(), ContextError> {
    Walk {
        max_entries,
        cancel,
    }
    .run(tree, start, &mut |item: &mut Item<'_>| {
        visit(&mut Stored { item, modified })
    })
}

struct Stored<'a, 'i> {
    item: &'a mut Item<'i>,
    modified: u64,
}

impl Entry for Stored<'_, '_> {
    fn path(&self) -> &BStr {
        self.item.path
    }

    fn kind(&self) -> Kind {
        self.item.kind
    }

    fn mode(&self) -> u32 {
        match self.item.kind {
            Kind::File { executable: false } => 0o644,
            Kind::File { executable: true } | Kind::Directory => 0o755,
            Kind::Symlink => 0o777,
        }
    }

    fn modified(&self) -> u64 {
        self.modified
    }

    fn identify(&mut self, digest: &mut ring::digest::Context) -> Result<(), ContextError> {
        digest.update(self.item.id.as_bytes());
        if let Kind::File { .. } = self.item.kind {
            digest.update(self.item.treatment().key().as_bytes());
        }
        Ok(())
    }

    fn content(&mut self, buffer: &mut Vec<u8>) -> Result<Content, ContextError> {
        self.item.read(buffer)?;
        Ok(Content::Buffer)
    }

    fn size(&mut self) -> Result<u64, ContextError> {
        self.item.size()
    }

    fn is_repository(&self) -> bool {
        self.item.module
    }

    fn is_lfs(&mut self) -> bool {
        let lfs = Some(b"lfs".as_bstr());
        if self
            .item
            .treatment()
            .filter
            .as_ref()
            .map(|value| value.as_bstr())
            != lfs
        {
            return false;
        }
        let mut buffer = Vec::new();
        self.item.read(&mut buffer).is_ok() && is_lfs_pointer(&buffer)
    }
}
