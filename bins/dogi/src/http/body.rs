//! Bodies of answers. The one that matters follows a run: when it is dropped, because it ended or
//! because the client went away, everything that it holds is given back.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use dogi_engine::{Engine, Lease, RunHandle};
use dogi_job::{RunStatus, State};
use dogi_stream::{Follower, Framing, Multiplexer, Piece, Position};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::links::Links;
use super::status;
use crate::listen::{Activity, EofGuard};
use crate::metrics::FollowerGuard;

/// What cuts a body off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Trailers of a stream, also headers where the run is over before the answer begins.
pub(super) const STATE: HeaderName = HeaderName::from_static("dogi-state");
/// The exit code of the container, where there is one.
pub(super) const EXIT_CODE: HeaderName = HeaderName::from_static("dogi-exit-code");

/// Comments of server-sent events come this often, and news of the place in the queue.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The name of the status where positions of outputs stand: a cursor that has it is at the end.
pub(super) const STATUS_OUTPUT: &str = "status";

/// Bytes that are there already.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Bytes that come as they are asked for.
pub(super) fn stream_of(bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(bytes.map(|bytes| bytes.map(Frame::data).map_err(BodyError::from)))
        .boxed_unsync()
}

/// Nothing.
pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// The state and the exit code, as trailers and headers tell them.
pub(super) fn result_fields(status: &RunStatus) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(STATE, HeaderValue::from_static(status.state.as_str()));
    if let Some(code) = status.exit_code {
        fields.insert(EXIT_CODE, HeaderValue::from(code));
    }
    fields
}

/// A body whose bytes are counted as they are taken.
pub(super) fn counted(body: Body, sent: Counter) -> Body {
    Counted { body, sent }.boxed_unsync()
}

/// Not a mapped body: that would hide the length, and short answers would go out in chunks.
struct Counted {
    body: Body,
    sent: Counter,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref())
        {
            self.sent.inc_by(data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bytes of one output, without any framing.
pub(super) fn raw(follower: Follower) -> Body {
    StreamBody::new(data(follower)).boxed_unsync()
}

/// Bodies one after the other, each followed by a newline.
pub(super) fn joined(followers: Vec<Follower>) -> Body {
    let parts = stream::iter(followers).flat_map(|follower| {
        data(follower).chain(stream::once(async {
            Ok(Frame::data(Bytes::from_static(b"\n")))
        }))
    });
    StreamBody::new(Box::pin(parts)).boxed_unsync()
}

fn data(follower: Follower) -> impl Stream<Item = Result<Frame<Bytes>, BodyError>> + Send {
    follower.filter_map(|piece| async {
        match piece {
            Ok(Piece::Data { bytes, .. }) => Some(Ok(Frame::data(bytes))),
            Ok(Piece::Restarted { .. }) => None,
            Err(error) => Some(Err(disk(error))),
        }
    })
}

/// The frames of outputs that wait for nothing any more.
pub(super) fn framed(outputs: Multiplexer) -> Body {
    let frames = outputs.map(|frame| frame.map(Frame::data).map_err(disk));
    StreamBody::new(frames).boxed_unsync()
}

fn disk(error: io::Error) -> BodyError {
    tracing::error!(%error, "an output can't be read");
    Box::new(error)
}

/// Follows the outputs of a run and ends with how it ended.
#[derive(Debug)]
pub(super) struct RunStream {
    pub(super) outputs: Multiplexer,
    pub(super) run: RunHandle,
    /// Its place in the queue, if that is told.
    pub(super) place: Option<Place>,
    pub(super) links: Links,
    /// Show the status as the last thing.
    pub(super) show_status: bool,
    /// Cut the body of a failed job off.
    pub(super) cut_failed: bool,
    pub(super) activity: Arc<Activity>,
    pub(super) follower: FollowerGuard,
    /// The job ends with this body.
    pub(super) _attached: Option<(Lease, EofGuard)>,
}

/// The place in the queue of a run that waits, as it was told last. It is of the moment, and stands
/// in no output.
#[derive(Debug)]
pub(super) struct Place {
    engine: Engine,
    told: Option<usize>,
}

impl Place {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, told: None }
    }

    /// Where the run stands in the queue, if that was not told yet.
    fn news(&mut self, run: &RunHandle) -> Option<usize> {
        if run.status().state != State::Queued {
            return None;
        }
        let now = self.engine.status(run).queue_position?;
        (self.told.replace(now) != Some(now)).then_some(now)
    }
}

/// A stream and where it stands.
struct Progress {
    stream: RunStream,
    stage: Stage,
    ticks: Interval,
}

enum Stage {
    /// A frame that was waited for before the headers went out.
    Begun(Option<Bytes>),
    /// The outputs.
    Following,
    /// They have ended; the run may still call back.
    Ending,
    /// Everything but the trailers is out.
    Told(Arc<RunStatus>),
    Over,
}

impl RunStream {
    /// The next frame of the outputs, for an answer that has not begun. Cancel safe.
    pub(super) async fn first(&mut self) -> io::Result<Option<Bytes>> {
        self.outputs.next().await
    }

    /// The body, beginning with a frame that [`RunStream::first`] took out.
    pub(super) fn into_body(self, first: Option<Bytes>) -> Body {
        let mut ticks = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let progress = Progress {
            stream: self,
            stage: Stage::Begun(first),
            ticks,
        };
        let frames = stream::unfold(progress, |mut progress| async move {
            let frame = progress.next().await?;
            if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                progress.stream.follower.gave(data.len());
            }
            Some((frame, progress))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// What there is to tell of the place in the queue.
    pub(super) fn place(&mut self) -> Option<Bytes> {
        let position = self.place.as_mut()?.news(&self.run)?;
        Some(self.outputs.framing().queued(position))
    }

    fn keep_alive(&self) -> Option<Bytes> {
        self.outputs.framing().keep_alive()
    }
}

impl Progress {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Begun(first) => {
                    self.stage = Stage::Following;
                    if let Some(frame) = first {
                        return Some(Ok(Frame::data(frame)));
                    }
                }
                Stage::Following => {
                    self.stage = Stage::Following;
                    let frame = match self.follow().await {
                        Ok(Some(frame)) => frame,
                        Ok(None) => {
                            self.stage = Stage::Ending;
                            continue;
                        }
                        Err(error) => return Some(Err(disk(error))),
                    };
                    return Some(Ok(Frame::data(frame)));
                }
                Stage::Ending => {
                    self.stage = Stage::Ending;
                    let frame = self.end().await?;
                    return Some(frame);
                }
                Stage::Told(status) => {
                    return Some(Ok(Frame::trailers(result_fields(&status))));
                }
                Stage::Over => return None,
            }
        }
    }

    /// The next frame of the outputs, or in between a new place in the queue or a comment.
    async fn follow(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            tokio::select! {
                biased;
                frame = self.stream.outputs.next() => {
                    self.ticks.reset();
                    return frame;
                }
                _ = self.ticks.tick() => {}
            }
            let told = self.stream.place().or_else(|| self.stream.keep_alive());
            if told.is_some() {
                return Ok(told);
            }
        }
    }

    /// What comes after the outputs: comments until the run is over, then the status, or the cut.
    async fn end(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        let comment = self.stream.keep_alive();
        let status = tokio::select! {
            biased;
            status = self.stream.run.finished() => status,
            _ = self.ticks.tick(), if comment.is_some() => {
                return comment.map(|comment| Ok(Frame::data(comment)));
            }
        };
        let failed = status.state != State::Succeeded;
        if self.stream.show_status {
            self.stream.show_status = false;
            let json = status::json(&status, &self.stream.links).to_string();
            return Some(Ok(Frame::data(self.status_frame(json).await)));
        }
        if failed && self.stream.cut_failed {
            self.stage = Stage::Over;
            // All that was said before has to arrive: a cut throws away what is not sent.
            self.stream.activity.flushed().await;
            return Some(Err("the job failed".into()));
        }
        self.stage = Stage::Told(status);
        Box::pin(self.next()).await
    }

    async fn status_frame(&mut self, json: String) -> Bytes {
        if self.stream.outputs.framing() == Framing::Sse {
            // Its id is past the end, so that a browser that connects again is told to stop.
            let mut cursor = self.stream.outputs.cursor().clone();
            cursor.set(STATUS_OUTPUT, Position::new(0, 1));
            return format!("event: status\ndata: {json}\nid: {cursor}\n\n").into();
        }
        self.stream.outputs.push_status(json);
        let mut whole = Vec::new();
        // No output is left: only what was pushed comes, and nothing is waited for.
        while let Ok(Some(frame)) = self.stream.outputs.next().await {
            whole.extend_from_slice(&frame);
        }
        whole.into()
    }
}
