//! The life of a run.

use std::time::Duration;

use dogi_job::{Effect, Event, Phase, State, StopCause};
use proptest::prelude::*;

use crate::events::{
    any_event, at, attempted, built, checked_out, commit, exited, failed, feed, run, spec, spec_of,
    started, stop, wanted,
};
use crate::graph::{node_built, node_exited, of_node, planned, small_plan};

#[test]
fn a_run_goes_from_queue_to_clean_end_one_effect_at_a_time() {
    let mut run = run(spec());
    let image = "sha256:1".to_owned();
    let steps = [
        (None, State::Queued, vec![]),
        (
            Some(Event::Admitted),
            State::Cloning,
            vec![Effect::Checkout],
        ),
        (
            Some(checked_out()),
            State::Building,
            vec![Effect::Build {
                commit: Some(commit()),
            }],
        ),
        (
            Some(built()),
            State::Running,
            vec![Effect::Run {
                image: image.clone(),
                container: None,
            }],
        ),
        (
            Some(started()),
            State::Running,
            vec![Effect::Run {
                image,
                container: Some("c1".to_owned()),
            }],
        ),
        (Some(exited(0)), State::Running, vec![Effect::Cleanup]),
        (Some(Event::CleanedUp), State::Succeeded, vec![]),
    ];
    for (event, state, effects) in steps {
        feed(&mut run, event.as_slice());
        assert_eq!(
            (run.state(), wanted(&run, 20)),
            (state, effects),
            "after {event:?}"
        );
    }
    let status = run.status();
    assert_eq!(
        (status.exit_code, status.finished_at),
        (Some(0), Some(at(10)))
    );
    assert!(status.errors.is_empty());
}

#[test]
fn every_way_to_end_is_told_as_what_it_is() {
    let running = [Event::Admitted, checked_out(), built(), started()];
    let out_of_memory = Event::Exited {
        code: 137,
        out_of_memory: true,
    };
    let cases: [(Event, State, &str); 9] = [
        (exited(3), State::Failed, "Execution failed with code 3"),
        (
            out_of_memory,
            State::Failed,
            "Out of memory: the limit was reached, and the execution ended with code 137",
        ),
        (failed(Phase::Run), State::Failed, "it broke"),
        (stop(StopCause::Abort), State::Aborted, "Killed by abort"),
        (
            stop(StopCause::Disconnect),
            State::Aborted,
            "Killed because the attached client went away",
        ),
        (
            stop(StopCause::Superseded),
            State::Superseded,
            "Killed by subsequent restart",
        ),
        (
            stop(StopCause::Replaced),
            State::Superseded,
            "Killed by subsequent restart",
        ),
        (
            stop(StopCause::TimedOut { limit_ms: 90_000 }),
            State::TimedOut,
            "Timed out: the limit of 90s was reached",
        ),
        (
            stop(StopCause::Lost {
                reason: "engine stopped".to_owned(),
            }),
            State::Lost,
            "Lost: engine stopped",
        ),
    ];
    for (event, state, error) in cases {
        let mut run = run(spec());
        feed(&mut run, &running);
        feed(&mut run, &[event.clone(), Event::CleanedUp]);
        assert_eq!(
            (run.state(), run.status().errors),
            (state, vec![error.to_owned()]),
            "{event:?}"
        );
    }
}

#[test]
fn a_kill_that_nobody_asked_for_may_be_a_lack_of_memory_where_there_is_a_limit() {
    let hint = "Execution failed with code 137: it was killed, most likely out of memory, for its \
        limit is 67108864 bytes";
    let cases = [
        ("memory=64m", 137, hint),
        ("", 137, "Execution failed with code 137"),
        ("memory=64m", 1, "Execution failed with code 1"),
    ];
    for (params, code, error) in cases {
        let mut run = run(spec_of(params));
        feed(
            &mut run,
            &[Event::Admitted, checked_out(), built(), started()],
        );
        feed(&mut run, &[exited(code), Event::CleanedUp]);
        assert_eq!(run.status().errors, [error]);
        assert_eq!(run.status().exit_code, Some(code));
    }
}

#[test]
fn a_run_that_is_stopped_while_it_waits_is_over_at_once() {
    let mut run = run(spec());
    run.apply(at(5), &stop(StopCause::Superseded));
    assert_eq!(run.state(), State::Superseded);
    run.apply(at(6), &Event::Admitted);
    assert_eq!(wanted(&run, 7), []);
}

#[test]
fn a_stopped_run_wants_only_its_clean_up_and_is_over_after_it() {
    for before in [
        vec![],
        vec![checked_out()],
        vec![checked_out(), built(), started()],
    ] {
        let mut run = run(spec());
        feed(&mut run, &[Event::Admitted]);
        feed(&mut run, &before);
        feed(&mut run, &[stop(StopCause::Abort)]);
        assert_eq!(wanted(&run, 20), [Effect::Cleanup]);
        assert!(!run.has_stopped() && !run.state().is_final());
        feed(&mut run, &[Event::CleanedUp]);
        assert!(run.has_stopped());
        assert_eq!(run.state(), State::Aborted);
    }
}

#[test]
fn a_clean_up_that_fails_does_not_hold_the_run() {
    let mut run = run(spec());
    feed(&mut run, &[Event::Admitted, failed(Phase::Checkout)]);
    feed(
        &mut run,
        &[Event::CleanupFailed {
            message: "the engine is gone".to_owned(),
        }],
    );
    assert_eq!(run.state(), State::Failed);
}

#[test]
fn time_runs_out_from_the_moment_of_admission() {
    let mut spec = spec();
    spec.limits.timeout = Some(Duration::from_secs(90));
    let mut run = run(spec);
    assert_eq!(run.due(at(1_000_000)), None, "waiting takes no time");
    run.apply(at(500), &Event::Admitted);
    assert_eq!(run.wanted(at(600)).wake, Some(at(90_500)));
    assert_eq!(run.due(at(90_499)), None);
    let due = run.due(at(90_500));
    assert_eq!(due, Some(stop(StopCause::TimedOut { limit_ms: 90_000 })));
}

/// What an engine would answer to a wanted effect.
fn answer(effect: &Effect) -> Event {
    match effect {
        Effect::Checkout => checked_out(),
        Effect::Build { .. } => built(),
        Effect::Run { .. } | Effect::Command | Effect::Local => exited(0),
        Effect::Plan => planned(small_plan()),
        Effect::NodeImage { node } => of_node(node.as_str(), node_built()),
        Effect::NodeRun { node, .. } => of_node(node.as_str(), node_exited(0)),
        Effect::Deliver { attempt: 3.. } => attempted(200, None),
        Effect::Deliver { .. } => attempted(503, Some(1)),
        Effect::Cleanup => Event::CleanedUp,
    }
}

proptest! {
    /// Whatever happened before in whatever order: performing what is wanted leads to an end.
    #[test]
    fn every_order_of_events_ends_in_a_final_state(
        events in prop::collection::vec(any_event(), 0..25),
        callback in any::<bool>(),
        graph in any::<bool>(),
    ) {
        let callback = if callback { "cb=https://example.com/cb&cb_on=always" } else { "" };
        let graph = if graph { "&pipeline=*" } else { "" };
        let mut run = run(spec_of(&format!("{callback}{graph}")));
        let mut now = 0;
        for event in &events {
            now += 1;
            run.apply(at(now), event);
        }
        run.apply(at(now), &Event::Admitted);
        for _ in 0..40 {
            now += 10;
            let Some(effect) = run.wanted(at(now)).effects.into_values().next() else { break };
            run.apply(at(now), &answer(&effect));
        }
        prop_assert!(run.state().is_final(), "stuck in {:?}", run.state());
        prop_assert!(run.wanted(at(now)).effects.is_empty());

        let end = run.status();
        for event in &events {
            run.apply(at(now + 1), event);
        }
        prop_assert_eq!(run.status(), end, "a final state changed");
    }

    /// Events are recorded as JSON and read again.
    #[test]
    fn events_survive_being_written_down(event in any_event()) {
        let text = serde_json::to_string(&event).expect("every event can be written");
        prop_assert_eq!(serde_json::from_str::<Event>(&text).expect("and read"), event);
    }
}
