//! What goes on after the answer: commands as runs of this machine, and jobs.

use std::sync::Arc;

use dogi_engine::RunHandle;
use dogi_hooks::incoming::{Action, Command, Hook, Job, Output};
use dogi_job::{HostCommand, Spec};
use dogi_url::{InstanceId, OutputType, RunRequest};
use http::header::{LINK, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use super::answer::{add_headers, text};
use super::{Case, Entry};
use crate::hooks::{BodyPermit, JobError, Outcome, job_request, launch};
use crate::http::body::{Body, full};
use crate::http::problem::Problem;
use crate::http::show::{self, RUN, View, describe};
use crate::http::{Call, State, accept, run};

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

/// The spec of a hook's command, as the hook is now.
fn spec(state: &State, hook: &Hook) -> Spec {
    let (running, queued) = limits(hook);
    let command = HostCommand {
        name: hook.id().to_owned(),
        running,
        queued,
    };
    let mut spec = Spec::of_command(&state.namespace, command);
    spec.limits.timeout = hook.limits().timeout;
    spec
}

/// Has the command run by and by: it is on record before the answer.
pub(super) async fn command(
    state: &Arc<State>,
    case: Case,
    entry: Entry,
    command: Command,
    permit: BodyPermit,
) -> Result<Response<Body>, Problem> {
    let hook = case.hook();
    let details = launch::details(command, &case.loaded.variables);
    let details = details.to_bytes().map_err(|error| {
        let detail = format!("the command can't be kept: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    });
    let details = match details {
        Ok(details) => details,
        Err(problem) => return Err(entry.refused(problem)),
    };
    let status = hook.response().success.unwrap_or(StatusCode::OK);
    let (engine, spec) = (state.engine.clone(), spec(state, hook));
    // In a task of its own: a client that goes away in the middle has started it all the same.
    let run = run::in_a_task(async move {
        let submitted = engine.submit_command(spec, details).await;
        drop(permit);
        match submitted {
            Ok(run) => {
                let id = run.id().clone();
                entry.ends(status, Outcome::Started { run: id });
                Ok(run)
            }
            Err(error) => Err(entry.refused(error.into())),
        }
    });
    let run = run.await?;
    let mut answer = text(status, hook.response().message.clone());
    name(&mut answer, &run);
    add_headers(&mut answer, hook);
    Ok(answer)
}

/// Which run it is. Whoever may run the hook may not therefore read what it does: nothing here is
/// signed.
fn name(response: &mut Response<Body>, run: &RunHandle) {
    if let Ok(id) = HeaderValue::try_from(run.id().as_str()) {
        response.headers_mut().insert(RUN, id);
    }
}

/// The same command again, if its hook is still there, within the limits that it has now.
pub(in crate::http) async fn rerun(state: &State, run: &RunHandle) -> Result<RunHandle, Problem> {
    let loaded = state.hooks.current();
    let id = run.spec().host_command().map(|command| &*command.name);
    let hook = id.and_then(|id| loaded.hooks.get(id));
    let hook = hook.filter(|hook| matches!(hook.action(), Action::Execute(_)));
    let Some(hook) = hook else {
        let detail = "the hook that started the run is not there any more";
        return Err(Problem::new(StatusCode::GONE, detail).with("run", run.id().as_str()));
    };
    let details = state.engine.command_details(run).await.map_err(|error| {
        tracing::warn!(run = %run.id(), %error, "what a command was can't be read");
        let detail = format!("what exactly the run {} was is not kept any more", run.id());
        Problem::new(StatusCode::GONE, detail).with("run", run.id().as_str())
    })?;
    let (engine, spec) = (state.engine.clone(), spec(state, hook));
    run::in_a_task(async move { Ok(engine.submit_command(spec, details).await?) }).await
}

/// Starts a job, and answers with it: where it is found (202), what it came to, or its log.
pub(super) async fn job(
    state: &Arc<State>,
    call: &mut Call,
    case: &Case,
    entry: Entry,
    job: &Job,
) -> Result<Response<Body>, Problem> {
    let request = match job_request(job) {
        Ok(request) => request,
        Err(error) => {
            let reason = without_values(&error);
            let problem = Problem::bad_request(error.to_string());
            return Err(entry.refused_quoting(problem, reason));
        }
    };
    let instance = InstanceId::new(&state.namespace, &request.repo, request.id.as_ref());
    let started = match run::allow(state, &request) {
        Ok(()) => run::start(state, call, &request, &instance).await,
        Err(problem) => Err(problem),
    };
    let run = match started {
        Ok((run, _)) => run,
        Err(problem) => {
            let reason = "the job was not started".to_owned();
            return Err(entry.refused_quoting(problem, reason));
        }
    };
    let started = Outcome::Started {
        run: run.id().clone(),
    };
    let hook = case.hook();
    let mut answer = match hook.response().output {
        Output::Background => in_background(hook, &run),
        Output::Included { .. } => shown(state, call, &request, run, OutputType::Wait).await?,
        Output::Streamed => shown(state, call, &request, run, OutputType::Stream).await?,
    };
    entry.ends(answer.status(), started);
    add_headers(&mut answer, hook);
    Ok(answer)
}

/// Which parameter was bad, for the log: what was sent may be private.
fn without_values(error: &JobError) -> String {
    let parameter = match error {
        JobError::Request(error) => error.parameter(),
        JobError::Repo(_) => Some("repo"),
        JobError::Target(_) | JobError::Signature(_) | JobError::Action => None,
    };
    match parameter {
        Some(parameter) => format!("the job's `{parameter}` has a bad value"),
        None => "the job's parameters are bad".to_owned(),
    }
}

/// What a job came to, or its log. The links in its headers are signed, and so are not for everybody
/// who may run the hook.
async fn shown(
    state: &State,
    call: &Call,
    request: &RunRequest,
    run: RunHandle,
    output_type: OutputType,
) -> Result<Response<Body>, Problem> {
    let view = View {
        output: &request.output,
        output_type,
        framing: accept::framing(&call.parts.headers),
        cut_failed: request.on_fail == dogi_url::OnFail::Abort,
        cursor: None,
    };
    let mut answer = show::answer(state, &call.activity, run, view, None).await?;
    answer.headers_mut().remove(LINK);
    Ok(answer)
}

fn in_background(hook: &Hook, run: &RunHandle) -> Response<Body> {
    let response = hook.response();
    let status = response.success.unwrap_or(StatusCode::ACCEPTED);
    let mut answer = match response.message.is_empty() {
        false => text(status, response.message.clone()),
        true => {
            let json = json!({
                "run": run.id(),
                "instance": run.instance(),
                "state": run.status().state,
            });
            let mut answer = Response::new(full(format!("{json}\n")));
            *answer.status_mut() = status;
            describe(&mut answer, "application/json");
            answer
        }
    };
    name(&mut answer, run);
    if let Ok(location) = HeaderValue::try_from(format!("/runs/{}", run.id())) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}
