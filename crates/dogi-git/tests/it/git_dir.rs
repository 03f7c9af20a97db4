//! The `.git` of a context: git itself finds nothing wrong with it.

use std::path::Path;

use dogi_git::{Checkout, ContextOptions};
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;

use crate::support::{Setup, context, names, tar_of, unpack};

async fn git(dir: &Path, args: &[&str]) -> String {
    Repo::git_async(Some(dir), args).await.unwrap()
}

async fn unpacked(checkout: &Checkout) -> tempfile::TempDir {
    let mut options = ContextOptions::default();
    options.git_dir = true;
    let dir = tempfile::tempdir().unwrap();
    let tar = tar_of(&context(checkout, options).await);
    tar::Archive::new(tar.as_slice())
        .unpack(dir.path())
        .unwrap();
    dir
}

async fn served() -> (Repo, HttpServer, String) {
    let repo = Repo::with_files(&[
        ("Dockerfile", "FROM scratch\n"),
        (".gitattributes", "*.bat eol=crlf\n"),
        ("run.bat", "x\n"),
        ("empty", ""),
    ])
    .unwrap();
    repo.write("big", vec![b'z'; 300_000]).unwrap();
    repo.write_executable("bin/x", "#!/bin/sh\n").unwrap();
    repo.symlink("link", "bin/x").unwrap();
    repo.gitlink("sub", &"1".repeat(40)).unwrap();
    repo.commit("The subject").unwrap();
    repo.annotated_tag("v1.2", "Release").unwrap();
    repo.tag("light").unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    (repo, server, url)
}

#[tokio::test]
async fn git_works_in_it() {
    let (repo, _server, url) = served().await;
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let dir = unpacked(&checkout).await;
    let head = repo.head().unwrap();
    assert_eq!(git(dir.path(), &["rev-parse", "HEAD"]).await, head);
    assert_eq!(
        git(dir.path(), &["log", "-1", "--format=%s"]).await,
        "The subject"
    );
    assert_eq!(git(dir.path(), &["rev-list", "--count", "HEAD"]).await, "1");
    assert_eq!(git(dir.path(), &["status", "--porcelain"]).await, "");
    assert_eq!(git(dir.path(), &["branch", "--show-current"]).await, "main");
    assert_eq!(git(dir.path(), &["remote", "get-url", "origin"]).await, url);
    assert_eq!(git(dir.path(), &["describe", "--always"]).await, head[..7]);
    git(dir.path(), &["fsck", "--full", "--strict"]).await;
    git(dir.path(), &["fetch", "--quiet", "--unshallow"]).await;
    std::fs::write(dir.path().join("empty"), "changed").unwrap();
    assert_eq!(git(dir.path(), &["status", "--porcelain"]).await, "M empty");
}

#[tokio::test]
async fn a_tag_is_known() {
    let (_repo, _server, url) = served().await;
    let setup = Setup::new();
    // The commit is here before its tag is asked for.
    setup.checkout(&url, None).await.unwrap();
    for (tag, describe) in [
        ("v1.2", &["describe"][..]),
        ("light", &["describe", "--tags"]),
    ] {
        let checkout = setup.checkout(&url, Some(tag)).await.unwrap();
        let dir = unpacked(&checkout).await;
        assert_eq!(git(dir.path(), describe).await, tag);
        assert_eq!(git(dir.path(), &["status", "--porcelain"]).await, "");
        assert_eq!(git(dir.path(), &["branch", "--show-current"]).await, "");
        git(dir.path(), &["fsck", "--full", "--strict"]).await;
    }
}

#[tokio::test]
async fn it_is_part_of_the_digest_and_obeys_the_ignore_file() {
    let (repo, _server, url) = served().await;
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let mut options = ContextOptions::default();
    let without = context(&checkout, options.clone()).await;
    options.git_dir = true;
    let with = context(&checkout, options.clone()).await;
    assert_ne!(without.digest(), with.digest());
    assert_eq!(tar_of(&with), tar_of(&with));
    repo.write(".dockerignore", ".git\n").unwrap();
    repo.commit("Ignore").unwrap();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, options).await));
    assert!(!names(&files).iter().any(|name| name.starts_with(".git/")));
}
