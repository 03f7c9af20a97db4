//! The tree of a commit, submodules included, read straight from the object databases.

mod attributes;
mod changes;
mod cursor;
mod encoding;
mod lookup;
mod modules;
mod names;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use gix::ObjectId;
use gix::bstr::BString;

pub(crate) use attributes::Treatment;
pub(crate) use changes::changes;
pub(crate) use lookup::Found;
pub(crate) use modules::{Module, read_modules};
pub use names::NameError;
pub(crate) use walk::{Descend, Item, Kind, Walk};

use crate::error::ContextError;

/// A tree and where its objects are. Cheap to clone by `Arc`.
pub(crate) struct Tree {
    pub(crate) objects: gix::ThreadSafeRepository,
    pub(crate) root: ObjectId,
    /// By path within this tree. A submodule that is not here is an empty directory.
    pub(crate) modules: BTreeMap<BString, Arc<Tree>>,
}

impl Tree {
    /// The objects, for the calling thread.
    pub(crate) fn handle(&self) -> gix::OdbHandle {
        self.objects.to_thread_local().objects
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree")
            .field("root", &self.root)
            .field("modules", &self.modules)
            .finish()
    }
}

/// An object that is missing or damaged.
pub(crate) fn unreadable(
    id: &gix::oid,
    path: &[u8],
    source: impl std::error::Error + Send + Sync + 'static,
) -> ContextError {
    ContextError::Object {
        id: id.to_string(),
        path: String::from_utf8_lossy(path).into_owned(),
        source: Box::new(source),
    }
}
