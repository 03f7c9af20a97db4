use dogi_hooks::forge::{EventKind, Forge};
use serde_json::{Value, json};

use super::{chain, fixture, pull_request, read, text};

fn merge_request(edits: &[(&str, Value)]) -> dogi_hooks::forge::Event {
    let mut payload = fixture("gitlab-merge-request-update");
    for (field, value) in edits {
        payload["object_attributes"][field] = value.clone();
    }
    read(Forge::GitLab, "Merge Request Hook", &payload.to_string()).unwrap()
}

#[test]
fn words_are_those_of_github() {
    for (theirs, oldrev, ours) in [
        ("open", Value::Null, "opened"),
        ("reopen", Value::Null, "reopened"),
        ("close", Value::Null, "closed"),
        ("merge", Value::Null, "closed"),
        ("update", Value::Null, "edited"),
        ("update", json!("a".repeat(40)), "synchronize"),
        ("approved", Value::Null, "approved"),
    ] {
        let event = merge_request(&[("action", json!(theirs)), ("oldrev", oldrev)]);
        assert_eq!(pull_request(&event).action.as_str(), ours);
    }
}

#[test]
fn forks() {
    let fork =
        |field: &str, value: Value| pull_request(&merge_request(&[(field, value)])).from_fork;
    assert!(!fork("source_project_id", json!(15)));
    assert!(fork("source_project_id", json!(16)));
    assert!(fork("source_project_id", Value::Null));
    assert!(fork("target_project_id", Value::Null));
}

#[test]
fn the_header_and_the_payload_agree() {
    let push = text("gitlab-push");
    let wanted = "the payload says to be a `push`, the header `Tag Push Hook`";
    let error = read(Forge::GitLab, "Tag Push Hook", &push).unwrap_err();
    assert_eq!(chain(&error), wanted);
    let error = read(Forge::GitLab, "Release Hook", &push).unwrap_err();
    assert!(chain(&error).starts_with("the payload says to be a `push`"));
    let error = read(Forge::GitLab, "Push Hook", "{}").unwrap_err();
    assert_eq!(
        chain(&error),
        "the payload of `Push Hook` has no `object_kind`"
    );
    for name in ["System Hook", "Job Hook", "push"] {
        let event = read(Forge::GitLab, name, &push).unwrap();
        assert!(matches!(event.kind, EventKind::Other { .. }));
        assert_eq!(
            event.repository.unwrap().full_name.as_str(),
            "acme/tools/app"
        );
    }
}

/// Only the newest 20 of many are listed, so that the files of a push are git's to tell.
#[test]
fn a_hundred_commits() {
    let mut payload = fixture("gitlab-push");
    let head = payload["commits"][1].clone();
    let mut commits = vec![payload["commits"][0].clone(); 19];
    commits.push(head);
    payload["commits"] = json!(commits);
    payload["total_commits_count"] = json!(100);
    let event = read(Forge::GitLab, "Push Hook", &payload.to_string()).unwrap();
    assert_eq!(event.paths, None);
    assert_eq!(event.subject.unwrap().as_str(), "Sort the list");
}
