//! Credentials from the Docker CLI's files and helper programs.

use std::path::Path;
use std::time::{Duration, Instant};

use dogi_docker::{AuthError, Credentials, RegistryAuth};

use crate::support::{executable, within};

fn password(user: &str, password: &str) -> Option<Credentials> {
    Some(Credentials::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

fn config(json: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.json"), json).unwrap();
    directory
}

/// A helper that knows one registry, and notes how it was called.
fn helper(directory: &Path, name: &str) {
    let script = r#"#!/bin/sh
read -r registry
echo "$# $1 $registry" >> "$(dirname "$0")/calls"
case "$1 $registry" in
  "get known.example"|"get https://index.docker.io/v1/") echo '{"ServerURL":"x","Username":"from","Secret":"helper"}';;
  "get token.example") echo '{"ServerURL":"x","Username":"<token>","Secret":"t0ken"}';;
  "get broken.example") echo 'the vault is locked'; exit 1;;
  "get nonsense.example") echo 'hello';;
  "get slow.example") sleep 100;;
  "list "*) echo '{"known.example":"from","https://index.docker.io/v1/":"x"}';;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac
"#;
    executable(
        &directory.join(format!("docker-credential-{name}")),
        script.as_bytes(),
    );
}

#[tokio::test]
async fn the_file_is_read_as_the_cli_reads_it() {
    // base64 of "user:pass:word" and "ci:x"
    let directory = config(
        r#"{
          "auths": {
            "https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNzOndvcmQ="},
            "registry.example:5000": {"auth": "Y2k6eA=="},
            "https://old.example/v2/": {"auth": "Y2k6eA"},
            "plain.example": {"username": "a", "password": "b"},
            "token.example": {"auth": "PHRva2VuPjo=", "identitytoken": "t0ken"},
            "empty.example": {},
            "bad.example": {"auth": "!!!"},
            "nocolon.example": {"auth": "bm9jb2xvbg=="}
          },
          "HttpHeaders": {"User-Agent": "x"}, "psFormat": "y", "currentContext": "default"
        }"#,
    );
    let auth = RegistryAuth::cli(directory.path());
    let cases = [
        ("docker.io", password("user", "pass:word")),
        ("index.docker.io", password("user", "pass:word")),
        ("registry.example:5000", password("ci", "x")),
        ("REGISTRY.example:5000", password("ci", "x")),
        ("registry.example", None),
        ("old.example", password("ci", "x")),
        ("plain.example", password("a", "b")),
        (
            "token.example",
            Some(Credentials::IdentityToken("t0ken".into())),
        ),
        ("empty.example", None),
        ("unknown.example", None),
    ];
    for (registry, wanted) in cases {
        assert_eq!(auth.find(registry).await.unwrap(), wanted, "{registry}");
    }
    for registry in ["bad.example", "nocolon.example"] {
        let error = auth.find(registry).await.unwrap_err();
        assert!(
            error.to_string().contains("is not base64 of user:password"),
            "{error}"
        );
        assert!(error.to_string().contains(registry), "{error}");
    }
    let explicit = auth.with("https://docker.io", password("mine", "wins").unwrap());
    assert_eq!(
        explicit.find("docker.io").await.unwrap(),
        password("mine", "wins")
    );
    assert_eq!(
        explicit.find("registry.example:5000").await.unwrap(),
        password("ci", "x")
    );
}

#[tokio::test]
async fn nothing_configured_is_fine_and_nonsense_is_told_without_its_content() {
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(
        RegistryAuth::cli(empty.path())
            .find("x.example")
            .await
            .unwrap(),
        None
    );
    assert_eq!(RegistryAuth::none().find("x.example").await.unwrap(), None);
    let directory = config("{\"auths\": {\"x\": {\"auth\": s3cret}}}");
    let error = RegistryAuth::cli(directory.path())
        .find("x")
        .await
        .unwrap_err();
    assert!(
        matches!(error, AuthError::Parse { line: 1, .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?} {error}").contains("s3cret"));
    let shown = format!(
        "{:?}",
        RegistryAuth::none().with("x", password("u", "s3cret").unwrap())
    );
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn helpers_are_asked_and_their_failures_told() {
    let directory = config(
        r#"{"auths": {"file.example": {"auth": "Y2k6eA=="}, "known.example": {}},
            "credsStore": "store",
            "credHelpers": {"token.example": "own", "gone.example": "gone", "evil.example": "../../bin/sh",
                            "broken.example": "own", "nonsense.example": "own"}}"#,
    );
    let programs = tempfile::tempdir().unwrap();
    helper(programs.path(), "store");
    helper(programs.path(), "own");
    let auth = RegistryAuth::cli(directory.path()).helpers_in(programs.path());
    let cases = [
        ("known.example", password("from", "helper")),
        ("docker.io", password("from", "helper")),
        (
            "token.example",
            Some(Credentials::IdentityToken("t0ken".into())),
        ),
        // What the store does not know may stand in the file.
        ("file.example", password("ci", "x")),
        ("other.example", None),
        // No argument, whatever it looks like.
        ("--help", None),
    ];
    for (registry, wanted) in cases {
        assert_eq!(auth.find(registry).await.unwrap(), wanted, "{registry}");
    }
    let failures = [
        (
            "gone.example",
            "docker-credential-gone for \"gone.example\": can't be run",
        ),
        (
            "evil.example",
            "\"../../bin/sh\" is no name of a credential helper",
        ),
        (
            "broken.example",
            "it failed (exit status: 1): the vault is locked",
        ),
        ("nonsense.example", "its answer is not the JSON expected"),
    ];
    for (registry, wanted) in failures {
        let error = auth.find(registry).await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let calls = std::fs::read_to_string(programs.path().join("calls")).unwrap();
    assert!(
        calls.lines().all(|line| line.starts_with("1 get ")),
        "{calls}"
    );
}

#[tokio::test]
async fn a_helper_is_ended_when_nobody_waits_for_it() {
    let directory = config(r#"{"credsStore": "store"}"#);
    let programs = tempfile::tempdir().unwrap();
    helper(programs.path(), "store");
    let auth = RegistryAuth::cli(directory.path()).helpers_in(programs.path());
    let begun = Instant::now();
    let asked = tokio::time::timeout(Duration::from_millis(300), auth.find("slow.example"));
    assert!(asked.await.is_err());
    within(5, "the next one", auth.find("known.example"))
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}
