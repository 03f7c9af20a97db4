//! Runs that are stopped before the last of their nodes has ended.

use dogi_job::{Event, State, StopCause};

use super::{built, exited, plan, planned, ran, run_of, run_with, started, states, wants};
use crate::events::{at, checked_out, feed, run, spec_of, stop};

const GRAPH: &str = "
a: {img: i, run: r}
b: {img: i, run: r}
c: {img: i, run: r}
bad: {img: i, run: r}
after_bad: {img: i, run: r, after: bad}
z: {img: i, run: r, after: [a, b, c]}
all: {after: z}";

#[test]
fn a_stop_cuts_off_what_runs_and_skips_what_has_not_begun() {
    let causes = [
        (StopCause::Abort, State::Aborted, "Killed by abort"),
        (
            StopCause::Superseded,
            State::Superseded,
            "Killed by subsequent restart",
        ),
        (
            StopCause::TimedOut { limit_ms: 90_000 },
            State::TimedOut,
            "Timed out: the limit of 90s was reached",
        ),
    ];
    for (cause, state, error) in causes {
        let mut run = run_of(GRAPH);
        feed(&mut run, &ran("a", 0));
        feed(&mut run, &ran("bad", 1));
        feed(&mut run, &[built("b"), started("b"), built("c")]);
        feed(&mut run, &[stop(cause)]);
        assert_eq!(wants(&run), ["Cleanup"]);
        assert_eq!(
            states(&run),
            "a=succeeded after_bad=skipped all=waiting b=running bad=failed c=building z=waiting",
            "until they are gone they are told as they are"
        );
        feed(&mut run, &[Event::CleanedUp]);
        assert_eq!(
            states(&run),
            "a=succeeded after_bad=skipped all=skipped b=aborted bad=failed c=skipped z=skipped"
        );
        assert_eq!(
            (run.state(), run.status().errors),
            (state, vec![error.to_owned()])
        );
        assert!(run.wanted(at(99)).effects.is_empty());
    }
}

#[test]
fn a_container_that_ends_while_it_is_stopped_is_told_so_and_nothing_follows() {
    let mut run = run_of("a: {img: i, run: r}\nz: {img: i, run: r, after: a}");
    feed(
        &mut run,
        &[built("a"), started("a"), stop(StopCause::Abort)],
    );
    feed(&mut run, &[exited("a", 0)]);
    assert_eq!(wants(&run), ["Cleanup"]);
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(states(&run), "a=succeeded z=skipped");
    assert_eq!(run.state(), State::Aborted);
    assert_eq!(run.status().exit_code, None, "the run has come to none");
}

#[test]
fn the_last_node_may_end_while_the_run_is_stopped() {
    for code in [0, 1] {
        let mut run = run_of("a: {img: i, run: r}");
        feed(
            &mut run,
            &[built("a"), started("a"), stop(StopCause::Abort)],
        );
        feed(&mut run, &[exited("a", code), Event::CleanedUp]);
        assert_eq!(run.state(), State::Aborted);
        assert_eq!(run.status().errors, ["Killed by abort"]);
    }
}

#[test]
fn a_graph_that_was_read_too_late_is_not_begun() {
    let mut run = run(spec_of("pipeline=*"));
    feed(
        &mut run,
        &[Event::Admitted, checked_out(), stop(StopCause::Abort)],
    );
    feed(&mut run, &[planned(plan(GRAPH))]);
    assert_eq!(wants(&run), ["Cleanup"]);
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(run.state(), State::Aborted);
}

#[test]
fn one_time_limit_holds_for_all_nodes_together() {
    let mut run = run_with("timeout=90s", GRAPH);
    let limit = at(90_010);
    assert_eq!(run.wanted(at(20)).wake, Some(limit));
    run.apply(at(60_000), &built("a"));
    run.apply(at(60_000), &started("a"));
    run.apply(at(80_000), &exited("a", 0));
    assert_eq!(run.wanted(at(80_000)).wake, Some(limit));
    assert_eq!(run.due(at(90_009)), None);
    let due = run.due(limit);
    assert_eq!(due, Some(stop(StopCause::TimedOut { limit_ms: 90_000 })));
    feed(&mut run, due.as_slice());
    assert_eq!(wants(&run), ["Cleanup"]);
}
