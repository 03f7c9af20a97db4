//! The test runner: nextest where it is installed, else cargo's own.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
};

use crate::{Result, failure::Doing as _, host, root, say};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    Nextest,
    Cargo,
}

/// What the runs said at their ends.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The runners' own closing lines.
    pub(crate) closing: Vec<String>,
    /// What failed.
    pub(crate) failed: Vec<String>,
}

impl Runner {
    pub(crate) fn find() -> Self {
        let asked = host::cargo().args(["nextest", "--version"]).output();
        match asked {
            Ok(answer) if answer.status.success() => Self::Nextest,
            _ => {
                say::line(
                    "cargo-nextest is not here: `cargo test` does it too, one crate after the other",
                );
                Self::Cargo
            }
        }
    }

    /// Runs the tests, then, without a filter, the doc tests; the second even when
    /// the first failed.
    pub(crate) async fn run(self, heavy: bool, filter: Option<&str>) -> Result<Report> {
        let mut report = Report::default();
        let tests = self.arguments(heavy, filter);
        let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
        cargo("tests", &tests, &mut report).await?;
        if filter.is_none() {
            let doc_tests = ["test", "--workspace", "--doc", "--no-fail-fast"];
            cargo("doc tests", &doc_tests, &mut report).await?;
        }
        Ok(report)
    }

    fn arguments(self, heavy: bool, filter: Option<&str>) -> Vec<String> {
        let mut arguments: Vec<&str> = match self {
            Self::Nextest => vec!["nextest", "run", "--workspace", "--no-fail-fast"],
            Self::Cargo => {
                vec![
                    "test",
                    "--workspace",
                    "--lib",
                    "--bins",
                    "--tests",
                    "--no-fail-fast",
                    "--",
                ]
            }
        };
        match (self, heavy) {
            (Self::Nextest, true) => arguments.extend(["--profile=heavy", "--run-ignored=all"]),
            (Self::Cargo, true) => arguments.push("--include-ignored"),
            (_, false) => {}
        }
        arguments.extend(filter);
        arguments.into_iter().map(str::to_owned).collect()
    }
}

/// Runs cargo, passes on what it prints, and keeps the lines that close a run.
async fn cargo(what: &str, arguments: &[&str], report: &mut Report) -> Result<()> {
    say::step(format_args!("cargo {}", arguments.join(" ")));
    let mut child = Command::from(host::cargo())
        .args(arguments)
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .doing("run cargo")?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (from_out, from_err, status) = tokio::join!(pass_on(out), pass_on(err), child.wait());
    report
        .closing
        .extend(summarise(what, from_out.into_iter().chain(from_err)));
    let status = status.doing("wait for cargo")?;
    if !status.success() {
        report.failed.push(format!(
            "{what} failed (cargo {}: {status})",
            arguments.join(" ")
        ));
    }
    Ok(())
}

/// Prints every line and returns those that close a run.
async fn pass_on(pipe: Option<impl AsyncRead + Unpin>) -> Vec<String> {
    let mut closing = Vec::new();
    let Some(pipe) = pipe else { return closing };
    let mut lines = BufReader::new(pipe).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        say::line(&line);
        let plain = line.trim();
        if closes(plain) || (!closing.is_empty() && is_to_be_looked_into(plain)) {
            closing.push(plain.to_owned());
        }
    }
    closing
}

fn closes(line: &str) -> bool {
    line.starts_with("Summary [") || line.starts_with("test result:")
}

/// What nextest says below its summary of a test that failed, or that passed at its second go only.
fn is_to_be_looked_into(line: &str) -> bool {
    ["FAIL [", "TIMEOUT [", "FLAKY ", "SIG"]
        .iter()
        .any(|word| line.starts_with(word))
        || (line.starts_with("TRY ") && line.contains(" ["))
}

/// Nextest closes once, and may quote the harness of a test that failed; cargo closes for each crate, so
/// its lines are added up.
pub fn summarise(what: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let (results, mut summaries): (Vec<String>, Vec<String>) =
        lines.partition(|line| line.starts_with("test result:"));
    if results.is_empty() || !summaries.is_empty() {
        let from = summaries
            .iter()
            .position(|line| line.starts_with("Summary ["));
        return summaries.split_off(from.unwrap_or(0));
    }
    let total = |word: &str| -> u64 { results.iter().filter_map(|line| count(line, word)).sum() };
    summaries.push(format!(
        "{what}: {} passed, {} failed, {} ignored, in {} test binaries",
        total("passed"),
        total("failed"),
        total("ignored"),
        results.len()
    ));
    summaries
}

/// The number before a word in `test result: ok. 3 passed; 0 failed; …`.
fn count(line: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = line
        .split([' ', ';'])
        .filter(|word| !word.is_empty())
        .collect();
    let at = words.iter().position(|found| *found == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}
