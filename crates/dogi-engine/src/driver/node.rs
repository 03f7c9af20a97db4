//! The containers of nodes.

use std::{collections::BTreeMap, io, sync::Arc};

use dogi_graph::{ContainerNode, EnvValue, Plan};
use dogi_job::{Exit, FailureKind, Spec, output_of};
use dogi_stream::{Channel, Position};
use dogi_url::{EnvName, NodeName};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};

use super::{Driver, Ended, effects::reveal};
use crate::{
    engine::Shared,
    outputs::{Cut, RunOutputs},
    ports::{
        Begin, ContainerRequest, NodeRequest, PullRequest, SecretValue, SecretValues, StepError,
        Work,
    },
};

/// Bytes of a variable with its name, at most: the kernel takes no longer ones.
const LONGEST_VARIABLE: usize = 128 * 1024 - 2;
/// Bytes that nodes print for others only, of all nodes before one: finding them in what it prints takes
/// some thousand times as much memory.
const MOST_HIDDEN: usize = 16 * 1024;

impl Driver {
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
        let node = plan.container(name).ok_or_else(absent)?.clone();
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
        let hidden = match self.hidden(shared, spec, work).await {
            // It has what it has, and goes on: the operator may have taken a secret away since.
            Err(StepError::Failed { message, .. }) if container.is_some() => {
                tracing::warn!(run = %work.run, message, "what other nodes knew is not hidden");
                Vec::new()
            }
            hidden => hidden?,
        };
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
                hidden: &hidden,
            }),
            begin,
        };
        shared.runner.run(request, work).await
    }

    /// What the nodes before this one knew and nobody is to read: the operator's secrets that they asked
    /// for, and what they print that is not logged.
    async fn hidden(
        &self,
        shared: &Shared,
        spec: &Spec,
        work: &Work,
    ) -> Result<Vec<(String, SecretValue)>, StepError> {
        if self.node.no_log {
            return Ok(Vec::new());
        }
        let mut theirs = spec.clone();
        theirs.secrets.retain(|variable, _| {
            let nodes = self.before.keys();
            let mut nodes = nodes.filter_map(|name| self.plan.container(name));
            nodes.any(|node| asks_for(node, variable))
        });
        let revealed = reveal(&*shared.secrets, &theirs, work).await?;
        let revealed = revealed.into_iter();
        let mut hidden: Vec<_> = revealed
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        let mut room = MOST_HIDDEN;
        for (name, outputs) in &self.before {
            if self.plan.container(name).is_some_and(|node| !node.no_log) {
                continue;
            }
            let unfit = |reason: String| {
                let message =
                    format!("what node {name} printed can't be kept out of logs: {reason}");
                StepError::failed(FailureKind::Start, message)
            };
            let text = text_of(outputs, room).await.map_err(|error| match error {
                Unread::TooLong => unfit(format!(
                    "what is not logged of all nodes before has more than {MOST_HIDDEN} bytes"
                )),
                error => unfit(error.to_string()),
            })?;
            room = room.saturating_sub(text.len());
            let text = String::from_utf8_lossy(&text).replace('\0', "");
            let value = SecretValue::new(text).map_err(|error| unfit(error.to_string()))?;
            hidden.push((output_of(name), value));
        }
        Ok(hidden)
    }

    /// The spec's secrets without those that other nodes print.
    fn operators(&self, spec: &Spec) -> Spec {
        let mut operators = spec.clone();
        operators.secrets.retain(|variable, _| {
            !matches!(self.node.env.get(variable), Some(EnvValue::Output(_)))
        });
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

/// Whether a node asks for a variable from outside.
fn asks_for(node: &ContainerNode, variable: &EnvName) -> bool {
    let mut values = node.env.values();
    values.any(|value| matches!(value, EnvValue::Outside(name) if name == variable))
}

/// Why what a node printed can't be handed on.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("it is too long")]
    TooLong,
    #[error("it was cut: {0}")]
    Cut(Cut),
    #[error("it can't be read: {0}")]
    Disk(io::ErrorKind),
}

/// What a node printed on its standard output, if that is no more than `most` bytes.
async fn text_of(outputs: &RunOutputs, most: usize) -> Result<Vec<u8>, Unread> {
    if let Some(cut) = outputs.log().cut() {
        return Err(Unread::Cut(cut));
    }
    let mut text = Vec::new();
    let mut pieces = outputs.log().written(Channel::Stdout, Position::START);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Unread::Disk(error.kind()))?;
        text.extend_from_slice(&piece);
        if text.len() > most {
            return Err(Unread::TooLong);
        }
    }
    Ok(text)
}

/// What a node printed on its standard output, without the white space around it.
async fn printed(outputs: &RunOutputs, variable: &EnvName) -> Result<String, String> {
    let room = LONGEST_VARIABLE.saturating_sub(variable.as_str().len());
    let too_long = || format!("it has more than the {room} bytes that a variable can hold");
    // White space at its end does not count.
    let text = text_of(outputs, 2 * LONGEST_VARIABLE).await;
    let text = text.map_err(|error| match error {
        Unread::TooLong => too_long(),
        error => error.to_string(),
    })?;
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
