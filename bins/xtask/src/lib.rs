//! The project's own commands, run as `cargo xtask …`:
//!
//! - `demo` shows dogi at work on this machine, from nothing;
//! - `test` runs every test, the ones against a real Docker engine included;
//! - `bench` measures dogi beside the commands that it stands in for;
//! - `tidy` asserts what the compiler and clippy cannot.
//!
//! `demo`, `test` and `bench` first see to what they need ([`setup`]).
//!
//! ```
//! use xtask::args::Task;
//!
//! let task = Task::parse(&["test".to_owned(), "--heavy".to_owned()]).unwrap();
//! assert_eq!(task, Task::Test { heavy: true, filter: None });
//! ```
//!
//! # Limitations
//!
//! Linux. Packages are only installed on Debian and Ubuntu, as root; elsewhere the
//! missing ones are named. The engine is the one on the local socket.
//!
//! # Features
//!
//! None.

pub mod args;
pub mod bench;
pub mod demo;
mod docker;
mod failure;
mod host;
mod http;
pub mod say;
mod server;
pub mod setup;
pub mod test;
pub mod tidy;

use std::path::{Path, PathBuf};

pub use failure::{Failure, Result};

use crate::args::Task;

/// Does what was asked for.
///
/// # Errors
///
/// The first thing that went wrong, in a sentence for a person.
pub async fn run(task: Task) -> Result<()> {
    match task {
        Task::Help => {
            say::line(args::HELP);
            Ok(())
        }
        Task::Setup => setup::prepare(setup::Need::Tests).await,
        Task::Demo { keep } => demo::run(keep).await,
        Task::Test { heavy, filter } => test::run(heavy, filter.as_deref()).await,
        Task::Bench { quick, rows } => bench::run(quick, &rows).await,
        Task::Tidy => tidy::run(&root()),
    }
}

/// The workspace that this program was built from.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
