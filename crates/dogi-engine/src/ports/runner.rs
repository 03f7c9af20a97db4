use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use dogi_graph::{ContainerNode, Plan};
use dogi_job::{Exit, RunId, Spec};
use dogi_url::{EnvName, ImageRef, NodeName};
use futures::future::BoxFuture;

use crate::{
    outputs::RunOutputs,
    ports::{BoxStream, Checkout, Keeper, SecretValue, SecretValues, StepError, Work},
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

    /// Runs a container to its end, its output and followed files going to the outputs.
    ///
    /// Records [`dogi_job::Event::Started`] when the container is made and before it is started,
    /// so that none is ever started twice. When cancelled, stops the container first.
    fn run<'a>(
        &'a self,
        request: ContainerRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Exit, StepError>>;

    /// Has an image that is named and not built: finds it or pulls it.
    fn pull<'a>(
        &'a self,
        request: PullRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<BuiltImage, StepError>> {
        let _ = (request, work);
        no_graphs()
    }

    /// Runs an image's own command and gives what it prints, for images that hold a part of a container
    /// graph. Whatever it left goes with [`cleanup`](Self::cleanup).
    fn print<'a>(
        &'a self,
        request: PrintRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Bytes, StepError>> {
        let _ = (request, work);
        no_graphs()
    }

    /// Makes what the nodes of a container graph share, before the first of them begins: what an earlier
    /// life of the server left of the run goes first.
    fn share<'a>(
        &'a self,
        request: ShareRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<(), StepError>> {
        let _ = (request, work);
        no_graphs()
    }

    /// Removes whatever the run left. Doing it twice does no harm.
    fn cleanup<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StepError>>;

    /// Removes what belongs to runs of this server that are not `alive`. Returns how many things
    /// were removed. It first looks what there is and then asks who is alive: what a run makes
    /// meanwhile stays.
    fn sweep<'a>(&'a self, alive: &'a Alive<'a>) -> BoxFuture<'a, Result<usize, StepError>>;

    /// A file out of the newest container of a run that has it, links followed inside the container;
    /// `None`: there is none, or it is no file.
    fn file<'a>(
        &'a self,
        run: &'a RunId,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<FileOut>, StepError>> {
        let _ = (run, path);
        Box::pin(async { Ok(None) })
    }

    /// What keeps its images for reuse, if they are to be kept within a budget.
    fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        None
    }

    /// Whether the engine behind it answers.
    fn ready(&self) -> BoxFuture<'_, Result<(), StepError>>;
}

/// A file out of a container.
pub struct FileOut {
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub content: BoxStream,
}

impl fmt::Debug for FileOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileOut")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Tells which runs are not over.
pub type Alive<'a> = dyn Fn(&RunId) -> bool + Send + Sync + 'a;

fn no_graphs<T: Send + 'static>() -> BoxFuture<'static, Result<T, StepError>> {
    let message = "the run is one of a container graph, and this server runs none";
    let refused = StepError::failed(dogi_job::FailureKind::Forbidden, message);
    Box::pin(async { Err(refused) })
}

/// Asks for an image by its name.
#[derive(Debug, Clone, Copy)]
pub struct PullRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// The image.
    pub image: &'a ImageRef,
}

/// Asks for what an image prints.
#[derive(Debug, Clone, Copy)]
pub struct PrintRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// The id of the image.
    pub image: &'a str,
    /// More bytes than this are a failure.
    pub limit: u64,
}

/// Asks for what the nodes of a graph share.
#[derive(Debug, Clone, Copy)]
pub struct ShareRequest<'a> {
    /// What was submitted.
    pub spec: &'a Spec,
    /// What is done of the graph.
    pub plan: &'a Plan,
    /// The files.
    pub checkout: &'a dyn Checkout,
}

/// What makes a container that of a node of a graph.
#[derive(Debug, Clone, Copy)]
pub struct NodeRequest<'a> {
    /// The node.
    pub name: &'a NodeName,
    /// What it does.
    pub node: &'a ContainerNode,
    /// Variables with what other nodes printed.
    pub env: &'a BTreeMap<EnvName, String>,
    /// The nodes that it comes after, directly or not, with where the output of each is.
    pub before: &'a BTreeMap<NodeName, RunOutputs>,
    /// What else must not be read anywhere, with what it is called: it may have come to the container by
    /// way of other nodes.
    pub hidden: &'a [(String, SecretValue)],
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
    /// Where the output and the followed files go.
    pub outputs: &'a RunOutputs,
    /// The node of a container graph that it is the container of.
    pub node: Option<NodeRequest<'a>>,
    /// Whether the container is to be made, or was.
    pub begin: Begin<'a>,
}

/// How far the container of a step has come.
#[derive(Debug, Clone, Copy)]
pub enum Begin<'a> {
    /// It is to be made. One that an earlier life of the server made and did not start may be in
    /// the way, and is removed.
    Make {
        /// The files, for images that get them at `/workspace`; `None` for nodes of a container graph,
        /// which share a copy.
        checkout: Option<&'a dyn Checkout>,
        /// What comes on top of the environment of the spec. It must not be read anywhere else: not in
        /// the outputs, nor in messages.
        secrets: &'a SecretValues,
    },
    /// It was made, and it is on record that it was about to start: it may wait to be started, run,
    /// have ended or be gone. What it printed so far stands in the outputs, perhaps not to the end.
    /// Its secrets are in its environment.
    TakeUp {
        /// The id of the container.
        container: &'a str,
    },
}
