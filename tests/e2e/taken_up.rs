//! A job outlives the server that started it, and is told from one that its engine ended.

use dogi_testkit::engine::Engine;

use crate::harness::{Dogi, Repos, encode, wait_until_gone};

/// Prints numbered lines on both channels and into a file, for some seconds.
const NUMBERS: &str = "for i in $(seq 600); do echo out $i; echo err $i >&2; echo $i >> /data; \
                       usleep 10000; done; exit 4";

/// What a job printed, of lines that begin so.
fn numbers(log: &str, prefix: &str) -> Vec<u32> {
    let lines = log.lines().filter_map(|line| line.strip_prefix(prefix));
    lines
        .map(|number| {
            number
                .parse()
                .unwrap_or_else(|_| panic!("{number:?} in {log}"))
        })
        .collect()
}

#[tokio::test]
async fn a_job_goes_on_while_the_server_is_killed_again_and_again() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::start().await;
    let script = encode(NUMBERS);
    let target = format!("{path}?action=run&tty=false&file_data=/data&bashc={script}");
    for round in [20, 150, 300, 450] {
        // The first one starts the job, the others join it.
        let mut stream = dogi.open(&target).await;
        let mut log = String::new();
        while !log.contains(&format!("out {round}\n")) {
            let chunk = stream.chunk().await.expect("it streams");
            let chunk = chunk.unwrap_or_else(|| panic!("it ended: {log}"));
            log.push_str(&String::from_utf8_lossy(&chunk));
        }
        drop(stream);
        dogi.restart().await;
    }
    let status = dogi
        .get(&format!("{path}?output=status&output_type=wait"))
        .await;
    assert_eq!(status.json()["exit_code"], 4, "{}", status.text());
    let log = dogi.get(&format!("{path}?output=log")).await.text();
    let all: Vec<u32> = (1..=600).collect();
    assert_eq!(numbers(&log, "out "), all);
    assert_eq!(numbers(&log, "err "), all);
    let url = status.json()["output"]["file_data"].clone();
    let data = dogi.get(url.as_str().expect("a URL")).await.text();
    assert_eq!(numbers(&data, ""), all);
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn a_job_that_its_engine_ended_is_lost_whoever_was_away() {
    let mut engine = Engine::start(false).await.expect("an engine");
    let host = engine.host();
    let (_repos, path) = Repos::one("").await;
    // BuildKit wants a bridge for its steps, and this engine has none.
    let variables = [
        ("BYPASS_SIGNATURES", "true"),
        ("DOCKER_HOST", host.as_str()),
        ("DOCKER_BUILDKIT", "0"),
    ];
    let mut dogi = Dogi::with(&variables).await;
    for (id, dogi_too) in [("a", false), ("b", true)] {
        let path = format!("{path}?id={id}");
        let script = encode(
            "trap 'exit 0' TERM; for i in $(seq 100000); do echo out $i; usleep 10000; done",
        );
        let mut stream = dogi
            .open(&format!("{path}&action=run&tty=false&bashc={script}"))
            .await;
        let mut log = String::new();
        while !log.contains("out 20\n") {
            let chunk = stream.chunk().await.expect("it streams");
            let chunk = chunk.unwrap_or_else(|| panic!("it ended: {log}"));
            log.push_str(&String::from_utf8_lossy(&chunk));
        }
        drop(stream);
        if dogi_too {
            dogi.process.kill();
        }
        engine.stop().await.expect("it stops");
        engine.start_again().await.expect("it starts");
        if dogi_too {
            dogi.restart().await;
        }
        let status = dogi
            .get(&format!("{path}&output=status&output_type=wait"))
            .await;
        assert_eq!(status.json()["state"], "lost", "{}", status.text());
        assert!(
            status.text().contains("engine stopped"),
            "{}",
            status.text()
        );
        let log = dogi.get(&format!("{path}&output=log")).await.text();
        let found = numbers(&log, "out ");
        let count = u32::try_from(found.len()).expect("few");
        assert_eq!(found, (1..=count).collect::<Vec<_>>(), "{log}");
        assert!(!log.contains("missing"), "{log}");
    }
}
