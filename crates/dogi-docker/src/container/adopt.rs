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
use super::logs::Next;
use super::messages::Stamp;
use super::pass::{Pass, Side};
use super::{Channel, Container, ContainerState, Output};
use crate::error::EngineError;
use crate::follow::Mismatch;
use crate::patience::Pauses;

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
    /// The engine was restarted while the container ran, and has nothing in its copy that it read in
    /// its present life: either there was nothing, or it does not read this output any more.
    #[error("the Docker engine was restarted, and has heard nothing of the job since")]
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
        let (send, pieces) = mpsc::channel(Output::READ_AHEAD);
        let container = self.clone();
        let task = tokio::spawn(async move {
            let mut adopting = Adopting {
                container,
                stdout: Side::default(),
                stderr: Side::default(),
                by_time: false,
                told: false,
                hearing: None,
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

/// How a reading of the copy ended.
enum Read {
    Whole,
    /// What was kept is not the copy's beginning.
    Differs {
        /// How far the copy had come when the reading began.
        look: Look,
    },
}

/// How far the engine's copy has come.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// The time of its last message.
    until: Stamp,
    /// Whether all that was kept is in it, as far as that can be told.
    complete: bool,
}

struct Adopting {
    container: Container,
    stdout: Side,
    stderr: Side,
    /// The copy lacks its beginning: only times tell what is new.
    by_time: bool,
    /// A gap was told, up to where the times of both sides say.
    told: bool,
    /// Whether the engine reads the output at all; looked at once in each of its lives.
    hearing: Option<Hearing>,
    trouble: Trouble,
    send: mpsc::Sender<Result<Adopted, AdoptError>>,
}

/// Failures in a row, with nothing new between them.
struct Trouble {
    failures: usize,
    pauses: Pauses,
}

impl Trouble {
    fn new() -> Trouble {
        Trouble {
            failures: 0,
            pauses: Pauses::new(),
        }
    }

    /// Whether it may pass: after a pause, unless there were too many.
    async fn passes(&mut self) -> bool {
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            return false;
        }
        self.pauses.wait().await;
        true
    }
}

/// So often in a row an engine that answers pings may refuse or break off; with the pauses, some 11
/// seconds.
const MAX_FAILURES: usize = 16;
/// Following that went well for so long begins the count anew: a job may be silent for days.
const WENT_WELL: Duration = Duration::from_secs(30);
/// A container's end is known to the engine a moment after its output has ended.
const END_LAG: Duration = Duration::from_secs(2);
/// What was kept came by another way than the copy, and is to be in that first. A copy that has lost it,
/// or whose last lines are all alike, is not waited for longer: what is printed meanwhile lies in the gap.
const COPY_LAG: Duration = Duration::from_secs(2);
/// The most that may have been printed and not been copied yet when a reading begins: what the engine
/// holds in front of its log writer (1 MB, `blockThreshold` of its `bytespipe`), and a line without an end.
const UNCOPIED: u64 = 2 * 1024 * 1024;
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
                Refusal::BrokenOff if self.outlived_the_engine().await => {
                    // Its next life may hear what comes now, and not what came before.
                    self.tell_doubt().await?;
                    self.hearing = None;
                    continue;
                }
                Refusal::Passing { .. } | Refusal::BrokenOff if self.trouble.passes().await => {
                    continue;
                }
                Refusal::BrokenOff => "it breaks off again and again".to_owned(),
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
            let hearing = self.hearing.insert(self.container.hearing(running).await?);
            if running && hearing.is_in_doubt() && !self.container.is_at_hand().await {
                self.tell_doubt().await?;
            }
        }
        loop {
            let running = self.container.state().await? == ContainerState::Running;
            let begun = Instant::now();
            match self.read(running).await {
                Ok(Read::Whole) if running => self.until_ended().await?,
                Ok(Read::Whole) => return self.tell_doubt().await,
                Ok(Read::Differs { look }) => self.go_by_time(look, running).await?,
                Err(stop) => {
                    if running && stop.is_a_break() && begun.elapsed() >= WENT_WELL {
                        self.trouble = Trouble::new();
                    }
                    return Err(stop);
                }
            }
        }
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

    /// From here on only what is later than the copy was at a look is new. What was kept came by
    /// another way, perhaps a moment ago, and is to be in the copy first: it would come again otherwise.
    async fn go_by_time(&mut self, mut look: Look, running: bool) -> Result<(), EngineError> {
        let begun = Instant::now();
        let mut pauses = Pauses::new();
        // The copy of a container that has ended is as complete as it will ever be.
        while running && !look.complete && begun.elapsed() < COPY_LAG {
            pauses.wait().await;
            look = self.look().await?;
        }
        self.by_time = true;
        for side in [&mut self.stdout, &mut self.stderr] {
            side.last.get_or_insert((look.until, u64::MAX));
        }
        Ok(())
    }

    async fn look(&self) -> Result<Look, EngineError> {
        let mut until = Stamp::default();
        let mut copies = [Vec::new(), Vec::new()];
        for (channel, part) in self.container.last_of_copy().await? {
            until = until.max(part.stamp);
            copies[index(channel)].extend_from_slice(&part.bytes);
        }
        let complete = self.stdout.ends_in(&copies[0]) && self.stderr.ends_in(&copies[1]);
        Ok(Look { until, complete })
    }

    /// What the engine has not read, perhaps, it will never have: that is told where it would stand.
    async fn tell_doubt(&mut self) -> Result<(), Stop> {
        let hearing = self.hearing.replace(Hearing::default());
        if hearing.is_some_and(Hearing::is_in_doubt) {
            self.give(Adopted::Gap(Gap::Unheard)).await?;
        }
        Ok(())
    }

    async fn read(&mut self, follow: bool) -> Result<Read, Stop> {
        let look = self.look().await?;
        let mut copy = self.container.copy(follow).await?;
        let mut passes = [&self.stdout, &self.stderr].map(|side| Pass::new(side, self.by_time));
        let mut first = self.by_time;
        loop {
            let (parts, open) = match copy.next().await? {
                Next::Parts(parts) => (parts, None),
                Next::End { parts, open } => (parts, Some(open)),
            };
            for (channel, part) in parts {
                if let Some(hearing) = &mut self.hearing {
                    hearing.heard(part.stamp);
                }
                if std::mem::take(&mut first) && !self.covers(part.stamp) {
                    self.tell(Gap::Dropped).await?;
                }
                let pass = &mut passes[index(channel)];
                if pass.left() > UNCOPIED && part.stamp > look.until {
                    return Ok(Read::Differs { look });
                }
                match pass.take(&part) {
                    Ok(Some(bytes)) => self.deliver(channel, part.stamp, bytes).await?,
                    Ok(None) => {}
                    Err(Mismatch) => return Ok(Read::Differs { look }),
                }
            }
            let Some(open) = open else { continue };
            if first && !follow && !self.told {
                self.tell(Gap::Dropped).await?;
            }
            let ends_well = |(pass, open): (&mut Pass, bool)| pass.ends_well(open);
            let well = passes.iter_mut().zip(open).all(ends_well);
            return Ok(if well || follow {
                Read::Whole
            } else {
                Read::Differs { look }
            });
        }
    }

    /// Whether a copy that begins then has all that follows what was delivered.
    fn covers(&self, begins: Stamp) -> bool {
        let last = [&self.stdout, &self.stderr].map(|side| side.last);
        let known =
            |(stamp, bytes): &(Stamp, u64)| (self.told || *bytes != u64::MAX) && begins <= *stamp;
        last.iter().flatten().any(known)
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

    async fn tell(&mut self, gap: Gap) -> Result<(), Stop> {
        self.told = true;
        self.give(Adopted::Gap(gap)).await
    }

    async fn give(&self, piece: Adopted) -> Result<(), Stop> {
        self.send.send(Ok(piece)).await.map_err(|_| Stop::Unheard)
    }
}

/// An error with which the job itself may be well.
enum Refusal {
    /// The engine is away, or does not finish what it sends.
    BrokenOff,
    /// The engine has trouble that may pass.
    Passing { reason: String },
    /// The copy can't be read, whenever one asks.
    Final { reason: String },
}

impl Refusal {
    fn of(error: EngineError) -> Result<Refusal, EngineError> {
        match error {
            gone if gone.is_engine_gone() => Ok(Refusal::BrokenOff),
            EngineError::Garbled { reason, .. } => Ok(Refusal::Final { reason }),
            // Logging drivers that can't be read.
            EngineError::Refused {
                status: 501,
                message: reason,
                ..
            } => Ok(Refusal::Final { reason }),
            EngineError::Refused {
                status: 500..,
                message: reason,
                ..
            } => Ok(Refusal::Passing { reason }),
            other => Err(other),
        }
    }
}

fn index(channel: Channel) -> usize {
    match channel {
        Channel::Stdout => 0,
        Channel::Stderr => 1,
    }
}
