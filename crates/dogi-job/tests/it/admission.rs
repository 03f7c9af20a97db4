//! Who may run now, and who is next.

use std::collections::{BTreeSet, VecDeque};

use dogi_job::{Admission, AdmissionLimits, Refusal, RunId, Ticket};
use dogi_url::{GroupName, GroupPolicy};
use proptest::prelude::*;

fn run(n: u16) -> RunId {
    let mut bytes = [0; 16];
    bytes[14..].copy_from_slice(&n.to_be_bytes());
    RunId::from_bytes(bytes)
}

fn ticket(n: u16, repo: &str) -> Ticket {
    Ticket {
        run: run(n),
        fairness_key: repo.to_owned(),
        group: None,
        group_policy: GroupPolicy::Queue,
    }
}

fn grouped(n: u16, repo: &str, group: &str, group_policy: GroupPolicy) -> Ticket {
    let group = Some(GroupName::new(group).expect("a valid group"));
    Ticket {
        group,
        group_policy,
        ..ticket(n, repo)
    }
}

fn admission(running: usize, queued: usize) -> Admission {
    Admission::new(AdmissionLimits { running, queued })
}

const NOW: bool = true;
const LATER: bool = false;

#[test]
fn runs_start_while_there_is_room_then_wait_then_are_refused() {
    let mut admission = admission(2, 1);
    assert_eq!(admission.request(ticket(1, "a")), Ok(NOW));
    assert_eq!(admission.request(ticket(2, "a")), Ok(NOW));
    assert_eq!(admission.request(ticket(3, "a")), Ok(LATER));
    assert_eq!(
        admission.request(ticket(4, "a")),
        Err(Refusal::QueueFull { waiting: 1 })
    );
    assert_eq!(admission.release(&run(1)), [run(3)]);
    assert_eq!((admission.running(), admission.waiting()), (2, 0));
}

#[test]
fn a_run_has_one_place_however_often_it_is_given_one() {
    let mut admission = admission(1, 10);
    assert_eq!(admission.take(ticket(1, "a")), NOW);
    for n in [2, 3] {
        assert_eq!(admission.take(ticket(n, "a")), LATER);
    }
    for n in [1, 2, 3] {
        assert_eq!(admission.take(ticket(n, "a")), LATER, "{n}");
        admission.restore_waiting(ticket(n, "a"));
    }
    assert_eq!((admission.running(), admission.waiting()), (1, 2));
    assert_eq!(admission.release(&run(1)), [run(2)]);
    assert_eq!(admission.release(&run(2)), [run(3)]);
    assert_eq!(admission.release(&run(3)), []);
    assert_eq!((admission.running(), admission.waiting()), (0, 0));
}

#[test]
fn repositories_take_turns_however_many_runs_one_of_them_has() {
    let mut admission = admission(1, 100);
    admission.request(ticket(0, "x")).expect("there is room");
    for n in 1..=4 {
        admission
            .request(ticket(n, "busy"))
            .expect("there is room in the queue");
    }
    admission
        .request(ticket(5, "calm"))
        .expect("there is room in the queue");
    assert_eq!(admission.position(&run(5)), Some(2));
    assert_eq!(admission.position(&run(4)), Some(5));

    let mut order = Vec::new();
    let mut current = run(0);
    while let Some(next) = admission.release(&current).pop() {
        order.push(next.clone());
        current = next;
    }
    assert_eq!(order, [1, 5, 2, 3, 4].map(run));
}

#[test]
fn the_line_is_the_position_of_everybody() {
    let mut admission = admission(1, 20);
    for (n, repo) in [
        (0, "a"),
        (1, "a"),
        (2, "b"),
        (3, "a"),
        (4, "a"),
        (5, "c"),
        (6, "b"),
    ] {
        admission.request(ticket(n, repo)).expect("it waits");
    }
    let mut running = run(0);
    while admission.waiting() > 0 {
        let line: Vec<RunId> = admission.line().into_iter().cloned().collect();
        assert_eq!(line.len(), admission.waiting());
        for (place, run) in (1..).zip(&line) {
            assert_eq!(admission.position(run), Some(place));
        }
        assert_eq!(admission.release(&running), line[..1]);
        running = line[0].clone();
    }
}

#[test]
fn runs_of_one_repository_wait_in_the_order_of_their_submission() {
    let mut admission = admission(1, 10);
    admission.request(ticket(0, "a")).expect("it runs");
    // Recorded at once, they come to the queue in any order.
    for n in [3, 1, 4, 2] {
        admission.request(ticket(n, "a")).expect("it waits");
    }
    for n in 1..=4 {
        assert_eq!(admission.position(&run(n)), Some(usize::from(n)));
    }
    let mut restored = Admission::new(AdmissionLimits {
        running: 0,
        queued: 10,
    });
    for n in 1..=4 {
        restored.restore_waiting(ticket(n, "a"));
        assert_eq!(restored.position(&run(n)), admission.position(&run(n)));
    }
}

#[test]
fn a_run_that_gives_up_waiting_leaves_no_gap() {
    let mut admission = admission(1, 100);
    for n in 0..4 {
        admission.request(ticket(n, "a")).expect("there is room");
    }
    assert_eq!(admission.release(&run(2)), []);
    assert_eq!(admission.position(&run(3)), Some(2));
    assert_eq!(admission.release(&run(0)), [run(1)]);
    assert_eq!(admission.release(&run(1)), [run(3)]);
}

#[test]
fn a_group_has_one_run_at_a_time_and_others_pass() {
    let mut admission = admission(3, 100);
    assert_eq!(
        admission.request(grouped(1, "a", "deploy", GroupPolicy::Queue)),
        Ok(NOW)
    );
    assert_eq!(
        admission.request(grouped(2, "a", "deploy", GroupPolicy::Queue)),
        Ok(LATER)
    );
    assert_eq!(
        admission.request(ticket(3, "a")),
        Ok(NOW),
        "it needs no group"
    );
    assert_eq!(admission.release(&run(1)), [run(2)]);
}

#[test]
fn reject_refuses_where_the_group_is_busy() {
    let mut admission = admission(3, 100);
    assert_eq!(
        admission.request(grouped(1, "a", "deploy", GroupPolicy::Reject)),
        Ok(NOW)
    );
    let refusal = admission.request(grouped(2, "b", "deploy", GroupPolicy::Reject));
    let group = GroupName::new("deploy").expect("a valid group");
    assert_eq!(refusal, Err(Refusal::GroupBusy { group, run: run(1) }));
    assert_eq!(admission.release(&run(1)), []);
    assert_eq!(
        admission.request(grouped(2, "b", "deploy", GroupPolicy::Reject)),
        Ok(NOW)
    );
}

#[test]
fn one_that_replaces_its_group_is_next_in_it() {
    let mut admission = admission(3, 100);
    assert_eq!(
        admission.request(grouped(1, "a", "deploy", GroupPolicy::Replace)),
        Ok(NOW)
    );
    assert_eq!(
        admission.request(grouped(2, "a", "deploy", GroupPolicy::Replace)),
        Ok(LATER)
    );
    assert_eq!(admission.release(&run(1)), [run(2)]);
}

#[test]
fn ten_thousand_waiting_runs_come_in_order() {
    let mut admission = admission(1, 10_000);
    for n in 0..=10_000 {
        admission
            .request(ticket(n, "a"))
            .expect("there is room in the queue");
    }
    for n in 0..10_000 {
        assert_eq!(admission.release(&run(n)), [run(n + 1)]);
    }
    assert_eq!(admission.release(&run(10_000)), []);
}

#[test]
fn a_place_is_lent_while_one_is_free_and_nobody_waits() {
    let mut admission = admission(3, 10);
    admission.request(ticket(1, "a")).expect("it runs");
    assert!(admission.lend(false));
    assert!(admission.lend(false));
    assert!(!admission.lend(false), "all are taken");
    assert_eq!(admission.request(ticket(2, "b")), Ok(LATER));
    assert_eq!(admission.take_back(1), [run(2)]);
    assert_eq!(admission.take_back(1), []);
    assert!(admission.lend(false));
    assert_eq!(admission.release(&run(2)), []);
    assert!(admission.lend(false), "the place of a run can be lent");
    assert_eq!((admission.running(), admission.waiting()), (1, 0));
}

#[test]
fn whoever_waits_comes_before_whoever_borrows() {
    let mut admission = admission(2, 10);
    for n in 1..=4 {
        admission.request(ticket(n, "a")).expect("there is room");
    }
    assert!(!admission.lend(false));
    assert_eq!(admission.release(&run(1)), [run(3)]);
    assert!(!admission.lend(false), "one waits still");
    assert_eq!(admission.release(&run(2)), [run(4)]);
    assert_eq!(admission.release(&run(3)), []);
    assert!(admission.lend(false));
}

#[test]
fn one_that_waits_for_its_group_keeps_nobody_from_borrowing() {
    let mut admission = admission(3, 10);
    for n in [1, 2] {
        let ticket = grouped(n, "a", "deploy", GroupPolicy::Queue);
        admission.request(ticket).expect("there is room");
    }
    assert!(admission.lend(false), "run 2 could not have the place");
    assert!(admission.lend(false));
    assert!(!admission.lend(false));
    assert_eq!(admission.release(&run(1)), [run(2)]);
}

#[test]
fn one_that_has_a_container_already_is_lent_a_place_anyway_and_others_wait_for_it() {
    let mut admission = admission(1, 10);
    admission.restore(&ticket(1, "a"));
    admission.restore_waiting(ticket(2, "a"));
    assert!(admission.lend(true));
    assert!(admission.lend(true), "there are three containers by now");
    assert_eq!(admission.fill(), []);
    assert_eq!(admission.release(&run(1)), [], "two are there still");
    assert_eq!(admission.take_back(1), []);
    assert_eq!(admission.take_back(1), [run(2)]);
}

#[test]
fn places_that_nobody_borrowed_cannot_be_given_back() {
    let mut admission = admission(1, 10);
    assert_eq!(admission.take_back(5), []);
    assert_eq!(admission.request(ticket(1, "a")), Ok(NOW));
    assert!(!admission.lend(false));
    assert_eq!(admission.request(ticket(2, "a")), Ok(LATER));
}

proptest! {
    #[test]
    fn what_is_lent_is_within_the_limit_and_nobody_is_forgotten_for_it(
        limit in 1usize..5,
        steps in prop::collection::vec(0u8..4, 1..80),
    ) {
        let mut admission = admission(limit, 1000);
        let mut running = BTreeSet::new();
        let mut lent = 0;
        for (n, step) in (0u16..).zip(steps) {
            let waiting = admission.waiting();
            let started = match step {
                0 if admission.request(ticket(n, "a")).expect("the queue is large") => vec![run(n)],
                0 => Vec::new(),
                1 => running.pop_first().map(|run| admission.release(&run)).unwrap_or_default(),
                2 => {
                    let lends = admission.lend(false);
                    prop_assert!(!lends || waiting == 0, "somebody waits for it");
                    lent += usize::from(lends);
                    Vec::new()
                }
                _ => {
                    let back = lent.min(2);
                    lent -= back;
                    admission.take_back(back)
                }
            };
            running.extend(started);
            prop_assert!(running.len() + lent <= limit, "{} run, {lent} are lent", running.len());
            let free = running.len() + lent < limit;
            prop_assert!(!free || admission.waiting() == 0, "a place is free, and somebody waits");
        }
    }

    #[test]
    fn never_more_than_allowed_nobody_twice_nobody_forgotten(
        limit in 1usize..4,
        steps in prop::collection::vec((0u8..3, 0u8..3, any::<bool>()), 1..80),
    ) {
        let mut admission = admission(limit, 1000);
        let mut running = BTreeSet::new();
        let mut started = BTreeSet::new();
        let mut waiting = VecDeque::new();
        for (n, (repo, group, leave)) in (0u16..).zip(steps) {
            if leave {
                if let Some(run) = running.pop_first() {
                    for next in admission.release(&run) {
                        prop_assert!(started.insert(next.clone()), "{next} was started twice");
                        running.insert(next);
                    }
                }
            } else {
                let repo = format!("repo{repo}");
                let wanted = match group {
                    0 => ticket(n, &repo),
                    g => grouped(n, &repo, &format!("g{g}"), GroupPolicy::Queue),
                };
                if admission.request(wanted).expect("the queue is large") {
                    started.insert(run(n));
                    running.insert(run(n));
                } else {
                    waiting.push_back(run(n));
                }
            }
            prop_assert!(running.len() <= limit);
        }
        while let Some(run) = running.pop_first() {
            for next in admission.release(&run) {
                started.insert(next.clone());
                running.insert(next);
            }
        }
        prop_assert!(waiting.iter().all(|run| started.contains(run)), "somebody waits for ever");
        prop_assert_eq!(admission.waiting(), 0);
    }
}
