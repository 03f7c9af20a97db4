//! Text, server-sent events and NDJSON; resuming; the last line.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Dogi, Repos, encode};

#[tokio::test]
async fn the_last_line_is_never_lost() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    for tty in ["true", "false"] {
        for n in 0..10 {
            let script = encode(&format!("printf 'no newline {n}'"));
            let answer = dogi
                .get(&format!("{path}?action=run&tty={tty}&bashc={script}"))
                .await;
            let expected = format!("no newline {n}");
            assert!(
                answer.text().ends_with(&expected),
                "{tty} {n}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn events_carry_positions_that_resume_without_loss_or_repetition() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let script = encode("for i in $(seq 1 50); do echo line $i; sleep 0.02; done");
    let target = format!("{path}?action=run&tty=false&bashc={script}");
    let mut seen = String::new();
    let mut last = None;
    let mut runs = BTreeSet::new();
    for _ in 0..40 {
        let mut request = dogi
            .request("GET", &target)
            .header("accept", "text/event-stream");
        if let Some(id) = &last {
            request = request.header("last-event-id", id);
        }
        let mut response = dogi.send(request).await;
        if response.status() == 204 {
            break;
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        runs.insert(response.headers()["dogi-run"].clone());
        // Breaks off after a little, at any place.
        let mut text = String::new();
        while text.len() < 400 {
            match response.chunk().await.expect("it streams") {
                Some(chunk) => text.push_str(&String::from_utf8_lossy(&chunk)),
                None => break,
            }
        }
        // An event that did not come whole does not count.
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        for event in whole.split("\n\n") {
            let field = |name: &str| {
                event
                    .lines()
                    .find_map(|line| line.strip_prefix(&format!("{name}: ")))
            };
            if let Some(id) = field("id") {
                last = Some(id.to_owned());
            }
            if field("event") == Some("log") {
                let data: Vec<_> = event
                    .lines()
                    .filter_map(|line| line.strip_prefix("data:"))
                    .collect();
                let data: Vec<_> = data
                    .iter()
                    .map(|d| d.strip_prefix(' ').unwrap_or(d))
                    .collect();
                seen.push_str(&data.join("\n"));
            }
        }
    }
    assert_eq!(runs.len(), 1, "reconnecting starts no new run");
    for n in 1..=50 {
        let line = format!("line {n}\n");
        assert_eq!(seen.matches(&line).count(), 1, "line {n} in {seen}");
    }
}

#[tokio::test]
async fn the_last_event_is_the_status() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let request = dogi.request("GET", &format!("{path}?action=run&bashc=exit+3"));
    let text = dogi
        .ask(request.header("accept", "text/event-stream"))
        .await
        .text();
    let last = text.trim_end().rsplit("\n\n").next().expect("an event");
    assert!(last.contains("event: status"), "{last}");
    let data = last
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("data");
    let status: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(status["exit_code"], 3);
}

#[tokio::test]
async fn ndjson_has_one_object_a_chunk_and_exact_bytes() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let script = encode("printf 'a\\377b\\n'; printf 'ok\\n' >&2");
    let request = dogi.request(
        "GET",
        &format!("{path}?action=run&tty=false&bashc={script}"),
    );
    let answer = dogi
        .ask(request.header("accept", "application/x-ndjson"))
        .await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let objects: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    assert!(
        objects
            .iter()
            .any(|object| object.get("data_base64").is_some()),
        "{objects:#?}"
    );
    assert!(
        objects.iter().any(|object| object["data"] == "ok\n"),
        "{objects:#?}"
    );
}

#[tokio::test]
async fn a_failed_job_is_cut_off_where_the_request_asks_for_it() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = |id: &str, rest: &str| format!("{path}?action=run&tty=false&id={id}{rest}");
    let ended = dogi
        .raw_get(&target("a", "&bashc=echo+hi;exit+1"), &["TE: trailers"])
        .await;
    assert!(ended.complete);
    assert_eq!(ended.trailers["dogi-state"], "failed");
    assert_eq!(ended.trailers["dogi-exit-code"], "1");
    let cut = dogi
        .raw_get(&target("b", "&on_fail=abort&bashc=echo+hi;exit+1"), &[])
        .await;
    assert!(!cut.complete, "{cut:?}");
    assert!(
        String::from_utf8_lossy(&cut.body).contains("hi\n"),
        "the bytes are there"
    );
    let good = dogi
        .raw_get(&target("c", "&on_fail=abort&bashc=echo+hi"), &[])
        .await;
    assert!(good.complete);
}

#[tokio::test]
async fn async_answers_with_what_is_there_now() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!("{path}?action=run&output_type=async&output=status&bashc=sleep+600");
    let answer = dogi.get(&target).await;
    assert!([200, 202].contains(&answer.status), "{}", answer.status);
    let state = answer.json()["state"]
        .as_str()
        .map(str::to_owned)
        .expect("a state");
    assert!(
        ["queued", "cloning", "building", "running"].contains(&&*state),
        "{state}"
    );
    let jobs = dogi.get("/jobs").await;
    assert!(
        jobs.text()
            .contains(answer.json()["run"].as_str().expect("a run")),
        "{}",
        jobs.text()
    );
    dogi.get(&format!("{path}?action=abort")).await;
}

#[tokio::test]
async fn one_slow_reader_holds_nobody_up() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let script = encode("seq 1 400000");
    let stopped = dogi
        .open(&format!("{path}?action=run&tty=false&bashc={script}"))
        .await;
    let quick = dogi.get(&path).await;
    assert!(quick.text().ends_with("\n400000\n"));
    let status = dogi.get(&format!("{path}?output=status")).await;
    assert_eq!(
        status.json()["state"],
        "succeeded",
        "the stopped reader did not stop it"
    );
    let late = stopped.bytes().await.expect("it can still read everything");
    assert!(late.ends_with(b"\n400000\n"));
    assert_eq!(late.len(), quick.body.len());
}
