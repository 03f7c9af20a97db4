//! Who is in a group besides its leader, which is over. `/proc` is the only one that knows: the
//! others are no children of this process.

use std::{fs, io, time::Duration};

use rustix::process::Pid;
use tokio::{task::spawn_blocking, time};

use crate::watch::pidfd;

/// How soon the processes are looked at again where they can't be waited for.
const INTERVAL: Duration = Duration::from_millis(20);

/// Waits until no process of the group is alive. Without `/proc` that never is, so this needs a
/// time limit.
///
/// # Cancel safety
///
/// It changes nothing.
pub(crate) async fn gone(group: Pid) {
    loop {
        let looking = spawn_blocking(move || alive(group)).await;
        match looking {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(member))) => ended(member).await,
            Ok(Err(_)) | Err(_) => std::future::pending().await,
        }
    }
}

/// The id may be another process's by now. It is only waited for, and then all are looked at again.
async fn ended(process: Pid) {
    match pidfd(process) {
        Ok(pidfd) => drop(pidfd.readable().await),
        Err(_) => time::sleep(INTERVAL).await,
    }
}

/// Some process of the group that is alive.
fn alive(group: Pid) -> io::Result<Option<Pid>> {
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have gone meanwhile.
        let Ok(stat) = fs::read(format!("/proc/{process}/stat")) else {
            continue;
        };
        if group_of_living(&stat) == Some(group.as_raw_pid()) {
            return Ok(Pid::from_raw(process));
        }
    }
    Ok(None)
}

/// The group of a process, from its `stat` (see `proc_pid_stat(5)`): `id (name) state parent group …`.
/// Nothing for one that is a zombie or dead.
fn group_of_living(stat: &[u8]) -> Option<i32> {
    // The name may contain anything, parentheses included.
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after_name..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(group)
}
