//! Routes, access and refusals.

use dogi_job::{FailureKind, Spec, Submit};
use dogi_url::{Expiry, InstanceId, Keys, Namespace, RepoUrl, Scheme, Secret};
use serde_json::json;

use crate::server::{RUN, Server};
use crate::within;

const SECRET: &str = "very secret";

fn keys(secret: &str) -> Keys {
    Keys::new(Some(Secret::new(secret).expect("long enough")), [], true)
}

fn sign(target: &str) -> String {
    keys(SECRET)
        .sign(target, Expiry::Never, Scheme::Hmac)
        .expect("a target")
}

async fn signed_server() -> Server {
    Server::with(&[
        ("SIGNATURES_SECRET", SECRET),
        ("DOGI_TOKEN", "operator-token"),
    ])
    .await
}

#[tokio::test]
async fn health_needs_no_signature_and_everything_else_does() {
    let server = signed_server().await;
    for target in ["/healthz", "/readyz", "/metrics", "/"] {
        assert_eq!(server.get(target).await.status, 200, "{target}");
    }
    let run = "0198c5e0a1b2c3d4e5f60718293a4b5c";
    let instance = "dogi_default_45d218fc28c14ec629065042c0de0ba6bc0c5a34";
    let targets = [
        ("GET", RUN.to_owned()),
        ("POST", format!("{RUN}?action=abort")),
        ("HEAD", RUN.to_owned()),
        ("GET", "/jobs".to_owned()),
        ("GET", "/outputs".to_owned()),
        ("GET", "/collect?output=log".to_owned()),
        ("GET", "/runs".to_owned()),
        ("GET", format!("/runs/{run}")),
        ("GET", format!("/runs/{run}/log")),
        ("GET", format!("/runs/{run}/files/x")),
        ("POST", format!("/runs/{run}/rerun")),
        ("POST", format!("/runs/{run}/abort")),
        ("GET", format!("/output/{instance}/log")),
    ];
    for (method, target) in &targets {
        let refused = server.ask(method, target, &[]).await;
        assert_eq!(refused.status, 401, "{method} {target}");
        assert!(
            refused.header("www-authenticate").starts_with("Bearer"),
            "{target}"
        );
        let signed = server.ask(method, &sign(target), &[]).await;
        assert!(
            ![401, 403].contains(&signed.status),
            "{method} {target}: {}",
            signed.text()
        );
        let token = ["authorization: Bearer operator-token"];
        let operator = server.ask(method, target, &token).await;
        assert_eq!(
            operator.status,
            signed.status,
            "{method} {target}: {}",
            operator.text()
        );
    }
    let wrong = server
        .ask("GET", "/jobs", &["authorization: Bearer other"])
        .await;
    assert_eq!(wrong.problem(401), "the bearer token is not the operator's");
}

#[tokio::test]
async fn a_signature_that_is_not_this_url_s_starts_nothing() {
    let server = signed_server().await;
    let target = format!("{RUN}?action=run");
    let good = sign(&target);
    let other = keys("another secret").sign(&target, Expiry::Never, Scheme::Hmac);
    let expired = keys(SECRET).sign(&target, Expiry::At(1), Scheme::Hmac);
    let cases = [
        (target.clone(), "not signed"),
        (other.expect("a target"), "not the signature"),
        (expired.expect("a target"), "expired"),
        (
            good.replace("action=run", "action=restart"),
            "not the signature",
        ),
        (format!("{good}&bashc=evil"), "not the last"),
        (format!("{good}&sig="), "given 2 times"),
    ];
    for (target, wanted) in cases {
        let refused = server.get(&target).await.problem(401);
        assert!(refused.contains(wanted), "{target}: {refused}");
    }
    assert_eq!(server.get(&sign("/runs")).await.json()["runs"], json!([]));
}

#[tokio::test]
async fn a_signed_post_is_bound_to_its_body() {
    let server = signed_server().await;
    let body = r#"{"action":"abort"}"#;
    let unbound = server.post(&sign(RUN), "application/json", body).await;
    assert!(unbound.problem(401).contains("body_sha256"));
    // printf %s '{"action":"abort"}' | sha256sum
    let digest = "4b1c37bd42b5c8a6a4f0fb6a8ee6bca3ac6a2c3d3f0e59fb74e9b8a2ba3eb9a0";
    let target = sign(&format!("{RUN}?body_sha256={digest}"));
    let other = server.post(&target, "application/json", body);
    assert!(other.await.problem(401).contains("is not the one"));
}

#[tokio::test]
async fn links_are_signed_where_urls_have_to_be() {
    let server = signed_server().await;
    let target = sign(&format!("{RUN}?action=run&output=status&file_data=/data"));
    let asked = server.send("GET", &target, &["connection: close"]).await;
    server
        .theatre
        .container()
        .await
        .print("to the log")
        .file("data", "to the file")
        .end(0);
    let status = asked.answer().await;
    let json = status.json();
    for (name, wanted) in [("log", "to the log"), ("file_data", "to the file")] {
        let link = json["output"][name].as_str().expect("a link");
        assert!(
            link.starts_with("/runs/") && link.contains("?sig="),
            "{link}"
        );
        let answer = server.get(link).await;
        assert!(answer.text().ends_with(wanted), "{name}: {}", answer.text());
        let abort = link.replace(&format!("/{name}?"), "/abort?");
        assert_eq!(
            server.ask("POST", &abort, &[]).await.status,
            401,
            "it only reads"
        );
    }
    let link = status.header("link").to_owned();
    let href = link
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .expect("a link")
        .0;
    assert_eq!(server.get(href).await.json()["state"], "succeeded");
    let outputs = server.get(&sign("/outputs")).await.json();
    let latest = outputs["outputs"][0]["outputs"]["log"]["url"]
        .as_str()
        .expect("a link");
    assert!(server.get(latest).await.text().ends_with("to the log"));
}

#[tokio::test]
async fn with_an_advertised_url_links_are_whole() {
    let variables = [
        ("BYPASS_SIGNATURES", "true"),
        ("ADVERTISED_URL", "https://dogi.example.com/base/"),
    ];
    let server = Server::with(&variables).await;
    let asked = server
        .send(
            "GET",
            &format!("{RUN}?action=run&output=status"),
            &["connection: close"],
        )
        .await;
    server.theatre.container().await.end(0);
    let json = asked.answer().await.json();
    let run = json["run"].as_str().expect("a run");
    assert_eq!(
        json["output"]["log"],
        format!("https://dogi.example.com/base/runs/{run}/log")
    );
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let server = Server::start().await;
    let many: String = (0..1000).map(|n| format!("&env_N{n}=x")).collect();
    let cases: Vec<(String, u16, &str)> = vec![
        (format!("{RUN}?ouput=status"), 400, "did you mean `output`"),
        (format!("{RUN}?action=fly"), 400, "`action`"),
        (format!("{RUN}?action=run&action=run"), 400, "`action`"),
        (format!("{RUN}?cmd=a&bashc=b"), 400, "bashc"),
        (format!("{RUN}?bashc=%zz"), 400, "`bashc`"),
        (format!("{RUN}?ref=-upload"), 400, "`ref`"),
        (format!("{RUN}?file_a=../../etc"), 400, "file_a"),
        (format!("{RUN}?action=run{many}"), 400, "env_"),
        ("/https/user:secret@github.com/o/r.git".to_owned(), 400, ""),
        ("/ssh/-oProxyCommand=x/r.git".to_owned(), 400, ""),
        ("/git/host/r.git?action=run".to_owned(), 403, "git.allow"),
        ("/file/srv/r.git".to_owned(), 403, "git.allow"),
        (
            "/https/127.0.0.1/o/r.git?action=run".to_owned(),
            403,
            "127.0.0.1",
        ),
        (
            format!("{RUN}?action=run&cb=http://169.254.169.254/x"),
            403,
            "169.254.169.254",
        ),
        (format!("{RUN}?action=run&pipeline=*"), 501, "pipeline"),
        (format!("{RUN}?action=run&output=file_x"), 400, "file_x"),
        (RUN.to_owned(), 404, "nothing has run"),
        (format!("{RUN}?action=abort"), 404, "nothing has run"),
        ("/nope".to_owned(), 404, "no such route"),
        ("/jobs?x=1".to_owned(), 400, "unknown parameter `x`"),
        ("/collect".to_owned(), 400, "`output` is missing"),
        ("/collect?output=nope".to_owned(), 400, "`output`"),
        (
            "/collect?output=status".to_owned(),
            400,
            "allowed: log, file_NAME, node_NAME",
        ),
        ("/runs?limit=0".to_owned(), 400, "`limit`"),
        ("/runs?limit=1&limit=2".to_owned(), 400, "given 2 times"),
        ("/runs?before=x".to_owned(), 400, "`before`"),
        (
            "/runs/0198c5e0a1b2c3d4e5f60718293a4b5c".to_owned(),
            404,
            "no run",
        ),
    ];
    for (target, status, wanted) in cases {
        let detail = server.get(&target).await.problem(status);
        assert!(detail.contains(wanted), "{target}: {detail}");
        assert!(!detail.contains("secret@"), "{target}: {detail}");
    }
    assert_eq!(
        server.get("/runs").await.json()["runs"],
        json!([]),
        "nothing was started"
    );
    let wrong = server.ask("DELETE", RUN, &[]).await;
    assert_eq!(wrong.header("allow"), "GET, HEAD, POST");
    assert!(wrong.problem(405).contains("DELETE"));
}

#[tokio::test]
async fn bodies_are_bounded_and_typed() {
    let server = Server::start().await;
    let long = format!("action=run&env_A={}", "x".repeat(2 << 20));
    let form = "application/x-www-form-urlencoded";
    assert_eq!(server.post(RUN, form, &long).await.status, 413);
    let huge = format!(
        "POST {RUN} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {form}\r\n\
         content-length: 10000000000\r\n\r\n"
    );
    assert_eq!(server.send_text(&huge).await.head().await.status, 413);
    assert!(
        server
            .post(RUN, "text/xml", "<a/>")
            .await
            .problem(400)
            .contains("text/xml")
    );
    assert!(
        server
            .post(RUN, "application/json", "{")
            .await
            .problem(400)
            .contains("JSON")
    );
    assert!(
        server
            .post(RUN, form, "action=fly")
            .await
            .problem(400)
            .contains("`action`")
    );
    let peek = server.post(RUN, form, "action=peek").await;
    assert!(peek.problem(404).contains("nothing has run"));
}

#[tokio::test]
async fn only_repositories_of_the_operator_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("dogi.yaml");
    std::fs::write(&file, "url_repos: [\"github.com/acme/*\"]\n").expect("written");
    let file = file.to_str().expect("UTF-8");
    let server = Server::with(&[("BYPASS_SIGNATURES", "true"), ("CONFIG", file)]).await;
    let refused = server.get(&format!("{RUN}?action=run")).await.problem(403);
    assert!(
        refused.contains("github.com/o/r") && refused.contains("url_repos"),
        "{refused}"
    );
    assert_eq!(server.get("/https/github.com/acme/r.git").await.status, 404);
}

#[tokio::test]
async fn more_than_the_operator_allows_is_forbidden_and_a_full_queue_says_when() {
    let variables = [
        ("BYPASS_SIGNATURES", "true"),
        ("JOB_MEMORY", "64m"),
        ("MAX_RUNNING", "1"),
        ("MAX_QUEUED", "0"),
    ];
    let server = Server::with(&variables).await;
    let refused = server.get(&format!("{RUN}?action=run&memory=1g")).await;
    assert_eq!(refused.json()["parameter"], "memory");
    refused.problem(403);
    let (_container, _, _client) = server.run(&format!("{RUN}?action=run"), &[]).await;
    let full = server.get(&format!("{RUN}?action=run&id=2")).await;
    assert!(
        full.header("retry-after").parse::<u32>().is_ok(),
        "{:?}",
        full.headers
    );
    full.problem(429);
}

#[tokio::test]
async fn a_full_disk_and_a_missing_engine_are_told() {
    let variables = [("BYPASS_SIGNATURES", "true"), ("MIN_FREE_BYTES", "8000t")];
    let server = Server::with(&variables).await;
    let target = format!("{RUN}?action=run");
    assert!(
        server
            .get(&target)
            .await
            .problem(507)
            .contains("are kept free")
    );
    let server = Server::start().await;
    assert_eq!(server.get("/readyz").await.json()["ready"], true);
    server.theatre.docker_is_gone();
    // What was found is told for a second.
    let not_ready = async {
        loop {
            let answer = server.get("/readyz").await;
            if answer.status == 503 {
                return answer;
            }
        }
    };
    assert!(within(not_ready).await.problem(503).contains("Docker"));
    let answer = server.get(&target).await;
    assert!(answer.problem(503).contains("Docker"));
    assert_eq!(server.get("/healthz").await.text(), "ok\n");
    let log = server
        .get(&format!("/runs/{}/log", answer.header("dogi-run")))
        .await;
    assert!(
        log.text().contains("Docker"),
        "the log tells it too: {}",
        log.text()
    );
}

#[tokio::test]
async fn lists_show_what_there_is() {
    let server = Server::start().await;
    let (one, first, _one) = server
        .run(&format!("{RUN}?action=run&id=1&file_a=/a"), &[])
        .await;
    let (two, second, _two) = server
        .run(&format!("{RUN}?action=run&id=2&file_a=/a"), &[])
        .await;
    let jobs = server.get("/jobs").await.json();
    let ids: Vec<_> = jobs["jobs"]
        .as_object()
        .expect("by instance")
        .keys()
        .cloned()
        .collect();
    assert_eq!(ids.len(), 2, "{jobs:#}");
    assert_eq!(jobs["jobs"][&ids[0]][0]["instance"], ids[0].as_str());
    one.file("a", "one").end(0);
    two.file("a", "two").end(3);
    one.gone().await;
    two.gone().await;
    for (run, state) in [(&first, "succeeded"), (&second, "failed")] {
        let done = server
            .get(&format!("/runs/{run}/status?output_type=wait"))
            .await;
        assert_eq!(done.json()["state"], state);
    }
    let jobs = server.get("/jobs").await.json();
    assert_eq!(jobs, json!({"jobs": {}}));
    let outputs = server.get("/outputs").await.json();
    assert_eq!(
        outputs["outputs"].as_array().map(Vec::len),
        Some(2),
        "{outputs:#}"
    );
    let mut collected: Vec<String> = server
        .get("/collect?output=file_a")
        .await
        .text()
        .lines()
        .map(str::to_owned)
        .collect();
    collected.sort();
    assert_eq!(collected, ["one", "two"]);
    let page = server.get("/runs?limit=1").await;
    assert_eq!(
        page.json()["runs"][0]["run"],
        second.as_str(),
        "the newest first"
    );
    let next = page.json()["next"]
        .as_str()
        .expect("another page")
        .to_owned();
    assert_eq!(page.header("link"), format!("<{next}>; rel=\"next\""));
    assert_eq!(
        server.get(&next).await.json()["runs"][0]["run"],
        first.as_str()
    );
    let kept = server.get(&format!("/runs/{first}/files/app/data")).await;
    assert!(kept.problem(404).contains("not kept"));
}

#[tokio::test]
async fn a_run_can_be_run_again_and_aborted_by_its_id() {
    let server = Server::start().await;
    let (container, first, _client) = server.run(&format!("{RUN}?action=run&env_A=b"), &[]).await;
    let aborted = server
        .ask("POST", &format!("/runs/{first}/abort"), &[])
        .await;
    container.gone().await;
    assert_eq!(aborted.status, 200);
    assert_eq!(aborted.json()["errors"], json!(["Killed by abort"]));
    let again = server
        .ask("POST", &format!("/runs/{first}/rerun"), &[])
        .await;
    assert_eq!(again.status, 202);
    let second = again.json();
    assert_ne!(second["run"], first.as_str());
    assert_eq!(
        again.header("location"),
        format!("/runs/{}", second["run"].as_str().expect("a run"))
    );
    assert_eq!(second["env"], json!({"A": "b"}));
    server.theatre.container().await.end(0);
}

#[tokio::test]
async fn a_run_is_not_run_again_once_its_repository_is_not_allowed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = dir.path().join("dogi.yaml");
    std::fs::write(&config, "url_repos: [github.com/acme/*]\n").expect("a file");
    let config = config.to_str().expect("UTF-8");
    let server = Server::with(&[("BYPASS_SIGNATURES", "true"), ("CONFIG", config)]).await;
    // A run from the time when it was.
    let repo = RepoUrl::from_clone_url("https://github.com/o/r.git").expect("a repository");
    let instance = InstanceId::new(&Namespace::default(), &repo, None);
    let submitted = server.engine.submit(Spec::new(instance, repo), Submit::Run);
    let first = submitted.await.expect("the engine takes it").run;
    server.theatre.container().await.end(0);
    first.finished().await;
    let again = server
        .ask("POST", &format!("/runs/{}/rerun", first.id()), &[])
        .await;
    assert!(again.problem(403).contains("url_repos"));
    assert_eq!(server.engine.runs(None, 10).len(), 1, "nothing was started");
}

#[tokio::test]
async fn a_status_has_the_fields_of_the_original_and_more() {
    let server = Server::start().await;
    let asked = server
        .send(
            "GET",
            &format!("{RUN}?action=run&output=status&env_FOO=bar"),
            &["connection: close"],
        )
        .await;
    server.theatre.container().await.end(7);
    let answer = asked.answer().await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (500, "application/json")
    );
    assert_eq!(answer.header("dogi-state"), "failed");
    assert_eq!(answer.header("dogi-exit-code"), "7");
    let json = answer.json();
    let run = json["run"].as_str().expect("a run").to_owned();
    assert_eq!(json["errors"], json!(["Execution failed with code 7"]));
    assert_eq!(json["exit_code"], 7);
    assert_eq!(json["env"], json!({"FOO": "bar"}));
    assert_eq!(json["output"], json!({"log": format!("/runs/{run}/log")}));
    assert_eq!(json["commit"], "45d218fc28c14ec629065042c0de0ba6bc0c5a34");
    assert_eq!((&json["cb"], &json["nodes"]), (&json!(null), &json!({})));
    for time in ["queued_at", "started_at", "finished_at"] {
        let text = json[time].as_str().unwrap_or_default();
        assert!(
            text.starts_with("20") && text.ends_with('Z'),
            "{time}: {text}"
        );
    }
}

#[tokio::test]
async fn a_failed_clone_is_a_real_error_for_whoever_waits_for_a_file() {
    let server = Server::start().await;
    server
        .theatre
        .checkouts_fail(FailureKind::Source, "there is no branch `nope`");
    let target = format!("{RUN}?action=run&output=file_a&file_a=/a&ref=nope");
    let answer = server.get(&target).await;
    assert!(answer.problem(500).contains("no branch `nope`"));
    assert_eq!(answer.json()["run"]["state"], "failed");
    assert!(!answer.header("dogi-run").is_empty());
}

#[tokio::test]
async fn outputs_are_files_with_ranges() {
    let server = Server::start().await;
    let (container, run, client) = server
        .run(&format!("{RUN}?action=run&file_a=/a"), &[])
        .await;
    container.file("a", "0123456789");
    let json = server.get("/outputs").await.json();
    let target = json["outputs"][0]["outputs"]["file_a"]["url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let now = server
        .send("GET", &format!("/runs/{run}/file_a"), &[])
        .await
        .until("0123456789")
        .await;
    assert!(
        now.contains("chunked"),
        "it is followed while it grows: {now}"
    );
    let whole = server.get(&target).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    assert_eq!(whole.header("content-length"), "10");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    let tag = whole.header("etag").to_owned();
    let part = server.ask("GET", &target, &["range: bytes=2-4"]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let none = server.ask("GET", &target, &["range: bytes=10-"]).await;
    assert_eq!(none.header("content-range"), "bytes */10");
    none.problem(416);
    let head = server.ask("HEAD", &target, &["range: bytes=2-4"]).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    let same = server
        .ask("GET", &target, &[&format!("if-none-match: {tag}")])
        .await;
    assert_eq!((same.status, same.text().as_str()), (304, ""));
    let held = [&format!("if-range: {tag}") as &str, "range: bytes=-1"];
    assert_eq!(server.ask("GET", &target, &held).await.text(), "9");
    container.file("a", "x").end(0);
    client.answer().await;
    let grown = server.ask("GET", &target, &held).await;
    assert_eq!(
        (grown.status, grown.text().as_str()),
        (200, "0123456789x"),
        "another tag"
    );
    let finished = server
        .ask("GET", &format!("/runs/{run}/file_a"), &["range: bytes=10-"])
        .await;
    assert_eq!((finished.status, finished.text().as_str()), (206, "x"));
    let missing = server.get(&format!("/runs/{run}/file_b")).await;
    assert!(missing.problem(404).contains("it has: status, log, file_a"));
}

#[tokio::test]
async fn a_link_to_the_next_page_lasts_no_longer_than_the_url_that_showed_it() {
    let server = signed_server().await;
    let (_container, _, _client) = server.run(&sign(&format!("{RUN}?action=run")), &[]).await;
    let page = |expiry| keys(SECRET).sign("/runs?limit=1", expiry, Scheme::Hmac);
    for (expiry, wanted) in [(Expiry::At(4_000_000_000), true), (Expiry::Never, false)] {
        let answer = server.get(&page(expiry).expect("a target")).await.json();
        let next = answer["next"].as_str().expect("a full page has a next one");
        assert_eq!(next.contains("&exp=4000000000&sig="), wanted, "{next}");
        assert_eq!(server.get(next).await.json()["runs"], json!([]));
    }
}
