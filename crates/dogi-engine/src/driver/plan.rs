//! Reading the container graph of a run, and what it does of it.

use std::sync::Arc;

use bytes::Bytes;
use dogi_graph::{Plan, Reader, Selection};
use dogi_job::{FailureKind, Spec};
use dogi_url::{ImageRef, NodeName};
use futures::{FutureExt as _, future::BoxFuture};

use super::{Driver, Ended};
use crate::{
    chain::chain,
    engine::Shared,
    ports::{Checkout, FileLimits, PrintRequest, PullRequest, ShareRequest, StepError, Work},
};

impl Driver {
    pub(super) fn plan(
        &self,
        checkout: Arc<dyn Checkout>,
        work: Work,
    ) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        async move { Ended::Plan(plan(&shared, &spec, &*checkout, &work).await) }.boxed()
    }
}

/// Reads the graph, picks what the run does of it, and makes what its nodes share.
async fn plan(
    shared: &Shared,
    spec: &Spec,
    checkout: &dyn Checkout,
    work: &Work,
) -> Result<Plan, StepError> {
    let Some(selection) = spec.graph() else {
        let message = "the run is none of a graph";
        return Err(StepError::failed(FailureKind::Internal, message));
    };
    shared.make_way(spec).await?;
    let limits = FileLimits {
        max_bytes: dogi_graph::MAX_FILE,
        max_files: dogi_graph::MAX_FILES,
    };
    let files = checkout.files(&dogi_graph::is_graph_file, limits);
    let mut reader = Reader::new();
    for file in work.unless_cancelled(files).await?? {
        reader.file(&file.path, &file.content);
    }
    // Parts that are named by parts: `finish` says when there are too many.
    let mut printed = 0;
    while let Some(image) = reader.wanted().into_iter().next() {
        if printed == dogi_graph::MAX_SUBGRAPHS {
            break;
        }
        printed += 1;
        let text = subgraph(shared, spec, &image, work).await?;
        reader.subgraph(&image, &text);
    }
    let bad = |message: String| StepError::failed(FailureKind::Build, message);
    let (given, selection) = (spec.clone(), selection.clone());
    // A large graph takes its time.
    let settling = move || settle(reader, &selection, &given);
    let settled = shared.workers.complete(settling).await;
    let settled = settled.map_err(|error| {
        StepError::failed(
            FailureKind::Internal,
            format!("the graph was not read: {error}"),
        )
    })?;
    let (plan, no_graph) = settled.map_err(bad)?;
    tell(&plan, no_graph, work).await;
    if !plan.is_empty() {
        let request = ShareRequest {
            spec,
            plan: &plan,
            checkout,
        };
        shared.runner.share(request, work).await?;
    }
    Ok(plan)
}

/// What is done of the graph, and whether there is none.
fn settle(reader: Reader, selection: &Selection, spec: &Spec) -> Result<(Plan, bool), String> {
    let graph = reader.finish().map_err(|error| chain(&error))?;
    let plan = match (graph.is_empty(), selection) {
        (true, Selection::All | Selection::Touched(_) | Selection::Triggered) => Plan::default(),
        _ => graph
            .plan(selection, &|variable| spec.gives(variable))
            .map_err(|error| match spec.stranger {
                true => format!("{}; pull requests from forks get no secrets", chain(&error)),
                false => chain(&error),
            })?,
    };
    Ok((plan, graph.is_empty()))
}

async fn tell(plan: &Plan, no_graph: bool, work: &Work) {
    let line = match (plan.is_empty(), no_graph) {
        (true, true) => "dogi: nothing to do: the repository has no container graph".to_owned(),
        (true, false) => "dogi: nothing to do: no node is triggered".to_owned(),
        (false, _) => {
            let names: Vec<&str> = plan.nodes.keys().map(NodeName::as_str).collect();
            format!("dogi: nodes: {}", names.join(", "))
        }
    };
    work.console.line(line).await;
}

/// What an image prints that holds a part of the graph.
async fn subgraph(
    shared: &Shared,
    spec: &Spec,
    image: &ImageRef,
    work: &Work,
) -> Result<Bytes, StepError> {
    let line = format!("dogi: a part of the graph comes from {image}");
    work.console.line(line).await;
    let pulled = shared
        .runner
        .pull(PullRequest { spec, image }, work)
        .await?;
    let spec = spec.of_image(image.clone());
    let request = PrintRequest {
        spec: &spec,
        image: &pulled.id,
        limit: dogi_graph::MAX_FILE,
    };
    shared.runner.print(request, work).await
}
