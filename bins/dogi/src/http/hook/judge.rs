//! From a request as it came to what the hook makes of it.

use std::sync::Arc;

use bytes::Bytes;
use dogi_hooks::incoming::{CommandError, Hook, Prepared, Received, Request};
use http::StatusCode;

use super::Case;
use crate::hooks::{BodyPermit, is_large};
use crate::http::problem::Problem;
use crate::http::{Call, State, forwarded, input};

/// What a hook makes of a request.
pub(super) enum Judged {
    Triggered(Prepared),
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
    let peer = call.activity.peer();
    let received = Received {
        method: call.parts.method.clone(),
        headers: call.parts.headers.clone(),
        query: call.parts.uri.query().unwrap_or_default().to_owned(),
        peer,
        client: forwarded::client(peer.ip(), &call.parts.headers, &state.trusted_proxies),
        body,
        at: crate::unix_now(),
    };
    if !is_large(received.body.len()) {
        return of_hook(case.hook(), received);
    }
    let turn = service.room.look_at_large().await;
    let (hooks, id) = (case.hooks.clone(), case.id.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let judged = hooks.get(&id).map(|hook| of_hook(hook, received));
        drop((turn, permit));
        judged
    });
    match looking.await {
        Ok(Some(judged)) => judged,
        _ => Err(Problem::unavailable("the server is stopping")),
    }
}

/// Pure.
fn of_hook(hook: &Hook, received: Received) -> Result<Judged, Problem> {
    let request = Request::read(received, hook.shape()).map_err(|error| {
        let status = match error.is_too_much() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, crate::chain(&error))
    })?;
    let request = &request;
    let verdict = hook.evaluate(request);
    if let Some(reason) = verdict.reason() {
        return Ok(Judged::NotTriggered {
            status: hook.mismatch_status(&verdict),
            reason: reason.to_string(),
        });
    }
    let prepared = hook.command(request);
    prepared
        .map(Judged::Triggered)
        .map_err(|error: CommandError| Problem::bad_request(error.to_string()))
}
