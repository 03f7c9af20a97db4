use std::sync::Arc;

use dogi_job::StopCause;

use crate::{RunHandle, engine::Shared};

/// Keeps a run going: when it is dropped, the run is stopped, unless it is over or the server is
/// shutting down.
///
/// A lease is on one run and not on its instance: a later run of the same instance is not touched.
#[derive(Debug)]
#[must_use = "dropping a lease stops the run"]
pub struct Lease {
    run: RunHandle,
    shared: Arc<Shared>,
}

impl Lease {
    pub(crate) fn new(run: RunHandle, shared: Arc<Shared>) -> Self {
        Self { run, shared }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.shared.is_closing() && !self.run.status().state.is_final() {
            self.shared
                .directory()
                .stop(self.run.id(), StopCause::Disconnect);
        }
    }
}
