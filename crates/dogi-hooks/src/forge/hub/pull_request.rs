use dogi_url::{RepoUrl, Revision};

use super::payload::{End, PullRequest as Told, PullRequestEvent, Repo};
use super::{repository, sender};
use crate::forge::event::{self, Event, EventKind, PullRequest};
use crate::forge::reading::Reading;
use crate::forge::{EventError, Forge};

pub(super) fn read(
    reading: Reading<'_>,
    forge: Forge,
    payload: &[u8],
) -> Result<Event, EventError> {
    let told: PullRequestEvent = reading.json(payload)?;
    let action = reading.need("action", told.action)?;
    // Gitea's word for GitHub's.
    let action = match action.as_str() {
        "synchronized" => "synchronize",
        other => other,
    };
    let repo = reading.need("repository", told.repository)?;
    let request = reading.need("pull_request", told.pull_request)?;
    let head = reading.need("pull_request.head", request.head.as_ref())?;
    let base = reading.need("pull_request.base", request.base.as_ref())?;
    let commit = reading.commit("pull_request.head.sha", head.sha.as_deref())?;
    let commit = reading.need("pull_request.head.sha", commit)?;
    let base_branch = reading.need("pull_request.base.ref", base.reference.as_deref())?;

    let kind = EventKind::PullRequest(PullRequest {
        action: reading.word("action", action)?,
        number: reading.need("number", told.number.or(request.number))?,
        head: commit.clone(),
        head_branch: head_branch(head),
        head_repository: head.repo.as_ref().and_then(clone_url),
        base_branch: reading.revision("pull_request.base.ref", base_branch)?,
        base: reading.commit("pull_request.base.sha", base.sha.as_deref())?,
        from_fork: !is_own_branch(forge, &request, head, &repo),
    });
    let mut event = Event::new(kind, Some(repository(reading, &repo)?));
    event.commit = Some(commit);
    event.sender = sender(told.sender.as_ref());
    event.subject = event::line(request.title.as_deref());
    event.url = event::page(request.html_url.as_deref());
    Ok(event)
}

fn clone_url(repo: &Repo) -> Option<RepoUrl> {
    event::repo_url(repo.clone_url.as_deref(), &["https", "http"])
        .or_else(|| event::repo_url(repo.ssh_url.as_deref(), &["ssh"]))
}

/// `refs/pull/7/head` is what Gitea says where there is no branch.
fn head_branch(head: &End) -> Option<Revision> {
    let name = head.reference.as_deref()?;
    let is_branch = !name.starts_with("refs/");
    is_branch.then(|| Revision::new(name).ok())?
}

/// Whether the head is a branch of the repository itself, which only those can have pushed who may
/// write to it.
///
/// Gitea and Forgejo also take pull requests from anybody who may read, by a push to `refs/for/…`
/// (AGit). Such a one says that its head is in the repository itself; it has no branch's name.
fn is_own_branch(forge: Forge, request: &Told, head: &End, repo: &Repo) -> bool {
    let Some(of_head) = &head.repo else {
        return false;
    };
    let is_same = match (of_head.id, repo.id) {
        (Some(of_head), Some(own)) => of_head == own,
        (None, None) => of_head.full_name == repo.full_name && repo.full_name.is_some(),
        _ => false,
    };
    let has_label = head.label.as_ref().is_some_and(|label| !label.is_empty());
    let has_branch = match forge {
        Forge::Gitea | Forge::Forgejo => has_label && matches!(request.flow, None | Some(0)),
        Forge::GitHub | Forge::GitLab => true,
    };
    is_same && has_branch && head_branch(head).is_some()
}
