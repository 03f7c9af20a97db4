//! `match` and `on` of a rule: which events of which repositories.

use std::collections::BTreeSet;

use dogi_hooks::forge::Word;
use dogi_hooks::rules::{
    Filter, On, OnCreate, OnPullRequest, OnPush, OnRelease, PatternError, RepoPattern,
};
use dogi_yaml::{Node, Reader, Value, did_you_mean, index, join};

/// What can be done with a pull request: GitHub's words, and those that Gitea and GitLab have
/// beside them.
///
/// Sources: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request>,
/// <https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events>.
const PULL_REQUEST_ACTIONS: &[&str] = &[
    "opened",
    "synchronize",
    "reopened",
    "closed",
    "edited",
    "labeled",
    "unlabeled",
    "assigned",
    "unassigned",
    "auto_merge_disabled",
    "auto_merge_enabled",
    "converted_to_draft",
    "ready_for_review",
    "demilestoned",
    "milestoned",
    "dequeued",
    "enqueued",
    "locked",
    "unlocked",
    "review_request_removed",
    "review_requested",
    "label_updated",
    "label_cleared",
    "approval",
    "approved",
    "unapproval",
    "unapproved",
];

/// What can be done with a release.
///
/// Source: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#release>.
const RELEASE_ACTIONS: &[&str] = &[
    "published",
    "released",
    "prereleased",
    "created",
    "edited",
    "deleted",
    "unpublished",
];

/// Reads `match`.
pub(super) fn pattern(reader: &mut Reader<'_>, node: Node, path: &str) -> Option<RepoPattern> {
    let line = node.line;
    let text = reader.scalar(node, path, "a pattern such as github.com/acme/*")?;
    match RepoPattern::new(&text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            complain(reader, line, path, text, error);
            None
        }
    }
}

/// The value is quoted by the report already.
fn complain(reader: &mut Reader<'_>, line: u64, path: &str, text: String, error: PatternError) {
    let message = match error {
        PatternError::Glob { reason, .. } => format!("not a pattern: {reason}"),
        other => other.to_string(),
    };
    reader.mistaken_value(line, path, text, message);
}

/// Reads `on`.
pub(super) fn on(reader: &mut Reader<'_>, node: Node, path: &str) -> On {
    let line = node.line;
    let known = ["push", "pull_request", "release", "create", "manual"];
    let before = reader.count();
    let [push, pull_request, release, create, manual] = reader.fields(node, path, known);
    let on = On {
        push: push.map(|node| self::push(reader, node, &join(path, "push"))),
        pull_request: pull_request
            .map(|node| self::pull_request(reader, node, &join(path, "pull_request"))),
        release: release.map(|node| self::release(reader, node, &join(path, "release"))),
        create: create.map(|node| self::create(reader, node, &join(path, "create"))),
        manual: manual.is_some_and(|node| self::manual(reader, node, &join(path, "manual"))),
    };
    if on.names().next().is_none() && reader.count() == before {
        let message = "waits for nothing: name an event, or leave it out for every push";
        reader.mistake(line, path, message);
    }
    on
}

fn push(reader: &mut Reader<'_>, node: Node, path: &str) -> OnPush {
    let [branches, tags, paths] = reader.fields(node, path, ["branches", "tags", "paths"]);
    let paths_line = paths.as_ref().map(|node| node.line);
    let push = OnPush {
        branches: filter(reader, branches, &join(path, "branches")),
        tags: filter(reader, tags, &join(path, "tags")),
        paths: filter(reader, paths, &join(path, "paths")),
    };
    if let (Some(line), false) = (paths_line, push.is_for_branches()) {
        let message = "has no effect on tags: add branches, or leave it out";
        reader.mistake(line, &join(path, "paths"), message);
    }
    push
}

fn pull_request(reader: &mut Reader<'_>, node: Node, path: &str) -> OnPullRequest {
    let known = ["actions", "branches", "paths"];
    let [acts, branches, paths] = reader.fields(node, path, known);
    let own = OnPullRequest::default().actions;
    OnPullRequest {
        actions: actions(reader, acts, &join(path, "actions"), PULL_REQUEST_ACTIONS).unwrap_or(own),
        branches: filter(reader, branches, &join(path, "branches")),
        paths: filter(reader, paths, &join(path, "paths")),
    }
}

fn release(reader: &mut Reader<'_>, node: Node, path: &str) -> OnRelease {
    let [acts, tags] = reader.fields(node, path, ["actions", "tags"]);
    let own = OnRelease::default().actions;
    OnRelease {
        actions: actions(reader, acts, &join(path, "actions"), RELEASE_ACTIONS).unwrap_or(own),
        tags: filter(reader, tags, &join(path, "tags")),
    }
}

fn create(reader: &mut Reader<'_>, node: Node, path: &str) -> OnCreate {
    let [branches, tags] = reader.fields(node, path, ["branches", "tags"]);
    OnCreate {
        branches: filter(reader, branches, &join(path, "branches")),
        tags: filter(reader, tags, &join(path, "tags")),
    }
}

/// Nothing, an empty mapping, or whether.
fn manual(reader: &mut Reader<'_>, node: Node, path: &str) -> bool {
    match node.value {
        Value::Scalar(_) => super::plain::flag(reader, node, path).unwrap_or_default(),
        _ => {
            let [] = reader.fields(node, path, []);
            true
        }
    }
}

/// Patterns; without them nothing is asked.
fn filter(reader: &mut Reader<'_>, node: Option<Node>, path: &str) -> Option<Filter> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let line = node.line;
    let is_list = matches!(node.value, Value::List(_));
    let before = reader.count();
    let items = reader.scalars(node, path, "a list of patterns such as main or release/*");
    for (at, (line, text)) in items.iter().enumerate() {
        let here = if is_list {
            index(path, at)
        } else {
            path.to_owned()
        };
        let pattern = text.strip_prefix('!').unwrap_or(text);
        if let Err(error) = dogi_hooks::rules::Pattern::new(pattern) {
            complain(reader, *line, &here, text.clone(), error);
        }
    }
    if reader.count() > before {
        return None;
    }
    match Filter::new(items.iter().map(|(_, text)| text)) {
        Ok(filter) => Some(filter),
        Err(error) => {
            reader.mistake(line, path, error.to_string());
            None
        }
    }
}

fn actions(
    reader: &mut Reader<'_>,
    node: Option<Node>,
    path: &str,
    known: &[&str],
) -> Option<BTreeSet<Word>> {
    let node = node.filter(|node| node.value != Value::Null)?;
    let line = node.line;
    let items = reader.scalars(node, path, "a list of actions such as opened");
    let mut actions = BTreeSet::new();
    for (line, text) in &items {
        match Word::new(text) {
            Ok(word) if known.contains(&text.as_str()) => {
                actions.insert(word);
            }
            _ => {
                let near = did_you_mean(text, known.iter().copied());
                let first = known.iter().take(4).copied().collect::<Vec<_>>().join(", ");
                let message = format!("expected an action such as {first}{near}");
                reader.mistaken_value(*line, path, text, message);
            }
        }
    }
    if items.is_empty() {
        reader.mistake(
            line,
            path,
            "is an empty list: leave it out for the usual ones",
        );
    }
    Some(actions)
}
