//! The commits of a push, read as they stream by: a payload of 25 MB may list millions of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};

use super::Line;

/// How many files of one commit are taken for all of them.
///
/// GitHub does not say how many it lists in a payload; where its API lists files it ends at 300.
const MAX_FILES: usize = 300;

/// How many files of one push are kept.
const MAX_PATHS: usize = 100_000;

/// What is needed of a list of commits.
#[derive(Debug, Default)]
pub(super) struct Commits {
    pub(super) count: u64,
    first: Option<Told>,
    last: Option<Told>,
    paths: BTreeSet<String>,
    incomplete: bool,
}

#[derive(Debug)]
struct Told {
    id: String,
    subject: Line,
}

impl Commits {
    /// The subject of a commit. Forges list the newest either first or last.
    pub(super) fn subject_of(&self, id: &str) -> Option<Line> {
        self.ends()
            .find(|told| told.id == id)
            .map(|told| told.subject.clone())
    }

    /// Whether the first or the last commit is this one.
    pub(super) fn names(&self, id: &str) -> bool {
        self.ends().any(|told| told.id == id)
    }

    fn ends(&self) -> impl Iterator<Item = &Told> {
        [&self.first, &self.last].into_iter().flatten()
    }

    /// All files of all commits; `None` where some may be missing.
    pub(super) fn into_paths(self) -> Option<BTreeSet<String>> {
        (!self.incomplete).then_some(self.paths)
    }

    fn add(&mut self, commit: Commit) {
        self.count += 1;
        let told = commit.id.map(|id| Told {
            subject: Line::first_of(commit.message.as_deref().unwrap_or_default()),
            id,
        });
        if self.count == 1 {
            self.first = told;
        } else {
            self.last = told;
        }
        let lists = [commit.added, commit.removed, commit.modified];
        let files: usize = lists.iter().flatten().map(|list| list.count).sum();
        let has_all = lists.iter().all(Option::is_some) && files < MAX_FILES;
        if self.incomplete || !has_all || self.paths.len() + files > MAX_PATHS {
            self.incomplete = true;
            self.paths.clear();
            return;
        }
        self.paths
            .extend(lists.into_iter().flatten().flat_map(|list| list.files));
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Commit {
    id: Option<String>,
    message: Option<String>,
    added: Option<Files>,
    removed: Option<Files>,
    modified: Option<Files>,
}

/// The first files of a list, and how many it has.
#[derive(Default)]
struct Files {
    count: usize,
    files: Vec<String>,
}

impl<'de> Deserialize<'de> for Commits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Commits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of commits")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Commits, A::Error> {
                let mut commits = Commits::default();
                while let Some(commit) = list.next_element()? {
                    commits.add(commit);
                }
                Ok(commits)
            }
        }

        deserializer.deserialize_seq(All)
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Files;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of files")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Files, A::Error> {
                let mut some = Files::default();
                while some.count < MAX_FILES {
                    let Some(file) = list.next_element()? else {
                        return Ok(some);
                    };
                    some.files.push(file);
                    some.count += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    some.count += 1;
                }
                Ok(some)
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
}
