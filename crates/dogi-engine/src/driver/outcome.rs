//! What the end of an effect is for its run.

use dogi_job::{
    EffectKey, Event, Exit, Failure, FailureKind, NodeEvent, Perform, Phase, StopCause,
};
use dogi_url::NodeName;

use crate::ports::StepError;

pub(super) fn built(node: Option<NodeName>, image: String, reused: bool) -> Event {
    match node {
        None => Event::Built { image, reused },
        Some(node) => Event::Node {
            node,
            happened: NodeEvent::Built { image, reused },
        },
    }
}

pub(super) fn exited(node: Option<NodeName>, exit: Exit) -> Event {
    let Exit {
        code,
        out_of_memory,
    } = exit;
    match node {
        None => Event::Exited {
            code,
            out_of_memory,
        },
        Some(node) => Event::Node {
            node,
            happened: NodeEvent::Exited {
                code,
                out_of_memory,
            },
        },
    }
}

fn failure(node: Option<NodeName>, failure: Failure) -> Event {
    match node {
        None => Event::Failed { failure },
        Some(node) => Event::Node {
            node,
            happened: NodeEvent::Failed { failure },
        },
    }
}

/// What a part that did not come to its good end is for the run. Of a node, what it failed of is its own
/// business; that it can't go on is the run's.
pub(super) fn failed(
    phase: Phase,
    node: Option<NodeName>,
    error: StepError,
    cancelled: bool,
) -> Option<Event> {
    match error {
        // The run knows already why it does not want the effect any more.
        StepError::Cancelled if cancelled => None,
        StepError::Cancelled => {
            let reason = format!("the {phase} was cut off");
            Some(Event::StopRequested {
                cause: StopCause::Lost { reason },
            })
        }
        StepError::Failed { kind, message } => {
            Some(failure(node, Failure::new(phase, kind, message)))
        }
        StepError::Lost { reason } => Some(Event::StopRequested {
            cause: StopCause::Lost { reason },
        }),
    }
}

pub(super) fn panicked(key: &EffectKey, node: Option<NodeName>) -> Event {
    if key.perform == Perform::Cleanup {
        return Event::CleanupFailed {
            message: "the clean-up panicked".to_owned(),
        };
    }
    let message = format!("a fault in the server ended the {}", key.phase);
    failure(
        node,
        Failure::new(key.phase, FailureKind::Internal, message),
    )
}
