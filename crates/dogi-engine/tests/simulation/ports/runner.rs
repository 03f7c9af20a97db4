//! Builds and runs, on an engine that goes away and comes back.

use std::time::Duration;

use bytes::Bytes;
use dogi_engine::{
    outputs::RunOutputs,
    ports::{Alive, Begin, BuildRequest, BuiltImage, ContainerRequest, Runner, StepError, Work},
};
use dogi_job::{Event, Exit, FailureKind, RunId};
use dogi_stream::{Channel, Log};
use futures::{FutureExt, future::BoxFuture};

use super::Ports;
use crate::world::{Ended, LateStart, Look, Started, State};

/// How often an engine that is away is asked.
const AGAIN: Duration = Duration::from_millis(200);

fn away() -> StepError {
    StepError::failed(FailureKind::EngineUnavailable, "the engine is away")
}

fn gone() -> StepError {
    StepError::Lost {
        reason: "engine stopped: its container is gone".to_owned(),
    }
}

fn start(state: &mut State, id: &str, run: &RunId) -> Started {
    let now = state.now();
    let name = state.name(run);
    let late = state
        .disk
        .operation(run)
        .and_then(|operation| state.clients.late_start(run, operation));
    match late {
        Some(LateStart::AbortWasAnswered) => {
            state.violate(format!("{name} was started after its abort was answered"));
        }
        Some(LateStart::WasRefused) => {
            state.violate(format!(
                "{name} was started though it was refused or joined another"
            ));
        }
        None => {}
    }
    let started = state.containers.start(id, now);
    state.note(format!("{name} start {id}: {started:?}"));
    if let Started::Wrong(why) = &started {
        state.violate(format!("{name}: {why}"));
    }
    started
}

impl Ports {
    /// Asks the engine to do something.
    async fn ask<T>(&self, what: &str, act: impl FnOnce(&mut State) -> T) -> Result<T, StepError> {
        self.0
            .act(what, |state| {
                let there = state.engine_is_there() && !state.fails();
                there.then(|| act(state)).ok_or_else(away)
            })
            .await
    }

    /// Looks at a container, once the engine answers.
    async fn look(&self, id: &str, work: &Work) -> Result<Look, StepError> {
        loop {
            let look = |state: &mut State| {
                let now = state.now();
                state
                    .engine_is_there()
                    .then(|| state.containers.look(id, now))
            };
            if let Some(look) = self.0.alive(look).await {
                return Ok(look);
            }
            work.unless_cancelled(tokio::time::sleep(AGAIN)).await?;
        }
    }

    async fn make(&self, request: &ContainerRequest<'_>, work: &Work) -> Result<String, StepError> {
        let create = |state: &mut State| state.containers.create(&work.run, request.spec);
        let id = self.ask("create a container", create).await?;
        let filling = self.ask("fill a container", |_| ());
        work.unless_cancelled(filling).await??;
        let container = id.clone();
        work.record(Event::Started { container }).await;
        Ok(id)
    }

    async fn start(&self, id: &str, work: &Work) -> Result<(), StepError> {
        if work.cancel.is_cancelled() {
            return Err(StepError::Cancelled);
        }
        let run = &work.run;
        match self
            .ask("start a container", |state| start(state, id, run))
            .await?
        {
            Started::Fine | Started::Wrong(_) => Ok(()),
            Started::Gone => Err(gone()),
        }
    }

    async fn run_container(
        &self,
        request: ContainerRequest<'_>,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let (id, have) = match request.begin {
            Begin::Make { .. } => {
                let id = self.make(&request, work).await?;
                self.start(&id, work).await?;
                (id, 0)
            }
            Begin::TakeUp { container } => {
                if self.look(container, work).await? == Look::Created {
                    self.start(container, work).await?;
                }
                (container.to_owned(), printed(request.outputs).len())
            }
        };
        self.read_on(&id, have, request.outputs, work).await
    }

    /// Reads what the container prints from `have` bytes on, to its end.
    async fn read_on(
        &self,
        id: &str,
        mut have: usize,
        outputs: &RunOutputs,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let mut stopping = false;
        loop {
            if work.cancel.is_cancelled() && !stopping {
                stopping = true;
                let stop = |state: &mut State| {
                    let now = state.now();
                    state.containers.stop(id, now);
                };
                // The clean-up sees to a container that could not be stopped.
                self.ask("stop a container", stop)
                    .await
                    .map_err(|_| StepError::Cancelled)?;
            }
            let (text, ended, next) = match self.look(id, work).await? {
                Look::Gone | Look::Created => return Err(gone()),
                Look::Running { printed, next } => (printed, None, next),
                Look::Ended { printed, how } => (printed, Some(how), 0),
            };
            if let Some(more) = text.as_bytes().get(have..).filter(|more| !more.is_empty()) {
                let some = self.some_of(more).await;
                have += some.len();
                outputs.log().append(vec![(Channel::Stdout, some)]).await;
                continue;
            }
            match ended {
                Some(_) if stopping => return Err(StepError::Cancelled),
                Some(how) => return exit(how),
                None => self.wait(next, work, stopping).await,
            }
        }
    }

    /// As many bytes as arrive at once.
    async fn some_of(&self, more: &[u8]) -> Bytes {
        self.0.pause().await;
        let some = |state: &mut State| {
            let some = state.chance.between(1, more.len() as u64);
            usize::try_from(some).expect("no more than there is")
        };
        let some = self.0.alive(some).await;
        Bytes::copy_from_slice(&more[..some])
    }

    async fn wait(&self, until: u64, work: &Work, stopping: bool) {
        let now = self.0.lock().now();
        let sleep = tokio::time::sleep(Duration::from_millis(until.saturating_sub(now).max(1)));
        if stopping {
            sleep.await;
        } else {
            // Cancelled or not, the caller looks again.
            let _ = work.unless_cancelled(sleep).await;
        }
    }
}

fn exit(how: Ended) -> Result<Exit, StepError> {
    match how {
        Ended::ByItself { code } => Ok(Exit {
            code,
            out_of_memory: false,
        }),
        Ended::Stopped => Ok(Exit {
            code: 137,
            out_of_memory: false,
        }),
        Ended::WithTheEngine => Err(StepError::Lost {
            reason: "engine stopped".to_owned(),
        }),
    }
}

/// What stands in the log of the container's own output.
fn printed(outputs: &RunOutputs) -> Vec<u8> {
    job_bytes(outputs.log().reader())
}

impl Runner for Ports {
    fn build<'a>(
        &'a self,
        _request: BuildRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        async move {
            let building = self.ask("build", |_| ());
            work.unless_cancelled(building).await??;
            Ok(BuiltImage {
                id: "sha256:1".to_owned(),
                reused: false,
            })
        }
        .boxed()
    }

    fn run<'a>(
        &'a self,
        request: ContainerRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        self.run_container(request, work).boxed()
    }

    fn cleanup<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StepError>> {
        async move {
            let clean = |state: &mut State| state.containers.remove_of(run);
            self.ask("clean up", clean).await
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        async move {
            let there = self
                .ask("look for strangers", |state| state.containers.runs())
                .await?;
            let strangers: Vec<_> = there.into_iter().filter(|run| !alive(run)).collect();
            for run in &strangers {
                let remove = |state: &mut State| state.containers.remove_of(run);
                self.ask("remove a stranger", remove).await?;
            }
            Ok(strangers.len())
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>> {
        async { Ok(()) }.boxed()
    }
}

/// The bytes of the job itself, and not those of the server.
pub(crate) fn job_bytes(log: &Log) -> Vec<u8> {
    let pieces = log.read(0).expect("the log can be read");
    let own = pieces
        .iter()
        .filter(|(channel, _)| *channel == Channel::Stdout);
    own.flat_map(|(_, bytes)| bytes).copied().collect()
}
