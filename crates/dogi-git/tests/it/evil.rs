//! Repositories that no honest git would make.

use dogi_git::{CheckoutError, ContextError, ContextOptions};
use dogi_testkit::repo::{Entry, Repo};
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, checked_out, context, plain, tar_of, unpack};

#[tokio::test]
async fn names_that_must_not_become_paths_are_refused() {
    let long = "n".repeat(300);
    for name in [
        ".git",
        ".GIT",
        ".gIt",
        "..",
        ".",
        "a/b",
        "../x",
        "/etc",
        "git~1",
        ".git ",
        ".git.",
        ".git::$INDEX_ALLOCATION",
        ".g\u{200c}it",
        &long,
    ] {
        for deep in [false, true] {
            let repo = Repo::new().unwrap();
            let blob = repo.blob("evil").unwrap();
            let mut tree = repo.tree(&[Entry::file(name, blob)]).unwrap();
            if deep {
                tree = repo.tree(&[Entry::tree("sub", tree)]).unwrap();
            }
            repo.commit_tree("main", &tree, "Evil").unwrap();
            let (_setup, checkout) = checked_out(&repo).await;
            let cancel = CancellationToken::new();
            let error = checkout.context(plain(), &cancel).await.unwrap_err();
            assert!(
                matches!(error, ContextError::Name { .. }),
                "{name:?}: {error}"
            );
            let written = checkout.write_tree_tar("w", Vec::new(), &cancel);
            assert!(written.is_err(), "{name:?}");
        }
    }
}

#[tokio::test]
async fn a_tree_named_git_is_refused_before_anything_is_written() {
    let repo = Repo::new().unwrap();
    let hook = repo.blob("#!/bin/sh\ntouch /tmp/pwned\n").unwrap();
    let hooks = repo.tree(&[Entry::file("post-checkout", hook)]).unwrap();
    let git = repo.tree(&[Entry::tree("hooks", hooks)]).unwrap();
    let tree = repo.tree(&[Entry::tree(".git", git)]).unwrap();
    repo.commit_tree("main", &tree, "Evil").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let error = checkout
        .context(plain(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the repository holds a path that is refused: \".git\": The .git name may never be used"
    );
}

#[tokio::test]
async fn a_name_twice_is_refused() {
    let repo = Repo::new().unwrap();
    let outside = repo.blob("/etc").unwrap();
    let blob = repo.blob("x").unwrap();
    let inner = repo.tree(&[Entry::file("passwd", blob.clone())]).unwrap();
    let tree = repo
        .tree(&[
            Entry::symlink("a", outside),
            Entry::file("a.b", blob),
            Entry::tree("a", inner),
        ])
        .unwrap();
    repo.commit_tree("main", &tree, "Evil").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let error = checkout
        .context(plain(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
}

#[tokio::test]
async fn links_out_of_the_tree_are_kept_and_never_followed() {
    let repo = Repo::new().unwrap();
    repo.symlink("Dockerfile", "/etc/passwd").unwrap();
    repo.symlink(".dockerignore", "/etc/passwd").unwrap();
    repo.symlink("dir", "/etc").unwrap();
    repo.commit("Evil").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let cancel = CancellationToken::new();
    let error = checkout
        .context(ContextOptions::default(), &cancel)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ContextError::NoDockerfile { .. }),
        "{error}"
    );
    let files = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_eq!(files.len(), 3);
    let mut options = plain();
    options.subdir = "dir".to_owned();
    assert!(checkout.context(options, &cancel).await.is_err());
}

#[tokio::test]
async fn evil_submodules_are_refused() {
    let commit = "1".repeat(40);
    for (modules, part) in [
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = -u./evil\n",
            "begins with",
        ),
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=evil\n",
            "begins with",
        ),
        (
            "[submodule \"../../x\"]\n\tpath = x\n\turl = https://h.example/r\n",
            "holds \"..\"",
        ),
        (
            "[submodule \"x/../../y\"]\n\tpath = x\n\turl = https://h.example/r\n",
            "holds \"..\"",
        ),
        (
            "[submodule \"x\"]\n\tpath = ../x\n\turl = https://h.example/r\n",
            "leads out",
        ),
        (
            "[submodule \"x\"]\n\tpath = /etc\n\turl = https://h.example/r\n",
            "leads out",
        ),
        (
            "[submodule \"x\"]\n\tpath = -x\n\turl = https://h.example/r\n",
            "begins with",
        ),
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c evil\n",
            "not",
        ),
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = ssh://-oProxyCommand=evil/x\n",
            "not",
        ),
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = https://u:secret@h.example/r\n",
            "credentials",
        ),
        ("[submodule \"x\"]\n\tpath = x\n\turl = /etc\n", "not"),
        ("[submodule \"x\"]\n\tpath = x\n", "no url"),
        (
            "[submodule \"x\"]\n\tpath = x\n\turl = https://h/r\n\tupdate = !evil\n",
            "a command",
        ),
        ("[submodule \"x\"\n", ""),
        ("\u{0}", ""),
    ] {
        let repo = Repo::new().unwrap();
        repo.write(".gitmodules", modules).unwrap();
        repo.gitlink("x", &commit).unwrap();
        repo.commit("Evil").unwrap();
        let setup = Setup::new();
        let error = setup.checkout(&repo.file_url(), None).await.unwrap_err();
        let text = format!("{error:?} {error}");
        assert!(text.contains("Submodule"), "{modules:?}: {text}");
        assert!(text.contains(part), "{modules:?}: {text}");
        assert!(!text.contains("secret"), "{modules:?}: {text}");
    }
}

#[tokio::test]
async fn a_linked_gitmodules_is_refused() {
    let repo = Repo::new().unwrap();
    let target = repo.blob("/tmp/evil").unwrap();
    let tree = repo.tree(&[Entry::symlink(".gitmodules", target)]).unwrap();
    repo.commit_tree("main", &tree, "Evil").unwrap();
    let error = Setup::new()
        .checkout(&repo.file_url(), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("symlink"), "{error}");
}

#[tokio::test]
async fn a_repository_from_elsewhere_can_not_choose_a_directory_of_this_machine() {
    let secret = Repo::with_files(&[("secret", "x")]).unwrap();
    let repo = Repo::new().unwrap();
    repo.submodule("x", &secret.file_url(), &secret.head().unwrap())
        .unwrap();
    repo.commit("Evil").unwrap();
    let server = dogi_testkit::git::HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await;
    let server = server.unwrap();
    let error = Setup::new()
        .checkout(&server.url("o/r.git"), None)
        .await
        .unwrap_err();
    let CheckoutError::Submodule { path, source } = error else {
        panic!("{error}")
    };
    assert_eq!(path, "x");
    assert!(
        source.to_string().contains("a directory of this machine"),
        "{source}"
    );
}

#[tokio::test]
async fn a_few_objects_that_are_billions_of_files_are_refused() {
    let repo = Repo::new().unwrap();
    let blob = repo.blob("boom").unwrap();
    let names: Vec<String> = (0..10).map(|n| format!("f{n}")).collect();
    let entries: Vec<Entry> = names
        .iter()
        .map(|n| Entry::file(n.as_str(), &*blob))
        .collect();
    let mut tree = repo.tree(&entries).unwrap();
    for _ in 0..10 {
        let entries: Vec<Entry> = names
            .iter()
            .map(|n| Entry::tree(n.as_str(), &*tree))
            .collect();
        tree = repo.tree(&entries).unwrap();
    }
    repo.commit_tree("main", &tree, "Boom").unwrap();
    let setup = Setup::with(|options| options.limits.max_files = 20_000);
    let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
    let error = checkout
        .context(plain(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tree has more than 20000 files and directories"
    );
}

#[tokio::test]
async fn directories_nested_without_end_are_refused() {
    let repo = Repo::new().unwrap();
    let blob = repo.blob("x").unwrap();
    let mut tree = repo.tree(&[Entry::file("f", blob)]).unwrap();
    for _ in 0..1200 {
        tree = repo.tree(&[Entry::tree("d", tree)]).unwrap();
    }
    repo.commit_tree("main", &tree, "Deep").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let error = checkout
        .context(plain(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("nested deeper than 1000"),
        "{error}"
    );
}

#[tokio::test]
async fn files_larger_than_the_limit_are_refused() {
    let repo = Repo::new().unwrap();
    repo.write("zeros", vec![0; 5_000_000]).unwrap();
    repo.commit("Big").unwrap();
    let setup = Setup::with(|options| options.limits.max_tree_bytes = 1_000_000);
    let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
    let context = context(&checkout, plain()).await;
    let error = context
        .write_tar(std::io::sink(), &CancellationToken::new())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the files are larger than 1000000 bytes together"
    );
}

#[tokio::test]
async fn an_object_larger_than_the_limit_is_refused() {
    let repo = Repo::new().unwrap();
    repo.write("zeros", vec![0; 5_000_000]).unwrap();
    repo.commit("Bomb").unwrap();
    let setup = Setup::with(|options| options.limits.max_object_bytes = 1_000_000);
    assert!(setup.checkout(&repo.file_url(), None).await.is_err());
}
