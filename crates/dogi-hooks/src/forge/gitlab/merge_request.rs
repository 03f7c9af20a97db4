use dogi_url::Revision;

use super::payload::{Attributes, MergeRequest};
use super::{other, repository};
use crate::forge::event::{self, Event, EventKind, PullRequest};
use crate::forge::reading::Reading;
use crate::forge::{EventError, Word};

pub(super) fn read(reading: Reading<'_>, name: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let told: MergeRequest = reading.json(payload)?;
    let project = reading.need("project", told.project)?;
    let request = reading.need("object_attributes", told.object_attributes)?;
    // GitLab's button `Test` sends a merge request with which nothing was done.
    let Some(action) = action(&request) else {
        return Ok(other(name, payload));
    };
    let field = "object_attributes.last_commit.id";
    let last = request.last_commit.as_ref();
    let commit = reading.commit(field, last.and_then(|last| last.id.as_deref()))?;
    let commit = reading.need(field, commit)?;
    let field = "object_attributes.target_branch";
    let base_branch = reading.need(field, request.target_branch.as_deref())?;

    let kind = EventKind::PullRequest(PullRequest {
        action: reading.word("object_attributes.action", action)?,
        number: reading.need("object_attributes.iid", request.iid)?,
        head: commit.clone(),
        head_branch: branch(&request),
        head_repository: request.source.as_ref().and_then(|source| {
            event::repo_url(source.git_http_url.as_deref(), &["https", "http"])
                .or_else(|| event::repo_url(source.git_ssh_url.as_deref(), &["ssh"]))
        }),
        base_branch: reading.revision(field, base_branch)?,
        base: None,
        from_fork: !is_own_branch(&request),
    });
    let mut event = Event::new(kind, Some(repository(reading, &project)?));
    event.commit = Some(commit);
    event.sender = told
        .user
        .and_then(|user| event::line(user.username.or(user.name).as_deref()));
    event.subject = event::line(request.title.as_deref());
    event.url = event::page(request.url.as_deref());
    Ok(event)
}

/// GitHub's words for GitLab's.
fn action(request: &Attributes) -> Option<&str> {
    Some(match request.action.as_deref()? {
        "open" => "opened",
        "reopen" => "reopened",
        "close" | "merge" => "closed",
        // The commit before is told where there are new ones.
        "update" if request.oldrev.is_some() => "synchronize",
        "update" => "edited",
        other => other,
    })
}

fn branch(request: &Attributes) -> Option<Revision> {
    Revision::new(request.source_branch.as_deref()?).ok()
}

fn is_own_branch(request: &Attributes) -> bool {
    let ids = (request.source_project_id, request.target_project_id);
    matches!(ids, (Some(source), Some(target)) if source == target)
}
