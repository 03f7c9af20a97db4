use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use dogi_url::{EnvName, NodeName};

use crate::plan::ContainerNode;
use crate::triggers::Triggers;

/// A container graph: every name in it is known, and no node depends on itself.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) nodes: BTreeMap<NodeName, GraphNode>,
}

/// A node, less what only a run can tell.
#[derive(Debug, Clone)]
pub(crate) struct GraphNode {
    pub(crate) file: Arc<PathBuf>,
    pub(crate) after: BTreeSet<NodeName>,
    pub(crate) triggers: Triggers,
    pub(crate) work: GraphWork,
    /// What it needs from outside.
    pub(crate) outside: Vec<Outside>,
}

/// What a node does.
#[derive(Debug, Clone)]
pub(crate) enum GraphWork {
    /// Its `env` has only what other nodes print.
    Container(Box<ContainerNode>),
    /// It stands for what it needs from outside.
    Variable,
    Join,
}

/// A variable that comes from outside.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    /// Its name in the container, under which it is looked up first.
    pub(crate) variable: EnvName,
    /// As the file writes it, if a variable can have that name.
    pub(crate) exact: Option<EnvName>,
    pub(crate) line: u64,
}

impl Graph {
    pub(crate) fn new(nodes: BTreeMap<NodeName, GraphNode>) -> Self {
        Self { nodes }
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The names of all nodes, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.nodes.keys()
    }
}
