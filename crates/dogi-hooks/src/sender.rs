use std::{
    error::Error,
    time::{Duration, Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use dogi_egress::{Denied, Http};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use reqwest::redirect;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use crate::{
    Answer, Attempt, Callback, Cancelled, Data, FailureKind, Next, RetryPolicy, Signer, retry_after,
};

/// How callbacks are sent.
#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// How long one attempt may take, from resolving the name to the answer's end.
    pub timeout: Duration,
    /// How many bytes of an answer are read.
    pub max_answer: usize,
    /// Signs every message.
    pub signer: Option<Signer>,
}

/// 30 seconds, 1 MiB, no signature.
impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_answer: 1024 * 1024,
            signer: None,
        }
    }
}

/// No client can be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made")]
pub struct SenderError(#[source] reqwest::Error);

impl SenderError {
    pub(crate) fn new(source: reqwest::Error) -> Self {
        Self(source)
    }
}

/// What came of a callback after all attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// How often it was sent.
    pub attempts: u32,
    /// What came of it the last time.
    pub last: Attempt,
}

/// Sends callbacks. Cheap to clone.
///
/// Redirects are not followed, connections are not kept: each message is checked
/// against the egress policy when it is sent.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
    options: SenderOptions,
}

impl Sender {
    /// A sender whose connections `http` guards.
    ///
    /// # Errors
    ///
    /// [`SenderError`] when no client can be made.
    pub fn new(http: &Http, options: SenderOptions) -> Result<Self, SenderError> {
        let builder = http.client_builder().redirect(redirect::Policy::none());
        let client = builder
            .pool_max_idle_per_host(0)
            .build()
            .map_err(SenderError)?;
        Ok(Self { client, options })
    }

    /// Sends a callback until it is taken, or `policy` gives up. `told` hears of each
    /// attempt and of what will be done after it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] once nothing is being sent or waited for any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it likewise. The receiver may have had the message:
    /// sent again later, under the same id, it is the same one to it.
    pub async fn deliver(
        &self,
        callback: &Callback,
        policy: &RetryPolicy,
        cancel: &CancellationToken,
        mut told: impl FnMut(&Attempt, Next),
    ) -> Result<Delivered, Cancelled> {
        let begin = Instant::now();
        let mut attempts = 1;
        loop {
            let last = self.attempt(callback, cancel).await?;
            let next = policy.next(attempts, begin.elapsed(), &last, random());
            told(&last, next);
            match next {
                Next::Stop => return Ok(Delivered { attempts, last }),
                Next::RetryAfter(delay) => wait(delay, cancel).await?,
            }
            attempts += 1;
        }
    }

    /// Sends a callback once.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] once the connection is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. The receiver may have had the
    /// message.
    pub async fn attempt(
        &self,
        callback: &Callback,
        cancel: &CancellationToken,
    ) -> Result<Attempt, Cancelled> {
        let limit = self.options.timeout;
        let timed = tokio::time::timeout(limit, self.exchange(callback));
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Cancelled),
            ended = timed => ended,
        };
        Ok(match ended {
            Ok(Ok(answer)) => Attempt::Answered(answer),
            Ok(Err(e)) => failure(e),
            Err(_) => Attempt::failed(
                FailureKind::TimedOut,
                format!("no whole answer within {limit:?}"),
            ),
        })
    }

    async fn exchange(&self, callback: &Callback) -> reqwest::Result<Answer> {
        let now = SystemTime::now();
        let request = self.client.post(callback.url().clone());
        let request = request
            .headers(self.headers(callback, now))
            .body(callback.body().clone());
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        let (body, truncated) = read(&mut response, self.options.max_answer).await?;
        let data = if truncated {
            Data::text(&body)
        } else {
            Data::new(&body)
        };
        Ok(Answer {
            status,
            retry_after,
            data,
            truncated,
        })
    }

    fn headers(&self, callback: &Callback, now: SystemTime) -> HeaderMap {
        let mut headers = callback.headers().as_map().clone();
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        insert(&mut headers, "webhook-id", callback.id().as_str());
        if let Some(signer) = &self.options.signer {
            // The specification's timestamp is that of the attempt.
            let unix = now
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            let signature = signer.sign(callback.id(), unix, callback.body());
            insert(&mut headers, "webhook-timestamp", &unix.to_string());
            insert(&mut headers, "webhook-signature", &signature);
        }
        headers
    }
}

/// The body, as far as it is wanted, and whether there is more.
pub(crate) async fn read(
    response: &mut reqwest::Response,
    limit: usize,
) -> reqwest::Result<(Bytes, bool)> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body.freeze(), true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), false))
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("an id, a number or base64 is visible ASCII");
    headers.insert(name, value);
}

pub(crate) async fn wait(delay: Duration, cancel: &CancellationToken) -> Result<(), Cancelled> {
    tokio::select! {
        () = cancel.cancelled() => Err(Cancelled),
        () = tokio::time::sleep(delay) => Ok(()),
    }
}

fn failure(error: reqwest::Error) -> Attempt {
    let (kind, reason) = why(error);
    Attempt::failed(kind, reason)
}

/// What sort of failure it is, and the reason without the URL.
pub(crate) fn why(error: reqwest::Error) -> (FailureKind, String) {
    if let Some(denied) = Denied::find(&error) {
        return (FailureKind::Denied, denied.to_string());
    }
    // The URL may hold a secret, and whoever reads this knows it.
    let error = error.without_url();
    let (kind, what) = if error.is_timeout() {
        (FailureKind::TimedOut, "no connection in time")
    } else if error.is_connect() {
        (FailureKind::Connect, "cannot connect")
    } else if error.is_builder() {
        (FailureKind::Invalid, "cannot be sent")
    } else {
        (FailureKind::Broken, "the connection broke")
    };
    (kind, format!("{what}: {}", root(&error)))
}

/// The innermost reason: what stands around it only says that there is one.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A number from 0 to 1 for [`RetryPolicy::next`]; without the system's random numbers, the longest
/// wait.
#[must_use]
pub fn random() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
