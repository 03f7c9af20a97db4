//! Generic webhooks: their files, how they are read again, and what is told of requests.

use std::io::Write as _;
use std::os::unix::fs::symlink;

use dogi_testkit::wait;
use rustix::process::Signal;

use crate::harness::{Dogi, Hooks, NO_DOCKER, cli};

/// A hook that says a word.
fn says(word: &str) -> String {
    format!(
        "- id: h\n  execute-command: /bin/echo\n  include-command-output-in-response: true\n  \
         pass-arguments-to-command:\n  - {{source: string, name: {word}}}\n"
    )
}

#[tokio::test]
async fn hooks_are_served_without_docker_and_without_signatures() {
    let hooks = Hooks::with(&says("hello"), &[NO_DOCKER]).await;
    let answer = hooks.get("h").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello\n"));
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(hooks.dogi.get("/healthz").await.status, 200);
    // Everything else says what to set.
    for path in [
        "/https/github.com/o/r.git?action=run",
        "/runs",
        "/deliveries",
    ] {
        let answer = hooks.dogi.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(
            answer.text().contains("SIGNATURES_SECRET"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_file_is_read_again_however_it_was_changed() {
    let hooks = Hooks::start(&says("one")).await;
    hooks.answers("h", "one\n").await;
    // Written over.
    hooks.write("hooks.yaml", &says("two"));
    hooks.answers("h", "two\n").await;
    // Renamed to, as editors and git do.
    hooks.write("new.yaml", &says("three"));
    std::fs::rename(hooks.path("new.yaml"), hooks.path("hooks.yaml")).expect("renamed");
    hooks.answers("h", "three\n").await;
    // A link that leads elsewhere, as Kubernetes does: to a directory behind a link.
    for (version, word) in [("v1", "four"), ("v2", "five")] {
        std::fs::create_dir(hooks.path(version)).expect("a directory");
        hooks.write(&format!("{version}/hooks.yaml"), &says(word));
    }
    symlink("v1", hooks.path("current")).expect("a link");
    symlink("current/hooks.yaml", hooks.path("link.yaml")).expect("a link");
    std::fs::rename(hooks.path("link.yaml"), hooks.path("hooks.yaml")).expect("renamed");
    hooks.answers("h", "four\n").await;
    symlink("v2", hooks.path("next")).expect("a link");
    std::fs::rename(hooks.path("next"), hooks.path("current")).expect("renamed");
    hooks.answers("h", "five\n").await;
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_read_half() {
    let hooks = Hooks::start(&says("old")).await;
    let mut file = std::fs::File::create(hooks.path("hooks.yaml")).expect("a file");
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(200));
    // A good file before its last line, and one in which everybody may run the hook.
    let new =
        says("new") + "  trigger-rule:\n    match: {type: ip-whitelist, ip-range: 192.0.2.1}\n";
    for line in new.lines().chain([""; 3]) {
        pace.tick().await;
        writeln!(file, "{line}").expect("written");
        file.sync_all().expect("written");
        assert_eq!(hooks.get("h").await.text(), "old\n");
    }
    hooks.answers("h", "Hook rules were not satisfied.").await;
}

#[tokio::test]
async fn a_bad_file_keeps_the_old_hooks_and_is_told() {
    let hooks = Hooks::start(&says("old")).await;
    for (key, signal) in [("triger-rule", Signal::HUP), ("trigger-ruel", Signal::USR1)] {
        let bad = format!("- id: h\n  execute-command: /bin/echo\n  {key}: {{}}\n");
        hooks.write("hooks.yaml", &bad);
        hooks.dogi.signal(signal);
        let told = || async {
            let log = hooks.dogi.process.output();
            log.contains(key).then_some(log)
        };
        let log = wait::until("the mistake to be told", told)
            .await
            .expect("it is");
        assert!(log.contains("did you mean \"trigger-rule\"?"), "{log}");
        assert!(log.contains("hooks.yaml:3"), "{log}");
        hooks.answers("h", "old\n").await;
    }
    std::fs::remove_file(hooks.path("hooks.yaml")).expect("removed");
    hooks.dogi.signal(Signal::HUP);
    hooks.answers("h", "old\n").await;
    hooks.write("hooks.yaml", &says("new"));
    hooks.answers("h", "new\n").await;
}

#[tokio::test]
async fn mistakes_keep_a_server_from_starting_and_are_told_at_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let one = folder.path().join("one.yaml");
    let two = folder.path().join("two.yaml");
    std::fs::write(
        &one,
        "- id: a\n  execute-command: x\n  http-method: [GET]\n",
    )
    .expect("a file");
    let job = "- id: b\n  dogi: {repo: 'https://github.com/o/r.git', outptu: log, timeout: soon}\n";
    std::fs::write(&two, job).expect("a file");
    let paths = [&one, &two].map(|path| path.to_str().expect("UTF-8"));
    let arguments = [
        "serve",
        "--hooks",
        paths[0],
        "--hooks",
        paths[1],
        "--listen",
        "127.0.0.1:0",
    ];
    for arguments in [
        &arguments[..],
        &["check", "--hooks", paths[0], "--hooks", paths[1]],
    ] {
        let output = cli(&[NO_DOCKER, ("BYPASS_SIGNATURES", "true")], arguments);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        for part in [
            "one.yaml:3",
            "http-methods",
            "two.yaml:2",
            "outptu",
            "output",
            "soon",
        ] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
    }
}

#[tokio::test]
async fn check_tells_what_is_worth_knowing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("hooks.yaml");
    let text = "\
- id: open
  execute-command: /bin/true
- id: never
  execute-command: /bin/true
  trigger-rule: {or: []}
- id: dash
  execute-command: /bin/echo
  pass-arguments-to-command: [{source: payload, name: ref}]
  trigger-rule:
    match: {type: payload-hmac-sha256, secret: {env: HOOK_KEY}, parameter: {source: header, name: X-Sig}}
";
    std::fs::write(&file, text).expect("a file");
    let path = file.to_str().expect("UTF-8");
    let variables = [("BYPASS_SIGNATURES", "true"), ("HOOK_KEY", "very secret")];
    let output = cli(&variables, &["check", "--hooks", path]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "hooks.yaml:1: [0]: every request runs this hook",
        "never true, so that the hook never runs",
        "`reject-leading-dash: true` refuses it",
    ] {
        assert!(said.contains(part), "{part:?} is missing: {said}");
    }
    assert!(!said.contains("very secret"), "{said}");
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(listed.contains("3 hooks: open, never, dash"), "{listed}");
}

const SIGNED: &str = "\
- id: deploy
  execute-command: /bin/echo
  include-command-output-in-response: true
  pass-arguments-to-command: [{source: payload, name: ref}]
  trigger-rule:
    and:
    - match: {type: payload-hmac-sha256, secret: [{env: NEW_KEY}, {file: '{TMP}/key'}], parameter: {source: header, name: X-Sig}}
    - match: {type: value, value: refs/heads/main, parameter: {source: payload, name: ref}}
";

/// `sha256=` and the hex of the HMAC.
fn signature(key: &str, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    let tag = ring::hmac::sign(&key, body.as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={hex}")
}

#[tokio::test]
async fn secrets_come_from_variables_and_files_and_why_a_hook_did_not_trigger_is_told() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let key = folder.path().join("key");
    std::fs::write(&key, "the old key\n").expect("a file");
    let text = SIGNED.replace("{TMP}", folder.path().to_str().expect("UTF-8"));
    let hooks = Hooks::with(
        &text,
        &[
            NO_DOCKER,
            ("BYPASS_SIGNATURES", "true"),
            ("NEW_KEY", "the new key"),
        ],
    )
    .await;
    let send = async |key: &str, body: &'static str| {
        let request = hooks.dogi.request("POST", "/hooks/deploy");
        let request = request.header("content-type", "application/json");
        let request = request.header("x-sig", signature(key, body));
        hooks.dogi.ask(request.body(body)).await
    };
    let main = r#"{"ref": "refs/heads/main"}"#;
    for key in ["the old key", "the new key"] {
        assert_eq!(send(key, main).await.text(), "refs/heads/main\n");
    }
    assert_eq!(send("another key", main).await.status, 401);
    assert_eq!(
        send("the new key", r#"{"ref": "refs/heads/topic"}"#)
            .await
            .status,
        200
    );
    assert_eq!(
        hooks.post("deploy", main).await.status,
        200,
        "unsigned is a mismatch"
    );
    assert_eq!(hooks.post("deploy", "{").await.status, 400);

    let told: Vec<_> = hooks
        .deliveries()
        .await
        .iter()
        .map(|delivery| {
            let text = |name: &str| delivery[name].as_str().unwrap_or_default().to_owned();
            (text("outcome"), delivery["status"].as_u64(), text("reason"))
        })
        .collect();
    let wanted = [
        ("refused", 400, "the body is no JSON"),
        (
            "not_triggered",
            200,
            "trigger-rule.and[0].match: the request has no header `X-Sig`",
        ),
        (
            "not_triggered",
            200,
            "trigger-rule.and[1].match: the payload value `ref` is another one",
        ),
        (
            "not_triggered",
            401,
            "trigger-rule.and[0].match: the signature is wrong",
        ),
        ("ran", 200, ""),
        ("ran", 200, ""),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for ((outcome, status, reason), wanted) in told.iter().zip(wanted) {
        assert_eq!(
            (outcome.as_str(), *status),
            (wanted.0, Some(wanted.1)),
            "{told:?}"
        );
        assert!(
            reason.starts_with(wanted.2),
            "{reason:?}, wanted {:?}",
            wanted.2
        );
    }
    let log = hooks.dogi.process.output();
    assert!(log.contains("the signature is wrong"), "{log}");
    for secret in ["the old key", "the new key"] {
        assert!(!log.contains(secret), "{log}");
    }

    // A key in a file is looked at again when the file changes.
    std::fs::write(&key, "the next key\n").expect("a file");
    wait::until("the next key to be good", || async {
        (send("the next key", main).await.status == 200).then_some(())
    })
    .await
    .expect("it is");
    assert_eq!(send("the old key", main).await.status, 401);
}

#[tokio::test]
async fn commands_inherit_the_environment_less_the_secrets_of_the_server() {
    let env = "\
- id: env
  execute-command: env
  include-command-output-in-response: true
- id: other
  execute-command: env
  trigger-rule:
    match: {type: value, value: {env: HOOK_KEY}, parameter: {source: header, name: X-Token}}
";
    let hooks = Hooks::with(
        env,
        &[
            NO_DOCKER,
            ("SIGNATURES_SECRET", "url secret"),
            ("DOGI_TOKEN", "operator-token"),
            ("GITHUB_TOKEN", "github_token"),
            ("CB_HEADERS", r#"{"X-Key": "header"}"#),
            ("HOOK_KEY", "hook key"),
            ("OF_MY_OWN", "kept"),
        ],
    )
    .await;
    let text = hooks.get("env").await.text();
    assert!(text.contains("OF_MY_OWN=kept"), "{text}");
    for secret in [
        "url secret",
        "operator-token",
        "github_token",
        "X-Key",
        "hook key",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

const FROM_HERE: &str = "\
- id: h
  execute-command: /bin/echo
  include-command-output-in-response: true
  pass-arguments-to-command: [{source: string, name: hello}]
  trigger-rule:
    match: {type: ip-whitelist, ip-range: 192.0.2.0/24}
";

#[tokio::test]
async fn a_trusted_proxy_says_who_asks() {
    let forwarded = async |dogi: &Dogi, from: &str| {
        let request = dogi
            .request("GET", "/hooks/h")
            .header("x-forwarded-for", from);
        dogi.ask(request).await.text()
    };
    let no = "Hook rules were not satisfied.";
    let hooks = Hooks::start(FROM_HERE).await;
    assert_eq!(
        forwarded(&hooks.dogi, "192.0.2.7").await,
        no,
        "anybody can say that"
    );
    let hooks = Hooks::with(
        FROM_HERE,
        &[
            NO_DOCKER,
            ("BYPASS_SIGNATURES", "true"),
            ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ],
    )
    .await;
    assert_eq!(forwarded(&hooks.dogi, "192.0.2.7").await, "hello\n");
    assert_eq!(forwarded(&hooks.dogi, "192.0.2.7, 198.51.100.1").await, no);
}
