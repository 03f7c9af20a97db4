//! A real Distribution registry on loopback.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    Result,
    error::Context,
    proc::{self, PORT_ATTEMPTS, Process, free_port},
};

/// Debian's `docker-registry`, with its images in a temporary directory. A Docker
/// engine on the same machine takes it without TLS, as it does all of loopback.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    address: SocketAddr,
    _dir: TempDir,
}

impl Registry {
    /// Starts a registry that everybody may pull from and push to.
    ///
    /// # Errors
    ///
    /// When `docker-registry` is missing or does not come up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the registry.
    pub async fn start() -> Result<Self> {
        Self::start_with(None).await
    }

    /// Starts a registry that asks for this user and password.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `perl` makes the password's hash.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the registry.
    pub async fn with_login(user: &str, password: &str) -> Result<Self> {
        Self::start_with(Some((user, password))).await
    }

    async fn start_with(login: Option<(&str, &str)>) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("registry-").tempdir();
        let dir = dir.doing("make a directory")?;
        if let Some((user, password)) = login {
            let line = format!("{user}:{}\n", bcrypt(password)?);
            fs::write(dir.path().join("htpasswd"), line).doing("write htpasswd")?;
        }
        let mut attempt = 1;
        loop {
            match listen(dir.path(), login.is_some()).await {
                Ok((process, address)) => {
                    return Ok(Self {
                        process,
                        address,
                        _dir: dir,
                    });
                }
                Err(e) if attempt == PORT_ATTEMPTS => return Err(e),
                Err(_) => attempt += 1,
            }
        }
    }

    /// `127.0.0.1:PORT`, which is also what image names begin with.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The full name of an image in this registry.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the registry printed: its log, a line for each request.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

async fn listen(dir: &Path, login: bool) -> Result<(Process, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let data = dir.join("data");
    let mut config = format!(
        "version: 0.1\nlog: {{level: info}}\nhttp: {{addr: \"{address}\"}}\n\
         storage: {{delete: {{enabled: true}}, filesystem: {{rootdirectory: \"{}\"}}}}\n",
        data.display(),
    );
    if login {
        let passwords = dir.join("htpasswd");
        let passwords = passwords.display();
        config += &format!("auth: {{htpasswd: {{realm: test, path: \"{passwords}\"}}}}\n");
    }
    let file = dir.join("config.yml");
    fs::write(&file, config).doing("write the registry's configuration")?;
    let mut command = Command::new("docker-registry");
    command
        .arg("serve")
        .arg(file)
        .env("OTEL_TRACES_EXPORTER", "none");
    let mut process = Process::spawn(&mut command, "docker-registry")?;
    process.listening(address).await?;
    Ok((process, address))
}

/// The registry takes no other hash than bcrypt; perl's `crypt` is the one that
/// every Debian has.
fn bcrypt(password: &str) -> Result<String> {
    let mut command = Command::new("perl");
    command.args([
        "-e",
        r#"print crypt(<STDIN>, '$2y$05$abcdefghijklmnopqrstuu')"#,
    ]);
    let hash = proc::run_with_input(&mut command, "perl", password.as_bytes())?;
    Ok(String::from_utf8_lossy(&hash).into_owned())
}
