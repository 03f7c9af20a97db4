use std::collections::BTreeSet;

use dogi_url::{Commit, RepoUrl, Revision};
use url::Url;

use super::{FullName, Line, Ref, Word};

/// What happened in a repository, whichever forge told it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// Where it happened; `None` where the payload names none (by hand, an organisation's ping).
    /// Of a pull request, where it would be merged.
    pub repository: Option<Repository>,
    /// The commit that it is about: what was pushed, the head of a pull request. `None` where there
    /// is none, as when a branch was deleted, or where the payload does not tell it.
    pub commit: Option<Commit>,
    /// The branch or tag of [`repository`](Self::repository) that it is about. `None` for a pull
    /// request: its head is no branch of that repository.
    pub reference: Option<Ref>,
    /// The files that a push changed. `None` where the payload may not have all of them, so that
    /// git has to be asked: see [the module](super#changed-files).
    ///
    /// Whatever text git takes for a path: to be matched, not to be opened.
    pub paths: Option<BTreeSet<String>>,
    /// The account that did it.
    pub sender: Option<Line>,
    /// The first line of the commit's message; the title of a pull request or release.
    pub subject: Option<Line>,
    /// A page that shows it, http or https.
    pub url: Option<Url>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A branch or tag was moved, created or deleted; [`Event::reference`] says which.
    Push(Push),
    /// Something was done with a pull request (merge request).
    PullRequest(PullRequest),
    /// Something was done with a release; [`Event::reference`] is its tag.
    Release {
        /// `published`, `created`, `edited`, `deleted`, ….
        action: Word,
        /// Whether only those who may write see it. Its tag need not exist then.
        draft: bool,
        /// Whether it is marked as not meant for everybody.
        prerelease: bool,
    },
    /// A branch or tag, [`Event::reference`], was created. A push tells the same.
    Create,
    /// The forge asks whether anybody is there.
    Ping,
    /// Somebody wants a commit (or a branch, [`Event::reference`]) to be run.
    Manual {
        /// The commit, where one is named.
        after: Option<Commit>,
    },
    /// An event that nothing here waits for. Its payload is not checked.
    Other {
        /// What the forge calls it.
        name: Word,
    },
}

/// A branch or tag was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// Where it was; `None` if it was created.
    pub before: Option<Commit>,
    /// Where it is; `None` if it was deleted. Of an annotated tag the object of the tag, whose
    /// commit is [`Event::commit`] where the forge tells it.
    pub after: Option<Commit>,
    /// Whether commits may have been dropped from the branch. Only GitHub tells.
    pub forced: Option<bool>,
}

impl Push {
    /// Whether the branch or tag is new.
    #[must_use]
    pub fn created(&self) -> bool {
        self.before.is_none()
    }

    /// Whether the branch or tag is gone.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.after.is_none()
    }
}

/// Something was done with a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullRequest {
    /// What, in GitHub's words whichever forge it is: `opened`, `synchronize` (new commits),
    /// `reopened`, `edited`, `closed` (merged, too), ….
    pub action: Word,
    /// Its number in the repository.
    pub number: u64,
    /// The commit that is proposed.
    pub head: Commit,
    /// The branch that is proposed, a name in [`head_repository`](Self::head_repository). `None`
    /// where it has none, or one that can't be taken: whoever proposes it has chosen it.
    pub head_branch: Option<Revision>,
    /// Where the commit is; `None` where that repository is gone or its URL is not one to clone.
    pub head_repository: Option<RepoUrl>,
    /// The branch that it would be merged into.
    pub base_branch: Revision,
    /// The commit of that branch, where the forge tells it.
    pub base: Option<Commit>,
    /// Whether it may come from somebody who may not write to the repository: it gets no secrets.
    /// True unless the payload shows that it is a branch of the repository itself.
    pub from_fork: bool,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repository {
    /// Owner and name.
    pub full_name: FullName,
    /// Where to clone it by https or http; `None` where the payload has no such URL.
    pub https: Option<RepoUrl>,
    /// Where to clone it by ssh; `None` where the payload has no such URL.
    pub ssh: Option<RepoUrl>,
    /// Its default branch, where the payload tells it and it is one.
    pub default_branch: Option<Revision>,
    /// Its page, http or https.
    pub url: Option<Url>,
}

impl Event {
    pub(super) fn new(kind: EventKind, repository: Option<Repository>) -> Self {
        Self {
            kind,
            repository,
            commit: None,
            reference: None,
            paths: None,
            sender: None,
            subject: None,
            url: None,
        }
    }

    /// What patterns of repositories are matched against, `host[:port]/owner/name`: of the URL to
    /// clone it by https, and only where there is none of that for ssh. `None` where there is
    /// neither.
    #[must_use]
    pub fn match_key(&self) -> Option<String> {
        let Repository { https, ssh, .. } = self.repository.as_ref()?;
        Some(https.as_ref().or(ssh.as_ref())?.match_key())
    }

    /// Whether there is nothing to run: a ping, an event that nothing waits for, the deletion of a
    /// branch. Such a delivery is well taken and ignored.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        match &self.kind {
            EventKind::Ping | EventKind::Other { .. } => true,
            EventKind::Push(push) => push.deleted(),
            _ => false,
        }
    }
}

/// The URL of a repository that is reached by one of these schemes.
pub(super) fn repo_url(text: Option<&str>, schemes: &[&str]) -> Option<RepoUrl> {
    let url: RepoUrl = text?.parse().ok()?;
    schemes.contains(&url.scheme()).then_some(url)
}

/// The URL of a page: one that may stand in a link.
pub(super) fn page(text: Option<&str>) -> Option<Url> {
    /// What browsers take at least.
    const LONGEST: usize = 2048;
    let text = text.filter(|text| text.len() <= LONGEST)?;
    let url: Url = text.parse().ok()?;
    let is_page = matches!(url.scheme(), "http" | "https");
    let is_plain = url.username().is_empty() && url.password().is_none();
    (is_page && is_plain).then_some(url)
}

/// A line with something on it.
pub(super) fn line(text: Option<&str>) -> Option<Line> {
    let line = Line::first_of(text?);
    (!line.as_str().is_empty()).then_some(line)
}
