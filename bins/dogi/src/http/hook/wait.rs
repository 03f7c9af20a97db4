//! Commands whose output is the answer.

use std::sync::Arc;

use bytes::Bytes;
use dogi_command::Running;
use dogi_hooks::incoming::Command;
use futures::{Stream, stream};
use http::header::TRAILER;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};

use super::answer::{add_headers, text, with_body};
use super::{Answered, Case};
use crate::hooks::{Captured, LaunchError, LineFull, LineLimits, Outcome, Turn, launch};
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
    case: &Case,
    command: Command,
    on_error: bool,
) -> Answered {
    let (line, timeout, id) = (case.line(), case.timeout(state), case.id.clone());
    let state = Arc::clone(state);
    // In a task of its own, which goes on when the client has gone.
    let running = tokio::spawn(async move {
        let _turn = state.hooks.turns.take(&id, line).await?;
        Ok::<_, LineFull>(launch::capture(&state.hooks.host, command, timeout).await)
    });
    let ended = running.await.map_err(|error| {
        tracing::error!(%error, "a hook's command broke off");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, FAILED)
    })??;
    let (mut response, outcome) = of_captured(case, ended, on_error);
    add_headers(&mut response, case.hook());
    Ok((response, outcome))
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
    case: &Case,
    command: Command,
) -> Answered {
    let turn = state.hooks.turns.take(&case.id, case.line()).await?;
    let spawned = launch::spawn(&state.hooks.host, command, case.timeout(state)).await;
    let (mut response, outcome) = match spawned {
        Err(error) => (
            text(StatusCode::INTERNAL_SERVER_ERROR, FAILED),
            not_run(&error),
        ),
        Ok(running) => {
            let status = case.hook().response().success;
            let streaming = Streaming {
                hook: case.id.clone(),
                running,
                _turn: turn,
                _attached: call.activity.watch_eof(),
            };
            let body = StreamBody::new(frames(streaming)).boxed_unsync();
            let mut response = with_body(status.unwrap_or(StatusCode::OK), body);
            let trailers = HeaderValue::from_static("Dogi-Exit-Code");
            response.headers_mut().insert(TRAILER, trailers);
            // How it ends is told when it does, in the log.
            let (exit_code, error) = (None, None);
            (response, Outcome::Ran { exit_code, error })
        }
    };
    add_headers(&mut response, case.hook());
    Ok((response, outcome))
}

struct Streaming {
    hook: String,
    /// Dropped, it kills the command.
    running: Running,
    _turn: Turn,
    /// A client that has closed its side is gone, and the command with it.
    _attached: EofGuard,
}

/// What the command writes, and its exit code as a trailer.
fn frames(streaming: Streaming) -> impl Stream<Item = Result<Frame<Bytes>, BodyError>> + Send {
    stream::unfold(Some(streaming), |streaming| async {
        let mut streaming = streaming?;
        match streaming.running.output.next().await {
            Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(streaming))),
            Ok(None) => Some((streaming.end().await, None)),
            Err(error) => Some((Err(error.into()), None)),
        }
    })
}

impl Streaming {
    async fn end(mut self) -> Result<Frame<Bytes>, BodyError> {
        let exit = self.running.process.wait().await?;
        let exit_code = exit.status.shell_code();
        match exit.success() {
            true => tracing::info!(hook = self.hook, exit_code, "the streamed command ended"),
            false => {
                let error = launch::failure(&exit);
                tracing::warn!(
                    hook = self.hook,
                    exit_code,
                    error,
                    "the streamed command ended"
                );
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert(EXIT_CODE, HeaderValue::from(exit_code));
        Ok(Frame::trailers(trailers))
    }
}
