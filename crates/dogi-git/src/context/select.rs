//! `.dockerignore` applied to a walk.

use gix::bstr::{BString, ByteSlice};

use super::entry::{Entry, Visit};
use crate::error::ContextError;
use crate::ignore::{Dockerignore, Matched};
use crate::tree::{Descend, Kind};

/// Passes on what is not ignored, in the order of the walk.
pub(crate) struct Select<'a, 'v> {
    ignore: &'a Dockerignore,
    /// The directories above the entry, with what matched them.
    above: Vec<(BString, Matched)>,
    visit: &'a mut Visit<'v>,
}

impl<'a, 'v> Select<'a, 'v> {
    pub(crate) fn new(ignore: &'a Dockerignore, visit: &'a mut Visit<'v>) -> Self {
        Select {
            ignore,
            above: Vec::new(),
            visit,
        }
    }

    pub(crate) fn entry(&mut self, entry: &mut dyn Entry) -> Result<Descend, ContextError> {
        if self.ignore.is_empty() {
            return (self.visit)(entry);
        }
        let path = entry.path();
        while let Some((above, _)) = self.above.last() {
            let inside = path.strip_prefix(above.as_slice());
            if inside.is_some_and(|rest| rest.starts_with(b"/")) {
                break;
            }
            self.above.pop();
        }
        let text = path.to_str_lossy();
        let parent = self.above.last().map(|(_, matched)| matched);
        let (ignored, matched) = self.ignore.decide(&text, parent);
        let directory = entry.kind() == Kind::Directory;
        if ignored {
            if !directory || !self.ignore.must_enter(&text) {
                return Ok(Descend::Past);
            }
            self.above.push((path.to_owned(), matched));
            return Ok(Descend::Into);
        }
        if directory {
            self.above.push((path.to_owned(), matched));
        }
        (self.visit)(entry)
    }
}
