//! Runs of container graphs.

mod ends;
mod fold;
mod of_node;
mod properties;
mod resume;
mod stop;

use dogi_graph::{Plan, Reader, Selection};
use dogi_job::{Effect, Event, Failure, FailureKind, NodeEvent, Phase, Run, StepName};
use dogi_url::NodeName;
use proptest::prelude::*;

use crate::events::{at, checked_out, feed, run, spec_of};

pub(crate) fn name(name: &str) -> NodeName {
    name.parse().expect("a name of a node")
}

/// All nodes of a graph file. Every variable that is written in upper case is given.
pub(crate) fn plan(text: &str) -> Plan {
    let mut reader = Reader::new();
    reader.file("a.graphci.yaml", text.as_bytes());
    let graph = reader.finish().unwrap_or_else(|error| panic!("{error}"));
    let given = |name: &dogi_url::EnvName| name.as_str() == name.as_str().to_ascii_uppercase();
    graph.plan(&Selection::All, &given).expect("all is given")
}

/// Two nodes, one after the other.
pub(crate) fn small_plan() -> Plan {
    plan("a: {img: i, run: r}\nb: {img: i, run: r, after: a}")
}

pub(crate) fn planned(plan: Plan) -> Event {
    let plan = Box::new(plan);
    Event::Planned { plan }
}

pub(crate) fn of_node(node: &str, happened: NodeEvent) -> Event {
    let node = name(node);
    Event::Node { node, happened }
}

pub(crate) fn node_built() -> NodeEvent {
    NodeEvent::Built {
        image: "sha256:1".to_owned(),
        reused: false,
    }
}

pub(crate) fn node_exited(code: i64) -> NodeEvent {
    NodeEvent::Exited {
        code,
        out_of_memory: false,
    }
}

pub(crate) fn any_node_event() -> impl Strategy<Value = Event> {
    let happened = prop_oneof![
        Just(node_built()),
        Just(node_started("c")),
        (0i64..2).prop_map(node_exited),
        Just(node_failed()),
    ];
    (prop_oneof!["a", "b", "stranger"], happened).prop_map(|(node, what)| of_node(&node, what))
}

fn node_started(container: &str) -> NodeEvent {
    let container = container.to_owned();
    NodeEvent::Started { container }
}

fn node_failed() -> NodeEvent {
    NodeEvent::Failed {
        failure: Failure::new(Phase::Build, FailureKind::Build, "it broke"),
    }
}

fn killed_for_memory() -> NodeEvent {
    NodeEvent::Exited {
        code: 137,
        out_of_memory: true,
    }
}

fn built(node: &str) -> Event {
    of_node(node, node_built())
}

/// The container of a node is called after it.
fn started(node: &str) -> Event {
    of_node(node, node_started(&format!("c-{node}")))
}

fn exited(node: &str, code: i64) -> Event {
    of_node(node, node_exited(code))
}

/// Everything that happens to a node in its life.
fn ran(node: &str, code: i64) -> [Event; 3] {
    [built(node), started(node), exited(node, code)]
}

/// A run that has read this graph.
fn run_of(graph: &str) -> Run {
    run_with("", graph)
}

/// A run with these parameters that has read this graph.
fn run_with(params: &str, graph: &str) -> Run {
    let mut run = run(spec_of(&format!("pipeline=*&{params}")));
    let events = [Event::Admitted, checked_out(), planned(plan(graph))];
    feed(&mut run, &events);
    run
}

/// What is wanted, in words: `image a`, `run a`, or `run a in c-a` where its container is there.
fn wants(run: &Run) -> Vec<String> {
    let wanted = run.wanted(at(20)).effects.into_iter();
    let words = wanted.map(|(key, effect)| match effect {
        Effect::NodeImage { node } => {
            assert_eq!(key.step, StepName::of_node(&node));
            format!("image {node}")
        }
        Effect::NodeRun {
            node, container, ..
        } => {
            assert_eq!(key.step, StepName::of_node(&node));
            let container = container.map(|container| format!(" in {container}"));
            format!("run {node}{}", container.unwrap_or_default())
        }
        other => format!("{other:?}"),
    });
    words.collect()
}

/// Where the nodes stand: `a=running b=waiting`.
fn states(run: &Run) -> String {
    let nodes = run.status().nodes.expect("the graph was read");
    let words = nodes
        .iter()
        .map(|node| format!("{}={}", node.name, node.state));
    words.collect::<Vec<_>>().join(" ")
}
