//! Which events of forges start something.

mod decide;
mod explain;
mod patterns;
mod properties;

use dogi_hooks::forge::{Event, Forge, Verified, Word};
use dogi_hooks::rules::{Filter, On, RepoPattern, Rule};
use serde_json::{Value, json};

const KEY: &str = "git.example/acme/app";

fn rule(pattern: &str, on: On) -> Rule {
    let pattern = RepoPattern::new(pattern).unwrap();
    Rule {
        line: 3,
        pattern,
        on,
    }
}

fn filter(patterns: &[&str]) -> Filter {
    Filter::new(patterns).unwrap()
}

fn words(texts: &[&str]) -> std::collections::BTreeSet<Word> {
    texts.iter().map(|text| Word::new(text).unwrap()).collect()
}

fn read(forge: Forge, name: &str, payload: &Value) -> Event {
    let origin = Some((forge, Word::new(name).unwrap()));
    let payload = payload.to_string().into();
    Verified::danger_unverified(origin, None, payload)
        .event()
        .unwrap()
}

fn repository() -> Value {
    json!({
        "full_name": "acme/app",
        "clone_url": "https://git.example/acme/app.git",
        "ssh_url": "git@ssh.example:acme/app.git",
    })
}

/// A push of GitHub's whose files are listed where they are given.
fn push(reference: &str, files: Option<&[&str]>) -> Event {
    let after = "2".repeat(40);
    let commits = files.map_or(json!([]), |files| {
        json!([{"id": after, "message": "m", "added": [], "removed": [], "modified": files}])
    });
    let payload = json!({
        "ref": reference,
        "before": "1".repeat(40),
        "after": after,
        "forced": files.is_none(),
        "commits": commits,
        "head_commit": {"id": after, "message": "m"},
        "repository": repository(),
    });
    read(Forge::GitHub, "push", &payload)
}

fn deletion(reference: &str) -> Event {
    let payload = json!({
        "ref": reference, "before": "1".repeat(40), "after": "0".repeat(40),
        "repository": repository(),
    });
    read(Forge::GitHub, "push", &payload)
}

fn pull_request(action: &str, base: &str) -> Event {
    let end = |name: &str, digit: &str| json!({"ref": name, "sha": digit.repeat(40), "repo": repository()});
    let payload = json!({
        "action": action, "number": 7, "repository": repository(),
        "pull_request": {"head": end("topic", "2"), "base": end(base, "1")},
    });
    read(Forge::GitHub, "pull_request", &payload)
}

fn release(action: &str, tag: &str, draft: bool) -> Event {
    let payload = json!({
        "action": action, "repository": repository(),
        "release": {"tag_name": tag, "draft": draft},
    });
    read(Forge::GitHub, "release", &payload)
}

fn create(kind: &str, name: &str) -> Event {
    let payload = json!({"ref_type": kind, "ref": name, "repository": repository()});
    read(Forge::GitHub, "create", &payload)
}

fn named(name: &str) -> Event {
    read(Forge::GitHub, name, &json!({"repository": repository()}))
}
