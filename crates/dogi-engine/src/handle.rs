use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Weak},
};

use dogi_job::{Event, RunId, RunStatus, Spec, StopCause};
use dogi_stream::Log;
use dogi_url::{InstanceId, OutputName};
use tokio::sync::{mpsc, watch};

use crate::{
    outputs::{FinishedOutputs, NodeLogs, RunDirectory, RunOutputs},
    ports::Workers,
};

/// A run: what it does, what it prints, and how to stop it. Cloning is cheap.
///
/// The handle of a finished run stays good; its outputs stay readable while somebody holds it.
#[derive(Clone)]
pub struct RunHandle {
    inner: Arc<Inner>,
}

struct Inner {
    id: RunId,
    spec: Arc<Spec>,
    outputs: BTreeMap<OutputName, Log>,
    nodes: NodeLogs,
    directory: Arc<RunDirectory>,
    status: watch::Receiver<Arc<RunStatus>>,
    commands: mpsc::UnboundedSender<Event>,
}

impl RunHandle {
    pub(crate) fn new(
        id: RunId,
        spec: Arc<Spec>,
        outputs: &RunOutputs,
        status: watch::Receiver<Arc<RunStatus>>,
        commands: mpsc::UnboundedSender<Event>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                id,
                spec,
                outputs: outputs.readers(),
                nodes: outputs.node_logs().clone(),
                directory: outputs.directory().clone(),
                status,
                commands,
            }),
        }
    }

    /// A run that was over when the server was started.
    pub(crate) fn of_the_past(
        status: RunStatus,
        spec: Arc<Spec>,
        outputs: FinishedOutputs,
    ) -> Self {
        let FinishedOutputs {
            logs,
            nodes,
            directory,
        } = outputs;
        // Nobody listens to its commands, and its status changes no more.
        let (commands, _) = mpsc::unbounded_channel();
        let id = status.run.clone();
        let (_, status) = watch::channel(Arc::new(status));
        Self {
            inner: Arc::new(Inner {
                id,
                spec,
                outputs: logs,
                nodes,
                directory,
                status,
                commands,
            }),
        }
    }

    /// The run.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.inner.id
    }

    /// Its instance.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.inner.spec.instance
    }

    /// What was submitted, with the operator's limits in it.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.inner.spec
    }

    /// Where it stands now. [`crate::Engine::status`] knows the place in the queue too.
    #[must_use]
    pub fn status(&self) -> Arc<RunStatus> {
        self.inner.status.borrow().clone()
    }

    /// Follows where it stands.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<RunStatus>> {
        self.inner.status.clone()
    }

    /// Waits for its end. Cancel safe.
    pub async fn finished(&self) -> Arc<RunStatus> {
        self.wait_until(|status| status.state.is_final()).await
    }

    /// Waits until nothing of it goes on and nothing is left of it; a callback may still be under
    /// way. Cancel safe.
    pub async fn stopped(&self) -> Arc<RunStatus> {
        self.wait_until(|status| status.stopped).await
    }

    /// One of its outputs; `None` if it has none of this name, or none yet: the nodes of a container
    /// graph have theirs when it was read. (`status` is no log.)
    #[must_use]
    pub fn output(&self, name: &OutputName) -> Option<&Log> {
        match name {
            OutputName::Node(node) => self.inner.nodes.get()?.get(node),
            name => self.inner.outputs.get(name),
        }
    }

    /// All its outputs; those of the nodes of a container graph come last, once it was read.
    pub fn outputs(&self) -> impl Iterator<Item = (OutputName, &Log)> {
        let of_run = self.inner.outputs.iter();
        let of_nodes = self.inner.nodes.get().into_iter().flatten();
        of_run
            .map(|(name, log)| (name.clone(), log))
            .chain(of_nodes.map(|(node, log)| (OutputName::Node(node.clone()), log)))
    }

    /// Waits until it is known which outputs it has: for a run of a container graph, until that was
    /// read, or the run is over without it. Cancel safe.
    pub async fn outputs_known(&self) {
        if self.spec().graph().is_some() {
            let known = |status: &RunStatus| {
                status.nodes.is_some() || status.stopped || status.state.is_final()
            };
            self.wait_until(known).await;
        }
    }

    /// Bytes of its outputs, and of what lies beside them.
    pub(crate) fn size(&self) -> u64 {
        let lengths = self.outputs();
        let outputs: u64 = lengths.map(|(_, log)| log.position().offset).sum();
        outputs.saturating_add(self.inner.directory.details_len())
    }

    /// Where what exactly a command is was kept.
    pub(crate) fn command_details(&self) -> PathBuf {
        self.inner.directory.details()
    }

    /// Its history is forgotten: its outputs go with the last handle.
    pub(crate) fn retire(&self) {
        self.inner.directory.give_up();
    }

    /// Whether somebody holds it besides the books.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    /// Its files, for as long as somebody else holds them.
    pub(crate) fn files(&self) -> Weak<RunDirectory> {
        Arc::downgrade(&self.inner.directory)
    }

    /// Removes its outputs now; nobody holds it any more.
    pub(crate) async fn discard(self, workers: &dyn Workers) {
        self.inner.directory.remove(workers).await;
    }

    pub(crate) fn stop(&self, cause: StopCause) {
        // A run that is over is not stopped again.
        let _ = self.inner.commands.send(Event::StopRequested { cause });
    }

    pub(crate) fn admit(&self) {
        let _ = self.inner.commands.send(Event::Admitted);
    }

    async fn wait_until(&self, done: impl Fn(&RunStatus) -> bool) -> Arc<RunStatus> {
        let mut status = self.subscribe();
        match status.wait_for(|status| done(status)).await {
            Ok(status) => status.clone(),
            // The driver is gone, and with it the hope of any news.
            Err(_) => self.status(),
        }
    }
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("id", self.id())
            .field("instance", self.instance())
            .field("state", &self.status().state)
            .finish_non_exhaustive()
    }
}
