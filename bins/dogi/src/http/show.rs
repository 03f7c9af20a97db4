//! Shows a run: as a stream, when it is over, or as it is now.

use std::sync::Arc;
use std::time::Duration;

use dogi_engine::{Lease, RunHandle};
use dogi_job::RunStatus;
use dogi_stream::{Cursor, Framing, Multiplexer, Position};
use dogi_url::{OutputName, OutputSelection, OutputType};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK, TRAILER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::State;
use super::body::{Body, Place, RunStream, full, result_fields};
use super::problem::{Problem, status_code};
use super::status;
use crate::listen::Activity;

pub(super) const RUN: HeaderName = HeaderName::from_static("dogi-run");
const INSTANCE: HeaderName = HeaderName::from_static("dogi-instance");
/// Asks nginx not to hold streams back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a file's stream waits for its first byte before it says 200.
const FIRST_BYTE: Duration = Duration::from_secs(10);

/// What a client wants to see.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) output: &'a OutputSelection,
    pub(super) output_type: OutputType,
    pub(super) framing: Framing,
    pub(super) cut_failed: bool,
    /// Where it stopped reading.
    pub(super) cursor: Option<Cursor>,
}

impl View<'_> {
    fn is_status(&self) -> bool {
        self.output.single() == Some(&OutputName::Status)
    }

    /// Which nodes there are is known when the graph was read.
    fn wants_nodes(&self) -> bool {
        let node = |name: &OutputName| matches!(name, OutputName::Node(_));
        self.output.names().iter().any(node)
    }

    fn only_files(&self) -> bool {
        let file = |name: &OutputName| matches!(name, OutputName::File(_) | OutputName::Node(_));
        self.output.names().iter().all(file)
    }
}

/// Answers with what `view` wants of `run`. The lease ends with the answer.
pub(super) async fn answer(
    state: &State,
    activity: &Arc<Activity>,
    run: RunHandle,
    view: View<'_>,
    lease: Option<Lease>,
) -> Result<Response<Body>, Problem> {
    let mut attached = lease.map(|lease| (lease, activity.watch_eof()));
    if view.wants_nodes() && view.output_type != OutputType::Async {
        run.outputs_known().await;
        let status = run.status();
        if status.nodes.is_none() && !status_code(&status).is_success() {
            // There never were any.
            let status = run.finished().await;
            return Err(of_run(state, &run, Problem::of_failed_run(&status)));
        }
    }
    let outputs = multiplexer(&run, &view)?;
    let text_status = view.is_status() && view.framing == Framing::Text;
    if view.output_type == OutputType::Async {
        let status = state.engine.status(&run);
        return Ok(whole(state, &run, &status, outputs, &view));
    }
    if view.output_type == OutputType::Wait || text_status {
        let status = run.finished().await;
        drop(attached.take());
        return Ok(whole(state, &run, &status, outputs, &view));
    }
    // The text of a file is the file's and nothing else.
    let tells_place = view.framing != Framing::Text || !view.only_files();
    let show_status = view.framing != Framing::Text || view.output.contains(&OutputName::Status);
    let stream = RunStream {
        outputs,
        run: run.clone(),
        place: tells_place.then(|| Place::new(state.engine.clone())),
        links: state.links.clone(),
        show_status,
        cut_failed: view.cut_failed,
        activity: Arc::clone(activity),
        follower: state.metrics.http().follower(view.framing),
        _attached: attached,
    };
    streamed(state, &run, &view, stream).await
}

/// The outputs that are asked for, where the reader stopped.
fn multiplexer(run: &RunHandle, view: &View<'_>) -> Result<Multiplexer, Problem> {
    let mut multiplexer = Multiplexer::new(view.framing, run.id().as_str());
    for name in view
        .output
        .names()
        .iter()
        .filter(|name| **name != OutputName::Status)
    {
        let log = run.output(name).ok_or_else(|| no_output(run, name))?;
        let text = name.to_string();
        let from = view
            .cursor
            .as_ref()
            .map_or(Position::START, |cursor| cursor.position(&text));
        let follower = match view.output_type {
            OutputType::Async => log.snapshot(from),
            _ => log.follow(from),
        };
        multiplexer.add(&text, follower);
    }
    Ok(multiplexer)
}

/// 404 that says which outputs there are.
pub(super) fn no_output(run: &RunHandle, name: &OutputName) -> Problem {
    let known: Vec<String> = run.outputs().map(|(name, _)| name.to_string()).collect();
    Problem::not_found(format!(
        "the run {} has no output `{name}`; it has: status, {}",
        run.id(),
        known.join(", ")
    ))
    .with("run", run.id().as_str())
}

/// An answer that does not wait for anything any more.
fn whole(
    state: &State,
    run: &RunHandle,
    status: &RunStatus,
    mut outputs: Multiplexer,
    view: &View<'_>,
) -> Response<Body> {
    let code = status_code(status);
    if view.is_status() {
        return status_answer(state, run, status, code);
    }
    if view.output.contains(&OutputName::Status) || view.framing != Framing::Text {
        outputs.push_status(status::json(status, &state.links).to_string());
    }
    let mut response = Response::new(super::body::framed(outputs));
    *response.status_mut() = code;
    describe(&mut response, view.framing.content_type());
    name_run(state, &mut response, run);
    response.headers_mut().extend(result_fields(status));
    response
}

async fn streamed(
    state: &State,
    run: &RunHandle,
    view: &View<'_>,
    mut stream: RunStream,
) -> Result<Response<Body>, Problem> {
    let first = match (view.only_files(), &view.cursor) {
        (true, None) => first_byte(state, run, &mut stream).await?,
        (true, Some(_)) => None,
        (false, _) => stream.place(),
    };
    let mut response = Response::new(stream.into_body(first));
    describe(&mut response, view.framing.content_type());
    name_run(state, &mut response, run);
    let trailers = HeaderValue::from_static("Dogi-State, Dogi-Exit-Code");
    response.headers_mut().insert(TRAILER, trailers);
    Ok(response)
}

/// Waits for the first byte of a file, the end of the run, or some seconds. A run that failed
/// before there was a byte is an error, not an empty file.
async fn first_byte(
    state: &State,
    run: &RunHandle,
    stream: &mut RunStream,
) -> Result<Option<bytes::Bytes>, Problem> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "an output can't be read");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the output can't be read",
        )
    };
    let ended = tokio::select! {
        biased;
        frame = stream.first() => match frame.map_err(failed)? {
            Some(frame) => return Ok(Some(frame)),
            None => true,
        },
        _ = run.finished() => false,
        () = tokio::time::sleep(FIRST_BYTE) => return Ok(None),
    };
    if !ended {
        // The run is over, and with it all its outputs: this waits for nothing.
        if let Some(frame) = stream.first().await.map_err(failed)? {
            return Ok(Some(frame));
        }
    }
    let status = tokio::select! {
        status = run.finished() => status,
        () = tokio::time::sleep(FIRST_BYTE) => return Ok(None),
    };
    match status_code(&status).is_success() {
        true => Ok(None),
        false => Err(of_run(state, run, Problem::of_failed_run(&status))),
    }
}

/// A problem with a run that is over: which one, and its status.
pub(super) fn of_run(state: &State, run: &RunHandle, problem: Problem) -> Problem {
    let json = status::json(&state.engine.status(run), &state.links);
    let fields = run_fields(state, run).into_iter();
    fields.fold(problem.with("run", json), |problem, (name, value)| {
        problem.with_header(name, value)
    })
}

/// The status as it is now.
pub(super) fn status_now(state: &State, run: &RunHandle, code: StatusCode) -> Response<Body> {
    status_answer(state, run, &state.engine.status(run), code)
}

fn status_answer(
    state: &State,
    run: &RunHandle,
    status: &RunStatus,
    code: StatusCode,
) -> Response<Body> {
    let json = status::json(status, &state.links);
    let mut response = Response::new(full(format!("{json}\n")));
    *response.status_mut() = code;
    describe(&mut response, "application/json");
    name_run(state, &mut response, run);
    response.headers_mut().extend(result_fields(status));
    response
}

/// What kind of body it is. Output of jobs is text to whoever opens it, never a page.
pub(super) fn describe(response: &mut Response<Body>, content_type: &'static str) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
}

/// Which run it is of, and where its status is.
pub(super) fn name_run(state: &State, response: &mut Response<Body>, run: &RunHandle) {
    response.headers_mut().extend(run_fields(state, run));
}

/// The run that an answer is about, if it is about one.
pub(super) fn run_of(response: &Response<Body>) -> Option<&str> {
    response.headers().get(RUN)?.to_str().ok()
}

fn run_fields(state: &State, run: &RunHandle) -> Vec<(HeaderName, HeaderValue)> {
    let link = format!("<{}>; rel=\"status\"", state.links.status(run.id()));
    [
        (RUN, run.id().to_string()),
        (INSTANCE, run.instance().to_string()),
        (LINK, link),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
    .collect()
}
