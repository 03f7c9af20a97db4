//! The nodes of a run's container graph.

use std::{collections::BTreeMap, sync::Arc};

use dogi_graph::{NodeWork, Plan};
use dogi_url::NodeName;

use crate::{
    Effect, EffectKey, Exit, Failure, NodeEvent, NodeState, NodeStatus, Perform, Phase, StepName,
    UnixMillis,
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
            .plan
            .container(node)
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

    /// How many containers there are that have not ended.
    pub(crate) fn running(&self) -> usize {
        let all = self.progress.values();
        let runs = |node: &&Progress| node.container.is_some() && node.end.is_none();
        all.filter(runs).count()
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
        let ready = self.plan.containers().filter(|(name, _)| {
            let open = |node: &Progress| node.end.is_none();
            let node = self.plan.nodes.get(*name);
            self.progress.get(*name).is_some_and(open)
                && node.is_some_and(|node| self.is_ready(node))
        });
        ready.filter_map(|(name, _)| self.effect(name)).collect()
    }

    /// Those whose logs can be read.
    pub(crate) fn logged(&self) -> Vec<NodeName> {
        let logged = self.plan.containers().filter(|(_, node)| !node.no_log);
        logged.map(|(name, _)| name.clone()).collect()
    }

    /// What can be told about each. `over`: their run is.
    pub(crate) fn statuses(&self, over: bool) -> Vec<NodeStatus> {
        let nodes = self.plan.nodes.iter();
        let status = |(name, node): (&NodeName, &dogi_graph::PlannedNode)| {
            let progress = self.progress.get(name).cloned().unwrap_or_default();
            let logs = self.plan.container(name).is_some_and(|node| !node.no_log);
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
