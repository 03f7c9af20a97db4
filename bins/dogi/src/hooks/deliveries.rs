//! What was sent to hooks lately, and what came of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dogi_job::{RunId, UnixMillis};

/// So many are remembered. They are in memory only: what was started stands among the runs.
const REMEMBERED: usize = 1000;

/// The last requests to hooks. Cloning gives another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deliveries(Arc<Mutex<VecDeque<Arc<Delivery>>>>);

/// A request to a hook.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Later ones are greater.
    pub(crate) id: String,
    pub(crate) at: UnixMillis,
    pub(crate) hook: String,
    pub(crate) method: String,
    /// Who sent it.
    pub(crate) client: std::net::IpAddr,
    /// The status of the answer.
    pub(crate) status: u16,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// What came of a request to a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its command was run, and its output is the answer.
    Ran {
        /// Its exit code; `None` where it did not come to one.
        exit_code: Option<i32>,
        /// Why it has none.
        error: Option<String>,
    },
    /// A run was started.
    Started { run: RunId },
    /// The rules were not satisfied.
    NotTriggered {
        /// Which rule, and why: no secret, nothing of the payload.
        reason: String,
    },
    /// It could not be read, or there was no room for it.
    Refused { reason: String },
}

impl Outcome {
    /// Its name in answers and logs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ran { .. } => "ran",
            Self::Started { .. } => "started",
            Self::NotTriggered { .. } => "not_triggered",
            Self::Refused { .. } => "refused",
        }
    }

    /// Why nothing came of it, or why what came of it failed.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Ran { error, .. } => error.as_deref(),
            Self::Started { .. } => None,
            Self::NotTriggered { reason } | Self::Refused { reason } => Some(reason),
        }
    }
}

impl Deliveries {
    pub(crate) fn add(&self, delivery: Delivery) {
        let mut deliveries = self.lock();
        if deliveries.len() == REMEMBERED {
            deliveries.pop_front();
        }
        deliveries.push_back(Arc::new(delivery));
    }

    /// At most `limit`, the newest first, that are older than `before`.
    pub(crate) fn page(&self, before: Option<&str>, limit: usize) -> Vec<Arc<Delivery>> {
        let older = |delivery: &&Arc<Delivery>| before.is_none_or(|id| delivery.id.as_str() < id);
        let deliveries = self.lock();
        let newest_first = deliveries.iter().rev();
        newest_first.filter(older).take(limit).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Delivery>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
