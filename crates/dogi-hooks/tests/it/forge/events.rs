//! What every payload tells, in a line each.

use super::{FIXTURES, read, text};
use dogi_hooks::forge::{Event, EventKind};

const HELLO: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn short(id: &impl AsRef<str>) -> String {
    id.as_ref()[..4].to_owned()
}

fn or_dash<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or("-".to_owned(), show)
}

fn kind(event: &Event) -> String {
    match &event.kind {
        EventKind::Push(push) => format!(
            "push {}..{}{}",
            or_dash(push.before.as_ref(), short),
            or_dash(push.after.as_ref(), short),
            push.forced
                .map_or("", |forced| if forced { " forced" } else { " adds" }),
        ),
        EventKind::PullRequest(it) => format!(
            "pull request {} {} {} of {} at {} into {} at {}{}",
            it.number,
            it.action,
            short(&it.head),
            or_dash(it.head_branch.as_ref(), ToString::to_string),
            or_dash(it.head_repository.as_ref(), ToString::to_string),
            it.base_branch,
            or_dash(it.base.as_ref(), short),
            if it.from_fork { " fork" } else { "" },
        ),
        EventKind::Release {
            action,
            draft,
            prerelease,
        } => {
            format!("release {action} {draft} {prerelease}")
        }
        EventKind::Create => "create".to_owned(),
        EventKind::Ping => "ping".to_owned(),
        EventKind::Manual { after } => format!("manual {}", or_dash(after.as_ref(), short)),
        EventKind::Other { name } => format!("other {name}"),
        other => panic!("{other:?}"),
    }
}

fn told(event: &Event) -> String {
    let repository = event.repository.as_ref();
    [
        kind(event),
        or_dash(repository, |it| it.full_name.to_string()),
        or_dash(event.commit.as_ref(), short),
        or_dash(event.reference.as_ref(), ToString::to_string),
        or_dash(event.paths.as_ref(), |paths| format!("{paths:?}")),
        or_dash(event.sender.as_ref(), ToString::to_string),
        or_dash(event.subject.as_ref(), ToString::to_string),
        or_dash(event.url.as_ref(), ToString::to_string),
    ]
    .join(" | ")
}

const TOLD: [(&str, &str); 27] = [
    (
        "github-create-tag",
        "create | Codertocat/Hello-World | - | refs/tags/simple-tag | - | Codertocat | - | https://github.com/Codertocat/Hello-World",
    ),
    (
        "github-ping",
        "ping | Octocoders/Hello-World | - | - | - | Codertocat | - | -",
    ),
    (
        "github-ping-organization",
        "ping | - | - | - | - | Codertocat | - | -",
    ),
    (
        "github-pull-request-opened",
        "pull request 2 opened ec26 of changes at https://github.com/Codertocat/Hello-World.git into master at f95f | Codertocat/Hello-World | ec26 | - | - | Codertocat | Update the README with new information. | https://github.com/Codertocat/Hello-World/pull/2",
    ),
    (
        "github-pull-request-synchronize",
        "pull request 2 synchronize ec26 of changes at https://github.com/Codertocat/Hello-World.git into master at f95f | Codertocat/Hello-World | ec26 | - | - | Codertocat | Update the README with new information. | https://github.com/Codertocat/Hello-World/pull/2",
    ),
    (
        "github-push-branch-created",
        "push -..6113 adds | Codertocat/Hello-World | 6113 | refs/heads/master | - | Codertocat | Initial commit | https://github.com/Codertocat/Hello-World/commit/6113728f27ae82c7b1a177c8d03f9e96e0adf246",
    ),
    (
        "github-push-tag-created",
        "push -..6113 adds | Codertocat/Hello-World | 6113 | refs/tags/simple-tag | - | Codertocat | Adding a .gitignore file | https://github.com/Codertocat/Hello-World/compare/simple-tag",
    ),
    (
        "github-push-tag-deleted",
        "push 6113..- adds | Codertocat/Hello-World | - | refs/tags/simple-tag | - | Codertocat | - | https://github.com/Codertocat/Hello-World/compare/6113728f27ae...000000000000",
    ),
    (
        "github-release-published",
        "release published false false | Codertocat/Hello-World | - | refs/tags/0.0.1 | - | Codertocat | - | https://github.com/Codertocat/Hello-World/releases/tag/0.0.1",
    ),
    (
        "github-repository-dispatch",
        "manual - | octo-org/octo-repo | - | refs/heads/master | - | Codertocat | - | https://github.com/octo-org/octo-repo",
    ),
    (
        "github-workflow-dispatch",
        "manual - | octo-org/octo-repo | - | refs/heads/master | - | Codertocat | - | https://github.com/octo-org/octo-repo",
    ),
    (
        "gitea-create-branch",
        "create | acme/app | bbbb | refs/heads/topic/sort | - | ada | - | https://git.example/acme/app",
    ),
    (
        "gitea-pull-request-agit",
        "pull request 7 opened bbbb of - at https://git.example/acme/app.git into main at aaaa fork | acme/app | bbbb | - | - | ada | Sort the list | https://git.example/acme/app/pulls/7",
    ),
    (
        "gitea-pull-request-fork",
        "pull request 7 opened bbbb of main at https://git.example/eve/app.git into main at aaaa fork | acme/app | bbbb | - | - | ada | Sort the list | https://git.example/acme/app/pulls/7",
    ),
    (
        "gitea-pull-request-synchronized",
        "pull request 7 synchronize bbbb of topic/sort at https://git.example/acme/app.git into main at aaaa | acme/app | bbbb | - | - | ada | Sort the list | https://git.example/acme/app/pulls/7",
    ),
    (
        "gitea-push",
        "push aaaa..bbbb | acme/app | bbbb | refs/heads/main | - | ada | Sort the list | https://git.example/acme/app/compare/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    ),
    (
        "gitea-push-branch-deleted",
        "push aaaa..- | acme/app | - | refs/heads/main | - | ada | - | -",
    ),
    (
        "gitea-release",
        "release published false true | acme/app | - | refs/tags/v1.2.0 | - | ada | Sorted lists | https://git.example/acme/app/releases/tag/v1.2.0",
    ),
    (
        "forgejo-pull-request-agit",
        "pull request 7 opened bbbb of - at https://forge.example/acme/app.git into main at aaaa fork | acme/app | bbbb | - | - | ada | Sort the list | https://forge.example/acme/app/pulls/7",
    ),
    // The tag is an object of its own, cccc, of the commit bbbb.
    (
        "forgejo-push-tag",
        "push -..cccc | acme/app | bbbb | refs/tags/v1.2.0 | - | ada | Sort the list | -",
    ),
    (
        "gitlab-merge-request-fork",
        "pull request 16 opened bbbb of topic/sort at https://gitlab.example/eve/app.git into main at - fork | acme/tools/app | bbbb | - | - | ada | Sort the list | https://gitlab.example/acme/tools/app/-/merge_requests/16",
    ),
    (
        "gitlab-merge-request-test",
        "other Merge Request Hook | acme/tools/app | - | - | - | - | - | -",
    ),
    (
        "gitlab-merge-request-update",
        "pull request 16 synchronize bbbb of topic/sort at https://gitlab.example/acme/tools/app.git into main at - | acme/tools/app | bbbb | - | - | ada | Sort the list | https://gitlab.example/acme/tools/app/-/merge_requests/16",
    ),
    (
        "gitlab-push",
        "push aaaa..bbbb | acme/tools/app | bbbb | refs/heads/main | - | ada | Sort the list | https://gitlab.example/acme/tools/app",
    ),
    (
        "gitlab-push-branch-deleted",
        "push aaaa..- | acme/tools/app | - | refs/heads/main | - | ada | - | https://gitlab.example/acme/tools/app",
    ),
    (
        "gitlab-release",
        "release published false false | acme/tools/app | bbbb | refs/tags/v1.2.0 | - | - | Sorted lists | https://gitlab.example/acme/tools/app/-/releases/v1.2.0",
    ),
    (
        "gitlab-tag-push",
        "push -..cccc | acme/tools/app | bbbb | refs/tags/v1.2.0 | - | ada | Sort the list | https://gitlab.example/acme/tools/app",
    ),
];

#[test]
fn of_every_fixture() {
    assert_eq!(FIXTURES.map(|it| it.0), TOLD.map(|it| it.0));
    for ((name, forge, kind), (_, wanted)) in FIXTURES.into_iter().zip(TOLD) {
        let event = read(forge, kind, &text(name)).unwrap();
        assert_eq!(told(&event), wanted, "{name}");
    }
}

#[test]
fn what_is_ignored() {
    let ignored = |name: &str| super::event(name).is_ignored();
    for name in [
        "github-ping",
        "github-push-tag-deleted",
        "gitea-push-branch-deleted",
        "gitlab-push-branch-deleted",
        "gitlab-merge-request-test",
    ] {
        assert!(ignored(name), "{name}");
    }
    for name in [
        "github-push-tag-created",
        "gitea-push",
        "gitlab-release",
        "github-create-tag",
    ] {
        assert!(!ignored(name), "{name}");
    }
}

#[test]
fn where_a_repository_is() {
    let repository = super::event("github-push-branch-created")
        .repository
        .unwrap();
    assert_eq!(
        repository.https.unwrap().match_key(),
        "github.com/Codertocat/Hello-World"
    );
    assert_eq!(
        repository.ssh.unwrap().as_str(),
        "git@github.com:Codertocat/Hello-World.git"
    );
    assert_eq!(repository.default_branch.unwrap().as_str(), "master");
    assert_eq!(
        repository.url.unwrap().as_str(),
        "https://github.com/Codertocat/Hello-World"
    );
    let repository = super::event("gitlab-push").repository.unwrap();
    assert_eq!(repository.full_name.owner(), "acme/tools");
    assert_eq!(repository.full_name.name(), "app");
    assert_eq!(
        repository.https.unwrap().match_key(),
        "gitlab.example/acme/tools/app"
    );
}

/// compose-ci's way: nothing but the commit, by hand.
#[test]
fn by_hand() {
    use dogi_hooks::forge::Verified;

    let read = |payload: String| Verified::danger_unverified(None, None, payload.into()).event();
    let event = read(format!(r#"{{"after": "{HELLO}"}}"#)).unwrap();
    assert_eq!(told(&event), "manual 6113 | - | 6113 | - | - | - | - | -");
    assert!(!event.is_ignored());
    let event = read(text("github-push-branch-created")).unwrap();
    let wanted =
        "manual 6113 | Codertocat/Hello-World | 6113 | refs/heads/master | - | Codertocat | - | -";
    assert_eq!(told(&event), wanted);
    for (payload, wanted) in [
        (
            r#"{"after": "main"}"#,
            "`after` in the payload of `manual` is refused: \"main\" is not a commit id; allowed: 40 hex digits",
        ),
        (
            r#"{"after": "0000000000000000000000000000000000000000"}"#,
            "the payload of `manual` has no `after`",
        ),
        ("{}", "the payload of `manual` has no `after`"),
        (
            "[]",
            "the payload is no `manual`: expected an object, not a list",
        ),
        (
            "",
            "the payload is no `manual`: EOF while parsing a value at line 1 column 0",
        ),
    ] {
        let error = read(payload.to_owned()).unwrap_err();
        assert_eq!(super::chain(&error), wanted);
    }
}
