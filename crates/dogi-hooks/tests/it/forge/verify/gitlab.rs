use dogi_hooks::forge::Secrets;
use dogi_hooks::{MessageId, Signer};

use super::{BODY, Fields, KEY, NOW, OLD_KEY, outcome, secret, verify, verify_with};

#[test]
fn gitlab_token() {
    let event = ("x-gitlab-event", "Push Hook");
    let key = ("idempotency-key", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f");
    let uuid = (
        "x-gitlab-event-uuid",
        "13792a34-cac6-4fda-95a8-c58e00a3954e",
    );
    let of_body = "sha256:dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f";
    let by_body = format!("gitlab Push Hook {of_body} Token");
    let wrong = "unproven: the header `x-gitlab-token` is not the token that is set";
    let cases: [(Fields<'_>, &str); 8] = [
        (
            &[("x-gitlab-token", "token"), key, uuid],
            "gitlab Push Hook f5e5f430-f57b-4e6e-9fac-d9128cd7232f Token",
        ),
        (&[("x-gitlab-token", "old token"), uuid], &by_body),
        (&[("x-gitlab-token", "Token")], wrong),
        (&[("x-gitlab-token", "toke")], wrong),
        (&[("x-gitlab-token", "token1")], wrong),
        (
            &[("x-gitlab-token", "")],
            "unproven: not signed: expected a header X-Gitlab-Token",
        ),
        (
            &[],
            "unproven: not signed: expected a header X-Gitlab-Token",
        ),
        (
            &[("x-gitlab-token", "wrong"), ("x-gitlab-token", "token")],
            "malformed: the header `x-gitlab-token` stands more than once",
        ),
    ];
    for (fields, wanted) in cases {
        let fields = [&[event], fields].concat();
        assert_eq!(outcome(verify(&fields)), wanted, "{fields:?}");
    }
}

#[test]
fn gitlab_signing_key() {
    let id: MessageId = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f".parse().unwrap();
    let sign = |key: &str, at: u64, body: &str| {
        let signer: Signer = key.parse().unwrap();
        signer.sign(&id, at, body.as_bytes())
    };
    let right = sign(KEY, NOW, BODY);
    let other = sign("whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", NOW, BODY);
    let wrong = "unproven: the signature in `webhook-signature` is wrong";
    let taken = format!("gitlab Push Hook {id} StandardSignature");
    let stale = |signed: u64| {
        format!(
            "unproven: signed at {signed} and received at {NOW} (Unix time): \
             expected at most 300 s between"
        )
    };
    let cases = [
        (right.clone(), NOW, taken.clone()),
        (sign(OLD_KEY, NOW, BODY), NOW, taken.clone()),
        (format!("{other} v1a,AAAA {right}"), NOW, taken.clone()),
        (sign(KEY, NOW - 300, BODY), NOW - 300, taken.clone()),
        (sign(KEY, NOW + 300, BODY), NOW + 300, taken),
        (sign(KEY, NOW - 301, BODY), NOW - 301, stale(NOW - 301)),
        (sign(KEY, NOW + 301, BODY), NOW + 301, stale(NOW + 301)),
        (sign(KEY, 0, BODY), 0, stale(0)),
        (other.clone(), NOW, wrong.to_owned()),
        (right.clone(), NOW - 1, wrong.to_owned()),
        (right.replace("v1,", "v2,"), NOW, wrong.to_owned()),
        (right.replace("v1,", ""), NOW, wrong.to_owned()),
        (format!("{other},{right}"), NOW, wrong.to_owned()),
        (
            right.trim_end_matches('=').to_owned(),
            NOW,
            wrong.to_owned(),
        ),
        (sign(KEY, NOW, "Hello, World?"), NOW, wrong.to_owned()),
        (" ".to_owned(), NOW, wrong.to_owned()),
    ];
    for (signature, at, wanted) in cases {
        let at = at.to_string();
        let fields = [
            ("x-gitlab-event", "Push Hook"),
            // A right token does not mend a wrong signature.
            ("x-gitlab-token", "token"),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ];
        assert_eq!(outcome(verify(&fields)), wanted, "{signature} {at}");
    }
    let now = NOW.to_string();
    let longer = format!("0{now}");
    let broken = [
        (
            "",
            now.as_str(),
            "unproven: not signed: expected a header webhook-id",
        ),
        (
            id.as_str(),
            "",
            "unproven: not signed: expected a header webhook-timestamp",
        ),
        (
            "a.1",
            &now,
            "malformed: the header `webhook-id` is refused: \"a.1\" is not an id; allowed: 1 to 128 letters, digits, `-` and `_`",
        ),
        (
            id.as_str(),
            &longer,
            "malformed: the header `webhook-timestamp` is refused: \"01700000000\" is not a time; allowed: seconds of Unix time",
        ),
        (
            id.as_str(),
            "-1",
            "malformed: the header `webhook-timestamp` is refused: \"-1\" is not a time; allowed: seconds of Unix time",
        ),
    ];
    for (id, at, wanted) in broken {
        let fields = [
            ("x-gitlab-event", "Push Hook"),
            ("webhook-id", id),
            ("webhook-timestamp", at),
            ("webhook-signature", &right),
        ];
        assert_eq!(outcome(verify(&fields)), wanted);
    }
}

#[test]
fn keys_and_tokens_of_gitlab_are_not_mixed_up() {
    let tokens = Secrets::none().gitlab_tokens(secret("token"));
    let keys = Secrets::none().gitlab_keys([KEY.parse().unwrap()]);
    let event = ("x-gitlab-event", "Push Hook");
    let token = ("x-gitlab-token", "token");
    let signed = ("webhook-signature", "v1,AAAA");
    let id = ("idempotency-key", "i");
    let taken = "gitlab Push Hook i Token";
    let ask = |secrets, fields: Fields<'_>| outcome(verify_with(secrets, fields, ""));
    // Who has no key can't look at a signature.
    assert_eq!(ask(&tokens, &[event, token, signed, id]), taken);
    let headers = "the headers webhook-id, webhook-timestamp and webhook-signature";
    let wanted = format!("unproven: not signed: expected {headers}");
    assert_eq!(ask(&keys, &[event, token, id]), wanted);
    // A key is no token.
    assert_eq!(ask(&keys, &[event, ("x-gitlab-token", KEY), id]), wanted);
}
