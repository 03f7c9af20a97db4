//! One container, from its creation to its end.

use dogi_docker::{
    Attached, Container, ContainerId, ContainerSpec, ContainerState, CreateError, Injection,
    LabelFilter, Limits, Owned, OwnedKind, StartError,
};
use dogi_job::{Exit, FailureKind, Origin, Spec};
use futures::FutureExt;

use super::{
    super::chain,
    DockerOptions, DockerRunner, error, files, graph, label,
    output::to_the_end,
    secrecy::{Hidden, Secrecy},
};
use crate::ports::{Begin, Checkout, ContainerRequest, SecretValues, StepError, Work};

/// Where the repository stands in a container of a ready image.
pub(super) const WORKSPACE: &str = "/workspace";

impl DockerRunner {
    pub(super) async fn run_container(
        &self,
        request: ContainerRequest<'_>,
        work: &Work,
    ) -> Result<Exit, StepError> {
        match request.begin {
            Begin::Make { checkout, secrets } => {
                let secrecy = Secrecy::of(secrets, hidden(&request))?;
                secrecy.warn(work).await;
                let ended = async {
                    let container = self.make(&request, checkout, secrets, work).await?;
                    let attached = self.start(&container, work).await?;
                    let shown = shown(&request, &secrecy);
                    self.attend(&container, attached, &request, &shown, work)
                        .await
                };
                ended.await.map_err(|error| secrecy.hide_in(error))
            }
            Begin::TakeUp { container } => {
                let container = self.take_up(container, work).await?;
                let secrecy =
                    Secrecy::of_container(&container, request.spec, hidden(&request), work).await?;
                let ended = async {
                    let attached = self.attach_or_not(&container, work).await?;
                    let shown = shown(&request, &secrecy);
                    self.attend(&container, attached, &request, &shown, work)
                        .await
                };
                ended.await.map_err(|error| secrecy.hide_in(error))
            }
        }
    }

    /// Reads what a container prints, to its end or until it is to stop.
    async fn attend(
        &self,
        container: &Container,
        attached: Option<Attached>,
        request: &ContainerRequest<'_>,
        secrecy: &Secrecy,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let end = to_the_end(container, attached, request, secrecy, work);
        let mut end = std::pin::pin!(end);
        tokio::select! {
            biased;
            exit = &mut end => exit,
            () = work.cancel.cancelled() => {
                self.stop_while(container, end).await;
                Err(StepError::Cancelled)
            }
        }
    }

    /// Makes the container and puts in what it needs. It is on record when this returns.
    async fn make(
        &self,
        request: &ContainerRequest<'_>,
        checkout: Option<&dyn Checkout>,
        secrets: &SecretValues,
        work: &Work,
    ) -> Result<Container, StepError> {
        let spec = self.describe(request, secrets, work)?;
        if let Some(node) = &request.node {
            self.make_volume(node, request.spec, request.image, work)
                .await?;
        }
        // Not given up half-way: a container that the engine makes after the clean-up has looked
        // would stay.
        let mut created = self.docker.create(&spec).await;
        if matches!(created, Err(CreateError::NameInUse { .. })) {
            // An earlier life of the server made it, and did not come to start it.
            self.remove_step(work).await?;
            if let Some(node) = &request.node {
                self.make_volume(node, request.spec, request.image, work)
                    .await?;
            }
            created = self.docker.create(&spec).await;
        }
        let container = created.map_err(|error| error::step(FailureKind::Start, &error))?;
        self.remember(&container, work);
        work.unless_cancelled(fill(&container, request, checkout, work))
            .await??;
        work.started(container.id().to_string()).await;
        Ok(container)
    }

    /// Starts a container that was not started yet. Nothing is attached where the engine went away
    /// in the middle, or the container was started meanwhile.
    async fn start(
        &self,
        container: &Container,
        work: &Work,
    ) -> Result<Option<Attached>, StepError> {
        match work.unless_cancelled(container.start_attached()).await? {
            Ok(attached) => Ok(Some(attached)),
            Err(StartError::Engine { source, .. }) if source.is_engine_gone() => {
                tracing::warn!(container = %container.id(), error = %source, "perhaps started");
                self.attach_or_not(container, work).await
            }
            // The request of an earlier life took effect late.
            Err(StartError::AlreadyStarted { .. }) => Ok(None),
            Err(error) => Err(error::step(FailureKind::Start, &error)),
        }
    }

    /// Finds the container of an earlier life.
    async fn take_up(&self, id: &str, work: &Work) -> Result<Container, StepError> {
        let id = ContainerId::parse(id).ok_or_else(error::gone)?;
        let found = self.docker.patiently(|| self.docker.container(&id));
        let container = work.unless_cancelled(found).await?;
        let container = container.map_err(|error| error::running(&error))?;
        self.remember(&container, work);
        Ok(container)
    }

    /// That this is all there is of the run. Runs of several containers are found by their labels.
    fn remember(&self, container: &Container, work: &Work) {
        if work.node.is_none() {
            self.containers()
                .insert(work.run.clone(), container.clone());
        }
    }

    /// Starts the container if it was not started.
    async fn attach_or_not(
        &self,
        container: &Container,
        work: &Work,
    ) -> Result<Option<Attached>, StepError> {
        let state = self.docker.patiently(|| container.state());
        let state = work.unless_cancelled(state).await?;
        match state.map_err(|error| error::running(&error))? {
            ContainerState::Created => Box::pin(self.start(container, work)).await,
            _ => Ok(None),
        }
    }

    /// What every container of a run has.
    pub(super) fn plain(&self, spec: &Spec, image: &str) -> ContainerSpec {
        let mut container = ContainerSpec::new(image);
        container.log_max_bytes = Some(self.options.log_max_bytes);
        container.limits = Limits {
            memory: spec.limits.memory,
            cpus: spec.limits.cpus.map(|cpus| cpus.nanos() as f64 / 1e9),
            pids: self.options.pids,
        };
        container
    }

    fn describe(
        &self,
        request: &ContainerRequest<'_>,
        secrets: &SecretValues,
        work: &Work,
    ) -> Result<ContainerSpec, StepError> {
        let spec = request.spec;
        let mut container = self.plain(spec, request.image);
        container.name = Some(format!("{}_{}", spec.instance, work.run));
        container.command = spec.command.as_ref().map(|command| command.argv());
        container.env = spec
            .env
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect();
        let secrets = secrets.iter();
        let secrets = secrets.map(|(name, value)| (name.to_string(), value.expose().to_owned()));
        container.env.extend(secrets);
        container.tty = spec.tty;
        container.labels = self.labels(spec, &work.run, &work.step());
        if let Some(node) = &request.node {
            graph::describe(&mut container, node, &work.run)?;
            return Ok(container);
        }
        match &spec.origin {
            Origin::Image(_) => container.working_dir = Some(WORKSPACE.to_owned()),
            Origin::Build(build) => {
                container.platform = build.platform.as_ref().map(ToString::to_string);
            }
            // It has no image, and so comes to no container.
            Origin::Graph(_) | Origin::Host(_) | Origin::Local(_) => {}
        }
        if let Some(workspace) = &spec.workspace {
            container.working_dir = Some(workspace.directory.to_string());
        }
        Ok(container)
    }

    /// Asks the container to end, its last words still being written down.
    ///
    /// An engine that keeps silent does not hold up whoever waits: the clean-up that follows
    /// removes the container by force, and is tried again until it does.
    async fn stop_while<T>(&self, container: &Container, end: impl Future<Output = T>) {
        let DockerOptions {
            grace, patience, ..
        } = self.options;
        let stopping = async { futures::try_join!(container.stop(grace), end.map(Ok)).map(drop) };
        let failed = match tokio::time::timeout(grace + patience, stopping).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(_) => "the engine did not stop it in time".to_owned(),
        };
        tracing::warn!(container = %container.id(), error = failed, "not stopped");
    }

    /// Removes the containers, networks and volumes that `filter` means and whose run is `wanted`.
    /// Returns how many there were.
    pub(super) async fn remove(
        &self,
        filter: &LabelFilter,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<usize, StepError> {
        let collected = self
            .docker
            .collect(filter, |owned| {
                !wanted(owned.labels.get(label::RUN).map_or("", String::as_str))
            })
            .await
            .map_err(|error| error::of_engine(&error))?;
        if let Some((_, error)) = collected.failed.first() {
            return Err(error::of_engine(error));
        }
        // Images in use are somebody else's by now. What else stays was not removed: to be tried again.
        let left = |owned: &&Owned| matches!(owned.kind, OwnedKind::Container | OwnedKind::Volume);
        match collected.in_use.iter().find(left) {
            Some(Owned { kind, id, .. }) => {
                let message = format!("the {kind:?} {id} is still in use, and was not removed");
                Err(StepError::failed(FailureKind::EngineUnavailable, message))
            }
            None => Ok(collected.removed.len()),
        }
    }
}

fn hidden<'a>(request: &ContainerRequest<'a>) -> Hidden<'a> {
    request.node.map_or(&[], |node| node.hidden)
}

/// What of an output is masked: of one that nobody reads but nodes of the same run, nothing, for they need
/// it as it is.
fn shown(request: &ContainerRequest<'_>, secrecy: &Secrecy) -> Secrecy {
    match &request.node {
        Some(node) if node.node.no_log => Secrecy::default(),
        _ => secrecy.clone(),
    }
}

/// Puts in what the container needs before it starts.
async fn fill(
    container: &Container,
    request: &ContainerRequest<'_>,
    checkout: Option<&dyn Checkout>,
    work: &Work,
) -> Result<(), StepError> {
    let spec = request.spec;
    if let Some(node) = &request.node {
        graph::put_outputs(container, node, work).await?;
        return files::put_event(container, request).await;
    }
    let wants_files = matches!(spec.origin, Origin::Image(_)) || spec.workspace.is_some();
    if let Some(checkout) = checkout.filter(|_| wants_files) {
        let path = spec
            .workspace
            .as_ref()
            .map(|workspace| workspace.path.as_str());
        let prefix = path.unwrap_or(WORKSPACE).trim_start_matches('/');
        let tree = checkout.tree(prefix, work.cancel.clone());
        let uploaded = container.upload("/", tree).await;
        uploaded.map_err(|error| error::step(FailureKind::Start, &error))?;
    }
    files::link_workspace(container, spec, work).await;
    files::put_event(container, request).await?;
    if !spec.files.is_empty() {
        let injected = container.inject_helper().await;
        let injected = injected.map_err(|error| error::step(FailureKind::Start, &error))?;
        if let Injection::Unavailable { reason } = injected {
            work.console
                .line(format!("dogi: files are polled, not followed: {reason}"))
                .await;
        }
    }
    Ok(())
}
