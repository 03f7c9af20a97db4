//! Hooks that start a job.

use serde_json::json;

use crate::harness::{Dogi, Hooks, Repos};

async fn with(repos: &Repos, more: &str) -> Hooks {
    let repo = repos.server.url("demo.git");
    let text = format!(
        "- id: job\n  dogi:\n    repo: '{repo}'\n    action: restart\n    bashc: 'echo got $WHAT'\n    \
         env_WHAT: {{source: payload, name: ref}}\n    id: {{source: payload, name: id}}\n{more}"
    );
    Hooks::with(&text, &[("BYPASS_SIGNATURES", "true")]).await
}

async fn ended(dogi: &Dogi, run: &str) -> String {
    let log = dogi.get(&format!("/runs/{run}/log?output_type=wait")).await;
    log.text()
}

#[tokio::test]
async fn a_hook_starts_a_job_with_values_of_its_request() {
    let (repos, _) = Repos::one("").await;
    let hooks = with(&repos, "").await;
    let answer = hooks
        .post("job", r#"{"ref": "main; exit 9", "id": "a"}"#)
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let started = answer.json();
    let run = started["run"].as_str().expect("a run");
    assert!(
        started["env"].is_null(),
        "what the hook gives it is nobody's business: {started}"
    );
    assert!(
        answer
            .header("location")
            .is_some_and(|url| url.ends_with(run))
    );
    let log = ended(&hooks.dogi, run).await;
    assert!(
        log.contains("got main; exit 9"),
        "a value is no shell word: {log}"
    );
    let status = hooks.over(run).await;
    assert_eq!(status["state"], "succeeded", "{status:#}");
    let delivery = &hooks.deliveries().await[0];
    assert_eq!(
        (&delivery["outcome"], &delivery["run"]),
        (&"started".into(), &run.into())
    );
}

#[tokio::test]
async fn its_stream_or_its_end_can_be_the_answer() {
    let (repos, _) = Repos::one("").await;
    let streamed = with(&repos, "  stream-command-output: true\n").await;
    let answer = streamed
        .post("job", r#"{"ref": "streamed", "id": "a"}"#)
        .await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("got streamed"), "{}", answer.text());
    let waited = with(&repos, "  include-command-output-in-response: true\n").await;
    let answer = waited.post("job", r#"{"ref": "waited", "id": "a"}"#).await;
    assert_eq!(answer.header("dogi-state"), Some("succeeded"));
    assert!(answer.text().contains("got waited"), "{}", answer.text());
}

#[tokio::test]
async fn values_that_are_missing_or_bad_are_400_and_start_nothing() {
    let (repos, _) = Repos::one("").await;
    let hooks = with(&repos, "").await;
    for (body, part) in [
        (r#"{"id": "a"}"#, "`env_WHAT`"),
        (r#"{"ref": "main", "id": ""}"#, "`id`"),
        (r#"{"ref": "a\u0000b", "id": "a"}"#, "env_WHAT"),
    ] {
        let answer = hooks.post("job", body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.text().contains(part), "{body}: {}", answer.text());
    }
    let runs = hooks.dogi.get("/runs").await.json();
    assert_eq!(runs["runs"], json!([]));
}
