//! Repositories that are too large for every run.

use std::io::Write;
use std::process::{Command, Stdio};

use dogi_testkit::repo::Repo;
use tokio_util::sync::CancellationToken;

use crate::support::{checked_out, context, plain};

/// Fills a repository by `git fast-import`, which takes what no work tree has to hold.
fn import(repo: &Repo, write: impl FnOnce(&mut dyn Write)) {
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--force", "--depth=0"])
        .current_dir(repo.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    write(&mut input);
    drop(input);
    assert!(child.wait().unwrap().success());
}

const COMMIT: &str = "commit refs/heads/main\ncommitter a <a@example.com> 0 +0000\ndata 1\nx\n";

#[tokio::test]
#[ignore = "heavy: a million files take a minute and a gigabyte of disk"]
async fn a_million_files() {
    let repo = Repo::new().unwrap();
    import(&repo, |out| {
        write!(out, "blob\nmark :1\ndata 2\nx\n\n{COMMIT}").unwrap();
        for n in 0..1_000_000 {
            writeln!(out, "M 100644 :1 d{}/e{}/f{n}", n / 10_000, n / 100 % 100).unwrap();
        }
    });
    let (_setup, checkout) = checked_out(&repo).await;
    let context = context(&checkout, plain()).await;
    let stats = context
        .write_tar(std::io::sink(), &CancellationToken::new())
        .unwrap();
    assert_eq!(stats.files, 1_000_000);
}

#[tokio::test]
#[ignore = "heavy: two gigabytes of files"]
async fn two_gigabytes() {
    let repo = Repo::new().unwrap();
    let mut block = vec![0; 32 << 20];
    import(&repo, |out| {
        for mark in 1..=64_u64 {
            block[..8].copy_from_slice(&mark.to_le_bytes());
            write!(out, "blob\nmark :{mark}\ndata {}\n", block.len()).unwrap();
            out.write_all(&block).unwrap();
            out.write_all(b"\n").unwrap();
        }
        write!(out, "{COMMIT}").unwrap();
        for mark in 1..=64 {
            writeln!(out, "M 100644 :{mark} f{mark}").unwrap();
        }
    });
    let (_setup, checkout) = checked_out(&repo).await;
    let context = context(&checkout, plain()).await;
    let stats = context
        .write_tar(std::io::sink(), &CancellationToken::new())
        .unwrap();
    assert_eq!((stats.files, stats.bytes), (64, 2 << 30));
}
