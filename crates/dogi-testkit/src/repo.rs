//! Repositories, scripted with the git program.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use tempfile::TempDir;

use crate::{
    Result,
    error::Context,
    proc::{checked, run, run_with_input, unstartable},
};

mod raw;

pub use raw::Entry;

const PACKAGE: &str = "git";

/// 2024-01-01. Every command that is run comes a minute after the one before.
const EPOCH: u64 = 1_704_067_200;

/// A repository with a work tree in a temporary directory, gone when dropped.
///
/// Author, committer and dates are fixed, the machine's own git configuration is
/// not looked at: the same script makes the same commit ids everywhere.
#[derive(Debug)]
pub struct Repo {
    dir: TempDir,
    minutes: AtomicU64,
}

impl Repo {
    /// An empty repository on branch `main`. Servers may be asked for any commit.
    ///
    /// # Errors
    ///
    /// When git is missing or fails.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("repo-")
            .tempdir()
            .doing("make a directory")?;
        let repo = Self {
            dir,
            minutes: AtomicU64::new(0),
        };
        repo.git(&["init", "--quiet", "--initial-branch=main", "."])?;
        repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        repo.git(&["config", "uploadpack.allowFilter", "true"])?;
        Ok(repo)
    }

    /// A repository with these files in one commit.
    ///
    /// # Errors
    ///
    /// When git is missing or fails, or a file cannot be written.
    pub fn with_files(files: &[(&str, &str)]) -> Result<Self> {
        let repo = Self::new()?;
        for (path, content) in files {
            repo.write(path, content)?;
        }
        repo.commit("Begin")?;
        Ok(repo)
    }

    /// The work tree.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The directory with objects and refs.
    pub fn git_dir(&self) -> PathBuf {
        self.path().join(".git")
    }

    /// `file://…` of the repository.
    pub fn file_url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes a file of mode 0644 into the work tree, directories included.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<&Self> {
        self.write_mode(path, 0o644, content)
    }

    /// Writes a file that can be run.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_executable(&self, path: &str, content: impl AsRef<[u8]>) -> Result<&Self> {
        self.write_mode(path, 0o755, content)
    }

    /// Writes a file with a mode of which git keeps the execute bit.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_mode(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Result<&Self> {
        let file = self.place(path)?;
        let doing = || format!("write {}", file.display());
        fs::write(&file, content).doing(doing())?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).doing(doing())?;
        Ok(self)
    }

    /// Makes a symbolic link in the work tree; the target may be anything.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn symlink(&self, path: &str, target: &str) -> Result<&Self> {
        let file = self.place(path)?;
        symlink(target, &file).doing(format!("link {} to {target}", file.display()))?;
        Ok(self)
    }

    /// Removes a file or directory from the work tree.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, path: &str) -> Result<&Self> {
        let file = self.path().join(path);
        let removed = if file.is_dir() {
            fs::remove_dir_all(&file)
        } else {
            fs::remove_file(&file)
        };
        removed.doing(format!("remove {}", file.display()))?;
        Ok(self)
    }

    /// Commits the work tree as it is, ignored files too, and returns the commit id.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn commit(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all", "--force"])?;
        self.commit_index(message)
    }

    /// Commits the index as it is.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn commit_index(&self, message: &str) -> Result<String> {
        self.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "-m",
            message,
        ])?;
        self.head()
    }

    /// The id of the commit that is checked out.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn head(&self) -> Result<String> {
        self.rev_parse("HEAD")
    }

    /// The id of what `name` stands for.
    ///
    /// # Errors
    ///
    /// When it stands for nothing.
    pub fn rev_parse(&self, name: &str) -> Result<String> {
        self.git(&["rev-parse", "--verify", name])
    }

    /// Sets a lightweight tag at the commit that is checked out.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn tag(&self, name: &str) -> Result<&Self> {
        self.git(&["tag", "--force", name])?;
        Ok(self)
    }

    /// Sets an annotated tag at the commit that is checked out; returns the id of
    /// the tag object.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn annotated_tag(&self, name: &str, message: &str) -> Result<String> {
        self.git(&["tag", "--force", "--annotate", "-m", message, name])?;
        self.rev_parse(&format!("refs/tags/{name}"))
    }

    /// Makes or moves a branch to the commit that is checked out, and checks it out.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn branch(&self, name: &str) -> Result<&Self> {
        self.git(&["checkout", "--quiet", "-B", name])?;
        Ok(self)
    }

    /// Checks out a branch, tag or commit.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn switch(&self, name: &str) -> Result<&Self> {
        self.git(&["checkout", "--quiet", "--force", name])?;
        Ok(self)
    }

    /// Adds a submodule: an entry in `.gitmodules` and a link to `commit`. Nothing
    /// is cloned, so that the URL may be relative, dead or evil. Not committed.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn submodule(&self, path: &str, url: &str, commit: &str) -> Result<&Self> {
        let modules = self.path().join(".gitmodules");
        let text = fs::read_to_string(&modules).unwrap_or_default();
        let entry = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
        self.write(".gitmodules", text + &entry)?;
        self.gitlink(path, commit)
    }

    /// Puts a link to a commit of another repository into the index, with nothing
    /// about it in `.gitmodules`.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub fn gitlink(&self, path: &str, commit: &str) -> Result<&Self> {
        // With the empty directory there, `git add --all` leaves the link alone.
        let directory = self.path().join(path);
        fs::create_dir_all(&directory).doing(format!("make {}", directory.display()))?;
        let info = format!("160000,{commit},{path}");
        self.git(&["update-index", "--add", "--cacheinfo", &info])?;
        Ok(self)
    }

    /// Runs git in the repository; what it prints, trimmed.
    ///
    /// # Errors
    ///
    /// When git is missing or fails, with what it printed.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        let printed = run(self.command().args(args), PACKAGE)?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    /// What `git ls-remote URL` prints.
    ///
    /// # Errors
    ///
    /// When git is missing or fails, with what it printed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills git.
    pub async fn ls_remote(url: &str) -> Result<String> {
        Self::git_async(None, &["ls-remote", url]).await
    }

    /// Runs git beside the other work of the runtime, in `dir`, with the fixed
    /// surroundings of this kit; what it prints, trimmed.
    ///
    /// # Errors
    ///
    /// When git is missing or fails, with what it printed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills git.
    pub async fn git_async(dir: Option<&Path>, args: &[&str]) -> Result<String> {
        let mut command = surroundings(Command::new("git"));
        if let Some(dir) = dir {
            command.current_dir(dir);
        }
        let mut child = tokio::process::Command::from(command);
        child.args(args).kill_on_drop(true);
        let output = child.output().await;
        let output = output.map_err(|e| unstartable(child.as_std(), PACKAGE, e))?;
        let printed = checked(child.as_std(), output)?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    fn git_with_input(&self, args: &[&str], input: &[u8]) -> Result<String> {
        let printed = run_with_input(self.command().args(args), PACKAGE, input)?;
        Ok(String::from_utf8_lossy(&printed).trim().to_owned())
    }

    fn command(&self) -> Command {
        let minutes = self.minutes.fetch_add(1, Ordering::Relaxed);
        let date = format!("{} +0000", EPOCH + 60 * minutes);
        let mut command = surroundings(Command::new("git"));
        command.current_dir(self.path());
        command
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date);
        command
    }

    fn place(&self, path: &str) -> Result<PathBuf> {
        let file = self.path().join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).doing(format!("make {}", parent.display()))?;
        }
        Ok(file)
    }
}

/// The same git everywhere: no configuration of the machine, no questions.
pub(crate) fn surroundings(mut command: Command) -> Command {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
    ] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Ada Author")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_NAME", "Cem Committer")
        .env("GIT_COMMITTER_EMAIL", "cem@example.com")
        .env("LC_ALL", "C");
    command
}
