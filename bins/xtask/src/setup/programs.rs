//! Which programs the tasks run, and which Debian packages have them.

use std::{fs, path::Path, process::Command};

use super::Need;
use crate::host;

/// A program that a task runs.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    packages: &'static [&'static str],
    pub(crate) purpose: &'static str,
    needed: fn(Need) -> bool,
    here: fn(&str) -> bool,
    /// The task does less without it.
    pub(crate) optional: bool,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "git",
        packages: &["git"],
        purpose: "makes and serves the repositories",
        needed: |_| true,
        here: on_path,
        optional: false,
    },
    Program {
        name: "git-http-backend",
        packages: &["git"],
        purpose: "serves repositories over HTTP",
        needed: |_| true,
        here: beside_git,
        optional: false,
    },
    Program {
        name: "busybox",
        packages: &["busybox-static"],
        purpose: "is the shell of the images, which are built from nothing",
        needed: |_| true,
        here: |_| is_static(Path::new("/bin/busybox")),
        optional: false,
    },
    Program {
        name: "docker",
        packages: &["docker.io", "docker-cli"],
        purpose: "is what dogi is compared with",
        needed: |need| need != Need::Demo,
        here: on_path,
        optional: false,
    },
    Program {
        name: "webhook",
        packages: &["webhook"],
        purpose: "is what dogi's generic hooks are compared with",
        needed: |need| need == Need::Bench,
        here: on_path,
        optional: true,
    },
    Program {
        name: "git-daemon",
        packages: &["git"],
        purpose: "serves repositories over git://",
        needed: |need| need == Need::Tests,
        here: beside_git,
        optional: false,
    },
    Program {
        name: "ssh",
        packages: &["openssh-client"],
        purpose: "clones over ssh",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "sshd",
        packages: &["openssh-server"],
        purpose: "serves repositories over ssh, on loopback with throw-away keys",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "docker-registry",
        packages: &["docker-registry"],
        purpose: "serves private base images, on loopback",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "aiosmtpd",
        packages: &["python3-aiosmtpd"],
        purpose: "takes result mails, on loopback",
        needed: |need| need == Need::Tests,
        here: |_| Path::new("/usr/bin/aiosmtpd").is_file(),
        optional: false,
    },
    Program {
        name: "docker-compose",
        packages: &["docker-compose"],
        purpose: "runs the Compose projects of repositories",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "openssl",
        packages: &["openssl"],
        purpose: "makes throw-away certificates",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "perl",
        packages: &["perl-base"],
        purpose: "holds ports open in tests",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
    Program {
        name: "curl",
        packages: &["curl"],
        purpose: "is the client that the streams are made for",
        needed: |need| need == Need::Tests,
        here: on_path,
        optional: false,
    },
];

const ENGINE: Program = Program {
    name: "dockerd",
    packages: &["docker.io", "iptables", "ca-certificates"],
    purpose: "builds and runs the containers",
    needed: |_| true,
    here: on_path,
    optional: false,
};

/// What is needed and not here; an engine that answers needs no program.
pub(crate) fn missing(need: Need, engine_answers: bool) -> Vec<&'static Program> {
    let engine = (!engine_answers).then_some(&ENGINE);
    PROGRAMS
        .iter()
        .chain(engine)
        .filter(|program| (program.needed)(need) && !(program.here)(program.name))
        .collect()
}

/// The packages that have them. A name that this release does not know is left
/// out: `docker-cli` was part of `docker.io` before Debian 13.
pub(crate) fn packages(programs: &[&Program]) -> Vec<&'static str> {
    let mut names: Vec<&str> = programs
        .iter()
        .flat_map(|program| program.packages)
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn on_path(name: &str) -> bool {
    host::find(name).is_some()
}

/// Git keeps its servers in a directory of its own.
fn beside_git(name: &str) -> bool {
    let Ok(asked) = Command::new("git").arg("--exec-path").output() else {
        return false;
    };
    let folder = String::from_utf8_lossy(&asked.stdout);
    Path::new(folder.trim()).join(name).is_file() || on_path(name)
}

/// Whether it is an ELF program without an interpreter, which therefore also runs in
/// an image that has no C library.
fn is_static(path: &Path) -> bool {
    const INTERPRETER: u32 = 3;
    let Ok(bytes) = fs::read(path) else {
        return false;
    };
    let word = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let headers = || {
        let start = u64::from_le_bytes(bytes.get(32..40)?.try_into().ok()?);
        let (size, count) = (word(54)?, word(56)?);
        let kinds = (0..count).map(|n| {
            let at = usize::try_from(start).ok()? + usize::from(n) * usize::from(size);
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        });
        kinds.collect::<Option<Vec<u32>>>()
    };
    bytes.starts_with(b"\x7fELF") && headers().is_some_and(|kinds| !kinds.contains(&INTERPRETER))
}
