//! What the server counts about itself, in one registry that belongs to one [`crate::App`].
//!
//! Names and units follow Prometheus: base units, `_total` for what only grows, and no label whose
//! values come from outside. `docs/operations.md` says what each one means; a test compares.

mod hooks;
mod http;
mod jobs;
mod moment;
mod process;
mod store;
mod text;

use std::sync::Arc;

use dogi_engine::ports::{Observer, Store};
use dogi_job::{Event, RunStatus, UnixMillis};
use prometheus_client::registry::Registry;

pub(crate) use http::{FollowerGuard, HttpMetrics};
pub(crate) use moment::Moment;
pub(crate) use text::Format;

use hooks::HookMetrics;
use jobs::JobMetrics;
use moment::MomentMetrics;
use store::{MeasuredStore, StoreMetrics};

/// All that is counted: it observes an engine, measures its store, and the HTTP side of the server
/// writes into it. Cloning gives another handle to the same figures.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    http: HttpMetrics,
    hooks: HookMetrics,
    jobs: JobMetrics,
    store: StoreMetrics,
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
        let hooks = HookMetrics::register(dogi);
        let jobs = JobMetrics::register(dogi);
        let store = StoreMetrics::register(dogi);
        let moment = MomentMetrics::register(dogi);
        Self(Arc::new(Inner {
            registry,
            http,
            hooks,
            jobs,
            store,
            moment,
        }))
    }

    /// The same store, with what it does measured.
    pub fn measured<S: Store + 'static>(&self, store: S) -> impl Store + use<S> {
        MeasuredStore::new(store, self.0.store.clone())
    }

    pub(crate) fn http(&self) -> &HttpMetrics {
        &self.0.http
    }

    pub(crate) fn hooks(&self) -> &HookMetrics {
        &self.0.hooks
    }

    /// All of it as text, with what is true at this moment put in.
    #[must_use]
    pub(crate) fn expose(&self, now: &Moment, format: Format) -> String {
        self.0.moment.set(now);
        text::expose(&self.0.registry, format)
    }
}

impl Observer for Metrics {
    fn recorded(&self, before: &RunStatus, after: &RunStatus, event: &Event, at: UnixMillis) {
        self.0.jobs.recorded(before, after, event, at);
    }

    fn written(&self, bytes: u64) {
        self.0.jobs.written(bytes);
    }
}
