//! `/hooks/{id}`: a request, the hook's rules, what follows, and the answer, all as the `webhook`
//! server has them where `docs/hooks.md` says nothing else.

mod answer;
mod background;
mod entry;
mod judge;
mod place;
mod wait;

use std::sync::Arc;

use dogi_hooks::incoming::{Hook, Output, Prepared};
use http::{Response, StatusCode};

use super::body::Body;
use super::problem::Problem;
use super::{Call, State};
use crate::hooks::{Loaded, Outcome};

use answer::text;
use entry::Entry;
use judge::Judged;

pub(super) use background::rerun;

const NOT_FOUND: &str = "Hook not found.";
const NOT_SATISFIED: &str = "Hook rules were not satisfied.";

/// A request to a hook that there is, and all hooks as they were when it came.
#[derive(Clone)]
struct Case {
    loaded: Arc<Loaded>,
    id: String,
}

impl Case {
    fn hook(&self) -> &Hook {
        let hook = self.loaded.hooks.get(&self.id);
        hook.expect(
            "a case is made of a hook that was found, and holds all hooks as they were then",
        )
    }
}

/// Answers a request to a hook.
pub(super) async fn answer(
    state: &Arc<State>,
    call: &mut Call,
    id: &str,
) -> Result<Response<Body>, Problem> {
    if let Some(moved) = place::moved(id, call.parts.uri.query()) {
        return Ok(moved);
    }
    let loaded = state.hooks.current();
    let Some(hook) = loaded.hooks.get(id) else {
        return Ok(text(StatusCode::NOT_FOUND, NOT_FOUND));
    };
    let entry = Entry::new(state, call, id);
    let methods = hook.methods();
    if !methods.is_empty() && !methods.contains(&call.parts.method) {
        let reason = format!("{} is not among http-methods", call.parts.method);
        let answer = answer::method_not_allowed(methods);
        entry.ends(answer.status(), Outcome::Refused { reason });
        return Ok(answer);
    }
    let id = id.to_owned();
    let case = Case { loaded, id };
    let judged = match judge::judge(state, call, &case, entry.client()).await {
        Ok(judged) => judged,
        Err(problem) => return Err(entry.refused(problem)),
    };
    Box::pin(follow(state, call, case, entry, judged)).await
}

/// What follows from the rules.
async fn follow(
    state: &Arc<State>,
    call: &mut Call,
    case: Case,
    entry: Entry,
    judged: Judged,
) -> Result<Response<Body>, Problem> {
    let (prepared, permit) = match judged {
        Judged::Triggered(prepared, permit) => (prepared, permit),
        Judged::NotTriggered { status, reason } => {
            entry.ends(status, Outcome::NotTriggered { reason });
            return Ok(text(status, NOT_SATISFIED));
        }
    };
    let command = match prepared {
        Prepared::Job(job) => return background::job(state, call, &case, entry, &job).await,
        Prepared::Command(command) => command,
    };
    for warning in &command.warnings {
        tracing::warn!(hook = case.id, "{warning}");
    }
    match case.hook().response().output {
        Output::Background => background::command(state, case, entry, command, permit).await,
        Output::Included { on_error } => {
            wait::captured(state, case, entry, command, permit, on_error).await
        }
        Output::Streamed => wait::streamed(state, call, case, entry, command, permit).await,
    }
}
