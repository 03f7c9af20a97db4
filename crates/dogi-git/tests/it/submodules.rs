//! Submodules are part of the tree, as `git clone --recurse-submodules` makes it.

use dogi_git::CheckoutError;
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;

use crate::support::{Setup, assert_same, cloned, context, names, plain, tar_of, unpack};

#[tokio::test]
async fn nested_relative_and_absolute() {
    let leaf = Repo::with_files(&[("leaf.txt", "x\n"), (".gitattributes", "*.lf eol=lf\n")]);
    let leaf = leaf.unwrap();
    leaf.write("a.crlf", "stays\n").unwrap();
    let leaf_commit = leaf.commit("Leaf").unwrap();
    let server = HttpServer::builder()
        .repo("o/leaf.git", &leaf)
        .start()
        .await
        .unwrap();

    let middle = Repo::with_files(&[("m", "1")]).unwrap();
    middle
        .submodule("deep/leaf", "../leaf.git", &leaf_commit)
        .unwrap();
    let middle_commit = middle.commit("Middle").unwrap();
    server.add("o/middle.git", &middle).unwrap();
    // What moved on since then is of no interest.
    middle.write("m", "2").unwrap();
    middle.commit("Later").unwrap();

    let outer = Repo::with_files(&[(".gitattributes", "* eol=crlf\n"), ("o", "1\n")]).unwrap();
    outer
        .submodule("vendor/middle", "../middle.git", &middle_commit)
        .unwrap();
    outer
        .submodule("again", "./../leaf.git", &leaf_commit)
        .unwrap();
    outer
        .submodule("absolute", &server.url("o/leaf.git"), &leaf_commit)
        .unwrap();
    outer.commit("Outer").unwrap();
    server.add("o/outer.git", &outer).unwrap();

    let url = server.url("o/outer.git");
    let setup = Setup::new();
    let checkout = setup.checkout(&url, None).await.unwrap();
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&files, &cloned(&url, None).await);

    let paths: Vec<_> = checkout
        .submodules()
        .iter()
        .map(|sub| sub.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "vendor/middle",
            "vendor/middle/deep/leaf",
            "again",
            "absolute"
        ]
    );
    assert_eq!(checkout.submodules()[1].commit.as_str(), leaf_commit);
    let read = checkout
        .read_file("vendor/middle/deep/leaf/leaf.txt")
        .await
        .unwrap();
    assert_eq!(read.unwrap(), b"x\n");

    let mut options = plain();
    options.subdir = "vendor/middle/deep".to_owned();
    let files = unpack(&tar_of(&context(&checkout, options).await));
    assert_eq!(
        names(&files),
        [
            "leaf",
            "leaf/.gitattributes",
            "leaf/a.crlf",
            "leaf/leaf.txt"
        ]
    );
}

#[tokio::test]
async fn what_is_not_fetched_is_an_empty_directory() {
    let inner = Repo::with_files(&[("i", "1")]).unwrap();
    let commit = inner.head().unwrap();
    let outer = Repo::with_files(&[("o", "1")]).unwrap();
    outer.gitlink("unnamed", &commit).unwrap();
    outer.submodule("off", "../inner.git", &commit).unwrap();
    let modules = std::fs::read_to_string(outer.path().join(".gitmodules")).unwrap();
    outer
        .write(".gitmodules", modules + "\tupdate = none\n")
        .unwrap();
    outer.commit("Outer").unwrap();
    let (_setup, checkout) = crate::support::checked_out(&outer).await;
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_eq!(names(&files), [".gitmodules", "o", "off", "unnamed"]);
    assert!(checkout.submodules().is_empty());
}

#[tokio::test]
async fn one_that_can_not_be_had_is_named() {
    let inner = Repo::with_files(&[("i", "1")]).unwrap();
    let server = HttpServer::builder()
        .repo("o/inner.git", &inner)
        .start()
        .await
        .unwrap();
    for (url, commit, part) in [
        (
            "../none.git",
            inner.head().unwrap(),
            "the server knows no such repository (404)",
        ),
        (
            "../inner.git",
            "1".repeat(40),
            "has no branch, tag or commit \"1111",
        ),
        (
            "../../../../x.git",
            inner.head().unwrap(),
            "leaves the host",
        ),
    ] {
        let outer = Repo::new().unwrap();
        outer.submodule("lib/x", url, &commit).unwrap();
        outer.commit("Outer").unwrap();
        let name = format!("o/outer{}.git", commit.len() + url.len());
        server.add(&name, &outer).unwrap();
        let error = Setup::new()
            .checkout(&server.url(&name), None)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "submodule \"lib/x\"");
        let CheckoutError::Submodule { source, .. } = error else {
            unreachable!()
        };
        assert!(source.to_string().contains(part), "{source}");
    }
}

#[tokio::test]
async fn they_are_limited_in_depth_and_number() {
    let mut repos = vec![Repo::with_files(&[("i", "1")]).unwrap()];
    let server = HttpServer::builder()
        .repo("o/r0.git", &repos[0])
        .start()
        .await
        .unwrap();
    for depth in 1..=4 {
        let outer = Repo::new().unwrap();
        let url = format!("../r{}.git", depth - 1);
        outer
            .submodule("s", &url, &repos[depth - 1].head().unwrap())
            .unwrap();
        outer.commit("Outer").unwrap();
        server.add(&format!("o/r{depth}.git"), &outer).unwrap();
        repos.push(outer);
    }
    let setup = Setup::with(|options| options.limits.max_submodule_depth = 3);
    setup.checkout(&server.url("o/r3.git"), None).await.unwrap();
    let error = setup
        .checkout(&server.url("o/r4.git"), None)
        .await
        .unwrap_err();
    assert!(
        format!("{error:?}").contains("nested deeper than 3"),
        "{error:?}"
    );
    let setup = Setup::with(|options| options.limits.max_submodules = 3);
    let error = setup
        .checkout(&server.url("o/r4.git"), None)
        .await
        .unwrap_err();
    assert!(
        format!("{error:?}").contains("more than 3 submodules"),
        "{error:?}"
    );
}
