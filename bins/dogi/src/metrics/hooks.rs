//! What comes of requests to hooks, and of deliveries of forges.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

type Label = (&'static str, &'static str);

/// What may come of a request to a hook.
const OUTCOMES: [&str; 4] = ["ran", "started", "not_triggered", "refused"];

/// What may come of a delivery of a forge.
const DELIVERIES: [&str; 4] = ["started", "not_triggered", "refused", "taken"];

/// Requests to hooks and deliveries. Cloning gives another handle to the same counters.
#[derive(Clone, Debug)]
pub(crate) struct HookMetrics {
    requests: Family<[Label; 1], Counter>,
    deliveries: Family<[Label; 1], Counter>,
}

impl HookMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            deliveries: Family::default(),
        };
        for outcome in DELIVERIES {
            drop(metrics.deliveries.get_or_create(&[("outcome", outcome)]));
        }
        for outcome in OUTCOMES {
            drop(metrics.requests.get_or_create(&[("outcome", outcome)]));
        }
        registry.register(
            "hook_requests",
            "Requests to hooks that there are, by what came of them",
            metrics.requests.clone(),
        );
        registry.register(
            "webhook_deliveries",
            "Deliveries of forges whose sender was proven, by what had come of them when they were answered",
            metrics.deliveries.clone(),
        );
        metrics
    }

    /// A delivery of a forge was answered.
    pub(crate) fn delivered(&self, outcome: &'static str) {
        self.deliveries.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A request to a hook was answered.
    pub(crate) fn answered(&self, outcome: &'static str) {
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
    }
}
