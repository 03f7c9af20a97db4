//! One build, from the request to the image's id.

use std::time::{Duration, Instant};

use bollard::errors::Error as BollardError;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::classic::{running_in, status_line, step, uncolour};
use super::{BuildError, BuildSpec, Builder, ImageId, Progress};
use crate::client::Docker;
use crate::container::ContainerId;
use crate::error::EngineError;
use crate::failing::{Failure, watch_errors};
use crate::unique::unique_id;

type Context = std::pin::Pin<Box<dyn Stream<Item = std::io::Result<bytes::Bytes>> + Send>>;
type Log<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// How long a cancelled build may take to be seen ended.
const SETTLE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(super) async fn build(
    docker: &Docker,
    spec: &BuildSpec,
    context: Context,
    log: Log<'_>,
    cancel: &CancellationToken,
) -> Result<ImageId, BuildError> {
    let prepared = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(BuildError::Cancelled),
        prepared = prepare(docker, spec, log) => prepared?,
    };
    let id = unique_id();
    // The library leaves the connections of a BuildKit session open: they end with this guard.
    let kill = CancellationToken::new();
    let _kill_on_drop: DropGuard = kill.clone().drop_guard();
    let client = docker.build_client(kill.clone(), &id);
    let (context, failure) = watch_errors(until_cancelled(context, cancel.clone()));
    let options = options(spec, prepared.version, &id);
    let messages = client
        .build_image(
            options,
            Some(prepared.credentials),
            Some(bollard::body_try_stream(context)),
        )
        .boxed();
    let mut running = Running {
        docker,
        spec,
        failure,
        messages,
        log,
        progress: Progress::new(),
        step: None,
        container: None,
        image: None,
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        result = running.finish() => {
            // A failure may be the cancelling's own.
            if result.is_ok() || !cancel.is_cancelled() {
                return result;
            }
        }
    }
    match prepared.version {
        BuilderVersion::BuilderBuildKit => running.cancel_buildkit(&id).await,
        BuilderVersion::BuilderV1 => running.cancel_classic(&kill).await,
    }
    Err(BuildError::Cancelled)
}

/// A build that is cancelled before its context has been sent would go on waiting for the rest of it.
fn until_cancelled(
    context: Context,
    cancel: CancellationToken,
) -> impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static {
    let cancelled = async move {
        cancel.cancelled_owned().await;
        Err(std::io::ErrorKind::Interrupted.into())
    };
    let part = context.map(Some).chain(futures::stream::iter([None]));
    let end = futures::stream::once(cancelled).map(Some);
    // The end of the context ends the whole, without waiting to be cancelled.
    futures::stream::select(part, end)
        .take_while(|item| std::future::ready(item.is_some()))
        .filter_map(std::future::ready)
}

struct Prepared {
    version: BuilderVersion,
    credentials: std::collections::HashMap<String, bollard::auth::DockerCredentials>,
}

async fn prepare(docker: &Docker, spec: &BuildSpec, log: Log<'_>) -> Result<Prepared, BuildError> {
    let version = match spec.builder {
        Builder::Classic => BuilderVersion::BuilderV1,
        wanted => {
            let info = docker.info().await.map_err(BuildError::Engine)?;
            if info.buildkit {
                BuilderVersion::BuilderBuildKit
            } else {
                if wanted == Builder::BuildKit {
                    log(b"This engine has no BuildKit, using the classic builder.\n");
                }
                BuilderVersion::BuilderV1
            }
        }
    };
    let (known, complaints) = spec.registry_auth.gather(spec.registries.as_ref()).await;
    for complaint in complaints {
        log(format!("Registry credentials: {complaint}\n").as_bytes());
    }
    Ok(Prepared {
        version,
        credentials: crate::auth::for_engine(&known),
    })
}

fn options(spec: &BuildSpec, version: BuilderVersion, id: &str) -> BuildImageOptions {
    let map = |pairs: &std::collections::BTreeMap<String, String>| {
        (!pairs.is_empty()).then(|| pairs.clone().into_iter().collect())
    };
    BuildImageOptions {
        dockerfile: dockerfile(spec).to_owned(),
        target: spec.target.clone().unwrap_or_default(),
        buildargs: map(&spec.args),
        labels: map(&spec.labels),
        platform: spec.platform.clone().unwrap_or_default(),
        nocache: spec.no_cache,
        pull: spec.pull.then(|| "1".to_owned()),
        rm: true,
        forcerm: true,
        session: (version == BuilderVersion::BuilderBuildKit).then(|| id.to_owned()),
        version,
        ..BuildImageOptions::default()
    }
}

fn dockerfile(spec: &BuildSpec) -> &str {
    if spec.dockerfile.is_empty() {
        "Dockerfile"
    } else {
        &spec.dockerfile
    }
}

struct Running<'a> {
    docker: &'a Docker,
    spec: &'a BuildSpec,
    failure: Failure,
    messages: BoxStream<'a, Result<BuildInfo, BollardError>>,
    log: Log<'a>,
    progress: Progress,
    /// The classic builder's current step, and its container.
    step: Option<String>,
    container: Option<ContainerId>,
    image: Option<ImageId>,
}

impl Running<'_> {
    async fn finish(&mut self) -> Result<ImageId, BuildError> {
        while let Some(message) = self.messages.next().await {
            match message {
                Ok(message) => self.take(message),
                Err(err) => return Err(self.failed(err)),
            }
        }
        if let Some(source) = self.failure.take() {
            return Err(BuildError::Context(source));
        }
        self.image.take().ok_or_else(|| {
            let reason = "the build ended without an image id".to_owned();
            let what = WHAT.to_owned();
            BuildError::Engine(EngineError::Garbled { what, reason })
        })
    }

    fn take(&mut self, message: BuildInfo) {
        if let Some(text) = &message.stream {
            if let Some(step) = step(text) {
                self.step = Some(step.to_owned());
                self.container = None;
            }
            // The builder names it before the step can print anything.
            if self.container.is_none()
                && let Some(id) = running_in(text)
            {
                self.container = ContainerId::parse(id);
            }
            (self.log)(uncolour(text).as_bytes());
        }
        if let Some(status) = &message.status
            && let Some(line) = status_line(message.id.as_deref(), status)
        {
            (self.log)(line.as_bytes());
        }
        match message.aux {
            Some(BuildInfoAux::Default(image)) => {
                self.image = image
                    .id
                    .as_deref()
                    .and_then(ImageId::parse)
                    .or(self.image.take());
            }
            Some(BuildInfoAux::BuildKit(status)) => {
                let text = self.progress.take(&status);
                if !text.is_empty() {
                    (self.log)(&text);
                }
            }
            None => {}
        }
    }

    fn failed(&mut self, error: BollardError) -> BuildError {
        if let Some(source) = self.failure.take() {
            return BuildError::Context(source);
        }
        match self.docker.fault(WHAT, error) {
            EngineError::Refused { message, .. } => {
                let target = self.spec.target.as_deref();
                BuildError::from_message(&message, dockerfile(self.spec), target)
                    .at_step(self.step.as_deref())
            }
            other => BuildError::Engine(other),
        }
    }

    /// BuildKit is told to cancel by the build's id, and ends the stream when it has.
    async fn cancel_buildkit(&mut self, id: &str) {
        let target = format!("/build/cancel?id={id}");
        let asked = self
            .docker
            .raw(
                "cancel the build",
                http::Method::POST,
                &target,
                |b| b,
                bytes::Bytes::new(),
            )
            .await;
        if let Err(err) = asked {
            tracing::debug!(error = %err, "the build was not cancelled by id");
            return;
        }
        let ended = tokio::time::timeout(SETTLE, async {
            while let Some(Ok(_)) = self.messages.next().await {}
        });
        if ended.await.is_err() {
            tracing::warn!("a cancelled build was not seen to end");
        }
    }

    /// The classic builder notices that the connection is gone, and kills and removes the container of the
    /// step that it was in. That is waited for: while it is being removed, its process may still run. Nothing
    /// is removed here, for what a step prints can look like the builder naming a container.
    async fn cancel_classic(&mut self, kill: &CancellationToken) {
        kill.cancel();
        let Some(id) = self.container.take() else {
            return;
        };
        let begun = Instant::now();
        while begun.elapsed() < SETTLE {
            match self.docker.container(&id).await {
                Err(err) if err.is_not_found() => return,
                // A refusal may be of one that is half removed.
                Ok(_) | Err(EngineError::Refused { .. }) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(err) => {
                    tracing::warn!(container = %id, error = %err, "a cancelled build was not seen to end");
                    return;
                }
            }
        }
        tracing::warn!(container = %id, "a cancelled build left a container");
    }
}

const WHAT: &str = "build the image";
