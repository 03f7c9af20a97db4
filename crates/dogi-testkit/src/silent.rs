//! A server that accepts connections and never says anything.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::sync::watch;

use crate::{Result, background::Background, error::Context, wait};

/// Accepts every connection, reads nothing, answers nothing, closes nothing until
/// it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepted: watch::Receiver<usize>,
    _background: Background,
}

impl Server {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) when it cannot.
    pub async fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen")?;
        listener.set_nonblocking(true).doing("listen")?;
        let address = listener.local_addr().doing("listen")?;
        let (count, accepted) = watch::channel(0);
        let background = Background::start("silent server", move || async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return;
            };
            let mut held = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                held.push(connection);
                count.send_replace(held.len());
            }
        })?;
        Ok(Self {
            address,
            accepted,
            _background: background,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS/path` for a path that begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Waits until at least `count` connections came.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn wait_for_connections(&self, count: usize) -> Result<()> {
        let what = format!("{count} connections to a silent server");
        let enough = || async { (self.connections() >= count).then_some(()) };
        wait::until(&what, enough).await
    }
}
