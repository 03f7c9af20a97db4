//! Repositories and directories on this machine.

use std::os::unix::fs::PermissionsExt;

use dogi_git::{Checkout, CheckoutError, ContextOptions, Limits, LocalRepo, WorkTree};
use dogi_testkit::repo::Repo;
use dogi_url::Revision;
use tokio_util::sync::CancellationToken;

use crate::support::{Node, Setup, names, on_disk, plain, tar_of, unpack};

async fn at(setup: &Setup, repo: &Repo, revision: Option<&str>) -> Result<Checkout, CheckoutError> {
    let revision = revision.map(|name| Revision::new(name).unwrap());
    let local = LocalRepo::open(repo.path())?;
    let cancel = CancellationToken::new();
    local
        .checkout(&setup.mirrors, revision.as_ref(), &cancel, &|_| {})
        .await
}

#[tokio::test]
async fn a_commit_of_a_local_repository() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let first = repo.head().unwrap();
    repo.annotated_tag("v1", "x").unwrap();
    repo.write("a", "2").unwrap();
    let second = repo.commit("Second").unwrap();
    repo.branch("side").unwrap();
    repo.write("a", "not committed").unwrap();
    let setup = Setup::new();
    for (revision, commit, content, found) in [
        (None, &second, "2", "refs/heads/side"),
        (Some("main"), &second, "2", "refs/heads/main"),
        (Some("v1"), &first, "1", "refs/tags/v1"),
        (Some(&first[..8]), &first, "1", first.as_str()),
        (Some(&first), &first, "1", first.as_str()),
    ] {
        let checkout = at(&setup, &repo, revision).await.unwrap();
        assert_eq!(checkout.commit().as_str(), commit, "{revision:?}");
        assert_eq!(
            checkout.read_file("a").await.unwrap().unwrap(),
            content.as_bytes()
        );
        assert_eq!(checkout.revision_found(), found);
    }
    let error = at(&setup, &repo, Some("nothing")).await.unwrap_err();
    assert!(
        matches!(error, CheckoutError::NoRevision { .. }),
        "{error:?}"
    );
    let empty = Repo::new().unwrap();
    let error = at(&setup, &empty, None).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Empty { .. }), "{error:?}");
    let error = LocalRepo::open(setup.dir.path()).unwrap_err();
    assert!(matches!(error, CheckoutError::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn its_submodules_come_from_where_they_are() {
    let inner = Repo::with_files(&[("i", "1")]).unwrap();
    let outer = Repo::with_files(&[("o", "1")]).unwrap();
    let url = inner.file_url();
    outer
        .git(&[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "add",
            &url,
            "lib/in",
        ])
        .unwrap();
    outer.commit("Add").unwrap();
    let setup = Setup::new();
    let checkout = at(&setup, &outer, None).await.unwrap();
    assert_eq!(checkout.read_file("lib/in/i").await.unwrap().unwrap(), b"1");
    assert!(setup.mirror_dirs().is_empty());
}

#[tokio::test]
async fn a_work_tree_is_what_is_on_disk_less_git() {
    let repo = Repo::with_files(&[
        ("Dockerfile", "FROM scratch\n"),
        (".dockerignore", "logs\n"),
    ]);
    let repo = repo.unwrap();
    repo.write("not-committed", "x").unwrap();
    repo.write("logs/a", "x").unwrap();
    repo.write_mode("private", 0o600, "x").unwrap();
    repo.write("nested/.git/HEAD", "x").unwrap();
    repo.write("nested/f", "x").unwrap();
    repo.symlink("out", "/etc/passwd").unwrap();
    std::fs::create_dir(repo.path().join("empty")).unwrap();
    let fifo = repo.path().join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );

    let tree = WorkTree::open(repo.path(), Limits::default()).unwrap();
    let cancel = CancellationToken::new();
    let context = tree
        .context(ContextOptions::default(), &cancel)
        .await
        .unwrap();
    let files = unpack(&tar_of(&context));
    let wanted = [
        ".dockerignore",
        "Dockerfile",
        "empty",
        "nested",
        "nested/f",
        "not-committed",
        "out",
        "private",
    ];
    assert_eq!(names(&files), wanted);
    assert_eq!(
        files[b"out".as_slice()],
        Node::Link(b"/etc/passwd".to_vec())
    );
    let Node::File { mode, .. } = files[b"private".as_slice()] else {
        panic!()
    };
    assert_eq!(mode, 0o600);

    let digest = context.digest().to_owned();
    assert_eq!(
        tree.context(ContextOptions::default(), &cancel)
            .await
            .unwrap()
            .digest(),
        digest
    );
    repo.write("not-committed", "y").unwrap();
    assert_ne!(
        tree.context(ContextOptions::default(), &cancel)
            .await
            .unwrap()
            .digest(),
        digest
    );

    let mut with_git = plain();
    with_git.git_dir = true;
    with_git.dockerignore = false;
    let names = names(&unpack(&tar_of(
        &tree.context(with_git, &cancel).await.unwrap(),
    )));
    assert!(names.contains(&".git/HEAD".to_owned()));
    assert!(names.contains(&"logs/a".to_owned()));
}

#[tokio::test]
async fn errors_of_the_disk_name_the_path() {
    let repo = Repo::with_files(&[("a", "1")]).unwrap();
    let cancel = CancellationToken::new();
    let missing = WorkTree::open(&repo.path().join("none"), Limits::default());
    assert!(missing.unwrap_err().to_string().contains("none"));
    let tree = WorkTree::open(repo.path(), Limits::default()).unwrap();
    let mut outside = plain();
    outside.subdir = "..".to_owned();
    assert!(tree.context(outside, &cancel).await.is_err());
    let error = tree
        .context(ContextOptions::default(), &cancel)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("there is no Dockerfile \"Dockerfile\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_deep_directory_is_no_danger() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d/".repeat(900));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("f"), "x").unwrap();
    std::fs::set_permissions(deep.join("f"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let tree = WorkTree::open(dir.path(), Limits::default()).unwrap();
    let context = tree
        .context(plain(), &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(unpack(&tar_of(&context)), on_disk(dir.path()));
}
