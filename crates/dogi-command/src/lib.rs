//! Runs a program of this machine, and leaves nothing of it behind.
//!
//! A [`Program`] is found as a shell or Go's `exec.LookPath` finds it. A [`CommandSpec`] says all
//! that it gets: its arguments, its whole environment, files with content. [`spawn`] starts it in a
//! process group of its own, without input, with one pipe for standard output and standard error, so
//! that their order is the one in which they were written. No shell is involved: whatever is in an
//! argument stays an argument.
//!
//! ```
//! use std::ffi::OsStr;
//!
//! use dogi_command::{CommandSpec, Program, Status};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let program = Program::find(OsStr::new("sh"), None, OsStr::new("/usr/bin:/bin"))?;
//! let mut spec = CommandSpec::new(program, "sh");
//! spec.arguments = vec!["-c".into(), "echo begin; echo \"$WHAT\" >&2; exit 3".into()];
//! spec.environment = vec![("WHAT".into(), "a; b".into())];
//!
//! // As it comes:
//! let mut running = spec.clone().spawn().await?;
//! while let Some(bytes) = running.output.next().await? {
//!     assert!(!bytes.is_empty());
//! }
//! assert_eq!(running.wait().await?.status, Status::Code(3));
//!
//! // Or all at once, at most 1 MiB of it:
//! let (output, exit) = spec.spawn().await?.collect(1 << 20).await?;
//! assert_eq!(output.bytes, "begin\na; b\n");
//! assert!(!exit.success());
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - The program gets what the spec says and nothing else: no variable and no descriptor of this
//!   process (as far as they are close-on-exec, as all that Rust opens are).
//! - A [time limit](Limits::time) and [`Process::stop`] reach the whole group: SIGTERM, and SIGKILL
//!   to whoever is left after a [grace](Limits::grace). Dropping the [`Process`] is SIGKILL at once.
//! - No signal goes to somebody else. A group's number is its leader's process id, which the kernel
//!   gives to others once the leader is *reaped*, not when it ends. So here the end is noticed
//!   without reaping (by a pidfd), the group is signalled while its leader is there at least as a
//!   zombie, and a lock stands between signalling and reaping.
//! - Whoever was started is reaped, also when its handle is dropped and when the runtime ends.
//! - A program never stands still because its output is too much, if it is read by
//!   [`Output::read_to_limit`], [`Running::collect`] or [`Running::wait`]: they read on and drop.
//! - `Debug` of everything here shows names and sizes, no values: those may be secrets.
//!
//! # Limitations
//!
//! - Linux only, in fact: other Unix systems have no pidfd and no `/proc`.
//! - A process that leaves the group (`setsid`, a job of an interactive shell) is not reached by
//!   signals to it. Nor is one that runs as somebody else by then (`sudo`), unless this process is
//!   root; a stop then takes as long as that process does.
//! - Temporary files stay when this process itself is killed.
//! - Starting a program holds the thread for as long as the kernel takes to load it, which is a
//!   fraction of a millisecond on a local disk.
//! - With a C library that can't give `posix_spawn` a directory (glibc before 2.29), a script without
//!   a first line `#!` is run by `/bin/sh` instead of refused, if it has a working directory.
//! - A process of a group that outlives its leader belongs to the system's init, which has to reap
//!   it. In a container, process 1 must be one that does.
//!
//! # Features
//!
//! None.
//!
//! [`spawn`]: CommandSpec::spawn

mod error;
mod exit;
mod files;
mod group;
mod limits;
mod members;
mod output;
mod process;
mod program;
mod spawn;
mod spec;
mod supervise;
mod watch;

pub use error::{LookupError, SpawnError, WaitError};
pub use exit::{Exit, Status, Stopped};
pub use limits::{ExitWatch, Leftovers, Limits};
pub use output::{Collected, Output};
pub use process::{Process, Running, Stopper};
pub use program::Program;
pub use spec::{CommandSpec, FileSpec};
