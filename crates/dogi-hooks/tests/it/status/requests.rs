use dogi_hooks::{
    forge::Forge,
    incoming::Secret,
    status::{CommitState, StatusApi, StatusApiError},
};
use serde_json::{Value, json};

use super::{COMMIT, TOKEN, api, status};

#[test]
fn each_forge_has_its_place_for_statuses() {
    let github = "https://api.github.com";
    let cases = [
        (
            Forge::GitHub,
            github,
            "acme/app",
            "https://api.github.com/repos/acme/app/statuses/",
        ),
        (
            Forge::GitHub,
            "https://api.github.com/",
            "acme/app",
            "https://api.github.com/repos/acme/app/statuses/",
        ),
        (
            Forge::GitHub,
            "https://ghe.example:8443/api/v3",
            "acme/app.rs",
            "https://ghe.example:8443/api/v3/repos/acme/app.rs/statuses/",
        ),
        (
            Forge::Gitea,
            "https://git.example/sub/api/v1/",
            "acme/a_b-c.d",
            "https://git.example/sub/api/v1/repos/acme/a_b-c.d/statuses/",
        ),
        (
            Forge::Forgejo,
            "http://[::1]:3000/api/v1",
            "a/b",
            "http://[::1]:3000/api/v1/repos/a/b/statuses/",
        ),
        (
            Forge::GitLab,
            "https://gitlab.com/api/v4",
            "group/sub/app",
            "https://gitlab.com/api/v4/projects/group%2Fsub%2Fapp/statuses/",
        ),
        // Names that GitHub does not have stay in their place all the same.
        (
            Forge::GitHub,
            github,
            "a/b/c",
            "https://api.github.com/repos/a%2Fb/c/statuses/",
        ),
    ];
    for (forge, base, repo, wanted) in cases {
        let request = api(forge, base).request(&status(repo, CommitState::Success));
        assert_eq!(
            request.url.as_str(),
            format!("{wanted}{COMMIT}"),
            "{forge} {base}"
        );
        assert_eq!(request.method, "POST");
    }
    assert_eq!(
        api(Forge::Gitea, "https://Git.Example/api/v1").host(),
        "git.example"
    );
}

#[test]
fn each_forge_has_its_own_way_to_log_in() {
    let bearer = format!("Bearer {TOKEN}");
    let token = format!("token {TOKEN}");
    let cases = [
        (
            Forge::GitHub,
            "authorization",
            bearer.as_str(),
            "application/vnd.github+json",
        ),
        (Forge::Gitea, "authorization", &token, "application/json"),
        (Forge::Forgejo, "authorization", &token, "application/json"),
        (Forge::GitLab, "private-token", TOKEN, "application/json"),
    ];
    for (forge, name, value, accept) in cases {
        let api = api(forge, "https://forge.example/api");
        let request = api.request(&status("acme/app", CommitState::Error));
        assert_eq!(request.headers[name], value, "{forge}");
        assert_eq!(request.headers["accept"], accept, "{forge}");
        assert_eq!(request.headers["content-type"], "application/json");
        assert!(
            request.headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("dogi/")
        );
        let version = request.headers.get("x-github-api-version");
        assert_eq!(version.is_some(), forge == Forge::GitHub);
        for shown in [format!("{request:?}"), format!("{api:?}")] {
            assert!(!shown.contains(TOKEN), "{shown}");
        }
    }
}

#[test]
fn each_forge_has_its_words_for_states() {
    use CommitState::{Error, Failure, Pending, Success};
    let cases = [
        (
            Forge::GitHub,
            [
                (Pending, "pending"),
                (Success, "success"),
                (Failure, "failure"),
                (Error, "error"),
            ],
        ),
        (
            Forge::Gitea,
            [
                (Pending, "pending"),
                (Success, "success"),
                (Failure, "failure"),
                (Error, "error"),
            ],
        ),
        (
            Forge::GitLab,
            [
                (Pending, "pending"),
                (Success, "success"),
                (Failure, "failed"),
                (Error, "failed"),
            ],
        ),
    ];
    for (forge, states) in cases {
        for (state, word) in states {
            let mut status = status("acme/app", state);
            let request = api(forge, "https://forge.example").request(&status);
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let wanted = json!({
                "state": word,
                "context": "dogi/tests",
                "description": "Passed in 4 s",
                "target_url": "https://ci.example/runs/17?output=log&sig=ab",
            });
            assert_eq!(body, wanted, "{forge}");

            status.target_url = None;
            let request = api(forge, "https://forge.example").request(&status);
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert!(body.get("target_url").is_none());
        }
    }
}

#[test]
fn apis_that_are_none() {
    let refused = |base: &str, token: &str| {
        StatusApi::new(Forge::GitHub, base.parse().unwrap(), Secret::new(token)).unwrap_err()
    };
    let cases = [
        (
            "ftp://git.example/api",
            TOKEN,
            "`ftp://git.example/api` is no URL of an API: it begins with ftp:, and not with https: or http:",
        ),
        (
            "mailto:x@y",
            TOKEN,
            "`mailto:x@y` is no URL of an API: it begins with mailto:, and not with https: or http:",
        ),
        (
            "https://u:hunter2@git.example/",
            TOKEN,
            "the URL of the API at `git.example` holds a user or a password: the token says who is asking",
        ),
        (
            "https://git.example/api?token=hunter2",
            TOKEN,
            "`https://git.example/api` is no URL of an API: it has a `?` or `#`, where only a path may follow the host",
        ),
        (
            "https://git.example/#x",
            TOKEN,
            "`https://git.example/` is no URL of an API: it has a `?` or `#`, where only a path may follow the host",
        ),
        (
            "https://git.example/",
            "",
            "the token for the API at `git.example` is empty or holds what is no visible ASCII",
        ),
        (
            "https://git.example/",
            "hunter2\r\nX-Evil: 1",
            "the token for the API at `git.example` is empty or holds what is no visible ASCII",
        ),
    ];
    for (base, token, wanted) in cases {
        assert_eq!(refused(base, token).to_string(), wanted);
    }
    assert!(
        matches!(refused("ftp://u:p@h/", TOKEN), StatusApiError::Scheme { url, .. } if !url.contains(":p@"))
    );
}
