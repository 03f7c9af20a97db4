//! Performs what one run wants, from its submission to its end.

mod effects;
mod node;
mod nodes;
mod outcome;
mod plan;
mod record;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use dogi_graph::Plan;
use dogi_job::{
    Effect, EffectKey, Event, Exit, Failure, FailureKind, Perform, Phase, Run, RunStatus, State,
    UnixMillis, Wanted,
};
use dogi_url::NodeName;
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::outcome::{built, exited, failed, panicked};
use crate::{
    AtLogLimit, EngineConfig,
    engine::Shared,
    outputs::RunOutputs,
    ports::{Attempted, BuiltImage, Checkout, Report, StepError, Work},
};

/// The actor of one run: folds its events, and keeps what goes on equal to what is wanted.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    run: Run,
    sequence: u64,
    outputs: RunOutputs,
    checkout: Option<Arc<dyn Checkout>>,
    commands: mpsc::UnboundedReceiver<Event>,
    /// Commands that came while nothing could be recorded.
    unrecorded: VecDeque<Event>,
    reports: (
        mpsc::UnboundedSender<Report>,
        mpsc::UnboundedReceiver<Report>,
    ),
    in_flight: BTreeMap<EffectKey, CancellationToken>,
    keys: HashMap<Id, (EffectKey, Option<NodeName>)>,
    tasks: JoinSet<Ended>,
    status: watch::Sender<Arc<RunStatus>>,
    stopped: bool,
    errors_told: usize,
    /// An earlier life of the server began the run.
    resumed: bool,
    /// Places for containers beside the run's own.
    borrowed: usize,
    /// Told when a place becomes free.
    places: watch::Receiver<()>,
    /// Something is wanted that waits for one.
    wants_place: bool,
}

/// A run with everything that its driver needs.
pub(crate) struct Driven {
    pub(crate) run: Run,
    /// Places that it has beside its own.
    pub(crate) borrowed: usize,
    /// The number of the next record.
    pub(crate) sequence: u64,
    pub(crate) outputs: RunOutputs,
    pub(crate) commands: mpsc::UnboundedReceiver<Event>,
    pub(crate) status: watch::Sender<Arc<RunStatus>>,
}

/// Drives a run that waits to be let in. Thousands may wait: until something happens to it, a run
/// costs little more than its parameters.
pub(crate) fn spawn_waiting(shared: Arc<Shared>, mut driven: Driven) {
    tokio::spawn(async move {
        if let Some(first) = driven.commands.recv().await {
            let span = span(&driven.run);
            Box::pin(Driver::new(shared, driven).drive(first))
                .instrument(span)
                .await;
        }
    });
}

/// Goes on with a run that was under way when the server ended.
pub(crate) fn spawn_resumed(shared: Arc<Shared>, driven: Driven) {
    let span = span(&driven.run);
    let mut driver = Driver::new(shared, driven);
    driver.resumed = true;
    tokio::spawn(async move { Box::pin(driver.resume()).await }.instrument(span));
}

/// What the server's own log tells of a run stands in a span of this name.
fn span(run: &Run) -> tracing::Span {
    tracing::info_span!(parent: None, "run", run = %run.id(), instance = %run.spec().instance)
}

/// How an effect ended.
enum Ended {
    Checkout(Result<Arc<dyn Checkout>, StepError>),
    Build(Result<BuiltImage, StepError>),
    Plan(Result<Plan, StepError>),
    Run(Result<Exit, StepError>),
    Deliver(Attempted),
    Cleanup(Result<(), StepError>),
}

/// What the driver woke up for.
enum Woken {
    Event(Event),
    Report(Report),
    OutputFull,
    Ended(EffectKey, Option<NodeName>, Option<Ended>),
    Time,
}

impl Driver {
    fn new(shared: Arc<Shared>, driven: Driven) -> Self {
        let Driven {
            run,
            borrowed,
            sequence,
            outputs,
            commands,
            status,
        } = driven;
        let places = shared.directory().places();
        Self {
            shared,
            run,
            sequence,
            outputs,
            checkout: None,
            commands,
            unrecorded: VecDeque::new(),
            reports: mpsc::unbounded_channel(),
            in_flight: BTreeMap::new(),
            keys: HashMap::new(),
            tasks: JoinSet::new(),
            status,
            stopped: false,
            errors_told: 0,
            resumed: false,
            borrowed,
            places,
            wants_place: false,
        }
    }

    async fn drive(mut self, first: Event) {
        self.record(first).await;
        self.drive_on().await;
    }

    async fn resume(mut self) {
        // What it was told on the way comes first: a run that is to stop takes nothing up again.
        while let Ok(event) = self.commands.try_recv() {
            self.record(event).await;
        }
        if self.run.begins_again() {
            let line = "dogi: the server was started again, and so is this run";
            self.outputs.console().line(line).await;
        }
        if self.run.is_decided() {
            self.mark_what_was_not_read().await;
            self.follow_up().await;
        } else {
            self.record(Event::Resumed).await;
        }
        self.drive_on().await;
    }

    /// What the container printed between the end of that life and its stop goes with it, and nobody
    /// knows whether it printed anything. A log that has its last lines had been read to the end.
    async fn mark_what_was_not_read(&self) {
        let status = self.run.status();
        let unread = self.run.container().is_some() && status.exit_code.is_none();
        if !unread || self.run.has_stopped() {
            return;
        }
        // What nobody wanted to stop was stopped by the start itself.
        let lost = self.run.status_for_callback().state == State::Lost;
        let mark = match self.run.spec().host_command() {
            Some(_) if lost => {
                "dogi: output may be missing here: the server ended while the command ran"
            }
            _ => "dogi: output may be missing here: the server ended while the job was to stop",
        };
        let last = status.errors.first().map(|error| format!("dogi: {error}"));
        let console = self.outputs.console();
        for line in [Some(mark), last.as_deref()].into_iter().flatten() {
            if console.has_line(line).await {
                return;
            }
        }
        console.line(mark).await;
    }

    /// Drives the run to its end.
    async fn drive_on(mut self) {
        while !self.run.state().is_final() {
            if let Some(event) = self.unrecorded.pop_front() {
                self.record(event).await;
                continue;
            }
            let now = self.shared.clock.now();
            if let Some(event) = self.run.due(now) {
                self.record(event).await;
                continue;
            }
            let wanted = self.run.wanted(now);
            self.reconcile(&wanted);
            match self.next(wanted.wake, now).await {
                Woken::Event(event) => self.record(event).await,
                Woken::Report(report) => self.report(report).await,
                Woken::OutputFull => self.record(output_full(&self.shared.config)).await,
                Woken::Ended(key, node, ended) => self.ended(&key, node, ended).await,
                Woken::Time => {}
            }
        }
        self.drop_what_is_left().await;
    }

    /// Starts what is wanted and not under way; stops what is under way and not wanted.
    fn reconcile(&mut self, wanted: &Wanted) {
        for (key, cancel) in &self.in_flight {
            if !wanted.effects.contains_key(key) {
                cancel.cancel();
            }
        }
        self.wants_place = false;
        self.places.mark_unchanged();
        for (key, effect) in &wanted.effects {
            if self.in_flight.contains_key(key) || !self.may_start(key) {
                continue;
            }
            if self.has_place(key, goes_on(effect)) {
                self.start(key.clone(), effect);
            } else {
                self.wants_place = true;
            }
        }
    }

    /// Undoing begins when doing has ended.
    fn may_start(&self, key: &EffectKey) -> bool {
        key.perform == Perform::Perform
            || !self
                .in_flight
                .keys()
                .any(|doing| doing.perform == Perform::Perform && doing.phase != Phase::Callback)
    }

    fn start(&mut self, key: EffectKey, effect: &Effect) {
        let cancel = CancellationToken::new();
        let node = node_of(effect).cloned();
        let logged = node.as_ref().filter(|node| {
            let node = self.run.plan().and_then(|plan| plan.container(node));
            node.is_some_and(|node| !node.no_log)
        });
        let outputs = logged.and_then(|node| self.outputs.of_node(node));
        let work = Work {
            run: self.run.id().clone(),
            instance: self.run.spec().instance.clone(),
            node: node.clone(),
            cancel: cancel.clone(),
            console: outputs.as_ref().unwrap_or(&self.outputs).console(),
            reports: self.reports.0.clone(),
        };
        let performing = self.perform(effect, work);
        let task = self.tasks.spawn(performing.in_current_span());
        self.keys.insert(task.id(), (key.clone(), node));
        self.in_flight.insert(key, cancel);
    }

    async fn next(&mut self, wake: Option<UnixMillis>, now: UnixMillis) -> Woken {
        let sleep = async {
            match wake {
                Some(at) => {
                    tokio::time::sleep(at.saturating_since(now).max(Duration::from_millis(1))).await
                }
                None => std::future::pending().await,
            }
        };
        let ends_it = self.shared.config.at_log_limit == AtLogLimit::Fail;
        let full = async {
            match ends_it && !self.run.is_decided() {
                true => self.outputs.full().await,
                false => std::future::pending().await,
            }
        };
        let wants_place = self.wants_place;
        let places = &mut self.places;
        let place = async {
            match wants_place {
                // The books outlive the runs in them.
                true => drop(places.changed().await),
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(report) = self.reports.1.recv() => Woken::Report(report),
            Some(event) = self.commands.recv() => Woken::Event(event),
            Some(joined) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                let (id, ended) = match joined {
                    Ok((id, ended)) => (id, Some(ended)),
                    // Nobody else cancels it: the runtime is being dropped.
                    Err(error) if error.is_cancelled() => std::future::pending().await,
                    Err(error) => (error.id(), None),
                };
                match self.keys.remove(&id) {
                    Some((key, node)) => Woken::Ended(key, node, ended),
                    None => Woken::Time,
                }
            }
            () = full => Woken::OutputFull,
            () = place => Woken::Time,
            () = sleep => Woken::Time,
        }
    }

    async fn ended(&mut self, key: &EffectKey, node: Option<NodeName>, ended: Option<Ended>) {
        let cancelled = self
            .in_flight
            .remove(key)
            .is_some_and(|cancel| cancel.is_cancelled());
        self.return_places();
        // What an effect reported comes before its end.
        while let Ok(report) = self.reports.1.try_recv() {
            self.report(report).await;
        }
        let event = match ended {
            Some(Ended::Checkout(Ok(checkout))) => {
                let event = Event::CheckedOut {
                    commit: checkout.commit(),
                    revision: checkout.revision(),
                };
                self.checkout = Some(checkout);
                Some(event)
            }
            Some(Ended::Plan(Ok(plan))) => Some(Event::Planned {
                plan: Box::new(plan),
            }),
            Some(Ended::Build(Ok(BuiltImage { id, reused }))) => Some(built(node, id, reused)),
            Some(Ended::Run(Ok(exit))) => Some(exited(node, exit)),
            Some(Ended::Checkout(Err(error))) => failed(key.phase, None, error, cancelled),
            Some(Ended::Plan(Err(error))) => failed(key.phase, None, error, cancelled),
            Some(Ended::Build(Err(error))) => failed(key.phase, node, error, cancelled),
            Some(Ended::Run(Err(error))) => failed(key.phase, node, error, cancelled),
            Some(Ended::Deliver(attempted)) if !cancelled => Some(self.attempted(attempted).await),
            Some(Ended::Deliver(_)) => None,
            Some(Ended::Cleanup(Ok(()))) => Some(Event::CleanedUp),
            Some(Ended::Cleanup(Err(error))) => Some(Event::CleanupFailed {
                message: error.to_string(),
            }),
            None => Some(panicked(key, node)),
        };
        if let Some(event) = event {
            self.record(event).await;
        }
    }

    async fn attempted(&self, attempted: Attempted) -> Event {
        if let Ok(exchange) = serde_json::to_string(&attempted.exchange) {
            self.outputs
                .console()
                .line(format!("dogi: callback {exchange}"))
                .await;
        }
        Event::Attempted {
            exchange: attempted.exchange,
            accepted: attempted.accepted,
            retry_in_ms: attempted
                .retry_in
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    async fn drop_what_is_left(mut self) {
        for cancel in self.in_flight.values() {
            cancel.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
        self.in_flight.clear();
        self.return_places();
        self.shared.retire(self.run.id()).await;
    }
}

/// Whether what it is about was begun by an earlier life of the server.
fn goes_on(effect: &Effect) -> bool {
    let container = match effect {
        Effect::NodeRun { container, .. } => container,
        _ => return false,
    };
    container.is_some()
}

fn node_of(effect: &Effect) -> Option<&NodeName> {
    match effect {
        Effect::NodeImage { node } | Effect::NodeRun { node, .. } => Some(node),
        _ => None,
    }
}

fn output_full(config: &EngineConfig) -> Event {
    let message = format!(
        "Stopped: an output reached the limit of {} bytes",
        config.max_log_bytes
    );
    Event::Failed {
        failure: Failure::new(Phase::Run, FailureKind::OutputLimit, message),
    }
}
