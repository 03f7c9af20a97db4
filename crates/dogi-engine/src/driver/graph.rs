//! What the effects of container graphs do.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use dogi_graph::{ContainerNode, EnvValue, NodeWork, Plan, Reader, Selection};
use dogi_job::{Exit, FailureKind, Spec};
use dogi_stream::{Channel, Position};
use dogi_url::{EnvName, ImageRef, NodeName};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};

use super::{Driver, Ended, effects::reveal};
use crate::{
    chain::chain,
    engine::Shared,
    outputs::RunOutputs,
    ports::{
        Begin, Checkout, ContainerRequest, FileLimits, NodeRequest, PrintRequest, PullRequest,
        SecretValue, SecretValues, ShareRequest, StepError, Work,
    },
};

/// Bytes of a variable with its name, at most: the kernel takes no longer ones.
const LONGEST_VARIABLE: usize = 128 * 1024 - 2;

impl Driver {
    pub(super) fn plan(&self, checkout: Arc<dyn Checkout>, work: Work) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        async move { Ended::Plan(plan(&shared, &spec, &*checkout, &work).await) }.boxed()
    }

    pub(super) fn node_image(&self, node: &NodeName, work: Work) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        let node = self.node(node);
        async move {
            let node = match node {
                Ok(node) => node,
                Err(error) => return Ended::Build(Err(error)),
            };
            let request = PullRequest {
                spec: &spec,
                image: &node.node.image,
            };
            Ended::Build(shared.runner.pull(request, &work).await)
        }
        .boxed()
    }

    pub(super) fn node_run(
        &self,
        name: &NodeName,
        image: &str,
        container: Option<&str>,
        work: Work,
    ) -> BoxFuture<'static, Ended> {
        let shared = self.shared.clone();
        let spec = self.run.spec().clone();
        let node = self.node(name);
        let (name, image) = (name.clone(), image.to_owned());
        let container = container.map(ToOwned::to_owned);
        async move {
            let ran = match node {
                Ok(node) => {
                    node.run(&shared, &spec, &name, &image, container.as_deref(), &work)
                        .await
                }
                Err(error) => Err(error),
            };
            Ended::Run(ran)
        }
        .boxed()
    }

    fn node(&self, name: &NodeName) -> Result<Node, StepError> {
        let absent = || {
            let message = format!("the node {name} is gone from the plan");
            StepError::failed(FailureKind::Internal, message)
        };
        let plan = self.run.plan().ok_or_else(absent)?;
        let node = match plan.nodes.get(name).map(|node| &node.work) {
            Some(NodeWork::Container(node)) => (**node).clone(),
            _ => return Err(absent()),
        };
        let before = plan.ancestors(name).into_iter();
        let before = before.filter_map(|name| Some((name.clone(), self.outputs.of_node(&name)?)));
        Ok(Node {
            node,
            plan: plan.clone(),
            outputs: self.outputs.of_node(name).ok_or_else(absent)?,
            before: before.collect(),
        })
    }
}

/// A node with everything that its container needs.
struct Node {
    node: ContainerNode,
    plan: Arc<Plan>,
    outputs: RunOutputs,
    before: BTreeMap<NodeName, RunOutputs>,
}

impl Node {
    async fn run(
        self,
        shared: &Shared,
        spec: &Spec,
        name: &NodeName,
        image: &str,
        container: Option<&str>,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let spec = spec.of_node(&self.plan, &self.node);
        let (mut env, mut secrets) = (BTreeMap::new(), SecretValues::new());
        if container.is_none() {
            self.printed(&spec, &mut env, &mut secrets).await?;
            let operators = self.operators(&spec);
            secrets.extend(reveal(&*shared.secrets, &operators, work).await?);
        }
        let begin = match container {
            Some(container) => Begin::TakeUp { container },
            None => Begin::Make {
                checkout: None,
                secrets: &secrets,
            },
        };
        let request = ContainerRequest {
            spec: &spec,
            image,
            outputs: &self.outputs,
            node: Some(NodeRequest {
                name,
                node: &self.node,
                env: &env,
                before: &self.before,
            }),
            begin,
        };
        shared.runner.run(request, work).await
    }

    /// The spec's secrets without those that other nodes print.
    fn operators(&self, spec: &Spec) -> Spec {
        let mut operators = spec.clone();
        operators
            .secrets
            .retain(|variable, _| !matches!(self.node.env.get(variable), Some(EnvValue::Output(_))));
        operators
    }

    /// What other nodes printed for this one: among its secrets where it is not logged.
    async fn printed(
        &self,
        spec: &Spec,
        env: &mut BTreeMap<EnvName, String>,
        secrets: &mut SecretValues,
    ) -> Result<(), StepError> {
        for (variable, value) in &self.node.env {
            let EnvValue::Output(of) = value else {
                continue;
            };
            let Some(outputs) = self.before.get(of) else {
                continue;
            };
            let unfit = |reason: String| {
                let message =
                    format!("what node {of} printed can't be the variable {variable}: {reason}");
                StepError::failed(FailureKind::Start, message)
            };
            let value = printed(outputs, variable).await.map_err(unfit)?;
            if spec.secrets.contains_key(variable) {
                let value = SecretValue::new(value).map_err(|error| unfit(error.to_string()))?;
                secrets.insert(variable.clone(), value);
            } else {
                env.insert(variable.clone(), value);
            }
        }
        Ok(())
    }
}

/// What a node printed on its standard output, without the white space around it.
async fn printed(outputs: &RunOutputs, variable: &EnvName) -> Result<String, String> {
    let room = LONGEST_VARIABLE.saturating_sub(variable.as_str().len());
    let too_long = || format!("it has more than the {room} bytes that a variable can hold");
    let mut text = Vec::new();
    let mut pieces = outputs.log().written(Channel::Stdout, Position::START);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| format!("it can't be read: {}", error.kind()))?;
        text.extend_from_slice(&piece);
        // White space at its end does not count.
        if text.len() > 2 * LONGEST_VARIABLE {
            return Err(too_long());
        }
    }
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is no UTF-8 text from byte {at} on")
    })?;
    let text = text.trim();
    if text.len() > room {
        return Err(too_long());
    }
    match text.find('\0') {
        Some(at) => Err(format!("it has a NUL byte at {at}")),
        None => Ok(text.to_owned()),
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
    let graph = reader.finish().map_err(|error| bad(chain(&error)))?;
    let plan = match (graph.is_empty(), selection) {
        (true, Selection::All | Selection::Touched(_) | Selection::Triggered) => Plan::default(),
        _ => graph
            .plan(selection, &|variable| spec.gives(variable))
            .map_err(|error| bad(chain(&error)))?,
    };
    tell(&plan, graph.is_empty(), work).await;
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
    let pulled = shared.runner.pull(PullRequest { spec, image }, work).await?;
    let spec = spec.of_image(image.clone());
    let request = PrintRequest {
        spec: &spec,
        image: &pulled.id,
        limit: dogi_graph::MAX_FILE,
    };
    shared.runner.print(request, work).await
}
