use dogi_hooks::forge::Forge;
use serde_json::{Value, json};

use super::{fixture, pull_request, read};

fn from_fork(edits: &[(&str, Value)]) -> bool {
    let mut payload = fixture("gitea-pull-request-synchronized");
    for (field, value) in edits {
        payload["pull_request"][field] = value.clone();
    }
    let event = read(Forge::Gitea, "pull_request", &payload.to_string()).unwrap();
    pull_request(&event).from_fork
}

/// Who may read may propose, by a push to `refs/for/main`: the payload says that it is the
/// repository's own.
#[test]
fn pull_requests_without_a_branch_are_from_anybody() {
    let head = fixture("gitea-pull-request-synchronized")["pull_request"]["head"].clone();
    let with = |field: &str, value: Value| {
        let mut head = head.clone();
        head[field] = value;
        [("head", head)]
    };
    assert!(!from_fork(&[]));
    assert!(!from_fork(&[("flow", json!(0))]));
    assert!(from_fork(&[("flow", json!(1))]));
    assert!(from_fork(&with("label", json!(""))));
    assert!(from_fork(&with("label", Value::Null)));
    assert!(from_fork(&with("ref", json!("refs/pull/7/head"))));
    assert!(from_fork(&with("ref", Value::Null)));
    assert!(from_fork(&with("repo", Value::Null)));
}

#[test]
fn words_are_those_of_github() {
    for (kind, name, theirs, ours) in [
        (
            "pull_request",
            "gitea-pull-request-fork",
            "synchronized",
            "synchronize",
        ),
        (
            "pull_request",
            "gitea-pull-request-fork",
            "reopened",
            "reopened",
        ),
        ("release", "gitea-release", "updated", "edited"),
        ("release", "gitea-release", "published", "published"),
    ] {
        let mut payload = fixture(name);
        payload["action"] = json!(theirs);
        let event = read(Forge::Forgejo, kind, &payload.to_string()).unwrap();
        let action = match &event.kind {
            dogi_hooks::forge::EventKind::Release { action, .. } => action,
            _ => &pull_request(&event).action,
        };
        assert_eq!(action.as_str(), ours);
    }
}
