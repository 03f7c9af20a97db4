//! The nodes of a run's container graph.

use std::{collections::BTreeMap, sync::Arc};

use dogi_graph::{ContainerNode, EnvValue, NodeWork, Plan};
use dogi_url::{ImageRef, NodeName};

use crate::{
    Effect, EffectKey, Exit, Failure, FailureKind, NodeEvent, NodeState, NodeStatus, Origin,
    Perform, Phase, SecretName, Spec, StepName, UnixMillis,
};

/// The fold of what happened to each of them.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    plan: Arc<Plan>,
    progress: BTreeMap<NodeName, Progress>,
    /// In the order in which they failed.
    failed: Vec<NodeName>,
}

#[derive(Debug, Clone, Default)]
struct Progress {
    image: Option<String>,
    container: Option<String>,
    exit: Option<Exit>,
    started_at: Option<UnixMillis>,
    finished_at: Option<UnixMillis>,
    end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed(Failure),
    Skipped,
}

impl Nodes {
    pub(crate) fn new(plan: Plan, at: UnixMillis) -> Self {
        let progress = plan.nodes.keys();
        let progress = progress.map(|name| (name.clone(), Progress::default()));
        let mut this = Self {
            progress: progress.collect(),
            plan: Arc::new(plan),
            failed: Vec::new(),
        };
        this.settle(at);
        this
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Takes in what happened to one at `at`. `failure_of` says what an exit means.
    pub(crate) fn apply(
        &mut self,
        at: UnixMillis,
        node: &NodeName,
        happened: &NodeEvent,
        failure_of: impl Fn(Exit) -> Option<Failure>,
    ) {
        let never_fails = self
            .container_node(node)
            .is_some_and(|node| node.never_fail);
        let Some(progress) = self.progress.get_mut(node) else {
            return;
        };
        if progress.end.is_some() {
            return;
        }
        match happened {
            NodeEvent::Built { image, .. } => progress.image = Some(image.clone()),
            NodeEvent::Started { container } => {
                progress.container = Some(container.clone());
                progress.started_at = Some(at);
            }
            NodeEvent::Exited {
                code,
                out_of_memory,
            } => {
                let exit = Exit {
                    code: *code,
                    out_of_memory: *out_of_memory,
                };
                progress.exit = Some(exit);
                match failure_of(exit).filter(|_| !never_fails) {
                    Some(failure) => self.end(at, node, End::Failed(failure)),
                    None => self.end(at, node, End::Succeeded),
                }
            }
            NodeEvent::Failed { failure } => self.end(at, node, End::Failed(failure.clone())),
        }
        self.settle(at);
    }

    /// What an earlier life of the server had at hand is gone, but for the containers.
    pub(crate) fn resume(&mut self) {
        for progress in self.progress.values_mut() {
            if progress.container.is_none() {
                progress.image = None;
            }
        }
    }

    /// One of the containers, once there is one.
    pub(crate) fn container(&self) -> Option<&str> {
        let mut all = self.progress.values();
        all.find_map(|progress| progress.container.as_deref())
    }

    /// Whether nothing will happen to any of them any more.
    pub(crate) fn are_over(&self) -> bool {
        self.progress.values().all(|node| node.end.is_some())
    }

    /// Why the run failed, if it did, and the exit code that it ends with.
    pub(crate) fn verdict(&self) -> (Option<Failure>, Exit) {
        let first = self.failed.first().and_then(|node| {
            let progress = self.progress.get(node)?;
            match &progress.end {
                Some(End::Failed(failure)) => Some((of_node(node, failure), progress.exit)),
                _ => None,
            }
        });
        let well = Exit {
            code: 0,
            out_of_memory: false,
        };
        match first {
            None => (None, well),
            // A node that never came to run has no code; what a shell says then is 125 to 127.
            Some((failure, exit)) => {
                let none = Exit { code: 125, ..well };
                (Some(failure), exit.unwrap_or(none))
            }
        }
    }

    /// A sentence for each that failed, in the order in which they did.
    pub(crate) fn errors(&self) -> Vec<String> {
        let failed = self.failed.iter();
        let error = |node: &NodeName| match &self.progress.get(node)?.end {
            Some(End::Failed(failure)) => Some(of_node(node, failure).message),
            _ => None,
        };
        failed.filter_map(error).collect()
    }

    /// What should be going on.
    pub(crate) fn wanted(&self) -> BTreeMap<EffectKey, Effect> {
        let containers = self.plan.nodes.iter();
        let containers = containers.filter(|(_, node)| matches!(node.work, NodeWork::Container(_)));
        let ready = containers.filter(|(name, node)| {
            let open = self
                .progress
                .get(*name)
                .is_some_and(|node| node.end.is_none());
            open && node.after.iter().all(|before| self.succeeded(before))
        });
        ready.filter_map(|(name, _)| self.effect(name)).collect()
    }

    /// Those whose logs can be read.
    pub(crate) fn logged(&self) -> Vec<NodeName> {
        let nodes = self.plan.nodes.iter();
        let logged = nodes
            .filter(|(_, node)| matches!(&node.work, NodeWork::Container(node) if !node.no_log));
        logged.map(|(name, _)| name.clone()).collect()
    }

    /// What can be told about each. `over`: their run is.
    pub(crate) fn statuses(&self, over: bool) -> Vec<NodeStatus> {
        let nodes = self.plan.nodes.iter();
        let status = |(name, node): (&NodeName, &dogi_graph::PlannedNode)| {
            let progress = self.progress.get(name).cloned().unwrap_or_default();
            let logs = matches!(&node.work, NodeWork::Container(node) if !node.no_log);
            NodeStatus {
                name: name.clone(),
                state: progress.state(self.is_ready(node), over),
                after: node.after.clone(),
                has_log: logs,
                error: match &progress.end {
                    Some(End::Failed(failure)) => Some(failure.message.clone()),
                    _ => None,
                },
                exit_code: progress.exit.map(|exit| exit.code),
                image: progress.image,
                started_at: progress.started_at,
                finished_at: progress.finished_at,
            }
        };
        nodes.map(status).collect()
    }

    fn effect(&self, name: &NodeName) -> Option<(EffectKey, Effect)> {
        let progress = self.progress.get(name)?;
        let node = name.clone();
        let (phase, effect) = match &progress.image {
            None => (Phase::Build, Effect::NodeImage { node }),
            Some(image) => {
                let (image, container) = (image.clone(), progress.container.clone());
                let run = Effect::NodeRun {
                    node,
                    image,
                    container,
                };
                (Phase::Run, run)
            }
        };
        let key = EffectKey {
            step: StepName::of_node(name),
            phase,
            attempt: 0,
            perform: Perform::Perform,
        };
        Some((key, effect))
    }

    fn container_node(&self, name: &NodeName) -> Option<&ContainerNode> {
        match &self.plan.nodes.get(name)?.work {
            NodeWork::Container(node) => Some(node),
            NodeWork::Variable(_) | NodeWork::Join => None,
        }
    }

    fn succeeded(&self, name: &NodeName) -> bool {
        let progress = self.progress.get(name);
        progress.is_some_and(|progress| progress.end == Some(End::Succeeded))
    }

    fn is_ready(&self, node: &dogi_graph::PlannedNode) -> bool {
        node.after.iter().all(|before| self.succeeded(before))
    }

    fn end(&mut self, at: UnixMillis, name: &NodeName, end: End) {
        if matches!(end, End::Failed(_)) {
            self.failed.push(name.clone());
        }
        if let Some(progress) = self.progress.get_mut(name) {
            progress.end = Some(end);
            progress.finished_at = Some(at);
        }
    }

    /// Ends what needs no container and whose turn has come, and what will never have one.
    fn settle(&mut self, at: UnixMillis) {
        while let Some((name, end)) = self.next_to_settle() {
            self.end(at, &name, end);
        }
    }

    fn next_to_settle(&self) -> Option<(NodeName, End)> {
        self.plan.nodes.iter().find_map(|(name, node)| {
            if self.progress.get(name)?.end.is_some() {
                return None;
            }
            let mut before = node.after.iter().filter_map(|name| self.progress.get(name));
            let hopeless =
                before.any(|node| matches!(node.end, Some(End::Failed(_) | End::Skipped)));
            match &node.work {
                _ if hopeless => Some((name.clone(), End::Skipped)),
                NodeWork::Variable(_) | NodeWork::Join if self.is_ready(node) => {
                    Some((name.clone(), End::Succeeded))
                }
                _ => None,
            }
        })
    }
}

impl Progress {
    fn state(&self, ready: bool, over: bool) -> NodeState {
        match &self.end {
            Some(End::Succeeded) => NodeState::Succeeded,
            Some(End::Failed(_)) => NodeState::Failed,
            Some(End::Skipped) => NodeState::Skipped,
            None if over && self.container.is_some() => NodeState::Aborted,
            None if over => NodeState::Skipped,
            None if self.container.is_some() => NodeState::Running,
            None if self.image.is_some() => NodeState::Building,
            // Its image is being looked for.
            None if ready => NodeState::Building,
            None => NodeState::Waiting,
        }
    }
}

fn of_node(name: &NodeName, failure: &Failure) -> Failure {
    Failure {
        message: format!("node {name}: {}", failure.message),
        ..failure.clone()
    }
}

/// What comes into a node's container from an output that is not logged is as secret as that.
fn secret_output(node: &NodeName) -> Option<SecretName> {
    SecretName::parse(&format!("the output of node {node}")).ok()
}

impl Spec {
    /// What the container of a node is made of, as that of a run by itself. Outputs of other nodes that
    /// are not logged are among its secrets; those that are have no place in it, for their values are not
    /// known.
    #[must_use]
    pub fn of_node(&self, plan: &Plan, node: &ContainerNode) -> Self {
        let mut spec = Self {
            origin: Origin::Image(node.image.clone()),
            secrets: BTreeMap::new(),
            outside: BTreeMap::new(),
            callback: None,
            group: None,
            reports: Vec::new(),
            ..self.clone()
        };
        for (variable, value) in &node.env {
            match value {
                EnvValue::Outside(name) => match self.secrets.get(name) {
                    Some(secret) => {
                        spec.secrets.insert(variable.clone(), secret.clone());
                    }
                    None => {
                        let value = self.env.get(name).or_else(|| self.outside.get(name));
                        let value = value.cloned().unwrap_or_default();
                        spec.env.insert(variable.clone(), value);
                    }
                },
                EnvValue::Output(of) if is_unlogged(plan, of) => {
                    spec.secrets
                        .extend(secret_output(of).map(|secret| (variable.clone(), secret)));
                }
                EnvValue::Output(_) => {}
            }
        }
        spec
    }

    /// A container of this image as the run would have it, such as one that prints a part of the graph.
    #[must_use]
    pub fn of_image(&self, image: ImageRef) -> Self {
        Self {
            origin: Origin::Image(image),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            outside: BTreeMap::new(),
            callback: None,
            group: None,
            reports: Vec::new(),
            event_path: None,
            tty: false,
            ..self.clone()
        }
    }

    /// Whether a node of its container graph that asks for this variable gets it from outside.
    #[must_use]
    pub fn gives(&self, variable: &dogi_url::EnvName) -> bool {
        self.secrets.contains_key(variable)
            || self.env.contains_key(variable)
            || self.outside.contains_key(variable)
    }
}

/// Whether what a node prints is kept from everybody but the nodes that come after it.
pub(crate) fn is_unlogged(plan: &Plan, node: &NodeName) -> bool {
    let node = plan.nodes.get(node).map(|node| &node.work);
    matches!(node, Some(NodeWork::Container(node)) if node.no_log)
}

/// The failure that an exit is.
pub(crate) fn failure_of(exit: Exit, spec: &Spec) -> Option<Failure> {
    let message = match (exit.out_of_memory, exit.code) {
        // Memory ran out for a child process, and the program coped with it.
        (_, 0) => return None,
        (true, code) => {
            let limit = spec.limits.memory.map(|bytes| format!(" of {bytes} bytes"));
            format!(
                "Out of memory: the limit{} was reached, and the execution ended with code {code}",
                limit.unwrap_or_default()
            )
        }
        (false, code) => crate::words::failed_with(code, spec),
    };
    let kind = match exit.out_of_memory {
        true => FailureKind::OutOfMemory,
        false => FailureKind::ExitCode,
    };
    Some(Failure::new(Phase::Run, kind, message))
}
