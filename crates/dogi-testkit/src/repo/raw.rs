//! Objects as bytes, for what the git program would not make.

use super::Repo;
use crate::Result;

/// One entry of a tree, as it is: nothing about it is checked.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `100644`, `100755`, `120000`, `40000`, `160000`, or something wrong.
    pub mode: &'static str,
    /// The name, which may be `..`, `.git`, hold a slash, or not be text.
    pub name: Vec<u8>,
    /// The object's id, 40 hex digits.
    pub id: String,
}

impl Entry {
    /// A file.
    pub fn file(name: impl Into<Vec<u8>>, id: impl Into<String>) -> Self {
        Self {
            mode: "100644",
            name: name.into(),
            id: id.into(),
        }
    }

    /// A symbolic link, whose target is the content of the blob `id`.
    pub fn symlink(name: impl Into<Vec<u8>>, id: impl Into<String>) -> Self {
        Self {
            mode: "120000",
            name: name.into(),
            id: id.into(),
        }
    }

    /// A directory.
    pub fn tree(name: impl Into<Vec<u8>>, id: impl Into<String>) -> Self {
        Self {
            mode: "40000",
            name: name.into(),
            id: id.into(),
        }
    }

    /// A link to a commit of another repository.
    pub fn gitlink(name: impl Into<Vec<u8>>, id: impl Into<String>) -> Self {
        Self {
            mode: "160000",
            name: name.into(),
            id: id.into(),
        }
    }

    fn encode(&self, into: &mut Vec<u8>) {
        into.extend(self.mode.bytes());
        into.push(b' ');
        into.extend(&self.name);
        into.push(0);
        into.extend(self.id.as_bytes().chunks(2).map(|pair| {
            let digits = std::str::from_utf8(pair).unwrap_or("00");
            u8::from_str_radix(digits, 16).unwrap_or(0)
        }));
    }
}

impl Repo {
    /// Writes a blob; its id.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn blob(&self, content: impl AsRef<[u8]>) -> Result<String> {
        self.git_with_input(&["hash-object", "-w", "--stdin"], content.as_ref())
    }

    /// Writes a tree with these entries in this order, unchecked; its id.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn tree(&self, entries: &[Entry]) -> Result<String> {
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.encode(&mut bytes));
        self.object("tree", bytes)
    }

    /// Writes any object from its raw bytes, unchecked; its id.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn object(&self, kind: &str, bytes: impl AsRef<[u8]>) -> Result<String> {
        let args = ["hash-object", "-t", kind, "--literally", "-w", "--stdin"];
        self.git_with_input(&args, bytes.as_ref())
    }

    /// Writes a commit of a tree without parents and points branch `branch` at it;
    /// its id. The work tree stays as it is.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn commit_tree(&self, branch: &str, tree: &str, message: &str) -> Result<String> {
        let commit = self.git(&["commit-tree", tree, "-m", message])?;
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &commit])?;
        Ok(commit)
    }
}
