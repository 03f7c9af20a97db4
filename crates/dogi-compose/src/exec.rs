//! Running the programs.

use dogi_command::{CommandSpec, Exit, Leftovers, Running};
use tokio_util::sync::CancellationToken;

use crate::{RunError, Sink};

/// What a short command prints is not longer; the rest is dropped.
const SHORT: usize = 1 << 20;

/// What a short command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// Trimmed.
    pub(crate) text: String,
    pub(crate) exit: Exit,
}

/// Runs a command to its end and keeps what it prints. Dropping the future kills it.
pub(crate) async fn collect(spec: CommandSpec) -> Result<Said, RunError> {
    let (output, exit) = spec.spawn().await?.collect(SHORT).await?;
    let text = String::from_utf8_lossy(&output.bytes).trim().to_owned();
    Ok(Said { text, exit })
}

/// Runs a command to its end and hands on what it prints. A cancelled token stops it and all that it
/// started. Dropping the future kills it.
pub(crate) async fn stream(
    mut spec: CommandSpec,
    sink: &mut dyn Sink,
    cancel: &CancellationToken,
) -> Result<Exit, RunError> {
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    spec.limits.leftovers = Leftovers::Kill;
    let mut running = spec.spawn().await?;
    let stopper = running.process.stopper();
    let ended = {
        let following = follow(&mut running, sink);
        tokio::pin!(following);
        tokio::select! {
            biased;
            ended = &mut following => ended,
            () = cancel.cancelled() => {
                stopper.stop();
                following.await
            }
        }
    };
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    ended
}

async fn follow(running: &mut Running, sink: &mut dyn Sink) -> Result<Exit, RunError> {
    while let Some(bytes) = running.output.next().await.map_err(RunError::Output)? {
        sink.write(bytes).await;
    }
    Ok(running.process.wait().await?)
}

/// A line of our own between the programs' ones.
pub(crate) async fn say(sink: &mut dyn Sink, line: &str) {
    sink.write(format!("{line}\n").into()).await;
}
