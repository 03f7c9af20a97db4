//! What the server counts about itself, in one registry that belongs to one [`crate::App`].
//!
//! Names and units follow Prometheus: base units, `_total` for what only grows, and no label whose
//! values come from outside. `docs/operations.md` says what each one means; a test compares.

mod http;
mod jobs;
mod moment;
mod process;
mod text;

use dogi_job::{Event, RunStatus, UnixMillis};
use prometheus_client::registry::Registry;

pub(crate) use http::{FollowerGuard, HttpMetrics};
pub(crate) use moment::Moment;
pub(crate) use text::Format;

use jobs::JobMetrics;
use moment::MomentMetrics;

/// All that is counted: what an engine tells, and what the HTTP side of its server sees.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(crate) http: HttpMetrics,
    jobs: JobMetrics,
    moment: MomentMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let dogi = registry.sub_registry_with_prefix("dogi");
        let http = HttpMetrics::register(dogi);
        let jobs = JobMetrics::register(dogi);
        let moment = MomentMetrics::register(dogi);
        Self {
            registry,
            http,
            jobs,
            moment,
        }
    }

    /// An event of a run was recorded and applied; `before` and `after` are its status around it.
    pub fn recorded(&self, before: &RunStatus, after: &RunStatus, event: &Event, at: UnixMillis) {
        self.jobs.recorded(before, after, event, at);
    }

    /// Bytes were appended to an output.
    pub fn written(&self, bytes: u64) {
        self.jobs.written(bytes);
    }

    /// All of it as text, with what is true at this moment put in.
    #[must_use]
    pub(crate) fn expose(&self, now: &Moment, format: Format) -> String {
        self.moment.set(now);
        text::expose(&self.registry, format)
    }
}
