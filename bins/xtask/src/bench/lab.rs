//! What all measurements share: a server, a repository, the same image for both
//! sides.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use dogi_testkit::{git::HttpServer, repo::Repo};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::idle::{self, Memory};
use crate::{Failure, Result, docker::Engine, failure::Doing as _, http, root, server::Dogi};

/// Where the repository of the warm measurements is served.
const REPO: &str = "bench/probe.git";

pub(crate) const DOCKERFILE: &str = "\
FROM scratch
COPY probe /probe
WORKDIR /data
CMD [\"/probe\", \"lines\", \"1000\", \"100\"]
";

/// A server with a repository that it has run once.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) dogi: Dogi,
    pub(crate) git: HttpServer,
    pub(crate) folder: TempDir,
    pub(crate) probe: Vec<u8>,
    /// The image that dogi built, for `docker run` too.
    pub(crate) image: String,
    /// What `docker -H` wants.
    pub(crate) host: String,
    /// What the server took before it had done anything.
    pub(super) at_start: Memory,
    quick: bool,
    _repo: Repo,
}

impl Lab {
    pub(crate) async fn new(dogi: Dogi, quick: bool) -> Result<Self> {
        let at_start = idle::of_a_start(&dogi).await?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir();
        let folder = folder.doing("make a temporary directory")?;
        let probe = compile_probe(folder.path().join("probe")).await?;
        let make = || {
            let repo = Repo::new()?;
            repo.write("Dockerfile", DOCKERFILE)?;
            repo.write_executable("probe", &probe)?;
            repo.commit("Measure")?;
            Ok::<_, dogi_testkit::Error>(repo)
        };
        let repo = make().doing("make the repository")?;
        let git = HttpServer::builder().repo(REPO, &repo).start().await;
        let git = git.doing("serve the repository")?;
        let host = Engine::find()?.host();
        let mut lab = Self {
            dogi,
            git,
            folder,
            probe,
            image: String::new(),
            host,
            at_start,
            quick,
            _repo: repo,
        };
        lab.drain(&lab.url(REPO, "action=run").await?).await?;
        lab.image = lab.text_of_status(REPO, "image").await?;
        Ok(lab)
    }

    /// How often to repeat: `full` times, or a few with --quick.
    pub(crate) fn times(&self, full: usize) -> usize {
        if self.quick { full.min(3) } else { full }
    }

    /// A signed URL for the repository of the warm measurements.
    pub(crate) async fn warm_url(&self, query: &str) -> Result<String> {
        self.url(REPO, query).await
    }

    /// A signed URL for a repository of this server.
    pub(crate) async fn url(&self, repo: &str, query: &str) -> Result<String> {
        let path = self.git.url(repo).replacen("://", "/", 1);
        self.dogi.sign(&format!("/{path}?{query}")).await
    }

    async fn text_of_status(&self, repo: &str, key: &str) -> Result<String> {
        let url = self.url(repo, "output=status").await?;
        let answer = http::get(&url).await?.ok().await?.text().await?;
        let status: Value = serde_json::from_str(&answer).doing("read a status")?;
        match status[key].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Failure::err(format!("the status has no {key}: {status}")),
        }
    }

    /// Reads an answer to its end: the number of its bytes and the time it took.
    pub(crate) async fn drain(&self, url: &str) -> Result<(u64, Duration)> {
        let start = Instant::now();
        let mut answer = http::get(url).await?.ok().await?;
        let mut bytes = 0;
        while let Some(piece) = answer.next().await? {
            bytes += piece.len() as u64;
        }
        let time = start.elapsed();
        match answer.trailer("dogi-state") {
            Some("succeeded") => Ok((bytes, time)),
            state => Failure::err(format!("{url} ended with {state:?}")),
        }
    }

    /// Runs a line of shell to its end.
    pub(crate) async fn shell(&self, script: &str) -> Result<Duration> {
        let start = Instant::now();
        let done = self.command(script).output().await.doing("run sh")?;
        let time = start.elapsed();
        if done.status.success() {
            return Ok(time);
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Failure::err(format!(
            "`{script}` ended with {}: {}",
            done.status,
            said.trim()
        ))
    }

    /// A line of shell with `$IMAGE` and an engine for `docker`.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .current_dir(self.folder.path())
            .env("IMAGE", &self.image)
            .env("DOCKER_HOST", &self.host)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

async fn compile_probe(path: PathBuf) -> Result<Vec<u8>> {
    let source = root().join("bins/xtask/probe/main.rs");
    let done = Command::new("rustc")
        .args([
            "--edition=2024",
            "-Copt-level=3",
            "-Cpanic=abort",
            "-Cstrip=symbols",
        ])
        .args(["-Ctarget-feature=+crt-static", "-o"])
        .arg(&path)
        .arg(source)
        .output()
        .await
        .doing("run rustc")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Failure::err(format!("the probe does not compile: {said}"));
    }
    fs::read(&path).doing("read the probe")
}
