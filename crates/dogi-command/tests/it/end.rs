//! How a program ended.

use dogi_command::{Exit, ExitWatch, Leftovers, SpawnError, Status, WaitError};
use tokio::runtime::{Builder, Runtime};

use crate::support::{
    command, file, is_there, number, read_until, run, sh, until_dead, until_gone,
};

#[tokio::test]
async fn codes_and_signals() {
    let cases = [
        ("exit 0", Status::Code(0), 0, "exit code 0"),
        ("exit 1", Status::Code(1), 1, "exit code 1"),
        ("exit 255", Status::Code(255), 255, "exit code 255"),
        (
            "kill -TERM $$",
            Status::Signal(15),
            143,
            "ended by signal 15",
        ),
        ("kill -KILL $$", Status::Signal(9), 137, "ended by signal 9"),
    ];
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        for (script, status, shell_code, text) in cases {
            let mut spec = sh(script);
            spec.limits.exit_watch = watch;
            let (_, exit) = run(spec).await;
            let stopped = None;
            assert_eq!(exit, Exit { status, stopped }, "{script} {watch:?}");
            assert_eq!(exit.success(), status == Status::Code(0));
            assert_eq!(exit.status.shell_code(), shell_code);
            assert_eq!(exit.to_string(), text);
        }
    }
}

#[tokio::test]
async fn the_end_is_told_again_and_no_zombie_is_left() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = sh("exit 7");
        spec.limits.exit_watch = watch;
        let mut running = spec.spawn().await.unwrap();
        let exit = running.wait().await.unwrap();
        assert!(!is_there(running.process.id()));
        assert_eq!(exit.status, Status::Code(7));
        assert_eq!(running.process.wait().await.unwrap(), exit);
        assert_eq!(running.process.stop().await.unwrap(), exit);
        running.process.stopper().stop();
    }
}

#[tokio::test]
async fn waiting_can_be_given_up_and_taken_up() {
    let place = tempfile::TempDir::new().unwrap();
    let fifo = place.path().join("fifo");
    let made = run(command("mkfifo", [fifo.to_str().unwrap()])).await.1;
    assert!(made.success());
    let mut running = sh(&format!("cat {}; exit 4", fifo.display()))
        .spawn()
        .await
        .unwrap();
    assert!(futures::poll!(std::pin::pin!(running.wait())).is_pending());
    // Waits for the reader, which is there soon.
    std::fs::write(&fifo, "go on").unwrap();
    assert_eq!(running.wait().await.unwrap().status, Status::Code(4));
}

/// A deployment may start a server. It is left alone, unless told otherwise.
#[tokio::test]
async fn what_a_program_leaves_behind() {
    let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
    let mut running = sh(script).spawn().await.unwrap();
    let left = number(&read_until(&mut running.output, "\n").await);
    assert!(running.wait().await.unwrap().success());
    drop(running);
    assert!(is_there(left));
    run(command("kill", [&left.to_string()])).await;
    until_dead(left).await;

    let mut spec = sh(script);
    spec.limits.leftovers = Leftovers::Kill;
    let mut running = spec.spawn().await.unwrap();
    let left = number(&read_until(&mut running.output, "\n").await);
    let exit = running.wait().await.unwrap();
    assert!(exit.success(), "{exit}");
    until_dead(left).await;
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// The end of a runtime is not the end of the process.
#[test]
fn nothing_outlives_the_runtime() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let place = tempfile::TempDir::new().unwrap();
        let mut spec = sh("sleep 1000 & echo $!; wait");
        spec.files = vec![file("FILE", b"x", place.path())];
        spec.limits.exit_watch = watch;
        let first = runtime();
        let (mut running, child) = first.block_on(async {
            let mut running = spec.spawn().await.unwrap();
            let child = number(&read_until(&mut running.output, "\n").await);
            (running, child)
        });
        drop(first);
        assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
        runtime().block_on(async {
            until_gone(running.process.id()).await;
            until_dead(child).await;
            let told = running.process.wait().await;
            assert!(matches!(told, Err(WaitError::Gone { .. })), "{told:?}");
        });
    }
}

#[test]
fn nothing_is_started_after_the_runtime() {
    let place = tempfile::TempDir::new().unwrap();
    let mut spec = sh("exit 0");
    spec.files = vec![file("FILE", b"x", place.path())];
    let runtime = runtime();
    let handle = runtime.handle().clone();
    drop(runtime);
    let error = handle.block_on(spec.spawn()).unwrap_err();
    assert!(matches!(error, SpawnError::Shutdown), "{error}");
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
}
