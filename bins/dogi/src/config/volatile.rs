//! Whether a directory would be empty after a reboot.

use std::path::Path;

/// Directories that systems clear at boot.
const CLEARED: [&str; 4] = ["/tmp", "/run", "/dev/shm", "/var/run"];

/// What to tell the operator about `data_dir`, if anything.
pub(super) fn warning(data_dir: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let why = volatile(data_dir, &mounts)?;
    Some(format!(
        "DATA_DIR {} {why}: a reboot clears what dogi keeps there (runs, outputs, mirrors)",
        data_dir.display()
    ))
}

/// Looks at the path and at the mounts (as `/proc/self/mountinfo` lists them) that it lies on.
#[must_use]
pub fn volatile(path: &Path, mountinfo: &str) -> Option<&'static str> {
    let file_system = mountinfo
        .lines()
        .filter_map(mount)
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, file_system)| file_system);
    if matches!(file_system, Some("tmpfs" | "ramfs")) {
        return Some("is in memory (tmpfs)");
    }
    CLEARED
        .iter()
        .any(|dir| path.starts_with(dir))
        .then_some("is a temporary directory")
}

/// Mount point and file system of a line, see proc_pid_mountinfo(5). Escapes in the path are
/// left as they are: such a path then just does not match.
fn mount(line: &str) -> Option<(&str, &str)> {
    let (before, after) = line.split_once(" - ")?;
    Some((before.split(' ').nth(4)?, after.split(' ').next()?))
}
