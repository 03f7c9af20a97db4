//! What the ends of nodes make of a run.

use dogi_job::{Event, Failure, FailureKind, Phase, State};

use super::{
    exited, killed_for_memory, name, node_failed, of_node, ran, run_of, run_with, started, states,
    wants,
};
use crate::events::{failed, feed};

#[test]
fn a_failure_skips_what_depends_on_it_however_far_away_and_nothing_else() {
    let graph = "
bad: {img: i, run: r}
next: {img: i, run: r, env: bad}
all: {after: [next, good]}
last: {img: i, run: r, after: all}
good: {img: i, run: r}
more: {img: i, run: r, on: good}";
    let ways = [exited("bad", 1), of_node("bad", node_failed())];
    for end in ways {
        let mut run = run_of(graph);
        feed(&mut run, &[end]);
        assert_eq!(wants(&run), ["image good"]);
        assert_eq!(
            states(&run),
            "all=skipped bad=failed good=building last=skipped more=waiting next=skipped"
        );
        feed(&mut run, &ran("good", 0));
        assert_eq!(wants(&run), ["image more"]);
        assert!(!run.is_decided(), "the rest goes on");
        feed(&mut run, &ran("more", 0));
        assert_eq!(wants(&run), ["Cleanup"]);
        feed(&mut run, &[Event::CleanedUp]);
        assert_eq!(run.state(), State::Failed);
        assert_eq!(
            states(&run),
            "all=skipped bad=failed good=succeeded last=skipped more=succeeded next=skipped"
        );
    }
}

#[test]
fn one_that_never_fails_succeeds_whatever_its_exit_is_but_not_without_one() {
    let graph = "a: {img: i, run: r, neverFail: true}\nb: {img: i, run: r, after: a}";
    let cases = [
        (exited("a", 7), "a=succeeded b=building", Some(7)),
        (
            of_node("a", killed_for_memory()),
            "a=succeeded b=building",
            Some(137),
        ),
        (of_node("a", node_failed()), "a=failed b=skipped", None),
    ];
    for (end, nodes, code) in cases {
        let mut run = run_of(graph);
        feed(&mut run, &[started("a"), end.clone()]);
        assert_eq!(states(&run), nodes, "{end:?}");
        let told = run.status().nodes.expect("the graph was read");
        assert_eq!((&told[0].name, told[0].exit_code), (&name("a"), code));
        feed(&mut run, &ran("b", 0));
        let of_run = if code.is_some() { 0 } else { 125 };
        assert_eq!(run.status().exit_code, Some(of_run), "{end:?}");
    }
}

#[test]
fn the_first_failure_decides_and_every_one_is_told() {
    let graph = "a: {img: i, run: r}\nb: {img: i, run: r}\nc: {img: i, run: r, after: a}";
    let memory = "node a: Out of memory: the limit of 67108864 bytes was reached, and the \
        execution ended with code 137";
    type Case<'a> = (Vec<Event>, State, i64, Option<FailureKind>, &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        (
            [ran("a", 0), ran("b", 0), ran("c", 0)].concat(),
            State::Succeeded,
            0,
            None,
            &[],
        ),
        (
            [ran("b", 3), ran("a", 4)].concat(),
            State::Failed,
            3,
            Some(FailureKind::ExitCode),
            &[
                "node b: Execution failed with code 3",
                "node a: Execution failed with code 4",
            ],
        ),
        (
            vec![of_node("a", node_failed()), exited("b", 0)],
            State::Failed,
            125,
            Some(FailureKind::Build),
            &["node a: it broke"],
        ),
        (
            vec![of_node("a", killed_for_memory()), exited("b", 1)],
            State::Failed,
            137,
            Some(FailureKind::OutOfMemory),
            &[memory, "node b: Execution failed with code 1"],
        ),
        (
            [ran("a", 0), ran("c", 2), ran("b", 0)].concat(),
            State::Failed,
            2,
            Some(FailureKind::ExitCode),
            &["node c: Execution failed with code 2"],
        ),
    ];
    for (events, state, code, failure, errors) in cases {
        let mut run = run_with("memory=64m", graph);
        feed(&mut run, &events);
        feed(&mut run, &[Event::CleanedUp]);
        let status = run.status();
        assert_eq!(
            (status.state, status.exit_code, status.failure),
            (state, Some(code), failure),
            "{events:?}"
        );
        assert_eq!(status.errors, errors, "{events:?}");
    }
}

#[test]
fn what_fails_beside_the_nodes_ends_the_run_with_its_own_words() {
    let mut run = run_of("a: {img: i, run: r}\nb: {img: i, run: r}");
    feed(&mut run, &ran("a", 1));
    feed(&mut run, &[started("b"), failed(Phase::Run)]);
    assert_eq!(wants(&run), ["Cleanup"]);
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(states(&run), "a=failed b=aborted");
    assert_eq!(run.status().errors, ["it broke"]);
}

#[test]
fn a_graph_that_cannot_be_read_fails_the_run() {
    let mut run = crate::events::run(crate::events::spec_of("pipeline=*"));
    let message = "a.graphci.yaml:1: a: has `img` but no `run`";
    let failure = Failure::new(Phase::Build, FailureKind::Build, message);
    feed(&mut run, &[Event::Admitted, crate::events::checked_out()]);
    feed(&mut run, &[Event::Failed { failure }, Event::CleanedUp]);
    let status = run.status();
    assert_eq!((status.state, status.nodes), (State::Failed, None));
    assert_eq!(status.errors, [message]);
}
