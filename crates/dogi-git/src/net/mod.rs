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

use crate::credentials::{Credentials, NoCredentials};
use crate::error::CheckoutError;
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
    pub(crate) access: Access,
}

/// As whom servers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// As somebody with the credentials that are configured.
    Known,
    /// As nobody in particular.
    Anonymous,
}

/// A connection, and the program behind it if there is one.
pub(crate) struct Connection {
    pub(crate) transport: Box<dyn GitTransport>,
    pub(crate) process: Option<Process>,
}

impl Net {
    /// The same, as somebody whom no server knows.
    pub(crate) fn anonymous(&self) -> Net {
        Net {
            guard: self.guard.clone(),
            client: self.client.clone(),
            credentials: Arc::new(NoCredentials),
            known_hosts: self.known_hosts.clone(),
            ssh_keys: SshKeys::new(),
            ssh_program: self.ssh_program.clone(),
            allow_git: self.allow_git,
            allow_file: self.allow_file,
            access: Access::Anonymous,
        }
    }

    /// Whether the repository may be asked for at all.
    pub(crate) fn permit(&self, repo: &RepoUrl) -> Result<(), CheckoutError> {
        let url = repo.to_string();
        let denied = |scheme| {
            Err(CheckoutError::TransportDenied {
                url: url.clone(),
                scheme,
            })
        };
        let refused = |reason: &str| {
            let (url, reason) = (url.clone(), reason.to_owned());
            Err(CheckoutError::Unauthorized { url, reason })
        };
        let anonymous = self.access == Access::Anonymous;
        match repo.transport() {
            Transport::Git if !self.allow_git => denied("git"),
            Transport::File if !self.allow_file => denied("file"),
            Transport::File if anonymous => refused("it is a directory of this machine"),
            // Even without a key of the operator's, ssh would take the user's own.
            Transport::Ssh { .. } if anonymous => refused("ssh lets nobody in without a key"),
            _ => Ok(()),
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
