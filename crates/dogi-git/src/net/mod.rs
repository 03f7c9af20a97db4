//! Connections to git servers: checked against the egress policy, bounded, and ended at once when
//! they are cancelled, whatever they are waiting for.
//!
//! The git protocol itself is gix's; the bytes it speaks over are moved here, because its own
//! transports can't be stopped while they wait for an answer.

mod daemon;
mod http;
mod link;
mod pipe;
mod process;

use std::path::PathBuf;
use std::sync::Arc;

use dogi_egress::{EgressError, Guard};
use dogi_url::{RepoUrl, Transport};
use gix::protocol::transport::client::blocking_io::Transport as GitTransport;

pub(crate) use link::{Budget, Fault, Link, size};
pub(crate) use process::Process;

use crate::credentials::Credentials;
use crate::mirrors::{KnownHosts, SshKeys};

/// How connections are made.
pub(crate) struct Net {
    pub(crate) guard: Guard,
    pub(crate) client: reqwest::Client,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) known_hosts: KnownHosts,
    pub(crate) ssh_keys: SshKeys,
    pub(crate) ssh_program: PathBuf,
    pub(crate) allow_git: bool,
    pub(crate) allow_file: bool,
}

/// A connection, and the program behind it if there is one.
pub(crate) struct Connection {
    pub(crate) transport: Box<dyn GitTransport>,
    pub(crate) process: Option<Process>,
}

impl Net {
    /// The name of the scheme, if it is not allowed.
    pub(crate) fn forbidden(&self, repo: &RepoUrl) -> Option<&'static str> {
        match repo.transport() {
            Transport::Git if !self.allow_git => Some("git"),
            Transport::File if !self.allow_file => Some("file"),
            _ => None,
        }
    }

    /// Connects. Blocks; what goes wrong is left in `link`.
    pub(crate) fn connect(&self, repo: &RepoUrl, link: &Arc<Link>) -> Result<Connection, Failed> {
        match repo.transport() {
            Transport::Https | Transport::Http => Ok(Connection {
                transport: http::connect(self, repo, link)?,
                process: None,
            }),
            Transport::Git => Ok(Connection {
                transport: daemon::connect(self, repo, link)?,
                process: None,
            }),
            Transport::Ssh {
                user,
                host,
                port,
                path,
            } => {
                let target = process::SshTarget {
                    user,
                    host,
                    port,
                    path,
                };
                process::ssh(self, target, link)
            }
            Transport::File => process::upload_pack(repo.path(), link),
        }
    }

    /// The addresses of `host` that may be connected to.
    fn resolve(
        &self,
        host: &str,
        port: u16,
        link: &Link,
    ) -> Result<Vec<std::net::SocketAddr>, Failed> {
        let resolved = link.wait(link.limits.connect, "its name was not resolved", async {
            Ok(self.guard.resolve(host, port).await)
        });
        match resolved.map_err(|_| Failed)? {
            Ok(addresses) => Ok(addresses),
            Err(EgressError::Denied(denied)) => {
                link.fail(Fault::Denied(denied.to_string()));
                Err(Failed)
            }
            Err(error) => {
                link.fail(Fault::Connection {
                    reason: chain(&error),
                    source: None,
                });
                Err(Failed)
            }
        }
    }
}

/// It failed, and the [`Link`] says why.
#[derive(Debug)]
pub(crate) struct Failed;

/// An error with all that lies behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}
