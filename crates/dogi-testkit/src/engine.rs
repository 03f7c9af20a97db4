//! A Docker engine of the test's own, to be stopped and started.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    Result, docker,
    error::Context,
    proc::{self, Process},
    wait,
};

/// A daemon that has to come up, and one that stops its containers first, take longer than others.
const TO_COME_AND_GO: Duration = Duration::from_secs(60);

/// `dockerd` with everything in a directory of its own, and a `containerd` of its own, as on
/// machines where that is a service by itself. It has no network but `none` and `host`, and lives in
/// a network namespace: it touches neither bridges nor packet filters. Needs root.
///
/// When it is dropped, its containers are ended and its mounts are taken away.
#[derive(Debug)]
pub struct Engine {
    dockerd: Option<Process>,
    _containerd: Process,
    arguments: Vec<String>,
    dir: Dir,
}

impl Engine {
    /// Starts an engine. With `live_restore`, containers outlive the daemon.
    ///
    /// # Errors
    ///
    /// [`Error::MissingProgram`](crate::Error::MissingProgram), or that it does not come up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops what was started.
    pub async fn start(live_restore: bool) -> Result<Self> {
        let dir = Dir::new()?;
        let containerd = containerd(&dir).await?;
        let path = |name: &str| dir.path(name).display().to_string();
        let mut arguments = vec![
            "--data-root".to_owned(),
            path("data"),
            "--exec-root".to_owned(),
            path("exec"),
            "--host".to_owned(),
            format!("unix://{}", path("docker.sock")),
            "--pidfile".to_owned(),
            path("docker.pid"),
            "--containerd".to_owned(),
            path("containerd.sock"),
            "--bridge=none".to_owned(),
            "--iptables=false".to_owned(),
        ];
        if live_restore {
            arguments.push("--live-restore".to_owned());
        }
        let mut engine = Self {
            dockerd: None,
            _containerd: containerd,
            arguments,
            dir,
        };
        engine.start_again().await?;
        Ok(engine)
    }

    /// Where it is, as `DOCKER_HOST` names it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.path("docker.sock").display())
    }

    /// Starts the daemon, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    ///
    /// # Cancel safety
    ///
    /// It may be on its way up when the future is dropped.
    pub async fn start_again(&mut self) -> Result<()> {
        self.kill();
        // One that was killed leaves it.
        let _ = fs::remove_file(self.dir.path("docker.pid"));
        // In a network of its own: a daemon without a bridge deletes `docker0`, the bridge of the
        // engine that this machine has.
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--", "dockerd"])
            .args(&self.arguments);
        let dockerd = self
            .dockerd
            .insert(Process::spawn(&mut command, "docker.io")?);
        answering(&self.dir.path("docker.sock"), dockerd).await
    }

    /// Asks the daemon to stop, as `systemctl stop docker` does, and waits until it has. Without
    /// `live_restore` it stops its containers before.
    ///
    /// # Errors
    ///
    /// When it goes on.
    ///
    /// # Cancel safety
    ///
    /// It may be on its way down when the future is dropped.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(dockerd) = &mut self.dockerd else {
            return Ok(());
        };
        signal("TERM", &[dockerd.id()])?;
        wait::within(TO_COME_AND_GO, "the Docker engine to stop", || {
            let ended = !dockerd.is_running();
            async move { ended.then_some(()) }
        })
        .await
    }

    /// Kills the daemon, as a crash does. Its containers go on for now.
    pub fn kill(&mut self) {
        if let Some(mut dockerd) = self.dockerd.take() {
            dockerd.kill();
        }
    }

    /// Stops the processes that hold the containers, as a machine that is too busy does: nobody can ask
    /// for a container until they are [let go on](Self::thaw). The containers run on.
    ///
    /// # Errors
    ///
    /// When they can't be signalled.
    pub fn freeze(&self) -> Result<()> {
        signal("STOP", &self.dir.shims())
    }

    /// Lets those that were [frozen](Self::freeze) go on.
    ///
    /// # Errors
    ///
    /// When they can't be signalled.
    pub fn thaw(&self) -> Result<()> {
        signal("CONT", &self.dir.shims())
    }

    /// What the daemon printed since it was last started.
    pub fn output(&self) -> String {
        let output = self.dockerd.as_ref().map(Process::output);
        output.unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
        self.dir.end_containers();
    }
}

async fn containerd(dir: &Dir) -> Result<Process> {
    let config = dir.path("containerd.toml");
    let root = dir.path("containerd");
    let root = root.display();
    let socket = dir.path("containerd.sock");
    let text = format!(
        "version = 2\nroot = \"{root}/root\"\nstate = \"{root}/state\"\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{}\"\n",
        socket.display()
    );
    fs::write(&config, text).doing("write containerd's configuration")?;
    let mut command = Command::new("containerd");
    command.arg("--config").arg(config);
    let process = Process::spawn(&mut command, "containerd")?;
    let listens = || async { UnixStream::connect(&socket).await.ok().map(drop) };
    wait::within(TO_COME_AND_GO, "containerd to listen", listens).await?;
    Ok(process)
}

async fn answering(socket: &Path, dockerd: &mut Process) -> Result<()> {
    let up = wait::within(TO_COME_AND_GO, "the Docker engine to answer", || {
        let running = dockerd.is_running();
        async move {
            match ping(socket).await {
                _ if !running => Some(false),
                true => Some(true),
                false => None,
            }
        }
    })
    .await?;
    if up { Ok(()) } else { Err(dockerd.ended()) }
}

async fn ping(socket: &Path) -> bool {
    let mut answer = Vec::new();
    let asking = async {
        let mut connection = UnixStream::connect(socket).await?;
        connection.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").await?;
        connection.read_to_end(&mut answer).await
    };
    let asked = asking.await;
    asked.is_ok() && answer.windows(6).any(|word| word == b"200 OK")
}

fn signal(name: &str, processes: &[u32]) -> Result<()> {
    let mut command = Command::new(docker::busybox()?);
    command.args(["kill", "-s", name]);
    command.args(processes.iter().map(ToString::to_string));
    proc::run(&mut command, "busybox-static").map(drop)
}

/// The directory of an engine, with what the kernel has of it.
struct Dir(TempDir);

impl Dir {
    fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("engine-").tempdir();
        dir.doing("make a directory").map(Self)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Kills the containers that outlived the daemon, and what held them.
    fn end_containers(&self) {
        let shims = self.shims();
        let inits = shims.iter().flat_map(|shim| children(*shim));
        let all: Vec<u32> = inits.chain(shims.iter().copied()).collect();
        if !all.is_empty() {
            // Some have ended by themselves meanwhile.
            let _ = signal("KILL", &all);
        }
    }

    /// The processes that hold containers: they name the socket of their containerd.
    fn shims(&self) -> Vec<u32> {
        let socket = self.path("containerd.sock").display().to_string();
        let Ok(processes) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let ids = processes.flatten().filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let mut words = line.split(|byte| *byte == 0);
            let is_shim = words.next().is_some_and(|program| {
                String::from_utf8_lossy(program).contains("containerd-shim")
            });
            (is_shim && words.any(|word| word == socket.as_bytes())).then_some(id)
        });
        ids.collect()
    }

    /// Detaches what is mounted below; the deepest first.
    fn unmount(&self) {
        let Ok(mounts) = fs::read_to_string("/proc/mounts") else {
            return;
        };
        let below: Vec<&str> = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|at| Path::new(at).starts_with(self.0.path()))
            .collect();
        for at in below.iter().rev() {
            // One that is gone already is as good.
            let _ = Command::new("umount").args(["--lazy", at]).output();
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // By now containerd has ended too.
        self.end_containers();
        self.unmount();
    }
}

impl fmt::Debug for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dir").field(&self.0.path()).finish()
    }
}

fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}
