//! The deliverer that posts to callback URLs.

use std::{fmt, sync::Arc};

use dogi_hooks::{
    Attempt, Callback, CallbackHeaders, Exchange, FailureKind, MessageId, Next, RetryPolicy,
    Sender, random,
};
use dogi_job::{CallbackExchange, CallbackRequest, RunStatus};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::ports::{Attempted, Deliverer, Delivery};

/// What a callback says of a run: the links in it are the server's business.
pub type Payload = Arc<dyn Fn(&RunStatus) -> Value + Send + Sync>;

/// Posts to callback URLs, with the headers that the operator adds.
pub struct CallbackDeliverer {
    sender: Sender,
    headers: CallbackHeaders,
    policy: RetryPolicy,
    payload: Payload,
}

impl CallbackDeliverer {
    /// Posts what `payload` makes of a status.
    pub fn new(sender: Sender, headers: CallbackHeaders, payload: Payload) -> Self {
        Self {
            sender,
            headers,
            policy: RetryPolicy::default(),
            payload,
        }
    }

    async fn attempt(&self, delivery: Delivery<'_>, cancel: &CancellationToken) -> Attempted {
        let data = (self.payload)(delivery.status);
        let url = delivery.callback.url.as_str();
        let prepared = self.prepare(delivery.id, url, &data);
        let callback = match prepared {
            Ok(callback) => callback,
            Err(reason) => return refused(url, data, reason),
        };
        let attempt = match self.sender.attempt(&callback, cancel).await {
            Ok(attempt) => attempt,
            Err(cancelled) => Attempt::failed(FailureKind::Broken, cancelled.to_string()),
        };
        let next = self.policy.next(
            delivery.attempt + 1,
            delivery.since_first,
            &attempt,
            random(),
        );
        Attempted {
            accepted: attempt.is_success(),
            retry_in: match next {
                Next::RetryAfter(delay) if !attempt.is_success() => Some(delay),
                _ => None,
            },
            exchange: exchange(&callback, &attempt, data),
        }
    }

    fn prepare(&self, id: &str, url: &str, data: &Value) -> Result<Callback, String> {
        let id: MessageId = id
            .parse()
            .map_err(|error: dogi_hooks::MessageIdError| error.to_string())?;
        let callback =
            Callback::new(url, id, data.to_string()).map_err(|error| error.to_string())?;
        Ok(callback.with_headers(self.headers.clone()))
    }
}

/// The exchange as it is recorded.
fn exchange(callback: &Callback, attempt: &Attempt, data: Value) -> CallbackExchange {
    let exchange = Exchange::new(callback, attempt);
    serde_json::to_value(&exchange)
        .and_then(serde_json::from_value)
        .unwrap_or_else(|error| broken(callback.url().as_str(), data, error.to_string()))
}

fn refused(url: &str, data: Value, reason: String) -> Attempted {
    Attempted {
        exchange: broken(url, data, reason),
        accepted: false,
        retry_in: None,
    }
}

fn broken(url: &str, data: Value, reason: String) -> CallbackExchange {
    let request = CallbackRequest {
        url: url.to_owned(),
        method: "POST".to_owned(),
        data,
    };
    CallbackExchange {
        request,
        response: None,
        error: Some(reason),
    }
}

impl Deliverer for CallbackDeliverer {
    fn deliver<'a>(
        &'a self,
        delivery: Delivery<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Attempted> {
        self.attempt(delivery, cancel).boxed()
    }
}

impl fmt::Debug for CallbackDeliverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackDeliverer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
