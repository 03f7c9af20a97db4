use std::time::{Duration, Instant, SystemTime};

use dogi_egress::Http;
use reqwest::redirect;
use tokio_util::sync::CancellationToken;

use super::{CommitStatus, StatusApi};
use crate::{
    Cancelled, Next, Outcome, Patience, SenderError, random,
    sender::{read, wait, why},
};

/// How statuses are sent.
#[derive(Debug, Clone)]
pub struct StatusSenderOptions {
    /// How long one attempt may take, from resolving the name to the answer's end.
    pub timeout: Duration,
    /// How many bytes of an answer are read.
    pub max_answer: usize,
}

/// 30 seconds, 64 KiB.
impl Default for StatusSenderOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_answer: 64 * 1024,
        }
    }
}

/// What came of a status after all attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tried {
    /// How often it was sent.
    pub attempts: u32,
    /// What came of it the last time.
    pub last: Outcome,
}

/// Tells forges of statuses. Cheap to clone.
///
/// Redirects are not followed: the token goes to the API that it is for, and nowhere else. The policy
/// of `http` holds here too, so it has to free the [host](StatusApi::host) that the operator named.
#[derive(Debug, Clone)]
pub struct StatusSender {
    client: reqwest::Client,
    options: StatusSenderOptions,
}

impl StatusSender {
    /// A sender whose connections `http` guards.
    ///
    /// # Errors
    ///
    /// [`SenderError`] when no client can be made.
    pub fn new(http: &Http, options: StatusSenderOptions) -> Result<Self, SenderError> {
        let builder = http.client_builder().redirect(redirect::Policy::none());
        let client = builder
            .pool_max_idle_per_host(0)
            .build()
            .map_err(SenderError::new)?;
        Ok(Self { client, options })
    }

    /// Tells a status until it is taken or refused, or `patience` has an end. `told` hears of each
    /// attempt and of what will be done after it.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] once nothing is being sent or waited for any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it likewise. The forge may have heard: telling it again changes
    /// nothing.
    pub async fn deliver(
        &self,
        api: &StatusApi,
        status: &CommitStatus,
        patience: &Patience,
        cancel: &CancellationToken,
        mut told: impl FnMut(&Outcome, Next),
    ) -> Result<Tried, Cancelled> {
        let begin = Instant::now();
        let mut attempts = 1;
        loop {
            let last = self.attempt(api, status, cancel).await?;
            let next = patience.next(attempts, begin.elapsed(), &last, random());
            told(&last, next);
            match next {
                Next::Stop => return Ok(Tried { attempts, last }),
                Next::RetryAfter(delay) => wait(delay, cancel).await?,
            }
            attempts += 1;
        }
    }

    /// Tells a status once.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] once the connection is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. The forge may have heard: telling it again changes
    /// nothing.
    pub async fn attempt(
        &self,
        api: &StatusApi,
        status: &CommitStatus,
        cancel: &CancellationToken,
    ) -> Result<Outcome, Cancelled> {
        let limit = self.options.timeout;
        let timed = tokio::time::timeout(limit, self.exchange(api, status));
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Cancelled),
            ended = timed => ended,
        };
        Ok(match ended {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(e)) => failed(e),
            Err(_) => Outcome::retry(format!("no whole answer within {limit:?}")),
        })
    }

    async fn exchange(&self, api: &StatusApi, status: &CommitStatus) -> reqwest::Result<Outcome> {
        let request = api.request(status);
        let sending = self
            .client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body);
        let mut response = sending.send().await?;
        let (body, _) = read(&mut response, self.options.max_answer).await?;
        let code = response.status().as_u16();
        Ok(api.read(code, response.headers(), &body, SystemTime::now()))
    }
}

fn failed(error: reqwest::Error) -> Outcome {
    let (kind, reason) = why(error);
    if kind.is_worth_repeating() {
        Outcome::retry(reason)
    } else {
        Outcome::refused(reason)
    }
}
