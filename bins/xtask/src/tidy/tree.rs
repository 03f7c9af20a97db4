//! The files of the project: what git tracks and what it would track.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::mask;
use crate::{Failure, Result, failure::Doing as _};

/// A text file of the project.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// From the root of the workspace, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
    code: String,
}

impl SourceFile {
    /// A file with this text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if path.ends_with(".rs") {
            mask::code(&text)
        } else {
            String::new()
        };
        Self { path, text, code }
    }

    /// Of a Rust file the code alone: comments and the content of strings are
    /// blanked, lines stay where they are. Empty for other files.
    pub fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is part of what is shipped, and not a test, a benchmark or a
    /// build script.
    pub(crate) fn is_shipped(&self) -> bool {
        self.is_rust() && self.path.contains("/src/") && !self.path.starts_with("tests/")
    }
}

/// The project's files.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The text files.
    pub files: Vec<SourceFile>,
    /// Every path, of folders and of files that are not text too.
    pub paths: BTreeSet<String>,
    /// Where the checkout is on this machine.
    pub root: String,
}

impl Tree {
    /// Reads the checkout at `root`.
    ///
    /// # Errors
    ///
    /// When git or the disk fails.
    pub fn read(root: &Path) -> Result<Self> {
        let root = root
            .canonicalize()
            .doing(format!("find {}", root.display()))?;
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(&root)
            .output()
            .doing("run git ls-files")?;
        if !listed.status.success() {
            return Failure::err(format!(
                "`git ls-files` failed: {}",
                String::from_utf8_lossy(&listed.stderr).trim()
            ));
        }
        let names = String::from_utf8(listed.stdout).doing("read the names of the files")?;
        let mut tree = Self {
            root: root.display().to_string(),
            ..Self::default()
        };
        for path in names.split_terminator('\0') {
            // A file that was removed and not yet committed is listed all the same.
            let Ok(bytes) = fs::read(root.join(path)) else {
                continue;
            };
            tree.add_path(path);
            if let Ok(text) = String::from_utf8(bytes) {
                tree.files.push(SourceFile::new(path, text));
            }
        }
        Ok(tree)
    }

    /// A project made of these files, for tests.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self {
            root: "/srv/checkouts/project".to_owned(),
            ..Self::default()
        };
        for (path, text) in files {
            tree.add_path(path);
            tree.files.push(SourceFile::new(*path, *text));
        }
        tree
    }

    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    fn add_path(&mut self, path: &str) {
        let mut path = path;
        while self.paths.insert(path.to_owned()) {
            match path.rsplit_once('/') {
                Some((folder, _)) => path = folder,
                None => break,
            }
        }
    }
}
