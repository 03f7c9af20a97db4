//! What a run of a container graph has beside other runs: outputs of nodes, and places for several
//! containers.

use std::collections::BTreeSet;

use dogi_graph::Plan;
use dogi_job::{
    EffectKey, Event, Failure, FailureKind, NodeState, NodeStatus, Phase, Run, StepName,
};

use super::Driver;

impl Driver {
    /// Begins the outputs of the nodes, before anybody learns of them.
    pub(super) async fn open_nodes(&mut self, plan: &Plan) {
        let (outputs, plan) = (self.outputs.clone(), plan.clone());
        let options = self.shared.output_options();
        let opening = move || outputs.open_nodes(&plan, &BTreeSet::new(), &options);
        let opened = self.shared.workers.complete(opening).await.flatten();
        if let Err(error) = opened {
            tracing::error!(run = %self.run.id(), %error, "the outputs of nodes have no place on the disk");
            let message = format!("the outputs of the nodes have no place: {}", error.kind());
            let failure = Failure::new(Phase::Build, FailureKind::DiskFull, message);
            self.unrecorded.push_back(Event::Failed { failure });
        }
    }

    /// Ends the outputs of the nodes that end with what is about to be recorded, and says so in the run's
    /// log: other nodes rely on what they printed, so that it is on the disk itself first. An earlier life
    /// of the server may have said it.
    pub(super) async fn finish_nodes(&self, after: &Run) {
        if self.run.plan().is_none() {
            return;
        }
        let (before, after) = (self.run.status(), after.status());
        let before = before.nodes.unwrap_or_default();
        let ended = after.nodes.iter().flatten().filter(|node| {
            let was = before.iter().find(|before| before.name == node.name);
            node.state.is_final() && was.is_some_and(|was| !was.state.is_final())
        });
        for node in ended {
            self.outputs.finish_node(&node.name).await;
            let Some(line) = last_line(node) else {
                continue;
            };
            let console = self.outputs.console();
            if !(self.resumed && console.has_line(&line).await) {
                console.line(line).await;
            }
        }
    }

    /// Removes what only the nodes were to read, now that none is left.
    pub(super) async fn remove_unlogged(&self) {
        if self.run.spec().graph().is_none() {
            return;
        }
        let outputs = self.outputs.clone();
        let removing = move || outputs.remove_unlogged();
        let removed = self.shared.workers.complete(removing).await.flatten();
        if let Err(error) = removed {
            tracing::error!(run = %self.run.id(), %error, "outputs that are not to be kept were not removed");
        }
    }

    /// Whether there is a place for the container of a node. A run has one; for each further container
    /// that runs at the same time it borrows one, if nobody waits for it. One that was started by an
    /// earlier life of the server has its place, whatever the limits say now.
    pub(super) fn has_place(&mut self, key: &EffectKey, goes_on: bool) -> bool {
        if !takes_place(key) || self.containers() < 1 + self.borrowed {
            return true;
        }
        let lent = self.shared.directory().lend_place(goes_on);
        self.borrowed += usize::from(lent);
        lent
    }

    /// Gives back the places that are not needed any more.
    pub(super) fn return_places(&mut self) {
        let needed = self.containers().saturating_sub(1);
        if let Some(surplus @ 1..) = self.borrowed.checked_sub(needed) {
            self.borrowed = needed;
            self.shared.directory().return_places(surplus);
        }
    }

    fn containers(&self) -> usize {
        self.in_flight.keys().filter(|key| takes_place(key)).count()
    }
}

fn takes_place(key: &EffectKey) -> bool {
    key.phase == Phase::Run && key.step != StepName::main()
}

/// What the run's log says at the end of a node.
fn last_line(node: &NodeStatus) -> Option<String> {
    let name = &node.name;
    let took = node.started_at.zip(node.finished_at);
    let took =
        took.map(|(from, to)| format!(" after {:.1} s", to.saturating_since(from).as_secs_f64()));
    let took = took.unwrap_or_default();
    match node.state {
        NodeState::Succeeded if node.started_at.is_none() => None,
        NodeState::Failed => {
            let error = node.error.as_deref().unwrap_or("failed");
            Some(format!("dogi: node {name} failed{took}: {error}"))
        }
        state => Some(format!("dogi: node {name} {state}{took}")),
    }
}
