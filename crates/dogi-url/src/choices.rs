//! Parameters that are one word out of a few.

use crate::text::word_enum;

word_enum! {
    /// What to do with the instance that a run URL names.
    Action is "an action" {
        /// Attach to the running job, or show the last one.
        #[default]
        Peek = "peek",
        /// Start it, or attach if it runs; the parameters of a second call are ignored.
        Run = "run",
        /// Abort what runs, then run with these parameters.
        Restart = "restart",
        /// Stop it, and answer with the status when it has stopped.
        Abort = "abort",
    }
}

impl Action {
    /// Whether this action may start a job.
    pub fn starts(self) -> bool {
        matches!(self, Self::Run | Self::Restart)
    }
}

word_enum! {
    /// When an answer is given.
    OutputType is "an output type" {
        /// As it comes, until the job ends.
        #[default]
        Stream = "stream",
        /// When the job has finished: 200 or 500.
        Wait = "wait",
        /// What is there now.
        Async = "async",
    }
}

word_enum! {
    /// What happens to a job whose group is busy.
    GroupPolicy is "a group policy" {
        /// It waits.
        #[default]
        Queue = "queue",
        /// The running one is aborted.
        Replace = "replace",
        /// It is refused.
        Reject = "reject",
    }
}

word_enum! {
    /// Which ends of a run are reported to its callback.
    CallbackOn is "an occasion for the callback" {
        /// Only a run that succeeded.
        #[default]
        Success = "success",
        /// Only a run that did not succeed.
        Failure = "failure",
        /// Every run.
        Always = "always",
    }
}

word_enum! {
    /// How the stream of a failed job ends.
    OnFail is "an ending for a failed stream" {
        /// As every stream ends.
        #[default]
        End = "end",
        /// It is cut off, so that `curl` exits with 18.
        Abort = "abort",
    }
}
