//! One slow reader, a stopped one and a thousand fast ones, on one job.

use std::time::Duration;

use futures::future::join_all;

use crate::harness::{Dogi, Repos, encode, resident};

const READERS: usize = 1000;
const LINES: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_every_byte_and_holds_nothing_up() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    // Everybody is there before the first line comes: the job waits for a file.
    let script = encode(&format!(
        "echo begun; while ! test -e /go; do sleep 0.1; done; seq 1 {LINES}; echo over"
    ));
    let target = format!("{path}?action=run&tty=false&bashc={script}");
    let mut first = dogi.open(&target).await;
    while !String::from_utf8_lossy(&first.chunk().await.expect("it streams").expect("not over"))
        .contains("begun")
    {}
    let before = resident(dogi.process.id());
    let stopped = dogi.open(&path).await;
    let mut slow = dogi.open(&path).await;
    let crowd = join_all((0..READERS).map(|_| dogi.open(&path))).await;
    let with_crowd = resident(dogi.process.id());

    let container = crate::harness::containers(&dogi.namespace)
        .pop()
        .expect("it runs");
    let go = std::process::Command::new("docker")
        .args(["exec", &container, "touch", "/go"])
        .output();
    assert!(go.expect("docker runs").status.success());

    let slowly = async {
        let mut size = 0;
        while let Some(chunk) = slow.chunk().await.expect("it streams") {
            size += chunk.len();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        size
    };
    let reading = join_all(crowd.into_iter().map(reqwest::Response::bytes));
    let (bodies, slow_size) = tokio::join!(reading, slowly);
    let after = resident(dogi.process.id());

    let expected = dogi.get(&path).await.body;
    assert!(expected.ends_with(b"\nover\n"));
    for body in bodies {
        assert!(
            body.expect("it ends well") == expected,
            "somebody lost something"
        );
    }
    assert_eq!(slow_size, expected.len());
    assert!(stopped.bytes().await.expect("it can still be read") == expected);

    // The bench measures what a reader costs; this is a bound on what would be a leak.
    let per_reader = with_crowd.max(after).saturating_sub(before) / READERS as u64;
    assert!(per_reader <= 64, "{per_reader} KiB a reader");
}
