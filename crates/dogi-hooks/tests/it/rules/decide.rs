use std::collections::BTreeSet;

use dogi_hooks::forge::{Event, Forge};
use dogi_hooks::rules::{
    Changed, Decision, On, OnCreate, OnPullRequest, OnPush, OnRelease, decide, decide_for,
};
use serde_json::json;

use super::*;

fn on_push(push: OnPush) -> On {
    On {
        push: Some(push),
        ..On::nothing()
    }
}

fn branches(patterns: &[&str]) -> On {
    on_push(OnPush {
        branches: Some(filter(patterns)),
        ..OnPush::default()
    })
}

fn tags(patterns: &[&str]) -> On {
    on_push(OnPush {
        tags: Some(filter(patterns)),
        ..OnPush::default()
    })
}

fn paths(patterns: &[&str]) -> On {
    on_push(OnPush {
        paths: Some(filter(patterns)),
        ..OnPush::default()
    })
}

fn pulls(request: OnPullRequest) -> On {
    On {
        pull_request: Some(request),
        ..On::nothing()
    }
}

/// What a rule for everything says about an event; nothing where it is hit.
fn refusal(on: On, event: &Event) -> String {
    match decide(&[rule("*", on)], event, Changed::AsTold) {
        Decision::Hit { rule: 0 } => String::new(),
        other => other.to_string(),
    }
}

#[test]
fn a_rule_wants_what_it_asks_for() {
    let main = || push("refs/heads/main", None);
    let tag = || push("refs/tags/v1", None);
    let any_pull = || pulls(OnPullRequest::default());
    let release_on = |on: OnRelease| On {
        release: Some(on),
        ..On::nothing()
    };
    let create_on = |on: OnCreate| On {
        create: Some(on),
        ..On::nothing()
    };
    let cases: Vec<(&str, On, Event, &str)> = vec![
        ("no on", On::default(), main(), ""),
        (
            "no on, a tag",
            On::default(),
            tag(),
            "line 3: \"v1\" is one of tags, and only branches are asked for",
        ),
        (
            "no on, a pull request",
            On::default(),
            pull_request("opened", "main"),
            "line 3: `on` does not ask for pull_request, only for push, manual",
        ),
        ("any push", on_push(OnPush::default()), main(), ""),
        ("the branch", branches(&["main"]), main(), ""),
        (
            "another branch",
            branches(&["dev", "release/*"]),
            main(),
            "line 3: the branch \"main\" is not among `branches`: dev, release/*",
        ),
        ("the tag", tags(&["v*"]), tag(), ""),
        (
            "another tag",
            tags(&["w*"]),
            tag(),
            "line 3: the tag \"v1\" is not among `tags`: w*",
        ),
        (
            "only tags",
            tags(&["v*"]),
            main(),
            "line 3: \"main\" is one of branches, and only tags are asked for",
        ),
        (
            "a deleted branch",
            On::default(),
            deletion("refs/heads/main"),
            "line 3: refs/heads/main was deleted, which starts nothing",
        ),
        (
            "a deleted tag",
            tags(&["**"]),
            deletion("refs/tags/v1"),
            "line 3: refs/tags/v1 was deleted, which starts nothing",
        ),
        ("opened", any_pull(), pull_request("opened", "main"), ""),
        (
            "synchronize",
            any_pull(),
            pull_request("synchronize", "x"),
            "",
        ),
        ("reopened", any_pull(), pull_request("reopened", "main"), ""),
        (
            "closed",
            any_pull(),
            pull_request("closed", "main"),
            "line 3: the action `closed` is not among `actions`: opened, reopened, synchronize",
        ),
        (
            "labeled, which is asked for",
            pulls(OnPullRequest {
                actions: words(&["labeled"]),
                ..OnPullRequest::default()
            }),
            pull_request("labeled", "main"),
            "",
        ),
        (
            "into another branch",
            pulls(OnPullRequest {
                branches: Some(filter(&["dev"])),
                ..OnPullRequest::default()
            }),
            pull_request("opened", "main"),
            "line 3: the branch \"main\" is not among `branches`: dev",
        ),
        (
            "only pull requests",
            any_pull(),
            main(),
            "line 3: `on` does not ask for push, only for pull_request",
        ),
        (
            "a release",
            release_on(OnRelease::default()),
            release("published", "v1", false),
            "",
        ),
        (
            "an edited release",
            release_on(OnRelease::default()),
            release("edited", "v1", false),
            "line 3: the action `edited` is not among `actions`: published",
        ),
        (
            "a draft",
            release_on(OnRelease {
                actions: words(&["created"]),
                tags: None,
            }),
            release("created", "v1", true),
            "line 3: the release is a draft, whose tag need not exist",
        ),
        (
            "a release of another tag",
            release_on(OnRelease {
                tags: Some(filter(&["w*"])),
                ..OnRelease::default()
            }),
            release("published", "v1", false),
            "line 3: the tag \"v1\" is not among `tags`: w*",
        ),
        (
            "a new branch",
            create_on(OnCreate::default()),
            create("branch", "dev"),
            "",
        ),
        (
            "a new tag where branches are asked for",
            create_on(OnCreate {
                branches: Some(filter(&["**"])),
                tags: None,
            }),
            create("tag", "v1"),
            "line 3: \"v1\" is one of tags, and only branches are asked for",
        ),
        ("by hand", On::default(), named("workflow_dispatch"), ""),
        (
            "by hand, which is not asked for",
            branches(&["main"]),
            named("workflow_dispatch"),
            "line 3: `on` does not ask for manual, only for push",
        ),
        (
            "what nothing waits for",
            On::default(),
            named("star"),
            "line 3: the event `star` starts nothing",
        ),
        (
            "nothing at all",
            On::nothing(),
            main(),
            "line 3: `on` does not ask for push, only for nothing",
        ),
    ];
    for (what, on, event, wanted) in cases {
        assert_eq!(refusal(on, &event), wanted, "{what}");
    }
}

#[test]
fn paths_are_asked_where_files_can_be_told() {
    let files = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let src = files(&["src/a.rs"]);
    let docs = files(&["docs/a.md"]);
    let listed = push("refs/heads/main", Some(&["src/a.rs"]));
    let unlisted = push("refs/heads/main", None);
    let tag = push("refs/tags/v1", None);
    let hit = "wanted";
    let none = "line 3: none of the 1 changed files is among `paths`: src/**";
    let needed = "the payload does not list the changed files: git has to be asked";
    let pull = || {
        pulls(OnPullRequest {
            paths: Some(filter(&["src/**"])),
            ..OnPullRequest::default()
        })
    };
    let both = || {
        on_push(OnPush {
            branches: Some(filter(&["**"])),
            tags: Some(filter(&["v*"])),
            paths: Some(filter(&["src/**"])),
        })
    };
    let opened = pull_request("opened", "main");
    let cases = [
        (paths(&["src/**"]), &listed, Changed::AsTold, hit),
        (
            paths(&["docs/**"]),
            &listed,
            Changed::AsTold,
            "line 3: none of the 1 changed files is among `paths`: docs/**",
        ),
        (paths(&["src/**"]), &unlisted, Changed::AsTold, needed),
        (paths(&["src/**"]), &unlisted, Changed::Files(&src), hit),
        (paths(&["src/**"]), &unlisted, Changed::Files(&docs), none),
        (paths(&["src/**"]), &unlisted, Changed::Unknown, hit),
        (branches(&["main"]), &unlisted, Changed::AsTold, hit),
        (pull(), &opened, Changed::AsTold, needed),
        (pull(), &opened, Changed::Files(&docs), none),
        (pull(), &opened, Changed::Files(&src), hit),
        (both(), &tag, Changed::AsTold, hit),
    ];
    for (on, event, changed, wanted) in cases {
        let said = decide(&[rule("*", on)], event, changed).to_string();
        assert_eq!(said, wanted, "{changed:?}");
    }
}

#[test]
fn the_first_rule_that_matches_the_repository_decides() {
    let rules = [
        rule("github.com/*", On::default()),
        rule(KEY, branches(&["dev"])),
        rule("*", On::default()),
    ];
    let event = push("refs/heads/main", None);
    let decided = decide(&rules, &event, Changed::AsTold);
    assert!(
        matches!(
            decided,
            Decision::Unwanted {
                rule: 1,
                line: 3,
                ..
            }
        ),
        "{decided:?}"
    );
    let listed = decide(&rules[..1], &event, Changed::AsTold);
    assert_eq!(listed, Decision::NotListed);
    assert_eq!(decide([], &event, Changed::AsTold), Decision::NotListed);
    let elsewhere = decide_for(&rules, Some("github.com/a/b"), &event, Changed::AsTold);
    assert_eq!(elsewhere, Decision::Hit { rule: 0 });
}

#[test]
fn the_url_by_ssh_counts_where_there_is_no_other() {
    let payload = json!({
        "ref": "refs/heads/main", "before": "1".repeat(40), "after": "2".repeat(40),
        "repository": {"full_name": "acme/app", "ssh_url": "git@ssh.example:acme/app.git"},
    });
    let event = read(Forge::Gitea, "push", &payload);
    let rules = [rule("ssh.example/acme/app", On::default())];
    let hit = Decision::Hit { rule: 0 };
    assert_eq!(decide(&rules, &event, Changed::AsTold), hit);
    let both = push("refs/heads/main", None);
    let decided = decide(&rules, &both, Changed::AsTold);
    assert_eq!(decided, Decision::NotListed);
}

#[test]
fn a_ping_is_ignored_and_a_strangers_event_refused() {
    let rules = [rule("other.example/*", On::default())];
    let nowhere = read(Forge::GitHub, "organization", &json!({}));
    let cases = [
        (named("ping"), Decision::Ignored),
        (nowhere, Decision::Ignored),
        (named("star"), Decision::NotListed),
        (deletion("refs/heads/main"), Decision::NotListed),
    ];
    for (event, wanted) in cases {
        assert_eq!(decide(&rules, &event, Changed::AsTold), wanted, "{event:?}");
    }
}
