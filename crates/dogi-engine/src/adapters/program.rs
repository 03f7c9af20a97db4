//! Programs of this machine, and what they print on its way to the log.

use bytes::Bytes;
use dogi_command::{Exit as ProcessExit, Running};
use dogi_job::{Exit, FailureKind};
use dogi_stream::{
    Channel,
    mask::{Masker, Masks},
};

use crate::{
    chain,
    outputs::OutputWriter,
    ports::{StepError, Work},
};

/// The log, in which no secret appears.
pub(super) struct Log {
    writer: OutputWriter,
    masker: Masker,
}

impl Log {
    pub(super) fn new(writer: OutputWriter, masks: &Masks) -> Self {
        Self {
            writer,
            masker: Masker::new(masks),
        }
    }

    pub(super) async fn append(&mut self, bytes: Bytes) {
        let bytes = self.masker.push(bytes);
        self.put(bytes).await;
    }

    /// What was held back, because it could have been the beginning of a secret.
    pub(super) async fn finish(&mut self) {
        let bytes = self.masker.finish();
        self.put(bytes).await;
    }

    async fn put(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.writer.append(vec![(Channel::Stdout, bytes)]).await;
        }
    }
}

/// Reads on until the program has ended, whatever becomes of its output; when the work is cancelled,
/// stops it first.
pub(super) async fn watch(
    mut running: Running,
    log: &mut Log,
    work: &Work,
) -> Result<Exit, StepError> {
    let stopper = running.process.stopper();
    let mut stopped = false;
    loop {
        let piece = tokio::select! {
            biased;
            () = work.cancel.cancelled(), if !stopped => {
                stopped = true;
                stopper.stop();
                continue;
            }
            piece = running.output.next() => piece,
        };
        match piece {
            Ok(Some(bytes)) => log.append(bytes).await,
            Ok(None) => break,
            Err(error) => {
                let line = format!("dogi: the rest of the output can't be read: {error}");
                work.console.line(line).await;
                break;
            }
        }
    }
    if running.output.held_open() {
        let line = "dogi: a process that the command left behind still holds its output; \
                    it is not read any more";
        work.console.line(line).await;
    }
    // It may have closed its output and go on.
    let exit = loop {
        tokio::select! {
            biased;
            () = work.cancel.cancelled(), if !stopped => {
                stopped = true;
                stopper.stop();
            }
            exit = running.process.wait() => break exit,
        }
    };
    let exit = exit.map_err(|error| StepError::failed(FailureKind::Internal, chain(&error)))?;
    match stopped {
        true => Err(StepError::Cancelled),
        false => Ok(told(exit)),
    }
}

/// As it is told of a run.
pub(super) fn told(exit: ProcessExit) -> Exit {
    Exit {
        code: exit.status.shell_code().into(),
        out_of_memory: false,
    }
}
