//! Webhooks of forges: who sent them, and what they tell.

mod events;
mod gitea;
mod github;
mod gitlab;
mod hostile;
mod names;
mod paths;
mod properties;
mod verify;

use std::path::Path;

use dogi_hooks::forge::{Event, EventError, EventKind, Forge, PullRequest, Push, Verified, Word};
use serde_json::Value;

/// A payload of `tests/fixtures/forge`.
fn fixture(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/forge");
    std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()
}

/// Every fixture with the forge and the event that it belongs to.
const FIXTURES: [(&str, Forge, &str); 27] = [
    ("github-create-tag", Forge::GitHub, "create"),
    ("github-ping", Forge::GitHub, "ping"),
    ("github-ping-organization", Forge::GitHub, "ping"),
    ("github-pull-request-opened", Forge::GitHub, "pull_request"),
    (
        "github-pull-request-synchronize",
        Forge::GitHub,
        "pull_request",
    ),
    ("github-push-branch-created", Forge::GitHub, "push"),
    ("github-push-tag-created", Forge::GitHub, "push"),
    ("github-push-tag-deleted", Forge::GitHub, "push"),
    ("github-release-published", Forge::GitHub, "release"),
    (
        "github-repository-dispatch",
        Forge::GitHub,
        "repository_dispatch",
    ),
    (
        "github-workflow-dispatch",
        Forge::GitHub,
        "workflow_dispatch",
    ),
    ("gitea-create-branch", Forge::Gitea, "create"),
    ("gitea-pull-request-agit", Forge::Gitea, "pull_request"),
    ("gitea-pull-request-fork", Forge::Gitea, "pull_request"),
    (
        "gitea-pull-request-synchronized",
        Forge::Gitea,
        "pull_request",
    ),
    ("gitea-push", Forge::Gitea, "push"),
    ("gitea-push-branch-deleted", Forge::Gitea, "push"),
    ("gitea-release", Forge::Gitea, "release"),
    ("forgejo-pull-request-agit", Forge::Forgejo, "pull_request"),
    ("forgejo-push-tag", Forge::Forgejo, "push"),
    (
        "gitlab-merge-request-fork",
        Forge::GitLab,
        "Merge Request Hook",
    ),
    (
        "gitlab-merge-request-test",
        Forge::GitLab,
        "Merge Request Hook",
    ),
    (
        "gitlab-merge-request-update",
        Forge::GitLab,
        "Merge Request Hook",
    ),
    ("gitlab-push", Forge::GitLab, "Push Hook"),
    ("gitlab-push-branch-deleted", Forge::GitLab, "Push Hook"),
    ("gitlab-release", Forge::GitLab, "Release Hook"),
    ("gitlab-tag-push", Forge::GitLab, "Tag Push Hook"),
];

/// What a payload tells, without asking who sent it.
fn read(forge: Forge, event: &str, payload: &str) -> Result<Event, EventError> {
    let origin = Some((forge, Word::new(event).unwrap()));
    Verified::danger_unverified(origin, None, payload.to_owned().into()).event()
}

fn event(name: &str) -> Event {
    let (_, forge, kind) = FIXTURES.into_iter().find(|it| it.0 == name).unwrap();
    read(forge, kind, &text(name)).unwrap()
}

fn push(event: &Event) -> &Push {
    match &event.kind {
        EventKind::Push(push) => push,
        other => panic!("no push: {other:?}"),
    }
}

fn pull_request(event: &Event) -> &PullRequest {
    match &event.kind {
        EventKind::PullRequest(request) => request,
        other => panic!("no pull request: {other:?}"),
    }
}

/// An error and its causes, in a line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
