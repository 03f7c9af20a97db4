//! Time limits, stopping, dropping.

use std::time::{Duration, Instant};

use dogi_command::{ExitWatch, Running, Status, Stopped};
use dogi_testkit::wait::DEADLINE;

use crate::support::{command, is_there, number, read_until, run, sh, until_dead, until_gone};

const FOREVER: Duration = Duration::from_secs(100_000);

async fn first_line(running: &mut Running) -> u32 {
    number(&read_until(&mut running.output, "\n").await)
}

#[tokio::test]
async fn a_program_has_the_grace_to_clean_up() {
    let mut spec = sh("trap 'echo cleaned; exit 3' TERM; echo $$; while :; do sleep 0.01; done");
    spec.limits.grace = FOREVER;
    let mut running = spec.spawn().await.unwrap();
    first_line(&mut running).await;
    let exit = running.process.stop().await.unwrap();
    assert_eq!(
        (exit.status, exit.stopped),
        (Status::Code(3), Some(Stopped::Asked))
    );
    assert_eq!(exit.to_string(), "exit code 3 after it was stopped");
    read_until(&mut running.output, "cleaned\n").await;
}

/// The shell is gone at once; what it started still has the grace.
#[tokio::test]
async fn so_have_the_ones_it_started() {
    let inner = "trap 'sleep 0.1; echo cleaned; exit' TERM; echo $$; while :; do sleep 0.01; done";
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = command("sh", ["-c", "sh -c \"$1\" & wait", "sh", inner]);
        spec.limits.grace = FOREVER;
        spec.limits.exit_watch = watch;
        let mut running = spec.spawn().await.unwrap();
        let child = first_line(&mut running).await;
        let exit = running.process.stop().await.unwrap();
        assert_eq!(exit.status, Status::Signal(15));
        until_dead(child).await;
        // The shell's own "Terminated" may come before it.
        read_until(&mut running.output, "cleaned\n").await;
    }
}

/// A program and one that it started, which both ignore SIGTERM. It prints the id of the latter.
const STUBBORN: &str = "trap '' TERM; sh -c 'echo $$; while :; do sleep 0.01; done' & \
                        while :; do sleep 0.01; done";

#[tokio::test]
async fn after_the_grace_the_whole_family_is_killed() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = sh(STUBBORN);
        spec.limits.grace = Duration::from_millis(50);
        spec.limits.exit_watch = watch;
        let mut running = spec.spawn().await.unwrap();
        let child = first_line(&mut running).await;
        let began = Instant::now();
        let exit = running.process.stop().await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(50));
        assert_eq!(
            (exit.status, exit.stopped),
            (Status::Signal(9), Some(Stopped::Asked))
        );
        until_dead(child).await;
        assert!(!is_there(running.process.id()));
    }
}

#[tokio::test]
async fn a_time_limit_ends_the_whole_family() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = sh(STUBBORN);
        spec.limits.time = Some(Duration::from_millis(100));
        spec.limits.grace = Duration::from_millis(50);
        spec.limits.exit_watch = watch;
        let began = Instant::now();
        let (output, exit) = run(spec).await;
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert_eq!(exit.stopped, Some(Stopped::TimeLimit));
        // Nobody has the pipe any more, which each of them held.
        assert!(!exit.success() && !output.held_open);
    }
}

#[tokio::test]
async fn a_time_limit_holds_though_nobody_waits() {
    let mut spec = sh("exec sleep 1000");
    spec.limits.time = Some(Duration::ZERO);
    let running = spec.spawn().await.unwrap();
    until_gone(running.process.id()).await;
}

#[tokio::test]
async fn a_time_limit_that_is_not_reached() {
    let mut spec = sh("exit 0");
    spec.limits.time = Some(FOREVER);
    assert!(run(spec).await.1.success());
}

#[tokio::test]
async fn stopping_from_elsewhere() {
    let mut running = sh("echo $$; exec sleep 1000").spawn().await.unwrap();
    first_line(&mut running).await;
    let stopper = running.process.stopper();
    let waiting = tokio::spawn(async move { running.wait().await });
    stopper.stop();
    let exit = waiting.await.unwrap().unwrap();
    assert_eq!(
        (exit.status, exit.stopped),
        (Status::Signal(15), Some(Stopped::Asked))
    );
    stopper.stop();
}

#[tokio::test]
async fn dropping_kills_all_at_once_and_leaves_no_zombie() {
    for watch in [ExitWatch::Pidfd, ExitWatch::Thread] {
        let mut spec = sh(STUBBORN);
        spec.limits.grace = FOREVER;
        spec.limits.exit_watch = watch;
        let mut running = spec.spawn().await.unwrap();
        let child = first_line(&mut running).await;
        let leader = running.process.id();
        drop(running);
        until_gone(leader).await;
        until_dead(child).await;
    }
}

#[tokio::test]
async fn dropping_cuts_a_grace_short() {
    let mut spec = sh("trap '' TERM; echo $$; while :; do sleep 0.01; done");
    spec.limits.grace = FOREVER;
    let mut running = spec.spawn().await.unwrap();
    let leader = first_line(&mut running).await;
    assert!(futures::poll!(std::pin::pin!(running.process.stop())).is_pending());
    assert!(is_there(leader));
    drop(running);
    until_gone(leader).await;
}

#[tokio::test]
async fn dropping_what_collects() {
    let running = sh("exec sleep 1000").spawn().await.unwrap();
    let leader = running.process.id();
    let mut collecting = Box::pin(running.collect(100));
    assert!(futures::poll!(&mut collecting).is_pending());
    drop(collecting);
    until_gone(leader).await;
}

/// A stopped process gets SIGTERM only when it goes on; SIGKILL reaches it.
#[tokio::test]
async fn a_program_that_is_suspended() {
    let mut spec = sh("echo $$; kill -STOP $$");
    spec.limits.grace = Duration::from_millis(50);
    let mut running = spec.spawn().await.unwrap();
    first_line(&mut running).await;
    let stopped = tokio::time::timeout(DEADLINE, running.process.stop())
        .await
        .unwrap();
    assert_eq!(stopped.unwrap().stopped, Some(Stopped::Asked));
}
