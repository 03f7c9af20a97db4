//! Which files differ between two trees.

use std::collections::{BTreeMap, BTreeSet};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::FindExt;
use gix::objs::tree::EntryMode;
use gix::{ObjectId, OdbHandle};

use super::names::MAX_DEPTH;
use super::unreadable;
use crate::error::ContextError;

/// So many files may differ: who asks wants to match them against patterns.
const MOST: usize = 100_000;

/// The files that differ between the trees of two commits, each in its own object database, by their
/// paths; those that are only in one of them too. A submodule that points elsewhere is a file. `None`: too
/// many differ, or they lie too deep.
pub(crate) fn changes(
    before: (&OdbHandle, ObjectId),
    after: (&OdbHandle, ObjectId),
) -> Result<Option<BTreeSet<String>>, ContextError> {
    let mut walk = Walk {
        before: before.0,
        after: after.0,
        found: BTreeSet::new(),
        too_many: false,
    };
    walk.compare(Some(before.1), Some(after.1), BStr::new(""), 0)?;
    Ok((!walk.too_many).then_some(walk.found))
}

struct Walk<'o> {
    before: &'o OdbHandle,
    after: &'o OdbHandle,
    found: BTreeSet<String>,
    too_many: bool,
}

type Entries = BTreeMap<BString, (EntryMode, ObjectId)>;

impl Walk<'_> {
    fn compare(
        &mut self,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
        path: &BStr,
        depth: usize,
    ) -> Result<(), ContextError> {
        if before == after {
            return Ok(());
        }
        if depth > MAX_DEPTH || self.too_many {
            self.too_many = true;
            return Ok(());
        }
        let before = entries(self.before, before, path)?;
        let after = entries(self.after, after, path)?;
        let names: BTreeSet<&BString> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old == new {
                continue;
            }
            let mut here = BString::from(path);
            if !here.is_empty() {
                here.push(b'/');
            }
            here.extend_from_slice(name);
            let tree = |entry: Option<&(EntryMode, ObjectId)>| {
                entry.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| *id)
            };
            let file = |entry: Option<&(EntryMode, ObjectId)>| {
                entry.is_some_and(|(mode, _)| !mode.is_tree())
            };
            self.compare(tree(old), tree(new), here.as_bstr(), depth + 1)?;
            if file(old) || file(new) {
                self.add(&here);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &BString) {
        self.too_many |= self.found.len() >= MOST;
        if !self.too_many {
            self.found.insert(path.to_str_lossy().into_owned());
        }
    }
}

fn entries(
    objects: &OdbHandle,
    id: Option<ObjectId>,
    path: &BStr,
) -> Result<Entries, ContextError> {
    let mut entries = Entries::new();
    let Some(id) = id else {
        return Ok(entries);
    };
    let mut buffer = Vec::new();
    let tree = objects.find_tree(&id, &mut buffer);
    let tree = tree.map_err(|error| unreadable(&id, path, error))?;
    for entry in &tree.entries {
        entries.insert(
            entry.filename.to_owned(),
            (entry.mode, entry.oid.to_owned()),
        );
    }
    Ok(entries)
}
