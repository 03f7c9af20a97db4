//! The store fails, or the server dies between two of its records.

use std::{sync::atomic::Ordering, time::Duration};

use dogi_job::{State, Submit};

use crate::{
    fakes::spec,
    lives::{Machine, Mood, again, log_has, log_of, submit},
};

#[test]
fn a_restart_ends_what_it_replaces_wherever_the_crash_came() {
    let machine = Machine::new();
    // Submitted, admitted, checked out, built, started; then the submission of the restart.
    let dying = machine.moody(Mood::DiesAfter(6));
    let (old, new) = machine.life_over(dying, async |engine| {
        let old = submit(&engine, "action=run").await;
        while !log_has(&old, "hello") {
            tokio::task::yield_now().await;
        }
        let new = submit(&engine, "action=restart").await;
        (old.id().clone(), new.id().clone())
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let (old, new) = (again(&engine, &old), again(&engine, &new));
        assert_eq!(new.finished().await.state, State::Succeeded);
        assert_eq!(old.finished().await.state, State::Superseded);
        assert_eq!(engine.peek(new.instance()).expect("known").id(), new.id());
    });
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn a_restart_that_was_aborted_has_ended_what_it_replaced() {
    let machine = Machine::new();
    let deaf = machine.moody(Mood::Good);
    let (old, new) = machine.life_over(deaf.clone(), async |engine| {
        let old = submit(&engine, "action=run").await;
        while !log_has(&old, "hello") {
            tokio::task::yield_now().await;
        }
        deaf.turn(Mood::DeafTo(old.id().clone()));
        let new = submit(&engine, "action=restart").await;
        engine.abort_run(new.id()).await.expect("known");
        (old.id().clone(), new.id().clone())
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let (old, new) = (again(&engine, &old), again(&engine, &new));
        assert_eq!(old.finished().await.state, State::Superseded);
        assert_eq!(new.finished().await.state, State::Aborted);
    });
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn a_member_that_replaced_its_group_has_ended_it_whatever_became_of_itself() {
    for aborted in [false, true] {
        let machine = Machine::new();
        let deaf = machine.moody(Mood::Good);
        let (old, new, later) = machine.life_over(deaf.clone(), async |engine| {
            let old = submit(&engine, "action=run&id=old&group=g").await;
            while !log_has(&old, "hello") {
                tokio::task::yield_now().await;
            }
            deaf.turn(Mood::DeafTo(old.id().clone()));
            let replace = "action=run&id=new&group=g&group_policy=replace";
            let new = submit(&engine, replace).await;
            let later = submit(&engine, "action=run&id=later&group=g").await;
            if aborted {
                engine.abort_run(new.id()).await.expect("known");
            }
            [old, new, later].map(|run| run.id().clone()).into()
        });
        machine.fake.let_end(2);
        machine.life(async |engine| {
            let [old, new, later] = [old, new, later].map(|run| again(&engine, &run));
            assert_eq!(old.finished().await.state, State::Superseded);
            let wanted = match aborted {
                true => State::Aborted,
                false => State::Succeeded,
            };
            assert_eq!(new.finished().await.state, wanted);
            assert_eq!(later.finished().await.state, State::Succeeded);
        });
        assert_eq!(machine.fake.containers(), 0);
    }
}

#[test]
fn what_was_replaced_while_it_waited_keeps_no_place_from_its_follower() {
    // Many instances, each of which may be taken up at the wrong moment, beside other threads.
    const INSTANCES: usize = 300;
    let mut machine = Machine::new();
    machine.running = 1;
    let store = machine.moody(Mood::Good);
    let (blocker, old, new) = machine.life_over(store.clone(), async |engine| {
        let blocker = submit(&engine, "action=run&id=blocker").await;
        while !log_has(&blocker, "hello") {
            tokio::task::yield_now().await;
        }
        // The followers are on record, and nobody hears of that.
        store.turn(Mood::OnlySubmissions);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for id in 0..INSTANCES {
            let first = submit(&engine, &format!("action=run&id={id}")).await;
            let second = submit(&engine, &format!("action=restart&id={id}")).await;
            old.push(first.id().clone());
            new.push(second.id().clone());
        }
        (blocker.id().clone(), old, new)
    });
    machine.life(async |engine| {
        for run in &old {
            let status = again(&engine, run).finished().await;
            assert_eq!(status.state, State::Superseded);
        }
        assert_eq!(
            engine.counts(),
            (1, INSTANCES),
            "one place for each follower"
        );
        for run in &new[1..] {
            engine.abort_run(run).await.expect("known");
        }
        assert_eq!(engine.counts(), (1, 1), "each was given back");
        machine.fake.let_end(2);
        for run in [&blocker, &new[0]] {
            let status = again(&engine, run).finished().await;
            assert_eq!(status.state, State::Succeeded);
        }
        assert_eq!(engine.counts(), (0, 0));
    });
    assert_eq!(machine.fake.containers(), 0);
    assert_eq!(machine.fake.0.most.load(Ordering::SeqCst), 1);
}

#[test]
fn every_crash_between_two_records_ends_well() {
    // One run has eight records; a crash after each of them.
    for left in 1..=8 {
        let machine = Machine::new();
        machine.fake.let_end(1);
        let dying = machine.moody(Mood::DiesAfter(left));
        let id = machine.life_over(dying, async |engine| {
            let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
            // The store stands still for ever from some moment on, and so does the run.
            let _ = tokio::time::timeout(Duration::from_millis(200), run.finished()).await;
            run.id().clone()
        });
        machine.fake.let_end(1);
        machine.life(async |engine| {
            let run = again(&engine, &id);
            let status = tokio::time::timeout(Duration::from_secs(20), run.finished()).await;
            let status = status.unwrap_or_else(|_| panic!("no end after {left} records"));
            assert_eq!(
                status.state,
                State::Succeeded,
                "{left}: {:?}",
                status.errors
            );
            let log = log_of(&run).await;
            assert_eq!(log.matches("hello").count(), 1, "{left}: {log}");
        });
        let started = machine.fake.0.started.lock().expect("not poisoned").len();
        assert_eq!(machine.fake.containers(), 0, "{left}");
        assert_eq!(started, 1, "{left}");
        let delivered = machine
            .fake
            .0
            .delivered
            .lock()
            .expect("not poisoned")
            .clone();
        assert!(!delivered.is_empty(), "{left}");
        assert!(delivered.iter().all(|id| *id == delivered[0]), "{left}");
        assert!(machine.store.promises().is_empty(), "{left}");
    }
}

#[test]
fn while_nothing_can_be_recorded_runs_stand_still_and_then_go_on() {
    let machine = Machine::new();
    let store = machine.moody(Mood::Good);
    machine.life_over(store.clone(), async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        store.turn(Mood::Full);
        machine.fake.let_end(1);
        let refused = engine
            .submit(spec("action=run&id=other"), Submit::Run)
            .await;
        refused.expect_err("nothing can be recorded");
        let waiting = tokio::time::timeout(Duration::from_millis(300), run.finished()).await;
        waiting.expect_err("its end is not on record");
        assert_eq!(
            machine.fake.containers(),
            1,
            "nothing is removed before that"
        );
        store.turn(Mood::Good);
        assert_eq!(run.finished().await.state, State::Succeeded);
    });
    assert_eq!(machine.fake.containers(), 0);
    assert_eq!(machine.directories().len(), 1, "none of what was refused");
}

#[test]
fn a_job_is_stopped_even_while_nothing_can_be_recorded() {
    for (params, state) in [
        ("action=run", State::Aborted),
        ("action=run&timeout=1s", State::TimedOut),
    ] {
        let machine = Machine::new();
        let store = machine.moody(Mood::Good);
        machine.life_over(store.clone(), async |engine| {
            let run = submit(&engine, params).await;
            while !log_has(&run, "hello") {
                tokio::task::yield_now().await;
            }
            store.turn(Mood::Full);
            let abort = async {
                if state == State::Aborted {
                    engine.abort(run.instance()).await;
                }
            };
            let watched = async {
                // The fake's container listens to nothing but its token.
                while machine.fake.0.cancelled.load(Ordering::SeqCst) == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                assert!(!run.status().state.is_final(), "that is not on record");
                store.turn(Mood::Good);
                assert_eq!(run.finished().await.state, state);
            };
            let both = futures::future::join(abort, watched);
            let done = tokio::time::timeout(Duration::from_secs(20), both).await;
            done.expect("it is stopped");
        });
        assert_eq!(machine.fake.containers(), 0);
    }
}

#[test]
fn a_stop_that_a_crash_cut_off_says_that_output_may_be_missing() {
    let machine = Machine::new();
    // The crash comes after the stop was recorded and before the container was removed.
    let removal = |takes| *machine.fake.0.removal.lock().expect("not poisoned") = takes;
    removal(Duration::from_secs(3600));
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        let abort = engine.abort(run.instance());
        let answered = tokio::time::timeout(Duration::from_millis(300), abort).await;
        answered.expect_err("the container is still there");
        run.id().clone()
    });
    removal(Duration::ZERO);
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.finished().await.state, State::Aborted);
        let log = log_of(&run).await;
        let mark = "hello\ndogi: output may be missing here: the server ended while the job was to stop\n\
            dogi: Killed by abort\n";
        assert!(log.ends_with(mark), "{log}");
    });
}
