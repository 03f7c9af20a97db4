//! What comes of requests to hooks.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = (&'static str, &'static str);

/// What may come of a request to a hook.
const OUTCOMES: [&str; 4] = ["ran", "started", "not_triggered", "refused"];

/// Requests to hooks. Cloning gives another handle to the same counters.
#[derive(Clone, Debug)]
pub(crate) struct HookMetrics {
    requests: Family<[Label; 1], Counter>,
}

impl HookMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
        };
        for outcome in OUTCOMES {
            drop(metrics.requests.get_or_create(&[("outcome", outcome)]));
        }
        registry.register(
            "hook_requests",
            "Requests to hooks that there are, by what came of them",
            metrics.requests.clone(),
        );
        metrics
    }

    /// A request to a hook was answered.
    pub(crate) fn answered(&self, outcome: &'static str) {
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
    }
}
