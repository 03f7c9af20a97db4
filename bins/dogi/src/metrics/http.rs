//! What clients ask for and get.

use std::time::Duration;

use dogi_stream::Framing;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::Route;

type Label = (&'static str, &'static str);

/// Seconds to the head of an answer: most are there in a millisecond, a wait takes as long as its
/// job.
const FIRST_BYTE: [f64; 12] = [
    0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 1800.0, 7200.0,
];

/// Classes of status codes.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

const FRAMINGS: [&str; 3] = ["text", "sse", "ndjson"];

/// Requests and what follows them. Cloning gives another handle to the same counters.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    requests: Family<[Label; 2], Counter>,
    first_byte: Family<[Label; 1], Histogram, fn() -> Histogram>,
    sent: Counter,
    followers: Family<[Label; 1], Gauge>,
    streamed: Family<[Label; 1], Counter>,
}

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            first_byte: Family::new_with_constructor(|| Histogram::new(FIRST_BYTE)),
            sent: Counter::default(),
            followers: Family::default(),
            streamed: Family::default(),
        };
        // Known labels begin at zero, so that a rate can be taken of the very first event.
        for route in Route::PATTERNS {
            drop(metrics.first_byte.get_or_create(&[("route", route)]));
            drop(
                metrics
                    .requests
                    .get_or_create(&[("route", route), ("status", "2xx")]),
            );
        }
        for framing in FRAMINGS {
            drop(metrics.followers.get_or_create(&[("framing", framing)]));
            drop(metrics.streamed.get_or_create(&[("framing", framing)]));
        }
        registry.register(
            "http_requests",
            "Requests answered, by route and class of the status code",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "http_first_byte",
            "Time from the headers of a request to the head of its answer, by route",
            Unit::Seconds,
            metrics.first_byte.clone(),
        );
        registry.register_with_unit(
            "http_sent",
            "Bytes of bodies handed to connections",
            Unit::Bytes,
            metrics.sent.clone(),
        );
        registry.register(
            "followers",
            "Clients that follow a run now, by framing",
            metrics.followers.clone(),
        );
        registry.register_with_unit(
            "streamed",
            "Bytes that followers of runs were sent, by framing",
            Unit::Bytes,
            metrics.streamed.clone(),
        );
        metrics
    }

    /// The head of an answer is there.
    pub(crate) fn answered(&self, route: Option<&Route>, status: http::StatusCode, took: Duration) {
        let route = route.map_or(Route::NONE, Route::pattern);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        let class = CLASSES.get(class).copied().unwrap_or("5xx");
        self.requests
            .get_or_create(&[("route", route), ("status", class)])
            .inc();
        self.first_byte
            .get_or_create(&[("route", route)])
            .observe(took.as_secs_f64());
    }

    /// What counts the bytes of bodies.
    pub(crate) fn sent(&self) -> Counter {
        self.sent.clone()
    }

    /// A client begins to follow a run; it is counted until the guard is dropped.
    pub(crate) fn follower(&self, framing: Framing) -> FollowerGuard {
        let framing = match framing {
            Framing::Text => "text",
            Framing::Sse => "sse",
            Framing::Ndjson => "ndjson",
        };
        let guard = FollowerGuard(Follower {
            now: self.followers.get_or_create_owned(&[("framing", framing)]),
            bytes: self.streamed.get_or_create_owned(&[("framing", framing)]),
        });
        guard.0.now.inc();
        guard
    }
}

/// See [`HttpMetrics::follower`].
#[derive(Debug)]
pub(crate) struct FollowerGuard(Follower);

#[derive(Debug)]
struct Follower {
    now: Gauge,
    bytes: Counter,
}

impl FollowerGuard {
    /// It was given this many bytes.
    pub(crate) fn gave(&self, bytes: usize) {
        self.0.bytes.inc_by(bytes as u64);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.now.dec();
    }
}
