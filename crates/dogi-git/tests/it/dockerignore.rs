//! What patterns match, case by case.

use dogi_git::{Builder, ContextError, ContextOptions, Dockerignore};
use dogi_testkit::repo::Repo;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::support::{checked_out, context, names, tar_of, unpack};

#[test]
fn patterns() {
    // (file, path, ignored)
    for (file, path, ignored) in [
        ("", "a", false),
        ("a", "a", true),
        ("a", "b/a", false),
        ("a", "a/b/c", true),
        ("/a/", "a", true),
        ("./a/../b", "b", true),
        ("  a  ", "a", true),
        ("# a\na", "# a", false),
        (" #a", "#a", true),
        ("\u{feff}a", "a", true),
        ("a\r\nb\r\n", "b", true),
        ("*", "a", true),
        ("*", "a/b", true),
        ("*/b", "a/b", true),
        ("*/b", "b", false),
        ("*/b", "x/a/b", false),
        ("**/b", "b", true),
        ("**/b", "x/y/b", true),
        ("**/b", "x/yb", false),
        ("**/b", "x/b/y", true),
        ("**b", "x/yb", true),
        ("a/**", "a", false),
        ("a/**", "a/b", true),
        ("a/**", "a/b/c", true),
        ("a**", "abc/d", true),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("**", "anything/at/all", true),
        ("**/", "x", true),
        ("**/*.go", "x/y.go", true),
        ("**/*.go", "y.go", true),
        ("*.md", "a.md", true),
        ("*.md", "a/b.md", false),
        ("*.md", "axmd", false),
        ("?", "a", true),
        ("?", "ü", true),
        ("?", "ab", false),
        ("?", "/", false),
        ("a?c", "a/c", false),
        ("[ab]", "a", true),
        ("[ab]", "c", false),
        ("[a-c]x", "bx", true),
        ("[^a]", "b", true),
        ("[^a]", "a", false),
        ("[!a]", "!", true),
        ("[!a]", "b", false),
        ("\\*", "*", true),
        ("\\*", "x", false),
        ("a\\b", "ab", false),
        ("a\\b", "a", true),
        ("foo\\bar", "foo/bar", false),
        ("*^a", "a", true),
        ("\\d", "7", true),
        ("a+b(c)|{d}$", "a+b(c)|{d}$", true),
        ("a.b", "axb", false),
        ("a*\n!ab", "ab", false),
        ("a*\n!ab", "ac", true),
        ("!ab\na*", "ab", true),
        ("a\n!a/b", "a/b", false),
        ("a\n!a/b", "a/c", true),
        ("a\n!a/b\na/b/c", "a/b/c", true),
        ("a\n!a/b\na/b/c", "a/b/d", false),
        ("! a", "x", false),
        ("*\n! /a/", "a", false),
        ("*\n!a\n*", "a", true),
        ("/", "a", false),
        (".", "a", false),
        ("..", "a", false),
        ("../a", "a", false),
    ] {
        let parsed = Dockerignore::parse(file.as_bytes());
        let parsed = parsed.unwrap_or_else(|error| panic!("{file:?}: {error}"));
        assert_eq!(parsed.ignores(path), ignored, "{file:?} and {path:?}");
    }
}

#[test]
fn bad_patterns_are_named_with_their_line() {
    for (file, error) in [
        (
            "a\n!\n",
            "line 2: bad pattern \"!\": nothing stands behind the \"!\"",
        ),
        ("[a", "line 1: bad pattern \"[a\": a \"[\" is not closed"),
        (
            "\n\n[]",
            "line 3: bad pattern \"[]\": a [range] is empty or lacks its end",
        ),
        (
            "[a-]",
            "line 1: bad pattern \"[a-]\": a [range] is empty or lacks its end",
        ),
        (
            "[-a]",
            "line 1: bad pattern \"[-a]\": a \"-\" stands at the border of a [range]",
        ),
        (
            "a\\",
            "line 1: bad pattern \"a\\\\\": it ends with a lone backslash",
        ),
        (
            "\\y",
            "line 1: bad pattern \"\\\\y\": the pattern can't be understood",
        ),
    ] {
        assert_eq!(
            Dockerignore::parse(file.as_bytes())
                .unwrap_err()
                .to_string(),
            error
        );
    }
    let long = vec![b'a'; 70_000];
    let error = Dockerignore::parse(&long).unwrap_err().to_string();
    assert!(error.ends_with("the line is longer than 64 KiB"), "{error}");
}

#[test]
fn an_evil_pattern_takes_no_longer_than_its_length() {
    let pattern = "*a".repeat(2000) + "b";
    let ignore = Dockerignore::parse(pattern.as_bytes()).unwrap();
    let began = std::time::Instant::now();
    assert!(!ignore.ignores(&"a".repeat(2000)));
    assert!(began.elapsed().as_secs() < 20);
}

#[tokio::test]
async fn the_builders_look_for_exceptions_differently() {
    let repo = Repo::with_files(&[
        ("Dockerfile", "FROM scratch\n"),
        (".dockerignore", "*\n!**/keep\n!d/e/f\n"),
        ("a/keep", ""),
        ("d/e/f", ""),
        ("d/e/g", ""),
    ])
    .unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    for (builder, wanted) in [
        (
            Builder::Classic,
            vec![".dockerignore", "Dockerfile", "d/e/f"],
        ),
        (
            Builder::BuildKit,
            vec![".dockerignore", "Dockerfile", "a/keep", "d/e/f"],
        ),
    ] {
        let mut options = ContextOptions::default();
        options.builder = builder;
        assert_eq!(
            names(&unpack(&tar_of(&context(&checkout, options).await))),
            wanted
        );
    }
}

#[tokio::test]
async fn a_dockerfile_may_have_its_own_ignore_file() {
    let repo = Repo::with_files(&[
        ("d/Dockerfile", "FROM scratch\n"),
        ("d/Dockerfile.dockerignore", "a\n"),
        (".dockerignore", "b\n"),
        ("a", ""),
        ("b", ""),
    ])
    .unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    for (builder, gone) in [(Builder::Classic, "b"), (Builder::BuildKit, "a")] {
        let mut options = ContextOptions::default();
        options.dockerfile = Some("d/Dockerfile".to_owned());
        options.builder = builder;
        let names = names(&unpack(&tar_of(&context(&checkout, options).await)));
        assert!(!names.contains(&gone.to_owned()), "{builder:?}: {names:?}");
        assert_eq!(names.len(), 5, "{builder:?}: {names:?}");
    }
}

#[tokio::test]
async fn the_builder_keeps_what_it_needs() {
    let repo = Repo::with_files(&[
        ("d/[x]*", "FROM scratch\n"),
        (".dockerignore", "**\n"),
        ("a", ""),
        ("d/b", ""),
    ])
    .unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let mut options = ContextOptions::default();
    options.dockerfile = Some("d/[x]*".to_owned());
    let files = unpack(&tar_of(&context(&checkout, options).await));
    assert_eq!(names(&files), [".dockerignore", "d/[x]*"]);
}

#[tokio::test]
async fn a_bad_ignore_file_is_an_error_that_names_it() {
    let files = [
        ("Dockerfile", "FROM scratch\n"),
        (".dockerignore", "ok\n[bad\n"),
    ];
    let (_setup, checkout) = checked_out(&Repo::with_files(&files).unwrap()).await;
    let cancel = CancellationToken::new();
    let error = checkout
        .context(ContextOptions::default(), &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, ContextError::Ignore { .. }));
    assert_eq!(
        error.to_string(),
        ".dockerignore: line 2: bad pattern \"[bad\": a \"[\" is not closed"
    );
}

proptest! {
    #[test]
    fn nothing_panics(file in "[a-c*?!/.\\[\\]\\\\^ \n#-]{0,40}", path in "[a-c/.]{1,12}") {
        if let Ok(ignore) = Dockerignore::parse(file.as_bytes()) {
            let _ = ignore.ignores(&path);
        }
    }

    #[test]
    fn a_plain_path_ignores_itself_and_what_is_in_it(path in "[a-z]{1,5}(/[a-z]{1,5}){0,3}") {
        let ignore = Dockerignore::parse(path.as_bytes()).unwrap();
        let inside = format!("{path}/x");
        let beside = format!("{path}x");
        prop_assert!(ignore.ignores(&path));
        prop_assert!(ignore.ignores(&inside));
        prop_assert!(!ignore.ignores(&beside));
    }

    #[test]
    fn the_last_line_wins(path in "[a-z]{1,5}") {
        let file = format!("*\n!{path}\n");
        let kept = Dockerignore::parse(file.as_bytes()).unwrap();
        prop_assert!(!kept.ignores(&path));
        let file = format!("{file}*\n");
        let gone = Dockerignore::parse(file.as_bytes()).unwrap();
        prop_assert!(gone.ignores(&path));
    }
}
