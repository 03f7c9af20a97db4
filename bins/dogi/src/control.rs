//! The server's socket for the commands of the same machine: `DATA_DIR/control.sock`.
//!
//! It speaks HTTP/1.1 and has one route, `POST /gc?dry_run=true&all=true` (each may be left out),
//! which answers with a [`CollectReport`] as JSON. Only the user that the server runs as, and
//! root, can connect to it: that takes the place of a signature.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use dogi_engine::Engine;
use dogi_engine::governor::{CollectReport, CollectRequest};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The name of the socket in the data directory.
const NAME: &str = "control.sock";
/// Commands that may wait to be accepted.
const BACKLOG: i32 = 16;
/// A longer report is not read: it has some hundred thousand lines.
const MAX_REPORT: usize = 64 << 20;

/// The socket of a server, which goes with it.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens in a data directory whose lock is held: what stands in the way is an earlier
    /// server's.
    pub(crate) fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Before it has a name: at no time can anybody else connect (unix(7): Linux takes the
        // mode of the socket for that of the file).
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        socket.bind(&SockAddr::unix(&path)?)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = UnixListener::from_std(socket.into())?;
        Ok(Self { listener, path })
    }

    /// Answers until `stop`; what is being answered then is broken off.
    pub(crate) async fn serve(self, engine: Engine, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(talk(stream, engine.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a command");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The next server removes it as well.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn talk(stream: UnixStream, engine: Engine) {
    let service = service_fn(|request| {
        let engine = engine.clone();
        async move { Ok::<_, Infallible>(answer(&request, &engine).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a command went away");
    }
}

async fn answer(request: &Request<Incoming>, engine: &Engine) -> Response<Full<Bytes>> {
    if request.uri().path() != "/gc" {
        return plain(StatusCode::NOT_FOUND, "there is only /gc here");
    }
    if request.method() != Method::POST {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only POST");
        let allowed = http::HeaderValue::from_static("POST");
        answer.headers_mut().insert(header::ALLOW, allowed);
        return answer;
    }
    let request = match parse(request.uri().query().unwrap_or_default()) {
        Ok(request) => request,
        Err(problem) => return plain(StatusCode::BAD_REQUEST, &problem),
    };
    let report = engine.collect(request).await;
    match serde_json::to_vec(&report) {
        Ok(json) => {
            let mut answer = Response::new(Full::from(json));
            let json = http::HeaderValue::from_static("application/json");
            answer.headers_mut().insert(header::CONTENT_TYPE, json);
            answer
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(format!("{text}\n")));
    *answer.status_mut() = status;
    answer
}

fn parse(query: &str) -> Result<CollectRequest, String> {
    let mut request = CollectRequest::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value: bool = value
            .parse()
            .map_err(|_| format!("{name}={value:?}: expected true or false"))?;
        match name {
            "dry_run" => request.dry_run = value,
            "all" => request.everything = value,
            _ => return Err(format!("{name:?} is unknown: there are dry_run and all")),
        }
    }
    Ok(request)
}

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody listens there.
    #[error(
        "the server does not answer on {}: while it starts or stops it takes no commands",
        path.display()
    )]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the server went away before it answered")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refused.
    #[error("the server answered {status}: {text}")]
    Refused {
        /// With which status.
        status: StatusCode,
        /// Its words.
        text: String,
    },
}

/// Asks the server of a data directory to collect.
pub(crate) async fn collect(
    data_dir: &Path,
    request: CollectRequest,
) -> Result<CollectReport, AskError> {
    let path = data_dir.join(NAME);
    let stream = UnixStream::connect(&path)
        .await
        .map_err(|source| AskError::Unreachable { path, source })?;
    let CollectRequest {
        dry_run,
        everything,
    } = request;
    let request = Request::post(format!("/gc?dry_run={dry_run}&all={everything}"))
        .header(header::HOST, "dogi")
        .body(Empty::<Bytes>::new())
        .map_err(broken)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let talking = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_REPORT);
        let bytes = body.collect().await.map_err(AskError::Broken)?.to_bytes();
        if status != StatusCode::OK {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            return Err(AskError::Refused { status, text });
        }
        serde_json::from_slice(&bytes).map_err(broken)
    };
    tokio::select! {
        biased;
        report = talking => report,
        // Ends only when the server is gone; the answer may have come before.
        ended = connection => Err(AskError::Broken(match ended {
            Ok(()) => "the connection was closed".into(),
            Err(error) => error.into(),
        })),
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> AskError {
    AskError::Broken(Box::new(error))
}
