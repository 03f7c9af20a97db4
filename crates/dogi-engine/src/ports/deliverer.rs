use std::{fmt, time::Duration};

use dogi_job::{CallbackExchange, RunStatus};
use dogi_url::CallbackParams;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Tells results to callback URLs.
pub trait Deliverer: fmt::Debug + Send + Sync {
    /// Tries once. When `cancel` is cancelled it gives up at once, and its result is not looked
    /// at.
    fn deliver<'a>(
        &'a self,
        delivery: Delivery<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Attempted>;
}

/// One try of a callback.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The same for every try, so that the receiver can tell a repetition.
    pub id: &'a str,
    /// Where to.
    pub callback: &'a CallbackParams,
    /// What is told.
    pub status: &'a RunStatus,
    /// Counts from 0.
    pub attempt: u32,
    /// How long ago the first try was; zero for the first.
    pub since_first: Duration,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempted {
    /// What was sent and what came back.
    pub exchange: CallbackExchange,
    /// Whether the answer was 2xx.
    pub accepted: bool,
    /// When to try again; `None`: not at all.
    pub retry_in: Option<Duration>,
}
