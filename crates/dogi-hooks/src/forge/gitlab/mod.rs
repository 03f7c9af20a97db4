//! Payloads of GitLab.
//!
//! Source: <https://docs.gitlab.com/user/project/integrations/webhook_events/>.

mod merge_request;
mod payload;

use dogi_url::Revision;
use serde::Deserialize;

use super::event::{self, Event, EventKind, Push, Repository};
use super::reading::Reading;
use super::{EventError, FullName, Ref, Word};
use payload::{Hook, Project, Release};

/// Reads the payload of an event.
pub(super) fn read(event: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let reading = Reading::new(event);
    let kind = match event.as_str() {
        "Push Hook" => "push",
        "Tag Push Hook" => "tag_push",
        "Merge Request Hook" => "merge_request",
        "Release Hook" => "release",
        _ => return Ok(other(event, payload)),
    };
    agrees(reading, event, kind, payload)?;
    match kind {
        "merge_request" => merge_request::read(reading, event, payload),
        "release" => release(reading, event, payload),
        _ => push(reading, event, payload),
    }
}

/// The header says which event it is, and the payload too; only the latter is ever signed.
fn agrees(
    reading: Reading<'_>,
    event: &Word,
    kind: &str,
    payload: &[u8],
) -> Result<(), EventError> {
    #[derive(Deserialize)]
    struct Kind {
        object_kind: Option<String>,
    }
    let told: Kind = reading.json(payload)?;
    let told = reading.need("object_kind", told.object_kind)?;
    if told == kind {
        return Ok(());
    }
    Err(EventError::TwoEvents {
        event: event.clone(),
        payload: reading.word("object_kind", &told)?,
    })
}

/// Tells where it happened, if the payload does so in the usual way.
fn other(name: &Word, payload: &[u8]) -> Event {
    let reading = Reading::new(name);
    let kind = EventKind::Other { name: name.clone() };
    let project = reading
        .json(payload)
        .ok()
        .and_then(|hook: Hook| hook.project)
        .and_then(|project| repository(reading, &project).ok());
    Event::new(kind, project)
}

fn push(reading: Reading<'_>, name: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let told: Hook = reading.json(payload)?;
    let reference = reading.need("ref", told.reference.as_deref())?;
    let Some(reference) = reading.reference("ref", reference)? else {
        return Ok(other(name, payload));
    };
    let after = reading.need("after", told.after.as_deref())?;
    let push = Push {
        before: reading.commit("before", told.before.as_deref())?,
        after: reading.commit("after", Some(after))?,
        forced: None,
    };
    // Of an annotated tag it is the commit, where `after` is the tag's own object.
    let checkout = reading.commit("checkout_sha", told.checkout_sha.as_deref())?;
    let commit = match push.deleted() {
        true => None,
        false => checkout.or_else(|| push.after.clone()),
    };
    let project = reading.need("project", told.project.as_ref())?;

    let commits = told.commits.as_ref();
    let subject = commit
        .as_ref()
        .and_then(|commit| commits?.subject_of(commit.as_str()));
    let mut event = Event::new(EventKind::Push(push), Some(repository(reading, project)?));
    event.commit = commit;
    event.reference = Some(reference);
    event.sender = event::line(told.user_username.or(told.user_name).as_deref());
    event.subject = subject;
    event.url = event::page(project.web_url.as_deref());
    Ok(event)
}

fn release(reading: Reading<'_>, name: &Word, payload: &[u8]) -> Result<Event, EventError> {
    let told: Release = reading.json(payload)?;
    let Some(action) = told.action else {
        return Ok(other(name, payload));
    };
    let action = match action.as_str() {
        "create" => "published",
        "update" => "edited",
        "delete" => "deleted",
        other => other,
    };
    let kind = EventKind::Release {
        action: reading.word("action", action)?,
        draft: false,
        prerelease: false,
    };
    let project = reading.need("project", told.project)?;
    let tag = reading.need("tag", told.tag)?;
    let id = told.commit.and_then(|commit| commit.id);
    let mut event = Event::new(kind, Some(repository(reading, &project)?));
    event.commit = reading.commit("commit.id", id.as_deref())?;
    event.reference = Some(Ref::Tag(reading.revision("tag", &tag)?));
    event.subject = event::line(told.name.as_deref());
    event.url = event::page(told.url.as_deref());
    Ok(event)
}

fn repository(reading: Reading<'_>, project: &Project) -> Result<Repository, EventError> {
    let field = "project.path_with_namespace";
    let name = reading.need(field, project.path_with_namespace.as_deref())?;
    let default_branch = project.default_branch.as_deref();
    Ok(Repository {
        full_name: reading.good(field, FullName::new(name))?,
        https: event::repo_url(project.git_http_url.as_deref(), &["https", "http"]),
        ssh: event::repo_url(project.git_ssh_url.as_deref(), &["ssh"]),
        default_branch: default_branch.and_then(|text| Revision::new(text).ok()),
        url: event::page(project.web_url.as_deref()),
    })
}
