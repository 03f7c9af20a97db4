//! One connection per request, over whatever the endpoint says.
//!
//! A pool would save a fraction of a millisecond on a local socket and cost the certainty which
//! request a broken connection belonged to: connections that the engine closed while idle look like
//! failed requests. So each request connects, and "can't connect" and "went away" are told apart.

mod io;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bollard::BollardRequest;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::endpoint::{Address, ConnectError, Endpoint};
use crate::error::NotConnected;
use io::{BoxedIo, Killable};

/// A machine that vanishes without a word would be waited for until the end of days: whole runs pass
/// without a byte from the engine. So it is asked for a sign of life, and missed after half a minute.
fn keepalive() -> socket2::TcpKeepalive {
    socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3)
}

/// Makes connections and sends one request over each.
#[derive(Clone)]
pub(crate) struct Transport {
    address: Address,
    tls: Option<(TlsConnector, rustls::pki_types::ServerName<'static>)>,
    connect_timeout: Duration,
    /// When cancelled, every connection made through this value breaks, upgraded ones included.
    kill: Option<CancellationToken>,
    /// Appended to the query of `POST /build`; the client library has no field for it.
    build_id: Option<Arc<str>>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Transport, ConnectError> {
        let address = endpoint.address()?;
        let tls = match &address {
            Address::Tcp { host, .. } if endpoint.uses_tls() => {
                Some(tls::connector(endpoint, host)?)
            }
            _ => None,
        };
        Ok(Transport {
            address,
            tls,
            connect_timeout: endpoint.timeout,
            kill: None,
            build_id: None,
        })
    }

    /// The same, with connections that break when `kill` is cancelled, for the build `id`.
    pub(crate) fn for_build(&self, kill: CancellationToken, id: &str) -> Transport {
        Transport {
            kill: Some(kill),
            build_id: Some(id.into()),
            ..self.clone()
        }
    }

    /// Host and port for the `Host` header.
    pub(crate) fn authority(&self) -> String {
        match &self.address {
            Address::Unix(_) => "localhost".to_owned(),
            Address::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Address::Tcp { host, port } => format!("{host}:{port}"),
        }
    }

    async fn open(&self) -> std::io::Result<BoxedIo> {
        let io: BoxedIo = match &self.address {
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Address::Tcp { host, port } => {
                let tcp = TcpStream::connect((host.as_str(), *port)).await?;
                tcp.set_nodelay(true)?;
                socket2::SockRef::from(&tcp).set_tcp_keepalive(&keepalive())?;
                match &self.tls {
                    None => Box::new(tcp),
                    Some((connector, name)) => {
                        Box::new(connector.connect(name.clone(), tcp).await?)
                    }
                }
            }
        };
        Ok(match &self.kill {
            None => io,
            Some(kill) => Box::new(Killable::new(io, kill)),
        })
    }

    async fn connect(&self) -> std::io::Result<BoxedIo> {
        tokio::time::timeout(self.connect_timeout, self.open())
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(NotConnected::wrap)
    }

    /// Sends a request and gives the beginning of the answer. Dropping the future, or the body of
    /// the answer, closes the connection.
    pub(crate) async fn send(
        &self,
        request: BollardRequest,
    ) -> Result<http::Response<Incoming>, bollard::errors::Error> {
        let request = self.prepare(request)?;
        let io = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        let mut driver = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
        tokio::select! {
            biased;
            response = sender.send_request(request) => {
                let response = response?;
                // From here on the answer's body keeps the connection alive, and drops it.
                drop(driver.detach());
                Ok(response)
            }
            ended = &mut driver => Err(match ended {
                Ok(Err(err)) => err.into(),
                _ => std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
            }),
        }
    }

    /// Requests come with an absolute URI; HTTP/1.1 to a server wants the path, and a host.
    fn prepare(&self, request: BollardRequest) -> Result<BollardRequest, bollard::errors::Error> {
        let (mut parts, body) = request.into_parts();
        let mut target = parts
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string);
        if let (Some(id), true) = (&self.build_id, parts.uri.path() == "/build") {
            target.push_str(if target.contains('?') {
                "&buildid="
            } else {
                "?buildid="
            });
            target.push_str(id);
        }
        parts.uri = target.parse()?;
        let host = http::HeaderValue::try_from(self.authority()).map_err(http::Error::from)?;
        parts.headers.insert(http::header::HOST, host);
        Ok(BollardRequest::from_parts(parts, body))
    }
}
