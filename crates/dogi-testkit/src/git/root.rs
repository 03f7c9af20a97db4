use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{Result, error::Context, proc, repo::Repo};

/// A directory in which repositories of elsewhere appear under the names that a
/// server gives them.
#[derive(Debug)]
pub(super) struct Root {
    dir: TempDir,
}

impl Root {
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("git-root-").tempdir();
        Ok(Self {
            dir: dir.doing("make a directory")?,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes `git_dir` reachable as `name`, e.g. `owner/repo.git`.
    pub(super) fn add(&self, name: &str, git_dir: &Path) -> Result<()> {
        let link = self.path().join(name);
        if let Some(parent) = link.parent() {
            fs::create_dir_all(parent).doing(format!("make {}", parent.display()))?;
        }
        symlink(git_dir, &link).doing(format!("link {}", link.display()))
    }
}

/// Repositories by the name under which a server shows them.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<(String, PathBuf)>);

impl Names {
    pub(super) fn add(&mut self, name: &str, repo: &Repo) {
        self.0.push((name.to_owned(), repo.git_dir()));
    }

    pub(super) fn build(&self) -> Result<Root> {
        let root = Root::new()?;
        self.0
            .iter()
            .try_for_each(|(name, git_dir)| root.add(name, git_dir))?;
        Ok(root)
    }
}

/// A program of git that is not on the path, such as `git-http-backend`.
pub(super) fn helper(name: &str) -> Result<PathBuf> {
    let printed = proc::run(std::process::Command::new("git").arg("--exec-path"), "git")?;
    let dir = PathBuf::from(String::from_utf8_lossy(&printed).trim());
    let path = dir.join(name).to_string_lossy().into_owned();
    proc::find(&[&path], "git")
}
