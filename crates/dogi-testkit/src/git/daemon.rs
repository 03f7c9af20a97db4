use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};

use super::root::{self, Names, Root};
use crate::{
    Result,
    proc::{PORT_ATTEMPTS, Process, free_port},
    repo::{Repo, surroundings},
};

/// `git daemon` on loopback: `git://` URLs.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    address: SocketAddr,
    root: Root,
}

impl Daemon {
    /// Serves the repositories under the given names.
    ///
    /// # Errors
    ///
    /// When git is missing or the daemon does not come up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the daemon.
    pub async fn start(repos: &[(&str, &Repo)]) -> Result<Self> {
        let mut names = Names::default();
        repos.iter().for_each(|(name, repo)| names.add(name, repo));
        let root = names.build()?;
        let mut attempt = 1;
        loop {
            match Self::listen(&root).await {
                Ok((process, address)) => {
                    return Ok(Self {
                        process,
                        address,
                        root,
                    });
                }
                Err(e) if attempt == PORT_ATTEMPTS => return Err(e),
                Err(_) => attempt += 1,
            }
        }
    }

    async fn listen(root: &Root) -> Result<(Process, SocketAddr)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        // Not through `git daemon`, which would leave the daemon behind when killed.
        let mut command = surroundings(Command::new(root::helper("git-daemon")?));
        command
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={}", address.port()))
            .arg(format!("--base-path={}", root.path().display()));
        let mut process = Process::spawn(&mut command, "git")?;
        process.listening(address).await?;
        Ok((process, address))
    }

    /// `git://…` of the repository of that name.
    pub fn url(&self, name: &str) -> String {
        format!("git://{}/{name}", self.address)
    }

    /// Shows one more repository.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub fn add(&self, name: &str, repo: &Repo) -> Result<()> {
        self.root.add(name, &repo.git_dir())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the daemon printed.
    pub fn output(&self) -> String {
        self.process.output()
    }
}
