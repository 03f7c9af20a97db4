//! Thousands of jobs that wait: what they cost, and that their order outlives the server.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::harness::{Dogi, Repos, encode, moment, open_files, resident};

/// Submissions under way at once.
const AT_ONCE: usize = 32;
/// KiB of memory that a waiting job may cost: a bound on what would be a mistake.
const EACH: u64 = 20;

#[tokio::test]
async fn a_thousand_jobs_wait_and_keep_their_order() {
    wait_in_line(1000).await;
}

#[tokio::test]
#[ignore = "heavy: ten thousand submissions take minutes"]
async fn ten_thousand_jobs_wait_and_keep_their_order() {
    wait_in_line(10_000).await;
}

async fn wait_in_line(jobs: usize) {
    let (_repos, path) = Repos::one("").await;
    let queued = jobs.to_string();
    let mut dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("MAX_RUNNING", "1"),
        ("MAX_QUEUED", &queued),
        ("LOG_LEVEL", "warn"),
    ])
    .await;
    let script = encode("echo begun; sleep 1000");
    let mut first = dogi
        .open(&format!("{path}?action=run&tty=false&bashc={script}"))
        .await;
    let mut log = String::new();
    while !log.contains("\nbegun") {
        let chunk = first
            .chunk()
            .await
            .expect("it streams")
            .expect("it goes on");
        log.push_str(&String::from_utf8_lossy(&chunk));
    }

    let before = resident(dogi.process.id());
    submit(&dogi, &path, jobs).await;
    let each = resident(dogi.process.id()).saturating_sub(before) / jobs as u64;
    tell(format_args!("{jobs} waiting jobs: {each} KiB each"));
    assert!(each < EACH, "{each} KiB for each waiting job");
    let files = open_files(dogi.process.id());
    assert!(files < 200, "{files} open files");
    full(&dogi, &path, jobs).await;
    visible(&dogi, &path).await;

    let line = positions(&dogi).await;
    let expected: Vec<usize> = (1..=jobs).collect();
    assert_eq!(line.keys().copied().collect::<Vec<_>>(), expected);
    dogi.kill();
    let started = Instant::now();
    dogi.restart().await;
    let took = started.elapsed();
    tell(format_args!("a start with {jobs} waiting jobs: {took:?}"));
    assert!(
        took < Duration::from_secs(10 + jobs as u64 / 200),
        "{took:?}"
    );
    let again = resident(dogi.process.id());
    tell(format_args!("{again} KiB after it, {before} KiB before"));
    assert!(
        again.saturating_sub(before) / (jobs as u64) < EACH,
        "{again} KiB"
    );
    let files = open_files(dogi.process.id());
    assert!(files < 200, "{files} open files after a start");

    // Whether the first one is still there or was lost meanwhile, the rest is in the same order.
    dogi.get(&format!("{path}?action=abort")).await;
    let mut next = line.values();
    let mut last = None;
    for run in next.by_ref().take(3) {
        let status = dogi
            .get(&format!("/runs/{run}/status?output_type=wait"))
            .await;
        let status = status.json();
        assert_eq!(status["state"], "succeeded", "{status:#}");
        let started = Some(moment(&status, "started_at"));
        assert!(last < started, "{last:?} {started:?}");
        last = started;
    }
    let left = positions(&dogi).await;
    let gone = line.len() - left.len();
    assert!(gone >= 3, "they are out of the line");
    assert!(
        line.values().skip(gone).eq(left.values()),
        "the order is the same"
    );
    dogi.discard();
}

#[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
fn tell(figure: std::fmt::Arguments<'_>) {
    println!("{figure}");
}

async fn submit(dogi: &Dogi, path: &str, jobs: usize) {
    let submissions = (0..jobs).map(|job| async move {
        let target =
            format!("{path}?action=run&id=j{job}&output=status&output_type=async&cmd=true");
        let answer = dogi.get(&target).await;
        assert!(
            [200, 202].contains(&answer.status),
            "{job}: {}",
            answer.text()
        );
        assert_eq!(answer.json()["state"], "queued");
        assert!(
            answer.json()["queue_position"].is_u64(),
            "{}",
            answer.text()
        );
    });
    stream::iter(submissions)
        .for_each_concurrent(AT_ONCE, |submission| submission)
        .await;
}

/// Past the limit nothing is taken, and nothing is left of what was refused.
async fn full(dogi: &Dogi, path: &str, jobs: usize) {
    let directories = || {
        let runs = std::fs::read_dir(dogi.data_dir().join("runs"));
        runs.expect("it is there").count()
    };
    assert_eq!(directories(), jobs + 1);
    let refused = dogi
        .get(&format!("{path}?action=run&id=more&output=status&cmd=true"))
        .await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let after: u64 = refused
        .header("retry-after")
        .and_then(|after| after.parse().ok())
        .expect("when to come again");
    assert!(after > 0);
    assert_eq!(
        directories(),
        jobs + 1,
        "of what was refused nothing is left"
    );
    assert_eq!(dogi.get(&format!("{path}?id=more")).await.status, 404);
}

/// Where a job stands in the line is in its status and in its stream.
async fn visible(dogi: &Dogi, path: &str) {
    let status = dogi
        .get(&format!("{path}?id=j7&output=status&output_type=async"))
        .await
        .json();
    let position = status["queue_position"].as_u64().expect("a position");
    for (accept, told) in [
        (
            "text/plain",
            format!("dogi: queued, number {position} in line\n"),
        ),
        (
            "text/event-stream",
            format!("event: queued\ndata: {position}\n\n"),
        ),
        (
            "application/x-ndjson",
            format!("{{\"output\":\"status\",\"queued\":{position}}}\n"),
        ),
    ] {
        let request = dogi.request("GET", &format!("{path}?id=j7"));
        let mut stream = dogi.send(request.header("accept", accept)).await;
        let chunk = stream.chunk().await.expect("it streams").expect("not over");
        assert_eq!(String::from_utf8_lossy(&chunk), told);
    }
}

/// The runs that wait, by their place in the line.
async fn positions(dogi: &Dogi) -> BTreeMap<usize, String> {
    let jobs = dogi.get("/jobs").await.json();
    let jobs = jobs["jobs"].as_object().cloned().expect("jobs");
    let waiting = jobs.values().filter_map(Value::as_array).flatten();
    waiting
        .filter_map(|job| {
            let position = usize::try_from(job["queue_position"].as_u64()?).ok()?;
            Some((position, job["run"].as_str()?.to_owned()))
        })
        .collect()
}
