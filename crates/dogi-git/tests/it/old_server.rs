//! A server that speaks the protocol of before 2018 and gives nothing but the tips of its refs.

use std::path::PathBuf;
use std::process::Stdio;

use dogi_testkit::repo::Repo;
use tokio::io::{AsyncReadExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::{Setup, assert_same, cloned, context, plain, tar_of, unpack};

/// `git://`, without version 2.
async fn serve(repo: &Repo) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let path = repo.git_dir();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, path.clone()));
        }
    });
    format!("git://{address}/r.git")
}

async fn answer(mut stream: TcpStream, path: PathBuf) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.unwrap();
    let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
    let mut greeting = vec![0; length - 4];
    stream.read_exact(&mut greeting).await.unwrap();
    assert!(greeting.starts_with(b"git-upload-pack /r.git\0"));
    let mut child = Command::new("git")
        .args(["-c", "uploadpack.allowAnySHA1InWant=false", "upload-pack"])
        .arg(path)
        .env_remove("GIT_PROTOCOL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut from, mut to) = stream.split();
    // Whoever ends first ends both: the client hangs up when it has seen enough.
    tokio::select! {
        _ = copy(&mut from, &mut input) => {}
        _ = copy(&mut output, &mut to) => {}
    }
}

async fn history() -> (Repo, Vec<String>) {
    let repo = Repo::new().unwrap();
    let mut commits = Vec::new();
    for n in 0..5 {
        repo.write("a", format!("{n}")).unwrap();
        commits.push(repo.commit("Change").unwrap());
    }
    repo.annotated_tag("v1", "x").unwrap();
    (repo, commits)
}

#[tokio::test]
async fn branches_tags_and_tips() {
    let (repo, commits) = history().await;
    let url = serve(&repo).await;
    let setup = Setup::new();
    let tip = commits[4].as_str();
    for name in [None, Some("main"), Some("v1"), Some(tip), Some(&tip[..8])] {
        let setup = Setup::new();
        let checkout = setup.checkout(&url, name).await.unwrap();
        assert_eq!(checkout.commit().as_str(), tip, "{name:?}");
        assert!(!setup.lines().contains("fetching all"), "{}", setup.lines());
    }
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&files, &cloned(&repo.file_url(), None).await);
    // And another time, with something here already.
    repo.write("b", "more").unwrap();
    let next = repo.commit("More").unwrap();
    let checkout = setup.checkout(&url, None).await.unwrap();
    assert_eq!(checkout.commit().as_str(), next);
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&files, &cloned(&repo.file_url(), None).await);
}

#[tokio::test]
async fn a_commit_below_the_tips_is_found_through_them() {
    let (repo, commits) = history().await;
    let url = serve(&repo).await;
    let setup = Setup::new();
    setup.checkout(&url, None).await.unwrap();
    let checkout = setup.checkout(&url, Some(&commits[1])).await.unwrap();
    assert_eq!(checkout.read_file("a").await.unwrap().unwrap(), b"1");
    assert!(
        setup.lines().contains("fetching all branches"),
        "{}",
        setup.lines()
    );
    let error = setup
        .checkout(&url, Some(&"1".repeat(40)))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("has no branch, tag or commit"),
        "{error}"
    );
}
