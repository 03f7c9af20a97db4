//! Performs what one run wants, from its submission to its end.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use dogi_job::{
    Effect, EffectKey, Event, Exit, Failure, FailureKind, Perform, Phase, Run, RunStatus,
    StopCause, UnixMillis, Wanted,
};
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    delivery_id::delivery_id,
    engine::Shared,
    outputs::RunOutputs,
    ports::{
        Attempted, BuildRequest, BuiltImage, Checkout, ContainerRequest, Delivery, Record,
        Recorded, StepError, Work,
    },
};

/// The actor of one run: folds its events, and keeps what goes on equal to what is wanted.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    run: Run,
    sequence: u64,
    outputs: RunOutputs,
    checkout: Option<Arc<dyn Checkout>>,
    commands: mpsc::UnboundedReceiver<Event>,
    reports: (mpsc::UnboundedSender<Event>, mpsc::UnboundedReceiver<Event>),
    in_flight: BTreeMap<EffectKey, CancellationToken>,
    keys: HashMap<Id, EffectKey>,
    tasks: JoinSet<Ended>,
    status: watch::Sender<Arc<RunStatus>>,
    stopped: bool,
    errors_told: usize,
    first_delivery: Option<UnixMillis>,
}

/// How an effect ended.
enum Ended {
    Checkout(Result<Arc<dyn Checkout>, StepError>),
    Build(Result<BuiltImage, StepError>),
    Run(Result<Exit, StepError>),
    Deliver(Attempted),
    Cleanup(Result<(), StepError>),
}

/// What the driver woke up for.
enum Woken {
    Event(Event),
    Ended(EffectKey, Option<Ended>),
    Time,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        run: Run,
        outputs: RunOutputs,
        commands: mpsc::UnboundedReceiver<Event>,
        status: watch::Sender<Arc<RunStatus>>,
    ) -> Self {
        Self {
            shared,
            run,
            sequence: 1,
            outputs,
            checkout: None,
            commands,
            reports: mpsc::unbounded_channel(),
            in_flight: BTreeMap::new(),
            keys: HashMap::new(),
            tasks: JoinSet::new(),
            status,
            stopped: false,
            errors_told: 0,
            first_delivery: None,
        }
    }

    /// Drives the run to its end.
    pub(crate) async fn drive(mut self) {
        while !self.run.state().is_final() {
            let now = self.shared.clock.now();
            if let Some(event) = self.run.due(now) {
                self.record(event).await;
                continue;
            }
            let wanted = self.run.wanted(now);
            self.reconcile(&wanted);
            match self.next(wanted.wake, now).await {
                Woken::Event(event) => self.record(event).await,
                Woken::Ended(key, ended) => self.ended(&key, ended).await,
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
        for (key, effect) in &wanted.effects {
            if !self.in_flight.contains_key(key) && self.may_start(key) {
                self.start(key.clone(), effect);
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
        let work = Work {
            run: self.run.id().clone(),
            instance: self.run.spec().instance.clone(),
            cancel: cancel.clone(),
            console: self.outputs.console(),
            reports: self.reports.0.clone(),
        };
        let performing = self.perform(effect, work);
        let task = self.tasks.spawn(performing);
        self.keys.insert(task.id(), key.clone());
        self.in_flight.insert(key, cancel);
    }

    fn perform(&mut self, effect: &Effect, work: Work) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        match (effect, &self.checkout) {
            (Effect::Checkout, _) => {
                async move { Ended::Checkout(shared.source.checkout(&spec.source, &work).await) }
                    .boxed()
            }
            (Effect::Build { .. }, Some(checkout)) => {
                let checkout = checkout.clone();
                async move {
                    let request = BuildRequest {
                        spec: &spec,
                        checkout: &*checkout,
                    };
                    Ended::Build(shared.runner.build(request, &work).await)
                }
                .boxed()
            }
            (Effect::Run { image }, Some(checkout)) => {
                let (checkout, image) = (checkout.clone(), image.clone());
                let outputs = self.outputs.clone();
                async move {
                    let request = ContainerRequest {
                        spec: &spec,
                        image: &image,
                        checkout: &*checkout,
                        outputs: &outputs,
                    };
                    Ended::Run(shared.runner.run(request, &work).await)
                }
                .boxed()
            }
            (Effect::Build { .. } | Effect::Run { .. }, None) => async {
                let reason = "the checkout of the run is gone".to_owned();
                Ended::Build(Err(StepError::Lost { reason }))
            }
            .boxed(),
            (Effect::Deliver { attempt }, _) => self.deliver(*attempt, work.cancel),
            (Effect::Cleanup, _) => {
                async move { Ended::Cleanup(shared.runner.cleanup(&work.run).await) }.boxed()
            }
        }
    }

    fn deliver(&mut self, attempt: u32, cancel: CancellationToken) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let now = shared.clock.now();
        let since_first = now.saturating_since(*self.first_delivery.get_or_insert(now));
        let status = self.run.status_for_callback();
        let callback = self.run.spec().callback.clone();
        async move {
            let Some(callback) = callback else {
                unreachable!("a run without a callback wants no delivery");
            };
            let id = delivery_id(&status.run, "callback", callback.url.as_str(), status.state);
            let delivery = Delivery {
                id: &id,
                callback: &callback,
                status: &status,
                attempt,
                since_first,
            };
            Ended::Deliver(shared.deliverer.deliver(delivery, &cancel).await)
        }
        .boxed()
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
        tokio::select! {
            biased;
            Some(report) = self.reports.1.recv() => Woken::Event(report),
            Some(event) = self.commands.recv() => Woken::Event(event),
            Some(joined) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                let (id, ended) = match joined {
                    Ok((id, ended)) => (id, Some(ended)),
                    Err(error) => (error.id(), None),
                };
                match self.keys.remove(&id) {
                    Some(key) => Woken::Ended(key, ended),
                    None => Woken::Time,
                }
            }
            () = sleep => Woken::Time,
        }
    }

    async fn ended(&mut self, key: &EffectKey, ended: Option<Ended>) {
        let cancelled = self
            .in_flight
            .remove(key)
            .is_some_and(|cancel| cancel.is_cancelled());
        // What an effect reported comes before its end.
        while let Ok(report) = self.reports.1.try_recv() {
            self.record(report).await;
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
            Some(Ended::Build(Ok(BuiltImage { id, reused }))) => {
                Some(Event::Built { image: id, reused })
            }
            Some(Ended::Run(Ok(exit))) => Some(Event::Exited {
                code: exit.code,
                out_of_memory: exit.out_of_memory,
            }),
            Some(Ended::Checkout(Err(error))) => failed(key.phase, error, cancelled),
            Some(Ended::Build(Err(error))) => failed(key.phase, error, cancelled),
            Some(Ended::Run(Err(error))) => failed(key.phase, error, cancelled),
            Some(Ended::Deliver(attempted)) if !cancelled => Some(self.attempted(attempted).await),
            Some(Ended::Deliver(_)) => None,
            Some(Ended::Cleanup(Ok(()))) => Some(Event::CleanedUp),
            Some(Ended::Cleanup(Err(error))) => Some(Event::CleanupFailed {
                message: error.to_string(),
            }),
            None => Some(panicked(key)),
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

    /// Events first, then effects: what happened is recorded before what follows from it is done.
    async fn record(&mut self, event: Event) {
        let at = self.shared.clock.now();
        if let Event::CleanupFailed { message } = &event {
            tracing::warn!(run = %self.run.id(), %message, "something of a run is left behind");
            // Without an image there was no container.
            if self.run.status().image.is_some() {
                self.shared.clean_up_later(self.run.id());
            }
        }
        let record = Recorded {
            at,
            record: Record::Event(event.clone()),
        };
        if let Err(error) = self
            .shared
            .store
            .append(self.run.id(), self.sequence, record)
            .await
        {
            tracing::error!(run = %self.run.id(), %error, "an event was not recorded");
        }
        self.sequence += 1;
        self.run.apply(at, &event);
        self.follow_up().await;
    }

    /// Brings everybody who looks at the run up to date.
    async fn follow_up(&mut self) {
        let stopped_now = self.run.has_stopped() && !self.stopped;
        if stopped_now {
            self.stopped = true;
            self.checkout = None;
            self.outputs.finish_files();
        }
        let over = self.run.state().is_final();
        if self.stopped || over {
            self.tell_errors().await;
        }
        if over {
            self.outputs.finish();
        }
        // Whoever learns that the run has stopped finds its room free; that it is over, its place.
        if stopped_now {
            self.shared.directory().stopped(self.run.id());
        }
        if over {
            self.shared.directory().left(self.run.id());
        }
        self.status.send_replace(Arc::new(self.run.status()));
    }

    /// The reason stands in the log too, after everything that the job printed.
    async fn tell_errors(&mut self) {
        let errors = self.run.status().errors;
        for error in errors.iter().skip(self.errors_told) {
            let line = format!("dogi: {error}");
            self.outputs.console().closing_line(line).await;
        }
        self.errors_told = errors.len();
    }

    async fn drop_what_is_left(mut self) {
        for cancel in self.in_flight.values() {
            cancel.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
        self.shared.retire(self.run.id()).await;
    }
}

fn failed(phase: Phase, error: StepError, cancelled: bool) -> Option<Event> {
    match error {
        // The run knows already why it does not want the effect any more.
        StepError::Cancelled if cancelled => None,
        StepError::Cancelled => {
            let reason = format!("the {phase} was cut off");
            Some(Event::StopRequested {
                cause: StopCause::Lost { reason },
            })
        }
        StepError::Failed { kind, message } => Some(Event::Failed {
            failure: Failure::new(phase, kind, message),
        }),
        StepError::Lost { reason } => Some(Event::StopRequested {
            cause: StopCause::Lost { reason },
        }),
    }
}

fn panicked(key: &EffectKey) -> Event {
    if key.perform == Perform::Cleanup {
        return Event::CleanupFailed {
            message: "the clean-up panicked".to_owned(),
        };
    }
    let message = format!("a fault in the server ended the {}", key.phase);
    Event::Failed {
        failure: Failure::new(key.phase, FailureKind::Internal, message),
    }
}
