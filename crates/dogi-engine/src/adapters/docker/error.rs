//! What the engine says, as the reason of a step.

use std::error::Error;

use dogi_docker::EngineError;
use dogi_job::FailureKind;

use super::super::chain;
use crate::ports::StepError;

/// The engine error that is behind `error`, if one is.
fn engine_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a EngineError> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        current = error.source();
    }
    None
}

/// A failure of `kind`, unless it is the engine that is not there.
pub(super) fn step(kind: FailureKind, error: &(dyn Error + 'static)) -> StepError {
    match engine_error(error) {
        Some(gone @ EngineError::Unreachable { .. }) => of_engine(gone),
        Some(gone) if gone.is_engine_gone() => lost(gone),
        Some(EngineError::Refused { message, .. }) if is_disk_full(message) => {
            // Such a message names files of the host.
            tracing::error!(error = %chain(error), "the disk of the Docker engine is full");
            let message = "the disk of the Docker engine is full";
            StepError::failed(FailureKind::DiskFull, message)
        }
        _ => StepError::failed(kind, chain(error)),
    }
}

/// As [`step`], once the container runs: an engine that is not there has gone away then, and so has a
/// container.
pub(super) fn running(error: &(dyn Error + 'static)) -> StepError {
    match engine_error(error) {
        Some(missing) if missing.is_not_found() => gone(),
        Some(gone) if gone.is_engine_gone() => lost(gone),
        _ => step(FailureKind::Start, error),
    }
}

/// A container that was removed behind dogi's back, or with its machine.
pub(super) fn gone() -> StepError {
    StepError::Lost {
        reason: "engine stopped: its container is gone".to_owned(),
    }
}

/// An engine that does not answer before anything was begun.
pub(super) fn of_engine(error: &EngineError) -> StepError {
    StepError::failed(FailureKind::EngineUnavailable, told(error))
}

/// An engine that keeps silent for longer than anybody waits.
pub(super) fn silent() -> StepError {
    let message = "the Docker engine did not answer in time";
    StepError::failed(FailureKind::EngineUnavailable, message)
}

fn lost(error: &EngineError) -> StepError {
    StepError::Lost {
        reason: format!("engine stopped: {}", told(error)),
    }
}

/// What whoever asked for the run may know: where the engine listens is the operator's business,
/// and stands in the server's own log.
fn told(error: &EngineError) -> String {
    tracing::warn!(error = %chain(error), "the Docker engine");
    match error {
        EngineError::Unreachable { .. } => "no Docker engine can be reached".to_owned(),
        EngineError::Lost { what, .. } => {
            format!("the Docker engine went away while it was to {what}")
        }
        EngineError::TimedOut { what, .. } => {
            format!("the Docker engine did not answer in time when it was to {what}")
        }
        other => chain(other),
    }
}

fn is_disk_full(message: &str) -> bool {
    message.contains("no space left on device")
}
