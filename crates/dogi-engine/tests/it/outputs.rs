//! Outputs are bounded, and a cut is visible.

use dogi_engine::AtLogLimit;
use dogi_job::{FailureKind, State, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;

use crate::fakes::{engine_with, spec};

#[tokio::test]
async fn a_log_past_its_limit_is_cut_with_a_mark_and_the_job_goes_on() {
    let (engine, fake, _directory) = engine_with(|config| config.max_log_bytes = 12).await;
    *fake.0.prints.lock().expect("not poisoned") = b"0123456789\n".to_vec();
    fake.let_end(1);
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    assert_eq!(run.finished().await.state, State::Succeeded);
    let mut text = Vec::new();
    let mut follower = run
        .output(&OutputName::Log)
        .expect("a log")
        .follow(Position::START);
    while let Some(Piece::Data { bytes, .. }) = follower.next().await.expect("readable") {
        text.extend_from_slice(&bytes);
    }
    let text = String::from_utf8(text).expect("text");
    assert_eq!(
        text,
        "cloning\n0123\ndogi: cut here: the limit of 12 bytes was reached\n"
    );
}

#[tokio::test]
async fn a_job_that_prints_past_the_limit_fails_where_the_operator_wants_that() {
    let (engine, fake, _directory) = engine_with(|config| {
        config.max_log_bytes = 12;
        config.at_log_limit = AtLogLimit::Fail;
    })
    .await;
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    // Its container would never end by itself.
    let status = run.finished().await;
    assert_eq!(status.state, State::Failed);
    assert_eq!(status.failure, Some(FailureKind::OutputLimit));
    let reason = "Stopped: an output reached the limit of 12 bytes";
    assert_eq!(status.errors, [reason]);
    assert_eq!(fake.containers(), 0);
    let text = std::fs::read_to_string(run.output(&OutputName::Log).expect("a log").path());
    let text = text.expect("readable");
    assert_eq!(
        text,
        format!(
            "cloning\nhell\ndogi: cut here: the limit of 12 bytes was reached\ndogi: {reason}\n"
        )
    );
}

#[tokio::test]
async fn the_reason_stands_in_a_log_that_was_cut() {
    let (engine, fake, _directory) = engine_with(|config| config.max_log_bytes = 12).await;
    fake.ends_with(Ok(3));
    let run = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken")
        .run;
    run.finished().await;
    let text = std::fs::read_to_string(run.output(&OutputName::Log).expect("a log").path());
    let text = text.expect("readable");
    assert!(
        text.ends_with("bytes was reached\ndogi: Execution failed with code 3\n"),
        "{text:?}"
    );
}
