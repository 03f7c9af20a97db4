//! Container graphs: the volumes of nodes, and what a node's container has beside those of other runs.

use std::collections::BTreeSet;

use bytes::Bytes;
use dogi_docker::{Channel, Container, ContainerSpec, LabelFilter, VolumeMount, VolumeName};
use dogi_graph::{ContainerNode, Plan, VolumeSource};
use dogi_job::{FailureKind, RunId, Spec, StepName};
use dogi_url::{ImageRef, NodeName};

use super::{DockerRunner, error, label, tree::outputs_tar};
use crate::ports::{
    BuiltImage, NodeRequest, PrintRequest, PullRequest, ShareRequest, StepError, Work,
};

/// Where the checkout stands in a container that asks for it.
const CODE: &str = "code";
/// Bytes at the end of what an image complains about, of which the last line is told.
const COMPLAINT: usize = 1024;
/// The variable that says where a node's own volume is.
const OUT: &str = "OUT";

impl DockerRunner {
    /// Fills the volume with the checkout, if a node asks for that. Nothing of the run has begun: what
    /// there is of it was left by an earlier life of the server.
    pub(super) async fn share_volumes(
        &self,
        request: ShareRequest<'_>,
        work: &Work,
    ) -> Result<(), StepError> {
        self.remove_labelled(&work.run).await?;
        let spec = request.spec;
        let Some(image) = self.image_for_code(request, work).await? else {
            return Ok(());
        };
        let labels = self.labels(spec, &work.run, &StepName::main());
        let volume = volume_of(&work.run, &VolumeSource::Code)?;
        let failed =
            |error: &(dyn std::error::Error + 'static)| error::step(FailureKind::Start, error);
        self.docker
            .create_volume(&volume, &labels)
            .await
            .map_err(|error| failed(&error))?;
        let tree = |root: &str| request.checkout.tree(root, work.cancel.clone());
        let filled = self.docker.fill_volume(&volume, &image.id, &labels, tree);
        let filled = work.unless_cancelled(filled).await?;
        filled.map_err(|error| failed(&error))
    }

    /// An image by which the volume with the checkout can be reached: the first that can be had of those
    /// whose nodes ask for it. `None`: no node does. One that can't be had is the failure of its own nodes,
    /// and not of the others.
    async fn image_for_code(
        &self,
        request: ShareRequest<'_>,
        work: &Work,
    ) -> Result<Option<BuiltImage>, StepError> {
        let spec = request.spec;
        let mut first = None;
        for image in images_with_code(request.plan) {
            match self.have_named(PullRequest { spec, image }, work).await {
                Ok(image) => return Ok(Some(image)),
                Err(error) if is_of_image(&error) => first = first.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = first {
            let line = format!("dogi: the checkout is not handed on: {error}");
            work.console.line(line).await;
        }
        // Each of these nodes fails of its own image.
        Ok(None)
    }

    /// Makes the node's own volume. What an earlier life of the server left of a node that it did not come
    /// to start goes first.
    pub(super) async fn make_volume(
        &self,
        node: &NodeRequest<'_>,
        spec: &Spec,
        image: &str,
        work: &Work,
    ) -> Result<(), StepError> {
        let own = volume_of(&work.run, &VolumeSource::Node(node.name.clone()))?;
        let labels = self.labels(spec, &work.run, &work.step());
        let failed =
            |error: &(dyn std::error::Error + 'static)| error::step(FailureKind::Start, error);
        let exists = self.docker.volume_exists(&own).await;
        if exists.map_err(|error| failed(&error))? {
            self.remove_step(work).await?;
        }
        let created = self.docker.create_volume(&own, &labels).await;
        created.map_err(|error| failed(&error))?;
        if let Some(source) = &node.node.on {
            let from = volume_of(&work.run, source)?;
            let copied = self.docker.copy_volume(&from, &own, image, &labels);
            let copied = work.unless_cancelled(copied).await?;
            copied.map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Removes what the labels show to be the step's.
    pub(super) async fn remove_step(&self, work: &Work) -> Result<(), StepError> {
        let mine = LabelFilter::is(label::SERVER, &*self.options.server);
        let its = mine.and(label::RUN, work.run.as_str());
        let its = its.and(label::STEP, work.step().as_str());
        self.remove(&its, |_| true).await.map(drop)
    }

    /// Runs an image's own command and gives what it prints.
    pub(super) async fn print_image(
        &self,
        request: PrintRequest<'_>,
        work: &Work,
    ) -> Result<Bytes, StepError> {
        let mut spec = self.plain(request.spec, request.image);
        spec.labels = self.labels(request.spec, &work.run, &work.step());
        let failed =
            |error: &(dyn std::error::Error + 'static)| error::step(FailureKind::Build, error);
        let container = self.docker.create(&spec).await;
        let container = container.map_err(|error| failed(&error))?;
        let printing = read_out(&container, request.limit);
        let printed = match work.unless_cancelled(printing).await {
            Ok(printed) => printed,
            Err(cancelled) => Err(cancelled),
        };
        let removed = container.remove().await;
        let printed = printed?;
        removed.map_err(|error| failed(&error))?;
        Ok(printed)
    }
}

/// What makes a container that of the node.
pub(super) fn describe(
    container: &mut ContainerSpec,
    request: &NodeRequest<'_>,
    run: &RunId,
) -> Result<(), StepError> {
    let NodeRequest {
        name, node, env, ..
    } = request;
    let own = format!("/{name}");
    if let Some(of_run) = &mut container.name {
        *of_run = format!("{of_run}_{name}");
    }
    container.entrypoint = Some(vec!["/bin/sh".to_owned(), "-c".to_owned()]);
    container.command = Some(vec![node.run.clone()]);
    container.working_dir = match (&node.on, &node.dir) {
        (_, Some(dir)) => Some(dir.to_string()),
        (Some(_), None) => Some(own.clone()),
        (None, None) => None,
    };
    let printed = env.iter();
    container
        .env
        .extend(printed.map(|(name, value)| (name.to_string(), value.clone())));
    container.env.insert(OUT.to_owned(), own);
    container.volumes = mounts(run, name, node)?;
    Ok(())
}

fn mounts(
    run: &RunId,
    name: &NodeName,
    node: &ContainerNode,
) -> Result<Vec<VolumeMount>, StepError> {
    let own = VolumeSource::Node(name.clone());
    let sources = node.volumes.iter().map(|source| (source, true));
    let sources = sources.chain([(&own, false)]);
    let mount = |(source, read_only): (&VolumeSource, bool)| {
        Ok(VolumeMount {
            volume: volume_of(run, source)?,
            path: format!("/{}", directory_of(source)),
            read_only,
        })
    };
    sources.map(mount).collect()
}

/// Puts what other nodes printed at `/out`, and lets everybody in the container write to the node's own
/// volume. What is not there whole is not there, and the log says so.
pub(super) async fn put_outputs(
    container: &Container,
    node: &NodeRequest<'_>,
    work: &Work,
) -> Result<(), StepError> {
    let tar = outputs_tar(node.name, node.before).await.map_err(|error| {
        let message = format!("what other nodes printed can't be read: {}", error.kind());
        StepError::failed(FailureKind::Internal, message)
    })?;
    for (name, reason) in tar.left_out {
        let line = format!("dogi: /out/{name} is left out: {reason}");
        work.console.line(line).await;
    }
    let uploaded = container.upload("/", tar.stream).await;
    uploaded.map_err(|error| error::step(FailureKind::Start, &error))
}

/// What a container prints on its standard output, to its end.
async fn read_out(container: &Container, limit: u64) -> Result<Bytes, StepError> {
    let broken = |error: &(dyn std::error::Error + 'static)| error::running(error);
    let bad = |message: String| StepError::failed(FailureKind::Build, message);
    let attached = container.start_attached().await;
    let mut output = attached
        .map_err(|error| error::step(FailureKind::Build, &error))?
        .output;
    let (mut text, mut complaint) = (Vec::new(), Vec::new());
    while let Some(piece) = output.next().await {
        let (channel, bytes) = piece.map_err(|error| broken(&error))?;
        match channel {
            Channel::Stderr => {
                complaint.extend_from_slice(&bytes);
                complaint.drain(..complaint.len().saturating_sub(COMPLAINT));
            }
            Channel::Stdout => text.extend_from_slice(&bytes),
        }
        if text.len() as u64 > limit {
            return Err(bad(format!("it printed more than {limit} bytes")));
        }
    }
    let exit = container.wait().await.map_err(|error| broken(&error))?;
    match exit.code {
        0 => Ok(Bytes::from(text)),
        code => {
            let complaint = String::from_utf8_lossy(&complaint);
            let complaint = complaint.trim().lines().last().unwrap_or_default();
            let complaint = complaint.escape_debug();
            Err(bad(format!("it ended with code {code}: {complaint}")))
        }
    }
}

/// Images of the nodes that use the checkout, each once.
fn images_with_code(plan: &Plan) -> BTreeSet<&ImageRef> {
    let nodes = plan.containers().filter(|(_, node)| node.uses_code());
    nodes.map(|(_, node)| &node.image).collect()
}

/// Whether another image may be had where this error stood in the way: it is not that the run was
/// cancelled, or the engine or its disk is in trouble.
fn is_of_image(error: &StepError) -> bool {
    matches!(
        error,
        StepError::Failed {
            kind: FailureKind::Build,
            ..
        }
    )
}

fn volume_of(run: &RunId, source: &VolumeSource) -> Result<VolumeName, StepError> {
    let name = format!("dogi_{run}_{}", directory_of(source));
    VolumeName::parse(&name)
        .map_err(|error| StepError::failed(FailureKind::Internal, error.to_string()))
}

/// What a volume is called in containers.
fn directory_of(source: &VolumeSource) -> &str {
    match source {
        VolumeSource::Code => CODE,
        VolumeSource::Node(name) => name.as_str(),
    }
}
