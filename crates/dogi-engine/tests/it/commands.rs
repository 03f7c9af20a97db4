//! Commands on the server's machine, as runs.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use dogi_engine::{Engine, RunHandle, SubmitError};
use dogi_job::{HostCommand, Refusal, Spec, State};
use dogi_url::Namespace;

use crate::{
    fakes::Fake,
    lives::{Machine, again, log_has, log_of, reaches, submit},
};

fn command(name: &str, running: usize, queued: usize) -> Spec {
    let command = HostCommand {
        name: name.to_owned(),
        running,
        queued,
    };
    Spec::of_command(&Namespace::default(), command)
}

async fn start(engine: &Engine, name: &str, details: &str) -> RunHandle {
    let submitted = engine.submit_command(command(name, 2, 2), details.into());
    submitted.await.expect("taken")
}

#[test]
fn a_command_runs_beside_others_of_its_name_and_its_output_is_kept() {
    let machine = Machine::new();
    let (first, second) = machine.life(async |engine| {
        let first = start(&engine, "deploy", "one\n").await;
        let second = start(&engine, "deploy", "two\n").await;
        reaches(&first, State::Running).await;
        reaches(&second, State::Running).await;
        assert_eq!(first.instance(), second.instance());
        assert_eq!(engine.commands(), 2);
        assert_eq!(engine.counts(), (0, 0), "they are no containers");
        machine.fake.ends_with(Ok(0));
        machine.fake.ends_with(Ok(0));
        assert_eq!(first.finished().await.state, State::Succeeded);
        let status = second.finished().await;
        assert_eq!(status.hook.as_deref(), Some("deploy"));
        assert_eq!(status.image, None);
        assert_eq!(engine.commands(), 0);
        assert_eq!(log_of(&first).await, "one\n");
        assert_eq!(
            engine.command_details(&second).await.expect("kept"),
            b"two\n"
        );
        (first.id().clone(), second.id().clone())
    });
    machine.life(async |engine| {
        for (run, text) in [(first, "one\n"), (second, "two\n")] {
            let run = again(&engine, &run);
            assert_eq!(run.status().state, State::Succeeded);
            assert_eq!(log_of(&run).await, text);
        }
    });
}

#[test]
fn a_command_that_fails_has_failed() {
    let machine = Machine::new();
    machine.life(async |engine| {
        machine.fake.ends_with(Ok(137));
        let status = start(&engine, "deploy", "").await.finished().await;
        assert_eq!((status.state, status.exit_code), (State::Failed, Some(137)));
        assert_eq!(status.errors, ["Execution failed with code 137"]);
    });
}

#[test]
fn commands_of_one_name_wait_for_each_other_and_for_nobody_else() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let container = submit(&engine, "action=run").await;
        reaches(&container, State::Running).await;
        let mut runs = Vec::new();
        for text in ["1", "2", "3", "4"] {
            runs.push(start(&engine, "deploy", text).await);
        }
        reaches(&runs[1], State::Running).await;
        let places: Vec<_> = runs
            .iter()
            .map(|run| engine.status(run).queue_position)
            .collect();
        assert_eq!(places, [None, None, Some(1), Some(2)]);
        let refused = engine
            .submit_command(command("deploy", 2, 2), Vec::new())
            .await;
        let Err(SubmitError::Refused(Refusal::QueueFull { waiting: 2 })) = refused else {
            panic!("{refused:?}");
        };
        let other = start(&engine, "other", "").await;
        reaches(&other, State::Running).await;
        machine.fake.let_end(6);
        for run in &runs {
            assert_eq!(run.finished().await.state, State::Succeeded);
        }
        assert_eq!(
            machine.directories().len(),
            6,
            "nothing is left of what was refused"
        );
    });
}

#[test]
fn what_is_run_is_for_the_owner_alone() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let run = start(&engine, "deploy", "a secret").await;
        let path = machine.disk.path().join("runs").join(run.id().as_str());
        let mode = std::fs::metadata(path.join("command"))
            .expect("kept")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        engine.abort_run(run.id()).await;
    });
}

#[test]
fn an_abort_ends_it_and_one_that_waits_never_begins() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let mut runs = Vec::new();
        for text in ["1", "2", "3"] {
            runs.push(start(&engine, "deploy", text).await);
        }
        reaches(&runs[1], State::Running).await;
        for run in runs.iter().rev() {
            let aborted = engine.abort_run(run.id()).await.expect("known");
            assert_eq!(aborted.finished().await.state, State::Aborted);
        }
        assert_eq!(machine.fake.0.cancelled.load(Ordering::SeqCst), 2);
        assert_eq!(engine.commands(), 0);
    });
}

#[test]
fn a_restart_of_the_server_loses_commands_and_says_so() {
    let machine = Machine::new();
    let ids = machine.life(async |engine| {
        let mut runs = Vec::new();
        for text in ["1\n", "2\n", "3\n"] {
            runs.push(start(&engine, "deploy", text).await);
        }
        for run in &runs[..2] {
            while !log_has(run, "\n") {
                tokio::task::yield_now().await;
            }
        }
        runs.iter().map(|run| run.id().clone()).collect::<Vec<_>>()
    });
    // Twice, for the first may have been cut off as well.
    for _ in 0..2 {
        machine.life(async |engine| {
            let reasons = [
                "Lost: the server ended while the command ran",
                "Lost: the server ended while the command ran",
                "Lost: the server ended before the command began",
            ];
            let mark = "dogi: output may be missing here: the server ended while the command ran\n";
            let logs = [format!("1\n{mark}"), format!("2\n{mark}"), String::new()];
            for ((id, reason), log) in ids.iter().zip(reasons).zip(logs) {
                let run = again(&engine, id);
                let status = run.finished().await;
                assert_eq!(status.state, State::Lost);
                assert_eq!(status.errors, [reason]);
                assert_eq!(log_of(&run).await, format!("{log}dogi: {reason}\n"));
            }
            assert_eq!(engine.commands(), 0);
        });
    }
    let started = machine.fake.0.started.lock().expect("not poisoned").len();
    assert_eq!(started, 2, "nothing is begun again");
}

#[test]
fn one_that_runs_for_too_long_is_ended() {
    let machine = Machine::new();
    machine.life(async |engine| {
        let mut spec = command("deploy", 1, 0);
        spec.limits.timeout = Some(Duration::from_millis(20));
        let run = engine
            .submit_command(spec, Vec::new())
            .await
            .expect("taken");
        assert_eq!(run.finished().await.state, State::TimedOut);
    });
}

#[tokio::test]
async fn an_engine_without_a_host_runs_none() {
    let disk = tempfile::tempdir().expect("a directory");
    let engine = Fake::new()
        .engine(dogi_engine::EngineConfig::new(disk.path()))
        .await;
    let run = start(&engine, "deploy", "").await;
    let status = run.finished().await;
    assert_eq!(status.state, State::Failed);
    let said = "\"deploy\" is a command on the server's machine, and this server runs none";
    assert_eq!(status.errors, [said]);
}

#[test]
fn a_hundred_at_once_are_each_run_once() {
    let machine = Machine::new();
    machine.life(async |engine| {
        machine.fake.let_end(100);
        let engine = Arc::new(engine);
        let submissions = (0..100).map(|n| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let details = format!("{n}\n").into_bytes();
                let run = engine
                    .submit_command(command("deploy", 3, 100), details)
                    .await;
                run.expect("taken").finished().await.state
            })
        });
        for state in futures::future::join_all(submissions).await {
            assert_eq!(state.expect("no panic"), State::Succeeded);
        }
        assert!(machine.fake.0.most.load(Ordering::SeqCst) <= 3);
        assert_eq!(
            machine.fake.0.started.lock().expect("not poisoned").len(),
            100
        );
    });
}
