use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use dogi_job::{Refusal, RunId, RunStatus, Spec, State, StopCause, Submit};
use dogi_url::InstanceId;
use tokio_util::sync::CancellationToken;

use crate::{
    Clock, EngineConfig, Lease, OverCeiling, RunHandle,
    directory::Directory,
    governor::{self, Governor, NoRoom, Space},
    outputs::OutputOptions,
    ports::{
        Deliverer, Host, Local, Notifier, Observer, Runner, Secrets, Source, StepError, Store,
        StoreError, Values, Workers,
    },
    reports::Reports,
    submission::Turns,
};

/// Runs jobs. Cloning is cheap; every clone is the same engine.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What the drivers of all runs share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) deliverer: Arc<dyn Deliverer>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) local: Arc<dyn Local>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) reports: Reports,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) governor: Governor,
    pub(crate) turns: Turns,
    directory: Mutex<Directory>,
    closing: AtomicBool,
    halted: AtomicBool,
}

/// What an engine is made of.
pub(crate) struct Ports {
    pub(crate) config: EngineConfig,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) deliverer: Arc<dyn Deliverer>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) local: Arc<dyn Local>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) values: Arc<dyn Values>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) workers: Arc<dyn Workers>,
    pub(crate) space: Option<Arc<dyn Space>>,
}

/// A run was submitted, or found alive.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The run.
    pub run: RunHandle,
    /// Whether it was alive already, and the submitted parameters are ignored.
    pub joined: bool,
}

/// Why a run was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It asks for more than the operator allows.
    #[error(transparent)]
    OverCeiling(#[from] OverCeiling),
    /// The queue is full, or the group is busy.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The disk is nearly full.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The disk does not take its outputs.
    #[error("the outputs of another run have no place on the disk")]
    Disk(#[source] io::Error),
    /// The submission could not be recorded.
    #[error("the submission could not be recorded")]
    Store(#[source] crate::ports::StoreError),
    /// The server is stopping.
    #[error("the server is stopping and takes no new runs")]
    Closing,
}

impl Engine {
    pub(crate) fn new(ports: Ports) -> Self {
        let Ports {
            config,
            source,
            runner,
            deliverer,
            host,
            local,
            notifier,
            values,
            secrets,
            store,
            clock,
            observer,
            workers,
            space,
        } = ports;
        let governor = Governor::new(&config, space, &*source, &*runner);
        let directory = Mutex::new(Directory::new(config.admission));
        Self {
            shared: Arc::new(Shared {
                config,
                source,
                runner,
                deliverer,
                host,
                local,
                notifier,
                reports: Reports::new(values),
                secrets,
                store,
                clock,
                observer,
                workers,
                governor,
                turns: Turns::default(),
                directory,
                closing: AtomicBool::new(false),
                halted: AtomicBool::new(false),
            }),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// As [`submit`](Self::submit), with the event that started the run: it is kept beside the outputs,
    /// for the owner's eyes only, and the container finds it at
    /// [`event_path`](dogi_job::Spec::event_path). It joins the run of the same instance that is alive.
    ///
    /// Cancel safe, likewise.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was started and nothing is left then.
    pub async fn submit_event(
        &self,
        mut spec: Spec,
        event: Vec<u8>,
    ) -> Result<Submitted, SubmitError> {
        if self.shared.is_closing() {
            return Err(SubmitError::Closing);
        }
        self.shared.config.ceilings.apply(&mut spec)?;
        governor::admit(&self.shared).await?;
        self.shared.submit(spec, Submit::Run, Some(event)).await
    }

    /// Submits a run: starts it, joins the one that is alive, or takes that one's place.
    ///
    /// Must be called within a tokio runtime; the run goes on there, whatever becomes of the
    /// returned handle and of the engine itself.
    ///
    /// Cancel safe: a future that is dropped has submitted nothing, and nothing is left of it. Only
    /// where the process ends just then, the run may be on record already, and then it is made.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was started and nothing is left then.
    pub async fn submit(&self, mut spec: Spec, how: Submit) -> Result<Submitted, SubmitError> {
        if self.shared.is_closing() {
            return Err(SubmitError::Closing);
        }
        if let Some(run) = self.shared.directory().attachable(&spec.instance, how) {
            return Ok(Submitted { run, joined: true });
        }
        self.shared.config.ceilings.apply(&mut spec)?;
        governor::admit(&self.shared).await?;
        self.shared.submit(spec, how, None).await
    }

    /// A file out of the container of a run whose containers are kept; `None`: there is none.
    ///
    /// # Errors
    /// When the engine behind the runner does not answer.
    pub async fn file_of(
        &self,
        run: &RunHandle,
        path: &dogi_url::ContainerPath,
    ) -> Result<Option<crate::ports::FileOut>, StepError> {
        if !run.spec().keep {
            return Ok(None);
        }
        self.shared.runner.file(run.id(), path.as_str()).await
    }

    /// The newest run of an instance, alive or over.
    #[must_use]
    pub fn peek(&self, instance: &InstanceId) -> Option<RunHandle> {
        self.shared.directory().newest(instance)
    }

    /// Stops whatever is alive of an instance, a callback included, and waits until nothing of it
    /// is left. Returns its newest run; `None` if the instance is unknown.
    ///
    /// Cancel safe: what was told to stop stops.
    pub async fn abort(&self, instance: &InstanceId) -> Option<RunHandle> {
        let (endings, newest) = {
            let mut directory = self.shared.directory();
            let alive = directory.alive(instance);
            let told = alive.iter().rev().map(|run| {
                let ending = Ending::of(run);
                directory.stop(run.id(), StopCause::Abort);
                ending
            });
            let endings: Vec<_> = told.collect();
            (endings, directory.newest(instance))
        };
        for ending in endings {
            ending.wait().await;
        }
        newest
    }

    /// Stops one run and waits until nothing of it is left; `None` if there is no such run.
    ///
    /// Cancel safe, like [`Engine::abort`].
    pub async fn abort_run(&self, run: &RunId) -> Option<RunHandle> {
        let (handle, ending) = {
            let mut directory = self.shared.directory();
            let handle = directory.run(run)?;
            let ending = Ending::of(&handle);
            directory.stop(run, StopCause::Abort);
            (handle, ending)
        };
        ending.wait().await;
        Some(handle)
    }

    /// One run.
    #[must_use]
    pub fn run(&self, run: &RunId) -> Option<RunHandle> {
        self.shared.directory().run(run)
    }

    /// At most `limit` runs that are older than `before`, the newest first.
    #[must_use]
    pub fn runs(&self, before: Option<&RunId>, limit: usize) -> Vec<RunHandle> {
        self.shared.directory().page(before, limit)
    }

    /// The newest run of every instance.
    #[must_use]
    pub fn instances(&self) -> BTreeMap<InstanceId, RunHandle> {
        self.shared.directory().instances()
    }

    /// The runs that are queued or under way, the oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<RunHandle> {
        self.shared.directory().unfinished()
    }

    /// Where a run stands, with its place in the queue.
    #[must_use]
    pub fn status(&self, run: &RunHandle) -> RunStatus {
        let mut status = (*run.status()).clone();
        if status.state == State::Queued {
            status.queue_position = self.shared.directory().position(run.id());
        }
        status
    }

    /// As [`status`](Self::status) of many runs, their places in the queue being of one moment.
    #[must_use]
    pub fn statuses(&self, runs: &[RunHandle]) -> Vec<RunStatus> {
        let positions = self.shared.directory().positions();
        let status = |run: &RunHandle| {
            let mut status = (*run.status()).clone();
            if status.state == State::Queued {
                status.queue_position = positions.get(run.id()).copied();
            }
            status
        };
        runs.iter().map(status).collect()
    }

    /// How many runs are under way and how many wait to be let in.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        self.shared.directory().counts()
    }

    /// A lease on a run: when it is dropped, the run stops.
    pub fn lease(&self, run: &RunHandle) -> Lease {
        Lease::new(run.clone(), self.shared.clone())
    }

    /// Whether the engine behind the runner answers.
    ///
    /// # Errors
    /// When it does not; the error says what is wrong.
    pub async fn ready(&self) -> Result<(), StepError> {
        self.shared.runner.ready().await
    }

    /// Whether the store could record something now.
    ///
    /// # Errors
    /// When it could not; the error says what is wrong.
    pub async fn store_ready(&self) -> Result<(), StoreError> {
        self.shared.store.ready().await
    }

    /// From now on nothing is taken any more, no command on this machine begins, and leases are
    /// ignored; what runs goes on.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.directory().close_commands();
    }

    /// The last thing to do before the process ends or the runtime is dropped: from now on nothing
    /// is recorded, and nothing that would follow is done. What runs in Docker goes on, and the
    /// next life takes it up. Without this, work that is cut off by the end of the runtime could be
    /// taken for work that failed.
    pub fn halt(&self) {
        self.close();
        self.shared.halted.store(true, Ordering::Release);
    }
}

/// What to wait for after a run was told to stop.
struct Ending {
    run: RunHandle,
    /// Only its callback was under way, and a stop ends that at once.
    had_stopped: bool,
}

impl Ending {
    /// To be made before the run is told.
    fn of(run: &RunHandle) -> Self {
        Self {
            run: run.clone(),
            had_stopped: run.status().stopped,
        }
    }

    async fn wait(self) {
        if self.had_stopped {
            self.run.finished().await;
        } else {
            self.run.stopped().await;
        }
    }
}

impl Shared {
    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Where the outputs of all runs are.
    pub(crate) fn runs_directory(&self) -> PathBuf {
        self.config.data_dir.join("runs")
    }

    pub(crate) fn run_directory(&self, run: &RunId) -> PathBuf {
        self.runs_directory().join(run.as_str())
    }

    pub(crate) fn output_options(&self) -> OutputOptions {
        OutputOptions {
            limit: self.config.max_log_bytes,
            full: CancellationToken::new(),
            reserve: self.governor.reserve.clone(),
            observer: self.observer.clone(),
            workers: self.workers.clone(),
        }
    }
}
