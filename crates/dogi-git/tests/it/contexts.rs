//! A context's tar is what `git clone --recurse-submodules` would have put on the disk.

use dogi_git::{Builder, ContextError, ContextOptions, Limits, WorkTree};
use dogi_testkit::git::HttpServer;
use dogi_testkit::repo::Repo;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Node, Setup, assert_same, checked_out, cloned, context, names, plain, tar_of, unpack,
};

async fn compared(repo: &Repo) {
    let (_setup, checkout) = checked_out(repo).await;
    let ours = unpack(&tar_of(&context(&checkout, plain()).await));
    assert_same(&ours, &cloned(&repo.file_url(), None).await);
}

#[tokio::test]
async fn modes_links_and_odd_names() {
    let repo = Repo::new().unwrap();
    repo.write("plain", "text\n").unwrap();
    repo.write("empty", "").unwrap();
    repo.write_executable("bin/run", "#!/bin/sh\n").unwrap();
    repo.write_mode("group-writable", 0o664, "x").unwrap();
    repo.symlink("link", "plain").unwrap();
    repo.symlink("out", "../../../etc/passwd").unwrap();
    repo.symlink("absolute", "/etc/shadow").unwrap();
    repo.symlink("odd-target", "./a//b/../c").unwrap();
    repo.symlink("long-target", &"x/".repeat(200)).unwrap();
    repo.symlink("directory-link", "bin").unwrap();
    for name in [
        "ü/ñ",
        "sp ace",
        "new\nline",
        "back\\slash",
        "tab\t",
        "*star?",
        "[x]",
        "-rf",
        "a:b",
        "日本語.txt",
        "..dots",
        "trailing.",
        "CON",
    ] {
        repo.write(name, name).unwrap();
    }
    repo.write(
        &format!("{}/{}", "d".repeat(200), "f".repeat(200)),
        "long\n",
    )
    .unwrap();
    repo.write(&format!("{}end", "deep/".repeat(60)), "deep\n")
        .unwrap();
    repo.write("a", "file").unwrap();
    repo.write("a.b", "sorts before a/ in trees").unwrap();
    repo.write("a-b/c", "x").unwrap();
    repo.commit("Begin").unwrap();
    compared(&repo).await;
}

#[tokio::test]
async fn names_that_are_no_text() {
    let repo = Repo::new().unwrap();
    let blob = repo.blob("x").unwrap();
    let entry = dogi_testkit::repo::Entry::file(b"\xff\xfe\x80".to_vec(), blob);
    let tree = repo.tree(&[entry]).unwrap();
    repo.commit_tree("main", &tree, "Begin").unwrap();
    compared(&repo).await;
}

#[tokio::test]
async fn line_endings_encodings_and_ident() {
    let repo = Repo::new().unwrap();
    repo.write(
        ".gitattributes",
        "*.txt text\n*.crlf text eol=crlf\n*.lf text eol=lf\n*.auto text=auto eol=crlf\n\
         *.bin binary\n*.old crlf\n*.no -text\n*.id ident\n*.sub export-subst\n\
         *.gone export-ignore\n*.u16 working-tree-encoding=UTF-16\n\
         *.u16le working-tree-encoding=UTF-16LE-BOM\n*.u16be working-tree-encoding=UTF-16BE\n\
         *.u32 working-tree-encoding=UTF-32\n\
         *.latin text working-tree-encoding=ISO-8859-1\n\
         *.both eol=crlf ident\n[attr]dos text eol=crlf\n*.macro dos\n/only-root.x eol=crlf\n\
         sub/*.deep eol=crlf\n**/any.y eol=crlf\n*.lfs filter=lfs diff=lfs merge=lfs -text\n",
    )
    .unwrap();
    // Inside, other rules; a macro that is defined here is none.
    repo.write(
        "in/.gitattributes",
        "*.crlf -text\nx.macro eol=lf\n[attr]bad eol=crlf\n*.z bad\n",
    )
    .unwrap();
    let text = "one\ntwo\n\nlast without end";
    for name in [
        "a.txt",
        "a.crlf",
        "a.lf",
        "a.auto",
        "a.bin",
        "a.old",
        "a.no",
        "a.macro",
        "only-root.x",
        "in/only-root.x",
        "sub/a.deep",
        "sub/sub/a.deep",
        "p/q/any.y",
        "in/a.crlf",
        "in/x.macro",
        "in/a.z",
        "x.gone",
    ] {
        repo.write(name, text).unwrap();
    }
    repo.write("null.auto", "bin\0ary\n\n").unwrap();
    repo.write("a.id", "$Id$\n$Id: old $\n$Identity$\n")
        .unwrap();
    repo.write("a.both", "$Id$\nline\n").unwrap();
    repo.write("a.sub", "$Format:%H$\n").unwrap();
    repo.write("gone/x", "kept").unwrap();
    repo.write(
        "a.lfs",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    )
    .unwrap();
    repo.git(&["config", "core.autocrlf", "false"]).unwrap();
    repo.commit("Begin").unwrap();
    // What is stored is UTF-8; `git add` would convert what the work tree holds.
    let utf8 = "héllo\n𝄞 wörld\n";
    let blob = repo.blob(utf8).unwrap();
    let raw = repo.blob(b"not \xff utf-8\n").unwrap();
    let mixed = repo.blob("dos\r\nunix\n").unwrap();
    for (name, id) in [
        ("a.u16", &blob),
        ("a.u16le", &blob),
        ("a.u16be", &blob),
        ("a.u32", &blob),
        ("bad.u16", &raw),
        ("mixed.auto", &mixed),
        ("mixed.crlf", &mixed),
    ] {
        repo.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("100644,{id},{name}"),
        ])
        .unwrap();
    }
    let latin = repo.blob("héllo\n").unwrap();
    repo.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("100644,{latin},a.latin"),
    ])
    .unwrap();
    repo.commit_index("Add").unwrap();
    compared(&repo).await;
}

#[tokio::test]
async fn a_linked_attributes_file_has_no_effect() {
    let repo = Repo::new().unwrap();
    repo.write("rules", "* eol=crlf\n").unwrap();
    repo.symlink(".gitattributes", "rules").unwrap();
    repo.write("a", "line\n").unwrap();
    repo.commit("Begin").unwrap();
    compared(&repo).await;
}

#[tokio::test]
async fn the_tar_is_the_same_each_time_and_whatever_the_commit() {
    let repo = Repo::with_files(&[("Dockerfile", "FROM scratch\n"), ("b", "1"), ("a/c", "2")]);
    let repo = repo.unwrap();
    let (setup, first) = checked_out(&repo).await;
    repo.commit("Another commit of the same tree").unwrap();
    let second = setup.checkout(&repo.file_url(), None).await.unwrap();
    assert_ne!(first.commit(), second.commit());
    let one = context(&first, ContextOptions::default()).await;
    let two = context(&second, ContextOptions::default()).await;
    assert_eq!(one.digest(), two.digest());
    assert_eq!(tar_of(&one), tar_of(&one));
    assert_eq!(unpack(&tar_of(&one)), unpack(&tar_of(&two)));
    // All in order, directories before what they hold.
    assert_eq!(
        names(&unpack(&tar_of(&one))),
        ["Dockerfile", "a", "a/c", "b"]
    );
}

#[tokio::test]
async fn the_digest_knows_content_mode_path_and_attributes() {
    let repo = Repo::with_files(&[("Dockerfile", "FROM scratch\n"), ("a", "1\n")]).unwrap();
    let setup = Setup::new();
    let mut digests = Vec::new();
    let mut note = async |what: &str| {
        repo.commit(what).unwrap();
        let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
        let context = context(&checkout, ContextOptions::default()).await;
        let digest = context.digest().to_owned();
        assert_eq!(digest.len(), 64);
        assert!(!digests.contains(&digest), "{what}");
        digests.push(digest);
    };
    note("begin").await;
    repo.write("a", "2\n").unwrap();
    note("content").await;
    repo.write_executable("a", "2\n").unwrap();
    note("mode").await;
    repo.git(&["mv", "a", "b"]).unwrap();
    note("path").await;
    repo.write(".gitattributes", "b eol=crlf\n").unwrap();
    repo.write(".dockerignore", ".gitattributes\n").unwrap();
    note("attributes").await;
    repo.remove("b").unwrap();
    repo.symlink("b", "2\n").unwrap();
    note("link").await;
}

#[tokio::test]
async fn what_is_ignored_does_not_change_the_digest() {
    let files = [
        ("Dockerfile", "FROM scratch\n"),
        (".dockerignore", "docs\n"),
        ("docs/a", "1"),
    ];
    let repo = Repo::with_files(&files).unwrap();
    let (setup, before) = checked_out(&repo).await;
    repo.write("docs/a", "2").unwrap();
    repo.commit("Change what is ignored").unwrap();
    let after = setup.checkout(&repo.file_url(), None).await.unwrap();
    let before = context(&before, ContextOptions::default()).await;
    let after = context(&after, ContextOptions::default()).await;
    assert_eq!(before.digest(), after.digest());
    assert_eq!(
        names(&unpack(&tar_of(&after))),
        [".dockerignore", "Dockerfile"]
    );
    let mut all = ContextOptions::default();
    all.dockerignore = false;
    let checkout = setup.checkout(&repo.file_url(), None).await.unwrap();
    assert!(names(&unpack(&tar_of(&context(&checkout, all).await))).contains(&"docs/a".into()));
}

#[tokio::test]
async fn a_directory_as_context_keeps_the_attributes_above_it() {
    let repo = Repo::with_files(&[
        (".gitattributes", "*.bat eol=crlf\n"),
        ("app/Dockerfile", "FROM scratch\n"),
        ("app/run.bat", "x\n"),
        ("Dockerfile", "FROM other\n"),
    ])
    .unwrap();
    repo.symlink("linked", "app").unwrap();
    repo.symlink("outside", "../..").unwrap();
    repo.commit("Link").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    for subdir in ["app", "/app/", "./app", "linked", "linked/../app"] {
        let mut options = ContextOptions::default();
        options.subdir = subdir.to_owned();
        let files = unpack(&tar_of(&context(&checkout, options).await));
        assert_eq!(names(&files), ["Dockerfile", "run.bat"], "{subdir}");
        let bat = Node::File {
            mode: 0o644,
            content: b"x\r\n".to_vec(),
        };
        assert_eq!(files[b"run.bat".as_slice()], bat);
    }
    for subdir in ["nowhere", "outside", "..", "Dockerfile", "app/../.."] {
        let mut options = ContextOptions::default();
        options.subdir = subdir.to_owned();
        let error = checkout
            .context(options, &CancellationToken::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ContextError::NoDirectory { .. }),
            "{subdir}: {error}"
        );
    }
}

#[tokio::test]
async fn a_missing_dockerfile_is_named_with_those_there_are() {
    let repo = Repo::with_files(&[
        ("docker/Dockerfile", "FROM scratch\n"),
        ("api.Dockerfile", "FROM scratch\n"),
        ("Dockerfile.dev", "FROM scratch\n"),
        ("README", "x"),
    ])
    .unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let cancel = CancellationToken::new();
    let error = checkout
        .context(ContextOptions::default(), &cancel)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no Dockerfile \"Dockerfile\" in the repository; there are: Dockerfile.dev, \
         api.Dockerfile, docker/Dockerfile"
    );
    for (name, good) in [
        ("docker/Dockerfile", true),
        ("/docker/Dockerfile", true),
        ("./docker//Dockerfile", true),
        ("docker", false),
        ("../Dockerfile", false),
        ("README/x", false),
    ] {
        let mut options = ContextOptions::default();
        options.dockerfile = Some(name.to_owned());
        let made = checkout.context(options, &cancel).await;
        assert_eq!(made.is_ok(), good, "{name}");
        if let Ok(context) = made {
            assert_eq!(context.dockerfile(), "docker/Dockerfile");
            assert_eq!(context.read_dockerfile().unwrap(), b"FROM scratch\n");
        }
    }
}

/// As `docker build -f PATH CONTEXT` in the root of the repository.
#[tokio::test]
async fn the_dockerfile_is_found_from_the_root_and_may_lie_outside() {
    let repo = Repo::with_files(&[
        ("Dockerfile", "FROM root\n"),
        ("docker/prod", "FROM prod\n"),
        ("app/Dockerfile", "FROM app\n"),
        ("app/.dockerignore", "x"),
        ("app/f", "1"),
        ("app/x", "1"),
    ])
    .unwrap();
    repo.symlink("app/linked", "../docker/prod").unwrap();
    repo.symlink("app/inner", "Dockerfile").unwrap();
    repo.commit("Link").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let tree = WorkTree::open(repo.path(), Limits::default()).unwrap();
    for (path, name, content) in [
        (None, Some("Dockerfile"), "FROM app\n"),
        (Some("app/Dockerfile"), Some("Dockerfile"), "FROM app\n"),
        (Some("app/inner"), Some("Dockerfile"), "FROM app\n"),
        (Some("Dockerfile"), None, "FROM root\n"),
        (Some("docker/prod"), None, "FROM prod\n"),
        (Some("app/linked"), None, "FROM prod\n"),
    ] {
        for builder in [Builder::Classic, Builder::BuildKit] {
            let mut options = ContextOptions::default();
            options.subdir = "app".to_owned();
            options.dockerfile = path.map(str::to_owned);
            options.builder = builder;
            let stored = context(&checkout, options.clone()).await;
            let disk = tree
                .context(options, &CancellationToken::new())
                .await
                .unwrap();
            for context in [stored, disk] {
                assert_eq!(context.read_dockerfile().unwrap(), content.as_bytes());
                let files = unpack(&tar_of(&context));
                let dockerfile = context.dockerfile().as_bytes();
                assert!(files.contains_key(dockerfile), "{path:?}");
                assert!(!files.contains_key(b"x".as_slice()));
                let Some(name) = name else {
                    assert!(dockerfile.starts_with(b".dockerfile."));
                    let Node::File { content, .. } = &files[b".dockerignore".as_slice()] else {
                        panic!()
                    };
                    // The classic builder takes away again what is named there.
                    let hidden = content.ends_with(&[b"\n", dockerfile, b"\n"].concat());
                    assert_eq!(hidden, builder == Builder::Classic);
                    continue;
                };
                assert_eq!(context.dockerfile(), name);
                assert_eq!(files.len(), 5);
            }
        }
    }
}

#[tokio::test]
async fn files_are_read_through_links_but_never_outside() {
    let repo = Repo::with_files(&[(".gitattributes", "d/* eol=crlf\n"), ("d/a", "x\n")]).unwrap();
    repo.symlink("to-a", "d/a").unwrap();
    repo.symlink("d/up", "../to-a").unwrap();
    repo.symlink("out", "../../../../etc/passwd").unwrap();
    repo.symlink("abs", "/etc/passwd").unwrap();
    repo.symlink("loop", "loop").unwrap();
    repo.symlink("ping", "pong").unwrap();
    repo.symlink("pong", "ping").unwrap();
    repo.commit("Link").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    for (path, content) in [
        ("d/a", Some("x\r\n")),
        ("/d/a", Some("x\r\n")),
        ("to-a", Some("x\r\n")),
        ("d/up", Some("x\r\n")),
        ("d/../d/a", Some("x\r\n")),
        ("out", None),
        ("abs", None),
        ("loop", None),
        ("ping", None),
        ("d", None),
        ("", None),
        ("../d/a", None),
        ("d/a/b", None),
        ("nothing", None),
    ] {
        let read = checkout.read_file(path).await.unwrap();
        assert_eq!(read.as_deref(), content.map(str::as_bytes), "{path}");
    }
}

#[tokio::test]
async fn lfs_pointers_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n";
    let repo = Repo::with_files(&[
        ("Dockerfile", "FROM scratch\n"),
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        ("big.bin", pointer),
        ("real.bin", "really the content"),
        ("unmarked", pointer),
    ])
    .unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let context = context(&checkout, ContextOptions::default()).await;
    assert_eq!(context.lfs_pointers(), ["big.bin"]);
    let stats = context
        .write_tar(std::io::sink(), &CancellationToken::new())
        .unwrap();
    assert_eq!(stats.lfs_pointers, ["big.bin", "unmarked"]);
    assert_eq!(stats.files, 5);
}

#[tokio::test]
async fn the_stream_is_the_tar() {
    let repo = Repo::with_files(&[("Dockerfile", "FROM scratch\n")]).unwrap();
    repo.write("big", vec![7; 3_000_000]).unwrap();
    repo.commit("Add").unwrap();
    let server = HttpServer::builder()
        .repo("o/r.git", &repo)
        .start()
        .await
        .unwrap();
    let setup = Setup::new();
    let checkout = setup.checkout(&server.url("o/r.git"), None).await.unwrap();
    let context = context(&checkout, ContextOptions::default()).await;
    let mut streamed = Vec::new();
    let mut stream = context.stream(&CancellationToken::new());
    while let Some(chunk) = stream.next().await {
        streamed.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(streamed, tar_of(&context));

    let cancel = CancellationToken::new();
    let mut stream = context.stream(&cancel);
    assert!(stream.next().await.unwrap().is_ok());
    cancel.cancel();
    let mut last = None;
    while let Some(chunk) = stream.next().await {
        last = Some(chunk);
    }
    assert_eq!(last.unwrap().unwrap_err().to_string(), "cancelled");
}

#[tokio::test]
async fn a_tree_comes_below_a_prefix() {
    let repo = Repo::with_files(&[(".dockerignore", "*\n"), ("a/b", "1")]).unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let mut tar = Vec::new();
    checkout
        .write_tree_tar("/workspace/", &mut tar, &CancellationToken::new())
        .unwrap();
    assert_eq!(
        names(&unpack(&tar)),
        ["workspace/.dockerignore", "workspace/a", "workspace/a/b"]
    );
}
