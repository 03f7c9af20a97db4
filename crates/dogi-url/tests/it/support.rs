//! What several subjects need.

use std::time::{Duration, Instant};

use dogi_url::{Body, Keys, RawTarget, RequestError, RunRequest, Secret, Unverified, Verified};

pub(crate) const SECRET: &str = "correct horse";
pub(crate) const PREVIOUS: &str = "battery staple";
pub(crate) const REPO: &str = "/https/github.com/o/r.git";

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).expect("the secrets of the tests are long enough")
}

/// Takes SHA-1 too, and knows a previous secret.
pub(crate) fn keys() -> Keys {
    Keys::new(Some(secret(SECRET)), [secret(PREVIOUS)], true)
}

pub(crate) fn unsigned(target: &str) -> Verified<'_> {
    let target = RawTarget::split(target).expect("a request target");
    Unverified::new(target)
        .danger_accept_unsigned()
        .expect("no bad `sig`, `exp`, `body_sha256`")
}

/// A run URL's query, unsigned.
pub(crate) fn query(query: &str) -> Result<RunRequest, RequestError> {
    target(&format!("{REPO}?{query}"))
}

/// A whole target, unsigned.
pub(crate) fn target(target: &str) -> Result<RunRequest, RequestError> {
    RunRequest::parse(&unsigned(target), None)
}

/// A POST, unsigned.
pub(crate) fn post(query: &str, kind: &str, bytes: &[u8]) -> Result<RunRequest, RequestError> {
    let body = Body {
        content_type: Some(kind),
        bytes,
    };
    RunRequest::parse(&unsigned(&format!("{REPO}?{query}")), Some(body))
}

/// Far more than anything takes here, far less than what takes quadratic time would.
pub(crate) fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    result
}
