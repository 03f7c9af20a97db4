//! Short ways to graphs and names.

use dogi_graph::{ContainerNode, Graph, NodeWork, Plan, PlanError, Reader, Selection};
use dogi_url::NodeName;

/// Files by their names.
pub(crate) fn read(files: &[(&str, &str)]) -> Result<Graph, String> {
    let mut reader = Reader::new();
    for (path, text) in files {
        reader.file(path, text.as_bytes());
    }
    reader.finish().map_err(|error| error.to_string())
}

/// One file, which is called `f`.
pub(crate) fn graph(text: &str) -> Graph {
    read(&[("f", text)]).unwrap()
}

/// The mistakes of one file, which is called `f`.
pub(crate) fn mistakes(text: &str) -> Vec<String> {
    match read(&[("f", text)]) {
        Ok(graph) => panic!("{text}: no mistake, but {:?}", names(graph.names())),
        Err(error) => error.lines().map(str::to_owned).collect(),
    }
}

/// All nodes, every variable being given upper-cased.
pub(crate) fn all(graph: &Graph) -> Plan {
    plan(graph, &Selection::All).unwrap()
}

pub(crate) fn plan(graph: &Graph, selection: &Selection) -> Result<Plan, PlanError> {
    graph.plan(selection, &|name| {
        !name.as_str().bytes().any(|byte| byte.is_ascii_lowercase())
    })
}

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n NodeName>) -> Vec<&'n str> {
    names.into_iter().map(NodeName::as_str).collect()
}

/// What a node of a plan runs.
pub(crate) fn container<'p>(plan: &'p Plan, name: &str) -> &'p ContainerNode {
    match &plan.nodes[name].work {
        NodeWork::Container(container) => container,
        other => panic!("{name} is {other:?}"),
    }
}
