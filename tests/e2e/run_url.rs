//! The run URL: one URL checks out, builds, runs and streams.

use serde_json::json;

use crate::harness::{Dogi, Repos, containers, wait_until_gone};

#[tokio::test]
async fn a_run_streams_its_log_and_ends_with_the_state_in_the_trailers() {
    let (_repos, path) =
        Repos::one("CMD [\"sh\", \"-c\", \"echo one; echo two; printf last\"]\n").await;
    let dogi = Dogi::start().await;
    let target = format!("{path}?action=run&tty=false");
    let answer = dogi.raw_get(&target, &["TE: trailers"]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert!(
        answer.headers.contains_key("dogi-run"),
        "{:?}",
        answer.headers
    );
    assert!(answer.headers["dogi-instance"].starts_with(&format!("dogi_{}_", dogi.namespace)));
    assert!(
        answer.headers["link"].contains("rel=\"status\""),
        "{:?}",
        answer.headers
    );
    let log = String::from_utf8_lossy(&answer.body);
    assert!(log.ends_with("one\ntwo\nlast"), "{log}");
    assert!(answer.complete);
    assert_eq!(answer.trailers["dogi-state"], "succeeded");
    assert_eq!(answer.trailers["dogi-exit-code"], "0");
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn wait_and_status_answer_by_the_result() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let good = dogi
        .get(&format!(
            "{path}?id=good&action=run&output_type=wait&cmd=true"
        ))
        .await;
    assert_eq!(good.status, 200, "{}", good.text());
    let bad = dogi
        .get(&format!(
            "{path}?id=bad&action=run&output=status&bashc=exit+7"
        ))
        .await;
    assert_eq!(bad.status, 500);
    let status = bad.json();
    assert_eq!(status["errors"], json!(["Execution failed with code 7"]));
    assert_eq!(
        (&status["state"], &status["exit_code"]),
        (&json!("failed"), &json!(7))
    );
    let again = dogi.get(&format!("{path}?id=bad&output=status")).await;
    assert_eq!(again.status, 500, "peek shows the last run");
    assert_eq!(again.json()["run"], status["run"]);
}

#[tokio::test]
async fn the_status_has_the_fields_of_the_original_and_more() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!(
        "{path}?action=run&id=mine&output=status&env_FOO=bar&file_data=/data&bashc=echo+hi+%3E+/data"
    );
    let status = dogi.get(&target).await.json();
    assert_eq!(status["env"], json!({"FOO": "bar"}));
    assert_eq!(status["id"], "mine");
    assert_eq!(status["errors"], json!([]));
    for field in [
        "id",
        "run",
        "instance",
        "state",
        "commit",
        "image",
        "queued_at",
        "started_at",
        "finished_at",
        "nodes",
    ] {
        assert!(
            status.get(field).is_some(),
            "{field} is missing: {status:#}"
        );
    }
    let log = status["output"]["log"].as_str().expect("a URL");
    assert!(log.ends_with("/log"), "{log}");
    let data = status["output"]["file_data"].as_str().expect("a URL");
    assert_eq!(dogi.get(data).await.text(), "hi\n", "{data}");
}

#[tokio::test]
async fn peek_finds_nothing_where_nothing_ran_and_attaches_where_something_runs() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let nothing = dogi.get(&path).await;
    assert_eq!(nothing.status, 404, "{}", nothing.text());
    assert_eq!(
        nothing.header("content-type"),
        Some("application/problem+json")
    );
    let mut first = dogi
        .open(&format!(
            "{path}?action=run&tty=false&bashc=echo+begun;+sleep+2;+echo+over"
        ))
        .await;
    let run = first.headers()["dogi-run"].clone();
    while !String::from_utf8_lossy(&first.chunk().await.expect("it streams").expect("not over"))
        .contains("begun")
    {}
    let peek = dogi.get(&path).await;
    assert_eq!(peek.headers["dogi-run"], run);
    assert!(peek.text().ends_with("begun\nover\n"), "{}", peek.text());
    let again = dogi.get(&format!("{path}?action=run&cmd=false")).await;
    assert_ne!(again.headers["dogi-run"], run, "the first one is over");
}

#[tokio::test]
async fn run_joins_what_runs_and_ignores_its_own_parameters() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!("{path}?action=run&output=status&output_type=async&bashc=sleep+2");
    let first = dogi.get(&target).await.json();
    let second = dogi
        .get(&format!("{path}?action=run&output=status&cmd=false"))
        .await;
    assert_eq!(second.json()["run"], first["run"]);
    assert_eq!(
        second.status,
        200,
        "what runs is the sleep: {}",
        second.text()
    );
}

#[tokio::test]
async fn restart_stops_what_runs_and_only_the_last_one_finishes() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!("{path}?action=restart&output=status&bashc=sleep+1;exit+0");
    let answers = futures::future::join_all((0..4).map(|_| dogi.get(&target))).await;
    let (good, killed): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), killed.len()), (1, 3));
    for answer in killed {
        assert_eq!(answer.status, 500);
        assert_eq!(
            answer.json()["errors"],
            json!(["Killed by subsequent restart"])
        );
        assert_eq!(answer.json()["state"], "superseded");
    }
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn abort_answers_when_nothing_is_left() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    assert_eq!(dogi.get(&format!("{path}?action=abort")).await.status, 404);
    let mut running = dogi
        .open(&format!(
            "{path}?action=run&tty=false&bashc=echo+begun;+sleep+600"
        ))
        .await;
    while !String::from_utf8_lossy(
        &running
            .chunk()
            .await
            .expect("it streams")
            .expect("not over"),
    )
    .contains("begun")
    {}
    assert_eq!(containers(&dogi.namespace).len(), 1);
    let aborted = dogi.get(&format!("{path}?action=abort")).await;
    assert_eq!(containers(&dogi.namespace), [""; 0], "nothing is left");
    assert_eq!(aborted.status, 200);
    assert_eq!(aborted.json()["state"], "aborted");
    assert_eq!(aborted.json()["errors"], json!(["Killed by abort"]));
}

#[tokio::test]
async fn a_closed_connection_aborts_what_it_was_attached_to() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let mut running = dogi
        .open(&format!(
            "{path}?action=run&attach=1&tty=false&bashc=echo+begun;+sleep+600"
        ))
        .await;
    while !String::from_utf8_lossy(
        &running
            .chunk()
            .await
            .expect("it streams")
            .expect("not over"),
    )
    .contains("begun")
    {}
    drop(running);
    let status = dogi.get(&format!("{path}?output=status")).await;
    assert_eq!(status.json()["state"], "aborted");
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn parameters_reach_the_build_and_the_container() {
    let dockerfile = "FROM scratch AS base\n\
        COPY busybox /bin/busybox\n\
        RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n\
        COPY bash /bin/bash\n\
        ARG WHAT=default\n\
        ENV WHAT=$WHAT\n\
        FROM base AS other\n\
        ENV STAGE=other\n\
        CMD [\"sh\", \"-c\", \"echo $WHAT $STAGE $FOO\"]\n\
        FROM other AS last\n\
        ENV STAGE=last\n";
    let alternative = "FROM scratch\nCOPY busybox /bin/sh\nCMD [\"sh\", \"-c\", \"echo alt\"]\n";
    let files = [
        ("Dockerfile", dockerfile),
        ("sub/Dockerfile.alt", alternative),
    ];
    let mut repos = Repos::start().await;
    let path = repos.add_files("demo.git", "", &files);
    let dogi = Dogi::start().await;
    let cases = [
        ("", "default last\n"),
        ("&build_arg_WHAT=given", "given last\n"),
        ("&target=other", "default other\n"),
        ("&env_FOO=bar", "default last bar\n"),
        ("&env_FOO=a%20%26%20b", "default last a & b\n"),
        ("&cmd=echo+a+b", "a b\n"),
        (
            "&bashc=echo+$WHAT%3B+test+-t+1+%7C%7C+echo+no+terminal",
            "default\nno terminal\n",
        ),
        ("&df=sub/Dockerfile.alt", "alt\n"),
    ];
    for (index, (params, expected)) in cases.into_iter().enumerate() {
        let answer = dogi
            .get(&format!(
                "{path}?action=run&tty=false&id=case{index}{params}"
            ))
            .await;
        assert!(
            answer.text().ends_with(expected),
            "{params}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_terminal_is_there_unless_told_otherwise() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let answer = dogi
        .get(&format!(
            "{path}?action=run&bashc=test+-t+1+%26%26+echo+terminal"
        ))
        .await;
    assert!(answer.text().ends_with("terminal\r\n"), "{}", answer.text());
}

#[tokio::test]
async fn ref_is_a_branch_a_tag_or_a_commit() {
    let mut repos = Repos::start().await;
    let path = repos.add_files(
        "demo.git",
        "COPY text /text\nCMD [\"cat\", \"/text\"]\n",
        &[("text", "main\n")],
    );
    let repo = repos.repo(0);
    let first = repo.head().expect("a commit");
    repo.tag("v1").expect("a tag");
    repo.branch("topic")
        .and_then(|repo| repo.switch("topic"))
        .expect("a branch");
    repo.write("text", "topic\n").expect("written");
    repo.commit("Change").expect("committed");
    repo.switch("main").expect("back");
    repo.write("text", "newer\n").expect("written");
    repo.commit("Change").expect("committed");
    let dogi = Dogi::start().await;
    let cases = [
        (String::new(), "newer\n"),
        ("&ref=topic".to_owned(), "topic\n"),
        ("&ref=refs/heads/topic".to_owned(), "topic\n"),
        ("&ref=v1".to_owned(), "main\n"),
        (format!("&ref={first}"), "main\n"),
    ];
    for (index, (params, expected)) in cases.iter().enumerate() {
        let answer = dogi
            .get(&format!(
                "{path}?action=run&tty=false&id=case{index}{params}"
            ))
            .await;
        assert!(
            answer.text().ends_with(expected),
            "{params}: {}",
            answer.text()
        );
    }
    let unknown = dogi
        .get(&format!(
            "{path}?action=run&output=status&id=no&ref=nowhere"
        ))
        .await;
    assert_eq!(unknown.status, 500);
    let errors = unknown.json()["errors"].to_string();
    assert!(errors.contains("nowhere"), "{errors}");
}

#[tokio::test]
async fn a_post_takes_its_parameters_as_json_or_form() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let json = dogi
        .request("POST", &format!("{path}?tty=false"))
        .header("content-type", "application/json");
    let answer = dogi
        .ask(json.body(r#"{"action":"run","id":"json","bashc":"echo $FOO","env_FOO":"from json"}"#))
        .await;
    assert!(answer.text().ends_with("from json\n"), "{}", answer.text());
    let form = dogi
        .request("POST", &path)
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = dogi
        .ask(form.body("action=run&id=form&tty=false&bashc=echo+from+form"))
        .await;
    assert!(answer.text().ends_with("from form\n"), "{}", answer.text());
}

#[tokio::test]
async fn several_outputs_come_as_tail_prints_them() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!(
        "{path}?action=run&tty=false&output=log,file_data&file_data=/data\
         &bashc=echo+to+log;+sleep+1;+echo+to+file+%3E+/data"
    );
    let answer = dogi.get(&target).await;
    let text = answer.text();
    assert!(text.contains("==> log <==\n"), "{text}");
    assert!(text.contains("\n==> file_data <==\nto file\n"), "{text}");
}

#[tokio::test]
async fn a_second_run_of_the_same_commit_uses_the_same_image() {
    let (_repos, path) = Repos::one("CMD [\"echo\", \"hello\"]\n").await;
    let dogi = Dogi::start().await;
    let first = dogi
        .get(&format!("{path}?action=run&output=status"))
        .await
        .json();
    let second = dogi
        .get(&format!("{path}?action=run&output=status"))
        .await
        .json();
    assert_eq!(first["image"], second["image"]);
    let log = dogi.get(&format!("{path}?output=log")).await.text();
    assert!(!log.contains("COPY busybox"), "nothing was built: {log}");
    assert!(log.ends_with("hello\r\n"), "{log}");
}

#[tokio::test]
async fn head_and_prefetch_start_nothing() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let head = dogi
        .ask(dogi.request("HEAD", &format!("{path}?action=run")))
        .await;
    assert!(head.status < 500, "{}", head.status);
    let prefetch = dogi
        .request("GET", &format!("{path}?action=run"))
        .header("Sec-Purpose", "prefetch");
    let prefetch = dogi.ask(prefetch).await;
    assert!(prefetch.status >= 400, "{}", prefetch.status);
    assert_eq!(dogi.get(&path).await.status, 404, "nothing ran");
}

#[tokio::test]
async fn one_idempotency_key_is_one_run() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let ask = || {
        let request = dogi.request(
            "GET",
            &format!("{path}?action=restart&output=status&cmd=true"),
        );
        dogi.ask(request.header("Idempotency-Key", "k1"))
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first.json()["run"], second.json()["run"]);
}
