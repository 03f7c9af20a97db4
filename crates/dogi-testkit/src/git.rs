//! Real git servers on loopback: over HTTP, `git://` and ssh.

mod cgi;
mod daemon;
mod http;
mod root;
mod ssh;

pub use daemon::Daemon;
pub use http::{Fault, HttpServer, HttpServerBuilder, Request};
pub use ssh::{SshServer, SshServerBuilder};
