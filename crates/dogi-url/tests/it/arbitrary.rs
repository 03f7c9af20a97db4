//! Whatever is sent: an answer, never a panic; and what is understood, prints and reads back.

use dogi_url::{Body, RawTarget, RepoUrl, RequestError, RunRequest, Unverified};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::keys;

/// Everything that a target goes through.
fn through(target: &[u8], body: Option<Body<'_>>) -> Option<Result<RunRequest, RequestError>> {
    let raw = RawTarget::split(target).ok()?;
    let _ = Unverified::new(raw)
        .verify(&keys(), 0)
        .map_err(|error| error.to_string());
    let verified = Unverified::new(raw).danger_accept_unsigned().ok()?;
    let parsed = RunRequest::parse(&verified, body);
    match &parsed {
        Err(error) => inert(error),
        Ok(request) => reads_back(request),
    }
    Some(parsed)
}

/// A message can be shown: one line, no escape sequences, not as long as what was sent.
fn inert(error: &RequestError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 1500, "{} bytes", text.len());
}

fn reads_back(request: &RunRequest) {
    request.check().expect("what was parsed is right");
    if let Ok(target) = request.to_target() {
        let raw = RawTarget::split(&target).expect("what is printed is a target");
        let verified = Unverified::new(raw)
            .danger_accept_unsigned()
            .expect("and has no `sig`");
        assert_eq!(
            RunRequest::parse(&verified, None).as_ref(),
            Ok(request),
            "{target}"
        );
    }
    let json = serde_json::to_string(request).expect("it can be written");
    assert_eq!(
        serde_json::from_str::<RunRequest>(&json).expect("and read"),
        *request
    );
}

/// Pieces that URLs are made of, good and bad ones.
fn piece() -> impl Strategy<Value = String> {
    let words = vec![
        "/https/",
        "/ssh/",
        "/file/",
        "git@",
        "h.example",
        "github.com/o/r.git",
        ":",
        "22",
        "/",
        "..",
        "-",
        "?",
        "&",
        "=",
        "%",
        "%2",
        "%00",
        "%0a",
        "%2f",
        "%ff",
        "%C3%A4",
        "+",
        ",",
        "@",
        "[::1]",
        "sig=",
        "%73ig=",
        "exp=1",
        "body_sha256=",
        "action=run",
        "output=",
        "log",
        "status",
        "file_x",
        "file_x=/y",
        "node_x",
        "output_type=wait",
        "id=",
        "ref=",
        "df=",
        "context=",
        "target=",
        "build_arg_A=1",
        "platform=linux/amd64",
        "git_dir=1",
        "image=",
        "busybox",
        "pipeline=",
        "*",
        "cmd=",
        "bashc=",
        "env_A=",
        "tty=0",
        "timeout=9s",
        "memory=9m",
        "cpus=1",
        "group=",
        "group_policy=reject",
        "attach=1",
        "cb=http://h/",
        "cb_on=always",
        "rebuild=1",
        "on_fail=abort",
    ];
    prop_oneof![9 => select(words).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn bytes(target in vec(any::<u8>(), 0..200), body in vec(any::<u8>(), 0..200)) {
        through(&target, None);
        let target = [b"/https/h.example/r?", &target[..]].concat();
        for kind in ["application/json", "application/x-www-form-urlencoded"] {
            through(&target, Some(Body { content_type: Some(kind), bytes: &body }));
            through(b"/https/h.example/r", Some(Body { content_type: Some(kind), bytes: &body }));
        }
    }

    #[test]
    fn pieces(pieces in vec(piece(), 0..12)) {
        let text = pieces.concat();
        through(text.as_bytes(), None);
        through(format!("/https/{text}").as_bytes(), None);
        through(format!("/https/h.example/r?{text}").as_bytes(), None);
        through(format!("/https/h.example/r?{}", pieces.join("&")).as_bytes(), None);
        let body = Body { content_type: Some("application/x-www-form-urlencoded"), bytes: text.as_bytes() };
        through(b"/https/h.example/r", Some(body));
    }

    #[test]
    fn clone_urls(pieces in vec(piece(), 0..6), relative in "(\\.\\.?/){0,3}\\PC{0,8}") {
        for text in [pieces.concat(), format!("https://{}", pieces.concat()), format!("git@{}", pieces.concat())] {
            let Ok(repo) = text.parse::<RepoUrl>() else { continue };
            safe(&repo);
            if let Ok(joined) = repo.join_relative(&relative) {
                safe(&joined);
                prop_assert_eq!((joined.scheme(), joined.host(), joined.port()), (repo.scheme(), repo.host(), repo.port()));
            }
        }
    }
}

/// Inputs that once failed, as the fuzzer (`fuzz/fuzz_targets/url.rs`) left them.
#[test]
fn finds() {
    // the suggested name held control characters of the name that was sent
    let body = b"on_fail0{\"action\":\"run\"b \0\0\0\0\0\0\0\x10_A\":1,\"attach\":true}";
    let body = Body {
        content_type: Some("application/x-www-form-urlencoded"),
        bytes: body,
    };
    assert!(matches!(
        through(b"/https/h.example/r", Some(body)),
        Some(Err(RequestError::Unknown { .. }))
    ));
}

/// What the type promises.
fn safe(repo: &RepoUrl) {
    let clone_url = repo.clone_url();
    assert_eq!(clone_url.parse().as_ref(), Ok(repo), "{clone_url}");
    assert!(!clone_url.starts_with('-') && !repo.path().trim_start_matches('/').starts_with('-'));
    assert!(
        !repo
            .host()
            .is_some_and(|host| host.starts_with('-') || host.is_empty())
    );
    assert!(!clone_url.contains(char::is_control) && !repo.path().contains(char::is_control));
    assert!(
        repo.path()
            .split('/')
            .all(|part| part != ".." && part != ".")
    );
    assert!(
        repo.scheme() == "ssh"
            || repo.scheme() == "file"
            || !clone_url.split('/').nth(2).is_some_and(|h| h.contains('@'))
    );
}
