//! What is fetched, how often, and how mirrors are shared.

use std::time::Duration;

use dogi_testkit::git::{Daemon, HttpServer};
use dogi_testkit::repo::Repo;
use tokio::task::JoinSet;

use crate::support::{Setup, assert_same, cloned, context, on_disk, plain, tar_of, unpack};

async fn served(files: &[(&str, &str)]) -> (Repo, HttpServer, String) {
    let repo = Repo::with_files(files).unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let url = server.url("o/r.git");
    (repo, server, url)
}

#[tokio::test]
async fn only_what_is_missing_is_fetched() {
    let (repo, server, url) = served(&[("a", "1"), ("b", "2")]).await;
    let setup = Setup::new();
    let first = setup.checkout(&url, None).await.unwrap();
    assert_eq!(server.fetches(), 1);
    // The refs once, the objects once: one hello for both.
    assert_eq!(server.requests().len(), 3);

    setup.checkout(&url, None).await.unwrap();
    assert_eq!(server.fetches(), 1);
    assert_eq!(server.requests().len(), 5);

    // A full commit id that is here needs no server.
    setup
        .checkout(&url, Some(first.commit().as_str()))
        .await
        .unwrap();
    assert_eq!(server.requests().len(), 5);

    repo.write("a", "3").unwrap();
    repo.commit("Change").unwrap();
    let second = setup.checkout(&url, None).await.unwrap();
    assert_eq!(server.fetches(), 2);
    assert_same(
        &unpack(&tar_of(&context(&second, plain()).await)),
        &cloned(&url, None).await,
    );
    // The first is still whole.
    assert_eq!(unpack(&tar_of(&context(&first, plain()).await)).len(), 2);
}

#[tokio::test]
async fn only_one_commit_is_fetched() {
    let repo = Repo::new().unwrap();
    for n in 0..20 {
        let noise: Vec<u8> = (0..20_000u32)
            .map(|i| (i.wrapping_mul(n + 7) >> 5) as u8)
            .collect();
        repo.write("f", noise).unwrap();
        repo.commit("Change").unwrap();
    }
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let setup = Setup::new();
    setup.checkout(&server.url("o/r.git"), None).await.unwrap();
    let mirror = &setup.mirror_dirs()[0];
    let git = [
        "--git-dir",
        mirror.to_str().unwrap(),
        "rev-list",
        "--all",
        "--objects",
    ];
    let listed = Repo::git_async(None, &git).await.unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let fsck = ["--git-dir", mirror.to_str().unwrap(), "fsck", "--strict"];
    Repo::git_async(None, &fsck).await.unwrap();
}

#[tokio::test]
async fn people_are_told() {
    let (_repo, _server, url) = served(&[("a", "1")]).await;
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let short = &checkout.commit().as_str()[..7];
    let lines = setup.lines();
    assert!(
        lines.starts_with(&format!("Cloning {url} (main → {short})\nReceived ")),
        "{lines}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_at_once_fetch_once() {
    let (repo, server, url) = served(&[("a", "1")]).await;
    for n in 0..50 {
        repo.write(&format!("d{n}/f"), format!("{n}")).unwrap();
    }
    repo.commit("More").unwrap();
    repo.annotated_tag("v1", "x").unwrap();
    let setup = std::sync::Arc::new(Setup::new());
    let wanted = cloned(&url, None).await;
    server.forget_requests();
    let mut jobs = JoinSet::new();
    for n in 0..20 {
        let (setup, url) = (setup.clone(), url.clone());
        jobs.spawn(async move {
            let checkout = setup
                .checkout(&url, [None, Some("main")][n % 2])
                .await
                .unwrap();
            unpack(&tar_of(&context(&checkout, plain()).await))
        });
    }
    while let Some(files) = jobs.join_next().await {
        assert_same(&files.unwrap(), &wanted);
    }
    assert_eq!(server.fetches(), 1);
    assert_eq!(setup.mirror_dirs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn different_commits_at_once() {
    let (repo, _server, url) = served(&[("a", "0")]).await;
    let mut commits = vec![repo.head().unwrap()];
    for n in 1..12 {
        repo.write("a", format!("{n}")).unwrap();
        commits.push(repo.commit("Change").unwrap());
    }
    let setup = std::sync::Arc::new(Setup::new());
    let mut jobs = JoinSet::new();
    for (n, commit) in commits.into_iter().enumerate() {
        let (setup, url) = (setup.clone(), url.clone());
        jobs.spawn(async move {
            let checkout = setup.checkout(&url, Some(&commit)).await.unwrap();
            let content = checkout.read_file("a").await.unwrap().unwrap();
            assert_eq!(content, n.to_string().into_bytes());
        });
    }
    while let Some(done) = jobs.join_next().await {
        done.unwrap();
    }
    let mirror = setup.mirror_dirs().remove(0);
    let git = ["--git-dir", mirror.to_str().unwrap(), "fsck"];
    Repo::git_async(None, &git).await.unwrap();
}

#[tokio::test]
async fn two_processes_may_share_a_directory() {
    let (_repo, server, url) = served(&[("a", "1")]).await;
    let setup = Setup::new();
    let other = {
        let mut options = dogi_git::MirrorOptions::new(
            std::sync::Arc::new(dogi_egress::EgressPolicy::parse("loopback").unwrap()),
            setup.dir.path().join("known_hosts"),
        );
        options.limits.stall = Duration::from_secs(20);
        dogi_git::Mirrors::new(setup.dir.path().join("mirrors"), options).unwrap()
    };
    let repo: dogi_url::RepoUrl = url.parse().unwrap();
    let cancel = tokio_util::sync::CancellationToken::new();
    let quiet = |_: &str| {};
    let (one, two) = tokio::join!(
        setup.checkout(&url, None),
        other.checkout(&repo, None, &cancel, &quiet)
    );
    assert_eq!(one.unwrap().commit(), two.unwrap().commit());
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn what_is_in_use_is_not_collected() {
    let (_one, _server, first) = served(&[("a", "1")]).await;
    let (_two, _server, second) = served(&[("b", "1")]).await;
    let setup = Setup::new();
    let kept = setup.checkout(&first, None).await.unwrap();
    drop(setup.checkout(&second, None).await.unwrap());
    assert!(setup.mirrors.collect(0).unwrap() > 0);
    assert_eq!(setup.mirror_dirs().len(), 1);
    assert_eq!(kept.read_file("a").await.unwrap().unwrap(), b"1");
    let clone = kept.clone();
    drop(kept);
    assert_eq!(setup.mirrors.collect(0).unwrap(), 0);
    drop(clone);
    assert!(setup.mirrors.collect(0).unwrap() > 0);
    assert_eq!(setup.mirror_dirs().len(), 0);
    // It comes again.
    setup.checkout(&first, None).await.unwrap();
}

#[tokio::test]
async fn many_packs_are_given_up_when_nobody_reads() {
    let (repo, server, url) = served(&[("a", "0")]).await;
    let setup = Setup::new();
    for n in 1..70 {
        repo.write("a", format!("{n}")).unwrap();
        repo.commit("Change").unwrap();
        setup.checkout(&url, None).await.unwrap();
    }
    assert_eq!(server.fetches(), 69);
    let packs = std::fs::read_dir(setup.mirror_dirs()[0].join("objects/pack")).unwrap();
    assert!(packs.count() < 2 * 62);
}

#[tokio::test]
async fn git_protocol() {
    let repo = Repo::with_files(&[("a", "1"), ("d/b", "2")]).unwrap();
    let daemon = Daemon::start(&[("o/r.git", &repo)]).await.unwrap();
    let url = daemon.url("o/r.git");
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&files, &on_disk(repo.path()));
    let error = Setup::new()
        .checkout(&daemon.url("o/none.git"), None)
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with(&daemon.url("o/none.git")),
        "{error}"
    );
}

#[tokio::test]
async fn local_transports_are_off_unless_allowed() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let setup = Setup::with(|options| {
        options.allow_git = false;
        options.allow_file = false;
    });
    for url in [repo.file_url(), "git://127.0.0.1/x".to_owned()] {
        let error = setup.checkout(&url, None).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(":// repositories are not allowed here"),
            "{error}"
        );
    }
    assert!(setup.mirror_dirs().is_empty());
}
