//! Whatever is delivered: nothing is authentic that was not signed, a payload is an event of safe
//! values or an error of one line; never a panic.
//!
//! The first line of the input is the name of an event, with `github`, `gitea`, `forgejo` or
//! `gitlab` and a space before it, or `form` for a form; the rest is the body. The same bytes stand
//! in the headers that prove something.

#![no_main]

use dogi_hooks::forge::{Delivery, Event, Forge, Secrets};
use dogi_hooks::incoming::Secret;
use libfuzzer_sys::fuzz_target;

const PROOFS: [&str; 8] = [
    "x-hub-signature-256",
    "x-hub-signature",
    "x-gitea-signature",
    "x-forgejo-signature",
    "x-gitlab-token",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

fn secrets() -> Secrets {
    let secret = || [Secret::new("nobody \u{e9} can guess this one, and it is not even ASCII")];
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse();
    Secrets::none()
        .github(secret())
        .gitea(secret())
        .gitlab_tokens(secret())
        .gitlab_keys(key)
        .query_tokens(secret())
}

fn check(event: &Event) {
    for line in [&event.subject, &event.sender].into_iter().flatten() {
        assert!(!line.as_str().contains(char::is_control));
    }
    if let Some(reference) = &event.reference {
        assert!(!reference.name().as_str().starts_with('-'));
    }
    if let Some(repository) = &event.repository {
        assert!(!repository.full_name.as_str().contains(".."));
    }
    let _ = event.is_ignored();
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (first, body) = data.split_at(end.unwrap_or(data.len()));
    let first = String::from_utf8_lossy(first);
    let (forge, name) = first.split_once(' ').unwrap_or((&first, "push"));
    let known = Forge::ALL.into_iter().find(|it| it.as_str() == forge);

    let mut headers = http::HeaderMap::new();
    if forge == "form" {
        let form = http::HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert("content-type", form);
    }
    if let (Some(forge), Ok(name)) = (known, http::HeaderValue::from_str(name)) {
        headers.insert(forge.event_header(), name);
    }
    if let Ok(value) = http::HeaderValue::from_bytes(body.trim_ascii()) {
        for header in PROOFS {
            headers.insert(header, value.clone());
        }
    }
    let query = String::from_utf8_lossy(body);
    let delivery = Delivery {
        headers: &headers,
        query: &query,
        body: body.to_vec().into(),
    };
    let refused = delivery.verify(&secrets(), 0).map(|it| it.proof());
    assert!(!refused.unwrap_err().to_string().contains('\n'));

    let delivery = Delivery {
        headers: &headers,
        query: "token=sesame",
        body: body.to_vec().into(),
    };
    let token = Secrets::none().query_tokens([Secret::new("sesame")]);
    let Ok(verified) = delivery.verify(&token, 0) else {
        return;
    };
    match verified.event() {
        Ok(event) => check(&event),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
