//! The Docker engine that is not there, and what dogi leaves on the one that is.

use dogi_testkit::silent;

use crate::harness::{Dogi, EngineProxy, Repos, containers, encode, wait_until_gone};

#[tokio::test]
async fn an_engine_that_is_not_there_is_503_and_readyz_says_so() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
    ])
    .await;
    assert_eq!(dogi.get("/healthz").await.status, 200);
    assert_eq!(dogi.get("/readyz").await.status, 503);
    let answer = dogi.get(&format!("{path}?action=run&output=status")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("Docker"), "{}", answer.text());
    assert!(
        !answer.text().contains("/nowhere"),
        "no paths of the host: {}",
        answer.text()
    );
}

#[tokio::test]
async fn an_abort_while_the_server_keeps_silent_ends_the_clone() {
    let silent = silent::Server::start().await.expect("a silent server");
    let path = format!("/http/{}/o/r.git", silent.address());
    let dogi = Dogi::start().await;
    let running = dogi.open(&format!("{path}?action=run")).await;
    silent.wait_for_connections(1).await.expect("it clones");
    let aborted = dogi.get(&format!("{path}?action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
    drop(running);
}

#[tokio::test]
async fn an_abort_during_a_build_ends_the_build() {
    let (_repos, path) = Repos::one("RUN echo now building && sleep 600\n").await;
    let dogi = Dogi::start().await;
    let mut running = dogi.open(&format!("{path}?action=run")).await;
    let mut log = String::new();
    while !log.contains("now building\n") || !log.contains("sleep 600") {
        let chunk = running
            .chunk()
            .await
            .expect("it streams")
            .expect("it goes on");
        log.push_str(&String::from_utf8_lossy(&chunk));
    }
    let started = std::time::Instant::now();
    let aborted = dogi.get(&format!("{path}?action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted");
    assert!(
        started.elapsed().as_secs() < 60,
        "it does not wait for the sleep"
    );
}

/// How many processes of this machine were started with this argument.
fn processes_with(argument: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            line.split(|byte| *byte == 0)
                .any(|word| word == argument.as_bytes())
        })
        .count()
}

#[tokio::test]
async fn an_abort_leaves_no_process_of_a_build_or_a_job() {
    // Lengths of sleeps by which they are known.
    let own = |number: u32| format!("{}{number}", std::process::id() + 1_000_000);
    let (built, child, main) = (own(1), own(2), own(3));
    let (_repos, slow_build) = Repos::one(&format!("RUN sleep {built}\n")).await;
    let (_repos_too, path) = Repos::one("").await;
    for builder in ["0", "1"] {
        let variables = [("BYPASS_SIGNATURES", "true"), ("DOCKER_BUILDKIT", builder)];
        let dogi = Dogi::with(&variables).await;
        let script = encode(&format!("sleep {child} & sleep {main}"));
        let cases = [
            (format!("{slow_build}?action="), vec![&built]),
            (
                format!("{path}?bashc={script}&action="),
                vec![&child, &main],
            ),
        ];
        for (url, sleeps) in cases {
            let _stream = dogi.open(&format!("{url}run")).await;
            let all = || async { sleeps.iter().all(|it| processes_with(it) > 0).then_some(()) };
            let patience = std::time::Duration::from_secs(60);
            let begun = dogi_testkit::wait::within(patience, "the sleeps", all).await;
            begun.expect("they begin");
            let aborted = dogi.get(&format!("{url}abort")).await;
            assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
            for sleep in sleeps {
                assert_eq!(processes_with(sleep), 0, "sleep {sleep}, builder {builder}");
            }
        }
        assert_eq!(containers(&dogi.namespace), [""; 0]);
    }
}

#[tokio::test]
async fn a_time_limit_and_a_memory_limit_are_told_as_such() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let slow = dogi
        .get(&format!(
            "{path}?action=run&output=status&id=a&timeout=2s&bashc=sleep+600"
        ))
        .await;
    assert_eq!(
        (slow.status, slow.json()["state"].as_str()),
        (500, Some("timed_out"))
    );
    assert!(slow.text().contains("2s"), "{}", slow.text());
    // Again and again: the engine misses a kill that comes too soon after the start, or with the end.
    let hungry =
        encode("for i in $(seq 50); do (x=a; while true; do x=$x$x; done); done; exit 137");
    let fat = dogi
        .get(&format!(
            "{path}?action=run&output=status&id=b&memory=16m&bashc={hungry}"
        ))
        .await;
    assert!(
        fat.json()["errors"][0]
            .as_str()
            .expect("an error")
            .starts_with("Out of memory"),
        "{}",
        fat.text()
    );
    assert_eq!(containers(&dogi.namespace), [""; 0]);
}

#[tokio::test]
async fn jobs_run_without_privileges_and_without_the_socket() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let script = encode(
        "grep NoNewPrivs /proc/self/status; test -e /var/run/docker.sock || echo no socket; mount -t tmpfs none /mnt 2>/dev/null || echo no mount; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null",
    );
    let log = dogi
        .get(&format!("{path}?action=run&tty=false&bashc={script}"))
        .await
        .text();
    for expected in ["NoNewPrivs:\t1\n", "no socket\n", "no mount\n", "4096\n"] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
}

#[tokio::test]
async fn an_engine_that_goes_away_in_the_middle_is_waited_for_and_loses_nothing() {
    let (_repos, path) = Repos::one("").await;
    let proxy = EngineProxy::start().await;
    let address = proxy.address;
    let host = format!("tcp://{address}");
    let dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("DOCKER_HOST", &host)]).await;
    let target = format!("{path}?action=run&tty=false&bashc=echo+begun;+sleep+600");
    let mut running = dogi.open(&target).await;
    let mut log = String::new();
    while !log.contains("\nbegun\n") {
        let chunk = running
            .chunk()
            .await
            .expect("it streams")
            .expect("it goes on");
        log.push_str(&String::from_utf8_lossy(&chunk));
    }
    drop(proxy);
    assert_eq!(dogi.get("/healthz").await.status, 200);
    assert_eq!(dogi.get("/readyz").await.status, 503);

    let _back = EngineProxy::start_at(address).await;
    let now = dogi
        .get(&format!("{path}?output=status&output_type=async"))
        .await;
    assert_eq!(now.json()["state"], "running", "{}", now.text());
    let aborted = dogi.get(&format!("{path}?action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
    wait_until_gone(&dogi.namespace).await;
    let again = dogi
        .get(&format!(
            "{path}?action=run&output=status&id=again&cmd=true"
        ))
        .await;
    assert_eq!(again.status, 200, "{}", again.text());
}
