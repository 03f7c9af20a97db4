//! Commands whose output is the answer.

use std::sync::Arc;

use bytes::Bytes;
use dogi_command::{Exit, Output, Process, Stopper, WaitError};
use dogi_engine::adapters::CommandDetails;
use dogi_hooks::incoming::Command;
use futures::{Stream, stream};
use http::header::TRAILER;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::oneshot;

use super::answer::{add_headers, text, with_body};
use super::{Case, Entry};
use crate::hooks::{
    BodyPermit, Captured, LaunchError, LineFull, LineLimits, Outcome, Turn, launch,
};
use crate::http::body::{Body, BodyError, EXIT_CODE};
use crate::http::problem::Problem;
use crate::http::{Call, State};
use crate::listen::EofGuard;

/// What the `webhook` server says, and no more: the reason is in the log.
const FAILED: &str = "Error occurred while executing the hook's command. Please check your logs \
                      for more details.";

impl Case {
    fn line(&self) -> LineLimits {
        let (running, waiting) = super::background::limits(self.hook());
        LineLimits { running, waiting }
    }

    fn timeout(&self, state: &State) -> std::time::Duration {
        let timeout = self.hook().limits().timeout;
        timeout.unwrap_or(state.hooks.max_timeout)
    }

    fn details(&self, command: Command) -> CommandDetails {
        launch::details(command, &self.loaded.variables)
    }
}

impl From<LineFull> for Problem {
    fn from(full: LineFull) -> Self {
        Self::too_many(full.to_string())
    }
}

/// Runs the command to its end, whether the client waits for that or not, and answers with what it
/// wrote.
pub(super) async fn captured(
    state: &Arc<State>,
    case: Case,
    entry: Entry,
    command: Command,
    permit: BodyPermit,
    on_error: bool,
) -> Result<Response<Body>, Problem> {
    let state = Arc::clone(state);
    // In a task of its own, which goes on when the client has gone.
    let running = tokio::spawn(async move {
        let _turn = match state.hooks.turns.take(&case.id, case.line()).await {
            Ok(turn) => turn,
            Err(full) => return Err(entry.refused(full.into())),
        };
        let details = case.details(command);
        let spawned = launch::spawn(&state.hooks.host, &details, case.timeout(&state)).await;
        drop((details, permit));
        let ended = match spawned {
            Ok(running) => launch::collect(running).await,
            Err(error) => Err(error),
        };
        let (mut response, outcome) = of_captured(&case, ended, on_error);
        entry.ends(response.status(), outcome);
        add_headers(&mut response, case.hook());
        Ok(response)
    });
    running.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a hook's command broke off");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, FAILED))
    })
}

fn of_captured(
    case: &Case,
    ended: Result<Captured, LaunchError>,
    on_error: bool,
) -> (Response<Body>, Outcome) {
    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    let captured = match ended {
        Ok(captured) => captured,
        Err(error) => {
            // Of a command that never wrote anything there is no output to show.
            let body = if on_error { "" } else { FAILED };
            return (text(failed, body), not_run(&error));
        }
    };
    if captured.output.dropped > 0 {
        let dropped = captured.output.dropped;
        tracing::warn!(
            hook = case.id,
            dropped,
            "the output is longer than an answer may be"
        );
    }
    let error = captured.failure();
    let response = match (&error, on_error) {
        (None, _) => {
            let status = case.hook().response().success;
            text(
                status.unwrap_or(StatusCode::OK),
                captured.output.bytes.clone(),
            )
        }
        (Some(_), true) => text(failed, captured.output.bytes.clone()),
        (Some(_), false) => text(failed, FAILED),
    };
    let exit_code = Some(captured.exit.status.shell_code());
    (response, Outcome::Ran { exit_code, error })
}

fn not_run(error: &LaunchError) -> Outcome {
    Outcome::Ran {
        exit_code: None,
        error: Some(crate::chain(error)),
    }
}

/// Answers with what the command writes, while it writes. The command ends with the connection.
pub(super) async fn streamed(
    state: &Arc<State>,
    call: &Call,
    case: Case,
    entry: Entry,
    command: Command,
    permit: BodyPermit,
) -> Result<Response<Body>, Problem> {
    // A client that has closed its side is gone, also while it waits.
    let attached = call.activity.watch_eof();
    let turn = match state.hooks.turns.take(&case.id, case.line()).await {
        Ok(turn) => turn,
        Err(full) => return Err(entry.refused(full.into())),
    };
    let details = case.details(command);
    let spawned = launch::spawn(&state.hooks.host, &details, case.timeout(state)).await;
    drop((details, permit));
    let mut response = match spawned {
        Err(error) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            entry.ends(status, not_run(&error));
            text(status, FAILED)
        }
        Ok(running) => {
            let status = case.hook().response().success.unwrap_or(StatusCode::OK);
            let stopper = running.process.stopper();
            let (tell, exit) = oneshot::channel();
            let attended = Attended {
                entry,
                status,
                tell,
            };
            tokio::spawn(attended.watch(running.process, turn));
            let streaming = Streaming {
                output: running.output,
                exit,
                _stops: StopOnDrop(stopper),
                _attached: attached,
            };
            let mut response = with_body(status, StreamBody::new(frames(streaming)).boxed_unsync());
            let trailers = HeaderValue::from_static("Dogi-Exit-Code");
            response.headers_mut().insert(TRAILER, trailers);
            response
        }
    };
    add_headers(&mut response, case.hook());
    Ok(response)
}

/// A streamed command, for whoever waits for its end.
struct Attended {
    entry: Entry,
    status: StatusCode,
    tell: oneshot::Sender<Result<Exit, WaitError>>,
}

impl Attended {
    /// Waits for the end, and gives back the turn then, however slowly the client reads.
    async fn watch(self, mut process: Process, turn: Turn) {
        let exit = process.wait().await;
        drop(turn);
        let outcome = match &exit {
            Ok(exit) => Outcome::Ran {
                exit_code: Some(exit.status.shell_code()),
                error: (!exit.success()).then(|| launch::failure(exit)),
            },
            Err(error) => Outcome::Ran {
                exit_code: None,
                error: Some(crate::chain(error)),
            },
        };
        self.entry.ends(self.status, outcome);
        // The client may have gone.
        let _ = self.tell.send(exit);
    }
}

/// Asks a command to end, with its children; they are killed some seconds later.
struct StopOnDrop(Stopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Streaming {
    output: Output,
    exit: oneshot::Receiver<Result<Exit, WaitError>>,
    _stops: StopOnDrop,
    _attached: EofGuard,
}

/// What the command writes, and its exit code as a trailer.
fn frames(streaming: Streaming) -> impl Stream<Item = Result<Frame<Bytes>, BodyError>> + Send {
    stream::unfold(Some(streaming), |streaming| async {
        let mut streaming = streaming?;
        match streaming.output.next().await {
            Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(streaming))),
            Ok(None) => Some((streaming.end().await, None)),
            Err(error) => Some((Err(error.into()), None)),
        }
    })
}

impl Streaming {
    async fn end(self) -> Result<Frame<Bytes>, BodyError> {
        let exit = self.exit.await??;
        let mut trailers = HeaderMap::new();
        trailers.insert(EXIT_CODE, HeaderValue::from(exit.status.shell_code()));
        Ok(Frame::trailers(trailers))
    }
}
