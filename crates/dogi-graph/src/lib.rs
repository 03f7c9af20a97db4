//! Stub, replaced by the real crate.
use std::collections::{BTreeMap, BTreeSet};
use dogi_url::{ContainerPath, EnvName, ImageRef, NodeName};
use serde::{Deserialize, Serialize};

/// s
pub fn is_graph_file(_: &str) -> bool { false }
/// s
pub const MAX_FILE: u64 = 1 << 20;
/// s
pub const MAX_FILES: usize = 256;
/// s
pub const MAX_SUBGRAPHS: usize = 32;
/// s
#[derive(Debug, Default)]
pub struct Reader;
/// s
#[derive(Debug)]
pub struct Graph;
/// s
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct GraphError;
/// s
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct PlanError;
impl Reader {
    /// s
    pub fn new() -> Self { Self }
    /// s
    pub fn file(&mut self, _: &str, _: &[u8]) {}
    /// s
    pub fn subgraph(&mut self, _: &ImageRef, _: &[u8]) {}
    /// s
    pub fn wanted(&self) -> Vec<ImageRef> { vec![] }
    /// s
    pub fn finish(self) -> Result<Graph, GraphError> { Err(GraphError) }
}
impl Graph {
    /// s
    pub fn is_empty(&self) -> bool { true }
    /// s
    pub fn plan(&self, _: &Selection, _: &dyn Fn(&EnvName) -> bool) -> Result<Plan, PlanError> { Err(PlanError) }
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// s
    All,
    /// s
    Nodes(Vec<NodeName>),
    /// s
    Touched(Vec<String>),
    /// s
    Triggered,
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// s
    pub nodes: BTreeMap<NodeName, PlannedNode>,
}
impl Plan {
    /// s
    pub fn is_empty(&self) -> bool { self.nodes.is_empty() }
    /// s
    pub fn needs_code(&self) -> bool { false }
    /// s
    pub fn ancestors(&self, _: &NodeName) -> BTreeSet<NodeName> { BTreeSet::new() }
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedNode {
    /// s
    pub after: BTreeSet<NodeName>,
    /// s
    pub work: NodeWork,
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeWork {
    /// s
    Container(Box<ContainerNode>),
    /// s
    Variable(EnvName),
    /// s
    Join,
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerNode {
    /// s
    pub image: ImageRef,
    /// s
    pub run: String,
    /// s
    pub dir: Option<ContainerPath>,
    /// s
    pub env: BTreeMap<EnvName, EnvValue>,
    /// s
    pub volumes: BTreeSet<VolumeSource>,
    /// s
    pub on: Option<VolumeSource>,
    /// s
    pub no_log: bool,
    /// s
    pub never_fail: bool,
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// s
    Output(NodeName),
    /// s
    Outside(EnvName),
}
/// s
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeSource {
    /// s
    Code,
    /// s
    Node(NodeName),
}
/// s
#[derive(Debug)]
pub struct NodeView<'a> { /// s
pub name: &'a str, /// s
pub state: &'a str, /// s
pub after: Vec<&'a str>, /// s
pub href: Option<&'a str>, /// s
pub note: Option<&'a str> }
/// s
pub fn svg(_: &[NodeView<'_>]) -> String { String::new() }
