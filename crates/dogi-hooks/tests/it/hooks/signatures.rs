use super::{Asked, ask};
use dogi_hooks::incoming::{Match, Rule, Secret};
use ring::hmac;

const WRONG: &str = "401 unknown trigger-rule.match: the signature is wrong";

fn sign(algorithm: hmac::Algorithm, secret: &str, text: &str) -> String {
    hex::encode(hmac::sign(
        &hmac::Key::new(algorithm, secret.as_bytes()),
        text.as_bytes(),
    ))
}

fn asked(signature: &str) -> Asked {
    let asked = Asked {
        body: r#"{"a": "z"}"#,
        ..Asked::default()
    };
    asked.header("x-sig", signature)
}

fn rule(kind: &str, secret: &str) -> String {
    format!(
        "{{match: {{type: {kind}, secret: {secret}, parameter: {{source: header, name: X-Sig}}}}}}"
    )
}

#[test]
fn each_algorithm() {
    let vectors = [
        ("sha1", "b17e04cbb22afa8ffbff8796fc1894ed27badd9e"),
        (
            "sha256",
            "f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89",
        ),
        (
            "sha512",
            "4ab17cc8ec668ead8bf498f87f8f32848c04d5ca3c9bcfcd3db9363f0deb44e580b329502a7fdff633d4d8fca301cc5c94a55a2fec458c675fb0ff2655898324",
        ),
    ];
    for (name, digits) in vectors {
        for kind in ["payload-hmac", "payload-hash"] {
            let right = rule(&format!("{kind}-{name}"), "secret");
            for given in [digits.to_owned(), format!("{name}={digits}")] {
                assert_eq!(ask(&right, &asked(&given)), "true", "{right} {given}");
            }
            let wrong = rule(&format!("{kind}-{name}"), "secreX");
            assert_eq!(ask(&wrong, &asked(digits)), WRONG);
        }
    }
}

#[test]
fn forms_of_a_signature() {
    let right = "f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89";
    let zero = "0".repeat(64);
    let rule = rule("payload-hmac-sha256", "[old, secret]");
    for (given, wanted) in [
        (format!("sha256={zero},sha256={right}"), "true"),
        (format!("sha256={right},"), "true"),
        (format!("sha1=00,sha256={right}"), "true"),
        // In a list only those with the prefix count, and spaces are part of them.
        (format!("{right},{right}"), WRONG),
        (format!("sha256={zero}, sha256={right}"), WRONG),
        (format!("sha1={right}"), WRONG),
        (right.to_uppercase(), WRONG),
        (right[..62].to_owned(), WRONG),
        (format!("{right}00"), WRONG),
        (format!("sha256=sha256={right}"), WRONG),
        (",".to_owned(), WRONG),
        (String::new(), WRONG),
    ] {
        assert_eq!(ask(&rule, &asked(&given)), wanted, "{given}");
    }
    let missing = ask(&rule, &Asked::default());
    assert_eq!(
        missing,
        "200 unknown trigger-rule.match: the request has no header `X-Sig`"
    );
}

/// However long the list is, a few of it are compared.
#[test]
fn lists_of_signatures_are_bounded() {
    let right = "f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89";
    let wrong = format!("sha256={},", "0".repeat(64));
    let rule = rule("payload-hmac-sha256", "secret");
    for (before, wanted) in [
        (wrong.repeat(15), "true"),
        (wrong.repeat(16), WRONG),
        // What has not the length of a signature is none.
        ("sha256=,".repeat(16_000), "true"),
        (",".repeat(16_000), "true"),
        (format!("sha256={},", "0".repeat(128)).repeat(16), "true"),
        (format!("sha512={},", "0".repeat(64)).repeat(16), "true"),
    ] {
        let given = format!("{before}sha256={right}");
        assert_eq!(ask(&rule, &asked(&given)), wanted, "{:.80}", given);
    }
}

#[test]
fn every_secret_counts_while_they_change() {
    let rule = rule(
        "payload-hmac-sha256",
        "[{env: SECRET}, {file: /secret}, plain]",
    );
    let body = Asked::default().body;
    for secret in ["hidden", "from a file", "plain"] {
        let given = sign(hmac::HMAC_SHA256, secret, body);
        assert_eq!(ask(&rule, &Asked::default().header("x-sig", given)), "true");
    }
}

/// Reads what Go's `time.Parse` reads, tried with the original.
#[test]
fn scalr() {
    let rule = "{match: {type: scalr-signature, secret: k}}";
    let old = "401 unknown trigger-rule.match: the signature's date is more than 300 s away";
    let bad = "401 unknown trigger-rule.match: the signature's date can't be read";
    let dates = [
        ("Thu 07 Sep 2017 06:30:04 UTC", "true"),
        ("Thu 07 Sep 2017 06:35:04 UTC", "true"),
        ("Thu 07 Sep 2017 06:25:04 UTC", "true"),
        ("Thu 07 Sep 2017 06:35:05 UTC", old),
        ("Thu 07 Sep 2017 06:25:03 UTC", old),
        ("mon  07  SEP 2017 6:30:04.123 GMT", "true"),
        ("Thu 07 Sep 2017 06:30:04 CEST", "true"),
        ("Thu 07 Sep 2017 06:30:04 GMT+3", "true"),
        ("Thu 07 Sep 2017 06:30:04 -03", "true"),
        ("Thu 07 Sep 2017 06:30:04 +0000", "true"),
        ("Thu 07 Sep 2017 06:30:04 -00023", "true"),
        ("Thu 07 Sep 2017 06:30:04 +24", bad),
        ("Thu 07 Sep 2017 06:30:04 +0200", bad),
        ("Thu 07 Sep 2017 06:30:04 WITA", "true"),
        ("Thu 07 Sep 2017 06:30:04 ABCD", bad),
        ("Thu 07 Sep 2017 06:30:04 utc", bad),
        ("Thu 07 Sep 2017 06:30:04 Z", bad),
        ("Thu 07 Sep 2017 06:30:04", bad),
        ("Thu 07 Sep 2017 06:30:04 UTC x", bad),
        ("Thu, 07 Sep 2017 06:30:04 UTC", bad),
        ("Thu 7 Sep 2017 06:30:04 UTC", bad),
        ("Thu 31 Sep 2017 06:30:04 UTC", bad),
        ("Thu 07 09 2017 06:30:04 UTC", bad),
        ("Thu 07 Sep 2017 24:30:04 UTC", bad),
        ("Thu 07 Sep 2017 06:30:60 UTC", bad),
        ("Thu 07 Sep 2017 06:30:04. UTC", bad),
        ("Thu 07 Sep 2017 06:30 UTC", bad),
        ("2017-09-07T06:30:04Z", bad),
        ("", bad),
    ];
    let body = Asked::default().body;
    for (date, wanted) in dates {
        let given = sign(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "k",
            &format!("{body}{date}"),
        );
        let asked = Asked::default()
            .header("date", date)
            .header("x-signature", given);
        assert_eq!(ask(rule, &asked), wanted, "{date:?}");
        let asked = asked.header("x-signature", "00");
        assert_eq!(ask(rule, &asked), WRONG);
    }
    let missing = "200 unknown trigger-rule.match: the request has no header `X-Signature`";
    assert_eq!(ask(rule, &Asked::default()), missing);
    let missing = "200 unknown trigger-rule.match: the request has no header `Date`";
    assert_eq!(
        ask(rule, &Asked::default().header("x-signature", "00")),
        missing
    );
}

#[test]
fn secrets_are_not_shown() {
    let secret = Secret::new("sesame");
    assert_eq!(format!("{secret:?}"), "Secret(…)");
    let text = super::with_rule(
        "{and: [{match: {type: payload-hmac-sha1, secret: sesame, parameter: {source: header, name: X}}}, {match: {type: value, value: sesame, parameter: {source: header, name: X}}}, {match: {type: scalr-signature, secret: sesame}}]}",
    );
    let hooks = super::read(&text).unwrap();
    assert!(!format!("{hooks:?}").contains("sesame"));
    let Some(Rule::And(rules)) = hooks.get("h").unwrap().rule() else {
        panic!("an `and`");
    };
    assert!(matches!(rules[2], Rule::Match(Match::ScalrSignature(_))));
}
