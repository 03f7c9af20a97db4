//! What a forge would send: a push of some commits, in the shape of GitHub's payload.

use std::net::SocketAddr;

use ring::hmac;
use serde_json::{Value, json};

/// Bytes of the payload, give or take a commit.
const BYTES: usize = 20_000;

/// What the payload is signed with.
pub(super) const SECRET: &str = "a secret of the benchmark";

/// The reference that is pushed to.
pub(super) const PUSHED: &str = "refs/heads/main";

/// Parts of GitHub's API that a repository's payload has addresses of.
const PARTS: &[&str] = &[
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
];

/// A POST of the payload to a hook, as it goes over the wire.
pub(super) fn request(server: SocketAddr, hook: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST /hooks/{hook} HTTP/1.1\r\n\
         Host: {server}\r\n\
         User-Agent: GitHub-Hookshot/0000000\r\n\
         Accept: */*\r\n\
         Content-Type: application/json\r\n\
         X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n\
         X-GitHub-Event: push\r\n\
         X-GitHub-Hook-ID: 292430182\r\n\
         X-Hub-Signature-256: sha256={}\r\n\
         Content-Length: {}\r\n\r\n",
        signature(body),
        body.len(),
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn signature(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The payload, without spaces as GitHub writes it.
pub(super) fn push() -> String {
    let mut commits = Vec::new();
    loop {
        let payload = with_commits(&commits).to_string();
        if payload.len() >= BYTES {
            return payload;
        }
        commits.push(commit(commits.len()));
    }
}

fn with_commits(commits: &[Value]) -> Value {
    json!({
        "ref": PUSHED,
        "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": id(commits.len()),
        "repository": repository(),
        "pusher": {"name": "octo", "email": "octo@example.com"},
        "sender": user("octo"),
        "created": false,
        "deleted": false,
        "forced": false,
        "base_ref": null,
        "compare": "https://example.com/octo/house/compare/6113728f27ae...76ae82c7b1a1",
        "commits": commits,
        "head_commit": commits.last(),
    })
}

fn repository() -> Value {
    let mut repository = json!({
        "id": 186_853_002,
        "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=",
        "name": "house",
        "full_name": "octo/house",
        "private": false,
        "owner": user("octo"),
        "html_url": "https://example.com/octo/house",
        "description": "A house, its garden \u{2013} and \"what stands in it\"",
        "fork": false,
        "clone_url": "https://example.com/octo/house.git",
        "ssh_url": "git@example.com:octo/house.git",
        "created_at": 1_557_933_565,
        "updated_at": "2019-05-15T15:20:41Z",
        "size": 1024,
        "stargazers_count": 7,
        "language": "Rust",
        "has_issues": true,
        "license": null,
        "default_branch": "main",
    });
    for part in PARTS {
        let address = format!("https://api.example.com/repos/octo/house/{part}{{/id}}");
        repository[format!("{part}_url")] = address.into();
    }
    repository
}

fn user(name: &str) -> Value {
    let mut user = json!({
        "login": name,
        "id": 21_031_067,
        "avatar_url": "https://avatars.example.com/u/21031067?v=4",
        "type": "User",
        "site_admin": false,
    });
    for part in ["followers", "gists", "starred", "orgs", "repos", "events"] {
        user[format!("{part}_url")] = format!("https://api.example.com/users/{name}/{part}").into();
    }
    user
}

fn commit(number: usize) -> Value {
    let person = json!({"name": "Octo", "email": "octo@example.com", "username": "octo"});
    let id = id(number);
    json!({
        "id": id,
        "tree_id": "f9d2a07e9488b91af2641b26b9407fe22a451433",
        "distinct": true,
        "message": format!("Paint room {number}\n\nThe old colour was gone in places."),
        "timestamp": "2019-05-15T15:20:33Z",
        "url": format!("https://example.com/octo/house/commit/{id}"),
        "author": person,
        "committer": person,
        "added": [format!("rooms/{number}/colour.txt")],
        "removed": [],
        "modified": ["README.md", format!("rooms/{number}/walls.txt")],
    })
}

fn id(number: usize) -> String {
    format!("{number:08x}27ae82c7b1a177c8d03f9e96e0adf246")
}
