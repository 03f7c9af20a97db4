//! One container, from its creation to its end.

use std::time::Duration;

use bytes::Bytes;
use dogi_docker::{
    Attached, Container, ContainerSpec, FileEvent, FileKey, FollowStream, Injection, LabelFilter,
    Limits, Output,
};
use dogi_job::{Event, Exit, FailureKind, Origin};
use dogi_stream::Channel;
use dogi_url::FileName;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::{super::chain, DockerOptions, DockerRunner, error, label};
use crate::{
    outputs::{OutputWriter, RunOutputs},
    ports::{Begin, Checkout, ContainerRequest, StepError, Work},
};

/// Where the repository stands in a container of a ready image.
const WORKSPACE: &str = "/workspace";

/// Pieces of output written at once.
const BATCH: usize = 64;

/// The least time between two writes. A program that prints line by line would otherwise cost a
/// write, a wake-up of every reader and a chunk for each of them per line; a line that comes
/// alone is written at once.
const GATHER: Duration = Duration::from_millis(2);

impl DockerRunner {
    pub(super) async fn run_container(
        &self,
        request: ContainerRequest<'_>,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let checkout = match request.begin {
            Begin::Make { checkout } => checkout,
            Begin::TakeUp { .. } => {
                let reason = "engine stopped: its container is not taken up again".to_owned();
                return Err(StepError::Lost { reason });
            }
        };
        // Not given up half-way: a container that the engine makes after the clean-up has looked
        // would stay.
        let created = self.docker.create(&self.describe(&request, work)).await;
        let container = created.map_err(|error| error::step(FailureKind::Start, &error))?;
        self.containers()
            .insert(work.run.clone(), container.clone());
        work.unless_cancelled(fill(&container, &request, checkout, work))
            .await??;
        work.record(Event::Started {
            container: container.id().to_string(),
        })
        .await;
        let started = work.unless_cancelled(container.start_attached()).await?;
        let attached = started.map_err(|error| error::step(FailureKind::Start, &error))?;
        let files = follow(&container, &request)?;
        let mut end = std::pin::pin!(to_the_end(
            &container,
            attached,
            files,
            request.outputs,
            work
        ));
        tokio::select! {
            biased;
            exit = &mut end => exit,
            () = work.cancel.cancelled() => {
                self.stop_while(&container, end).await;
                Err(StepError::Cancelled)
            }
        }
    }

    fn describe(&self, request: &ContainerRequest<'_>, work: &Work) -> ContainerSpec {
        let spec = request.spec;
        let mut container = ContainerSpec::new(request.image);
        container.name = Some(format!("{}_{}", spec.instance, work.run));
        container.command = spec.command.as_ref().map(|command| command.argv());
        container.env = spec
            .env
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        container.tty = spec.tty;
        container.labels = self.labels(spec, &work.run);
        container.log_max_bytes = Some(self.options.log_max_bytes);
        container.limits = Limits {
            memory: spec.limits.memory,
            cpus: spec.limits.cpus.map(|cpus| cpus.nanos() as f64 / 1e9),
            pids: self.options.pids,
        };
        match &spec.origin {
            Origin::Image(_) => container.working_dir = Some(WORKSPACE.to_owned()),
            Origin::Build(build) => {
                container.platform = build.platform.as_ref().map(ToString::to_string);
            }
        }
        container
    }

    /// Asks the container to end, its last words still being written down.
    ///
    /// An engine that keeps silent does not hold up whoever waits: the clean-up that follows
    /// removes the container by force, and is tried again until it does.
    async fn stop_while<T>(&self, container: &Container, end: impl Future<Output = T>) {
        let DockerOptions {
            grace, patience, ..
        } = self.options;
        let stopping = async { futures::try_join!(container.stop(grace), end.map(Ok)).map(drop) };
        let failed = match tokio::time::timeout(grace + patience, stopping).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => "the engine did not stop it in time".to_owned(),
        };
        tracing::warn!(container = %container.id(), error = failed, "not stopped");
    }

    /// Removes the containers, networks and volumes that `filter` means and whose run is `wanted`.
    /// Returns how many there were.
    pub(super) async fn remove(
        &self,
        filter: &LabelFilter,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<usize, StepError> {
        let collected = self
            .docker
            .collect(filter, |owned| {
                !wanted(owned.labels.get(label::RUN).map_or("", String::as_str))
            })
            .await
            .map_err(|error| error::of_engine(&error))?;
        match collected.failed.first() {
            Some((_, error)) => Err(error::of_engine(error)),
            None => Ok(collected.removed.len()),
        }
    }
}

/// Puts in what the container needs before it starts.
async fn fill(
    container: &Container,
    request: &ContainerRequest<'_>,
    checkout: &dyn Checkout,
    work: &Work,
) -> Result<(), StepError> {
    if matches!(request.spec.origin, Origin::Image(_)) {
        let prefix = WORKSPACE.trim_start_matches('/');
        let tree = checkout.tree(prefix, work.cancel.clone());
        let uploaded = container.upload("/", tree).await;
        uploaded.map_err(|error| error::step(FailureKind::Start, &error))?;
    }
    if !request.spec.files.is_empty() {
        let injected = container.inject_helper().await;
        let injected = injected.map_err(|error| error::step(FailureKind::Start, &error))?;
        if let Injection::Unavailable { reason } = injected {
            work.console
                .line(format!("dogi: files are polled, not followed: {reason}"))
                .await;
        }
    }
    Ok(())
}

fn follow(
    container: &Container,
    request: &ContainerRequest<'_>,
) -> Result<Option<FollowStream>, StepError> {
    let files = &request.spec.files;
    if files.is_empty() {
        return Ok(None);
    }
    let keyed: Vec<(FileKey, &str)> = files
        .values()
        .map(|path| path.as_str())
        .enumerate()
        .collect();
    container
        .follow(&keyed)
        .map(Some)
        .map_err(|error| error::step(FailureKind::Start, &error))
}

/// Reads output and files to their ends, then asks how the container ended.
async fn to_the_end(
    container: &Container,
    attached: Attached,
    files: Option<FollowStream>,
    outputs: &RunOutputs,
    work: &Work,
) -> Result<Exit, StepError> {
    let printing = pump_output(attached.output, outputs.log());
    let following = async {
        match files {
            Some(files) => pump_files(files, outputs, work).await,
            None => Ok(()),
        }
    };
    let (printed, followed) = futures::join!(printing, following);
    printed?;
    followed?;
    let exit = container
        .wait()
        .await
        .map_err(|error| error::running(&error))?;
    Ok(Exit {
        code: exit.code,
        out_of_memory: exit.oom_killed,
    })
}

async fn pump_output(output: Output, log: &OutputWriter) -> Result<(), StepError> {
    let mut batches = output.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let mut pieces = Vec::with_capacity(batch.len());
        let mut broken = None;
        for piece in batch {
            match piece {
                Ok((channel, bytes)) => pieces.push((channel_of(channel), bytes)),
                Err(error) => broken = Some(error::running(&error)),
            }
        }
        let next = Instant::now() + GATHER;
        log.append(pieces).await;
        if let Some(error) = broken {
            return Err(error);
        }
        tokio::time::sleep_until(next).await;
    }
    Ok(())
}

fn channel_of(channel: dogi_docker::Channel) -> Channel {
    match channel {
        dogi_docker::Channel::Stdout => Channel::Stdout,
        dogi_docker::Channel::Stderr => Channel::Stderr,
    }
}

async fn pump_files(
    mut events: FollowStream,
    outputs: &RunOutputs,
    work: &Work,
) -> Result<(), StepError> {
    let files: Vec<(&FileName, &OutputWriter)> = outputs.files().iter().collect();
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| error::running(&error))?;
        match event {
            FileEvent::Data { file, bytes } => write(&files, file, bytes).await,
            FileEvent::Restarted { file } => {
                if let Some((_, writer)) = files.get(file) {
                    writer.restart().await;
                }
            }
            FileEvent::NotAFile { file, kind } => {
                let what = format!("is a {kind:?} and no regular file").to_lowercase();
                note(&files, file, &what, work).await;
            }
            FileEvent::Unreadable { file, reason } => {
                let what = format!("can't be read while the job runs: {reason}");
                note(&files, file, &what, work).await;
            }
        }
    }
    Ok(())
}

async fn write(files: &[(&FileName, &OutputWriter)], file: FileKey, bytes: Bytes) {
    if let Some((_, writer)) = files.get(file) {
        writer.append(vec![(Channel::Stdout, bytes)]).await;
    }
}

async fn note(files: &[(&FileName, &OutputWriter)], file: FileKey, what: &str, work: &Work) {
    if let Some((name, _)) = files.get(file) {
        work.console.line(format!("dogi: file_{name} {what}")).await;
    }
}
