use super::{Asked, read};
use dogi_hooks::incoming::{Prepared, Request};

fn command(hook: &str, request: &Request) -> Result<Prepared, String> {
    let hooks = read(hook).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let hook = hooks.iter().next().unwrap();
    hook.command(request).map_err(|error| error.to_string())
}

#[test]
fn arguments_environment_and_files() {
    let hook = r#"
- id: h
  execute-command: sh
  command-working-directory: /usr
  pass-arguments-to-command:
  - {source: string, name: -c}
  - {source: string, value: echo}
  - {source: payload, name: zz}
  - {source: payload, name: ref}
  pass-environment-to-command:
  - {source: payload, name: ref}
  - {source: header, name: X-Thing}
  - {source: url, name: q, envname: QUERY}
  - {source: url, name: zz}
  - {source: entire-query}
  pass-file-to-command:
  - {source: payload, name: ref}
  - {source: url, name: b64, envname: F, base64decode: true}
  - {source: url, name: zz}
"#;
    let asked = Asked::default()
        .query("q=1&b64=aGkK")
        .header("x-thing", "v");
    let Ok(Prepared::Command(command)) = command(hook, &asked.request()) else {
        panic!("a command");
    };
    assert_eq!(command.program, "sh");
    assert_eq!(command.directory.as_deref(), Some("/usr"));
    assert_eq!(command.arguments, [&b"-c"[..], b"echo", b"", b"main"]);
    let show = |name: &str, value: &[u8]| format!("{name}={}", String::from_utf8_lossy(value));
    let environment: Vec<String> = command
        .environment
        .iter()
        .map(|(n, v)| show(n, v))
        .collect();
    assert_eq!(
        environment,
        [
            "HOOK_ref=main",
            "HOOK_X-Thing=v",
            "QUERY=1",
            r#"HOOK_={"b64":"aGkK","q":"1"}"#
        ]
    );
    let files: Vec<String> = command
        .files
        .iter()
        .map(|f| show(&f.variable, &f.content))
        .collect();
    assert_eq!(files, ["HOOK_REF=main", "F=hi\n"]);
    let warnings = [
        "the request has no payload value `zz`",
        "the request has no query parameter `zz`",
        "the request has no query parameter `zz`",
    ];
    assert_eq!(command.warnings, warnings);
}

/// As Go's decoder: what stands before a mistake is kept.
#[test]
fn base64() {
    let hook = "- id: h\n  execute-command: x\n  pass-file-to-command: [{source: raw-request-body, envname: F, base64decode: true}]\n";
    for (body, wanted, is_whole) in [("[]", "", false), ("{}", "", false)] {
        let request = Asked {
            body,
            ..Asked::default()
        }
        .request();
        let Ok(Prepared::Command(command)) = command(hook, &request) else {
            panic!("a command");
        };
        assert_eq!(command.files[0].content, wanted.as_bytes());
        assert_eq!(command.warnings.is_empty(), is_whole);
    }
    let hook = "- id: h\n  execute-command: x\n  pass-file-to-command: [{source: url, name: b, base64decode: true}]\n";
    for (query, wanted, is_whole) in [
        ("b=aGkK", "hi\n", true),
        ("b=aG%0D%0AkK", "hi\n", true),
        ("b=", "", true),
        ("b=aGk", "", false),
        ("b=aGk%3D", "hi", true),
        ("b=aGl%3D", "hi", true),
        ("b=aGkKaGk", "hi\n", false),
        ("b=aGkK*aGk", "hi\n", false),
        ("b=aGk%3DaGkK", "hi", false),
    ] {
        let request = Asked::default().query(query).request();
        let Ok(Prepared::Command(command)) = command(hook, &request) else {
            panic!("a command");
        };
        assert_eq!(command.files[0].content, wanted.as_bytes(), "{query}");
        assert_eq!(command.warnings.is_empty(), is_whole, "{query}");
        assert_eq!(command.files[0].variable, "HOOK_B");
    }
}

#[test]
fn values_that_no_program_gets() {
    let hook = "- id: h\n  execute-command: x\n  reject-leading-dash: true\n  pass-arguments-to-command: [{source: string, name: -c}, {source: url, name: a}]\n";
    let error = |query| command(hook, &Asked::default().query(query).request()).unwrap_err();
    assert_eq!(
        error("a=-x"),
        "the query parameter `a` begins with '-', which this hook refuses"
    );
    assert_eq!(error("a=x%00"), "the query parameter `a` has a NUL in it");
    assert!(command(hook, &Asked::default().query("a=x-").request()).is_ok());
    let lax = hook.replace("  reject-leading-dash: true\n", "");
    assert!(command(&lax, &Asked::default().query("a=-x").request()).is_ok());
}

#[test]
fn jobs() {
    let hook = "- id: h\n  dogi:\n    repo: https://github.com/o/r.git\n    ref: {source: payload, name: ref}\n    action: run\n";
    let asked = Asked::default().request();
    let Ok(Prepared::Job(job)) = command(hook, &asked) else {
        panic!("a job");
    };
    let wanted = [
        ("repo", "https://github.com/o/r.git"),
        ("ref", "main"),
        ("action", "run"),
    ];
    assert_eq!(
        job.parameters,
        wanted.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let missing = hook.replace("name: ref", "name: zz");
    assert_eq!(
        command(&missing, &asked).unwrap_err(),
        "the request has no payload value `zz`, which is the job's `ref`"
    );
    let bytes = hook.replace("source: payload, name: ref", "source: url, name: b");
    assert_eq!(
        command(&bytes, &Asked::default().query("b=%FF").request()).unwrap_err(),
        "the query parameter `b`, which is the job's `ref`, is not UTF-8"
    );
}
