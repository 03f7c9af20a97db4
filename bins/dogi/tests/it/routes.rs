//! Routes, access and refusals.

use dogi_url::{Expiry, Keys, Scheme, Secret};
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
async fn an_answer_that_is_all_there_has_its_length() {
    let server = signed_server().await;
    for target in ["/healthz", "/readyz", "/metrics", "/", "/jobs", "/nothing"] {
        let answer = server.get(target).await;
        let lengths = (
            answer.header("content-length"),
            answer.header("transfer-encoding"),
        );
        let wanted = answer.body.len().to_string();
        assert_eq!(lengths, (wanted.as_str(), ""), "{target}");
    }
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
        (
            format!("{RUN}?action=run&pipeline=*&image=busybox"),
            400,
            "pipeline",
        ),
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
    let refused = server.get(&target).await;
    assert!(refused.problem(507).contains("are kept free"));
    assert_eq!(refused.header("retry-after"), "60");
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
