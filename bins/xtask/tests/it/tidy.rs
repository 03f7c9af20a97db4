use serde_json::{Value, json};
use xtask::tidy::{Tree, Violation, arrows, backend, check, sources};

/// The rules that these files break, with path and line.
fn broken(files: &[(&str, &str)]) -> Vec<(String, usize, &'static str)> {
    let mut found: Vec<_> = check(&Tree::of(files))
        .into_iter()
        .map(
            |Violation {
                 path, line, rule, ..
             }| (path, line, rule),
        )
        .collect();
    found.sort();
    found
}

#[track_caller]
fn assert_breaks(path: &str, text: &str, line: usize, rule: &'static str) {
    assert_eq!(
        broken(&[(path, text)]),
        [(path.to_owned(), line, rule)],
        "{text}"
    );
}

#[track_caller]
fn assert_fine(path: &str, text: &str) {
    assert_eq!(broken(&[(path, text)]), [], "{path}: {text}");
}

#[test]
fn the_environment_is_read_in_the_configuration_alone() {
    let line = "\nlet home = std::env::var(\"HOME\");";
    assert_breaks("crates/dogi-git/src/ssh.rs", line, 2, "environment");
    assert_breaks(
        "bins/dogi/src/serve.rs",
        "env::var_os(\"A\")",
        1,
        "environment",
    );
    assert_breaks(
        "bins/dogi/tests/it.rs",
        "std::env::set_var(a, b)",
        1,
        "environment",
    );
    assert_fine("bins/dogi/tests/it.rs", line);
    assert_fine("bins/dogi/src/config.rs", line);
    assert_fine("bins/dogi/src/config/env.rs", line);
    assert_fine("crates/dogi-docker/build.rs", line);
    assert_fine(
        "crates/dogi-git/src/ssh.rs",
        "// std::env::var is not for us\nenv!(\"CARGO\")",
    );
}

#[test]
fn processes_are_started_in_named_places() {
    for text in [
        "use std::process::Command;",
        "use tokio::process::{Child, Command};",
        "use std::process::{\n    Child,\n    Command,\n};",
        "let c = std::process::Command::new(\"git\");",
    ] {
        assert_breaks("crates/dogi-git/src/ssh.rs", text, 1, "processes");
        assert_fine("crates/dogi-git/tests/it/ssh.rs", text);
        assert_fine("crates/dogi-testkit/src/proc.rs", text);
    }
    assert_fine(
        "bins/dogi/src/cli.rs",
        "use clap::Command;\nuse std::process::{ExitCode, Stdio};",
    );
}

#[test]
fn statuses_are_known_at_the_edge_alone() {
    let text = "fn f() -> StatusCode { StatusCode::NOT_FOUND }";
    assert_breaks("crates/dogi-engine/src/slot.rs", text, 1, "http");
    assert_breaks("crates/dogi-url/src/sign.rs", text, 1, "http");
    assert_fine("bins/dogi/src/http/run.rs", text);
    assert_fine("crates/dogi-hooks/src/deliver.rs", text);
}

#[test]
fn tests_stand_in_their_folder() {
    let text = "#[cfg(test)]\nmod tests {}";
    assert_breaks("crates/dogi-url/src/sign.rs", text, 1, "tests");
    assert_fine("crates/dogi-url/tests/sign.rs", "#[test]\nfn a() {}");
}

#[test]
fn an_ignored_test_is_heavy_and_listed() {
    let path = "crates/dogi-git/tests/it/size.rs";
    let heavy = "#[test]\n#[ignore = \"heavy: writes 2 GB\"]\nfn two_gigabytes() {}";
    assert_breaks(path, "#[test]\n#[ignore]\nfn later() {}", 2, "ignored");
    assert_breaks(
        path,
        "#[test]\n#[ignore = \"flaky\"]\nfn later() {}",
        2,
        "ignored",
    );
    assert_breaks(
        path,
        "#[test]\n#[cfg_attr(miri, ignore)]\nfn later() {}",
        2,
        "ignored",
    );
    assert_breaks(path, heavy, 2, "ignored");
    let entry = format!("# a comment\n{path} two_gigabytes\n");
    assert_eq!(broken(&[(path, heavy), (sources::HEAVY, &entry)]), []);
    let stale = broken(&[(sources::HEAVY, "crates/dogi-git/tests/it/size.rs gone\n")]);
    assert_eq!(stale, [(sources::HEAVY.to_owned(), 1, "ignored")]);

    let part = "#[test]\n#[ignore = \"the process that `killed` kills\"]\nfn process() {}";
    assert_breaks(path, part, 2, "ignored");
    assert_fine(path, &format!("{part}\n#[test]\nfn killed() {{}}"));

    let found = sources::ignored(&Tree::of(&[(path, heavy)]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].reason.as_str()),
        ("two_gigabytes", "heavy: writes 2 GB")
    );
}

#[test]
fn paths_of_the_workplace_do_not_get_in() {
    let mut tree = Tree::of(&[
        ("README.md", "see /mnt/atelier/dogi/x\n"),
        ("a.toml", "b = \"/workspace\""),
    ]);
    tree.root = "/mnt/atelier/dogi".to_owned();
    let found = check(&tree);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].path.as_str(), found[0].rule),
        ("README.md", "workplace")
    );
}

#[test]
fn a_library_says_what_it_is_for() {
    let path = "crates/dogi-x/src/lib.rs";
    let full = "//! Reads and writes the thing that is meant.\n//!\n//! ```\n//! let a = 1;\n//! ```\n\
                //!\n//! # Limitations\n//!\n//! None.\n//!\n//! # Features\n//!\n//! None.\n";
    assert_fine(path, full);
    for lost in ["# Limitations", "# Features"] {
        assert_breaks(path, &full.replace(lost, ""), 1, "crate-docs");
    }
    assert_breaks(
        path,
        &full.replace("//! ```\n//! let", "//! ```text\n//! let"),
        1,
        "crate-docs",
    );
    assert_eq!(broken(&[(path, "//! dogi-x\n")]).len(), 4);
    let ignored = "/// ```ignore\n/// f();\n/// ```\npub fn f() {}";
    assert_breaks("crates/dogi-x/src/f.rs", ignored, 1, "crate-docs");
}

#[test]
fn links_point_to_something() {
    let page = ("docs/use.md", "# Use\n\n## The first run\n");
    let fine = "[a](docs/use.md) [b](docs/use.md#the-first-run) [c](https://example.com/x)\n\
                [d](docs) `[e](nowhere.md)`\n```\n[f](nowhere.md)\n```\n[g](#here)\n# Here\n";
    assert_eq!(broken(&[page, ("README.md", fine)]), []);
    for (text, line) in [
        ("\n[a](docs/us.md)", 2),
        ("[a](docs/use.md#the-second-run)", 1),
        ("[a](../elsewhere.md)", 1),
        ("[a](#nowhere)", 1),
    ] {
        let found = broken(&[page, ("README.md", text)]);
        assert_eq!(found, [("README.md".to_owned(), line, "links")], "{text}");
    }
}

#[test]
fn crates_take_the_workspaces_lints() {
    assert_breaks(
        "crates/dogi-x/Cargo.toml",
        "[package]\nname = \"dogi-x\"\n",
        0,
        "lints",
    );
    assert_fine(
        "crates/dogi-x/Cargo.toml",
        "[package]\n\n[lints]\nworkspace = true\n",
    );
}

#[test]
fn long_files_are_mentioned() {
    let text = "a\n".repeat(501);
    assert_eq!(
        sources::long_files(&Tree::of(&[("crates/a/src/b.rs", &text)])).len(),
        1
    );
    assert_eq!(
        sources::long_files(&Tree::of(&[("crates/a/src/b.rs", &text[2..])])).len(),
        0
    );
}

/// Name, kind, and whether it is optional.
type Dependency = (&'static str, &'static str, bool);

fn package(name: &str, dependencies: &[Dependency]) -> Value {
    let dependencies: Vec<Value> = dependencies
        .iter()
        .map(|(name, kind, optional)| {
            let kind = if kind.is_empty() {
                Value::Null
            } else {
                Value::from(*kind)
            };
            json!({"name": name, "kind": kind, "optional": optional})
        })
        .collect();
    json!({"name": name, "dependencies": dependencies})
}

#[test]
fn crates_know_only_what_the_architecture_allows() {
    let others = [
        "dogi-url",
        "dogi-job",
        "dogi-docker",
        "dogi-stream",
        "dogi-store",
        "dogi-git",
        "dogi-testkit",
    ];
    let complaints = |name: &str, dependencies: &[Dependency]| {
        let mut packages: Vec<Value> = others
            .iter()
            .filter(|other| **other != name)
            .map(|other| package(other, &[]))
            .collect();
        packages.push(package(name, dependencies));
        arrows::check(&json!({ "packages": packages })).len()
    };
    let cases: [(&str, &[Dependency], usize); 14] = [
        (
            "dogi-job",
            &[("dogi-url", "", false), ("serde", "", false)],
            0,
        ),
        ("dogi-url", &[("dogi-job", "", false)], 1),
        (
            "dogi-docker",
            &[("dogi-job", "", false), ("dogi-stream", "", false)],
            2,
        ),
        ("dogi-docker", &[("dogi-testkit", "dev", false)], 0),
        ("dogi-docker", &[("dogi-testkit", "", false)], 1),
        ("dogi-docker", &[("dogi-url", "dev", false)], 1),
        (
            "dogi-engine",
            &[("dogi-docker", "", true), ("dogi-stream", "", false)],
            0,
        ),
        ("dogi-engine", &[("dogi-docker", "", false)], 1),
        ("dogi-engine", &[("dogi-store", "", true)], 0),
        ("dogi-engine", &[("dogi-store", "", false)], 1),
        ("dogi-store", &[("dogi-job", "", false)], 1),
        (
            "dogi-tests",
            &[("dogi-docker", "dev", false), ("dogi-git", "dev", false)],
            0,
        ),
        ("dogi-job", &[("tokio", "", false)], 1),
        ("dogi-job", &[("tokio", "dev", false)], 0),
    ];
    for (name, dependencies, wanted) in cases {
        assert_eq!(
            complaints(name, dependencies),
            wanted,
            "{name} {dependencies:?}"
        );
    }
}

#[test]
fn there_is_one_crypto_backend() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(backend::check(&names(&["ring", "openssl-probe"])), []);
    assert_eq!(
        backend::check(&names(&["ring", "aws-lc-rs", "openssl-sys"])).len(),
        2
    );
    assert_eq!(backend::check(&names(&["serde"])).len(), 1);
}
