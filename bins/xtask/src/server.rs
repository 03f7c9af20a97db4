//! A `dogi serve` of one's own, on loopback, gone when dropped.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    Failure, Result,
    docker::{Engine, Kind, Thing},
    failure::Doing as _,
    host, http, root, say,
};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings of the person's own shell that would change what is shown or measured.
const NOT_INHERITED: &[&str] = &[
    "BIND",
    "BYPASS_SIGNATURES",
    "CERT_PATH",
    "DOCKER_BUILDKIT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "HOOKS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LISTEN",
    "PORT",
    "SIGNATURES_SECRET_PREVIOUS",
    "http_proxy",
    "https_proxy",
];

/// A running server.
#[derive(Debug)]
pub(crate) struct Dogi {
    child: Child,
    binary: PathBuf,
    address: SocketAddr,
    secret: String,
    namespace: String,
    engine: Engine,
    folder: TempDir,
}

/// Compiles the program and returns where it is.
pub(crate) async fn compile(program: &str, release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "dev" };
    say::step(format_args!(
        "cargo build --package {program} --profile {profile}"
    ));
    let status = Command::from(host::cargo())
        .args([
            "build",
            "--package",
            program,
            "--bin",
            program,
            "--profile",
            profile,
        ])
        .current_dir(root())
        .status()
        .await
        .doing("run cargo")?;
    if !status.success() {
        return Failure::err(format!("{program} does not compile"));
    }
    // This program was built into the same directory.
    let me = std::env::current_exe().doing("find the build directory")?;
    let target = me
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("target"))
        .to_owned();
    Ok(target
        .join(if release { "release" } else { "debug" })
        .join(program))
}

impl Dogi {
    /// Starts the program on a free port with a random secret and waits until it is
    /// ready.
    pub(crate) async fn start(binary: PathBuf, name: &str) -> Result<Self> {
        Self::start_with(binary, name, &[]).await
    }

    /// The same, with more arguments behind `serve`.
    pub(crate) async fn start_with(
        binary: PathBuf,
        name: &str,
        arguments: &[&OsStr],
    ) -> Result<Self> {
        let engine = Engine::find()?;
        let folder = tempfile::Builder::new()
            .prefix("dogi-")
            .tempdir()
            .doing("make a temporary directory")?;
        let address = free_address()?;
        let (secret, namespace) = (random()?, format!("{name}-{}", &random()?[..8]));
        let log = File::create(folder.path().join("server.log")).doing("make a log file")?;
        let errors = log.try_clone().doing("share a log file")?;
        let mut command = Command::new(&binary);
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .args(arguments)
            .env("LISTEN", address.to_string())
            .env("ADVERTISED_URL", format!("http://{address}"))
            .env("SIGNATURES_SECRET", &secret)
            .env("EGRESS_ALLOW", "loopback")
            .env("NAMESPACE", &namespace)
            .env("DATA_DIR", folder.path().join("data"))
            .env("DOCKER_HOST", engine.host())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C is for the task, which then stops the server.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .doing(format!("start {}", binary.display()))?;
        let mut server = Self {
            child,
            binary,
            address,
            secret,
            namespace,
            engine,
            folder,
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let start = tokio::time::Instant::now();
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        loop {
            turn.tick().await;
            let reason = match http::get(&self.url("/readyz")).await {
                Ok(answer) if answer.status() == 200 => return Ok(()),
                Ok(answer) => format!("/readyz answers {}", answer.status()),
                Err(reason) => reason.to_string(),
            };
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || start.elapsed() > PATIENCE {
                let ended =
                    ended.map_or_else(|| reason, |status| format!("it ended with {status}"));
                return Failure::err(format!("dogi does not serve: {ended}\n{}", self.log()));
            }
        }
    }

    /// What the server printed.
    pub(crate) fn log(&self) -> String {
        let path = self.folder.path().join("server.log");
        fs::read_to_string(path).unwrap_or_else(|e| format!("(its log cannot be read: {e})"))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// A URL of this server.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// The URL of a path with its signature, as `dogi sign` makes it.
    pub(crate) async fn sign(&self, target: &str) -> Result<String> {
        let asked = Command::new(&self.binary)
            .args(["sign", &self.url(target)])
            .env("SIGNATURES_SECRET", &self.secret)
            .stdin(Stdio::null())
            .output()
            .await
            .doing("run dogi sign")?;
        if !asked.status.success() {
            let said = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
            return Failure::err(format!("`dogi sign` ended with {}: {said}", asked.status));
        }
        Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
    }

    /// Asks it to stop, as a service manager would, and removes what it kept in the
    /// engine on purpose.
    pub(crate) async fn stop(mut self) -> Result<()> {
        // Of a server that does not answer any more, they stay.
        let images = self.images().await.unwrap_or_default();
        let id = self.child.id().map(|id| id.to_string()).unwrap_or_default();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await;
        asked.doing("run kill")?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        self.clean()?;
        for id in images {
            let name = id.clone();
            self.engine.remove(&Thing {
                kind: Kind::Image,
                id,
                name,
            })?;
        }
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Failure::err(format!(
                "dogi ended with {status} when it was stopped\n{}",
                self.log()
            )),
            Ok(Err(e)) => Err(e).doing("wait for dogi"),
            Err(_) => Failure::err(format!("dogi did not stop in {PATIENCE:?}\n{}", self.log())),
        }
    }

    /// The images of its runs.
    async fn images(&self) -> Result<BTreeSet<String>> {
        let url = self.sign("/runs?limit=500").await?;
        let answer = http::get(&url).await?.ok().await?.text().await?;
        let page: Value = serde_json::from_str(&answer).doing("read the history")?;
        let runs = page["runs"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(runs
            .iter()
            .filter_map(|run| Some(run["image"].as_str()?.to_owned()))
            .collect())
    }

    fn clean(&self) -> Result<()> {
        let label = format!("{}={}", crate::docker::LABEL, self.namespace);
        for thing in self.engine.labelled(&label)? {
            self.engine.remove(&thing)?;
        }
        Ok(())
    }
}

impl Drop for Dogi {
    fn drop(&mut self) {
        // After `stop` there is nothing left to do; after a failure, this is best effort.
        let _ = self.child.start_kill();
        let _ = self.clean();
    }
}

/// A port that was free a moment ago; a loser of that race says so at its start.
pub(crate) fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .doing("find a free port")
}

/// 32 random hex digits.
fn random() -> Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .doing("read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
