//! Many at once.

use std::fs;

use dogi_testkit::wait;
use futures::{StreamExt as _, stream};

use crate::support::{is_there, sh, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once() {
    let before = descriptors();
    let numbers = 0..200;
    let started: Vec<_> = stream::iter(numbers)
        .then(async |number| {
            let script = format!("sleep 0.2; echo {number}; exit {number}");
            sh(&script).spawn().await.unwrap()
        })
        .collect()
        .await;
    let ids: Vec<_> = started.iter().map(|running| running.process.id()).collect();
    let ended = futures::future::join_all(started.into_iter().map(|running| running.collect(100)));
    for (number, ended) in ended.await.into_iter().enumerate() {
        let (output, exit) = ended.unwrap();
        assert_eq!(text(&output.bytes), format!("{number}\n"));
        assert_eq!(exit.status.shell_code(), i32::try_from(number).unwrap());
    }
    assert!(!ids.into_iter().any(is_there));
    // Other tests of one process have descriptors and children too.
    if std::env::var_os("NEXTEST").is_some() {
        assert_eq!(children(), "");
        wait::until("descriptors to be closed", async || {
            (descriptors() == before).then_some(())
        })
        .await
        .unwrap();
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Those of this process, zombies included.
fn children() -> String {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap())
        .collect()
}
