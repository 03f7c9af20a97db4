//! `/hooks/{id}`: a request, the hook's rules, what follows, and the answer, all as the `webhook`
//! server has them where `docs/hooks.md` says nothing else.

mod answer;
mod background;
mod judge;
mod place;
mod wait;

use std::sync::Arc;
use std::time::Instant;

use dogi_engine::RunHandle;
use dogi_hooks::incoming::{Hook, Hooks, Output, Prepared};
use dogi_job::UnixMillis;
use http::{Response, StatusCode};

use super::body::Body;
use super::problem::Problem;
use super::{Call, State, forwarded, show};
use crate::hooks::{Delivery, Outcome};

use answer::text;
use judge::Judged;

pub(super) use background::rerun;

const NOT_FOUND: &str = "Hook not found.";
const NOT_SATISFIED: &str = "Hook rules were not satisfied.";

/// What is known of a request to a hook, besides the request.
struct Case {
    hooks: Arc<Hooks>,
    id: String,
}

impl Case {
    fn hook(&self) -> &Hook {
        let hook = self.hooks.get(&self.id);
        hook.expect(
            "a case is made of a hook that was found, and holds all hooks as they were then",
        )
    }
}

/// An answer, and what came of the request.
type Answered = Result<(Response<Body>, Outcome), Problem>;

/// Answers a request to a hook.
pub(super) async fn answer(
    state: &Arc<State>,
    call: &mut Call,
    id: &str,
) -> Result<Response<Body>, Problem> {
    if let Some(moved) = place::moved(id, call.parts.uri.query()) {
        return Ok(moved);
    }
    let began = Instant::now();
    let at = UnixMillis(crate::unix_now_ms());
    let hooks = state.hooks.current();
    let Some(hook) = hooks.get(id) else {
        return Ok(text(StatusCode::NOT_FOUND, NOT_FOUND));
    };
    let methods = hook.methods();
    if !methods.is_empty() && !methods.contains(&call.parts.method) {
        return Ok(answer::method_not_allowed(methods));
    }
    let case = Case {
        id: id.to_owned(),
        hooks,
    };
    let answered = Box::pin(respond(state, call, &case)).await;
    let (status, outcome) = match &answered {
        Ok((response, outcome)) => (response.status(), outcome.clone()),
        Err(problem) => {
            let reason = problem.detail().to_owned();
            (problem.status(), Outcome::Refused { reason })
        }
    };
    let peer = call.activity.peer().ip();
    let delivery = Delivery {
        id: uuid::Uuid::now_v7().simple().to_string(),
        at,
        hook: case.id,
        method: call.parts.method.to_string(),
        client: forwarded::client(peer, &call.parts.headers, &state.trusted_proxies),
        status: status.as_u16(),
        took: began.elapsed(),
        outcome,
    };
    tell(&delivery);
    state.metrics.hooks().answered(delivery.outcome.name());
    state.hooks.deliveries.add(delivery);
    answered.map(|(response, _)| response)
}

async fn respond(state: &Arc<State>, call: &mut Call, case: &Case) -> Answered {
    match judge::judge(state, call, case).await? {
        Judged::NotTriggered { status, reason } => Ok((
            text(status, NOT_SATISFIED),
            Outcome::NotTriggered { reason },
        )),
        Judged::Triggered(Prepared::Job(job)) => {
            Box::pin(background::job(state, call, case, &job)).await
        }
        Judged::Triggered(Prepared::Command(command)) => {
            for warning in &command.warnings {
                tracing::warn!(hook = case.id, "{warning}");
            }
            match case.hook().response().output {
                Output::Background => background::command(state, case, command).await,
                Output::Included { on_error } => {
                    wait::captured(state, case, command, on_error).await
                }
                Output::Streamed => wait::streamed(state, call, case, command).await,
            }
        }
    }
}

/// The names of a run in the headers of an answer.
fn name_run(state: &State, response: &mut Response<Body>, run: &RunHandle) {
    show::name_run(state, response, run);
}

fn tell(delivery: &Delivery) {
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
