//! What is read at the moment of a scrape, and not counted on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use dogi_engine::governor::DiskUsage;
use dogi_job::State;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Label = (&'static str, &'static str);
type Bytes = Gauge<u64, AtomicU64>;

/// States that are not the last one.
const ON_THE_WAY: [State; 5] = [
    State::Queued,
    State::Cloning,
    State::Building,
    State::Running,
    State::CallingBack,
];

/// What is true of the server now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    /// Runs that are not over.
    pub(crate) jobs: BTreeMap<State, usize>,
    /// Runs under way and waiting, as the admission counts them.
    pub(crate) admission: (usize, usize),
    /// How many of each there may be.
    pub(crate) admission_limits: (usize, usize),
    /// Connections open now, accepted and refused since the start.
    pub(crate) connections: (usize, u64, u64),
    /// Whether the Docker engine and the database answer.
    pub(crate) up: (bool, bool),
    /// What is on disk.
    pub(crate) disk: DiskUsage,
}

#[derive(Debug)]
pub(super) struct MomentMetrics {
    jobs: Family<[Label; 1], Gauge>,
    pending: Gauge,
    running: Gauge,
    waiting: Gauge,
    running_limit: Gauge,
    waiting_limit: Gauge,
    connections: Gauge,
    accepted: Counter,
    refused: Counter,
    docker: Gauge,
    database: Gauge,
    free: Bytes,
    floor: Bytes,
    used: Family<[Label; 1], Bytes>,
    kept: Family<[Label; 1], Bytes>,
}

impl MomentMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            jobs: Family::default(),
            pending: Gauge::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            running_limit: Gauge::default(),
            waiting_limit: Gauge::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            docker: Gauge::default(),
            database: Gauge::default(),
            free: Bytes::default(),
            floor: Bytes::default(),
            used: Family::default(),
            kept: Family::default(),
        };
        metrics.name(registry);
        build_info(registry);
        metrics
    }

    fn name(&self, registry: &mut Registry) {
        let jobs = "Jobs that are not over, by state";
        registry.register("jobs", jobs, self.jobs.clone());
        let gauges: [(&str, &str, &Gauge); 8] = [
            (
                "deliveries_pending",
                "Jobs whose callback is under way or waits to be tried again",
                &self.pending,
            ),
            ("admission_running", "Jobs that are let in", &self.running),
            (
                "admission_waiting",
                "Jobs that wait to be let in",
                &self.waiting,
            ),
            (
                "admission_running_limit",
                "Jobs that may be let in at once (MAX_RUNNING)",
                &self.running_limit,
            ),
            (
                "admission_waiting_limit",
                "Jobs that may wait (MAX_QUEUED)",
                &self.waiting_limit,
            ),
            ("http_connections", "Open connections", &self.connections),
            (
                "docker_up",
                "Whether the Docker engine answers",
                &self.docker,
            ),
            (
                "database_up",
                "Whether the database answers",
                &self.database,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "http_connections_accepted",
            "Connections accepted",
            self.accepted.clone(),
        );
        registry.register(
            "http_connections_refused",
            "Connections turned away because all that there may be were busy",
            self.refused.clone(),
        );
        registry.register_with_unit(
            "disk_free",
            "Bytes free on the disk of the data directory",
            Unit::Bytes,
            self.free.clone(),
        );
        registry.register_with_unit(
            "disk_floor",
            "New jobs are refused below this many free bytes (MIN_FREE_BYTES)",
            Unit::Bytes,
            self.floor.clone(),
        );
        registry.register_with_unit(
            "disk_used",
            "Bytes that are kept, by part, as of a minute ago at most",
            Unit::Bytes,
            self.used.clone(),
        );
        registry.register(
            "disk_kept",
            "Things that are kept, by part, as of a minute ago at most",
            self.kept.clone(),
        );
    }

    pub(super) fn set(&self, now: &Moment) {
        for state in ON_THE_WAY {
            let count = now.jobs.get(&state).copied().unwrap_or(0);
            let gauge = self.jobs.get_or_create_owned(&[("state", state.as_str())]);
            set(&gauge, count);
        }
        let pending = now.jobs.get(&State::CallingBack).copied();
        set(&self.pending, pending.unwrap_or(0));
        set(&self.running, now.admission.0);
        set(&self.waiting, now.admission.1);
        set(&self.running_limit, now.admission_limits.0);
        set(&self.waiting_limit, now.admission_limits.1);
        let (open, accepted, refused) = now.connections;
        set(&self.connections, open);
        self.accepted.inner().store(accepted, Ordering::Relaxed);
        self.refused.inner().store(refused, Ordering::Relaxed);
        set(&self.docker, usize::from(now.up.0));
        set(&self.database, usize::from(now.up.1));
        self.set_disk(&now.disk);
    }

    fn set_disk(&self, disk: &DiskUsage) {
        if let Some(free) = disk.free {
            self.free.set(free);
        }
        self.floor.set(disk.floor);
        let kept = [
            ("mirrors", disk.mirrors),
            ("images", disk.images),
            ("runs", disk.runs),
        ];
        for (part, usage) in kept {
            let label = [("part", part)];
            self.used.get_or_create_owned(&label).set(usage.bytes);
            self.kept.get_or_create_owned(&label).set(usage.count);
        }
        let database = self.used.get_or_create_owned(&[("part", "database")]);
        database.set(disk.database);
    }
}

fn set(gauge: &Gauge, value: usize) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn build_info(registry: &mut Registry) {
    let info: Family<[Label; 1], Gauge> = Family::default();
    info.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))])
        .set(1);
    registry.register("build_info", "Which version this is; always 1", info);
}
