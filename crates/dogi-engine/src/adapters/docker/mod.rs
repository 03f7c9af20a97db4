//! The runner that is a Docker engine.

mod build;
mod container;
mod error;
mod files;
mod graph;
mod images;
mod keep;
mod output;
mod secrecy;
mod tree;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use dogi_docker::{Builder, Container, Docker, LabelFilter, RegistryAuth};
use dogi_job::{Exit, RunId, Spec, StepName};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;

use crate::{
    MemoryStore,
    ports::{
        Alive, BuildRequest, BuiltImage, ContainerRequest, FileOut, Keeper, PrintRequest,
        PullRequest, Runner, ShareRequest, StepError, Values, Work,
    },
};

use self::{images::ImageTable, keep::ImageKeeper};

/// Builds and runs on a Docker engine.
///
/// The secrets of a run go into its container's environment. What the container prints, what is in its
/// followed files, and what the engine says of it is masked ([`dogi_stream::mask`]) before anybody sees
/// it. The engine has them in the clear: who may ask it may read them. So has the client library, which
/// tells requests and answers to the `log` crate at the level of debugging: this crate's own messages go
/// to `tracing`, and a program should not collect the others.
#[derive(Debug)]
pub struct DockerRunner {
    docker: Docker,
    options: DockerOptions,
    images: Arc<ImageTable>,
    /// The containers of runs that are not over. What is not among them, for whatever reason, is
    /// found by its labels.
    containers: Mutex<HashMap<RunId, Container>>,
    /// Who may pull an image now.
    pulls: Semaphore,
}

/// As many images are pulled at once: a graph may name hundreds.
const MAX_PULLS: usize = 8;

/// How a [`DockerRunner`] uses its engine.
#[derive(Debug, Clone)]
pub struct DockerOptions {
    /// Tells what is this server's from what is another server's on the same engine.
    pub server: String,
    /// Which builder.
    pub builder: Builder,
    /// Credentials for private images.
    pub registries: RegistryAuth,
    /// Processes in a container, at most.
    pub pids: Option<u64>,
    /// Bytes that the engine itself keeps of a container's output.
    pub log_max_bytes: u64,
    /// How long a container has between being asked to end and being killed.
    pub grace: Duration,
    /// How long the engine has, beyond the grace, to stop a container; then the run that is to
    /// stop waits no longer for it.
    pub patience: Duration,
    /// Images of its own builds that the server keeps for reuse.
    pub keep_images: usize,
    /// Whether the engine keeps its images on the disk that the server's data directory is on.
    pub shares_disk: bool,
    /// Whether the runner looks after all that is the server's in the engine: what no run that is
    /// alive has, and images beyond a budget. Not where others that live call themselves `server`,
    /// too: then it leaves alone what is none of its runs'.
    pub sweeps: bool,
}

impl DockerOptions {
    /// The defaults, for the server that calls itself `server`.
    #[must_use]
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            builder: Builder::Auto,
            registries: RegistryAuth::default(),
            pids: Some(4096),
            log_max_bytes: 1 << 30,
            grace: Duration::from_secs(5),
            patience: Duration::from_secs(30),
            keep_images: 100,
            shares_disk: true,
            sweeps: true,
        }
    }
}

/// The labels that say whose something is.
mod label {
    pub(super) const SERVER: &str = "dogi.server";
    pub(super) const NAMESPACE: &str = "dogi.namespace";
    pub(super) const INSTANCE: &str = "dogi.instance";
    pub(super) const RUN: &str = "dogi.run";
    pub(super) const STEP: &str = "dogi.step";
    /// Images have a label of their own: containers inherit the labels of their image, and a
    /// container that somebody else makes of it is not dogi's.
    pub(super) const BUILT_BY: &str = "dogi.built-by";
}

impl DockerRunner {
    /// A runner on `docker`.
    #[must_use]
    pub fn new(docker: Docker, options: DockerOptions) -> Self {
        Self {
            docker,
            options,
            images: Arc::new(ImageTable::new(Arc::new(MemoryStore::new()))),
            containers: Mutex::default(),
            pulls: Semaphore::new(MAX_PULLS),
        }
    }

    /// Where it is kept which image was built of what; in memory if nothing is said.
    #[must_use]
    pub fn with_values(mut self, values: Arc<dyn Values>) -> Self {
        self.images = Arc::new(ImageTable::new(values));
        self
    }

    fn containers(&self) -> MutexGuard<'_, HashMap<RunId, Container>> {
        self.containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the container of a run: the one that is known, or what its labels show. Looking for
    /// labels costs the engine more than everything else here.
    async fn remove_container(&self, run: &RunId) -> Result<(), StepError> {
        let known = self.containers().get(run).cloned();
        match known {
            Some(container) => {
                let removed = tokio::time::timeout(self.options.patience, container.remove());
                match removed.await {
                    Ok(removed) => removed.map_err(|error| error::of_engine(&error))?,
                    Err(_) => return Err(error::silent()),
                }
                self.containers().remove(run);
            }
            None => self.remove_labelled(run).await?,
        }
        Ok(())
    }

    /// Removes what the labels show to be the run's.
    async fn remove_labelled(&self, run: &RunId) -> Result<(), StepError> {
        let mine = LabelFilter::is(label::SERVER, &*self.options.server);
        let its = mine.and(label::RUN, run.as_str());
        self.remove(&its, |_| true).await.map(drop)
    }

    fn labels(&self, spec: &Spec, run: &RunId, step: &StepName) -> BTreeMap<String, String> {
        let instance = &spec.instance;
        [
            (label::SERVER, self.options.server.clone()),
            (label::NAMESPACE, instance.namespace().to_string()),
            (label::INSTANCE, instance.to_string()),
            (label::RUN, run.to_string()),
            (label::STEP, step.as_str().to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

impl Runner for DockerRunner {
    fn build<'a>(
        &'a self,
        request: BuildRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        self.have_image(request, work).boxed()
    }

    fn run<'a>(
        &'a self,
        request: ContainerRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>> {
        self.run_container(request, work).boxed()
    }

    fn pull<'a>(
        &'a self,
        request: PullRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        self.have_named(request, work).boxed()
    }

    fn print<'a>(
        &'a self,
        request: PrintRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Bytes, StepError>> {
        self.print_image(request, work).boxed()
    }

    fn share<'a>(
        &'a self,
        request: ShareRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<(), StepError>> {
        self.share_volumes(request, work).boxed()
    }

    fn file<'a>(
        &'a self,
        run: &'a RunId,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<FileOut>, StepError>> {
        self.file_of(run, path).boxed()
    }

    fn cleanup<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StepError>> {
        async move {
            self.images.unpin(run);
            self.remove_container(run).await?;
            self.trim_images().await;
            Ok(())
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>> {
        async move {
            if !self.options.sweeps {
                return Ok(0);
            }
            let mine = LabelFilter::is(label::SERVER, &*self.options.server);
            let dead = |run: &str| !RunId::parse(run).is_ok_and(|run| alive(&run));
            let removed = self.remove(&mine, dead).await?;
            self.images.load().await;
            self.adopt_images().await;
            self.trim_images().await;
            Ok(removed)
        }
        .boxed()
    }

    fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        if !self.options.sweeps {
            return None;
        }
        Some(Arc::new(ImageKeeper::new(
            self.docker.clone(),
            &self.options.server,
            self.images.clone(),
            self.options.shares_disk,
        )))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>> {
        async {
            self.docker
                .ping()
                .await
                .map_err(|error| error::of_engine(&error))
        }
        .boxed()
    }
}
