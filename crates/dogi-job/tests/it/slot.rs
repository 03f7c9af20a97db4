//! One instance, one place.

use dogi_job::{RunId, Slot, SlotDecision, Submit};
use proptest::prelude::*;

fn run(n: u8) -> RunId {
    RunId::from_bytes([n; 16])
}

fn wait(superseded: &[u8]) -> SlotDecision {
    SlotDecision::Wait {
        superseded: superseded.iter().map(|n| run(*n)).collect(),
    }
}

#[test]
fn run_starts_where_nothing_is_alive_and_attaches_where_something_is() {
    let mut slot = Slot::default();
    assert_eq!(slot.submit(run(1), Submit::Run), SlotDecision::Start);
    assert_eq!(
        slot.submit(run(2), Submit::Run),
        SlotDecision::Attach(run(1))
    );
    assert_eq!(slot.release(&run(1)), None);
    assert_eq!(slot.submit(run(3), Submit::Run), SlotDecision::Start);
}

#[test]
fn of_several_restarts_only_the_last_starts() {
    let mut slot = Slot::default();
    assert_eq!(slot.submit(run(1), Submit::Restart), SlotDecision::Start);
    assert_eq!(slot.submit(run(2), Submit::Restart), wait(&[1]));
    assert_eq!(slot.submit(run(3), Submit::Restart), wait(&[2]));
    assert_eq!(slot.submit(run(4), Submit::Restart), wait(&[3]));
    assert_eq!(slot.newest(), Some(&run(4)));
    assert_eq!(slot.release(&run(2)), None, "it never held the place");
    assert_eq!(slot.release(&run(1)), Some(run(4)));
}

#[test]
fn run_attaches_to_the_restart_that_waits() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    slot.submit(run(2), Submit::Restart);
    assert_eq!(
        slot.submit(run(3), Submit::Run),
        SlotDecision::Attach(run(2))
    );
}

#[test]
fn a_run_beside_others_holds_no_place_and_waits_for_none() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    assert_eq!(slot.submit(run(2), Submit::Beside), SlotDecision::Start);
    assert_eq!(slot.submit(run(3), Submit::Beside), SlotDecision::Start);
    assert_eq!(slot.newest(), Some(&run(3)));
    assert_eq!(slot.alive().collect::<Vec<_>>(), [&run(1)]);
    assert_eq!(slot.release(&run(2)), None);
    assert_eq!(slot.attachable(Submit::Beside), None);
}

#[test]
fn run_waits_for_one_that_is_being_stopped_and_does_not_attach_to_it() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    slot.stopping(&run(1));
    assert_eq!(slot.submit(run(2), Submit::Run), wait(&[]));
    assert_eq!(slot.release(&run(1)), Some(run(2)));
}

#[test]
fn a_waiting_run_that_is_stopped_gives_up_its_place() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    slot.submit(run(2), Submit::Restart);
    slot.stopping(&run(2));
    assert_eq!(slot.release(&run(1)), None);
    assert_eq!(
        slot.newest(),
        Some(&run(2)),
        "what was asked for last is what is shown"
    );
}

#[test]
fn who_holds_a_place_goes_on_until_it_is_told_to_stop() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    assert!(slot.goes_on(&run(1)) && !slot.goes_on(&run(2)));
    slot.submit(run(2), Submit::Restart);
    assert!(!slot.goes_on(&run(1)) && slot.goes_on(&run(2)));
    slot.stopping(&run(2));
    assert!(!slot.goes_on(&run(2)));
    slot.submit(run(3), Submit::Run);
    slot.release(&run(1));
    assert!(slot.goes_on(&run(3)));
}

#[test]
fn a_forgotten_run_is_not_shown() {
    let mut slot = Slot::default();
    slot.submit(run(1), Submit::Run);
    slot.release(&run(1));
    slot.forget(&run(1));
    assert_eq!(slot.newest(), None);
}

proptest! {
    /// Whatever is submitted, stopped and released in whatever order: every run that was taken
    /// and not superseded or stopped gets its turn, and never two at once.
    #[test]
    fn never_two_at_once_and_the_last_one_gets_its_turn(
        steps in prop::collection::vec((0u8..4, any::<bool>()), 1..60),
    ) {
        let mut slot = Slot::default();
        let mut live: Option<RunId> = None;
        let mut waiting: Option<RunId> = None;
        for (n, (step, flag)) in (1u8..).zip(steps) {
            match step {
                0 | 1 => {
                    let how = if flag { Submit::Restart } else { Submit::Run };
                    match slot.submit(run(n), how) {
                        SlotDecision::Start => {
                            prop_assert_eq!(&live, &None);
                            live = Some(run(n));
                        }
                        SlotDecision::Wait { .. } => {
                            prop_assert!(live.is_some());
                            waiting = Some(run(n));
                        }
                        SlotDecision::Attach(to) => {
                            prop_assert!(Some(&to) == live.as_ref() || Some(&to) == waiting.as_ref());
                        }
                    }
                }
                2 => if let Some(current) = live.take() {
                    let next = slot.release(&current);
                    prop_assert_eq!(&next, &waiting);
                    live = next;
                    waiting = None;
                },
                _ => if flag {
                    if let Some(next) = waiting.take() { slot.stopping(&next); }
                } else if let Some(current) = &live {
                    slot.stopping(current);
                },
            }
        }
    }
}
