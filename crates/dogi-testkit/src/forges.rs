//! The part of forges that takes commit statuses: it checks what they check, refuses what they refuse,
//! and records in order what it was told.
//!
//! What it knows of each forge is in its documentation: GitHub's [commit statuses] and [rate limits],
//! Gitea's `repoCreateStatus`, GitLab's [set the pipeline status of a commit].
//!
//! [commit statuses]: https://docs.github.com/en/rest/commits/statuses
//! [rate limits]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
//! [set the pipeline status of a commit]: https://docs.gitlab.com/api/commits/#set-commit-pipeline-status

use std::{
    collections::{BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::{Result, background::Background, error::Context, wait};

mod rules;

/// Which forge is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GitHub.
    GitHub,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    GitLab,
}

/// What the forge does once, instead of answering as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This status and a message; nothing is recorded.
    Status(u16),
    /// This status, with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// 403 with a used-up limit that ends at this unix time.
    LimitUntil(u64),
    /// It takes the status, and closes the connection without saying so.
    TakeAndClose,
}

/// A status that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// The repository, `owner/name`.
    pub repo: String,
    /// The commit.
    pub commit: String,
    /// The state in the forge's own word.
    pub state: String,
    /// What it is about.
    pub context: String,
    /// The words for people.
    pub description: String,
    /// What it links to.
    pub target_url: Option<String>,
}

/// A forge on loopback.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use dogi_testkit::forges::{Fault, Forge, Kind};
/// let forge = Forge::start(Kind::GitLab, "sesame", &["group/sub/app"]).await?;
/// assert!(forge.api().ends_with("/api/v4"));
/// forge.once(Fault::RetryAfter(429, 2));
/// assert!(forge.told().is_empty());
/// # Ok(()) })
/// # }
/// ```
#[derive(Debug)]
pub struct Forge {
    address: SocketAddr,
    shared: Arc<Shared>,
    _background: Background,
}

#[derive(Debug)]
struct Shared {
    kind: Kind,
    token: String,
    repos: BTreeSet<String>,
    faults: Mutex<VecDeque<Fault>>,
    told: Mutex<Vec<Told>>,
    requests: Mutex<usize>,
}

/// A status and a body, or nothing at all.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Forge {
    /// A forge that has these repositories, and takes statuses from whoever has the token.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(kind: Kind, token: &str, repos: &[&str]) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen")?;
        listener.set_nonblocking(true).doing("listen")?;
        let address = listener.local_addr().doing("listen")?;
        let shared = Arc::new(Shared {
            kind,
            token: token.to_owned(),
            repos: repos.iter().map(|&repo| repo.to_owned()).collect(),
            faults: Mutex::default(),
            told: Mutex::default(),
            requests: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let background = Background::start("forge", move || accept(listener, serving))?;
        Ok(Self {
            address,
            shared,
            _background: background,
        })
    }

    /// Where its API begins, without a slash at the end.
    pub fn api(&self) -> String {
        format!("http://{}{}", self.address, self.shared.kind.base())
    }

    /// Goes wrong once; several of these one after the other.
    pub fn once(&self, fault: Fault) -> &Self {
        lock(&self.shared.faults).push_back(fault);
        self
    }

    /// What it took so far, in order.
    pub fn told(&self) -> Vec<Told> {
        lock(&self.shared.told).clone()
    }

    /// How many requests came so far, whatever became of them.
    pub fn requests(&self) -> usize {
        *lock(&self.shared.requests)
    }

    /// Waits until it has taken so many statuses, and tells them all.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping it.
    pub async fn wait_for(&self, count: usize) -> Result<Vec<Told>> {
        let what = format!("{count} commit statuses");
        wait::until(&what, || async {
            let told = self.told();
            (told.len() >= count).then_some(told)
        })
        .await
    }
}

impl Kind {
    fn base(self) -> &'static str {
        match self {
            Self::GitHub => "",
            Self::Gitea => "/api/v1",
            Self::GitLab => "/api/v4",
        }
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((connection, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| serve(Arc::clone(&shared), request));
        let serving = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(connection), service);
        // A connection that ends badly is the client's concern.
        tokio::spawn(async { drop(serving.await) });
    }
}

/// An error ends the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("nothing is answered")]
struct Silence;

async fn serve(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Silence> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Silence)?.to_bytes();
    *lock(&shared.requests) += 1;
    let fault = lock(&shared.faults).pop_front();
    let answer = match fault {
        None => shared.take(&parts, &body),
        Some(Fault::TakeAndClose) => {
            shared.take(&parts, &body);
            return Err(Silence);
        }
        Some(fault) => fault.answer(),
    };
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", "application/json");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body.to_string()));
    response.body(body).map_err(|_| Silence)
}

impl Shared {
    fn take(&self, request: &hyper::http::request::Parts, body: &[u8]) -> Answer {
        let mut told = lock(&self.told);
        match rules::check(self, request, body, &told) {
            Ok(new) => {
                let answer = Answer::new(201, serde_json::json!({"state": new.state}));
                told.push(new);
                answer
            }
            Err(refusal) => refusal,
        }
    }
}

impl Fault {
    fn answer(self) -> Answer {
        let limited = "You have exceeded a rate limit";
        let (status, headers, message) = match self {
            Self::Status(status) => (status, vec![], "out of order"),
            Self::RetryAfter(status, seconds) => {
                (status, vec![("retry-after", seconds.to_string())], limited)
            }
            Self::LimitUntil(time) => (
                403,
                vec![
                    ("x-ratelimit-remaining", "0".to_owned()),
                    ("x-ratelimit-reset", time.to_string()),
                ],
                limited,
            ),
            Self::TakeAndClose => (500, vec![], "out of order"),
        };
        let mut answer = Answer::message(status, message);
        answer.headers = headers;
        answer
    }
}

impl Answer {
    fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    fn message(status: u16, message: &str) -> Self {
        Self::new(status, serde_json::json!({"message": message}))
    }
}

/// What is behind these locks is whole at every step, so a panic of another holder
/// changes nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
