//! The same context as Docker's own client makes, over a table of `.dockerignore` files: its
//! classic builder copies it into an image, whose files are listed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use dogi_git::{Builder, ContextOptions, Limits, WorkTree};
use dogi_testkit::repo::Repo;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::support::{context, names, plain, tar_of, unpack};

const FILES: &[&str] = &[
    "a",
    "ab",
    "abc",
    "b",
    "axb",
    "*star",
    "[x]",
    "ü",
    "#hash",
    "!bang",
    "back\\slash",
    "sp ace",
    ".hidden",
    "README.md",
    "docs/README.md",
    "docs/a.md",
    "docs/deep/a.md",
    "docs/deep/b.txt",
    "src/main.rs",
    "src/lib.rs",
    "src/bin/x.rs",
    "src/.env",
    "target/debug/app",
    "target/release/app",
    "node_modules/m/index.js",
    "pkg/node_modules/m/index.js",
    "pkg/foo/bar",
    "pkg/foo/baz/bar",
    "foo/bar/baz",
    "foobar/x",
    "empty-ish/.keep",
];

/// `**bar` is not among them: clients before 23.0 read it as `**/bar`, later ones as any path that
/// ends in `bar`, which is what is done here.
const IGNORE_FILES: &[&str] = &[
    "",
    "a\n",
    "/a\n",
    "a/\n",
    "./a\n",
    "  a  \n",
    "#hash\n",
    " #hash\n",
    "\\#hash\n",
    "\u{feff}a\n",
    "a\r\nb\r\n",
    "*\n",
    "**\n",
    "*/*\n",
    "?\n",
    "??\n",
    "a?b\n",
    "*.md\n",
    "**/*.md\n",
    "docs/*.md\n",
    "docs/**\n",
    "docs/**/a.md\n",
    "docs/**/*.md\n",
    "**/a.md\n",
    "**/node_modules\n",
    "node_modules\n",
    "*/node_modules\n",
    "**/.env\n",
    ".*\n",
    "[ab]\n",
    "[a-b]*\n",
    "[^a]\n",
    "[!a]\n",
    "[!a]*\n",
    "\\*star\n",
    "\\[x\\]\n",
    "[[]x]\n",
    "back\\\\slash\n",
    "sp ace\n",
    "sp\\ ace\n",
    "ü\n",
    "target\n!target/release\n",
    "target/*\n!target/release\n",
    "target/**\n!target/release/app\n",
    "*\n!src\n",
    "*\n!src/main.rs\n",
    "*\n!src/\n",
    "**\n!src\n",
    "*\n!*.md\n",
    "*\n!docs/README.md\n",
    "*\n!docs/*.md\n",
    "*\n!docs\ndocs/deep\n",
    "*.md\n!README.md\n",
    "!README.md\n*.md\n",
    "docs\n!docs/deep\ndocs/deep/b.txt\n",
    "docs\n!docs/deep/\n!docs/nothing\n",
    "*\n!docs\n*.md\n",
    "pkg/foo\n!pkg/foo/baz\n",
    "pkg/foo/**\n!pkg/foo/baz/bar\n",
    "foo/\n",
    "foo*\n",
    "foo**\n",
    "foo/bar/../bar\n",
    "foo//bar\n",
    "..\n",
    "../a\n",
    "/\n",
    ".\n",
    "./\n",
    "src/../a\n",
    "! README.md\n*.md\n! /README.md\n",
    "Dockerfile\n.dockerignore\n",
    "**/bar\n",
    "**/foo/**\n",
    "a**\n",
    "**/**/a.md\n",
    "empty-ish/.keep\n",
    "empty-ish/*\n",
    "\n\n\na\n",
];

#[tokio::test]
async fn the_same_files_as_docker_build() {
    let dir = tempfile::tempdir().unwrap();
    let image = format!("dogi-git-test:{}", std::process::id());
    std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\nCOPY . /ctx\n").unwrap();
    for file in FILES {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file).unwrap();
    }
    let mut differences = Vec::new();
    for ignore in IGNORE_FILES {
        std::fs::write(dir.path().join(".dockerignore"), ignore).unwrap();
        let ours = ours(dir.path()).await;
        let theirs = theirs(dir.path(), &image).await;
        if ours != theirs {
            let missing: Vec<_> = theirs.difference(&ours).collect();
            let extra: Vec<_> = ours.difference(&theirs).collect();
            differences.push(format!(
                "{ignore:?}: missing {missing:?}, too many {extra:?}"
            ));
        }
    }
    let _ = docker(&["image", "rm", "--force", &image]).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn ours(dir: &Path) -> BTreeSet<String> {
    let tree = WorkTree::open(dir, Limits::default()).unwrap();
    let mut options = ContextOptions::default();
    options.builder = Builder::Classic;
    let context = tree
        .context(options, &CancellationToken::new())
        .await
        .unwrap();
    let all = names(&unpack(&tar_of(&context))).into_iter();
    let needed = |name: &String| name == "Dockerfile" || name == ".dockerignore";
    // A directory that is ignored itself comes into being with what is in it.
    let mut found = BTreeSet::new();
    for name in all.filter(|name| !needed(name)) {
        for (slash, _) in name.match_indices('/') {
            found.insert(name[..slash].to_owned());
        }
        found.insert(name);
    }
    found
}

async fn theirs(dir: &Path, image: &str) -> BTreeSet<String> {
    docker(&[
        "build",
        "--quiet",
        "--no-cache",
        "--tag",
        image,
        dir.to_str().unwrap(),
    ])
    .await;
    let container = docker(&["create", image, "none"]).await;
    let container = String::from_utf8(container).unwrap().trim().to_owned();
    let tar = docker(&["cp", &format!("{container}:/ctx"), "-"]).await;
    docker(&["rm", &container]).await;
    let mut found = BTreeSet::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let path = entry.unwrap().path_bytes().into_owned();
        let path = String::from_utf8(path).unwrap();
        let path = path.trim_end_matches('/');
        if let Some(name) = path.strip_prefix("ctx/")
            && name != "Dockerfile"
            && name != ".dockerignore"
        {
            found.insert(name.to_owned());
        }
    }
    found
}

async fn docker(args: &[&str]) -> Vec<u8> {
    let output = Command::new("docker")
        .args(args)
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program docker is there");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {complaint}");
    output.stdout
}

/// A tree of the object database goes through the same matcher as a directory.
#[tokio::test]
async fn a_tree_is_filtered_like_a_directory() {
    let repo = Repo::new().unwrap();
    for file in FILES {
        repo.write(file, file).unwrap();
    }
    let setup = crate::support::Setup::new();
    for ignore in IGNORE_FILES {
        repo.write(".dockerignore", ignore).unwrap();
        repo.commit("Change").unwrap();
        let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
        let tree = WorkTree::open(repo.path(), Limits::default()).unwrap();
        let disk = tree
            .context(plain(), &CancellationToken::new())
            .await
            .unwrap();
        let stored = unpack(&tar_of(&context(&checkout, plain()).await));
        assert_eq!(names(&stored), names(&unpack(&tar_of(&disk))), "{ignore:?}");
    }
}
