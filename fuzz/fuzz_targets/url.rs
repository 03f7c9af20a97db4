//! Whatever is sent as a target or a body: an answer, never a panic; and what is understood,
//! prints and reads back.
//!
//! The input is a target; what follows a first NUL in it, if there is one, is a body.

#![no_main]

use dogi_url::{
    Body, Expiry, Keys, RawTarget, RepoUrl, RequestError, RunRequest, Scheme, Secret, Unverified,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (target, body) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let Ok(raw) = RawTarget::split(target) else {
        return;
    };
    let keys = Keys::new(
        Some(Secret::new("a secret").expect("long enough")),
        [],
        true,
    );
    assert!(
        Unverified::new(raw).verify(&keys, 0).is_err(),
        "nobody guesses a signature"
    );
    signs_and_verifies(&keys, raw.as_str());
    if let Ok(verified) = Unverified::new(raw).danger_accept_unsigned() {
        for content_type in ["application/json", "application/x-www-form-urlencoded"] {
            let body = body.map(|bytes| Body {
                content_type: Some(content_type),
                bytes,
            });
            check(RunRequest::parse(&verified, body));
        }
    }
    if let Ok(repo) = raw.as_str()[1..].parse::<RepoUrl>() {
        check_repo(&repo);
        if let Some(joined) = body
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .and_then(|relative| repo.join_relative(relative).ok())
        {
            check_repo(&joined);
            assert_eq!((joined.host(), joined.port()), (repo.host(), repo.port()));
        }
    }
});

fn signs_and_verifies(keys: &Keys, target: &str) {
    for scheme in [Scheme::Hmac, Scheme::Legacy] {
        let Ok(signed) = keys.sign(target, Expiry::At(7), scheme) else {
            return;
        };
        let raw = RawTarget::split(&signed).expect("what is signed is a target");
        let verified = Unverified::new(raw)
            .verify(keys, 7)
            .expect("it was signed a moment ago");
        assert_eq!(verified.expires(), Some(7));
        assert!(Unverified::new(raw).verify(keys, 8).is_err());
    }
}

fn check(parsed: Result<RunRequest, RequestError>) {
    let request = match parsed {
        Ok(request) => request,
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.len() < 1500 && !text.contains(char::is_control),
                "{text:?}"
            );
            return;
        }
    };
    check_repo(&request.repo);
    request.check().expect("what was parsed is right");
    if let Ok(target) = request.to_target() {
        let raw = RawTarget::split(&target).expect("what is printed is a target");
        let verified = Unverified::new(raw)
            .danger_accept_unsigned()
            .expect("and has no `sig`");
        assert_eq!(
            RunRequest::parse(&verified, None).as_ref(),
            Ok(&request),
            "{target}"
        );
    }
    let json = serde_json::to_string(&request).expect("it can be written");
    assert_eq!(
        serde_json::from_str::<RunRequest>(&json).expect("and read"),
        request
    );
}

fn check_repo(repo: &RepoUrl) {
    let clone_url = repo.clone_url();
    assert_eq!(clone_url.parse().as_ref(), Ok(repo), "{clone_url}");
    assert_eq!(repo.as_str().parse().as_ref(), Ok(repo), "{repo}");
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
}
