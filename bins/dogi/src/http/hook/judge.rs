//! From a request as it came to what the hook makes of it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use dogi_hooks::incoming::{CommandError, Hook, Prepared, Received, Request};
use http::StatusCode;

use super::Case;
use crate::hooks::{BodyPermit, is_large, launch};
use crate::http::problem::Problem;
use crate::http::{Call, State, input};

/// What a hook makes of a request.
pub(super) enum Judged {
    /// It runs. What was prepared takes memory, for which the permit is to be held.
    Triggered(Prepared, BodyPermit),
    NotTriggered {
        status: StatusCode,
        /// Which rule, and why.
        reason: String,
    },
}

/// Reads the body and asks the rules.
pub(super) async fn judge(
    state: &Arc<State>,
    call: &mut Call,
    case: &Case,
    client: IpAddr,
) -> Result<Judged, Problem> {
    let service = &state.hooks;
    let mut permit = BodyPermit::default();
    let body = match call.body.take() {
        None => Bytes::new(),
        Some(body) => {
            let room = |more| service.room.take(&mut permit, more);
            input::read_within(body, service.max_body, &call.activity, room).await?
        }
    };
    let received = Received {
        method: call.parts.method.clone(),
        headers: call.parts.headers.clone(),
        query: call.parts.uri.query().unwrap_or_default().to_owned(),
        peer: call.activity.peer(),
        client,
        body,
        at: crate::unix_now(),
    };
    let verdict = match is_large(received.body.len()) {
        false => of_hook(case.hook(), received)?,
        true => beside(state, case, received, permit).await?,
    };
    match verdict {
        Verdict::NotTriggered { status, reason } => Ok(Judged::NotTriggered { status, reason }),
        Verdict::Triggered(prepared) => {
            // The body is gone; what was taken out of it stays, perhaps for long.
            let mut permit = BodyPermit::default();
            let size = match &prepared {
                Prepared::Command(command) => launch::size(command),
                Prepared::Job(_) => 0,
            };
            match service.room.take(&mut permit, size) {
                true => Ok(Judged::Triggered(prepared, permit)),
                false => Err(Problem::unavailable(
                    "too many large requests wait for their commands at once",
                )),
            }
        }
    }
}

enum Verdict {
    Triggered(Prepared),
    NotTriggered { status: StatusCode, reason: String },
}

/// Looks at a large body where that holds nobody up.
async fn beside(
    state: &Arc<State>,
    case: &Case,
    received: Received,
    permit: BodyPermit,
) -> Result<Verdict, Problem> {
    let turn = state.hooks.room.look_at_large().await;
    let case = case.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let verdict = of_hook(case.hook(), received);
        drop((turn, permit));
        verdict
    });
    looking.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request to a hook broke off");
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request can't be looked at: a fault of dogi",
        ))
    })
}

/// Pure.
fn of_hook(hook: &Hook, received: Received) -> Result<Verdict, Problem> {
    let request = Request::read(received, hook.shape()).map_err(|error| {
        let status = match error.is_too_much() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, crate::chain(&error))
    })?;
    let verdict = hook.evaluate(&request);
    if let Some(reason) = verdict.reason() {
        return Ok(Verdict::NotTriggered {
            status: hook.mismatch_status(&verdict),
            reason: reason.to_string(),
        });
    }
    let prepared = hook.command(&request);
    prepared
        .map(Verdict::Triggered)
        .map_err(|error: CommandError| Problem::bad_request(error.to_string()))
}
