mod gitlab;

use dogi_hooks::forge::{Delivery, Forge, Proof, Secrets, Verified, VerifyError};
use dogi_hooks::incoming::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

use super::chain;

/// Header fields.
type Fields<'f> = &'f [(&'f str, &'f str)];

const NOW: u64 = 1_700_000_000;
const BODY: &str = "Hello, World!";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_KEY: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Of GitHub's documentation, as the secret and the body.
const DOCUMENTED: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn secret(text: &str) -> [Secret; 1] {
    [Secret::new(text)]
}

fn secrets() -> Secrets {
    let documented = "It's a Secret to Everybody";
    Secrets::none()
        .github(secret("old").into_iter().chain(secret(documented)))
        .gitea(secret("old").into_iter().chain(secret(documented)))
        .gitlab_tokens(secret("old token").into_iter().chain(secret("token")))
        .gitlab_keys([OLD_KEY.parse().unwrap(), KEY.parse().unwrap()])
}

fn headers(fields: Fields<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    map
}

fn verify_with(
    secrets: &Secrets,
    fields: Fields<'_>,
    query: &str,
) -> Result<Verified, VerifyError> {
    let headers = headers(fields);
    let delivery = Delivery {
        headers: &headers,
        query,
        body: BODY.into(),
    };
    delivery.verify(secrets, NOW)
}

fn verify(fields: Fields<'_>) -> Result<Verified, VerifyError> {
    verify_with(&secrets(), fields, "")
}

fn sha1(body: &str, key: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    format!("sha1={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

/// What came of it: `github push id`, or a number for the kind of error and its text.
fn outcome(result: Result<Verified, VerifyError>) -> String {
    match result {
        Ok(verified) => format!(
            "{} {} {} {:?}",
            verified.forge().map_or("-", Forge::as_str),
            verified.event_name().map_or("-", |name| name.as_str()),
            verified.id().map_or("-", |id| id.as_str()),
            verified.proof()
        ),
        Err(error) => {
            let kind = if error.is_unauthentic() {
                "unproven"
            } else {
                "malformed"
            };
            format!("{kind}: {}", chain(&error))
        }
    }
}

#[test]
fn which_forge() {
    let github = ("x-github-event", "push");
    let gogs = ("x-gogs-event", "push");
    let gitea = ("x-gitea-event", "push");
    let forgejo = ("x-forgejo-event", "push");
    let gitlab = ("x-gitlab-event", "Push Hook");
    let cases: [(Fields<'_>, Result<Option<Forge>, ()>); 9] = [
        (&[], Ok(None)),
        (&[gogs], Ok(None)),
        (&[github], Ok(Some(Forge::GitHub))),
        (&[github, gogs, gitea], Ok(Some(Forge::Gitea))),
        (&[github, gogs, gitea, forgejo], Ok(Some(Forge::Forgejo))),
        (&[gitlab], Ok(Some(Forge::GitLab))),
        (&[gitlab, github], Err(())),
        (&[gitlab, gitea, github], Err(())),
        (&[forgejo, gitlab], Err(())),
    ];
    for (fields, wanted) in cases {
        let found = Forge::detect(&headers(fields));
        assert_eq!(
            found.as_ref().map_err(|_| ()).copied(),
            wanted,
            "{fields:?}"
        );
        if let Err(error) = found {
            assert!(!error.is_unauthentic(), "{error}");
        }
    }
}

#[test]
fn github() {
    let event = ("X-GitHub-Event", "push");
    let id = ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let right = format!("sha256={DOCUMENTED}");
    let old = sha1(BODY, "It's a Secret to Everybody");
    let (wrong, upper) = (old.replace(['0', '1'], "2"), right.to_uppercase());
    let taken = "github push 72d3162e-cc78-11e3-81ab-4c9367dc0958 Signature";
    let wrong_256 = "unproven: the signature in `x-hub-signature-256` is wrong";
    let wrong_1 = "unproven: the signature in `x-hub-signature` is wrong";
    let missing = "unproven: not signed: expected a header X-Hub-Signature-256";
    let digits_upper = format!("sha256={}", DOCUMENTED.to_uppercase());
    let cases: [(Fields<'_>, &str); 18] = [
        (&[("x-hub-signature-256", &right)], taken),
        (&[("x-hub-signature", &old)], taken),
        (
            &[("x-hub-signature-256", &right), ("x-hub-signature", &wrong)],
            taken,
        ),
        // The better one counts where it is there.
        (
            &[
                ("x-hub-signature-256", "sha256=00"),
                ("x-hub-signature", &old),
            ],
            wrong_256,
        ),
        (
            &[("x-hub-signature-256", ""), ("x-hub-signature", &old)],
            missing,
        ),
        (&[], missing),
        (&[("x-gitea-signature", DOCUMENTED)], missing),
        (&[("x-hub-signature", &wrong)], wrong_1),
        (&[("x-hub-signature-256", &old)], wrong_256),
        (&[("x-hub-signature", &right)], wrong_1),
        (&[("x-hub-signature-256", DOCUMENTED)], wrong_256),
        (&[("x-hub-signature-256", &upper)], wrong_256),
        (&[("x-hub-signature-256", &digits_upper)], wrong_256),
        (
            &[("x-hub-signature-256", &right[..right.len() - 1])],
            wrong_256,
        ),
        (
            &[("x-hub-signature-256", &right[..right.len() - 2])],
            wrong_256,
        ),
        (&[("x-hub-signature-256", &format!("{right}00"))], wrong_256),
        (
            &[("x-hub-signature-256", &format!("{right},{right}"))],
            wrong_256,
        ),
        (
            &[
                ("x-hub-signature-256", &right),
                ("x-hub-signature-256", &right),
            ],
            "malformed: the header `x-hub-signature-256` stands more than once",
        ),
    ];
    for (fields, wanted) in cases {
        let fields = [&[event, id], fields].concat();
        assert_eq!(outcome(verify(&fields)), wanted, "{fields:?}");
    }
}

#[test]
fn gitea_and_forgejo() {
    let github = ("x-github-event", "push");
    let gitea = [
        github,
        ("x-gitea-event", "push"),
        ("x-gitea-delivery", "g1"),
    ];
    let forgejo = [
        gitea.as_slice(),
        &[("x-forgejo-event", "push"), ("x-forgejo-delivery", "f1")],
    ];
    let forgejo = forgejo.concat();
    let zero = "0".repeat(64);
    let cases: [(Fields<'_>, Fields<'_>, &str); 9] = [
        (
            &gitea,
            &[("x-gitea-signature", DOCUMENTED)],
            "gitea push g1 Signature",
        ),
        (
            &forgejo,
            &[("x-forgejo-signature", DOCUMENTED)],
            "forgejo push f1 Signature",
        ),
        (
            &forgejo,
            &[
                ("x-forgejo-signature", DOCUMENTED),
                ("x-gitea-signature", &zero),
            ],
            "forgejo push f1 Signature",
        ),
        (
            &forgejo,
            &[("x-gitea-signature", DOCUMENTED)],
            "unproven: not signed: expected a header X-Forgejo-Signature",
        ),
        // Gitea without a secret sends an empty one.
        (
            &gitea,
            &[("x-gitea-signature", "")],
            "unproven: not signed: expected a header X-Gitea-Signature",
        ),
        (
            &gitea,
            &[("x-hub-signature-256", &format!("sha256={DOCUMENTED}"))],
            "unproven: not signed: expected a header X-Gitea-Signature",
        ),
        (
            &gitea,
            &[("x-gitea-signature", &format!("sha256={DOCUMENTED}"))],
            "unproven: the signature in `x-gitea-signature` is wrong",
        ),
        (
            &gitea,
            &[("x-gitea-signature", &zero)],
            "unproven: the signature in `x-gitea-signature` is wrong",
        ),
        (
            &gitea,
            &[
                ("x-gitea-event", "create"),
                ("x-gitea-signature", DOCUMENTED),
            ],
            "malformed: the header `x-gitea-event` stands more than once",
        ),
    ];
    for (base, fields, wanted) in cases {
        let fields = [base, fields].concat();
        assert_eq!(outcome(verify(&fields)), wanted, "{fields:?}");
    }
}

#[test]
fn nothing_is_open_without_a_secret() {
    let empty = Secrets::none()
        .github(secret(""))
        .gitea(secret(""))
        .gitlab_tokens(secret(""))
        .query_tokens(secret(""));
    let of_nothing = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), BODY.as_bytes());
    let digits = hex::encode(of_nothing);
    let hub = format!("sha256={digits}");
    for secrets in [Secrets::none(), empty] {
        for (event, proof, name) in [
            (
                "x-github-event",
                ("x-hub-signature-256", hub.as_str()),
                "GitHub",
            ),
            ("x-gitea-event", ("x-gitea-signature", &digits), "Gitea"),
            (
                "x-forgejo-event",
                ("x-forgejo-signature", &digits),
                "Forgejo",
            ),
            ("x-gitlab-event", ("x-gitlab-token", ""), "GitLab"),
        ] {
            let result = verify_with(&secrets, &[(event, "push"), proof], "token=");
            let text = format!(
                "unproven: no secret is set for {name}, without which nothing of it is taken"
            );
            assert_eq!(outcome(result), text);
        }
        let text = outcome(verify_with(&secrets, &[], "token="));
        assert!(text.starts_with("malformed: no forge sends this"), "{text}");
    }
    // One forge's secret is not another's.
    let github = Secrets::none().github(secret("It's a Secret to Everybody"));
    let fields = [("x-gitea-event", "push"), ("x-gitea-signature", DOCUMENTED)];
    let text = outcome(verify_with(&github, &fields, ""));
    assert!(
        text.starts_with("unproven: no secret is set for Gitea"),
        "{text}"
    );
}

#[test]
fn token_in_the_query() {
    let secrets = Secrets::none()
        .query_tokens(secret("a b&c"))
        .github(secret("It's a Secret to Everybody"));
    let event = ("x-github-event", "push");
    let id = ("x-github-delivery", "i");
    let right = format!("sha256={DOCUMENTED}");
    let signed = ("x-hub-signature-256", right.as_str());
    let place = "the parameter `token` of the query";
    let wrong = format!("unproven: {place} is not the token that is set");
    let missing = format!("unproven: not signed: expected {place}");
    let cases: [(Fields<'_>, &str, &str); 11] = [
        (&[], "token=a+b%26c", "- - - QueryToken"),
        (&[], "x=1&token=a%20b%26c&y", "- - - QueryToken"),
        (&[event, id], "token=a+b%26c", "github push i QueryToken"),
        (&[event, id, signed], "", "github push i Signature"),
        (&[event, id, signed], "token=wrong", &wrong),
        (&[], "token=a", &wrong),
        (&[], "token=", &wrong),
        (&[], "token", &wrong),
        (&[], "Token=a+b%26c", &missing),
        (&[], "", &missing),
        (
            &[],
            "token=a+b%26c&token=a+b%26c",
            "malformed: the parameter `token` of the query stands more than once",
        ),
    ];
    for (fields, query, wanted) in cases {
        assert_eq!(
            outcome(verify_with(&secrets, fields, query)),
            wanted,
            "{query}"
        );
    }
    let gitea = [("x-gitea-event", "push")];
    assert_eq!(outcome(verify_with(&secrets, &gitea, "")), missing);
}

#[test]
fn headers_that_no_forge_sends() {
    let right = format!("sha256={DOCUMENTED}");
    let signed = ("x-hub-signature-256", right.as_str());
    let cases: [(Fields<'_>, &str); 4] = [
        (
            &[("x-github-event", "pu\tsh")],
            "malformed: the header `x-github-event` is refused: \"pu\\tsh\" is not the name of an event or action; allowed: 1 to 64 letters, digits, `_`, `-`, `.` and single spaces, beginning with a letter or digit",
        ),
        (
            &[("x-github-event", "püsh")],
            "malformed: the header `x-github-event` is not visible ASCII",
        ),
        (
            &[("x-github-event", "push"), ("x-github-delivery", "../x")],
            "malformed: the header `x-github-delivery` is refused: \"../x\" is not the id of a delivery; allowed: 1 to 128 letters, digits, `_`, `-`, `.` and `:`, beginning with a letter or digit",
        ),
        (
            &[
                ("x-github-event", "push"),
                ("x-github-delivery", "a"),
                ("x-github-delivery", "a"),
            ],
            "malformed: the header `x-github-delivery` stands more than once",
        ),
    ];
    for (fields, wanted) in cases {
        let fields = [&[signed], fields].concat();
        assert_eq!(outcome(verify(&fields)), wanted);
    }
}

#[test]
fn what_is_verified_is_what_was_sent() {
    let fields = [
        ("x-github-event", "push"),
        ("x-hub-signature-256", &format!("sha256={DOCUMENTED}")),
    ];
    let verified = verify(&fields).unwrap();
    assert_eq!(verified.body(), BODY);
    assert_eq!(verified.proof(), Proof::Signature);
    // It came without an id: the same body is the same delivery.
    let id = verified.id().unwrap().as_str();
    assert!(id.starts_with("sha256:dffd6021bb2b"), "{id}");
    assert!(!format!("{:?}", secrets()).contains("Secret to"));
}
