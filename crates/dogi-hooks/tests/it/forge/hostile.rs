//! Payloads that a forge would not send.

use dogi_hooks::forge::Forge;
use serde_json::{Value, json};

use super::{chain, fixture, read, text};

fn push_with(pointer: &str, value: Value) -> Result<String, String> {
    let mut payload = fixture("github-push-branch-created");
    *payload.pointer_mut(pointer).unwrap() = value;
    read(Forge::GitHub, "push", &payload.to_string())
        .map(|event| format!("{event:?}"))
        .map_err(|error| chain(&error))
}

#[test]
fn what_is_refused() {
    let branch = "`ref` in the payload of `push` is refused: ";
    let git =
        "; allowed: a branch, a tag or a full commit id, as `git check-ref-format` allows them";
    let name = "`repository.full_name` in the payload of `push` is refused: ";
    let parts = "; allowed: owner/name, of letters, digits, `_`, `-` and `.`, no part beginning with `-` or being `.` or `..`";
    let not_a_name =
        |value: &str| format!("{name}\"{value}\" is not the full name of a repository{parts}");
    let cases = [
        ("/ref", json!("refs/heads/-x"), format!("{branch}\"-x\" is not a revision: it begins with '-'{git}")),
        ("/ref", json!("refs/heads/a b"), format!("{branch}\"a b\" is not a revision: it holds ' '{git}")),
        ("/ref", json!("refs/heads/a\u{1b}[0m"), format!("{branch}\"a\\u{{1b}}[0m\" is not a revision: it holds '\\u{{1b}}'{git}")),
        ("/ref", json!("refs/heads/../x"), format!("{branch}\"../x\" is not a revision: it holds \"..\"{git}")),
        ("/ref", json!("refs/tags/"), format!("{branch}\"\" is not a revision: it is empty{git}")),
        ("/ref", Value::Null, "the payload of `push` has no `ref`".to_owned()),
        ("/after", Value::Null, "the payload of `push` has no `after`".to_owned()),
        ("/after", json!("abc"), "`after` in the payload of `push` is refused: \"abc\" is not a commit id; allowed: 40 hex digits".to_owned()),
        ("/before", json!("--help"), "`before` in the payload of `push` is refused: \"--help\" is not a commit id; allowed: 40 hex digits".to_owned()),
        ("/after", json!("a".repeat(64)), format!("`after` in the payload of `push` is refused: \"{}\" is not a commit id; allowed: 40 hex digits", "a".repeat(64))),
        ("/repository", Value::Null, "the payload of `push` has no `repository`".to_owned()),
        ("/repository/full_name", Value::Null, "the payload of `push` has no `repository.full_name`".to_owned()),
        ("/repository/full_name", json!("app"), not_a_name("app")),
        ("/repository/full_name", json!("a/../../x"), not_a_name("a/../../x")),
        ("/repository/full_name", json!("a/-x"), not_a_name("a/-x")),
        ("/repository/full_name", json!("a//b"), not_a_name("a//b")),
        ("/repository/full_name", json!("a/b\r\nBcc: x"), not_a_name("a/b\\r\\nBcc: x")),
    ];
    for (pointer, value, wanted) in cases {
        assert_eq!(push_with(pointer, value), Err(wanted), "{pointer}");
    }
    for (pointer, value) in [
        ("/commits", json!("x")),
        ("/commits", json!([null])),
        ("/commits/0/added", json!([1])),
        ("/repository", json!("o/r")),
        ("/after", json!(7)),
    ] {
        let error = push_with(pointer, value).unwrap_err();
        assert!(error.starts_with("the payload is no `push`: "), "{error}");
    }
    let twice = r#"{"after": "a", "after": "b"}"#;
    let error = chain(&read(Forge::GitHub, "push", twice).unwrap_err());
    assert!(
        error.starts_with("the payload is no `push`: duplicate field `after`"),
        "{error}"
    );
}

#[test]
fn what_is_left_out() {
    for (pointer, value) in [
        ("/repository/clone_url", json!("file:///etc")),
        ("/repository/clone_url", json!("ext::sh -c id")),
        (
            "/repository/clone_url",
            json!("https://user:password@github.com/o/r.git"),
        ),
        ("/repository/clone_url", json!("git@github.com:o/r.git")),
        ("/repository/clone_url", json!("https://-oProxyCommand=x/r")),
        ("/repository/clone_url", Value::Null),
        ("/repository/ssh_url", json!("https://github.com/o/r.git")),
        ("/repository/ssh_url", json!("-oProxyCommand=x@h:r")),
        ("/repository/default_branch", json!("--all")),
        ("/compare", json!("javascript:alert(1)")),
        ("/compare", json!("https://user:password@github.com/")),
        ("/compare", json!("not a URL")),
        ("/repository/html_url", json!("data:text/html,x")),
    ] {
        let with = push_with(pointer, value.clone()).unwrap();
        let without = push_with(pointer, Value::Null).unwrap();
        assert_eq!(with, without, "{pointer} {value}");
    }
}

#[test]
fn texts_are_one_line_without_control_characters() {
    for (message, wanted) in [
        ("Subject\r\nBcc: everybody", "Subject"),
        ("\n\n  Late  \nmore", "Late"),
        (
            "a\u{1b}[31mb\u{7}c\u{9b}d",
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d",
        ),
        ("x\u{202e}y\u{2028}z\rw", "x\u{fffd}y\u{fffd}z\u{fffd}w"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ] {
        let mut payload = fixture("github-push-branch-created");
        payload["head_commit"]["message"] = json!(message);
        payload["sender"]["login"] = json!(message);
        let event = read(Forge::GitHub, "push", &payload.to_string()).unwrap();
        assert_eq!(event.subject.unwrap().as_str(), wanted);
        assert_eq!(event.sender.unwrap().as_str(), wanted);
    }
}

/// New fields are ignored, whatever they hold; missing ones and nulls are the same.
#[test]
fn what_else_there_is() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for name in ["github-push-branch-created", "gitea-push"] {
        let plain = text(name);
        let more = plain.replacen('{', &format!("{{\"new\": {{\"x\": {deep}}},"), 1);
        let forge = if name.starts_with("gitea") {
            Forge::Gitea
        } else {
            Forge::GitHub
        };
        let events = [plain, more].map(|payload| read(forge, "push", &payload).unwrap());
        assert_eq!(events[0], events[1]);
    }
    let least = json!({
        "ref": "refs/heads/main", "after": "a".repeat(40), "repository": {"full_name": "o/r"},
    });
    let mut nulls = least.clone();
    for field in [
        "before",
        "forced",
        "commits",
        "head_commit",
        "compare",
        "sender",
    ] {
        nulls[field] = Value::Null;
    }
    let events = [least, nulls].map(|it| read(Forge::GitHub, "push", &it.to_string()).unwrap());
    assert_eq!(events[0], events[1]);
    let deeper = "[".repeat(100_000);
    assert!(read(Forge::GitHub, "push", &deeper).is_err());
}
