//! How fast events are recorded, and whether.

use std::time::Instant;

use dogi_engine::ports::{Entry, Recorded, Safety, Store, StoreError};
use dogi_job::RunId;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: with a disk that is told to be sure, some milliseconds.
const APPEND: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
];

#[derive(Clone, Debug)]
pub(super) struct StoreMetrics {
    append: Histogram,
    failures: Counter,
}

impl StoreMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            append: Histogram::new(APPEND),
            failures: Counter::default(),
        };
        registry.register_with_unit(
            "store_append",
            "Time to record an event so that what follows from it can be done",
            Unit::Seconds,
            metrics.append.clone(),
        );
        registry.register(
            "store_append_failures",
            "Events that the database did not take; each try counts",
            metrics.failures.clone(),
        );
        metrics
    }
}

/// A store whose appends are timed and counted.
#[derive(Debug)]
pub(super) struct MeasuredStore<S> {
    inner: S,
    metrics: StoreMetrics,
}

impl<S> MeasuredStore<S> {
    pub(super) fn new(inner: S, metrics: StoreMetrics) -> Self {
        Self { inner, metrics }
    }
}

impl<S: Store> Store for MeasuredStore<S> {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let began = Instant::now();
            let appended = self.inner.append(run, entry).await;
            match &appended {
                Ok(()) => self.metrics.append.observe(began.elapsed().as_secs_f64()),
                Err(_) => {
                    self.metrics.failures.inc();
                }
            }
            appended
        }
        .boxed()
    }

    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(RunId, Vec<Recorded>)>, StoreError>> {
        self.inner.load(after, limit)
    }

    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.forget(run, safety)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.ready()
    }
}
