//! What becomes of jobs, told by the engine as it happens.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dogi_job::{Event, RunId, RunStatus, State, UnixMillis};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

type Label = (&'static str, &'static str);

/// Seconds of a wait or of a part of a job: a clone takes tenths of a second, a job half a day.
const SECONDS: [f64; 15] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 7200.0, 21600.0,
];

const FINAL: [State; 6] = [
    State::Succeeded,
    State::Failed,
    State::Aborted,
    State::TimedOut,
    State::Superseded,
    State::Lost,
];

const PHASES: [&str; 4] = ["clone", "build", "run", "callback"];
const LOOKUPS: [&str; 2] = ["hit", "miss"];
const ATTEMPTS: [&str; 3] = ["accepted", "retried", "failed"];

#[derive(Debug)]
pub(super) struct JobMetrics {
    ended: Family<[Label; 1], Counter>,
    queued: Histogram,
    phases: Family<[Label; 1], Histogram, fn() -> Histogram>,
    lookups: Family<[Label; 1], Counter>,
    attempts: Family<[Label; 1], Counter>,
    written: Counter,
    /// What each run under way is at, and since when. A run that was taken up after a restart is
    /// not in it until its next phase: the time in which nobody looked is no time of the phase.
    under_way: Mutex<HashMap<RunId, Phase>>,
}

/// A part of a job, and when it began.
#[derive(Clone, Copy, Debug)]
struct Phase {
    name: &'static str,
    since: UnixMillis,
}

impl JobMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            ended: Family::default(),
            queued: Histogram::new(SECONDS),
            phases: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            lookups: Family::default(),
            attempts: Family::default(),
            written: Counter::default(),
            under_way: Mutex::default(),
        };
        for state in FINAL {
            drop(metrics.ended.get_or_create(&[("state", state.as_str())]));
        }
        for phase in PHASES {
            drop(metrics.phases.get_or_create(&[("phase", phase)]));
        }
        for result in LOOKUPS {
            drop(metrics.lookups.get_or_create(&[("result", result)]));
        }
        for result in ATTEMPTS {
            drop(metrics.attempts.get_or_create(&[("result", result)]));
        }
        metrics.name(registry);
        metrics
    }

    fn name(&self, registry: &mut Registry) {
        registry.register(
            "jobs_ended",
            "Jobs that ended, by their final state",
            self.ended.clone(),
        );
        registry.register_with_unit(
            "job_queue",
            "Time that jobs waited to be let in",
            Unit::Seconds,
            self.queued.clone(),
        );
        registry.register_with_unit(
            "job_phase",
            "Time that the parts of jobs took; a part that was stopped is not counted",
            Unit::Seconds,
            self.phases.clone(),
        );
        registry.register(
            "image_lookups",
            "Whether an image was there already (hit) or had to be built or pulled (miss)",
            self.lookups.clone(),
        );
        registry.register(
            "delivery_attempts",
            "Callbacks tried: accepted, to be tried again, or given up",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "output_written",
            "Bytes that jobs wrote into their outputs",
            Unit::Bytes,
            self.written.clone(),
        );
    }

    /// An event of a run was recorded; `before` and `after` are its status around it.
    pub(super) fn recorded(
        &self,
        before: &RunStatus,
        after: &RunStatus,
        event: &Event,
        at: UnixMillis,
    ) {
        if before.started_at.is_none() && after.started_at.is_some() {
            self.queued.observe(seconds(at, after.queued_at));
        }
        self.time(before, after, event, at);
        self.count(event);
        if after.state.is_final() && !before.state.is_final() {
            let label = [("state", after.state.as_str())];
            self.ended.get_or_create(&label).inc();
        }
    }

    /// Bytes were appended to an output.
    pub(super) fn written(&self, bytes: u64) {
        self.written.inc_by(bytes);
    }

    fn time(&self, before: &RunStatus, after: &RunStatus, event: &Event, at: UnixMillis) {
        let entered = before.state != after.state;
        let next = match event {
            Event::CheckedOut { .. } => Some("build"),
            Event::Built { .. } => Some("run"),
            _ if entered && after.state == State::CallingBack => Some("callback"),
            _ if entered && after.state == State::Cloning => Some("clone"),
            _ => None,
        };
        let ended = next.is_some() || after.state.is_final() || ends(event);
        if !ended {
            return;
        }
        let mut under_way = self.under_way();
        let phase = under_way.remove(&after.run);
        if let Some(name) = next.filter(|_| !after.state.is_final()) {
            under_way.insert(after.run.clone(), Phase { name, since: at });
        }
        drop(under_way);
        if let Some(phase) = phase.filter(|_| !matches!(event, Event::StopRequested { .. })) {
            self.phases
                .get_or_create(&[("phase", phase.name)])
                .observe(seconds(at, phase.since));
        }
    }

    fn count(&self, event: &Event) {
        match event {
            Event::Built { reused, .. } => {
                let result = if *reused { "hit" } else { "miss" };
                self.lookups.get_or_create(&[("result", result)]).inc();
            }
            Event::Attempted {
                accepted,
                retry_in_ms,
                ..
            } => {
                let result = match (accepted, retry_in_ms) {
                    (true, _) => "accepted",
                    (false, Some(_)) => "retried",
                    (false, None) => "failed",
                };
                self.attempts.get_or_create(&[("result", result)]).inc();
            }
            _ => {}
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<RunId, Phase>> {
        // A panic while it was held leaves it whole: every change is one insert or remove.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a part of a job ends with this, without another one that follows.
fn ends(event: &Event) -> bool {
    match event {
        Event::Exited { .. } | Event::Failed { .. } | Event::StopRequested { .. } => true,
        Event::Attempted {
            accepted,
            retry_in_ms,
            ..
        } => *accepted || retry_in_ms.is_none(),
        _ => false,
    }
}

fn seconds(until: UnixMillis, since: UnixMillis) -> f64 {
    until.saturating_since(since).as_secs_f64()
}
