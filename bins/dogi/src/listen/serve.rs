//! The accept loop, one task per connection, and the drain.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, Overdue, RequestGuard};
use super::count::{Connections, OpenGuard};
use super::io::ClientIo;
use super::limits::Limits;
use super::refusal;
use super::table::{Place, Table};
use super::tls::Tls;

/// After an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Dead peers are found by the kernel after this and a few probes.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// A request line may be 64 KiB (the longest that HTTP/1 takes here), other headers come on top.
pub(super) const MAX_HEADERS: usize = 128 << 10;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
const H2_PING: Duration = Duration::from_secs(30);
const H2_PONG: Duration = Duration::from_secs(20);
/// What answers requests. Every request carries an `Arc<Activity>` in its extensions.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error = Self::Error> + Unpin + Send + 'static;
    /// What cuts a body off.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// Answers one request. The future and the body are dropped when the client goes away.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// A bound socket. [`Listener::serve`] takes it from there.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
    limits: Limits,
    connections: Connections,
}

impl Listener {
    /// Binds; port 0 takes any free one, see [`Listener::local_addr`].
    ///
    /// # Errors
    /// Whatever the operating system says of the address.
    pub async fn bind(addr: SocketAddr, tls: Option<Tls>, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(addr).await?,
            tls,
            limits,
            connections: Connections::default(),
        })
    }

    /// Counts of its connections, that go on being true while it serves.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// The address that clients can connect to.
    ///
    /// # Errors
    /// Whatever the operating system says of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then accepts no more, lets responses go on for [`Limits::grace`], and
    /// drops what is left. Nothing of it runs on after it returned. Dropping the future stops
    /// accepting, but not the connections there are.
    pub async fn serve<H: Handler>(self, handler: H, stop: CancellationToken) {
        let Self {
            socket,
            tls,
            limits,
            connections,
        } = self;
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
        let tasks = TaskTracker::new();
        if let Some(tls) = tls {
            tasks.spawn(tls.watch(stop.clone()));
        }
        let table = Table::new(limits.max_connections);
        let limits = Arc::new(limits);
        let drop_all = CancellationToken::new();
        while let Some(accepted) = stop.run_until_cancelled(socket.accept()).await {
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    accept_failed(&error).await;
                    continue;
                }
            };
            let activity = Arc::new(Activity::new(peer, acceptor.is_some()));
            let Some(place) = table.enter(Arc::clone(&activity)) else {
                connections.refuse();
                refuse(&stream, acceptor.is_some());
                continue;
            };
            tasks.spawn(
                Connection {
                    activity,
                    place,
                    _open: connections.enter(),
                    limits: Arc::clone(&limits),
                    stop: stop.clone(),
                    drop_all: drop_all.clone(),
                    tasks: tasks.clone(),
                }
                .run(stream, acceptor.clone(), handler.clone()),
            );
        }
        drop(socket);
        tasks.close();
        if tokio::time::timeout(limits.grace, tasks.wait())
            .await
            .is_err()
        {
            tracing::info!(
                connections = tasks.len(),
                "cut off what did not end in time"
            );
            drop_all.cancel();
            tasks.wait().await;
        }
    }
}

async fn accept_failed(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    ) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Says why, if that needs no waiting.
fn refuse(stream: &TcpStream, tls: bool) {
    tracing::debug!("refused a connection: all are busy");
    if !tls {
        // At best effort: a client that can't take 200 bytes at once does without.
        let _ = stream.try_write(busy().as_bytes());
    }
}

fn busy() -> String {
    refusal::answer(
        "503",
        "Service Unavailable",
        "too many connections; try again in 5 s",
    )
}

/// Spawns what HTTP/2 needs beside its connection, so that a drain waits for it.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

struct Connection {
    activity: Arc<Activity>,
    place: Place,
    _open: OpenGuard,
    limits: Arc<Limits>,
    stop: CancellationToken,
    drop_all: CancellationToken,
    tasks: TaskTracker,
}

impl Connection {
    /// The whole life of one connection; whatever ends it first drops the rest.
    async fn run<H: Handler>(self, stream: TcpStream, tls: Option<TlsAcceptor>, handler: H) {
        let peer = self.activity.peer();
        let life = async {
            set_options(&stream);
            match tls {
                None => self.http(stream, handler).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => self.http(stream, handler).await,
                    Err(error) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                },
            }
        };
        // On the heap: the state of a connection is some kilobytes, and `select!` would copy it.
        tokio::select! {
            () = Box::pin(life) => {}
            overdue = self.activity.overdue(&self.limits) => match overdue {
                Overdue::FirstRequest => tracing::debug!(%peer, "closed: no request in time"),
                Overdue::Idle => tracing::trace!(%peer, "closed: idle"),
                Overdue::WriteStall => tracing::info!(%peer, "closed: it takes nothing"),
            },
            () = self.place.evicted() => tracing::debug!(%peer, "closed: somebody else needs the place"),
            () = self.drop_all.cancelled() => {}
        }
    }

    async fn http<S, H>(&self, stream: S, handler: H)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Handler,
    {
        let io = ClientIo::new(stream, Arc::clone(&self.activity), self.limits.linger);
        let service = service_fn(|mut request: Request<Incoming>| {
            let multiplexed = request.version() == Version::HTTP_2;
            let mut guard = self.activity.request(multiplexed);
            request.extensions_mut().insert(Arc::clone(&self.activity));
            let handler = handler.clone();
            async move {
                let answer = handler.handle(request).await;
                guard.answered();
                Ok::<_, std::convert::Infallible>(answer.map(|body| Guarded { body, guard }))
            }
        });
        let builder = protocol(self.tasks.clone());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.activity.peer(), %error, "connection ended");
        }
    }
}

fn protocol(tasks: TaskTracker) -> auto::Builder<Tracked> {
    let mut builder = auto::Builder::new(Tracked(tasks));
    builder
        .http1()
        // Headers are timed by the supervisor of the connection, preface and all.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADERS)
        .timer(TokioTimer::new())
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS as u32)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PONG)
        .timer(TokioTimer::new());
    builder
}

fn set_options(stream: &TcpStream) {
    // Both only make things better: a socket that refuses them works all the same.
    let _ = stream.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(TCP_KEEPALIVE);
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// A response's body; the request is over when it is dropped.
struct Guarded<B> {
    body: B,
    guard: RequestGuard,
}

impl<B: Body + Unpin> Body for Guarded<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.guard.took(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
