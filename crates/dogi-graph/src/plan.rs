use std::collections::{BTreeMap, BTreeSet};

use dogi_url::{ContainerPath, EnvName, ImageRef, NodeName};
use serde::{Deserialize, Serialize};

/// What a run does.
///
/// Made by [`Graph::plan`](crate::Graph::plan) it is closed under dependencies and has no cycle. It
/// is made to be recorded: the names of its fields and variants stay, and what is not there is not
/// written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The nodes that run.
    #[serde(default)]
    pub nodes: BTreeMap<NodeName, PlannedNode>,
}

/// A node of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedNode {
    /// The nodes that it depends on itself, for whichever reason; all of them are in the plan.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<NodeName>,
    /// What there is to do.
    pub work: NodeWork,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeWork {
    /// It runs a command in a container.
    Container(Box<ContainerNode>),
    /// Nothing: it stands for a variable that comes from outside, under this name.
    Variable(EnvName),
    /// Nothing: it is done when all that it depends on is.
    Join,
}

/// A command in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerNode {
    /// The image.
    pub image: ImageRef,
    /// The command, for `/bin/sh -c`.
    pub run: String,
    /// The working directory, where the file names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<ContainerPath>,
    /// The variables that it gets, by the name that they have in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<EnvName, EnvValue>,
    /// What is mounted read-only, at `/code` or `/name`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<VolumeSource>,
    /// What it works on a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<VolumeSource>,
    /// Whether its output is kept out of logs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_log: bool,
    /// Whether it counts as succeeded whatever its exit code is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_fail: bool,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// The standard output of this node, without white space around it.
    Output(NodeName),
    /// The outside variable of this name, which is not always the name in the container.
    Outside(EnvName),
}

/// Files that a node may see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// The checkout.
    Code,
    /// The output volume of this node.
    Node(NodeName),
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What a node runs in a container; `None` if it does not, or is not in the plan.
    #[must_use]
    pub fn container(&self, name: &NodeName) -> Option<&ContainerNode> {
        self.nodes.get(name)?.container()
    }

    /// The nodes that run in containers.
    pub fn containers(&self) -> impl Iterator<Item = (&NodeName, &ContainerNode)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|(name, node)| Some((name, node.container()?)))
    }

    /// All nodes that this one depends on, directly or not; itself not among them. Empty for a name
    /// that is not in the plan.
    #[must_use]
    pub fn ancestors(&self, of: &NodeName) -> BTreeSet<NodeName> {
        let mut found = BTreeSet::new();
        let mut next = vec![of];
        while let Some(node) = next.pop().and_then(|name| self.nodes.get(name)) {
            for name in &node.after {
                if name != of && found.insert(name.clone()) {
                    next.push(name);
                }
            }
        }
        found
    }
}

impl PlannedNode {
    fn container(&self) -> Option<&ContainerNode> {
        match &self.work {
            NodeWork::Container(container) => Some(container),
            NodeWork::Variable(_) | NodeWork::Join => None,
        }
    }
}

impl ContainerNode {
    /// Whether it sees the checkout.
    #[must_use]
    pub fn uses_code(&self) -> bool {
        self.volumes.contains(&VolumeSource::Code) || self.on == Some(VolumeSource::Code)
    }
}
