//! What becomes of runs when the server ends at any moment and is started again.

use std::{sync::atomic::Ordering, time::Duration};

use dogi_job::{State, Submit};
use dogi_url::OutputName;

use crate::{
    fakes::spec_of,
    lives::{Machine, again, log_has, log_of, reaches, submit},
};

#[test]
fn finished_runs_are_history_again_with_their_outputs() {
    let machine = Machine::new();
    machine.fake.ends_with(Ok(3));
    let before = machine.life(async |engine| {
        let run = submit(&engine, "action=run&env_A=b").await;
        let status = run.finished().await;
        (run.id().clone(), status, log_of(&run).await)
    });
    let (id, status, log) = before;
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.status(), status);
        assert_eq!(log_of(&run).await, log);
        assert_eq!(engine.peek(run.instance()).expect("known").id(), &id);
        assert!(engine.jobs().is_empty());
        assert_eq!(engine.runs(None, 10).len(), 1);
    });
}

#[test]
fn a_clone_that_was_cut_off_begins_again_and_the_log_says_so() {
    let machine = Machine::new();
    machine.fake.0.checkouts_hang.store(1, Ordering::SeqCst);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        reaches(&run, State::Cloning).await;
        while !log_has(&run, "cloning") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.finished().await.state, State::Succeeded);
        assert_eq!(
            log_of(&run).await,
            "cloning\ndogi: the server was started again, and so is this run\ncloning\nhello\n"
        );
    });
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn a_container_that_runs_is_taken_up_and_never_started_twice() {
    let machine = Machine::new();
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    // Several lives, each cut short.
    for _ in 0..3 {
        machine.life(async |engine| {
            let run = again(&engine, &id);
            assert_eq!(run.status().state, State::Running);
            let position = run.output(&OutputName::Log).expect("a log").position();
            assert!(position.offset > 0, "followers resume where they were");
        });
    }
    machine.fake.ends_with(Ok(7));
    machine.life(async |engine| {
        let run = again(&engine, &id);
        let status = run.finished().await;
        assert_eq!((status.state, status.exit_code), (State::Failed, Some(7)));
        assert_eq!(
            log_of(&run).await,
            "cloning\nhello\ndogi: Execution failed with code 7\n"
        );
    });
    assert_eq!(
        machine.fake.0.started.lock().expect("not poisoned").len(),
        1
    );
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn a_container_that_vanished_is_lost() {
    let machine = Machine::new();
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    machine
        .fake
        .0
        .containers
        .lock()
        .expect("not poisoned")
        .clear();
    machine.life(async |engine| {
        let run = again(&engine, &id);
        let status = run.finished().await;
        assert_eq!(status.state, State::Lost);
        assert_eq!(
            status.errors,
            ["Lost: engine stopped: its container is gone"]
        );
        let log = log_of(&run).await;
        assert_eq!(log.matches("hello").count(), 1, "{log}");
        assert_eq!(log.matches("dogi: Lost:").count(), 1, "{log}");
    });
}

#[test]
fn an_unconfirmed_callback_is_made_again_with_the_same_id() {
    let machine = Machine::new();
    *machine.fake.0.patience.lock().expect("not poisoned") = Duration::from_secs(3600);
    machine
        .fake
        .0
        .answers
        .lock()
        .expect("not poisoned")
        .push_back(503);
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
        let mut status = run.subscribe();
        let tried = status.wait_for(|status| status.callback.is_some()).await;
        tried.expect("it is tried");
        run.id().clone()
    });
    assert_eq!(machine.store.promises().len(), 1);
    // It is not due for an hour: what is under way is only that it waits.
    machine.life(async |engine| {
        assert_eq!(again(&engine, &id).status().state, State::CallingBack);
    });
    let given_up = machine.life(async |engine| {
        let run = again(&engine, &id);
        let newest = engine.abort(run.instance()).await.expect("known");
        newest.status().state
    });
    assert_eq!(given_up, State::Aborted, "an abort ends the waiting too");
    assert!(machine.store.promises().is_empty());

    *machine.fake.0.patience.lock().expect("not poisoned") = Duration::from_millis(300);
    machine
        .fake
        .0
        .delivered
        .lock()
        .expect("not poisoned")
        .clear();
    machine
        .fake
        .0
        .answers
        .lock()
        .expect("not poisoned")
        .push_back(503);
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
        let mut status = run.subscribe();
        let tried = status.wait_for(|status| status.callback.is_some()).await;
        tried.expect("it is tried");
        run.id().clone()
    });
    machine.life(async |engine| {
        let status = again(&engine, &id).finished().await;
        assert_eq!(status.state, State::Succeeded);
    });
    let delivered = machine
        .fake
        .0
        .delivered
        .lock()
        .expect("not poisoned")
        .clone();
    assert_eq!(delivered.len(), 2);
    assert_eq!(delivered[0], delivered[1]);
    assert!(machine.store.promises().is_empty());
}

#[test]
fn the_queue_keeps_its_order_and_its_turns() {
    let mut machine = Machine::new();
    machine.running = 1;
    let repos = ["https/a.example/o/r.git", "https/b.example/o/r.git"];
    let names = machine.life(async |engine| {
        let mut names = Vec::new();
        let blocker = submit(&engine, "action=run&id=blocker").await;
        reaches(&blocker, State::Running).await;
        // Three of one repository, then two of another: they take turns.
        for (repo, id) in [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)] {
            let spec = spec_of(repos[repo], &format!("action=run&id={id}"));
            let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
            names.push((run.id().clone(), id));
        }
        names
    });
    // Nobody moves up while the blocker holds the only place.
    machine.life(async |engine| {
        let positions: Vec<_> = names
            .iter()
            .map(|(run, _)| engine.status(&again(&engine, run)).queue_position)
            .collect();
        let wanted = [1, 3, 5, 2, 4];
        assert_eq!(positions, wanted.map(Some));
    });
    machine.fake.let_end(2);
    // The first one starts and ends; then there is another life.
    machine.life(async |engine| {
        again(&engine, &names[0].0).finished().await;
    });
    machine.fake.let_end(10);
    machine.life(async |engine| {
        for (run, _) in &names {
            again(&engine, run).finished().await;
        }
    });
    let started = machine.fake.0.started.lock().expect("not poisoned").clone();
    let order: Vec<u32> = started
        .iter()
        .filter_map(|run| names.iter().find(|(known, _)| known == run))
        .map(|(_, id)| *id)
        .collect();
    assert_eq!(order, [1, 4, 2, 5, 3]);
}

#[test]
fn directories_of_no_run_are_removed_at_a_start() {
    let machine = Machine::new();
    let runs = machine.disk.path().join("runs");
    for name in ["0190aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "nonsense"] {
        std::fs::create_dir_all(runs.join(name)).expect("a directory");
    }
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        run.finished().await;
        run.id().to_string()
    });
    machine.life(async |_| {});
    assert_eq!(machine.directories(), [id]);
}
