//! A way to the Docker engine that can be cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    net::{TcpListener, UnixStream},
    task::JoinSet,
};

/// The engine's socket as a TCP port on loopback; every connection breaks when it is dropped.
#[derive(Debug)]
pub(crate) struct EngineProxy {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl EngineProxy {
    pub(crate) async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("it listens");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut engine) = UnixStream::connect("/var/run/docker.sock").await {
                        // One of them has gone away: that is the end of it.
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
                    }
                });
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }
}
