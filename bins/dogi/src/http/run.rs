//! The run URL, in a straight line: read, decide, start or find, show.

use dogi_engine::{Lease, RunHandle};
use dogi_job::{FailureKind, RunId, Spec, Submit};
use dogi_stream::Cursor;
use dogi_url::{
    Action, Body as RequestBody, InstanceId, OutputType, RepoUrl, RunRequest, Transport, Verified,
};
use http::{HeaderName, Method, Response, StatusCode};

use super::accept;
use super::body::{Body, STATUS_OUTPUT, empty};
use super::idempotency::Claim;
use super::problem::Problem;
use super::show::{self, View};
use super::{Call, State, input};

const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");

/// Answers a run URL.
pub(super) async fn answer(
    state: &State,
    call: &mut Call,
    verified: Verified<'_>,
) -> Result<Response<Body>, Problem> {
    let request = read(call, verified).await?;
    let instance = InstanceId::new(&state.namespace, &request.repo, request.id.as_ref());
    allow(state, &request)?;
    if call.parts.method == Method::HEAD || is_prefetch(call) {
        return without_starting(state, call, &request, &instance);
    }
    let cursor = accept::last_event_id(&call.parts.headers)?;
    if request.action == Action::Abort {
        return abort(state, &instance).await;
    }
    let (run, lease) = match &cursor {
        Some(cursor) => match resumed(state, &instance, cursor)? {
            Some(run) => (run, None),
            None => return Ok(over()),
        },
        None => start(state, call, &request, &instance).await?,
    };
    let lease = lease.or_else(|| attaches(&request).then(|| state.engine.lease(&run)));
    let view = View {
        output: &request.output,
        output_type: request.output_type,
        framing: accept::framing(&call.parts.headers),
        cut_failed: request.on_fail == dogi_url::OnFail::Abort,
        cursor,
    };
    show::answer(state, &call.activity, run, view, lease).await
}

/// Whether the job ends with this answer. One that is complete at once is nothing to end with.
fn attaches(request: &RunRequest) -> bool {
    request.attach && request.output_type != OutputType::Async
}

async fn read(call: &mut Call, verified: Verified<'_>) -> Result<RunRequest, Problem> {
    let Some(body) = call
        .body
        .take()
        .filter(|_| call.parts.method == Method::POST)
    else {
        return Ok(RunRequest::parse(&verified, None)?);
    };
    let bytes = input::read(body, RequestBody::MAX_BYTES, &call.activity).await?;
    let content_type = call.parts.headers.get(http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let body = RequestBody {
        content_type,
        bytes: &bytes,
    };
    // A POST without a body says everything in its URL.
    let body = (!bytes.is_empty() || verified.body_sha256().is_some()).then_some(body);
    Ok(RunRequest::parse(&verified, body)?)
}

/// What the operator lets URLs do.
pub(super) fn allow(state: &State, request: &RunRequest) -> Result<(), Problem> {
    let starts = matches!(request.action, Action::Run | Action::Restart);
    allow_repo(state, &request.repo)?;
    if !starts {
        return Ok(());
    }
    let check = |host: &str| {
        state
            .egress
            .check_host(host)
            .map_err(|denied| Problem::forbidden(denied.to_string()))
    };
    if let Some(host) = request.repo.host() {
        check(host)?;
    }
    if let Some(callback) = &request.callback {
        let url = url::Url::parse(callback.url.as_str());
        if let Ok(Some(host)) = url.as_ref().map(url::Url::host_str) {
            check(host)?;
        }
    }
    Ok(())
}

pub(super) fn allow_repo(state: &State, repo: &RepoUrl) -> Result<(), Problem> {
    let refused = match repo.transport() {
        Transport::Git { .. } => !state.allow_git,
        Transport::File { .. } => !state.allow_file,
        _ => false,
    };
    if refused {
        let scheme = repo.scheme();
        return Err(Problem::forbidden(format!(
            "{scheme}:// repositories are not allowed here (the operator can: git.allow: [{scheme}])"
        )));
    }
    let key = repo.match_key();
    match &state.url_repos {
        Some(patterns) if !patterns.matches(&key) => Err(Problem::forbidden(format!(
            "{key} is not among the repositories that run URLs may run here (url_repos)"
        ))),
        _ => Ok(()),
    }
}

fn is_prefetch(call: &Call) -> bool {
    [SEC_PURPOSE, PURPOSE].iter().any(|name| {
        let value = call
            .parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.contains("prefetch") || value.contains("prerender"))
    })
}

/// `HEAD` and prefetches: the headers of what there is, and nothing begins.
fn without_starting(
    state: &State,
    call: &Call,
    request: &RunRequest,
    instance: &InstanceId,
) -> Result<Response<Body>, Problem> {
    let run = state.engine.peek(instance);
    let starts = request.action != Action::Peek;
    if starts && call.parts.method != Method::HEAD {
        let detail = "this URL does something, so that a prefetch is not answered";
        return Err(Problem::unavailable(detail));
    }
    match run {
        None if !starts => Err(nothing_ran(instance)),
        run => {
            let mut response = Response::new(empty());
            let framing = accept::framing(&call.parts.headers);
            show::describe(&mut response, framing.content_type());
            if let Some(run) = &run {
                show::name_run(state, &mut response, run);
            }
            Ok(response)
        }
    }
}

fn nothing_ran(instance: &InstanceId) -> Problem {
    Problem::not_found(format!(
        "nothing has run as {instance}, or it is not kept any more; action=run starts it"
    ))
    .with("instance", instance.as_str())
}

/// The stream that a reader of events had is at its end: it need not ask again.
pub(super) fn over() -> Response<Body> {
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The run of a reader that comes back. `None`: it has seen everything.
pub(super) fn resumed(
    state: &State,
    instance: &InstanceId,
    cursor: &Cursor,
) -> Result<Option<RunHandle>, Problem> {
    let run = cursor
        .run()
        .parse::<RunId>()
        .ok()
        .and_then(|id| state.engine.run(&id));
    match run {
        Some(run) if run.instance() != instance => Err(Problem::bad_request(
            "Last-Event-ID: this event is of a run of another instance than the URL's",
        )),
        // What is not kept any more ended long ago.
        None => Ok(None),
        Some(_) if seen_all(cursor) => Ok(None),
        run => Ok(run),
    }
}

/// Whether the reader has seen the status, which comes last.
pub(super) fn seen_all(cursor: &Cursor) -> bool {
    cursor.position(STATUS_OUTPUT).offset > 0
}

async fn abort(state: &State, instance: &InstanceId) -> Result<Response<Body>, Problem> {
    let run = state
        .engine
        .abort(instance)
        .await
        .ok_or_else(|| nothing_ran(instance))?;
    Ok(show::status_now(state, &run, StatusCode::OK))
}

/// The run to show: the one that is there, or a new one.
pub(super) async fn start(
    state: &State,
    call: &Call,
    request: &RunRequest,
    instance: &InstanceId,
) -> Result<(RunHandle, Option<Lease>), Problem> {
    let how = match request.action {
        Action::Run => Submit::Run,
        Action::Restart => Submit::Restart,
        Action::Peek | Action::Abort => {
            let run = state
                .engine
                .peek(instance)
                .ok_or_else(|| nothing_ran(instance))?;
            return Ok((run, None));
        }
    };
    let claim = Claim::of(&call.parts.headers, || {
        serde_json::to_vec(request).unwrap_or_default()
    })?;
    let spec = Spec::from_request(request, &state.namespace);
    let absent = match state.is_alive(instance) {
        true => None,
        false => state.engine_answers().await.err(),
    };
    let (run, lease) = match claim {
        None => submit(state, spec, how, attaches(request)).await?,
        Some(claim) => (claimed(state, claim, spec, how).await?, None),
    };
    match absent {
        None => Ok((run, lease)),
        Some(problem) => without_docker(state, run, problem)
            .await
            .map(|run| (run, lease)),
    }
}

/// A run that was started while the Docker engine did not answer: its log tells so, and so does
/// this answer, if it ends of that soon. (It may have come back, or the clone takes its time.)
async fn without_docker(
    state: &State,
    run: RunHandle,
    problem: Problem,
) -> Result<RunHandle, Problem> {
    let status = tokio::select! {
        status = run.finished() => status,
        () = tokio::time::sleep(super::READY) => return Ok(run),
    };
    if status.failure != Some(FailureKind::EngineUnavailable) {
        return Ok(run);
    }
    Err(show::of_run(state, &run, problem))
}

/// Submits in a task of its own: a client that goes away in the middle leaves a run that is
/// whole, and a lease that ends it if it was attached.
pub(super) async fn submit(
    state: &State,
    spec: Spec,
    how: Submit,
    attach: bool,
) -> Result<(RunHandle, Option<Lease>), Problem> {
    let engine = state.engine.clone();
    let task = tokio::spawn(async move {
        let submitted = engine.submit(spec, how).await?;
        let lease = attach.then(|| engine.lease(&submitted.run));
        Ok::<_, dogi_engine::SubmitError>((submitted.run, lease))
    });
    Ok(joined(task.await)??)
}

/// As [`submit`], once for each key.
async fn claimed(
    state: &State,
    claim: Claim,
    spec: Spec,
    how: Submit,
) -> Result<RunHandle, Problem> {
    let (engine, claims) = (state.engine.clone(), state.claims.clone());
    let task = tokio::spawn(async move {
        let start = || async { Ok(engine.submit(spec, how).await?.run.id().clone()) };
        claims.run(claim, start).await
    });
    let id = joined(task.await)??;
    state.engine.run(&id).ok_or_else(|| {
        let detail = format!("the run {id} of this Idempotency-Key is not kept any more");
        Problem::new(StatusCode::GONE, detail).with("run", id.as_str())
    })
}

/// Does something that goes on when the client goes away in the middle.
pub(super) async fn in_a_task<T: Send + 'static>(
    act: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    joined(tokio::spawn(act).await)?
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, Problem> {
    result.map_err(|error| {
        tracing::error!(%error, "a submission broke off");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the submission broke off: a fault of dogi",
        )
    })
}
