use std::time::{Duration, SystemTime};

use dogi_hooks::{Outcome, forge::Forge};
use http::HeaderMap;
use proptest::prelude::*;

use super::{TOKEN, api};

/// Names and values of header fields.
type Headers<'a> = &'a [(&'static str, &'a str)];

const NOW: u64 = 1_700_000_000;

fn read(forge: Forge, status: u16, headers: Headers<'_>, body: &str) -> Outcome {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    api(forge, "https://forge.example").read(status, &map, body.as_bytes(), now)
}

#[test]
fn what_is_told() {
    let transition = r#"{"message":"Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}"#;
    for forge in Forge::ALL {
        for status in [200, 201, 204] {
            assert_eq!(read(forge, status, &[], "{}"), Outcome::Told);
        }
        let told = read(forge, 400, &[], transition) == Outcome::Told;
        assert_eq!(told, forge == Forge::GitLab, "{forge}");
    }
    assert!(matches!(
        read(Forge::GitLab, 403, &[], transition),
        Outcome::Refused { .. }
    ));
    assert!(matches!(
        read(Forge::GitLab, 400, &[], r#"{"message":"sha is invalid"}"#),
        Outcome::Refused { .. }
    ));
}

#[test]
fn what_is_worth_repeating_and_when() {
    let spent = ("x-ratelimit-remaining", "0");
    let left = ("x-ratelimit-remaining", "5");
    let reset = ("x-ratelimit-reset", "1700000090");
    let past = ("x-ratelimit-reset", "1699999999");
    let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait"}"#;
    let cases: &[(u16, Headers<'_>, &str, Option<u64>)] = &[
        (429, &[], "", None),
        (429, &[("retry-after", "30")], "", Some(30)),
        (
            429,
            &[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")],
            "",
            Some(60),
        ),
        (429, &[spent, reset], "", Some(90)),
        (429, &[], secondary, Some(60)),
        (
            429,
            &[
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", "1700000005"),
            ],
            "",
            Some(5),
        ),
        // The word of the forge comes first.
        (429, &[("retry-after", "30"), spent, reset], "", Some(30)),
        (403, &[("retry-after", "60")], "", Some(60)),
        (403, &[spent, reset], "", Some(90)),
        (403, &[spent, past], "", Some(0)),
        (403, &[], secondary, Some(60)),
        (
            403,
            &[spent, ("x-ratelimit-reset", "soon")],
            secondary,
            Some(60),
        ),
        (408, &[], "", None),
        (500, &[], "<html>", None),
        (502, &[], "", None),
        (503, &[("retry-after", "120")], "", Some(120)),
        (504, &[], "", None),
        // A limit that has nothing to do with it.
        (500, &[spent, reset], "", None),
        (429, &[left, reset], "", None),
    ];
    for (status, headers, body, wanted) in cases {
        match read(Forge::GitHub, *status, headers, body) {
            Outcome::Retry { after, .. } => {
                assert_eq!(
                    after,
                    wanted.map(Duration::from_secs),
                    "{status} {headers:?}"
                );
            }
            other => panic!("{status} {headers:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_refused_and_why() {
    let left: Headers<'_> = &[
        ("x-ratelimit-remaining", "5"),
        ("x-ratelimit-reset", "1700000090"),
    ];
    let cases: &[(Forge, u16, Headers<'_>, &str, &str)] = &[
        (
            Forge::GitHub,
            401,
            &[],
            r#"{"message":"Bad credentials","documentation_url":"https://x"}"#,
            "GitHub answered 401: Bad credentials",
        ),
        (
            Forge::GitHub,
            403,
            &[],
            r#"{"message":"Resource not accessible by personal access token"}"#,
            "GitHub answered 403: Resource not accessible by personal access token",
        ),
        (Forge::GitHub, 403, left, "", "GitHub answered 403"),
        (
            Forge::GitHub,
            404,
            &[],
            r#"{"message":"Not Found"}"#,
            "GitHub answered 404: Not Found",
        ),
        (
            Forge::GitHub,
            422,
            &[],
            r#"{"message":"Validation Failed","errors":[{"resource":"Status","code":"custom","message":"No commit found for SHA"},{"code":"invalid"}]}"#,
            "GitHub answered 422: Validation Failed: No commit found for SHA: invalid",
        ),
        (
            Forge::GitHub,
            301,
            &[("location", "https://evil.example/")],
            "",
            "GitHub answered 301, a redirect, which is not followed",
        ),
        (
            Forge::Forgejo,
            404,
            &[],
            "<html>no</html>",
            "Forgejo answered 404",
        ),
        (Forge::Gitea, 400, &[], "\u{feff}", "Gitea answered 400"),
        (
            Forge::GitLab,
            400,
            &[],
            r#"{"message":{"name":["is too long"]}}"#,
            r#"GitLab answered 400: {"name":["is too long"]}"#,
        ),
        (
            Forge::GitLab,
            400,
            &[],
            r#"{"error":"state does not have a valid value"}"#,
            "GitLab answered 400: state does not have a valid value",
        ),
        (
            Forge::GitLab,
            403,
            &[],
            r#"{"message":"a\r\n\u001b[31mb\u202ec"}"#,
            "GitLab answered 403: a\u{fffd}\u{fffd}\u{fffd}[31mb\u{fffd}c",
        ),
    ];
    for (forge, status, headers, body, wanted) in cases {
        let refused = Outcome::Refused {
            reason: (*wanted).to_owned(),
        };
        assert_eq!(read(*forge, *status, headers, body), refused);
    }
}

#[test]
fn the_words_of_a_forge_are_bounded_and_hold_no_token() {
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(5000));
    let reason = read(Forge::GitHub, 401, &[], &long).to_string();
    assert!(
        reason.ends_with("x…") && reason.chars().count() < 350,
        "{reason}"
    );
    // Also where the cut would fall into it.
    for before in 280..310 {
        let body = format!(r#"{{"message":"{}{TOKEN}"}}"#, "x".repeat(before));
        let reason = read(Forge::GitLab, 401, &[], &body).to_string();
        assert!(!reason.contains("s3"), "{reason}");
    }
}

proptest! {
    #[test]
    fn any_answer_is_understood(
        status in 100..1000_u16,
        body in any::<Vec<u8>>(),
        retry in any::<Option<u64>>(),
        reset in any::<Option<u64>>(),
    ) {
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert("retry-after", retry.into());
        }
        if let Some(reset) = reset {
            headers.insert("x-ratelimit-remaining", 0.into());
            headers.insert("x-ratelimit-reset", reset.into());
        }
        for forge in Forge::ALL {
            let api = api(forge, "https://forge.example");
            let outcome = api.read(status, &headers, &body, SystemTime::UNIX_EPOCH);
            prop_assert_eq!(outcome == Outcome::Told, (200..300).contains(&status));
        }
    }
}
