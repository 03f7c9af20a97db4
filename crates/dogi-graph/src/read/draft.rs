use std::path::PathBuf;
use std::sync::Arc;

use dogi_url::{ContainerPath, ImageRef};
use dogi_yaml::Mistake;

/// Something and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Spot<T> {
    pub(super) line: u64,
    /// The key, as mistakes show it.
    pub(super) key: String,
    pub(super) value: T,
}

/// A node as its file says it. What is wrong was told, and is `None` or left out; that it stood
/// there is kept, since a node with a bad image is still one that runs something.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) file: Arc<PathBuf>,
    pub(super) line: u64,
    pub(super) image: Option<Option<ImageRef>>,
    pub(super) run: Option<Option<String>>,
    pub(super) dir: Option<ContainerPath>,
    pub(super) on: Option<Spot<String>>,
    pub(super) env: Vec<Spot<String>>,
    pub(super) vol: Vec<Spot<String>>,
    pub(super) after: Vec<Spot<String>>,
    pub(super) triggers: Vec<Spot<String>>,
    pub(super) no_log: bool,
    pub(super) never_fail: bool,
}

/// What a node is, by the keys that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Container,
    Variable,
    Join,
}

impl Draft {
    pub(super) fn new(file: &Arc<PathBuf>, line: u64) -> Self {
        Self {
            file: Arc::clone(file),
            line,
            image: None,
            run: None,
            dir: None,
            on: None,
            env: Vec::new(),
            vol: Vec::new(),
            after: Vec::new(),
            triggers: Vec::new(),
            no_log: false,
            never_fail: false,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        let depends = self.on.is_some()
            || [&self.env, &self.vol, &self.after]
                .iter()
                .any(|list| !list.is_empty());
        match self.image.is_some() || self.run.is_some() {
            true => Kind::Container,
            false if depends => Kind::Join,
            false => Kind::Variable,
        }
    }

    /// `file:line`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }

    /// A mistake about something in this draft.
    pub(super) fn mistake(&self, spot: &Spot<String>, message: impl Into<String>) -> Mistake {
        Mistake::new(&self.file, spot.line, &spot.key, message).with_value(&spot.value)
    }
}
