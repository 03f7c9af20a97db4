use dogi_job::{Event, FailureKind, NodeEvent, RunId, StepName};
use dogi_url::{InstanceId, NodeName};
use tokio::sync::{mpsc, oneshot};
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
    /// The node of the run's container graph, if it works for one.
    pub node: Option<NodeName>,
    /// Cancelled when the effect is no longer wanted. The effect then stops what it started and
    /// returns [`StepError::Cancelled`] once nothing goes on any more.
    pub cancel: CancellationToken,
    /// The log of the run, or of the node, for what is worth reading on the way.
    pub console: Console,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
}

/// Something that an effect tells while it goes on.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) event: Event,
    /// Told when the event is on record.
    pub(crate) recorded: oneshot::Sender<()>,
}

impl Work {
    /// The step that it works for.
    #[must_use]
    pub fn step(&self) -> StepName {
        self.node
            .as_ref()
            .map_or_else(StepName::main, StepName::of_node)
    }

    /// Records that the container is made and about to start; [`record`](Self::record) says the rest.
    pub async fn started(&self, container: String) {
        let event = match &self.node {
            None => Event::Started { container },
            Some(node) => Event::Node {
                node: node.clone(),
                happened: NodeEvent::Started { container },
            },
        };
        self.record(event).await;
    }

    /// Records something that happens before the effect ends, such as [`Event::Started`]. When
    /// this returns it is on record, and what follows from it may be done.
    ///
    /// Cancel safe: once called, the event is recorded even if the future is dropped.
    pub async fn record(&self, event: Event) {
        let (recorded, done) = oneshot::channel();
        // A run that is over takes no reports, and needs none.
        if self.reports.send(Report { event, recorded }).is_ok() {
            let _ = done.await;
        }
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
