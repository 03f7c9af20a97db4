use super::{Asked, ask, read, with_rule};
use dogi_hooks::incoming::{IpRanges, Signatures};

const T: &str = "{match: {type: value, value: x, parameter: {source: string, name: x}}}";
const F: &str = "{match: {type: value, value: y, parameter: {source: string, name: x}}}";
/// A missing value.
const U: &str = "{match: {type: value, value: y, parameter: {source: payload, name: zz}}}";
/// A wrong signature.
const W: &str =
    "{match: {type: payload-hmac-sha256, secret: k, parameter: {source: header, name: X-Sig}}}";

fn wrong() -> Asked {
    Asked::default().header("x-sig", "sha256=00")
}

#[test]
fn three_values() {
    let cases = [
        (T.to_owned(), "true"),
        ("{and: []}".into(), "true"),
        (format!("{{and: [{T}, {T}]}}"), "true"),
        (
            format!("{{and: [{T}, {F}, {W}]}}"),
            "200 false trigger-rule.and[1].match: the string is another one",
        ),
        (
            format!("{{and: [{W}, {F}]}}"),
            "401 unknown trigger-rule.and[0].match: the signature is wrong",
        ),
        (
            format!("{{and: [{U}, {W}]}}"),
            "200 unknown trigger-rule.and[0].match: the request has no payload value `zz`",
        ),
        (
            "{or: []}".into(),
            "200 false trigger-rule.or: there are no alternatives",
        ),
        (
            format!("{{or: [{F}, {F}]}}"),
            "200 false trigger-rule.or: none of 2 alternatives is true",
        ),
        (format!("{{or: [{F}, {T}]}}"), "true"),
        (format!("{{or: [{W}, {T}]}}"), "true"),
        (
            format!("{{or: [{U}, {F}]}}"),
            "200 unknown trigger-rule.or[0].match: the request has no payload value `zz`",
        ),
        (
            format!("{{or: [{U}, {W}, {F}]}}"),
            "401 unknown trigger-rule.or[1].match: the signature is wrong",
        ),
        (
            format!("{{not: {T}}}"),
            "200 false trigger-rule.not: what must not be so is so",
        ),
        (format!("{{not: {F}}}"), "true"),
        (
            format!("{{not: {U}}}"),
            "200 unknown trigger-rule.not.match: the request has no payload value `zz`",
        ),
        (
            format!("{{not: {W}}}"),
            "401 unknown trigger-rule.not.match: the signature is wrong",
        ),
        (format!("{{not: {{not: {T}}}}}"), "true"),
        (
            format!("{{not: {{or: [{F}, {W}]}}}}"),
            "401 unknown trigger-rule.not.or[1].match: the signature is wrong",
        ),
        // A rule that asks nothing opens nothing, wherever it stands.
        (
            "{}".into(),
            "200 unknown trigger-rule: the rule asks nothing",
        ),
        (
            "{not: {}}".into(),
            "200 unknown trigger-rule.not: the rule asks nothing",
        ),
        (
            "{or: [{}]}".into(),
            "200 unknown trigger-rule.or[0]: the rule asks nothing",
        ),
        ("~".into(), "true"),
    ];
    for (rule, wanted) in cases {
        assert_eq!(ask(&rule, &wrong()), wanted, "{rule}");
    }
}

#[test]
fn values_are_texts() {
    for (value, source, name, wanted) in [
        ("main", "payload", "ref", true),
        ("Main", "payload", "ref", false),
        ("1", "payload", "n", true),
        ("01", "payload", "n", false),
        ("true", "payload", "b", true),
        ("[a, main]", "payload", "ref", true),
        ("''", "url", "empty", true),
        ("0755", "url", "mode", true),
        ("{env: SECRET}", "query", "token", true),
        ("{file: /secret}", "header", "x-file", true),
        ("POST", "request", "Method", true),
        ("192.0.2.9:4711", "request", "remote-addr", true),
    ] {
        let rule = format!(
            "{{match: {{type: value, value: {value}, parameter: {{source: {source}, name: {name}}}}}}}"
        );
        let asked = Asked::default()
            .query("empty=&mode=0755&token=hidden")
            .header("x-file", "from a file");
        assert_eq!(ask(&rule, &asked) == "true", wanted, "{rule}");
    }
}

#[test]
fn soft_signatures_are_ordinary_mismatches() {
    for (more, wanted) in [
        ("", 401),
        ("  trigger-signature-soft-failures: true\n", 200),
        ("  trigger-rule-mismatch-http-response-code: 418\n", 418),
    ] {
        let hooks = read(&(with_rule(W) + more)).unwrap();
        let hook = hooks.get("h").unwrap();
        let verdict = hook.evaluate(&wrong().request());
        assert!(verdict.wrong_signature());
        assert_eq!(hook.mismatch_status(&verdict), wanted, "{more}");
    }
}

#[test]
fn signatures_that_somebody_checked_before() {
    let hooks = read(&with_rule(&format!("{{and: [{W}, {F}]}}"))).unwrap();
    let request = Asked::default().request();
    let verdict = hooks
        .get("h")
        .unwrap()
        .evaluate_with(&request, Signatures::Trusted);
    assert_eq!(
        verdict.reason().unwrap().to_string(),
        "trigger-rule.and[1].match: the string is another one"
    );
}

#[test]
fn ranges() {
    for (ranges, address, wanted) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("127.9.9.9/8", "127.0.0.1", true),
        (" 10.0.0.0/8\t127.0.0.0/31 ", "127.0.0.1", true),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "127.0.0.1", false),
        ("::1", "::1", true),
        ("2001:db8::", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("127.0.0.1", "::ffff:127.0.0.1", true),
        ("::ffff:127.0.0.1", "127.0.0.1", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true),
        ("10.0.0.0/08", "10.1.2.3", true),
        ("", "127.0.0.1", false),
    ] {
        let read: IpRanges = ranges.parse().unwrap();
        assert_eq!(
            read.contains(address.parse().unwrap()),
            wanted,
            "{ranges:?} {address}"
        );
        let rule = format!("{{match: {{type: ip-whitelist, ip-range: \"{ranges}\"}}}}");
        let address = address.to_owned().leak();
        let asked = Asked {
            client: address,
            ..Asked::default()
        };
        let rule_says = ask(&rule, &asked);
        assert_eq!(rule_says == "true", wanted, "{rule_says}");
    }
    for bad in [
        "127.0.0.a",
        "127.0.0.01",
        "1.2.3",
        "1.2.3.4/33",
        "::1/129",
        "1.2.3.4/",
        "1.2.3.4/-1",
        "1.2.3.4/+8",
        "fe80::1%eth0",
        "localhost",
        "1.2.3.4,5.6.7.8",
        "/8",
    ] {
        assert_eq!(bad.parse::<IpRanges>().unwrap_err().range, bad);
    }
}
