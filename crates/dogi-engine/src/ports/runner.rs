use std::{collections::HashSet, fmt};

use dogi_job::{Exit, RunId, Spec};
use futures::future::BoxFuture;

use crate::{
    outputs::RunOutputs,
    ports::{Checkout, StepError, Work},
};

/// What builds images and runs containers: Docker here, perhaps a cluster elsewhere.
pub trait Runner: fmt::Debug + Send + Sync {
    /// Has the image of a step: builds it, finds an earlier build of the same content, or pulls
    /// it.
    fn build<'a>(
        &'a self,
        request: BuildRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>>;

    /// Runs a container to its end, its output and followed files going to the outputs. Reports
    /// [`dogi_job::Event::Started`] on its way. When cancelled, stops the container first.
    fn run<'a>(
        &'a self,
        request: ContainerRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>>;

    /// Removes whatever the run left. Doing it twice does no harm.
    fn cleanup<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StepError>>;

    /// Removes what belongs to runs of this server that are not among `alive`. Returns how many
    /// things were removed.
    fn sweep<'a>(&'a self, alive: &'a HashSet<RunId>) -> BoxFuture<'a, Result<usize, StepError>>;

    /// Whether the engine behind it answers.
    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>>;
}

/// Asks for the image of a step.
#[derive(Debug, Clone, Copy)]
pub struct BuildRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// The files.
    pub checkout: &'a dyn Checkout,
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// Its id.
    pub id: String,
    /// Whether an earlier build of the same content was used.
    pub reused: bool,
}

/// Asks for a container.
#[derive(Debug, Clone, Copy)]
pub struct ContainerRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// The id of the image.
    pub image: &'a str,
    /// The files, for images that get them at `/workspace`.
    pub checkout: &'a dyn Checkout,
    /// Where the output and the followed files go.
    pub outputs: &'a RunOutputs,
}
