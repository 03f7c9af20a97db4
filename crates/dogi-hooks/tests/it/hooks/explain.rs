use super::{read, with_rule};
use dogi_hooks::incoming::Severity;

const H: &str =
    "{match: {type: payload-hmac-sha256, secret: k, parameter: {source: header, name: X-Sig}}}";
const REF: &str = "{match: {type: value, value: main, parameter: {source: payload, name: ref}}}";
const DEV: &str = "{match: {type: value, value: dev, parameter: {source: payload, name: ref}}}";
const TOKEN: &str =
    "{match: {type: value, value: t, parameter: {source: header, name: X-Gitlab-Token}}}";
const IP: &str = "{match: {type: ip-whitelist, ip-range: '::1'}}";

/// Severities and keys of what is found.
fn found(text: &str) -> String {
    let hooks = read(text).unwrap();
    let findings: Vec<String> = hooks
        .explain()
        .map(|finding| {
            assert!(finding.hook == "h" && finding.line > 0);
            format!(
                "{:?} {}",
                finding.severity,
                finding.key.trim_start_matches("[0].")
            )
        })
        .collect();
    findings.join(", ")
}

#[test]
fn who_can_run_it_and_whether() {
    for (rule, wanted) in [
        (H.to_owned(), ""),
        (TOKEN.into(), ""),
        (IP.into(), ""),
        (
            "{match: {type: ip-whitelist, ip-range: '::1', secret: x}}".into(),
            "Advice trigger-rule.match.secret",
        ),
        ("~".into(), "Open [0]"),
        ("{and: []}".into(), "Open trigger-rule"),
        (REF.into(), "Open trigger-rule"),
        (format!("{{and: [{REF}, {H}]}}"), ""),
        (format!("{{or: [{TOKEN}, {H}, {IP}]}}"), ""),
        (format!("{{or: [{H}, {REF}]}}"), "Open trigger-rule.or[1]"),
        (
            format!("{{and: [{REF}, {{or: [{H}, {REF}]}}]}}"),
            "Open trigger-rule.and[1].or[1]",
        ),
        (format!("{{and: [{H}, {{or: [{H}, {REF}]}}]}}"), ""),
        (format!("{{or: [{REF}, {DEV}]}}"), "Open trigger-rule"),
        (format!("{{not: {REF}}}"), "Open trigger-rule"),
        (format!("{{not: {{not: {TOKEN}}}}}"), ""),
        ("{or: []}".into(), "Never trigger-rule.or"),
        ("{}".into(), "Never trigger-rule"),
        (format!("{{not: {H}}}"), "Never trigger-rule.not"),
        ("{not: {and: []}}".into(), "Never trigger-rule.not"),
        (
            format!("{{and: [{REF}, {{and: [{DEV}]}}]}}"),
            "Never trigger-rule.and[1].and[0].match",
        ),
        (format!("{{and: [{REF}, {REF}]}}"), "Open trigger-rule"),
        (
            "{match: {type: ip-whitelist, ip-range: ''}}".into(),
            "Never trigger-rule.match",
        ),
        (
            "{match: {type: value, value: a, parameter: {source: string, name: b}}}".into(),
            "Never trigger-rule.match",
        ),
        (
            "{match: {type: regex, regex: ^a, parameter: {source: string, name: b}}}".into(),
            "Never trigger-rule.match",
        ),
        (
            H.replace("hmac-sha256", "hash-sha256"),
            "Advice trigger-rule.match",
        ),
        (
            H.replace("hmac-sha256", "hmac-sha1"),
            "Advice trigger-rule.match",
        ),
    ] {
        assert_eq!(found(&with_rule(&rule)), wanted, "{rule}");
    }
}

/// Whole words of a name say that it is a secret's.
#[test]
fn names_of_secrets() {
    let secrets = [
        ("header", "X-Gitlab-Token"),
        ("header", "X-Api-Key"),
        ("header", "authorization"),
        ("header", "X-Hub-Signature-256"),
        ("url", "apiKey"),
        ("url", "apikey"),
        ("url", "APIKey"),
        ("url", "HMACSha1"),
        ("url", "access_token"),
        ("url", "accessToken"),
        ("url", "hook.pass"),
        ("payload", "token"),
        ("payload", "hook.config.secret"),
        ("payload", "credentials"),
    ];
    let others = [
        ("header", "X-Design"),
        ("header", "X-Event-Key"),
        ("header", "X-Author"),
        ("url", "keyword"),
        ("url", "monkey"),
        ("url", "compass"),
        ("url", "résumé"),
        ("payload", "head_commit.author.name"),
        ("payload", "author.name"),
        ("payload", "assignee.login"),
        ("payload", "design"),
        ("payload", "token.owner.name"),
        ("payload", "tokens.0"),
        ("raw-request-body", "token"),
    ];
    let named = secrets.map(|it| (it, "")).into_iter();
    let all = named.chain(others.map(|it| (it, "Open trigger-rule")));
    for ((source, name), wanted) in all {
        let rule = format!(
            "{{match: {{type: value, value: x, parameter: {{source: {source}, name: {name}}}}}}}"
        );
        assert_eq!(found(&with_rule(&rule)), wanted, "{source} {name}");
    }
}

#[test]
fn how_it_answers() {
    let on_error = "  include-command-output-in-response-on-error: true\n";
    let include = "  include-command-output-in-response: true\n";
    let stream = "  stream-command-output: true\n";
    let key = "Advice include-command-output-in-response-on-error";
    for (keys, wanted) in [
        (on_error.to_owned(), key),
        (format!("{on_error}{stream}"), key),
        (format!("{on_error}{include}"), ""),
        (on_error.replace("true", "false"), ""),
        (
            "  response-headers: [{name: X-A, value: b}, {name: content-length, value: '3'}]\n"
                .to_owned(),
            "Advice response-headers[1]",
        ),
    ] {
        assert_eq!(found(&(with_rule(H) + &keys)), wanted, "{keys}");
    }
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "connection",
        "Trailer",
        "Upgrade",
    ] {
        let headers = format!("  response-headers:\n  - name: {name}\n    value: x\n");
        let hooks = read(&(with_rule(H) + &headers)).unwrap();
        let finding = hooks.explain().next().unwrap();
        assert_eq!(
            finding.to_string(),
            "hooks.yaml:5: [0].response-headers[0]: has no effect here: the server itself says how \
             an answer is sent"
        );
    }
}

#[test]
fn what_it_is_given() {
    let hook = with_rule(H);
    let payload =
        "  pass-arguments-to-command: [{source: string, name: a}, {source: payload, name: b}]\n";
    let safe = "  reject-leading-dash: true\n";
    assert_eq!(
        found(&(hook.clone() + payload)),
        "Advice pass-arguments-to-command"
    );
    assert_eq!(found(&(hook.clone() + payload + safe)), "");
    let idle = "  pass-arguments-to-command: [{source: string, name: a, envname: b}]\n";
    assert_eq!(
        found(&(hook.clone() + idle)),
        "Advice pass-arguments-to-command[0].envname"
    );
    let job = hook.replace(
        "execute-command: /bin/true",
        "dogi: {repo: {source: payload, name: r}}",
    );
    assert_eq!(found(&job), "Advice dogi.repo");
}

#[test]
fn texts() {
    let hooks = read(&with_rule(&format!("\n    or:\n    - {H}\n    - {REF}"))).unwrap();
    let finding = hooks.explain().next().unwrap();
    assert_eq!(
        finding.to_string(),
        "hooks.yaml:6: [0].trigger-rule.or[1]: true without the signature, address or token that \
         another alternative asks for"
    );
    assert!(Severity::Open > Severity::Never && Severity::Never > Severity::Advice);
}
