//! Lists, single runs and outputs as files.

use dogi_job::{FailureKind, Spec, Submit};
use dogi_url::{InstanceId, Namespace, RepoUrl};
use serde_json::json;

use crate::server::{RUN, Server};

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
