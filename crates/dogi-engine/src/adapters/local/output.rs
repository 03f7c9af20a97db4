//! What programs print, on its way to the log.

use bytes::Bytes;
use dogi_command::Running;
use dogi_compose::Sink;
use dogi_job::{Exit, FailureKind};
use dogi_stream::{
    Channel,
    mask::{Masker, Masks},
};
use futures::future::BoxFuture;

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

    async fn append(&mut self, bytes: Bytes) {
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

impl Sink for Log {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ()> {
        Box::pin(self.append(bytes))
    }
}

/// Reads a program to its end; when the work is cancelled, stops it first.
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
            Ok(None) | Err(_) => break,
        }
    }
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
        false => Ok(Exit {
            code: exit.status.shell_code().into(),
            out_of_memory: false,
        }),
    }
}
