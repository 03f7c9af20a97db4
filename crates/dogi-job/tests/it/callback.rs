//! Callbacks: when they are owed, and what they decide.

use dogi_job::{Effect, Event, FailureKind, Phase, State, StopCause};
use dogi_url::CallbackOn;

use crate::events::{
    at, attempted, built, checked_out, exited, failed, feed, run, spec_of, started, stop, wanted,
};

#[test]
fn a_callback_is_made_for_the_results_it_was_asked_for() {
    let ends = [
        exited(0),
        exited(1),
        stop(StopCause::Abort),
        failed(Phase::Run),
    ];
    let cases = [
        (
            "cb=https://example.com/cb",
            CallbackOn::Success,
            [true, false, false, false],
        ),
        (
            "cb=https://example.com/cb&cb_on=failure",
            CallbackOn::Failure,
            [false, true, true, true],
        ),
        (
            "cb=https://example.com/cb&cb_on=always",
            CallbackOn::Always,
            [true; 4],
        ),
    ];
    for (params, on, made) in cases {
        for (end, made) in ends.iter().zip(made) {
            let mut run = run(spec_of(params));
            feed(
                &mut run,
                &[
                    Event::Admitted,
                    checked_out(),
                    built(),
                    started(),
                    end.clone(),
                ],
            );
            let deliver = Effect::Deliver { attempt: 0 };
            assert_eq!(wanted(&run, 20).contains(&deliver), made, "{on:?} {end:?}");
            assert!(
                wanted(&run, 20).contains(&Effect::Cleanup),
                "in the meantime"
            );
        }
    }
}

#[test]
fn a_callback_decides_the_result() {
    let cases = [
        (vec![attempted(200, None)], State::Succeeded, None),
        (
            vec![attempted(503, Some(5)), attempted(204, None)],
            State::Succeeded,
            None,
        ),
        (vec![attempted(500, None)], State::Failed, Some(500)),
        (
            vec![attempted(503, Some(5)), attempted(503, None)],
            State::Failed,
            Some(503),
        ),
    ];
    for (tries, state, refused_with) in cases {
        let mut run = run(spec_of("cb=https://example.com/cb"));
        feed(
            &mut run,
            &[
                Event::Admitted,
                checked_out(),
                built(),
                started(),
                exited(0),
            ],
        );
        feed(&mut run, &[Event::CleanedUp]);
        assert!(run.has_stopped(), "the container is gone");
        assert_eq!(run.state(), State::CallingBack);
        assert_eq!(
            run.status_for_callback().state,
            State::Succeeded,
            "that is what is told"
        );
        feed(&mut run, &tries);
        let error = refused_with.map(|status| {
            let url = "https://example.com/cb";
            format!("Callback to {url} was answered with {status}; 2xx was expected")
        });
        assert_eq!(
            (run.state(), run.status().errors),
            (state, Vec::from_iter(error))
        );
    }
}

#[test]
fn a_refused_callback_is_tried_again_when_its_time_has_come() {
    let mut run = run(spec_of("cb=https://example.com/cb"));
    feed(
        &mut run,
        &[
            Event::Admitted,
            checked_out(),
            built(),
            started(),
            exited(0),
        ],
    );
    feed(&mut run, &[Event::CleanedUp, attempted(503, Some(1000))]);
    let wait = run.wanted(at(500));
    assert_eq!((wait.effects.len(), wait.wake), (0, Some(at(1010))));
    assert_eq!(wanted(&run, 1010), [Effect::Deliver { attempt: 1 }]);
}

#[test]
fn an_abort_ends_the_waiting_for_a_callback() {
    let mut run = run(spec_of("cb=https://example.com/cb"));
    feed(
        &mut run,
        &[
            Event::Admitted,
            checked_out(),
            built(),
            started(),
            exited(0),
        ],
    );
    feed(
        &mut run,
        &[
            Event::CleanedUp,
            attempted(503, Some(1000)),
            stop(StopCause::Abort),
        ],
    );
    assert_eq!(run.state(), State::Aborted);
}

#[test]
fn a_delivery_that_breaks_is_given_up_and_one_that_comes_late_changes_nothing() {
    let mut run = run(spec_of("cb=https://example.com/&cb_on=always"));
    feed(
        &mut run,
        &[
            Event::Admitted,
            stop(StopCause::Abort),
            stop(StopCause::Abort),
            attempted(503, Some(10)),
        ],
    );
    assert_eq!(wanted(&run, 5), [Effect::Cleanup]);
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(run.state(), State::Aborted);

    let mut run = crate::events::run(spec_of("cb=https://example.com/"));
    feed(
        &mut run,
        &[
            Event::Admitted,
            checked_out(),
            built(),
            started(),
            exited(0),
        ],
    );
    feed(&mut run, &[failed(Phase::Callback), Event::CleanedUp]);
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.status().failure, Some(FailureKind::Callback));
}

#[test]
fn a_group_does_not_take_back_a_result_nor_the_callback_that_tells_it() {
    for params in ["cb=https://example.com/cb&cb_on=always", "df=Dockerfile"] {
        for end in [exited(0), exited(3), failed(Phase::Run)] {
            let mut run = run(spec_of(params));
            let on_the_way = [Event::Admitted, checked_out(), built(), started()];
            feed(&mut run, &on_the_way);
            feed(&mut run, &[end]);
            let before = (run.status(), wanted(&run, 20));
            run.apply(at(20), &stop(StopCause::Replaced));
            assert_eq!((run.status(), wanted(&run, 20)), before);
        }
    }
}
