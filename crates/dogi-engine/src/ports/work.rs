use dogi_job::{Event, FailureKind, RunId};
use dogi_url::InstanceId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::outputs::Console;

/// What every effect is given: for whom it works, where it writes, and how it learns that it is
/// no longer wanted.
#[derive(Debug, Clone)]
pub struct Work {
    /// The run.
    pub run: RunId,
    /// The run's instance.
    pub instance: InstanceId,
    /// Cancelled when the effect is no longer wanted. The effect then stops what it started and
    /// returns [`StepError::Cancelled`] once nothing goes on any more.
    pub cancel: CancellationToken,
    /// The log of the run, for what is worth reading on the way.
    pub console: Console,
    pub(crate) reports: mpsc::UnboundedSender<Event>,
}

impl Work {
    /// Tells something that happened before the effect ended, such as [`Event::Started`].
    pub fn report(&self, event: Event) {
        // A run that is over takes no reports, and needs none.
        let _ = self.reports.send(event);
    }

    /// Drives `work` until it is done, or drops it when the effect is cancelled. For futures that
    /// leave nothing behind when they are dropped.
    pub async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, StepError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(StepError::Cancelled),
            done = work => Ok(done),
        }
    }
}

/// Why an effect did not come to its good end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It was cancelled, and nothing of it goes on.
    #[error("cancelled")]
    Cancelled,
    /// It failed.
    #[error("{message}")]
    Failed {
        /// The sort of failure.
        kind: FailureKind,
        /// One sentence for whoever asked for the run: what was wrong with which value, and what
        /// is allowed. No secrets, no paths of the host.
        message: String,
    },
    /// It can't go on through no fault of the job: the engine stopped under it.
    #[error("{reason}")]
    Lost {
        /// What happened.
        reason: String,
    },
}

impl StepError {
    /// A failure of `kind`.
    pub fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Failed {
            kind,
            message: message.into(),
        }
    }
}
