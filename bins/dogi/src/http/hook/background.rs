//! What goes on after the answer: commands as runs of this machine, and jobs.

use std::sync::Arc;

use dogi_engine::{RunHandle, SubmitError};
use dogi_hooks::incoming::{Command, Hook, Job, Output};
use dogi_job::{HostCommand, Spec};
use dogi_url::{InstanceId, OutputType};
use http::{Response, StatusCode};

use super::answer::{add_headers, text};
use super::{Answered, Case, name_run};
use crate::hooks::{Outcome, job_request, launch};
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::show::{self, View};
use crate::http::{Call, State, accept, history, run};

/// How many wait for a hook that does not say.
const QUEUED: usize = 1000;

/// How many commands of a hook run at once, and how many wait.
pub(super) fn limits(hook: &Hook) -> (usize, usize) {
    let limits = hook.limits();
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let running = limits.max_concurrent.map(|most| most.get() as usize);
    let queued = limits.max_queued.map(|most| most as usize);
    (running.unwrap_or_else(cores), queued.unwrap_or(QUEUED))
}

/// Has the command run by and by: it is on record before the answer.
pub(super) async fn command(state: &Arc<State>, case: &Case, command: Command) -> Answered {
    let hook = case.hook();
    let (running, queued) = limits(hook);
    let host_command = HostCommand {
        name: case.id.clone(),
        running,
        queued,
    };
    let mut spec = Spec::of_command(&state.namespace, host_command);
    spec.limits.timeout = hook.limits().timeout;
    let details = launch::details(command).to_bytes().map_err(|error| {
        let detail = format!("the command can't be kept: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    let run = submit(state, spec, details).await?;
    let response = hook.response();
    let status = response.success.unwrap_or(StatusCode::OK);
    let mut answer = text(status, response.message.clone());
    name_run(state, &mut answer, &run);
    add_headers(&mut answer, hook);
    Ok((
        answer,
        Outcome::Started {
            run: run.id().clone(),
        },
    ))
}

/// In a task of its own: a client that goes away in the middle has started it all the same.
async fn submit(state: &State, spec: Spec, details: Vec<u8>) -> Result<RunHandle, Problem> {
    let engine = state.engine.clone();
    let task = tokio::spawn(async move { engine.submit_command(spec, details).await });
    let submitted: Result<RunHandle, SubmitError> = task.await.map_err(|error| {
        tracing::error!(%error, "a submission broke off");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the submission broke off: a fault of dogi",
        )
    })?;
    Ok(submitted?)
}

/// The same command again.
pub(in crate::http) async fn rerun(state: &State, run: &RunHandle) -> Result<RunHandle, Problem> {
    let details = state.engine.command_details(run).await.map_err(|error| {
        tracing::warn!(run = %run.id(), %error, "what a command was can't be read");
        let detail = format!("what exactly the run {} was is not kept any more", run.id());
        Problem::new(StatusCode::GONE, detail).with("run", run.id().as_str())
    })?;
    submit(state, run.spec().clone(), details).await
}

/// Starts a job, and answers with it: where it is found (202), what it came to, or its log.
pub(super) async fn job(state: &Arc<State>, call: &mut Call, case: &Case, job: &Job) -> Answered {
    let request = job_request(job).map_err(|error| Problem::bad_request(error.to_string()))?;
    run::allow(state, &request)?;
    let instance = InstanceId::new(&state.namespace, &request.repo, request.id.as_ref());
    let (run, lease) = run::start(state, call, &request, &instance).await?;
    let outcome = Outcome::Started {
        run: run.id().clone(),
    };
    let hook = case.hook();
    let view = |output_type| View {
        output: &request.output,
        output_type,
        framing: accept::framing(&call.parts.headers),
        cut_failed: request.on_fail == dogi_url::OnFail::Abort,
        cursor: None,
    };
    let answer = match hook.response().output {
        Output::Background => in_background(state, hook, &run),
        Output::Included { .. } => {
            show::answer(state, &call.activity, run, view(OutputType::Wait), lease).await?
        }
        Output::Streamed => {
            show::answer(state, &call.activity, run, view(OutputType::Stream), lease).await?
        }
    };
    let mut answer = answer;
    add_headers(&mut answer, hook);
    Ok((answer, outcome))
}

fn in_background(state: &State, hook: &Hook, run: &RunHandle) -> Response<Body> {
    let response = hook.response();
    let mut answer = history::accepted(state, run);
    if !response.message.is_empty() {
        answer = text(StatusCode::ACCEPTED, response.message.clone());
        name_run(state, &mut answer, run);
    }
    if let Some(status) = response.success {
        *answer.status_mut() = status;
    }
    answer
}
