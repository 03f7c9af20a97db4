//! From submission to the end.

use dogi_engine::ports::StepError;
use dogi_job::{FailureKind, State, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;

use crate::fakes::{engine, engine_with, instance, spec};

async fn log_of(run: &dogi_engine::RunHandle) -> String {
    let mut follower = run
        .output(&OutputName::Log)
        .expect("a log")
        .follow(Position::START);
    let mut text = Vec::new();
    while let Some(piece) = follower.next().await.expect("the log can be read") {
        if let Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    String::from_utf8(text).expect("the fake prints text")
}

#[tokio::test]
async fn a_run_prints_and_ends_and_leaves_nothing() {
    let (engine, fake, _directory) = engine().await;
    fake.let_end(1);
    let submitted = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("it is taken");
    assert!(!submitted.joined);
    let status = submitted.run.finished().await;
    assert_eq!(
        (status.state, status.exit_code),
        (State::Succeeded, Some(0))
    );
    assert_eq!(log_of(&submitted.run).await, "cloning\nhello\n");
    assert_eq!(fake.containers(), 0);
    assert!(engine.jobs().is_empty());
    assert_eq!(engine.runs(None, 10).len(), 1);
}

#[tokio::test]
async fn a_failure_stands_in_the_status_and_on_a_line_of_its_own_in_the_log() {
    let (engine, fake, _directory) = engine().await;
    *fake.0.prints.lock().expect("not poisoned") = b"no newline".to_vec();
    fake.ends_with(Ok(3));
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let status = run.finished().await;
    assert_eq!(status.state, State::Failed);
    assert_eq!(status.errors, ["Execution failed with code 3"]);
    assert_eq!(
        log_of(&run).await,
        "cloning\nno newline\ndogi: Execution failed with code 3\n"
    );
}

#[tokio::test]
async fn a_failed_checkout_and_a_panic_are_failures_of_the_run_alone() {
    let (engine, fake, _directory) = engine().await;
    let error = StepError::failed(FailureKind::Source, "no such repository");
    *fake.0.checkout_fails.lock().expect("not poisoned") = Some(error);
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let status = run.finished().await;
    assert_eq!(
        (status.state, status.failure),
        (State::Failed, Some(FailureKind::Source))
    );
    assert_eq!(log_of(&run).await, "cloning\ndogi: no such repository\n");

    *fake.0.build_panics.lock().expect("not poisoned") = true;
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let status = run.finished().await;
    assert_eq!(
        (status.state, status.failure),
        (State::Failed, Some(FailureKind::Internal))
    );
    assert_eq!(status.errors, ["a fault in the server ended the build"]);
}

#[tokio::test]
async fn an_engine_that_stops_is_told_as_lost() {
    let (engine, fake, _directory) = engine().await;
    fake.ends_with(Err(StepError::Lost {
        reason: "engine stopped".to_owned(),
    }));
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let status = run.finished().await;
    assert_eq!(
        (status.state, &*status.errors),
        (State::Lost, &["Lost: engine stopped".to_owned()][..])
    );
}

#[tokio::test]
async fn abort_answers_when_nothing_is_left() {
    let (engine, fake, _directory) = engine().await;
    let spec = spec("action=run");
    let run = engine
        .submit(spec.clone(), Submit::Run)
        .await
        .expect("taken")
        .run;
    run.subscribe()
        .wait_for(|status| status.state == State::Running)
        .await
        .expect("it runs");
    let aborted = engine
        .abort(&instance(&spec))
        .await
        .expect("the instance is known");
    assert_eq!(aborted.id(), run.id());
    assert_eq!(fake.containers(), 0);
    assert_eq!(run.finished().await.errors, ["Killed by abort"]);
    assert!(
        engine.abort(&instance(&spec)).await.is_some(),
        "it is still known"
    );
}

#[tokio::test]
async fn a_dropped_lease_stops_its_run_unless_the_server_is_stopping() {
    let (engine, fake, _directory) = engine().await;
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    drop(engine.lease(&run));
    let status = run.finished().await;
    assert_eq!(status.state, State::Aborted);

    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let lease = engine.lease(&run);
    engine.close();
    drop(lease);
    fake.let_end(1);
    assert_eq!(run.finished().await.state, State::Succeeded);
    assert!(
        engine
            .submit(spec("action=run"), Submit::Run)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_run_is_stopped_when_its_time_is_up() {
    let (engine, _fake, _directory) = engine().await;
    let spec = spec("action=run&timeout=1s");
    let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
    let status = run.finished().await;
    assert_eq!(status.state, State::TimedOut);
    assert_eq!(status.errors, ["Timed out: the limit of 1s was reached"]);
}

#[tokio::test]
async fn a_callback_is_repeated_with_the_same_id_until_it_is_taken() {
    let (engine, fake, _directory) = engine().await;
    fake.let_end(1);
    fake.0
        .answers
        .lock()
        .expect("not poisoned")
        .extend([503, 503, 200]);
    let spec = spec("action=run&cb=https://example.com/cb");
    let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
    let status = run.finished().await;
    assert_eq!(status.state, State::Succeeded);
    let delivered = fake.0.delivered.lock().expect("not poisoned").clone();
    assert_eq!(delivered.len(), 3);
    assert!(
        delivered.iter().all(|id| *id == delivered[0]),
        "{delivered:?}"
    );
    assert!(
        log_of(&run)
            .await
            .contains(r#"dogi: callback {"request":{"url":"https://example.com/cb""#)
    );
}

#[tokio::test]
async fn a_refused_callback_fails_the_run() {
    let (engine, fake, _directory) = engine().await;
    fake.let_end(1);
    fake.0.answers.lock().expect("not poisoned").push_back(500);
    let spec = spec("action=run&cb=https://example.com/cb");
    let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
    let status = run.finished().await;
    assert_eq!(
        (status.state, status.failure),
        (State::Failed, Some(FailureKind::Callback))
    );
}

#[tokio::test]
async fn history_is_kept_up_to_its_limit() {
    let (engine, fake, directory) = engine_with(|config| config.keep_runs = 2).await;
    fake.let_end(5);
    for _ in 0..5 {
        let run = engine
            .submit(spec("action=run"), Submit::Run)
            .await
            .expect("taken")
            .run;
        run.finished().await;
    }
    fake.let_end(1);
    let run = engine
        .submit(spec("action=restart"), Submit::Restart)
        .await
        .expect("taken")
        .run;
    run.finished().await;
    assert_eq!(engine.runs(None, 10)[0].id(), run.id());
    wait_until(|| engine.runs(None, 10).len() == 2).await;
    let directories = || {
        std::fs::read_dir(directory.path().join("runs"))
            .expect("it is there")
            .count()
    };
    wait_until(|| directories() == 2).await;
}

#[tokio::test]
async fn history_has_an_end_however_many_instances_there_are() {
    let by_count = engine_with(|config| config.keep_total = 3).await;
    // Each prints `cloning` and `hello`, 14 bytes.
    let by_bytes = engine_with(|config| config.keep_bytes = 3 * 14).await;
    for (engine, fake, directory) in [by_count, by_bytes] {
        fake.let_end(6);
        let mut last = None;
        for number in 0..6 {
            let spec = spec(&format!("action=run&id={number}"));
            let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
            run.finished().await;
            wait_until(|| engine.runs(None, 10).len() == 3.min(number + 1)).await;
            last = Some(run);
        }
        assert_eq!(engine.instances().len(), 3);
        assert_eq!(
            engine.runs(None, 1).first().map(|run| run.id().clone()),
            last.map(|run| run.id().clone())
        );
        let directories = || {
            std::fs::read_dir(directory.path().join("runs"))
                .expect("it is there")
                .count()
        };
        wait_until(|| directories() == 3).await;
    }
}

#[tokio::test]
async fn a_run_that_has_just_ended_is_kept_whatever_its_size_and_age() {
    let (engine, fake, _directory) = engine_with(|config| config.keep_bytes = 1).await;
    let old = engine.submit(spec("id=old"), Submit::Run).await;
    let old = old.expect("taken").run;
    let young = engine.submit(spec("id=young"), Submit::Restart).await;
    let young = young.expect("taken").run;
    engine.abort_run(young.id()).await;
    young.finished().await;
    fake.let_end(1);
    old.finished().await;
    wait_until(|| engine.runs(None, 10).len() == 1).await;
    assert_eq!(engine.runs(None, 10)[0].id(), old.id());
}

/// The history is put away after the end was told.
async fn wait_until(done: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "it never came true");
        tokio::task::yield_now().await;
    }
}
