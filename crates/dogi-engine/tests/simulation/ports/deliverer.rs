//! Calls back, to a receiver that refuses, breaks and hangs.

use std::time::Duration;

use dogi_engine::ports::{Attempted, Deliverer, Delivery};
use dogi_job::{CallbackExchange, CallbackRequest, CallbackResponse};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Ports;
use crate::world::{Received, State};

/// Tries after which a callback is given up.
const MOST: u32 = 8;

/// What becomes of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    /// The receiver has it, but its answer is lost.
    AcceptedUnheard,
    Busy,
    Broken,
    Unreachable,
    Hangs,
}

impl Fate {
    fn random(state: &mut State) -> Self {
        if !state.receiver_fails() {
            return Self::Accepted;
        }
        state.chance.pick(&[
            Self::AcceptedUnheard,
            Self::Busy,
            Self::Busy,
            Self::Busy,
            Self::Broken,
            Self::Unreachable,
            Self::Hangs,
        ])
    }

    fn arrives(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Hangs)
    }

    fn status(self) -> Option<u16> {
        match self {
            Self::Accepted => Some(200),
            Self::Busy => Some(503),
            Self::Broken => Some(500),
            Self::AcceptedUnheard | Self::Unreachable | Self::Hangs => None,
        }
    }
}

impl Ports {
    async fn call(&self, delivery: Delivery<'_>) -> Attempted {
        let receive = |state: &mut State| {
            let fate = Fate::random(state);
            if fate.arrives() {
                let received = Received {
                    id: delivery.id.to_owned(),
                    run: delivery.status.run.clone(),
                    state: delivery.status.state,
                    accepted: matches!(fate, Fate::Accepted | Fate::AcceptedUnheard),
                };
                state.receiver.received.push(received);
            }
            let name = state.name(&delivery.status.run);
            state.note(format!("{name} called back: {fate:?}"));
            (fate, state.chance.between(1, 40_000))
        };
        let (fate, wait) = self.0.act("call back", receive).await;
        if fate == Fate::Hangs {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        let again = fate != Fate::Broken && delivery.attempt + 1 < MOST;
        Attempted {
            exchange: exchange(delivery.callback.url.as_str(), fate),
            accepted: fate == Fate::Accepted,
            retry_in: (again && fate != Fate::Accepted).then(|| Duration::from_millis(wait)),
        }
    }
}

fn exchange(url: &str, fate: Fate) -> CallbackExchange {
    CallbackExchange {
        request: CallbackRequest {
            url: url.to_owned(),
            method: "POST".to_owned(),
            data: Value::Null,
        },
        response: fate.status().map(|status| CallbackResponse {
            status,
            data: Value::Null,
        }),
        error: fate.status().is_none().then(|| "no answer".to_owned()),
    }
}

impl Deliverer for Ports {
    fn deliver<'a>(
        &'a self,
        delivery: Delivery<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Attempted> {
        async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Attempted {
                    exchange: exchange(delivery.callback.url.as_str(), Fate::Unreachable),
                    accepted: false,
                    retry_in: None,
                },
                attempted = self.call(delivery) => attempted,
            }
        }
        .boxed()
    }
}
