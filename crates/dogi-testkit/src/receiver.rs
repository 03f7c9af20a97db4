//! A receiver of HTTP requests that records them and answers as told.
//!
//! It speaks HTTP/1.1 by itself, one request a connection, so that it can also
//! answer in ways that no HTTP library would.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

use crate::{Error, Result, background::Background, error::Context, wait};

mod answer;
mod read;

pub use answer::Answer;

/// A request as it came.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Names and values of the header fields, in order, as sent.
    pub headers: Vec<(String, String)>,
    /// The body, without its chunks' framing.
    pub body: Vec<u8>,
}

impl Request {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first value of a header field, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Records requests on a free port of loopback.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use dogi_testkit::receiver::{Answer, Receiver};
/// let mut receiver = Receiver::start().await?;
/// receiver.answer(Answer::status(503).header("Retry-After", "1"));
/// receiver.answer(Answer::status(204));
/// # Ok(()) })
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    script: Arc<Script>,
    requests: mpsc::UnboundedReceiver<Request>,
    _background: Background,
}

impl Receiver {
    /// A receiver that answers 200 until it is told otherwise.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// As [`start`](Self::start), at an address of the caller's choice.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub async fn start_at(address: SocketAddr) -> Result<Self> {
        let listener = std::net::TcpListener::bind(address).doing("listen")?;
        listener.set_nonblocking(true).doing("listen")?;
        let address = listener.local_addr().doing("listen")?;
        let script = Arc::new(Script {
            next: Mutex::default(),
            after: Mutex::new(Answer::status(200)),
        });
        let (sender, requests) = mpsc::unbounded_channel();
        let told = Arc::clone(&script);
        let background = Background::start("receiver", move || async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                return;
            };
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, sender.clone(), Arc::clone(&told)));
            }
        })?;
        Ok(Self {
            address,
            script,
            requests,
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

    /// Adds an answer to the script; each is given once, in order.
    pub fn answer(&self, answer: Answer) -> &Self {
        lock(&self.script.next).push_back(answer);
        self
    }

    /// The answer that is given when the script has none.
    pub fn always(&self, answer: Answer) -> &Self {
        *lock(&self.script.after) = answer;
        self
    }

    /// The next request, in the order of arrival; it was received whole, but may not
    /// be answered yet.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when none comes.
    ///
    /// # Cancel safety
    ///
    /// No request is lost by dropping the future.
    pub async fn next(&mut self) -> Result<Request> {
        let limit = wait::DEADLINE;
        let next = tokio::time::timeout(limit, self.requests.recv()).await;
        let what = || "a request to a receiver".to_owned();
        next.ok().flatten().ok_or_else(|| Error::Timeout {
            what: what(),
            limit,
        })
    }

    /// The next request if it is there already.
    pub fn try_next(&mut self) -> Option<Request> {
        self.requests.try_recv().ok()
    }

    /// Every request that is there already and was not taken yet.
    pub fn drain(&mut self) -> Vec<Request> {
        std::iter::from_fn(|| self.try_next()).collect()
    }
}

#[derive(Debug)]
struct Script {
    next: Mutex<VecDeque<Answer>>,
    after: Mutex<Answer>,
}

impl Script {
    fn take(&self) -> Answer {
        let scripted = lock(&self.next).pop_front();
        scripted.unwrap_or_else(|| lock(&self.after).clone())
    }
}

async fn serve(
    mut connection: TcpStream,
    requests: mpsc::UnboundedSender<Request>,
    script: Arc<Script>,
) {
    let Ok(Some(request)) = read::request(&mut connection).await else {
        return;
    };
    let head_only = request.method == "HEAD";
    let answer = script.take();
    // Nobody is interested any more when the receiver is being dropped.
    let _ = requests.send(request);
    // A client that went away has seen enough.
    let _ = answer.give(&mut connection, head_only).await;
    let _ = connection.shutdown().await;
    read::rest(&mut connection).await;
}

/// What is behind these locks is whole at every step, so a panic of another holder
/// changes nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
