//! What a run comes to.

use crate::{Exit, Failure, FailureKind, Phase, Spec, State, StopCause};

/// What the run came to, the callback left aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Succeeded,
    Failed(Failure),
    Stopped(StopCause),
}

impl Verdict {
    /// Of a run whose only container, or command, ended so.
    pub(crate) fn of(exit: Exit, spec: &Spec) -> Self {
        match failure_of(exit, spec) {
            None => Self::Succeeded,
            Some(failure) => Self::Failed(failure),
        }
    }

    /// The state that the run ends in.
    pub(crate) fn state(&self, callback_failed: bool) -> State {
        match self {
            Self::Succeeded if callback_failed => State::Failed,
            Self::Succeeded => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Stopped(StopCause::Abort | StopCause::Disconnect) => State::Aborted,
            Self::Stopped(StopCause::Superseded | StopCause::Replaced) => State::Superseded,
            Self::Stopped(StopCause::TimedOut { .. }) => State::TimedOut,
            Self::Stopped(StopCause::Lost { .. }) => State::Lost,
        }
    }
}

/// The failure that an exit is.
pub(crate) fn failure_of(exit: Exit, spec: &Spec) -> Option<Failure> {
    let message = match (exit.out_of_memory, exit.code) {
        // Memory ran out for a child process, and the program coped with it.
        (_, 0) => return None,
        (true, code) => {
            let limit = spec.limits.memory.map(|bytes| format!(" of {bytes} bytes"));
            format!(
                "Out of memory: the limit{} was reached, and the execution ended with code {code}",
                limit.unwrap_or_default()
            )
        }
        (false, code) => crate::words::failed_with(code, spec),
    };
    let kind = match exit.out_of_memory {
        true => FailureKind::OutOfMemory,
        false => FailureKind::ExitCode,
    };
    Some(Failure::new(Phase::Run, kind, message))
}
