use dogi_hooks::forge::{Delivery, EventKind, Forge, Secrets};
use dogi_hooks::incoming::Secret;
use serde_json::{Value, json};

use super::{chain, fixture, pull_request, push, read, text};

fn edited(name: &str, edits: &[(&str, Value)]) -> String {
    let mut payload = fixture(name);
    for (pointer, value) in edits {
        *payload.pointer_mut(pointer).unwrap() = value.clone();
    }
    payload.to_string()
}

fn from_fork(edits: &[(&str, Value)]) -> bool {
    let payload = edited("github-pull-request-opened", edits);
    let event = read(Forge::GitHub, "pull_request", &payload).unwrap();
    pull_request(&event).from_fork
}

#[test]
fn forks() {
    let head = "/pull_request/head/repo";
    let same = fixture("github-pull-request-opened")["repository"].clone();
    let mut renamed = same.clone();
    renamed["full_name"] = json!("Codertocat/Hello");
    let mut other = same.clone();
    other["id"] = json!(1);
    let mut unknown = same.clone();
    unknown["id"] = Value::Null;
    assert!(!from_fork(&[]));
    assert!(!from_fork(&[(head, renamed)]));
    // The repository that it came from is gone, is another, or not known.
    for repo in [Value::Null, json!({}), other, unknown.clone()] {
        assert!(from_fork(&[(head, repo.clone())]), "{repo}");
    }
    // Without ids, names decide.
    assert!(!from_fork(&[
        (head, unknown.clone()),
        ("/repository", unknown.clone())
    ]));
    let mut fork = unknown.clone();
    fork["full_name"] = json!("eve/Hello-World");
    assert!(from_fork(&[(head, fork), ("/repository", unknown)]));
}

#[test]
fn a_fork_may_choose_its_branch() {
    for (name, wanted) in [
        ("patch-1", Some("patch-1")),
        ("--upload-pack=x", None),
        ("a\nb", None),
        ("refs/heads/main", None),
    ] {
        let edits = [("/pull_request/head/ref", json!(name))];
        let payload = edited("github-pull-request-opened", &edits);
        let event = read(Forge::GitHub, "pull_request", &payload).unwrap();
        let branch = pull_request(&event).head_branch.as_ref();
        assert_eq!(branch.map(|it| it.as_str()), wanted);
        assert_eq!(event.reference, None);
    }
}

#[test]
fn annotated_tags_forced_pushes_and_empty_ones() {
    let tag = "c".repeat(40);
    let edits = [("/after", json!(tag))];
    let event = read(
        Forge::GitHub,
        "push",
        &edited("github-push-tag-created", &edits),
    )
    .unwrap();
    assert_eq!(push(&event).after.as_ref().unwrap().as_str(), tag);
    let commit = event.commit.unwrap();
    assert_eq!(commit.as_str(), "6113728f27ae82c7b1a177c8d03f9e96e0adf246");

    let edits = [("/forced", json!(true)), ("/before", json!(tag))];
    let payload = edited("github-push-branch-created", &edits);
    let event = read(Forge::GitHub, "push", &payload).unwrap();
    assert_eq!(push(&event).forced, Some(true));
    assert!(!push(&event).created() && !push(&event).deleted());

    let edits = [("/commits", json!([])), ("/head_commit", Value::Null)];
    let payload = edited("github-push-branch-created", &edits);
    let event = read(Forge::GitHub, "push", &payload).unwrap();
    assert!(push(&event).created());
    assert_eq!(event.subject, None);
    assert!(event.commit.is_some());
}

#[test]
fn events_that_nothing_waits_for() {
    let payload = text("github-push-branch-created");
    for (kind, payload) in [
        ("issues", payload.as_str()),
        ("delete", &payload),
        ("issues", "{}"),
        ("issues", "no JSON at all"),
        ("issues", r#"{"repository": 5}"#),
        ("create", r#"{"ref_type": "repository", "ref": null}"#),
        ("push", r#"{"ref": "refs/notes/commits", "after": "x"}"#),
    ] {
        let event = read(Forge::GitHub, kind, payload).unwrap();
        let EventKind::Other { name } = &event.kind else {
            panic!("{event:?}")
        };
        assert_eq!(name.as_str(), kind);
        assert!(event.is_ignored());
    }
    let event = read(Forge::GitHub, "issues", &payload).unwrap();
    let repository = event.repository.unwrap();
    assert_eq!(repository.full_name.as_str(), "Codertocat/Hello-World");
}

/// GitHub's `application/x-www-form-urlencoded`, and what `curl -d` says to be one.
#[test]
fn forms() {
    let json = r#"{"after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246"}"#;
    let escaped = "%7B%22after%22%3A+%226113728f27ae82c7b1a177c8d03f9e96e0adf246%22%7D";
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (form, format!("payload={escaped}"), "taken"),
        (
            "Application/X-WWW-Form-URLEncoded; charset=utf-8",
            format!("a=1&payload={escaped}"),
            "taken",
        ),
        (form, json.to_owned(), "taken"),
        (form, format!(" \n{json}"), "taken"),
        ("", json.to_owned(), "taken"),
        ("text/plain", json.to_owned(), "taken"),
        (form, String::new(), "the form has no field `payload`"),
        (
            form,
            format!("Payload={escaped}"),
            "the form has no field `payload`",
        ),
        (
            form,
            format!("payload={escaped}&payload={escaped}"),
            "the body is no URL-encoded form: a second `payload` stands in field 2",
        ),
        (
            form,
            "payload=%7".to_owned(),
            "the body is no URL-encoded form: a `%` without two hexadecimal digits stands in field 1",
        ),
        (
            "application/json",
            format!("payload={escaped}"),
            "the payload is no `manual`: expected value at line 1 column 1",
        ),
    ];
    for (content_type, body, wanted) in cases {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", content_type.parse().unwrap());
        let delivery = Delivery {
            headers: &headers,
            query: "token=t",
            body: body.clone().into(),
        };
        let secrets = Secrets::none().query_tokens([Secret::new("t")]);
        let verified = delivery.verify(&secrets, 0).unwrap();
        assert_eq!(verified.body(), &body);
        let said = match verified.event() {
            Ok(event) => {
                assert_eq!(*verified.payload().unwrap().trim_ascii(), *json.as_bytes());
                assert!(event.commit.is_some());
                "taken".to_owned()
            }
            Err(error) => chain(&error),
        };
        assert_eq!(said, wanted, "{content_type} {body}");
    }
}
