//! Taking up the output of a container that an earlier connection, or an earlier life of this program,
//! has read in part.
//!
//! The bytes that were kept and the engine's own copy begin alike. So: read the copy from its
//! beginning while the container runs, pass over what is known, and go on; and when the container has
//! ended, **always** once more, because the first reading misses the end now and then. What is passed over
//! is compared. Where it differs the copy has lost its beginning (the engine bounds it), and only the
//! times that the engine wrote beside it tell what is new: then a gap is told, and what is certain to lie
//! beyond it follows. Nothing is guessed and nothing is repeated. The order between stdout and stderr is
//! not that of the program.

mod reading;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::hearing::Hearing;
use super::messages::Stamp;
use super::pass::Side;
use super::refusal::{Refusal, Trouble};
use super::rewriting::Rewriting;
use super::{Channel, Container, ContainerState, Output};
use crate::error::EngineError;
use reading::Read;

/// What is known of a container's output: everything that was kept, from its first byte. It is read once,
/// and not held in memory.
pub struct Prior {
    /// What was kept of standard output; of everything, where there is a terminal.
    pub stdout: BoxStream<'static, io::Result<Bytes>>,
    /// What was kept of standard error.
    pub stderr: BoxStream<'static, io::Result<Bytes>>,
}

impl Prior {
    /// Nothing is known yet.
    pub fn none() -> Prior {
        Prior {
            stdout: futures::stream::empty().boxed(),
            stderr: futures::stream::empty().boxed(),
        }
    }
}

impl std::fmt::Debug for Prior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prior").finish_non_exhaustive()
    }
}

/// What comes after what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adopted {
    /// The next bytes, never empty, at most 64 KiB.
    Output(Channel, Bytes),
    /// Something is missing here, or may be.
    Gap(Gap),
}

/// Why output is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// The engine's copy does not begin as what is known: it was bounded, or the engine crashed while
    /// it wrote.
    #[error("the Docker engine no longer has what the job printed here")]
    Dropped,
    /// The engine was restarted while the container ran, or so it seems, and has nothing in its copy that
    /// it read in its present life: either there was nothing, or it does not read this output any more.
    #[error("the Docker engine may have been restarted, and has heard nothing of the job since")]
    Unheard,
    /// The engine's copy can't be read.
    #[error("the Docker engine's copy of the output can't be read: {reason}")]
    Unreadable {
        /// What was wrong with it.
        reason: String,
    },
}

/// The output of an adopted container, from where the known part ends. It ends when the container
/// does not run any more and everything has been delivered.
///
/// An engine that goes away is waited for, without end: drop the stream to give up. One that answers,
/// and refuses or breaks off, is asked some times more. Read ahead like
/// [`Output`], but a consumer that stops does not hold up the container.
#[derive(Debug)]
pub struct Adoption {
    pieces: mpsc::Receiver<Result<Adopted, AdoptError>>,
    _task: AbortOnDropHandle<()>,
}

/// An adoption that can't go on.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// What was kept can't be read.
    #[error("the output that was kept can't be read")]
    Prior(#[source] io::Error),
    /// The container is gone, or the engine refuses.
    #[error("the container's output can't be taken up")]
    Engine(#[source] EngineError),
}

impl Adoption {
    /// The next piece; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// See [`AdoptError`]; the stream ends after it.
    pub async fn next(&mut self) -> Option<Result<Adopted, AdoptError>> {
        self.pieces.recv().await
    }
}

impl Stream for Adoption {
    type Item = Result<Adopted, AdoptError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_recv(cx)
    }
}

impl Container {
    /// Takes up the output where `prior` ends. Fine for a container that runs and for one that has
    /// ended; of one that was never started there is none.
    pub fn adopt(&self, prior: Prior) -> Adoption {
        self.adopt_with(prior, Rewriting::none())
    }

    /// As [`Container::adopt`], of an output that is rewritten before it is kept: `prior` is, and so is
    /// what comes.
    pub fn adopt_with(&self, prior: Prior, rewriting: Rewriting) -> Adoption {
        let (send, pieces) = mpsc::channel(Output::READ_AHEAD);
        let container = self.clone();
        let task = tokio::spawn(async move {
            let mut adopting = Adopting {
                container,
                rewriting,
                stdout: Side::default(),
                stderr: Side::default(),
                by_time: false,
                begun: false,
                in_doubt: false,
                compared: false,
                told: false,
                position: None,
                newest: Stamp::default(),
                hearing: None,
                doubt_told: false,
                trouble: Trouble::new(),
                send,
            };
            let failed = match adopting.run(prior).await {
                Ok(()) | Err(Stop::Unheard) => return,
                Err(Stop::Failed(error)) => error,
            };
            let _ = adopting.send.send(Err(failed)).await;
        });
        Adoption {
            pieces,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

enum Stop {
    /// Nobody listens.
    Unheard,
    Failed(AdoptError),
}

impl Stop {
    /// An answer broke off.
    fn is_a_break(&self) -> bool {
        matches!(
            self,
            Stop::Failed(AdoptError::Engine(EngineError::Lost { .. }))
        )
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Stop {
        Stop::Failed(AdoptError::Engine(error))
    }
}

struct Adopting {
    container: Container,
    rewriting: Rewriting,
    stdout: Side,
    stderr: Side,
    /// The copy lacks its beginning: only times tell what is new.
    by_time: bool,
    /// A reading has begun, and it was looked at whether the copy had its beginning.
    begun: bool,
    /// It may have lost it, and that is not told yet.
    in_doubt: bool,
    /// An earlier reading has found all that is known at the copy's beginning.
    compared: bool,
    /// A gap was told, up to where the times of both sides say.
    told: bool,
    /// Up to here everything of both channels is known, or lies in the gap that was told.
    position: Option<Stamp>,
    /// The time of the newest message that was seen.
    newest: Stamp,
    /// Whether the engine reads the output at all; looked at anew whenever it may have another life.
    hearing: Option<Hearing>,
    /// That it does not was told, and nothing has come since.
    doubt_told: bool,
    trouble: Trouble,
    send: mpsc::Sender<Result<Adopted, AdoptError>>,
}

/// Following that went well for so long begins the count anew: a job may be silent for days.
const WENT_WELL: Duration = Duration::from_secs(30);
/// A container's end is known to the engine a moment after its output has ended.
const END_LAG: Duration = Duration::from_secs(2);
const PIECE: usize = 64 * 1024;

impl Adopting {
    async fn run(&mut self, mut prior: Prior) -> Result<(), Stop> {
        for (side, stream) in [
            (&mut self.stdout, &mut prior.stdout),
            (&mut self.stderr, &mut prior.stderr),
        ] {
            while let Some(bytes) = stream.next().await {
                let bytes = bytes.map_err(|err| Stop::Failed(AdoptError::Prior(err)))?;
                side.record(&bytes);
            }
        }
        drop(prior);
        while let Err(stop) = self.read_to_the_end().await {
            let Stop::Failed(AdoptError::Engine(error)) = stop else {
                return Err(stop);
            };
            tracing::debug!(%error, "the output is taken up again");
            let reason = match Refusal::of(error)? {
                Refusal::BrokenOff => {
                    // What answers next may be another life of the engine, even if it answers at once:
                    // somebody else may hold its socket. That one may hear what comes now, and not what
                    // came before.
                    self.tell_doubt().await?;
                    self.hearing = None;
                    if self.outlived_the_engine().await || self.trouble.passes().await {
                        continue;
                    }
                    "it breaks off again and again".to_owned()
                }
                Refusal::Passing { .. } if self.trouble.passes().await => continue,
                Refusal::Passing { reason } | Refusal::Final { reason } => reason,
            };
            self.tell(Gap::Unreadable { reason }).await?;
            let container = self.container.clone();
            let ended = container
                .docker()
                .patiently(|| container.wait_not_running());
            return Ok(ended.await?);
        }
        Ok(())
    }

    async fn read_to_the_end(&mut self) -> Result<(), Stop> {
        let running = self.container.state().await? == ContainerState::Running;
        if self.hearing.is_none() {
            let hearing = self.ask_for_hearing(running).await?;
            if running && hearing.is_in_doubt() && !self.container.is_at_hand().await {
                self.hearing = None;
                self.give_doubt().await?;
            }
        }
        loop {
            let running = self.container.state().await? == ContainerState::Running;
            let begun = Instant::now();
            match self.read(running).await {
                Ok(Read::Whole) if running => self.until_ended().await?,
                Ok(Read::Whole) => {
                    self.tell_doubt().await?;
                    // It may have been restarted without breaking anything off.
                    self.ask_for_hearing(false).await?;
                    return self.tell_doubt().await;
                }
                Ok(Read::Again) => self.compared = true,
                Ok(Read::Differs(differs)) => self.go_by_time(differs, running).await?,
                Err(stop) => {
                    if running && stop.is_a_break() && begun.elapsed() >= WENT_WELL {
                        self.trouble = Trouble::new();
                    }
                    return Err(stop);
                }
            }
        }
    }

    async fn ask_for_hearing(&mut self, running: bool) -> Result<Hearing, EngineError> {
        let mut hearing = self.container.hearing(running).await?;
        hearing.heard(self.newest);
        self.hearing = Some(hearing);
        Ok(hearing)
    }

    /// What the engine has not read, perhaps, it will never have: that is told where it would stand.
    async fn tell_doubt(&mut self) -> Result<(), Stop> {
        let hearing = self.hearing.take();
        if hearing.is_some_and(Hearing::is_unheard) {
            self.give_doubt().await?;
        }
        self.hearing = Some(Hearing::default());
        Ok(())
    }

    /// Once, until something comes.
    async fn give_doubt(&mut self) -> Result<(), Stop> {
        self.hearing = Some(Hearing::default());
        if !std::mem::replace(&mut self.doubt_told, true) {
            self.give(Adopted::Gap(Gap::Unheard)).await?;
        }
        Ok(())
    }

    /// Waits for an engine that is away, however long it takes; false for one that answers.
    async fn outlived_the_engine(&mut self) -> bool {
        let docker = self.container.docker();
        if docker.ping().await.is_ok() {
            return false;
        }
        docker.until_it_answers().await;
        self.trouble = Trouble::new();
        // One that goes away at each question would be asked without a pause otherwise.
        self.trouble.pauses.wait().await;
        true
    }

    /// The copy was followed to an end that may be the engine's own: looks again soon.
    async fn until_ended(&self) -> Result<(), EngineError> {
        let ended = tokio::time::timeout(END_LAG, self.container.wait_not_running());
        ended.await.unwrap_or(Ok(()))
    }

    async fn deliver(
        &mut self,
        channel: Channel,
        stamp: Stamp,
        mut bytes: Bytes,
    ) -> Result<(), Stop> {
        let side = match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
        };
        side.record(&bytes);
        self.trouble = Trouble::new();
        self.doubt_told = false;
        let before = match side.last {
            Some((last, count)) if last == stamp => count,
            _ => 0,
        };
        side.last = Some((stamp, before.saturating_add(bytes.len() as u64)));
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.give(Adopted::Output(channel, piece)).await?;
        }
        Ok(())
    }

    /// The gap reaches to where the times of both sides say.
    async fn tell_dropped(&mut self) -> Result<(), Stop> {
        let last = [&self.stdout, &self.stderr].map(|side| side.last.map(|(stamp, _)| stamp));
        self.position = last.into_iter().fold(self.position, Option::max);
        self.tell(Gap::Dropped).await
    }

    async fn tell(&mut self, gap: Gap) -> Result<(), Stop> {
        self.told = true;
        self.give(Adopted::Gap(gap)).await
    }

    async fn give(&self, piece: Adopted) -> Result<(), Stop> {
        self.send.send(Ok(piece)).await.map_err(|_| Stop::Unheard)
    }
}
