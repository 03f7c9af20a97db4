//! Failures in an adoption: which of them may pass, and how many are too many.

use crate::error::EngineError;
use crate::patience::Pauses;

/// So often in a row an engine that answers pings may refuse or break off; with the pauses, some 11
/// seconds.
const MAX_FAILURES: usize = 16;

/// Failures in a row, with nothing new between them.
pub(super) struct Trouble {
    failures: usize,
    pub(super) pauses: Pauses,
}

impl Trouble {
    pub(super) fn new() -> Trouble {
        Trouble {
            failures: 0,
            pauses: Pauses::new(),
        }
    }

    /// Whether it may pass: after a pause, unless there were too many.
    pub(super) async fn passes(&mut self) -> bool {
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            return false;
        }
        self.pauses.wait().await;
        true
    }
}

/// An error with which the job itself may be well.
pub(super) enum Refusal {
    /// The engine is away, or does not finish what it sends.
    BrokenOff,
    /// The engine has trouble that may pass.
    Passing { reason: String },
    /// The copy can't be read, whenever one asks.
    Final { reason: String },
}

impl Refusal {
    pub(super) fn of(error: EngineError) -> Result<Refusal, EngineError> {
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
