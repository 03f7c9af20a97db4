//! Payloads of GitHub, and of Gitea and Forgejo, which follow it.
//!
//! Sources: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>,
//! <https://docs.gitea.com/usage/webhooks>, <https://forgejo.org/docs/latest/user/webhooks/>.

mod payload;
mod pull_request;
mod push;

use dogi_url::Revision;

use super::event::{self, Event, EventKind, Repository};
use super::reading::Reading;
use super::{EventError, Forge, FullName, Ref, Word};
use payload::{Anything, Create, Dispatch, Release, Repo, User};

/// Reads the payload of an event.
pub(super) fn read(forge: Forge, event: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let reading = Reading::new(event);
    match event.as_str() {
        "push" => push::read(reading, forge, event, payload),
        "pull_request" => pull_request::read(reading, forge, payload),
        "create" => create(reading, event, payload),
        "release" => release(reading, payload),
        "ping" => about(reading, reading.json(payload)?, EventKind::Ping),
        "workflow_dispatch" | "repository_dispatch" => dispatch(reading, payload),
        _ => Ok(other(event, payload)),
    }
}

/// Tells where it happened, if the payload does so in the usual way.
fn other(name: &Word, payload: &[u8]) -> Event {
    let reading = Reading::new(name);
    let kind = EventKind::Other { name: name.clone() };
    reading
        .json(payload)
        .and_then(|anything| about(reading, anything, kind.clone()))
        .unwrap_or_else(|_| Event::new(kind, None))
}

fn about(reading: Reading<'_>, anything: Anything, kind: EventKind) -> Result<Event, EventError> {
    let repo = anything.repository.as_ref();
    let repository = repo.map(|repo| repository(reading, repo)).transpose()?;
    let mut event = Event::new(kind, repository);
    event.sender = sender(anything.sender.as_ref());
    Ok(event)
}

fn create(reading: Reading<'_>, name: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let create: Create = reading.json(payload)?;
    let kind = reading.need("ref_type", create.ref_type)?;
    let is_branch = match kind.as_str() {
        "branch" => true,
        "tag" => false,
        // A repository, once; whatever comes next.
        _ => return Ok(other(name, payload)),
    };
    let reference = reading.need("ref", create.reference)?;
    let reference = reading.revision("ref", &reference)?;
    let repo = reading.need("repository", create.repository)?;
    let mut event = Event::new(EventKind::Create, Some(repository(reading, &repo)?));
    event.reference = Some(match is_branch {
        true => Ref::Branch(reference),
        false => Ref::Tag(reference),
    });
    // Of a tag it may be the tag's own object.
    let sha = create.sha.as_deref().filter(|_| is_branch);
    event.commit = reading.commit("sha", sha)?;
    event.sender = sender(create.sender.as_ref());
    event.url = event::page(repo.html_url.as_deref());
    Ok(event)
}

fn release(reading: Reading<'_>, payload: &[u8]) -> Result<Event, EventError> {
    let told: Release = reading.json(payload)?;
    let action = reading.need("action", told.action)?;
    // Gitea's word for GitHub's.
    let action = match action.as_str() {
        "updated" => "edited",
        other => other,
    };
    let release = reading.need("release", told.release)?;
    let tag = reading.need("release.tag_name", release.tag_name)?;
    let repo = reading.need("repository", told.repository)?;
    let kind = EventKind::Release {
        action: reading.word("action", action)?,
        draft: release.draft.unwrap_or(false),
        prerelease: release.prerelease.unwrap_or(false),
    };
    let mut event = Event::new(kind, Some(repository(reading, &repo)?));
    event.reference = Some(Ref::Tag(reading.revision("release.tag_name", &tag)?));
    event.sender = sender(told.sender.as_ref());
    event.subject = event::line(release.name.as_deref());
    event.url = event::page(release.html_url.as_deref());
    Ok(event)
}

/// What somebody starts by hand or by the API: a branch without a commit.
fn dispatch(reading: Reading<'_>, payload: &[u8]) -> Result<Event, EventError> {
    let dispatch: Dispatch = reading.json(payload)?;
    let repo = reading.need("repository", dispatch.repository)?;
    let kind = EventKind::Manual { after: None };
    let mut event = Event::new(kind, Some(repository(reading, &repo)?));
    event.reference = match (&dispatch.reference, &dispatch.branch) {
        (Some(text), _) => Some(full_or_branch(reading, text)?),
        (None, Some(text)) => Some(Ref::Branch(reading.revision("branch", text)?)),
        (None, None) => None,
    };
    event.sender = sender(dispatch.sender.as_ref());
    event.url = event::page(repo.html_url.as_deref());
    Ok(event)
}

fn full_or_branch(reading: Reading<'_>, text: &str) -> Result<Ref, EventError> {
    match reading.reference("ref", text)? {
        Some(reference) => Ok(reference),
        None => Ok(Ref::Branch(reading.revision("ref", text)?)),
    }
}

/// A repository as these forges tell it.
pub(super) fn repository(reading: Reading<'_>, repo: &Repo) -> Result<Repository, EventError> {
    let name = reading.need("repository.full_name", repo.full_name.as_deref())?;
    let full_name = reading.good("repository.full_name", FullName::new(name))?;
    let default_branch = repo.default_branch.as_deref();
    Ok(Repository {
        full_name,
        https: event::repo_url(repo.clone_url.as_deref(), &["https", "http"]),
        ssh: event::repo_url(repo.ssh_url.as_deref(), &["ssh"]),
        default_branch: default_branch.and_then(|text| Revision::new(text).ok()),
        url: event::page(repo.html_url.as_deref()),
    })
}

pub(super) fn sender(user: Option<&User>) -> Option<super::Line> {
    event::line(user.and_then(|user| user.login.as_deref()))
}

pub(super) use payload::{Repo as HubRepo, User as HubUser};
