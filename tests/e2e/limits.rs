//! What a job may take: the size of its log, its time; told where it is seen.

use std::time::Duration;

use dogi_testkit::wait;

use crate::harness::{Dogi, Engine, Repos, containers, encode, of_namespace};

/// The limit of these tests, and how far the marks may go past it.
const LIMIT: &str = "256k";
const LIMIT_BYTES: usize = 256 * 1024;
const MARKS: usize = 1024;

const CUT: &str = "dogi: cut here: the limit of 262144 bytes was reached";

#[tokio::test]
async fn a_job_that_prints_too_much_goes_on_and_its_log_is_marked() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("MAX_LOG_BYTES", LIMIT)]).await;
    for tty in ["true", "false"] {
        let script = encode("echo begun; yes | head -c 5000000; echo over >&2; exit 5");
        let target = format!("{path}?action=run&tty={tty}&id={tty}&bashc={script}");
        let log = dogi.get(&target).await;
        let text = log.text();
        assert!(log.body.len() <= LIMIT_BYTES + MARKS, "{}", log.body.len());
        assert!(text.contains("begun"), "the beginning is kept");
        assert_eq!(text.matches(CUT).count(), 1, "one mark");
        let status = dogi.get(&format!("{path}?id={tty}&output=status")).await;
        assert_eq!(status.json()["exit_code"], 5, "it ran to its end");
        let told = text
            .trim_end()
            .ends_with("dogi: Execution failed with code 5");
        assert!(told, "the end is told after the mark");
    }
}

#[tokio::test]
async fn a_file_that_grows_too_much_is_marked_as_well() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("MAX_LOG_BYTES", LIMIT)]).await;
    let script = encode("yes | head -c 2000000 > /f; echo over");
    let target = format!(
        "{path}?action=run&tty=false&file_data=/f&output=file_data,log&output_type=wait&bashc={script}"
    );
    let answer = dogi.get(&target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let file = dogi.get(&format!("{path}?output=file_data")).await;
    assert!(
        file.body.len() <= LIMIT_BYTES + MARKS,
        "{}",
        file.body.len()
    );
    assert!(file.text().contains(CUT), "the file says where it was cut");
    let log = dogi.get(&path).await.text();
    assert!(log.contains("\nover\n") && !log.contains(CUT), "{log}");
}

#[tokio::test]
async fn a_job_that_prints_without_end_fills_no_disk_and_ends_by_its_time_limit() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("MAX_LOG_BYTES", LIMIT)]).await;
    // Time runs from the clone on: the image is to be there.
    let ready = format!("{path}?action=run&output=status&cmd=true");
    assert_eq!(dogi.get(&ready).await.status, 200);
    let target = format!("{path}?action=run&tty=false&timeout=6s&bashc=yes");
    let running = dogi.open(&target).await;
    let label = of_namespace(&dogi.namespace);
    let container = wait::until("the container", || async {
        Engine::default().running(&label).pop()
    });
    let container = container.await.expect("it runs");
    // It has printed far more than the limit by the time that it is ended.
    let log = wait::within(Duration::from_secs(60), "the time limit", || async {
        let there = containers(&dogi.namespace);
        let kept = engine_log(&container);
        assert!(
            kept < 8 * LIMIT_BYTES as u64,
            "the engine keeps {kept} bytes"
        );
        there.is_empty().then_some(())
    });
    log.await.expect("it is ended");
    let text = running.text().await.expect("the stream ends in order");
    assert!(text.len() <= LIMIT_BYTES + MARKS, "{}", text.len());
    assert_eq!(text.matches(CUT).count(), 1);
    let status = dogi.get(&format!("{path}?output=status")).await;
    assert_eq!(status.json()["state"], "timed_out", "{}", status.text());
    let told = status.json()["errors"][0].as_str().map(str::to_owned);
    let told = told.expect("an error");
    assert!(told.contains("6s"), "{told}");
    assert!(
        text.trim_end().ends_with(&format!("dogi: {told}")),
        "the log says so too"
    );
}

/// Bytes that the engine keeps of a container's output. Needs root.
fn engine_log(container: &str) -> u64 {
    let directory = format!("/var/lib/docker/containers/{container}");
    let files = |path: &str| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|metadata| metadata.len())
            .sum::<u64>()
    };
    files(&directory) + files(&format!("{directory}/local-logs"))
}
