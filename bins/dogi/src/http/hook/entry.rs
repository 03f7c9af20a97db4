//! What is told of one request to a hook: once, whoever is still there to hear the answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use dogi_job::UnixMillis;
use http::StatusCode;

use crate::hooks::{Delivery, Outcome};
use crate::http::problem::Problem;
use crate::http::{Call, State, forwarded};

/// A request of which it is not told yet what came of it.
pub(super) struct Entry {
    state: Arc<State>,
    began: Instant,
    at: UnixMillis,
    hook: String,
    method: String,
    client: IpAddr,
}

impl Entry {
    pub(super) fn new(state: &Arc<State>, call: &Call, hook: &str) -> Self {
        let peer = call.activity.peer().ip();
        Self {
            state: Arc::clone(state),
            began: Instant::now(),
            at: UnixMillis(crate::unix_now_ms()),
            hook: hook.to_owned(),
            method: call.parts.method.to_string(),
            client: forwarded::client(peer, &call.parts.headers, &state.trusted_proxies),
        }
    }

    /// Who sent it.
    pub(super) fn client(&self) -> IpAddr {
        self.client
    }

    /// Tells that nothing came of it. The reason is for the sender too, and names no values.
    pub(super) fn refused(self, problem: Problem) -> Problem {
        let reason = problem.detail().to_owned();
        self.ends(problem.status(), Outcome::Refused { reason });
        problem
    }

    /// As [`Entry::refused`], where the reason for the sender quotes what was sent.
    pub(super) fn refused_quoting(self, problem: Problem, reason: String) -> Problem {
        self.ends(problem.status(), Outcome::Refused { reason });
        problem
    }

    /// Tells what came of it.
    pub(super) fn ends(self, status: StatusCode, outcome: Outcome) {
        let delivery = Delivery {
            id: uuid::Uuid::now_v7().simple().to_string(),
            at: self.at,
            hook: self.hook,
            method: self.method,
            client: self.client,
            status: status.as_u16(),
            took: self.began.elapsed(),
            outcome,
        };
        log(&delivery);
        self.state.metrics.hooks().answered(delivery.outcome.name());
        self.state.hooks.deliveries.add(delivery);
    }
}

fn log(delivery: &Delivery) {
    let Delivery { hook, id, .. } = delivery;
    let outcome = delivery.outcome.name();
    match &delivery.outcome {
        Outcome::NotTriggered { reason } => {
            tracing::info!(hook, delivery = id, reason, "not triggered");
        }
        Outcome::Refused { reason } => tracing::warn!(hook, delivery = id, reason, "refused"),
        Outcome::Started { run } => tracing::info!(hook, delivery = id, %run, outcome, "triggered"),
        Outcome::Ran {
            exit_code,
            error: None,
        } => {
            tracing::info!(hook, delivery = id, exit_code, outcome, "triggered");
        }
        Outcome::Ran {
            exit_code,
            error: Some(error),
        } => {
            tracing::warn!(hook, delivery = id, exit_code, error, outcome, "triggered");
        }
    }
}
