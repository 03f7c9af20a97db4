//! A full disk: new jobs are refused, what runs goes on, and there is service again when there
//! is room. Needs root, for a file system of its own.

use std::{path::PathBuf, process::Command};

use dogi_testkit::proc;
use tempfile::TempDir;

use crate::harness::{Dogi, Repos, encode, wait_until_gone};

/// A file system of this many MiB; unmounted when dropped.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    fn new(mebibytes: u32) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "none"])
            .arg(directory.path());
        proc::run(&mut mount, "mount").expect("mounting needs root");
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached at once; what is open on it goes with its last user.
        let unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(self.directory.path())
            .status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "a mount is left behind"
        );
    }
}

#[tokio::test]
async fn a_job_goes_on_when_the_disk_is_full_and_its_log_says_where_it_was_cut() {
    let (_repos, path) = Repos::one("").await;
    let disk = SmallDisk::new(16);
    let data = disk.path().display().to_string();
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DATA_DIR", &data),
        ("MIN_FREE_BYTES", "4m"),
    ])
    .await;
    // Some 25 MB, and the job's own file in the end says that it came through.
    let script = encode("yes 0123456789012345678901234567890123456789 | head -n 600000; exit 3");
    let target = format!("{path}?action=run&output=status&tty=false&bashc={script}");
    let status = dogi.get(&target).await.json();
    assert_eq!(status["exit_code"], 3, "it ran to its end: {status:#}");
    let run = status["run"].as_str().expect("an id").to_owned();
    let log = dogi.get(&format!("/runs/{run}/log")).await.text();
    assert!(
        log.contains("\ndogi: cut here: the server could not write it"),
        "{} bytes, the last of them: {}",
        log.len(),
        &log[log.len().saturating_sub(500)..]
    );
    assert!(
        log.trim_end()
            .lines()
            .last()
            .is_some_and(|line| line.contains("code 3")),
        "how it ended stands there all the same: {}",
        &log[log.len().saturating_sub(500)..]
    );
    assert_eq!(dogi.get("/healthz").await.status, 200);
    let refused = dogi
        .get(&format!("{path}?action=run&id=more&output=status&cmd=true"))
        .await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(
        !refused.text().contains(&data),
        "no paths of the host: {}",
        refused.text()
    );
    assert!(refused.header("retry-after").is_some());
    wait_until_gone(&dogi.namespace).await;

    // The database took the end of the run on the full disk, and a new server finds it there.
    drop(dogi);
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DATA_DIR", &data),
        ("MIN_FREE_BYTES", "4m"),
    ])
    .await;
    let found = dogi.get(&format!("/runs/{run}")).await.json();
    assert_eq!(found["exit_code"], 3, "{found:#}");
    assert_eq!(found["errors"], status["errors"]);
    assert_eq!(dogi.get("/readyz").await.status, 200);

    for run in std::fs::read_dir(disk.path().join("runs")).expect("there are runs") {
        std::fs::remove_dir_all(run.expect("readable").path()).expect("removed");
    }
    let again = dogi
        .get(&format!("{path}?action=run&id=more&output=status&cmd=true"))
        .await;
    assert_eq!(again.status, 200, "there is room again: {}", again.text());
}

#[tokio::test]
async fn room_for_a_new_job_is_made_by_forgetting_the_oldest() {
    let (_repos, path) = Repos::one("").await;
    let disk = SmallDisk::new(24);
    let data = disk.path().display().to_string();
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DATA_DIR", &data),
        ("MIN_FREE_BYTES", "8m"),
    ])
    .await;
    // Some 8 MB each.
    let script = encode("yes 0123456789012345678901234567890123456789 | head -n 200000");
    let mut runs = Vec::new();
    for id in ["a", "b", "c"] {
        let target = format!("{path}?action=run&id={id}&output=status&tty=false&bashc={script}");
        let answer = dogi.get(&target).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        runs.push(answer.json()["run"].as_str().expect("an id").to_owned());
    }
    let statuses = async |dogi: &Dogi| {
        let mut found = Vec::new();
        for run in &runs {
            found.push(dogi.get(&format!("/runs/{run}")).await.status);
        }
        found
    };
    assert_eq!(statuses(&dogi).await, [404, 200, 200]);
    assert!(!disk.path().join("runs").join(&runs[0]).exists());
    wait_until_gone(&dogi.namespace).await;
}

#[tokio::test]
async fn a_clone_that_does_not_fit_fails_and_leaves_room_for_what_happened() {
    let mut repos = Repos::start().await;
    let path = repos.add_files("big.git", "", &[("noise", &noise(24 << 20))]);
    let disk = SmallDisk::new(16);
    let data = disk.path().display().to_string();
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DATA_DIR", &data),
        ("MIN_FREE_BYTES", "4m"),
    ])
    .await;
    let failed = dogi
        .get(&format!("{path}?action=run&output=status&cmd=true"))
        .await;
    let status = failed.json();
    assert_eq!(status["state"], "failed", "{status:#}");
    let errors = status["errors"].to_string();
    assert!(
        errors.contains("the disk of the server is full"),
        "{errors}: {}",
        dogi.process.output()
    );
    assert_eq!(dogi.get("/readyz").await.status, 200);

    // What came of it is gone: a smaller one fits.
    let small = repos.add("small.git", "");
    let fits = dogi
        .get(&format!("{small}?action=run&output=status&cmd=true"))
        .await;
    assert_eq!(fits.status, 200, "{}", fits.text());
    wait_until_gone(&dogi.namespace).await;
}

/// Text that compresses badly: six bits to the letter (xorshift).
fn noise(size: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = String::with_capacity(size + 10);
    while text.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for letter in 0..10 {
            let six = (state >> (6 * letter)) as u8 & 0x3f;
            text.push(char::from(b'0' + six));
        }
    }
    text
}

#[tokio::test]
async fn below_the_floor_of_free_space_new_jobs_are_refused() {
    let (_repos, path) = Repos::one("").await;
    let disk = SmallDisk::new(16);
    let data = disk.path().display().to_string();
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("DATA_DIR", &data),
        ("MIN_FREE_BYTES", "32m"),
    ])
    .await;
    let refused = dogi.get(&format!("{path}?action=run&output=status")).await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert_eq!(dogi.get(&path).await.status, 404, "peeking is free");
}
