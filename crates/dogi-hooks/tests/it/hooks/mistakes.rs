use super::{read, with_rule};

fn mistakes(text: &str) -> String {
    match read(text) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes,
    }
}

#[test]
fn of_hooks() {
    // In the place of `…`, a hook that is right but for the rest.
    for (text, wanted) in [
        ("a: 1", "1: expected a list of hooks, not a mapping"),
        (
            "[h]",
            "1: [0]: expected a mapping that is a hook, not a single value",
        ),
        ("][", "1: not valid YAML"),
        ("- execute-command: x", "1: [0]: id is missing"),
        (
            "- {id: '', execute-command: x}",
            "1: [0].id: is empty: expected what stands in the hook's URL",
        ),
        (
            "- id: h",
            "1: [0]: what it does is missing: expected execute-command or dogi",
        ),
        (
            "- {id: h, execute-command: ''}",
            "1: [0].execute-command: is empty: expected the name or path of a program",
        ),
        (
            "- {id: h, execute-command: x, dogi: {repo: y}}",
            "1: [0]: expected execute-command or dogi, not both",
        ),
        (
            "- {id: h, dogi: {ref: y}}",
            "1: [0].dogi: repo is missing: which repository?",
        ),
        (
            "- {id: h, dogi: {repo: [y]}}",
            "1: [0].dogi.repo: expected a text, or a mapping with source and name, not a list",
        ),
        (
            "- {id: h, dogi: {repo: y}, pass-file-to-command: []}",
            "1: [0].pass-file-to-command: has no meaning for dogi, only for execute-command",
        ),
        (
            "- {id: h, dogi: {repo: y}, max-concurrent: 1, max-queued: 1}",
            "1: [0].max-concurrent: has no meaning for dogi, only for execute-command: MAX_RUNNING and the parameter `group` of dogi bound jobs\n1: [0].max-queued: has no meaning for dogi, only for execute-command: MAX_RUNNING and the parameter `group` of dogi bound jobs",
        ),
        (
            "- {id: h, dogi: {repo: y}, timeout: 90s}",
            "1: [0].timeout: has no meaning for dogi, only for execute-command: a job's is the parameter `timeout` of dogi",
        ),
        ("- {id: h, dogi: {repo: y, timeout: 90s, group: g}}", ""),
        (
            "…\n  triger-rule: {}",
            "3: [0].triger-rule: unknown key; did you mean \"trigger-rule\"?",
        ),
        (
            "…\n  Trigger-Rule: {}",
            "3: [0].Trigger-Rule: unknown key; did you mean \"trigger-rule\"?",
        ),
        ("…\n  id: g", "3: not valid YAML: duplicate mapping key: id"),
        (
            "…\n  response-message: \"\\0\"",
            "3: [0].response-message: \"\\0\": there is a NUL in it",
        ),
        (
            "…\n  success-http-response-code: 299",
            "3: [0].success-http-response-code: \"299\": expected a status code from 200 to 511 that HTTP has a text for",
        ),
        (
            "…\n  success-http-response-code: 100",
            "3: [0].success-http-response-code: \"100\": expected a status code from 200 to 511 that HTTP has a text for",
        ),
        (
            "…\n  trigger-rule-mismatch-http-response-code: x",
            "3: [0].trigger-rule-mismatch-http-response-code: \"x\": expected a status code from 200 to 511 that HTTP has a text for",
        ),
        (
            "…\n  stream-command-output: yes",
            "3: [0].stream-command-output: \"yes\": expected true or false",
        ),
        (
            "…\n  http-methods: POST",
            "3: [0].http-methods: expected a list of methods, not a single value",
        ),
        (
            "…\n  http-methods: ['a b', '']",
            "3: [0].http-methods[0]: \"a b\": expected a method such as POST\n3: [0].http-methods[1]: \"\": expected a method such as POST",
        ),
        (
            "…\n  response-headers: [{name: 'a b', value: x}]",
            "3: [0].response-headers[0].name: \"a b\": expected the name of a header",
        ),
        (
            "…\n  response-headers: [{name: a, value: \"x\\ny\"}]",
            "3: [0].response-headers[0].value: \"x\\ny\": expected a value of a header, in one line",
        ),
        (
            "…\n  max-concurrent: 0",
            "3: [0].max-concurrent: \"0\": expected a whole number, 1 or more",
        ),
        (
            "…\n  max-queued: -1",
            "3: [0].max-queued: \"-1\": expected a whole number, 0 or more",
        ),
        (
            "…\n  timeout: soon",
            "3: [0].timeout: \"soon\": expected a duration such as 90s or 1h30m",
        ),
        (
            "…\n  parse-parameters-as-json: [{source: string, name: x}]",
            "3: [0].parse-parameters-as-json[0].source: expected one of the sources header, url and payload",
        ),
        (
            "…\n  pass-arguments-to-command: [x]",
            "3: [0].pass-arguments-to-command[0]: expected a mapping with source and name, not a single value",
        ),
        (
            "…\n  pass-arguments-to-command: [{name: x}]",
            "3: [0].pass-arguments-to-command[0]: source is missing",
        ),
        (
            "…\n  pass-arguments-to-command: [{source: payload}]",
            "3: [0].pass-arguments-to-command[0]: name is missing: which payload?",
        ),
        (
            "…\n  pass-arguments-to-command: [{source: paylaod, name: x}]",
            "3: [0].pass-arguments-to-command[0].source: \"paylaod\": expected one of header, url, query, payload, string, raw-request-body, request, entire-payload, entire-headers, entire-query; did you mean \"payload\"?",
        ),
        (
            "…\n  pass-arguments-to-command: [{source: payload, value: x}]",
            "3: [0].pass-arguments-to-command[0].value: only the source string has a value; expected name\n3: [0].pass-arguments-to-command[0]: name is missing: which payload?",
        ),
        (
            "…\n  pass-arguments-to-command: [{source: string, name: x, value: y}]",
            "3: [0].pass-arguments-to-command[0]: expected name or value, not both",
        ),
        (
            "…\n  pass-arguments-to-command: [{source: request, name: host}]",
            "3: [0].pass-arguments-to-command[0].name: \"host\": expected method or remote-addr for the source request",
        ),
        (
            "…\n  pass-environment-to-command: [{source: url, name: x, envname: a=b}]",
            "3: [0].pass-environment-to-command[0]: \"a=b\": no variable can have this name: expected an envname without `=`",
        ),
        (
            "…\n  pass-environment-to-command: [{source: url, name: x, envname: \"a\\0\"}]",
            "3: [0].pass-environment-to-command[0].envname: \"a\\0\": there is a NUL in it",
        ),
        (
            "…\n  pass-file-to-command: [{source: payload, name: a/b}]",
            "3: [0].pass-file-to-command[0]: \"HOOK_A/B\": a file can't have this name: expected an envname without a slash",
        ),
        (
            "…\n  response-message: '{{ getenv \"X\" | js }}'",
            "3: \"{{ getenv \\\"X\\\" | js }}\": files are no templates here: expected a value, or where a secret stands {env: NAME} or {file: PATH}",
        ),
        (
            "{{ range . }}\n- id: {{ credential \"x\" }}",
            "2: \"{{ credential \\\"x\\\" }}\": files are no templates here: expected a value, or where a secret stands {env: NAME} or {file: PATH}",
        ),
        // What other programs use as templates is theirs.
        ("…\n  response-message: '{{.Names}}'", ""),
    ] {
        let text = text.replace('…', "- id: h\n  execute-command: x");
        let found = mistakes(&text);
        let is_so =
            found == wanted || (wanted.contains("not valid YAML") && found.starts_with(wanted));
        assert!(is_so, "{text}\n  left: {found}\n right: {wanted}");
    }
}

#[test]
fn of_rules() {
    let parameter = "parameter: {source: url, name: a}";
    for (rule, wanted) in [
        (
            "x",
            "trigger-rule: expected a mapping with and, or, not or match, not a single value",
        ),
        (
            "{mtach: {}}",
            "trigger-rule.mtach: unknown key; did you mean \"match\"?",
        ),
        (
            "{nand: []}",
            "trigger-rule.nand: unknown key; did you mean \"and\"?",
        ),
        (
            "{and: [], or: []}",
            "trigger-rule: expected one of and, or, not and match, not and and or",
        ),
        (
            "{and: {}}",
            "trigger-rule.and: expected a list of rules, not a mapping",
        ),
        (
            "{or: }",
            "trigger-rule.or: expected a list of rules, not nothing",
        ),
        (
            "{or: [~]}",
            "trigger-rule.or[0]: expected a mapping with and, or, not or match, not nothing",
        ),
        (
            "{not: []}",
            "trigger-rule.not: expected a mapping with and, or, not or match, not a list",
        ),
        (
            "{match: }",
            "trigger-rule.match: expected a mapping, not nothing",
        ),
        ("{match: {}}", "trigger-rule.match: type is missing"),
        (
            "{match: {type: value, PARAMETER}}",
            "trigger-rule.match: value is missing",
        ),
        (
            "{match: {type: value, value: , PARAMETER}}",
            "trigger-rule.match.value: expected text, {env: NAME}, {file: PATH} or a list of these, not nothing",
        ),
        (
            "{match: {type: value, value: x}}",
            "trigger-rule.match: parameter is missing",
        ),
        (
            "{match: {type: regex, PARAMETER}}",
            "trigger-rule.match: regex is missing",
        ),
        (
            "{match: {type: regex, regex: '(', PARAMETER}}",
            "trigger-rule.match.regex: \"(\": not a pattern: \"(\": the parenthesis is not closed",
        ),
        (
            "{match: {type: payload-hmac-md5, secret: s, PARAMETER}}",
            "trigger-rule.match.type: \"payload-hmac-md5\": expected one of value, regex, payload-hmac-sha1, payload-hmac-sha256, payload-hmac-sha512, ip-whitelist, scalr-signature; did you mean \"payload-hmac-sha1\"?",
        ),
        (
            "{match: {type: payload-hmac-sha1, PARAMETER}}",
            "trigger-rule.match: secret is missing",
        ),
        (
            "{match: {type: payload-hmac-sha1, secret: '', PARAMETER}}",
            "trigger-rule.match.secret: is empty: expected text, {env: NAME}, {file: PATH} or a list of these",
        ),
        (
            "{match: {type: scalr-signature, secret: []}}",
            "trigger-rule.match.secret: is an empty list: expected text, {env: NAME}, {file: PATH} or a list of these",
        ),
        (
            "{match: {type: scalr-signature, secret: [a, '']}}",
            "trigger-rule.match.secret[1]: is empty: expected text, {env: NAME}, {file: PATH} or a list of these",
        ),
        (
            "{match: {type: scalr-signature, secret: {env: NOPE}}}",
            "trigger-rule.match.secret.env: $NOPE is not set",
        ),
        (
            "{match: {type: scalr-signature, secret: {env: EMPTY}}}",
            "trigger-rule.match.secret.env: $EMPTY is empty",
        ),
        (
            "{match: {type: scalr-signature, secret: {env: BYTES}}}",
            "trigger-rule.match.secret.env: $BYTES is not UTF-8",
        ),
        (
            "{match: {type: scalr-signature, secret: {file: /nope}}}",
            "trigger-rule.match.secret.file: /nope cannot be read: no such file",
        ),
        (
            "{match: {type: scalr-signature, secret: {evn: X}}}",
            "trigger-rule.match.secret.evn: unknown key; did you mean \"env\"?",
        ),
        (
            "{match: {type: ip-whitelist}}",
            "trigger-rule.match: ip-range is missing",
        ),
        (
            "{match: {type: ip-whitelist, ip-range: '::1 127.0.0.01'}}",
            "trigger-rule.match.ip-range: \"127.0.0.01\": expected an address or a range such as 192.0.2.0/24 or 2001:db8::/32, or several with spaces between them",
        ),
    ] {
        let rule = rule.replace("PARAMETER", parameter);
        let wanted = format!("3: [0].{wanted}");
        assert_eq!(mistakes(&with_rule(&rule)), wanted, "{rule}");
    }
    let deep = "{not: ".repeat(70) + "{}" + &"}".repeat(70);
    assert!(mistakes(&with_rule(&deep)).contains("not valid YAML"));
}

#[test]
fn all_at_once() {
    let text = "- id: h\n  nope: 1\n  trigger-rule:\n    and:\n    - match: {type: regex, regex: '[', parameter: {source: url, name: a}}\n    - mtach: {}\n- execute-command: x\n";
    let lines: Vec<String> = mistakes(text)
        .lines()
        .map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "2 [0].nope",
            "1 [0]",
            "5 [0].trigger-rule.and[0].match.regex",
            "6 [0].trigger-rule.and[1].mtach",
            "7 [1]",
        ]
    );
}
