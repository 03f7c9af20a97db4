//! Whoever asked for it is told the result, and may decide it.

use dogi_testkit::receiver::{Answer, Receiver};
use serde_json::json;

use crate::harness::{Dogi, Repos, encode};

#[tokio::test]
async fn a_callback_gets_the_status_and_its_answer_is_shown() {
    let (_repos, path) = Repos::one("").await;
    let mut receiver = Receiver::start().await.expect("a receiver");
    receiver.answer(Answer::json(&json!({"thanks": true})));
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("CB_HEADERS", r#"{"X-Custom": "yes"}"#),
        ("CB_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ])
    .await;
    let cb = encode(&receiver.url("/cb"));
    let status = dogi
        .get(&format!(
            "{path}?action=run&output=status&env_A=1&cmd=true&cb={cb}"
        ))
        .await;
    assert_eq!(status.status, 200, "{}", status.text());
    let request = receiver.next().await.expect("it is called");
    assert_eq!((request.method.as_str(), request.path()), ("POST", "/cb"));
    assert_eq!(request.header("x-custom"), Some("yes"));
    assert!(
        request.header("webhook-id").is_some() && request.header("webhook-signature").is_some()
    );
    let sent = request.json();
    assert_eq!(sent["env"], json!({"A": "1"}));
    assert_eq!(sent["state"], "succeeded");
    let cb = status.json()["cb"].clone();
    assert_eq!(
        cb["response"],
        json!({"status": 200, "data": {"thanks": true}})
    );
    assert_eq!(cb["request"]["method"], "POST");
    let log = dogi.get(&path).await.text();
    assert!(log.contains(r#"{"thanks":true}"#), "{log}");
}

#[tokio::test]
async fn a_refused_callback_fails_the_job() {
    let (_repos, path) = Repos::one("").await;
    let receiver = Receiver::start().await.expect("a receiver");
    receiver.answer(Answer::status(400));
    let dogi = Dogi::start().await;
    let cb = encode(&receiver.url("/cb"));
    let status = dogi
        .get(&format!("{path}?action=run&output=status&cmd=true&cb={cb}"))
        .await;
    assert_eq!(status.status, 500);
    assert_eq!(status.json()["state"], "failed");
    assert!(
        status.json()["errors"][0]
            .as_str()
            .expect("an error")
            .contains("400")
    );
}

#[tokio::test]
async fn a_receiver_that_is_busy_is_tried_again_with_the_same_id() {
    let (_repos, path) = Repos::one("").await;
    let mut receiver = Receiver::start().await.expect("a receiver");
    receiver.answer(Answer::status(503).header("retry-after", "1"));
    receiver.answer(Answer::status(204));
    let dogi = Dogi::with(&[
        ("BYPASS_SIGNATURES", "true"),
        ("CB_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ])
    .await;
    let cb = encode(&receiver.url("/cb"));
    let status = dogi
        .get(&format!("{path}?action=run&output=status&cmd=true&cb={cb}"))
        .await;
    assert_eq!(status.status, 200, "{}", status.text());
    let first = receiver.next().await.expect("the first try");
    let second = receiver.next().await.expect("the second try");
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
}

#[tokio::test]
async fn a_failed_job_calls_back_only_where_it_was_asked_to() {
    let (_repos, path) = Repos::one("").await;
    let mut receiver = Receiver::start().await.expect("a receiver");
    let dogi = Dogi::start().await;
    let cb = encode(&receiver.url("/cb"));
    let target = |id: &str, on: &str| {
        format!("{path}?action=run&output=status&cmd=false&id={id}&cb={cb}{on}")
    };
    dogi.get(&target("a", "")).await;
    dogi.get(&target("b", "&cb_on=failure")).await;
    let request = receiver.next().await.expect("the second one calls");
    assert_eq!(request.json()["state"], "failed");
    assert!(receiver.try_next().is_none(), "the first one did not");
}

#[tokio::test]
async fn a_callback_to_a_forbidden_address_is_refused_with_the_reason() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let cb = encode("http://169.254.169.254/latest");
    let answer = dogi
        .get(&format!("{path}?action=run&output=status&cmd=true&cb={cb}"))
        .await;
    assert!([403, 500].contains(&answer.status), "{}", answer.status);
    assert!(
        answer.text().contains("169.254.169.254"),
        "{}",
        answer.text()
    );
}
