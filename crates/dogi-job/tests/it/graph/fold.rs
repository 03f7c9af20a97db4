//! What is wanted of which node, and when.

use dogi_job::{Effect, Event, NodeStatus, Perform, Phase, State, StepName};
use dogi_url::OutputName;

use super::{
    built, exited, name, node_built, node_exited, node_failed, node_started, of_node, plan,
    planned, ran, run_of, small_plan, started, states, wants,
};
use crate::events::{at, checked_out, feed, run, spec_of, wanted};

#[test]
fn the_graph_is_read_when_the_files_are_there() {
    let mut run = run(spec_of("pipeline=*"));
    feed(&mut run, &[Event::Admitted]);
    assert_eq!(wanted(&run, 20), [Effect::Checkout]);
    feed(&mut run, &[checked_out()]);
    assert_eq!(run.state(), State::Building);
    assert_eq!(wanted(&run, 20), [Effect::Plan]);
    assert!(run.plan().is_none() && run.status().nodes.is_none());
    feed(&mut run, &[planned(small_plan())]);
    assert_eq!(run.state(), State::Running);
    assert_eq!(run.plan().map(|plan| (**plan).clone()), Some(small_plan()));
}

#[test]
fn nodes_without_a_way_between_them_run_at_the_same_time_and_others_wait() {
    let mut run =
        run_of("a: {img: i, run: r}\nb: {img: i, run: r}\nc: {img: i, run: r, after: [a, b]}");
    let steps: [(&[Event], &[&str], &str); 6] = [
        (
            &[],
            &["image a", "image b"],
            "a=building b=building c=waiting",
        ),
        (
            &[built("a")],
            &["run a", "image b"],
            "a=building b=building c=waiting",
        ),
        (
            &[started("a"), built("b")],
            &["run a in c-a", "run b"],
            "a=running b=building c=waiting",
        ),
        (
            &[exited("a", 0)],
            &["run b"],
            "a=succeeded b=building c=waiting",
        ),
        (
            &[started("b"), exited("b", 0)],
            &["image c"],
            "a=succeeded b=succeeded c=building",
        ),
        (
            &ran("c", 0),
            &["Cleanup"],
            "a=succeeded b=succeeded c=succeeded",
        ),
    ];
    for (events, wanted, nodes) in steps {
        feed(&mut run, events);
        assert_eq!(
            (wants(&run), states(&run)),
            (
                wanted.iter().map(ToString::to_string).collect(),
                nodes.to_owned()
            ),
            "after {events:?}"
        );
    }
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(run.state(), State::Succeeded);
}

#[test]
fn every_effect_is_the_same_one_for_as_long_as_it_goes_on() {
    let mut run = run_of("a: {img: i, run: r}");
    for (event, phase) in [(None, Phase::Build), (Some(built("a")), Phase::Run)] {
        feed(&mut run, event.as_slice());
        let keys: Vec<_> = run.wanted(at(20)).effects.into_keys().collect();
        assert_eq!(keys.len(), 1);
        assert_eq!(
            (
                &keys[0].step,
                keys[0].phase,
                keys[0].attempt,
                keys[0].perform
            ),
            (&StepName::of_node(&name("a")), phase, 0, Perform::Perform)
        );
        feed(&mut run, &[of_node("stranger", node_built())]);
        assert!(run.wanted(at(99)).effects.into_keys().eq(keys));
    }
}

#[test]
fn what_has_nothing_to_do_ends_by_itself_as_soon_as_it_can() {
    let graph = "
key:
a: {img: i, run: r, env: key}
some: {after: key}
all: {after: [a, some]}
z: {img: i, run: r, after: all}";
    let mut run = run_of(graph);
    assert_eq!(
        states(&run),
        "a=building all=waiting key=succeeded some=succeeded z=waiting"
    );
    assert_eq!(wants(&run), ["image a"]);
    feed(&mut run, &ran("a", 0));
    assert_eq!(
        states(&run),
        "a=succeeded all=succeeded key=succeeded some=succeeded z=building"
    );
    let nodes = run.status().nodes.expect("the graph was read");
    let join = nodes.iter().find(|node| node.name == name("all"));
    let join = join.expect("it is in the plan");
    assert_eq!((join.started_at, join.finished_at), (None, Some(at(10))));
}

#[test]
fn a_run_with_nothing_to_do_succeeds_at_once() {
    for graph in ["", "key:", "key:\nall: {after: key}"] {
        let mut run = run_of(graph);
        assert_eq!(wants(&run), ["Cleanup"], "{graph:?}");
        feed(&mut run, &[Event::CleanedUp]);
        let status = run.status();
        assert_eq!(
            (status.state, status.exit_code, status.errors.len()),
            (State::Succeeded, Some(0), 0),
            "{graph:?}"
        );
    }
}

#[test]
fn everything_about_a_node_is_told() {
    let mut run = run_of(
        "a: {img: i, run: r, noLog: true}\nb: {img: i, run: r, after: a}\nall: {after: [a, b]}",
    );
    let times = [
        (11, node_built()),
        (12, node_started("c")),
        (15, node_exited(0)),
    ];
    for (ms, happened) in times {
        run.apply(at(ms), &of_node("a", happened));
    }
    let status = run.status();
    let log = [OutputName::Log, OutputName::Node(name("b"))];
    assert_eq!(
        status.outputs, log,
        "neither unlogged ones nor joins have one"
    );
    let nodes = status.nodes.expect("the graph was read");
    let NodeStatus {
        after,
        has_log,
        exit_code,
        image,
        started_at,
        finished_at,
        error,
        ..
    } = &nodes[0];
    assert!(after.is_empty() && !has_log && error.is_none());
    assert_eq!((*exit_code, image.as_deref()), (Some(0), Some("sha256:1")));
    assert_eq!((*started_at, *finished_at), (Some(at(12)), Some(at(15))));
    let rest = nodes[1..].iter();
    let rest: Vec<_> = rest.map(|node| (node.has_log, node.after.len())).collect();
    assert_eq!(rest, [(false, 2), (true, 1)]);
}

#[test]
fn what_comes_late_has_no_effect() {
    let graph = "
bad: {img: i, run: r}
good: {img: i, run: r}
skipped: {img: i, run: r, after: bad}
key:
open: {img: i, run: r}";
    let mut run = run_of(graph);
    feed(&mut run, &ran("good", 0));
    feed(&mut run, &ran("bad", 1));
    let before = (run.status(), wants(&run));
    for node in ["bad", "good", "skipped", "key", "stranger"] {
        for happened in [
            node_built(),
            node_started("another"),
            node_exited(0),
            node_exited(9),
            node_failed(),
        ] {
            run.apply(at(99), &of_node(node, happened.clone()));
            assert_eq!((run.status(), wants(&run)), before, "{node}: {happened:?}");
        }
    }
    run.apply(at(99), &planned(plan(graph)));
    assert_eq!((run.status(), wants(&run)), before, "a graph is read once");
}
