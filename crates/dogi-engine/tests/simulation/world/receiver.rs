//! Whoever is called back.

use dogi_job::{RunId, State};

#[derive(Debug, Default)]
pub(crate) struct Receiver {
    pub(crate) received: Vec<Received>,
}

/// A callback that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) run: RunId,
    /// The state that it told.
    pub(crate) state: State,
    /// Whether it was answered with 2xx, though perhaps nobody was left to hear that.
    pub(crate) accepted: bool,
}

impl Receiver {
    pub(crate) fn of<'a>(&'a self, run: &'a RunId) -> impl Iterator<Item = &'a Received> {
        self.received
            .iter()
            .filter(move |received| received.run == *run)
    }
}
