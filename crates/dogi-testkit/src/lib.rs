//! The outside world of a program that clones, builds and calls back, on
//! loopback and made of the real things: repositories scripted with the git
//! program, git servers over HTTP, `git://` and ssh, a Distribution registry,
//! receivers that record what they get and answer as told, the commit statuses of
//! forges, a mail server, servers that never answer.
//!
//! It knows no other crate of the workspace, so every one of them can use it in
//! its tests. Nothing here is a fake of a protocol that the real program speaks:
//! the git servers are git's own, the registry is the registry, the mail server is
//! aiosmtpd. Only forges are played, since nobody can start a GitHub.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use dogi_testkit::{git::HttpServer, repo::Repo};
//!
//! let repo = Repo::new()?;
//! repo.write("Dockerfile", "FROM scratch\n")?;
//! let commit = repo.commit("Begin")?;
//!
//! let server = HttpServer::builder().repo("acme/tool.git", &repo).start().await?;
//! let seen = Repo::ls_remote(&server.url("acme/tool.git")).await?;
//! assert!(seen.contains(&commit));
//! assert!(server.requests().iter().any(|r| r.target.contains("info/refs")));
//! # Ok(()) })
//! # }
//! ```
//!
//! # What it needs
//!
//! The programs `git` (with `git-http-backend` and `git-daemon`), and, for the
//! parts that use them, `sshd`, `ssh-keygen`, `docker-registry`, `perl`, `openssl`,
//! `aiosmtpd` and a static `busybox`. A missing one is an [`Error::MissingProgram`] that names the
//! Debian package; nothing is skipped in silence.
//!
//! # Limitations
//!
//! Unix only; loopback only; HTTP without TLS. The servers are for tests: they
//! trust their caller and bound nothing.
//!
//! # Features
//!
//! None.

mod background;
pub mod certificate;
pub mod docker;
pub mod engine;
mod error;
pub mod forges;
pub mod git;
pub mod proc;
pub mod receiver;
pub mod registry;
pub mod repo;
pub mod silent;
pub mod smtp;
pub mod wait;

pub use error::{Error, Result};
