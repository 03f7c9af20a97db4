//! What is left of a run when something goes wrong on the way: nothing.

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use dogi_job::{FailureKind, State, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;
use futures::FutureExt;

use crate::fakes::{engine, engine_with, spec, spec_of};

fn directories(data_dir: &Path) -> usize {
    std::fs::read_dir(data_dir.join("runs"))
        .expect("the directory is there")
        .count()
}

async fn wait_until(done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it never came true");
}

#[tokio::test]
async fn a_clean_up_that_fails_is_tried_again_after_the_end() {
    let (engine, fake, _directory) = engine().await;
    fake.0.cleanups_fail.store(1, Ordering::SeqCst);
    fake.let_end(1);
    let run = engine
        .submit(spec(""), Submit::Run)
        .await
        .expect("taken")
        .run;
    assert_eq!(run.finished().await.state, State::Succeeded);
    assert_eq!(fake.containers(), 1, "the engine was away");
    wait_until(|| fake.containers() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_removed_is_out_of_the_way_before_the_next_container_starts() {
    for params in ["", "group=g"] {
        let (engine, fake, _directory) = engine().await;
        let submit = async |repo: &str| {
            let submitted = engine.submit(spec_of(repo, params), Submit::Restart).await;
            submitted.expect("taken").run
        };
        let first = submit("https/h/a").await;
        first
            .subscribe()
            .wait_for(|status| status.state == State::Running)
            .await
            .expect("it runs");
        fake.0.cleanups_fail.store(1, Ordering::SeqCst);
        let other = if params.is_empty() {
            "https/h/a"
        } else {
            "https/h/b"
        };
        let second = submit(other).await;
        engine.abort_run(first.id()).await.expect("known");
        let failures = fake.0.cleanups_fail.load(Ordering::SeqCst);
        assert_eq!(failures, 0, "{params}: the engine was away once");
        fake.let_end(1);
        assert_eq!(second.finished().await.state, State::Succeeded, "{params}");
        assert_eq!(fake.0.most.load(Ordering::SeqCst), 1, "{params}");
    }
}

#[tokio::test]
async fn a_delivery_that_panics_is_given_up_and_fails_the_run() {
    let (engine, fake, _directory) = engine().await;
    *fake.0.deliveries_panic.lock().expect("not poisoned") = true;
    fake.let_end(1);
    let run = engine
        .submit(spec("cb=https://example.com/cb"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let ended = tokio::time::timeout(Duration::from_secs(10), run.finished()).await;
    let status = ended.expect("the run comes to an end");
    assert_eq!(
        (status.state, status.failure),
        (State::Failed, Some(FailureKind::Callback))
    );
    assert_eq!(status.errors, ["a fault in the server ended the callback"]);
}

#[tokio::test]
async fn an_abort_ends_a_run_that_only_calls_back() {
    let (engine, fake, _directory) = engine().await;
    fake.let_end(1);
    let never = std::iter::repeat_n(503, 1_000_000);
    fake.0.answers.lock().expect("not poisoned").extend(never);
    let spec = spec("cb=https://example.com/cb");
    let run = engine
        .submit(spec.clone(), Submit::Run)
        .await
        .expect("taken")
        .run;
    run.subscribe()
        .wait_for(|status| status.stopped)
        .await
        .expect("it calls back");
    assert_eq!(run.status().state, State::CallingBack);
    let aborted = engine.abort(&spec.instance).await.expect("known");
    assert_eq!(aborted.id(), run.id());
    assert_eq!(aborted.status().state, State::Aborted);
}

#[tokio::test]
async fn a_submission_that_is_dropped_on_the_way_leaves_nothing() {
    let (engine, _fake, directory) = engine().await;
    for _ in 0..50 {
        // A fast disk is done before anything can be dropped.
        let _ = engine.submit(spec(""), Submit::Restart).now_or_never();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    wait_until(|| directories(directory.path()) == engine.runs(None, 100).len()).await;
}

#[tokio::test]
async fn outputs_of_a_forgotten_run_stay_as_long_as_somebody_holds_them() {
    let (engine, fake, directory) = engine_with(|config| config.keep_runs = 1).await;
    fake.let_end(2);
    let mut runs = Vec::new();
    for _ in 0..2 {
        let submitted = engine.submit(spec(""), Submit::Run).await;
        let run = submitted.expect("taken").run;
        run.finished().await;
        runs.push(run);
    }
    wait_until(|| engine.runs(None, 10).len() == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let log = runs[0].output(&OutputName::Log).expect("a log");
    let mut follower = log.follow(Position::START);
    let piece = follower.next().await.expect("it can still be read");
    assert!(matches!(piece, Some(Piece::Data { .. })), "{piece:?}");
    drop(follower);
    runs.clear();
    wait_until(|| directories(directory.path()) == 1).await;
}

#[tokio::test]
async fn the_newest_run_is_shown_although_it_ended_before_an_older_one() {
    let (engine, fake, _directory) = engine_with(|config| config.keep_runs = 1).await;
    *fake.0.removal.lock().expect("not poisoned") = Duration::from_millis(100);
    let first = engine
        .submit(spec(""), Submit::Run)
        .await
        .expect("taken")
        .run;
    first
        .subscribe()
        .wait_for(|status| status.state == State::Running)
        .await
        .expect("it runs");
    let second = engine
        .submit(spec(""), Submit::Restart)
        .await
        .expect("taken")
        .run;
    engine.abort_run(second.id()).await;
    first.finished().await;
    wait_until(|| engine.runs(None, 10).len() == 1).await;
    let shown = engine.peek(second.instance()).expect("known");
    assert_eq!(shown.id(), second.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_saw_a_run_end_starts_another_one() {
    let (engine, fake, _directory) = engine().await;
    fake.let_end(500);
    for round in 0..500 {
        let submitted = engine
            .submit(spec_of("https/h/a", ""), Submit::Run)
            .await
            .expect("taken");
        assert!(!submitted.joined, "round {round}");
        submitted.run.finished().await;
        assert!(engine.jobs().is_empty(), "round {round}");
    }
}

#[tokio::test]
async fn a_data_directory_that_vanishes_harms_no_run() {
    let (engine, fake, directory) = engine().await;
    let first = engine
        .submit(spec(""), Submit::Run)
        .await
        .expect("taken")
        .run;
    first
        .subscribe()
        .wait_for(|status| status.state == State::Running)
        .await
        .expect("it runs");
    std::fs::remove_dir_all(directory.path()).expect("it can be removed");
    fake.let_end(2);
    assert_eq!(first.finished().await.state, State::Succeeded);
    let second = engine
        .submit(spec(""), Submit::Run)
        .await
        .expect("it is made again")
        .run;
    assert_eq!(second.finished().await.state, State::Succeeded);
    assert_eq!(directories(directory.path()), 1);
}
