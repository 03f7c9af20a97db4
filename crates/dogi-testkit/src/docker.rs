//! What it takes to build images where no registry can be reached: a static busybox
//! and tiny contexts `FROM scratch`. There is no client of Docker here.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{Result, error::Context as _, proc, repo::Repo};

const BASE: &str = "FROM scratch\n\
    COPY busybox /bin/busybox\n\
    RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";

const BASH: &str = "#!/bin/sh\nexec /bin/sh \"$@\"\n";

/// The path of a busybox that needs no libraries.
///
/// # Errors
///
/// [`Error::MissingProgram`](crate::Error::MissingProgram) when there is none.
pub fn busybox() -> Result<PathBuf> {
    proc::find(
        &["/bin/busybox", "/usr/bin/busybox", "busybox"],
        "busybox-static",
    )
}

/// The files of a build context, in memory.
///
/// ```
/// use dogi_testkit::docker::Context;
/// let context = Context::busybox("WORKDIR /app\nCMD [\"echo\", \"hello\"]\n")?;
/// assert!(context.dockerfile().starts_with("FROM scratch\n"));
/// # Ok::<(), dogi_testkit::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Context {
    files: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Context {
    /// Nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// An image with busybox and links for all its programs in `/bin`, and after
    /// that the given lines of Dockerfile.
    ///
    /// # Errors
    ///
    /// When there is no static busybox.
    pub fn busybox(more_dockerfile: &str) -> Result<Self> {
        let program = busybox()?;
        let bytes = fs::read(&program).doing(format!("read {}", program.display()))?;
        Ok(Self::empty()
            .file("Dockerfile", format!("{BASE}{more_dockerfile}"))
            .file_mode("busybox", 0o755, bytes))
    }

    /// As [`busybox`](Self::busybox), with a `/bin/bash` that is busybox's shell.
    ///
    /// # Errors
    ///
    /// When there is no static busybox.
    pub fn bash(more_dockerfile: &str) -> Result<Self> {
        let context = Self::busybox(&format!("COPY bash /bin/bash\n{more_dockerfile}"))?;
        Ok(context.file_mode("bash", 0o755, BASH))
    }

    /// Adds or replaces a file of mode 0644.
    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.file_mode(path, 0o644, content)
    }

    /// Adds or replaces a file.
    pub fn file_mode(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), (mode, content.into()));
        self
    }

    /// The text of the Dockerfile; empty when there is none.
    pub fn dockerfile(&self) -> String {
        let content = self
            .files
            .get("Dockerfile")
            .map(|(_, content)| content.as_slice());
        String::from_utf8_lossy(content.unwrap_or_default()).into_owned()
    }

    /// The context as a tar archive, sorted by path, without times and owners.
    ///
    /// # Errors
    ///
    /// When a path does not fit into a tar header.
    pub fn tar(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, (mode, content)) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            let added = archive.append_data(&mut header, path, content.as_slice());
            added.doing(format!("put {path} into a tar"))?;
        }
        archive.into_inner().doing("finish a tar")
    }

    /// Writes the files into a directory.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub fn write_to(&self, dir: &Path) -> Result<()> {
        for (path, (mode, content)) in &self.files {
            let file = dir.join(path);
            let doing = || format!("write {}", file.display());
            fs::create_dir_all(file.parent().unwrap_or(dir)).doing(doing())?;
            fs::write(&file, content).doing(doing())?;
            fs::set_permissions(&file, fs::Permissions::from_mode(*mode)).doing(doing())?;
        }
        Ok(())
    }

    /// A repository with the files in one commit.
    ///
    /// # Errors
    ///
    /// When git is missing or fails.
    pub fn repo(&self) -> Result<Repo> {
        let repo = Repo::new()?;
        self.write_to(repo.path())?;
        repo.commit("Begin")?;
        Ok(repo)
    }
}
