//! Output by attach, and the start of a container.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http::Method;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Container;
use super::demux::{Demux, Source, freeze};
use crate::error::EngineError;

/// Which of its two outputs a program wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Standard output; everything, where there is a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Channel {
    /// Its place in a pair.
    pub(super) fn index(self) -> usize {
        match self {
            Channel::Stdout => 0,
            Channel::Stderr => 1,
        }
    }
}

/// A running container and what it prints.
#[derive(Debug)]
pub struct Attached {
    /// Everything that it prints, from the first byte to the last.
    pub output: Output,
}

/// What a container prints, as it comes: a stream of pieces, never empty, of at most about 64 KiB.
/// It ends when the container's output ends.
///
/// **Backpressure.** A task of its own reads from the engine, at most [`Output::READ_AHEAD`] pieces
/// ahead of whoever takes them. When nobody takes them for longer, the engine's buffers fill and *the
/// program in the container blocks in its next write*. So a consumer must not wait for anything slow:
/// write to a file or count and drop, but go on reading. Dropping the stream detaches: the container
/// goes on and its later output is lost to this stream.
#[derive(Debug)]
pub struct Output {
    pieces: mpsc::Receiver<Result<(Channel, Bytes), OutputError>>,
    _reader: AbortOnDropHandle<()>,
}

/// Output that broke off before its end.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The engine went away.
    #[error("the output broke off")]
    Lost(#[source] EngineError),
    /// The engine told of trouble of its own, in the middle of the output.
    #[error("the engine stopped reading the output: {message}")]
    Engine {
        /// What it said.
        message: String,
    },
}

/// A container that this call did not start. It has been removed, unless it was started by somebody
/// else or the engine is gone.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine could not run the command: no such program, no right to run it, a working
    /// directory that is a file, a user that does not exist…
    #[error("the container could not start {command}: {reason}")]
    Command {
        /// What was to be run.
        command: String,
        /// What Docker said, less its own stack of prefixes.
        reason: String,
    },
    /// It was started before, by a request of somebody else. It is left alone; what it prints may have
    /// begun before this call listened: [`Container::adopt`] has it all.
    #[error("the container for {command} was started already")]
    AlreadyStarted {
        /// What is run in it.
        command: String,
    },
    /// The engine refused for another reason, or is gone.
    #[error("the container for {command} was not started")]
    Engine {
        /// What was to be run.
        command: String,
        /// The engine's answer.
        #[source]
        source: EngineError,
    },
}

impl Output {
    /// How many pieces the reader is ahead at most; with their size, 4 MiB.
    pub const READ_AHEAD: usize = 64;

    pub(super) fn read(
        container: &Container,
        what: &'static str,
        tty: bool,
        io: impl AsyncRead + Send + Unpin + 'static,
    ) -> Output {
        let (send, pieces) = mpsc::channel(Output::READ_AHEAD);
        let container = container.clone();
        let task = tokio::spawn(async move { pump(container, what, tty, io, send).await });
        Output {
            pieces,
            _reader: AbortOnDropHandle::new(task),
        }
    }

    /// The next piece; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// The connection to the engine broke: what comes is incomplete.
    pub async fn next(&mut self) -> Option<Result<(Channel, Bytes), OutputError>> {
        self.pieces.recv().await
    }
}

impl Stream for Output {
    type Item = Result<(Channel, Bytes), OutputError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(cx)
    }
}

type Sender = mpsc::Sender<Result<(Channel, Bytes), OutputError>>;

async fn pump(
    container: Container,
    what: &'static str,
    tty: bool,
    mut io: impl AsyncRead + Send + Unpin,
    send: Sender,
) {
    if let Err(error) = copy(&container, what, tty, &mut io, &send).await {
        // Nobody listens any more: fine.
        let _ = send.send(Err(error)).await;
    }
}

async fn copy(
    container: &Container,
    what: &'static str,
    tty: bool,
    io: &mut (impl AsyncRead + Send + Unpin),
    send: &Sender,
) -> Result<(), OutputError> {
    let lost = |err: std::io::Error| OutputError::Lost(container.docker.lost(what, err));
    let mut demux = Demux::new(tty);
    let mut buffer = BytesMut::with_capacity(CHUNK);
    let mut pieces = Vec::new();
    loop {
        buffer.clear();
        if io.read_buf(&mut buffer).await.map_err(lost)? == 0 {
            return if demux.at_boundary() {
                Ok(())
            } else {
                Err(lost(std::io::ErrorKind::UnexpectedEof.into()))
            };
        }
        demux
            .push(&buffer, &mut pieces)
            .map_err(|err| OutputError::Engine {
                message: err.to_string(),
            })?;
        for (source, piece) in pieces.drain(..) {
            let piece = freeze(piece);
            let Source::Job(channel) = source else {
                let message = String::from_utf8_lossy(&piece).into_owned();
                return Err(OutputError::Engine { message });
            };
            if send.send(Ok((channel, piece))).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// How often attaching is tried before the start.
const ATTACH_ATTEMPTS: usize = 3;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

impl Container {
    /// Attaches, then starts: so no byte of output is missed.
    ///
    /// When it can't be started the container is removed. It is not when somebody else has started it,
    /// nor when the engine went away: then whether it was started is not known. Dropping the future after the start has been sent leaves a
    /// container that may run: [`Container::remove`] it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_attached(&self) -> Result<Attached, StartError> {
        match self.try_start().await {
            Ok(attached) => Ok(attached),
            Err(source) => {
                if source.is_engine_gone() {
                    tracing::debug!(container = %self.id, "the engine went away during a start");
                } else if is_started_already(&source) {
                    tracing::debug!(container = %self.id, "somebody else has started it");
                } else if let Err(err) = self.remove().await {
                    tracing::warn!(container = %self.id, error = %err, "not removed after a failed start");
                }
                Err(self.start_error(source))
            }
        }
    }

    async fn try_start(&self) -> Result<Attached, EngineError> {
        let io = self.attach().await?;
        let output = Output::read(self, "read the container's output", self.tty, io);
        // The client library takes 304 for a success.
        self.docker
            .raw(
                "start the container",
                Method::POST,
                &self.path("start"),
                |builder| builder,
                Bytes::new(),
            )
            .await?;
        Ok(Attached { output })
    }

    /// Attaches to a container that was not started. A busy engine has been seen to reset the
    /// connection of one among thousands; nothing has happened then, and it is asked again.
    async fn attach(&self) -> Result<TokioIo<Upgraded>, EngineError> {
        let path = self.path("attach?stream=1&stdout=1&stderr=1");
        let ask = || {
            self.docker
                .hijack("attach to the container", &path, Bytes::new())
        };
        for _ in 1..ATTACH_ATTEMPTS {
            match ask().await {
                Err(error @ EngineError::Lost { .. }) => {
                    tracing::debug!(container = %self.id, %error, "attaching once more");
                }
                other => return other,
            }
        }
        ask().await
    }

    fn start_error(&self, source: EngineError) -> StartError {
        let command = self.command.clone();
        match &source {
            already if is_started_already(already) => StartError::AlreadyStarted { command },
            EngineError::Refused { message, .. } => StartError::Command {
                command,
                reason: explain_start(message),
            },
            _ => StartError::Engine { command, source },
        }
    }
}

/// `POST /containers/{id}/start` answers 304 for a container that runs.
fn is_started_already(error: &EngineError) -> bool {
    error.status() == Some(304)
}

/// Runtimes wrap the reason in layers of their own names, which help nobody.
fn explain_start(message: &str) -> String {
    const LAYERS: &[&str] = &[
        "failed to create task for container: ",
        "failed to create shim task: ",
        "failed to create shim: ",
        "OCI runtime create failed: ",
        "OCI runtime start failed: ",
        "runc create failed: ",
        "container_linux.go:",
        "unable to start container process: ",
        "error during container init: ",
        "starting container process caused: ",
        "process_linux.go:",
    ];
    let mut text = message;
    while let Some(rest) = LAYERS.iter().find_map(|layer| text.strip_prefix(layer)) {
        text = rest;
    }
    text.trim_end_matches(": unknown").to_owned()
}
