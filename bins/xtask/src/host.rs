//! This machine: who runs the task, which system it is, which programs it has.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What `cargo run` tells this program about its own package. A cargo started from here
/// would hand it on, and build scripts that look at it would run again, and all that
/// depends on them would be compiled again, each time cargo is run the other way.
const OF_THIS_PACKAGE: &[&str] = &[
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
];

/// The cargo that a person would run in the same terminal.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for name in OF_THIS_PACKAGE {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Whether the task may install packages and start daemons.
pub(crate) fn is_root() -> bool {
    user_id() == Some(0)
}

/// The user's number, by the owner of the process's own entry in `/proc`.
pub(crate) fn user_id() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|entry| entry.uid())
}

/// Whether `apt-get` is how programs are installed here.
pub(crate) fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| matches!(*key, "ID" | "ID_LIKE"))
        .flat_map(|(_, value)| value.trim_matches('"').split_whitespace())
        .any(|id| matches!(id, "debian" | "ubuntu"))
}

/// Whether systemd looks after the services of this machine.
pub(crate) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Where a program is: on the user's `PATH`, or where the system keeps daemons.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let asked = Command::new("sh")
        .args(["-c", "command -v -- \"$1\"", "sh", program])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let found = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    if asked.status.success() && found.is_absolute() {
        return Some(found);
    }
    ["/usr/sbin", "/sbin", "/usr/local/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.is_file())
}

/// The processor, the number of its cores, memory and kernel, for a table of
/// measurements.
pub(crate) fn describe() -> String {
    let first = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let value = text
            .lines()
            .find(|line| line.starts_with(key))?
            .split_once(':')?
            .1;
        Some(value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = first("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let memory = first("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or_else(|| "?".to_owned(), |kib| (kib / 1024 / 1024).to_string());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores ({processor}), {memory} GiB memory, Linux {}",
        kernel.trim()
    )
}
