//! Whatever a hooks file is and whatever is sent: mistakes that are each one line, or hooks that
//! answer; never a panic.
//!
//! The input is a file; what follows a first NUL in it, if there is one, is a body, which stands in
//! the query and in headers too.

#![no_main]

use dogi_hooks::incoming::{
    Hooks, Received, Request, Secret, SecretLookup, Unreadable,
};
use libfuzzer_sys::fuzz_target;

/// Every name holds its own secret.
struct Names;

impl SecretLookup for Names {
    fn env(&self, name: &str) -> Result<Option<Secret>, Unreadable> {
        Ok(Some(Secret::new(name)))
    }

    fn file(&self, path: &str) -> Result<Secret, Unreadable> {
        Ok(Secret::new(path))
    }
}

fn received(body: &[u8]) -> Received {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        "content-type",
        http::HeaderValue::from_static("application/json"),
    );
    if let Ok(value) = http::HeaderValue::from_bytes(body) {
        for name in ["x-sig", "x-signature", "date"] {
            headers.insert(name, value.clone());
        }
    }
    Received {
        method: http::Method::POST,
        headers,
        query: String::from_utf8_lossy(body).into_owned(),
        peer: ([192, 0, 2, 1], 80).into(),
        client: [192, 0, 2, 1].into(),
        body: body.to_vec().into(),
        at: 0,
    }
}

fuzz_target!(|data: &[u8]| {
    let (file, body) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"{}"[..]),
    };
    let Ok(file) = std::str::from_utf8(file) else {
        return;
    };
    let hooks = match Hooks::read(&[("f".into(), file.to_owned())], &Names) {
        Ok(hooks) => hooks,
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                assert!(!mistake.message.contains('\n'), "{mistake}");
            }
            return;
        }
    };
    hooks.explain().for_each(|finding| drop(finding.to_string()));
    for hook in &hooks {
        let Ok(request) = Request::read(received(body), hook.shape()) else {
            continue;
        };
        let verdict = hook.evaluate(&request);
        assert_eq!(verdict.is_true(), verdict.reason().is_none());
        assert!(!(verdict.is_true() && verdict.wrong_signature()));
        let _ = hook.mismatch_status(&verdict);
        let _ = hook.command(&request).map_err(|error| error.to_string());
    }
});
