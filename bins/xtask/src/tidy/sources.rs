//! Rules about Rust files.

use super::{SourceFile, Tree, Violation};

/// Who reads the environment. Build scripts do too: it is how cargo talks to them.
const ENVIRONMENT: &[&str] = &["bins/dogi/src/config.rs", "bins/dogi/src/config/"];

/// Who starts processes, and why it must. Tests may as well.
const PROCESSES: &[(&str, &str)] = &[
    ("bins/xtask/src/", "the tasks run cargo, git and apt-get"),
    (
        "crates/dogi-testkit/src/",
        "its servers are the real programs",
    ),
    (
        "crates/dogi-command/src/spawn.rs",
        "the operator's programs: commands of hooks and of the host",
    ),
    (
        "crates/dogi-docker/build.rs",
        "compiles the helper that follows files",
    ),
    (
        "crates/dogi-docker/src/auth/helper.rs",
        "the operator's docker-credential-NAME, as the Docker CLI runs it",
    ),
    (
        "crates/dogi-git/src/net/process.rs",
        "ssh, and git for file:// URLs",
    ),
];

/// Crates that speak HTTP as clients, or serve tests, and so must know statuses.
/// The words of the answers to dogi's own users stand in `bins/dogi` alone.
const STATUSES: &[(&str, &str)] = &[
    ("bins/", "dogi answers its users; the tasks are clients"),
    ("tests/", "the clients of the end-to-end tests"),
    (
        "crates/dogi-docker/",
        "the engine's answers tell errors apart by status",
    ),
    ("crates/dogi-egress/", "its client follows redirects"),
    (
        "crates/dogi-git/",
        "a forge says by status that credentials are wanted",
    ),
    (
        "crates/dogi-hooks/",
        "a receiver says by status whether to try again",
    ),
    ("crates/dogi-testkit/", "its servers answer tests"),
];

/// Where heavy tests are listed: `path function`, one per line.
pub const HEAVY: &str = "bins/xtask/heavy.txt";

/// Files of more lines than this are hard to hold in one's head.
const LONG: usize = 500;

fn begins_with_one_of(path: &str, places: &[(&str, &str)]) -> bool {
    places.iter().any(|(place, _)| path.starts_with(place))
}

/// Each line of the code that contains one of the words, from 1, with the word.
fn lines_with<'a>(
    code: &'a str,
    words: &[&'static str],
) -> impl Iterator<Item = (usize, &'static str)> + use<'a> {
    let words = words.to_vec();
    code.lines().enumerate().filter_map(move |(index, line)| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some((index + 1, *word))
    })
}

/// The environment is read on one page.
pub fn environment(tree: &Tree) -> Vec<Violation> {
    let write = ["env::set_var", "env::remove_var"];
    let read = ["env::var", "option_env!"];
    let is_place = |file: &SourceFile| ENVIRONMENT.iter().any(|place| file.path.starts_with(place));
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| !is_place(file)) {
        // A test's process may be told something by whoever starts it.
        let reads = if file.is_shipped() { &read[..] } else { &[] };
        for (line, word) in lines_with(file.code(), &[&write[..], reads].concat()) {
            let message = format!(
                "`{word}`: only bins/dogi/src/config reads the environment; pass the value in"
            );
            found.push(Violation::new(&file.path, line, "environment", message));
        }
    }
    found
}

/// Processes are started in few named places.
pub fn processes(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        let is_test = file.path.starts_with("tests/") || file.path.contains("/tests/");
        if is_test || begins_with_one_of(&file.path, PROCESSES) {
            continue;
        }
        let code = file.code();
        let imported = lines_with(code, &["process::Command"]).map(|(line, _)| line);
        let grouped = lines_with(code, &["process::{"])
            .map(|(line, _)| line)
            .filter(|line| group_has_command(code, *line));
        for line in imported.chain(grouped) {
            let message = "a process is started here: name the place, with the reason, in \
                           bins/xtask/src/tidy/sources.rs, or find a way without";
            found.push(Violation::new(&file.path, line, "processes", message));
        }
    }
    found
}

/// Whether the `process::{…}` that begins on this line names `Command`.
fn group_has_command(code: &str, line: usize) -> bool {
    let rest: String = code.lines().skip(line - 1).collect::<Vec<_>>().join("\n");
    let group = rest.split_once("process::{").map_or("", |(_, group)| group);
    let group = group.split('}').next().unwrap_or_default();
    group
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word == "Command")
}

/// Only the program's edge speaks HTTP.
pub fn http_words(tree: &Tree) -> Vec<Violation> {
    let words = ["StatusCode", "status_code", "http::Status"];
    let mut found = Vec::new();
    let shipped = tree.files.iter().filter(|file| file.is_shipped());
    for file in shipped.filter(|file| !begins_with_one_of(&file.path, STATUSES)) {
        for (line, word) in lines_with(file.code(), &words) {
            let message = format!(
                "`{word}`: only bins/dogi and HTTP clients know statuses; return a typed error"
            );
            found.push(Violation::new(&file.path, line, "http", message));
        }
    }
    found
}

/// Tests stand in `tests/`, where they see what a user of the crate sees.
pub fn tests_in_sources(tree: &Tree) -> Vec<Violation> {
    let words = ["#[cfg(test)]", "#[test]", "#[tokio::test"];
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_shipped()) {
        for (line, word) in lines_with(file.code(), &words) {
            let message = format!("`{word}`: tests stand in the crate's tests/ folder");
            found.push(Violation::new(&file.path, line, "tests", message));
        }
    }
    found
}

/// A test that only runs when asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ignored {
    /// Its file.
    pub path: String,
    /// The line of its `#[ignore]`.
    pub line: usize,
    /// The function.
    pub name: String,
    /// The reason in the attribute.
    pub reason: String,
}

impl Ignored {
    /// Whether only `cargo xtask test --heavy` runs it.
    pub fn is_heavy(&self) -> bool {
        self.reason.starts_with("heavy: ")
    }

    /// Whether it is not a test by itself, but what a test of the same file starts as a
    /// process of its own, as its reason says: "the process that `NAME` …".
    pub fn is_part_of_a_test(&self, tree: &Tree) -> bool {
        let Some(rest) = self.reason.strip_prefix("the process that `") else {
            return false;
        };
        let name = rest.split('`').next().unwrap_or_default();
        let code = tree
            .file(&self.path)
            .map(SourceFile::code)
            .unwrap_or_default();
        code.lines()
            .filter_map(function_name)
            .any(|function| function == name)
    }
}

/// Every ignored test of the project.
pub fn ignored(tree: &Tree) -> Vec<Ignored> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.is_rust()) {
        let attributes = lines_with(file.code(), &["#[ignore", "cfg_attr("]);
        for (line, _) in attributes.filter(|(line, _)| is_ignore(file.code(), *line)) {
            let text = file.text.lines().nth(line - 1).unwrap_or_default();
            let reason = text.split('"').nth(1).unwrap_or_default().to_owned();
            let after = file.code().lines().skip(line - 1);
            let name = after.filter_map(function_name).next().unwrap_or_default();
            found.push(Ignored {
                path: file.path.clone(),
                line,
                name,
                reason,
            });
        }
    }
    found
}

/// Whether the attribute on this line is `#[ignore…]` or `#[cfg_attr(…, ignore…)]`.
fn is_ignore(code: &str, line: usize) -> bool {
    let text = code.lines().nth(line - 1).unwrap_or_default();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == "ignore")
}

fn function_name(line: &str) -> Option<String> {
    let after = line.split_once("fn ")?.1;
    Some(
        after
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?
            .to_owned(),
    )
}

/// Nothing is skipped in silence: an ignored test is heavy, says why, and is listed.
pub fn ignored_tests(tree: &Tree) -> Vec<Violation> {
    let list = tree
        .file(HEAVY)
        .map(|file| file.text.as_str())
        .unwrap_or_default();
    let listed: Vec<(usize, &str)> = list
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let ignored = ignored(tree);
    let mut found = Vec::new();
    for test in &ignored {
        let entry = format!("{} {}", test.path, test.name);
        if test.is_part_of_a_test(tree) {
            continue;
        }
        if !test.is_heavy() {
            let message = format!(
                "`{}` is ignored without being heavy: write #[ignore = \"heavy: WHY\"] or let it run",
                test.name
            );
            found.push(Violation::new(&test.path, test.line, "ignored", message));
        } else if !listed.iter().any(|(_, line)| *line == entry) {
            let message = format!("a heavy test is listed in {HEAVY}: add `{entry}`");
            found.push(Violation::new(&test.path, test.line, "ignored", message));
        }
    }
    for (line, entry) in listed {
        if !ignored
            .iter()
            .any(|test| format!("{} {}", test.path, test.name) == entry)
        {
            let message = format!("`{entry}` is not the `path function` of an ignored test");
            found.push(Violation::new(HEAVY, line, "ignored", message));
        }
    }
    found
}

/// The project does not know where it was written.
pub fn workplace_paths(tree: &Tree) -> Vec<Violation> {
    let root = tree.root.trim_end_matches('/');
    let parent = root.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut needles = vec![root.to_owned()];
    if !["", "/tmp", "/srv", "/home", "/root", "/opt", "/usr/src"].contains(&parent) {
        needles.push(format!("{parent}/"));
    }
    let mut found = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(needle.as_str())) {
                let message = format!("`{needle}` is a path of this machine");
                found.push(Violation::new(&file.path, index + 1, "workplace", message));
            }
        }
    }
    found
}

/// Files that have become long, as warnings.
pub fn long_files(tree: &Tree) -> Vec<String> {
    tree.files
        .iter()
        .filter(|file| file.is_rust())
        .map(|file| (file.text.lines().count(), &file.path))
        .filter(|(lines, _)| *lines > LONG)
        .map(|(lines, path)| {
            format!("{path} has {lines} lines, more than {LONG}: split it by concern")
        })
        .collect()
}
