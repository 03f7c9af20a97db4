//! Installing packages without starting the servers that come with them: the tests
//! start their own, on loopback, and nobody asked for an sshd on port 22.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Failure, Result, failure::Doing as _, host, say};

/// Debian asks this program whether a package may start its service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Services of the packages that would listen to the network after the next boot.
const UNWANTED: &[(&str, &[&str])] = &[
    ("openssh-server", &["ssh.service", "ssh.socket"]),
    ("docker-registry", &["docker-registry.service"]),
    ("webhook", &["webhook.service"]),
];

/// Installs the packages that this release knows.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    say::step("apt-get update");
    apt(&["update", "-qq"])?;
    let known: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|name| is_known(name))
        .collect();
    say::step(format_args!("apt-get install {}", known.join(" ")));
    let policy = Policy::forbid_services()?;
    let installed = apt(&[
        &["install", "-y", "-qq", "--no-install-recommends"],
        &known[..],
    ]
    .concat());
    drop(policy);
    installed?;
    for (package, services) in UNWANTED {
        if known.contains(package) && host::has_systemd() {
            disable(package, services);
        }
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .doing("run apt-get")?;
    if status.success() {
        return Ok(());
    }
    Failure::err(format!(
        "`apt-get {}` failed: its own words are above",
        arguments.join(" ")
    ))
}

fn is_known(package: &str) -> bool {
    let asked = Command::new("apt-cache").args(["policy", package]).output();
    asked.is_ok_and(|answer| {
        String::from_utf8_lossy(&answer.stdout)
            .lines()
            .any(|line| line.trim().starts_with("Candidate:") && !line.contains("(none)"))
    })
}

fn disable(package: &str, services: &[&str]) {
    say::line(format_args!(
        "{package} is here for the tasks only: disabling its service"
    ));
    let asked = Command::new("systemctl")
        .args(["disable", "--quiet"])
        .args(services)
        .stderr(Stdio::null())
        .status();
    // A release that has only one of the two units fails for the other.
    drop(asked);
}

/// A policy that forbids packages to start services, for as long as it lives. One
/// that is there already is the machine's own and stays.
#[derive(Debug)]
struct Policy {
    ours: bool,
}

impl Policy {
    fn forbid_services() -> Result<Self> {
        let path = Path::new(POLICY);
        if path.exists() {
            return Ok(Self { ours: false });
        }
        fs::write(path, "#!/bin/sh\nexit 101\n").doing(format!("write {POLICY}"))?;
        let guard = Self { ours: true };
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .doing(format!("make {POLICY} executable"))?;
        Ok(guard)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
