//! Lists and single runs: `/outputs`, `/collect`, `/jobs`, `/runs…`.

use std::collections::BTreeMap;

use dogi_engine::{Engine, RunHandle};
use dogi_job::{RunId, SourceRef, Submit};
use dogi_stream::{Cursor, Framing, Position};
use dogi_url::{ContainerPath, InstanceId, OutputName, OutputSelection, OutputType, Verified};
use http::header::{CONTENT_LENGTH, LINK, LOCATION, RANGE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{Body, full, joined, stream_of};
use super::params::params;
use super::problem::Problem;
use super::show::{self, View, describe};
use super::{Call, Links, State, accept, hook, output, run, status};

/// Runs on a page, where nobody says how many.
const PAGE: usize = 50;
/// Runs on a page at most.
const MAX_PAGE: usize = 500;

fn answer(value: &Value) -> Response<Body> {
    let mut response = Response::new(full(format!("{value}\n")));
    describe(&mut response, "application/json");
    response
}

/// `GET /outputs`: every output of every instance.
pub(super) fn outputs(state: &State, verified: &Verified<'_>) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let outputs: Vec<Value> = state
        .engine
        .instances()
        .iter()
        .map(|(instance, run)| {
            let urls: Map<String, Value> = run
                .outputs()
                .map(|(name, _)| {
                    (
                        name.to_string(),
                        json!({"url": state.links.latest(instance, &name)}),
                    )
                })
                .collect();
            json!({"id": instance, "outputs": urls})
        })
        .collect();
    Ok(answer(&json!({"outputs": outputs})))
}

/// `GET /collect?output=NAME`: that output of every instance, each followed by a newline.
pub(super) fn collect(state: &State, verified: &Verified<'_>) -> Result<Response<Body>, Problem> {
    let given = params(verified, &["output"])?;
    let text = given.get("output").ok_or_else(|| {
        let detail = "parameter `output` is missing; allowed: log, file_NAME, node_NAME";
        Problem::bad_request(detail).with("parameter", "output")
    })?;
    let name: OutputName = text.parse().map_err(|error| bad("output", error))?;
    if name == OutputName::Status {
        let reason = "`status` is no text that could be collected (GET /runs lists it); allowed: \
                      log, file_NAME, node_NAME";
        return Err(bad("output", reason));
    }
    let followers = state
        .engine
        .instances()
        .values()
        .filter_map(|run| Some(run.output(&name)?.snapshot(Position::START)))
        .collect();
    let mut response = Response::new(joined(followers));
    describe(&mut response, "text/plain; charset=utf-8");
    Ok(response)
}

/// `GET /jobs`: what is queued or under way, by instance.
///
/// Thousands may be: the answer is made where it holds nobody up.
pub(super) async fn jobs(
    state: &State,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let (engine, links) = (state.engine.clone(), state.links.clone());
    let made = tokio::task::spawn_blocking(move || jobs_now(&engine, &links)).await;
    made.map_err(|_| Problem::unavailable("the server is stopping"))
}

fn jobs_now(engine: &Engine, links: &Links) -> Response<Body> {
    let mut jobs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let runs = engine.jobs();
    for (run, status) in runs.iter().zip(engine.statuses(&runs)) {
        jobs.entry(run.instance().to_string())
            .or_default()
            .push(status::json(&status, links));
    }
    answer(&json!({"jobs": jobs}))
}

/// `GET /runs`: history, newest first, in pages.
pub(super) fn runs(state: &State, verified: &Verified<'_>) -> Result<Response<Body>, Problem> {
    let given = params(verified, &["before", "limit"])?;
    let before = given
        .get("before")
        .map(|text| text.parse::<RunId>())
        .transpose();
    let before = before.map_err(|error| bad("before", error))?;
    let limit = page_limit(&given)?;
    let page = state.engine.runs(before.as_ref(), limit);
    let next = page
        .last()
        .filter(|_| page.len() == limit)
        .map(|last| state.links.page(last.id(), limit, verified.expires()));
    let runs: Vec<Value> = state
        .engine
        .statuses(&page)
        .iter()
        .map(|status| status::json(status, &state.links))
        .collect();
    let mut response = answer(&json!({"runs": runs, "next": next}));
    if let Some(link) =
        next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok())
    {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// How many entries of a list a page has.
pub(super) fn page_limit(given: &BTreeMap<&'static str, String>) -> Result<usize, Problem> {
    match given.get("limit").map(|text| text.parse::<usize>()) {
        None => Ok(PAGE),
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => Ok(limit),
        Some(_) => Err(bad(
            "limit",
            format!("expected a number from 1 to {MAX_PAGE}"),
        )),
    }
}

fn bad(parameter: &str, reason: impl std::fmt::Display) -> Problem {
    Problem::bad_request(format!("parameter `{parameter}`: {reason}")).with("parameter", parameter)
}

fn find(state: &State, id: &RunId) -> Result<RunHandle, Problem> {
    state.engine.run(id).ok_or_else(|| {
        Problem::not_found(format!("there is no run {id}, or it is not kept any more"))
    })
}

/// `GET /runs/{run}`: its status now.
pub(super) fn run_status(
    state: &State,
    id: &RunId,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    Ok(show::status_now(state, &find(state, id)?, StatusCode::OK))
}

/// `GET /output/{instance}/{output}`: the file so far; who asks for events or objects follows it.
pub(super) async fn latest(
    state: &State,
    call: &Call,
    instance: &InstanceId,
    name: &OutputName,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let cursor = accept::last_event_id(&call.parts.headers)?;
    let run = match &cursor {
        None => state.engine.peek(instance),
        Some(cursor) => match run::resumed(state, instance, cursor)? {
            Some(run) => Some(run),
            None => return Ok(run::over()),
        },
    };
    let run = run.ok_or_else(|| Problem::not_found(format!("nothing has run as {instance}")))?;
    let framing = accept::framing(&call.parts.headers);
    if framing == Framing::Text || call.parts.method == Method::HEAD {
        return file(state, call, &run, name);
    }
    follow(state, call, run, name, OutputType::Stream, cursor).await
}

/// `GET /runs/{run}/{output}`: as the run URL shows it; of a finished run a file, with ranges.
pub(super) async fn run_output(
    state: &State,
    call: &Call,
    id: &RunId,
    name: &OutputName,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    let given = params(verified, &["output_type"])?;
    let output_type = given
        .get("output_type")
        .map(|text| text.parse::<OutputType>())
        .transpose();
    let output_type = output_type
        .map_err(|error| bad("output_type", error))?
        .unwrap_or_default();
    let run = find(state, id)?;
    let headers = &call.parts.headers;
    let cursor = accept::last_event_id(headers)?;
    match &cursor {
        Some(cursor) if cursor.run() != id.as_str() => {
            return Err(Problem::bad_request(
                "Last-Event-ID: this event is of another run",
            ));
        }
        Some(cursor) if run::seen_all(cursor) => return Ok(run::over()),
        _ => {}
    }
    let settled = run.status().state.is_final() || headers.contains_key(RANGE);
    let plain = accept::framing(headers) == Framing::Text && *name != OutputName::Status;
    if call.parts.method == Method::HEAD || (settled && plain && cursor.is_none()) {
        return file(state, call, &run, name);
    }
    follow(state, call, run, name, output_type, cursor).await
}

fn file(
    state: &State,
    call: &Call,
    run: &RunHandle,
    name: &OutputName,
) -> Result<Response<Body>, Problem> {
    match name {
        OutputName::Status => Ok(show::status_now(state, run, StatusCode::OK)),
        name => output::file(state, &call.parts.method, &call.parts.headers, run, name),
    }
}

async fn follow(
    state: &State,
    call: &Call,
    run: RunHandle,
    name: &OutputName,
    output_type: OutputType,
    cursor: Option<Cursor>,
) -> Result<Response<Body>, Problem> {
    let output = OutputSelection::one(name.clone());
    let framing = accept::framing(&call.parts.headers);
    let view = View {
        output: &output,
        output_type,
        framing,
        cut_failed: false,
        cursor,
    };
    show::answer(state, &call.activity, run, view, None).await
}

/// `POST /runs/{run}/rerun`: the same again.
pub(super) async fn rerun(
    state: &State,
    call: &Call,
    id: &RunId,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    let run = find(state, id)?;
    let spec = run.spec().clone();
    if let SourceRef::Refused { reason } = &spec.source {
        let detail = format!(
            "nothing was run, and the same would come of it again: {reason}. To have its delivery looked at \
             anew: POST /deliveries/{{id}}/replay"
        );
        return Err(Problem::new(StatusCode::CONFLICT, detail).with("run", run.id().as_str()));
    }
    if spec.host_command().is_some() {
        if !state.gate.knows(&call.parts.headers) {
            // Its rule let somebody in, who sent what it was given: not everybody.
            let detail = "a hook's command is run again only for the operator, whose token is \
                          DOGI_TOKEN (Authorization: Bearer)";
            return Err(Problem::forbidden(detail));
        }
        let run = hook::rerun(state, &run).await?;
        return Ok(accepted(state, &run));
    }
    if spec.event_path.is_some() || spec.local().is_some() {
        if spec.local().is_some() && !state.gate.knows(&call.parts.headers) {
            let detail = "programs of the server's machine are run again only for the operator, whose \
                          token is DOGI_TOKEN (Authorization: Bearer)";
            return Err(Problem::forbidden(detail));
        }
        return rerun_event(state, &run).await;
    }
    // What the operator allows may have changed since.
    if let SourceRef::Repo { url, .. } = &spec.source {
        run::allow_repo(state, url)?;
    }
    let (run, _) = run::submit(state, spec, Submit::Run, false).await?;
    Ok(accepted(state, &run))
}

/// The same again of a run that an event started.
async fn rerun_event(state: &State, run: &RunHandle) -> Result<Response<Body>, Problem> {
    let allowed = state.webhooks.as_ref();
    if !allowed.is_some_and(|service| service.still_allows(run.spec())) {
        let detail = "what started the run is not among the rules any more";
        return Err(Problem::forbidden(detail).with("run", run.id().as_str()));
    }
    let event = state.engine.command_details(run).await.map_err(|_| {
        let detail = "the event that started the run is not kept any more";
        Problem::new(StatusCode::GONE, detail).with("run", run.id().as_str())
    })?;
    let (engine, spec) = (state.engine.clone(), (*run.spec()).clone());
    let run = run::in_a_task(async move { Ok(engine.submit_event(spec, event).await?.run) });
    Ok(accepted(state, &run.await?))
}

/// 202 with the status of a run that was started, and where it will be.
pub(super) fn accepted(state: &State, run: &RunHandle) -> Response<Body> {
    let mut response = show::status_now(state, run, StatusCode::ACCEPTED);
    if let Ok(location) = HeaderValue::try_from(state.links.status(run.id())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// `POST /runs/{run}/abort`: answers when nothing of it is left.
pub(super) async fn abort(
    state: &State,
    id: &RunId,
    verified: &Verified<'_>,
) -> Result<Response<Body>, Problem> {
    params(verified, &[])?;
    find(state, id)?;
    let run = state.engine.abort_run(id).await;
    let run = run.ok_or_else(|| Problem::not_found(format!("there is no run {id}")))?;
    Ok(show::status_now(state, &run, StatusCode::OK))
}

/// `GET /runs/{run}/files/{path}`: a file out of a container, while that is kept.
pub(super) async fn run_file(
    state: &State,
    id: &RunId,
    path: &str,
) -> Result<Response<Body>, Problem> {
    let run = find(state, id)?;
    if !run.spec().keep {
        let detail = format!(
            "the container of the run {id} is not kept, so that no file can be taken out of it; name \
             files by file_NAME=/path when the run is started"
        );
        return Err(Problem::not_found(detail));
    }
    let path = percent_encoding::percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| Problem::bad_request("the path of the file is no UTF-8"))?;
    let path = ContainerPath::new(format!("/{path}"));
    let path = path.map_err(|error| Problem::bad_request(error.to_string()))?;
    let file = state.engine.file_of(&run, &path).await;
    let file = file.map_err(|error| Problem::unavailable(error.to_string()))?;
    let Some(file) = file else {
        let detail = format!("no container of the run {id} has a file {path}");
        return Err(Problem::not_found(detail));
    };
    let mut answer = Response::new(stream_of(file.content));
    answer
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(file.size));
    show::describe(&mut answer, "application/octet-stream");
    Ok(answer)
}
