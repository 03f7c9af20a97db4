//! Asserts what the compiler and clippy cannot: which crate may know which, where
//! the environment is read and processes are started, that documentation points to
//! things that exist. Every violation is printed, then the task fails.
//!
//! Each rule is a function of a [`Tree`] or of what cargo says, so that the tests
//! can show each of them a violation.

pub mod arrows;
pub mod backend;
pub mod docs;
pub mod mask;
pub mod sources;
pub mod tree;

use std::{fmt, path::Path};

use crate::{Failure, Result, say};

pub use tree::{SourceFile, Tree};

/// Something that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, from the root of the workspace.
    pub path: String,
    /// Its line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule's short name.
    pub rule: &'static str,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(
        path: &str,
        line: usize,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {} [{}]", self.path, self.message, self.rule),
            line => write!(f, "{}:{line}: {} [{}]", self.path, self.message, self.rule),
        }
    }
}

/// Checks the workspace at `root`.
///
/// # Errors
///
/// The number of violations, which have been printed.
pub fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let mut violations = check(&tree);
    violations.extend(arrows::check(&arrows::metadata(root)?));
    violations.extend(backend::check(&backend::packages(root)?));
    violations.sort();
    violations.dedup();
    for warning in sources::long_files(&tree) {
        say::line(format_args!("warning: {warning}"));
    }
    for violation in &violations {
        say::line(violation);
    }
    match violations.len() {
        0 => {
            say::line(format_args!(
                "tidy: {} files, nothing to complain about",
                tree.files.len()
            ));
            Ok(())
        }
        count => Failure::err(format!("tidy: {count} violations")),
    }
}

/// The rules that look at files alone.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let rules: [fn(&Tree) -> Vec<Violation>; 10] = [
        sources::environment,
        sources::processes,
        sources::http_words,
        sources::tests_in_sources,
        sources::ignored_tests,
        sources::workplace_paths,
        docs::crate_docs,
        docs::ignored_examples,
        docs::links,
        docs::lints,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}
