use std::time::Duration;

use super::{Secrets, read};
use dogi_hooks::incoming::{Action, Hooks, Output};

#[test]
fn every_key() {
    let hooks = read(
        r#"
- id: h
  execute-command: /bin/true
  response-message: ok
  response-headers: [{name: X-A, value: '1'}, {name: x-b}]
  success-http-response-code: 201
  trigger-rule-mismatch-http-response-code: 403
  include-command-output-in-response: true
  include-command-output-in-response-on-error: true
  incoming-payload-content-type: application/json
  parse-parameters-as-json: [{source: payload, name: p}]
  http-methods: ['Post ', get]
  trigger-signature-soft-failures: true
  max-concurrent: 2
  max-queued: 0
  timeout: 90s
  image: python:3.12
- id: 7
  dogi: {repo: https://x/y.git}
  stream-command-output: true
  include-command-output-in-response: true
"#,
    )
    .unwrap();
    assert_eq!((hooks.len(), hooks.is_empty()), (2, false));
    let hook = hooks.get("h").unwrap();
    assert_eq!((hook.id(), hook.line()), ("h", 2));
    assert_eq!(hook.key("timeout"), "[0].timeout");
    assert_eq!(hook.file().to_str(), Some("hooks.yaml"));
    assert_eq!(hook.methods(), [http::Method::POST, http::Method::GET]);
    let response = hook.response();
    assert_eq!(response.message, "ok");
    let headers: Vec<_> = response
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    assert_eq!(headers, [("x-a", &b"1"[..]), ("x-b", b"")]);
    assert_eq!(response.success.unwrap(), 201);
    assert_eq!(response.mismatch.unwrap(), 403);
    assert_eq!(response.output, Output::Included { on_error: true });
    assert_eq!(
        hook.shape().content_type.as_deref(),
        Some("application/json")
    );
    assert_eq!(hook.shape().json.len(), 1);
    let limits = hook.limits();
    assert_eq!(limits.max_concurrent.map(u32::from), Some(2));
    assert_eq!(
        (limits.max_queued, limits.timeout),
        (Some(0), Some(Duration::from_secs(90)))
    );
    assert_eq!(hook.image(), Some("python:3.12"));
    assert!(matches!(hook.action(), Action::Execute(_)) && hook.rule().is_none());

    let job = hooks.get("7").unwrap();
    assert!(matches!(job.action(), Action::Dogi(_)));
    assert_eq!(job.key("dogi.repo"), "[1].dogi.repo");
    assert_eq!(job.response().output, Output::Streamed);
    assert!(hooks.get("H").is_none());
}

/// Keys with nothing in them, and what says "not set" in the original.
#[test]
fn what_is_not_set() {
    let hooks = read(
        "- id: h\n  execute-command: x\n  http-methods: []\n  success-http-response-code: 0\n  trigger-rule:\n  pass-arguments-to-command:\n  response-headers: ~\n  include-command-output-in-response-on-error: true\n  command-working-directory: ''\n",
    )
    .unwrap();
    let hook = hooks.get("h").unwrap();
    assert!(hook.methods().is_empty() && hook.rule().is_none());
    assert_eq!(hook.response().success, None);
    assert_eq!(hook.response().output, Output::Background);
    for empty in ["", "# nothing\n", "[]", "null"] {
        assert!(read(empty).unwrap().is_empty());
    }
}

#[test]
fn json_and_anchors() {
    let json = "[\n\t{\"id\": \"h\",\n\t\"execute-command\": \"/bin/echo\"}\n]";
    assert_eq!(read(json).unwrap().iter().next().unwrap().line(), 2);
    let anchors = "- id: a\n  execute-command: x\n  trigger-rule: &r {and: []}\n- id: b\n  execute-command: x\n  trigger-rule: {not: *r}\n";
    assert_eq!((&read(anchors).unwrap()).into_iter().count(), 2);
}

#[test]
fn ids_of_all_files() {
    let hook = "- {id: h, execute-command: x}\n".to_owned();
    let files = [
        ("a.yaml".into(), hook.clone() + &hook),
        ("b.yaml".into(), hook),
    ];
    let mistakes = Hooks::read(&files, &Secrets).unwrap_err();
    let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "a.yaml:2: id: \"h\": another hook has this id: a.yaml:1",
            "b.yaml:1: id: \"h\": another hook has this id: a.yaml:1",
        ]
    );
}
