use std::fmt;

use dogi_job::{Event, RunStatus, UnixMillis};

/// Watches what goes on, for figures and the like. It is called on the way of every run: what it
/// does must be quick and never wait.
pub trait Observer: fmt::Debug + Send + Sync {
    /// An event was recorded and taken in; the statuses are those before and after it.
    fn recorded(&self, before: &RunStatus, after: &RunStatus, event: &Event, at: UnixMillis) {
        let _ = (before, after, event, at);
    }

    /// This many bytes were appended to an output.
    fn written(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
