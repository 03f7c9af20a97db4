//! The `webhook` program that generic hooks stand in for.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{Failure, Result, failure::Doing as _, host, server::free_address};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the program is, if it is installed.
pub(super) fn find() -> Option<PathBuf> {
    host::find("webhook")
}

/// A running one, gone when dropped.
#[derive(Debug)]
pub(super) struct Webhook {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Webhook {
    /// Starts it with its own defaults, and waits until it listens.
    pub(super) async fn start(program: &Path, hooks: &Path) -> Result<Self> {
        let address = free_address()?;
        let child = Command::new(program)
            .arg("-hooks")
            .arg(hooks)
            .args(["-ip", &address.ip().to_string()])
            .args(["-port", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the task, which then stops it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .doing(format!("start {}", program.display()))?;
        let mut webhook = Self { child, address };
        webhook.wait_until_it_listens().await?;
        Ok(webhook)
    }

    async fn wait_until_it_listens(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        loop {
            turn.tick().await;
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || start.elapsed() > PATIENCE {
                return Failure::err(format!("webhook does not listen (ended: {ended:?})"));
            }
        }
    }

    pub(super) fn process(&self) -> Option<u32> {
        self.child.id()
    }
}
