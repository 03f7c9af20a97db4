//! A container's output and followed files, from where they were left to their ends.

use std::time::Duration;

use bytes::Bytes;
use dogi_docker::{
    Adopted, Attached, Container, Ending, FileEvent, FileKey, FollowStream, LiveFile, Output, Prior,
};
use dogi_job::{Exit, FailureKind};
use dogi_stream::{Channel, Position};
use dogi_url::FileName;
use futures::StreamExt;
use tokio::time::Instant;

use super::{
    super::chain,
    error,
    secrecy::{Channels, Secrecy},
};
use crate::{
    outputs::{OutputWriter, RunOutputs},
    ports::{ContainerRequest, StepError, Work},
};

/// Pieces of output written at once.
const BATCH: usize = 64;

/// The least time between two writes. A program that prints line by line would otherwise cost a
/// write, a wake-up of every reader and a chunk for each of them per line; a line that comes
/// alone is written at once.
const GATHER: Duration = Duration::from_millis(2);

/// An engine that tells of an end so soon after the output has ended was not restarted in between.
const PROMPT: Duration = Duration::from_millis(100);
/// Exit codes of containers whose engine stopped or crashed, and of others.
const DOUBTFUL: [i64; 2] = [137, 255];

/// Reads output and files to their ends, then finds out how the container ended. What is `attached`
/// was so since the start; without it the output is taken up where it stands.
pub(super) async fn to_the_end(
    container: &Container,
    attached: Option<Attached>,
    request: &ContainerRequest<'_>,
    secrecy: &Secrecy,
    work: &Work,
) -> Result<Exit, StepError> {
    let files = follow(container, request, secrecy, attached.is_some()).await?;
    let printing = print(container, attached, request.outputs.log(), secrecy, work);
    let following = async {
        match files {
            Some(files) => pump_files(files, request.outputs, secrecy, work).await,
            None => Ok(()),
        }
    };
    let (printed, followed) = futures::join!(printing, following);
    let exit = printed?;
    followed?;
    Ok(exit)
}

/// Writes the output down to its end, whatever becomes of the engine meanwhile.
async fn print(
    container: &Container,
    attached: Option<Attached>,
    log: &OutputWriter,
    secrecy: &Secrecy,
    work: &Work,
) -> Result<Exit, StepError> {
    if let Some(attached) = attached {
        let mut channels = secrecy.channels();
        match pump_output(attached.output, &mut channels, log).await {
            Ok(()) => {
                if let Some(exit) = ended_in_peace(container).await? {
                    // Taking up, below, reads it again.
                    let rest = channels.finish();
                    if !rest.is_empty() {
                        log.append(rest).await;
                    }
                    return Ok(exit);
                }
            }
            Err(error) => {
                tracing::warn!(container = %container.id(), error = chain(&error), "output broke off");
            }
        }
    }
    let told = adopt(container, log, secrecy, work).await?;
    let ending = container.ending().await;
    let ending = ending.map_err(|error| error::running(&error))?;
    if !ending.witnessed && !ending.by_engine && !told {
        let line =
            "dogi: the Docker engine was restarted: the last lines of the job may be missing";
        work.console.line(line).await;
    }
    verdict(ending)
}

/// How a container ended whose output was read by attach to its end, if it is certain that it was
/// the same engine all the time.
async fn ended_in_peace(container: &Container) -> Result<Option<Exit>, StepError> {
    let asked = Instant::now();
    let exit = match container.wait().await {
        Ok(exit) => exit,
        Err(gone) if gone.is_engine_gone() => return Ok(None),
        Err(error) => return Err(error::running(&error)),
    };
    let doubtful = DOUBTFUL.contains(&exit.code) && !exit.oom_killed;
    if !doubtful && asked.elapsed() < PROMPT {
        return Ok(Some(exit_of(&exit)));
    }
    let ending = container.ending().await;
    let ending = ending.map_err(|error| error::running(&error))?;
    Ok(ending.uninterrupted.then(|| exit_of(&ending.exit)))
}

fn verdict(ending: Ending) -> Result<Exit, StepError> {
    if ending.by_engine {
        let reason = "engine stopped: the Docker engine ended the job when it stopped".to_owned();
        return Err(StepError::Lost { reason });
    }
    Ok(exit_of(&ending.exit))
}

fn exit_of(exit: &dogi_docker::Exit) -> Exit {
    Exit {
        code: exit.code,
        out_of_memory: exit.oom_killed,
    }
}

async fn pump_output(
    output: Output,
    channels: &mut Channels,
    log: &OutputWriter,
) -> Result<(), dogi_docker::OutputError> {
    let mut batches = output.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let mut pieces = Vec::with_capacity(batch.len());
        let mut broken = None;
        for piece in batch {
            match piece {
                Ok((channel, bytes)) => {
                    let channel = channel_of(channel);
                    pieces.push((channel, channels.push(channel, bytes)));
                }
                Err(error) => broken = Some(error),
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

/// Goes on where the log ends. Gives whether a gap was told.
async fn adopt(
    container: &Container,
    log: &OutputWriter,
    secrecy: &Secrecy,
    work: &Work,
) -> Result<bool, StepError> {
    let prior = Prior {
        stdout: log.written(Channel::Stdout, Position::START),
        stderr: log.written(Channel::Stderr, Position::START),
    };
    let mut told = false;
    let adoption = container.adopt_with(prior, secrecy.rewriting());
    let mut batches = adoption.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        let next = Instant::now() + GATHER;
        let mut pieces = Vec::with_capacity(batch.len());
        for adopted in batch {
            match adopted {
                Ok(Adopted::Output(channel, bytes)) => pieces.push((channel_of(channel), bytes)),
                Ok(Adopted::Gap(gap)) => {
                    log.append(std::mem::take(&mut pieces)).await;
                    let line = format!("dogi: output may be missing here: {gap}");
                    work.console.line(secrecy.hide(line)).await;
                    told = true;
                }
                Err(error) => {
                    log.append(pieces).await;
                    return Err(error::running(&error));
                }
            }
        }
        log.append(pieces).await;
        tokio::time::sleep_until(next).await;
    }
    Ok(told)
}

fn channel_of(channel: dogi_docker::Channel) -> Channel {
    match channel {
        dogi_docker::Channel::Stdout => Channel::Stdout,
        dogi_docker::Channel::Stderr => Channel::Stderr,
    }
}

/// Follows the files, from where their outputs end.
async fn follow(
    container: &Container,
    request: &ContainerRequest<'_>,
    secrecy: &Secrecy,
    from_the_start: bool,
) -> Result<Option<FollowStream>, StepError> {
    let paths = &request.spec.files;
    if paths.is_empty() {
        return Ok(None);
    }
    let mut files: Vec<(FileKey, &str, LiveFile)> = Vec::with_capacity(paths.len());
    for (key, (name, path)) in paths.iter().enumerate() {
        let live = match request.outputs.files().get(name) {
            Some(output) if !from_the_start => delivered(output).await,
            _ => LiveFile::new(),
        };
        files.push((key, path.as_str(), live));
    }
    let following = container.follow_on_with(files, &secrecy.rewriting());
    following
        .map(Some)
        .map_err(|error| error::step(FailureKind::Start, &error))
}

/// What an output holds of its file since that last started over. An output that can't be read
/// counts as empty: then the file is compared with nothing, and starts over.
async fn delivered(output: &OutputWriter) -> LiveFile {
    let mut live = LiveFile::new();
    let generation = output.reader().position().generation;
    let mut kept = output.written(Channel::Stdout, Position::new(generation, 0));
    while let Some(bytes) = kept.next().await {
        match bytes {
            Ok(bytes) => live.record(&bytes),
            Err(error) => {
                tracing::warn!(%error, "an output can't be read");
                output.restart().await;
                return LiveFile::new();
            }
        }
    }
    live
}

async fn pump_files(
    mut events: FollowStream,
    outputs: &RunOutputs,
    secrecy: &Secrecy,
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
                note(&files, file, &secrecy.hide(what), work).await;
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
