use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::root::{Names, Root};
use crate::{
    Result,
    error::Context,
    proc::{self, PORT_ATTEMPTS, Process, free_port},
    repo::Repo,
};

const SERVER: &str = "openssh-server";
const CLIENT: &str = "openssh-client";

/// The command that every login runs: fetches from the named repositories, and
/// nothing else. A path may begin with a slash, or not, as with forges.
const FORCED_COMMAND: &str = r#"#!/bin/sh
printf '%s\n' "$SSH_ORIGINAL_COMMAND" >>"@DIR@/commands"
case $SSH_ORIGINAL_COMMAND in
"git-upload-pack '"*"'") path=${SSH_ORIGINAL_COMMAND#"git-upload-pack '"} ;;
"git upload-pack '"*"'") path=${SSH_ORIGINAL_COMMAND#"git upload-pack '"} ;;
*) echo "only git-upload-pack" >&2; exit 128 ;;
esac
path=${path%"'"}
path=${path#/}
case $path in *..*|*"'"*) echo "no such repository" >&2; exit 128 ;; esac
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
exec "@GIT@" upload-pack "@ROOT@/$path"
"#;

/// What an [`SshServer`] serves.
#[derive(Debug, Default)]
pub struct SshServerBuilder {
    names: Names,
}

impl SshServerBuilder {
    /// Shows `repo` under a name such as `owner/repo.git`.
    pub fn repo(mut self, name: &str, repo: &Repo) -> Self {
        self.names.add(name, repo);
        self
    }

    /// Starts the server on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When `sshd`, `ssh-keygen` or git is missing, or sshd does not come up. As
    /// root, sshd wants the directory `/run/sshd`, which is made.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server.
    pub async fn start(self) -> Result<SshServer> {
        let root = self.names.build()?;
        let dir = tempfile::Builder::new()
            .prefix("sshd-")
            .tempdir()
            .doing("make a directory")?;
        let user = output_of(Command::new("id").arg("-un"), "coreutils")?;
        if user == "root" {
            fs::create_dir_all("/run/sshd").doing("make /run/sshd, which sshd wants as root")?;
        }
        make_key(&dir.path().join("host_key"))?;
        make_key(&dir.path().join("user_key"))?;
        let public = dir.path().join("user_key.pub");
        fs::copy(&public, dir.path().join("authorized_keys")).doing("authorize the user's key")?;
        write_forced_command(dir.path(), root.path())?;
        let (process, address) = listen(dir.path()).await?;
        Ok(SshServer {
            process,
            address,
            user,
            dir,
            root,
        })
    }
}

/// sshd on loopback for the current user, with throw-away keys; it serves fetches
/// of its repositories and nothing else.
#[derive(Debug)]
pub struct SshServer {
    process: Process,
    address: SocketAddr,
    user: String,
    dir: TempDir,
    root: Root,
}

impl SshServer {
    /// A server that is still to be told what to serve.
    pub fn builder() -> SshServerBuilder {
        SshServerBuilder::default()
    }

    /// `ssh://USER@127.0.0.1:PORT/name`.
    pub fn url(&self, name: &str) -> String {
        format!("ssh://{}@{}/{name}", self.user, self.address)
    }

    /// The user to log in as, which is the current one.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file with the private key that is let in.
    pub fn user_key(&self) -> PathBuf {
        self.dir.path().join("user_key")
    }

    /// A line for `known_hosts` with the server's present key.
    ///
    /// # Errors
    ///
    /// When the key cannot be read.
    pub fn known_hosts_line(&self) -> Result<String> {
        let key = self.dir.path().join("host_key.pub");
        let key = fs::read_to_string(&key).doing("read the public host key")?;
        let key = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Ok(format!(
            "[{}]:{} {}\n",
            self.address.ip(),
            self.address.port(),
            key.trim()
        ))
    }

    /// Starts anew at the same address with another host key, as an impostor would.
    ///
    /// # Errors
    ///
    /// When the server does not come up again.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped the server may be down.
    pub async fn change_host_key(&mut self) -> Result<()> {
        self.process.kill();
        let key = self.dir.path().join("host_key");
        fs::remove_file(&key).doing("remove the host key")?;
        make_key(&key)?;
        self.process = spawn(self.dir.path(), self.address)?;
        self.process.listening(self.address).await
    }

    /// Shows one more repository.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub fn add(&self, name: &str, repo: &Repo) -> Result<()> {
        self.root.add(name, &repo.git_dir())
    }

    /// The commands that logins asked for, in order.
    pub fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("commands")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What sshd printed.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

async fn listen(dir: &Path) -> Result<(Process, SocketAddr)> {
    let mut attempt = 1;
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut process = spawn(dir, address)?;
        match process.listening(address).await {
            Ok(()) => return Ok((process, address)),
            Err(e) if attempt == PORT_ATTEMPTS => return Err(e),
            Err(_) => attempt += 1,
        }
    }
}

fn spawn(dir: &Path, address: SocketAddr) -> Result<Process> {
    let at = |name: &str| dir.join(name).display().to_string();
    let config = format!(
        "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\nForceCommand {}\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         AcceptEnv GIT_PROTOCOL\nMaxStartups 1000\nLogLevel VERBOSE\n",
        at("host_key"),
        at("authorized_keys"),
        at("forced_command"),
    );
    fs::write(dir.join("sshd_config"), config).doing("write sshd_config")?;
    // sshd insists on being called by its absolute path.
    let sshd = proc::find(&["/usr/sbin/sshd", "/usr/local/sbin/sshd", "sshd"], SERVER)?;
    let mut command = Command::new(sshd);
    command
        .args(["-D", "-e", "-f"])
        .arg(dir.join("sshd_config"));
    Process::spawn(&mut command, SERVER)
}

fn make_key(path: &Path) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "throw-away", "-f"])
        .arg(path);
    proc::run(&mut command, CLIENT).map(drop)
}

fn write_forced_command(dir: &Path, root: &Path) -> Result<()> {
    let git = output_of(Command::new("sh").args(["-c", "command -v git"]), "git")?;
    let script = FORCED_COMMAND
        .replace("@DIR@", &dir.display().to_string())
        .replace("@ROOT@", &root.display().to_string())
        .replace("@GIT@", &git);
    let path = dir.join("forced_command");
    fs::write(&path, script).doing("write the forced command")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).doing("make it executable")
}

fn output_of(command: &mut Command, package: &'static str) -> Result<String> {
    let printed = proc::run(command, package)?;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}
