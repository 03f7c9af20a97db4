//! What a restart of the server changes.

use dogi_job::{
    Admission, AdmissionLimits, Effect, Event, RunId, Slot, Standing, State, StopCause, Submit,
    Ticket,
};
use dogi_url::GroupPolicy;

use crate::events::{
    at, built, checked_out, exited, feed, run, spec, spec_of, started, stop, wanted,
};

#[test]
fn what_had_no_container_begins_again_with_its_whole_time_before_it() {
    let before = [vec![], vec![checked_out()], vec![checked_out(), built()]];
    for events in before {
        let mut run = run(spec_of("timeout=90s"));
        feed(&mut run, &[Event::Admitted]);
        feed(&mut run, &events);
        assert!(run.begins_again());
        run.apply(at(80_000), &Event::Resumed);
        assert_eq!(run.state(), State::Cloning, "{events:?}");
        assert_eq!(wanted(&run, 80_000), [Effect::Checkout]);
        assert_eq!(run.due(at(169_999)), None);
        assert!(run.due(at(170_000)).is_some());
    }
}

#[test]
fn a_container_is_taken_up_and_there_is_a_moment_to_look_at_it() {
    let mut run = run(spec_of("timeout=90s"));
    feed(
        &mut run,
        &[Event::Admitted, checked_out(), built(), started()],
    );
    assert!(!run.begins_again());
    // The server was away for an hour.
    run.apply(at(3_600_000), &Event::Resumed);
    assert_eq!(run.state(), State::Running);
    let taken_up = Effect::Run {
        image: "sha256:1".to_owned(),
        container: Some("c1".to_owned()),
    };
    assert_eq!(wanted(&run, 3_600_000), [taken_up]);
    assert_eq!(run.due(at(3_629_999)), None, "it may have ended in time");
    assert!(run.due(at(3_630_000)).is_some());
    feed(&mut run, &[exited(0), Event::CleanedUp]);
    assert_eq!(run.state(), State::Succeeded);
}

#[test]
fn a_restart_gives_no_time_to_a_run_that_has_enough() {
    let mut run = run(spec_of("timeout=90s"));
    feed(
        &mut run,
        &[Event::Admitted, checked_out(), built(), started()],
    );
    run.apply(at(1_000), &Event::Resumed);
    assert_eq!(run.due(at(90_009)), None);
    assert!(run.due(at(90_010)).is_some());
}

#[test]
fn what_is_decided_stays_so() {
    for cause in [StopCause::Abort, StopCause::Superseded] {
        let mut run = run(spec());
        feed(&mut run, &[Event::Admitted, checked_out(), stop(cause)]);
        let before = run.status();
        run.apply(at(20), &Event::Resumed);
        assert_eq!(run.status(), before);
        assert_eq!(wanted(&run, 20), [Effect::Cleanup]);
    }
    let mut waiting = run(spec());
    waiting.apply(at(20), &Event::Resumed);
    assert_eq!(waiting.state(), State::Queued);
}

fn id(n: u8) -> RunId {
    RunId::from_bytes([n; 16])
}

#[test]
fn a_place_is_restored_as_it_was() {
    use Standing::{Out, Stopping, UnderWay, Waiting};
    // (standings of runs 1, 2, …; who is attached to; who starts when 1 is over; the newest)
    let cases = [
        (vec![UnderWay], Some(1), None, 1),
        (vec![Waiting], Some(1), None, 1),
        (vec![Stopping], None, None, 1),
        (vec![UnderWay, Waiting], Some(2), Some(2), 2),
        (vec![Stopping, Waiting], Some(2), Some(2), 2),
        (vec![Stopping, Out, Waiting], Some(3), Some(3), 3),
        (vec![Out, UnderWay, Out], Some(2), None, 3),
        (vec![Out, Out], None, None, 2),
    ];
    for (standings, attached, next, newest) in cases {
        let mut slot = Slot::default();
        for (n, standing) in (1..).zip(&standings) {
            slot.restore(id(n), *standing);
        }
        assert_eq!(
            slot.attachable(Submit::Run),
            attached.map(id).as_ref(),
            "{standings:?}"
        );
        assert_eq!(slot.newest(), Some(&id(newest)), "{standings:?}");
        assert_eq!(slot.release(&id(1)), next.map(id), "{standings:?}");
    }
}

#[test]
fn the_queue_is_restored_whatever_the_limits_are_now() {
    let ticket = |n| Ticket {
        run: id(n),
        fairness_key: "a".to_owned(),
        group: None,
        group_policy: GroupPolicy::Queue,
    };
    let mut admission = Admission::new(AdmissionLimits {
        running: 1,
        queued: 0,
    });
    admission.restore(&ticket(1));
    admission.restore(&ticket(2));
    admission.restore_waiting(ticket(3));
    admission.restore_waiting(ticket(4));
    assert_eq!((admission.running(), admission.waiting()), (2, 2));
    assert!(admission.fill().is_empty(), "there are too many already");
    assert!(admission.release(&id(1)).is_empty());
    assert_eq!(admission.release(&id(2)), [id(3)]);
    assert_eq!(admission.release(&id(3)), [id(4)]);
}
