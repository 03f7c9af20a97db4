//! `git://`: neither encrypted nor authenticated, only where the operator allows it.

use std::sync::Arc;

use dogi_url::RepoUrl;
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::blocking_io::Transport as GitTransport;
use gix::protocol::transport::client::git::ConnectMode;
use gix::protocol::transport::client::git::blocking_io::Connection;
use tokio::net::TcpStream;

use super::pipe::{Reader, Writer};
use super::{Failed, Fault, Link, Net};

/// What IANA gave to git.
const PORT: u16 = 9418;

pub(super) fn connect(
    net: &Net,
    repo: &RepoUrl,
    link: &Arc<Link>,
) -> Result<Box<dyn GitTransport>, Failed> {
    let host = repo.host().unwrap_or_default();
    let addresses = net.resolve(host, repo.port().unwrap_or(PORT), link)?;
    let connecting = TcpStream::connect(addresses.as_slice());
    let stream = link.wait(link.limits.connect, "no connection was made", connecting);
    let stream = stream.map_err(|error| {
        link.fail(Fault::Connection {
            reason: error.to_string(),
            source: None,
        });
        Failed
    })?;
    // Requests are small and answered one by one: waiting for more to send only delays them. A
    // socket that refuses works all the same.
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    let reader = std::io::BufReader::with_capacity(
        64 * 1024,
        Reader {
            from,
            link: link.clone(),
        },
    );
    let writer = Writer {
        to,
        link: link.clone(),
    };
    let host = Some((host.to_owned(), repo.port()));
    let path = repo.path();
    let connection = Connection::new(
        reader,
        writer,
        Protocol::V2,
        path,
        host,
        ConnectMode::Daemon,
        false,
    );
    Ok(Box::new(connection))
}
