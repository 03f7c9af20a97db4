//! An abort stops what was begun, wherever it is: counted in Docker and in the process table.

use std::time::{Duration, Instant};

use dogi_testkit::{git::Fault, silent};
use reqwest::Response;

use crate::harness::{
    Dogi, Engine, Repos, containers, encode, processes, wait_for_process, wait_until_gone,
    wait_until_no_process,
};

/// A number of seconds to sleep that no other process sleeps: it marks a test's processes.
fn mark(number: u32) -> String {
    format!("{}", 1_000_000 + std::process::id() * 10 + number)
}

async fn read_until(response: &mut Response, text: &str) {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let chunk = response.chunk().await.expect("it streams");
        all.extend_from_slice(&chunk.expect("not over"));
    }
}

async fn abort(dogi: &Dogi, path: &str) -> Duration {
    let started = Instant::now();
    let aborted = dogi.get(&format!("{path}?action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
    started.elapsed()
}

#[tokio::test]
async fn a_clone_that_hangs() {
    let (repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    for (id, fault) in [("hang", Fault::Hang), ("stall", Fault::StallAfter(20))] {
        repos.server.set_fault(fault);
        let instance = format!("{path}?id={id}");
        repos.server.forget_requests();
        let running = dogi.open(&format!("{instance}&action=run")).await;
        dogi_testkit::wait::until("the clone", || async {
            (!repos.server.requests().is_empty()).then_some(())
        })
        .await
        .expect("it clones");
        let aborted = dogi.get(&format!("{instance}&action=abort")).await;
        assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
        drop(running);
    }
    assert_eq!(containers(&dogi.namespace), [""; 0]);
}

#[tokio::test]
async fn a_clone_over_ssh_whose_server_keeps_silent() {
    let silent = silent::Server::start().await.expect("it listens");
    let dogi = Dogi::start().await;
    let address = silent.address();
    let path = format!("/ssh/git@{address}/o/r.git");
    let running = dogi.open(&format!("{path}?action=run")).await;
    silent.wait_for_connections(1).await.expect("it clones");
    let port = format!("{}", address.port());
    let ssh = |process: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
        name.is_ok_and(|name| name == "ssh\n")
    };
    let there = || processes(&port).iter().filter(|id| ssh(id)).count();
    assert_eq!(there(), 1, "the program that connects");
    abort(&dogi, &path).await;
    assert_eq!(there(), 0, "it ended before the answer");
    drop(running);
}

#[tokio::test]
async fn a_build_by_either_builder() {
    for (builder, buildkit) in [(1, "1"), (2, "0")] {
        let (mark, mut repos) = (mark(builder), Repos::start().await);
        let path = repos.add("demo.git", &format!("RUN echo building && sleep {mark}\n"));
        let variables = [("BYPASS_SIGNATURES", "true"), ("DOCKER_BUILDKIT", buildkit)];
        let dogi = Dogi::with(&variables).await;
        let running = dogi.open(&format!("{path}?action=run")).await;
        wait_for_process(&mark).await;
        let took = abort(&dogi, &path).await;
        assert!(took.as_secs() < 30, "{took:?}");
        drop(running);
        // The engine ends it; the answer does not wait for its builder.
        wait_until_no_process(&mark).await;
        let mut build = Engine::default().docker(&["ps", "--all", "--no-trunc"]);
        build.retain(|container| container.contains(&mark));
        assert_eq!(build, [""; 0], "no container of the builder is left");
    }
}

#[tokio::test]
async fn a_job_whose_processes_ignore_the_request_to_end() {
    let (_repos, path) = Repos::one("").await;
    let (dogi, mark) = (Dogi::start().await, mark(3));
    let script = encode(&format!(
        "trap '' TERM; (trap '' TERM; sleep {mark}) & (setsid sleep {mark}) & echo begun; \
         while true; do sleep {mark}; done"
    ));
    let target = format!("{path}?action=run&tty=false&bashc={script}");
    let mut running = dogi.open(&target).await;
    read_until(&mut running, "\nbegun").await;
    wait_for_process(&mark).await;
    let took = abort(&dogi, &path).await;
    assert!(took.as_secs() < 30, "{took:?}");
    assert_eq!(containers(&dogi.namespace), [""; 0], "before the answer");
    assert_eq!(processes(&mark), [0; 0], "before the answer");
}

#[tokio::test]
async fn the_followers_of_files_end_with_the_job() {
    let (_repos, path) = Repos::one("").await;
    let (dogi, mark) = (Dogi::start().await, mark(4));
    let script = encode(&format!("echo begun > /f; sleep {mark}"));
    let target = format!("{path}?action=run&output=file_data&file_data=/f&bashc={script}");
    let mut running = dogi.open(&target).await;
    read_until(&mut running, "begun").await;
    abort(&dogi, &path).await;
    wait_until_gone(&dogi.namespace).await;
    assert_eq!(processes(&mark), [0; 0]);
    let rest = running.text().await.expect("the stream ends with the job");
    assert_eq!(rest, "");
}

#[tokio::test]
async fn a_job_that_waits_never_begins() {
    let (repos, path) = Repos::one("").await;
    let variables = [("BYPASS_SIGNATURES", "true"), ("MAX_RUNNING", "1")];
    let (dogi, mark) = (Dogi::with(&variables).await, mark(5));
    let run = |id: &str| format!("{path}?action=run&tty=false&id={id}&bashc=sleep+{mark}");
    let first = dogi.open(&run("first")).await;
    wait_for_process(&mark).await;
    repos.server.forget_requests();
    let second = dogi.open(&run("second")).await;
    let aborted = dogi.get(&format!("{path}?id=second&action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted");
    let log = second.text().await.expect("the stream ends");
    assert!(log.contains("Killed by abort"), "{log}");
    let aborted = dogi.get(&format!("{path}?id=first&action=abort")).await;
    assert_eq!(aborted.json()["state"], "aborted");
    assert!(
        repos.server.requests().is_empty(),
        "nothing was cloned for it"
    );
    drop(first);
}
