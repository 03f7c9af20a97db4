use std::collections::BTreeSet;
use std::fmt;

use super::Filter;
use crate::forge::{Ref, Word};

/// The events that a rule waits for.
#[derive(Debug, Clone)]
pub struct On {
    /// Pushes.
    pub push: Option<OnPush>,
    /// Pull requests (merge requests).
    pub pull_request: Option<OnPullRequest>,
    /// Releases.
    pub release: Option<OnRelease>,
    /// New branches and tags, where the forge tells of them by an event of their own. A push tells
    /// the same: who waits for both is told twice.
    pub create: Option<OnCreate>,
    /// What somebody starts by hand.
    pub manual: bool,
}

impl On {
    /// No event, to begin with.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            push: None,
            pull_request: None,
            release: None,
            create: None,
            manual: false,
        }
    }

    /// The names of what it waits for, in the order of a file.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [
            ("push", self.push.is_some()),
            ("pull_request", self.pull_request.is_some()),
            ("release", self.release.is_some()),
            ("create", self.create.is_some()),
            ("manual", self.manual),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
    }
}

/// What a rule waits for that does not say: every push to a branch, and what somebody starts by
/// hand.
impl Default for On {
    fn default() -> Self {
        Self {
            push: Some(OnPush::default()),
            manual: true,
            ..Self::nothing()
        }
    }
}

/// The names, with commas.
impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        match names.is_empty() {
            true => f.write_str("nothing"),
            false => f.write_str(&names.join(", ")),
        }
    }
}

/// Which pushes; by default all to branches.
#[derive(Debug, Clone, Default)]
pub struct OnPush {
    /// To these branches. `None`: to all, or where [`tags`](Self::tags) are asked for, to none.
    pub branches: Option<Filter>,
    /// Of these tags; `None`: of none.
    pub tags: Option<Filter>,
    /// To branches only where one of these files changed.
    pub paths: Option<Filter>,
}

impl OnPush {
    /// Whether it is for branches, whichever.
    #[must_use]
    pub fn is_for_branches(&self) -> bool {
        self.branches.is_some() || self.tags.is_none()
    }
}

/// Which pull requests.
#[derive(Debug, Clone)]
pub struct OnPullRequest {
    /// When one of these was done, in GitHub's words.
    pub actions: BTreeSet<Word>,
    /// Those that would be merged into these branches; `None`: into any.
    pub branches: Option<Filter>,
    /// Only where they change one of these files.
    pub paths: Option<Filter>,
}

/// Whenever there is a new commit to be looked at: `opened`, `synchronize`, `reopened`.
impl Default for OnPullRequest {
    fn default() -> Self {
        Self {
            actions: words(&["opened", "synchronize", "reopened"]),
            branches: None,
            paths: None,
        }
    }
}

/// Which releases. A draft never starts anything: its tag need not exist.
#[derive(Debug, Clone)]
pub struct OnRelease {
    /// When one of these was done, in GitHub's words.
    pub actions: BTreeSet<Word>,
    /// Of these tags; `None`: of any.
    pub tags: Option<Filter>,
}

/// When it is published.
impl Default for OnRelease {
    fn default() -> Self {
        Self {
            actions: words(&["published"]),
            tags: None,
        }
    }
}

/// Which new branches and tags; by default all.
#[derive(Debug, Clone, Default)]
pub struct OnCreate {
    /// These branches. `None`: all, or where only tags are asked for, none.
    pub branches: Option<Filter>,
    /// These tags. `None`: all, or where only branches are asked for, none.
    pub tags: Option<Filter>,
}

impl OnCreate {
    /// The patterns that a name has to meet. `Some(None)`: any name will do; `None`: no such name
    /// will.
    pub(super) fn asked(&self, reference: &Ref) -> Option<Option<&Filter>> {
        let (own, other) = match reference {
            Ref::Branch(_) => (&self.branches, &self.tags),
            Ref::Tag(_) => (&self.tags, &self.branches),
        };
        match (own, other) {
            (None, Some(_)) => None,
            (own, _) => Some(own.as_ref()),
        }
    }
}

fn words(texts: &[&str]) -> BTreeSet<Word> {
    let word = |text: &&str| Word::new(text).expect("the words of this file are good ones");
    texts.iter().map(word).collect()
}
