//! Starting an engine: by the machine's own means where it has them, else by hand.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::process::Child;

use crate::{Failure, Result, docker::Engine, failure::Doing as _, host, root, say};

/// A first start makes directories and bridges; a slow machine needs a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where an engine writes its process id.
const PID_FILE: &str = "/var/run/docker.pid";

/// How many lines of the engine's log explain why it did not start.
const TAIL: usize = 20;

/// Starts an engine and waits until it answers.
pub(crate) async fn start() -> Result<Engine> {
    if host::has_systemd() {
        by_systemd()?;
        return wait_for_engine(None).await;
    }
    let reason = match by_hand().await {
        Ok(engine) => return Ok(engine),
        Err(reason) => reason,
    };
    if !reason.to_string().contains("iptables") {
        return Err(reason);
    }
    say::line(&reason);
    if !choose_legacy_iptables() {
        return Err(reason);
    }
    by_hand().await
}

fn by_systemd() -> Result<()> {
    say::step("systemctl start docker");
    let status = Command::new("systemctl").args(["start", "docker"]).status();
    match status.doing("run systemctl")? {
        status if status.success() => Ok(()),
        _ => Failure::err("`systemctl start docker` failed: `journalctl -u docker` says why"),
    }
}

/// A session of its own, so that Ctrl-C here does not end the engine, which stays
/// for the next task.
async fn by_hand() -> Result<Engine> {
    forget_stale_process();
    let folder = root().join("target/xtask");
    fs::create_dir_all(&folder).doing(format!("make {}", folder.display()))?;
    let path = folder.join("dockerd.log");
    let log = File::create(&path).doing(format!("write {}", path.display()))?;
    let errors = log.try_clone().doing("share the engine's log")?;
    say::step(format_args!(
        "starting dockerd by hand, log in {}",
        path.display()
    ));
    let program = host::find("dockerd").unwrap_or_else(|| "dockerd".into());
    let mut daemon = tokio::process::Command::new("setsid")
        .arg(program)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .doing("start dockerd")?;
    let engine = wait_for_engine(Some(&mut daemon)).await.map_err(|reason| {
        let tail = tail(&path);
        Failure::new(format!("{reason}; the end of {}:\n{tail}", path.display()))
    })?;
    say::line(format_args!(
        "it stays when this ends; to stop it: kill \"$(cat {PID_FILE})\""
    ));
    Ok(engine)
}

/// An engine that was killed leaves its number behind, and the next one does not
/// start when any process has that number.
fn forget_stale_process() {
    let Ok(text) = fs::read_to_string(PID_FILE) else {
        return;
    };
    let name = fs::read_to_string(format!("/proc/{}/comm", text.trim())).unwrap_or_default();
    if name.trim() != "dockerd" {
        say::line(format_args!("{PID_FILE} names no engine: removing it"));
        let _ = fs::remove_file(PID_FILE);
    }
}

async fn wait_for_engine(mut daemon: Option<&mut Child>) -> Result<Engine> {
    let start = tokio::time::Instant::now();
    let mut turn = tokio::time::interval(Duration::from_millis(200));
    loop {
        turn.tick().await;
        let reason = match Engine::find() {
            Ok(engine) => return Ok(engine),
            Err(reason) => reason,
        };
        if let Some(Ok(Some(status))) = daemon.as_mut().map(|daemon| daemon.try_wait()) {
            return Failure::err(format!("dockerd ended with {status}"));
        }
        if start.elapsed() > PATIENCE {
            if let Some(daemon) = daemon {
                // Half an engine would be in the way of the next attempt.
                let _ = daemon.kill().await;
            }
            return Failure::err(format!("the engine does not answer: {reason}"));
        }
    }
}

/// Some kernels have no nftables, which Debian's iptables uses by default.
fn choose_legacy_iptables() -> bool {
    let legacy = "/usr/sbin/iptables-legacy";
    if !Path::new(legacy).exists() {
        return false;
    }
    say::step(format_args!(
        "update-alternatives --set iptables {legacy}, and again"
    ));
    let set = Command::new("update-alternatives")
        .args(["--set", "iptables", legacy])
        .status();
    set.is_ok_and(|status| status.success())
}

fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|e| format!("(cannot be read: {e})"));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
