use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::{
    cgi::{self, Body},
    root::{self, Names, Root},
};
use crate::{Result, background::Background, error::Context, repo::Repo, wait};

/// What the server does wrong, from now on.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Waits before it answers.
    Delay(Duration),
    /// Takes the request and never answers.
    Hang,
    /// Sends the header and so many bytes of the body, and nothing more.
    StallAfter(usize),
    /// Answers with this status and text.
    Status(u16, String),
}

/// A request that the server received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The beginning of the body, as far as it came; at most 16 KiB.
    pub body: Vec<u8>,
    /// The status of the answer; none while it is being worked on.
    pub status: Option<u16>,
}

impl Request {
    fn is_upload_pack(&self) -> bool {
        self.method == "POST" && self.target.ends_with("/git-upload-pack")
    }

    fn is_fetch(&self) -> bool {
        let has = |word: &[u8]| self.body.windows(word.len()).any(|window| window == word);
        self.is_upload_pack() && (has(b"command=fetch") || has(b"want "))
    }
}

/// How much of each request's body is kept.
const BODY_KEPT: usize = 16 * 1024;

/// What an [`HttpServer`] serves, and to whom.
#[derive(Debug, Default)]
pub struct HttpServerBuilder {
    names: Names,
    login: Option<(Option<String>, String)>,
    redirects: BTreeMap<String, String>,
}

impl HttpServerBuilder {
    /// Shows `repo` under a name such as `owner/repo.git`.
    pub fn repo(mut self, name: &str, repo: &Repo) -> Self {
        self.names.add(name, repo);
        self
    }

    /// Asks for basic authentication with this password and any user, as forges do
    /// with tokens.
    pub fn token(mut self, token: &str) -> Self {
        self.login = Some((None, token.to_owned()));
        self
    }

    /// Asks for basic authentication.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((Some(user.to_owned()), password.to_owned()));
        self
    }

    /// Answers requests below `/name` with 302 to the same place below `base`.
    pub fn redirect(mut self, name: &str, base: &str) -> Self {
        self.redirects.insert(name.to_owned(), base.to_owned());
        self
    }

    /// Starts the server on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When git is missing or no port can be had.
    pub async fn start(self) -> Result<HttpServer> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen")?;
        listener.set_nonblocking(true).doing("listen")?;
        let address = listener.local_addr().doing("listen")?;
        let shared = Arc::new(Shared {
            backend: root::helper("git-http-backend")?,
            root: self.names.build()?,
            login: self.login,
            redirects: self.redirects,
            fault: Mutex::new(Fault::None),
            requests: Mutex::default(),
            arrived: AtomicUsize::new(0),
            count: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        let background = Background::start("git over HTTP", move || accept(listener, serving))?;
        Ok(HttpServer {
            address,
            shared,
            _background: background,
        })
    }
}

/// Smart HTTP by `git http-backend`, on loopback, without TLS.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _background: Background,
}

impl HttpServer {
    /// A server that is still to be told what to serve.
    pub fn builder() -> HttpServerBuilder {
        HttpServerBuilder::default()
    }

    /// `http://…` of the repository of that name.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows one more repository.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub fn add(&self, name: &str, repo: &Repo) -> Result<()> {
        self.shared.root.add(name, &repo.git_dir())
    }

    /// Does something wrong with the requests that come from now on.
    pub fn set_fault(&self, fault: Fault) {
        *lock(&self.shared.fault) = fault;
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).values().cloned().collect()
    }

    /// How often refs were listed or objects were asked for.
    pub fn upload_packs(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.is_upload_pack())
            .count()
    }

    /// How often objects were asked for; less than [`upload_packs`](Self::upload_packs)
    /// with protocol 2, where the listing of refs is a request of the same kind.
    pub fn fetches(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.is_fetch())
            .count()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        lock(&self.shared.requests).clear();
        self.shared.count.send_replace(0);
    }

    /// Waits until at least `count` requests arrived.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn wait_for_requests(&self, count: usize) -> Result<()> {
        let what = format!("{count} requests to a git server");
        let enough = || async { (*self.shared.count.borrow() >= count).then_some(()) };
        wait::until(&what, enough).await
    }
}

#[derive(Debug)]
struct Shared {
    backend: PathBuf,
    root: Root,
    login: Option<(Option<String>, String)>,
    redirects: BTreeMap<String, String>,
    fault: Mutex<Fault>,
    requests: Mutex<BTreeMap<usize, Request>>,
    arrived: AtomicUsize,
    count: watch::Sender<usize>,
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((connection, _)) = listener.accept().await {
        // Small answers go out at once; a socket that refuses works all the same.
        let _ = connection.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| Arc::clone(&shared).answer(request));
        let serving = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(connection), service);
        // A connection that ends badly is the client's concern.
        tokio::spawn(async { drop(serving.await) });
    }
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let place = self.record(&parts);
        let response = match self.refuse(&parts).await {
            Some(refusal) => refusal,
            None => self.backend(place, parts, body).await,
        };
        if let Some(request) = lock(&self.requests).get_mut(&place) {
            request.status = Some(response.status().as_u16());
        }
        Ok(response)
    }

    /// Notes a request; the number under which it is found again.
    fn record(&self, parts: &hyper::http::request::Parts) -> usize {
        let place = self.arrived.fetch_add(1, Ordering::Relaxed);
        let mut requests = lock(&self.requests);
        let request = Request {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: Vec::new(),
            status: None,
        };
        requests.insert(place, request);
        self.count.send_replace(requests.len());
        place
    }

    fn record_body(&self, place: usize, data: &[u8]) {
        if let Some(request) = lock(&self.requests).get_mut(&place) {
            let room = BODY_KEPT.saturating_sub(request.body.len());
            request.body.extend(data.iter().take(room));
        }
    }

    /// The answer to a request that git shall not see.
    async fn refuse(&self, parts: &hyper::http::request::Parts) -> Option<Response<Body>> {
        let fault = lock(&self.fault).clone();
        match fault {
            Fault::None | Fault::StallAfter(_) => (),
            Fault::Delay(delay) => tokio::time::sleep(delay).await,
            Fault::Hang => std::future::pending().await,
            Fault::Status(code, text) => return Some(plain(code, text)),
        }
        if let Some(location) = self.moved(&parts.uri.to_string()) {
            let mut response = plain(302, String::new());
            response
                .headers_mut()
                .insert(LOCATION, location.parse().ok()?);
            return Some(response);
        }
        if self.lets_in(&parts.headers) {
            return None;
        }
        let mut response = plain(401, "who are you?\n".into());
        let challenge = hyper::header::HeaderValue::from_static("Basic realm=\"git\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        Some(response)
    }

    fn moved(&self, target: &str) -> Option<String> {
        self.redirects.iter().find_map(|(name, base)| {
            let rest = target.trim_start_matches('/').strip_prefix(name)?;
            Some(format!("{base}{rest}"))
        })
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = &self.login else {
            return true;
        };
        let sent = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let decoded = sent
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((sent_user, sent_password)) = decoded.as_deref().and_then(|t| t.split_once(':'))
        else {
            return false;
        };
        user.as_deref().is_none_or(|user| user == sent_user) && password == sent_password
    }

    async fn backend(
        self: &Arc<Self>,
        place: usize,
        parts: hyper::http::request::Parts,
        body: Incoming,
    ) -> Response<Body> {
        let stall = match *lock(&self.fault) {
            Fault::StallAfter(bytes) => Some(bytes),
            _ => None,
        };
        let shared = Arc::clone(self);
        let record = move |data: &[u8]| shared.record_body(place, data);
        let input = cgi::Input {
            parts,
            body,
            record,
        };
        let answer = cgi::answer(&self.backend, self.root.path(), input, stall).await;
        answer.unwrap_or_else(|e| plain(500, format!("git http-backend: {e}\n")))
    }
}

fn plain(code: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed());
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

pub(super) fn empty() -> Body {
    Empty::new().boxed()
}

/// What is behind these locks is whole at every step, so a panic of another holder
/// changes nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
