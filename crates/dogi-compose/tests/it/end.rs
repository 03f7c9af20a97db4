//! However it ends, nothing is left.

use dogi_compose::{ComposeError, Plan};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::support::{Lab, When, down, service};

const ENDLESS: &str = r#"
services:
  db: {build: img, command: [sleep, "600"], volumes: ["/anonymous", "named:/n"]}
  tests: {build: img, command: [sh, -c, "echo it began; exec sleep 600"], depends_on: [db]}
volumes: {named: }
"#;

fn plan() -> Plan {
    Plan {
        tests: service("tests"),
        push: false,
        keep: false,
        files: Vec::new(),
    }
}

#[tokio::test]
async fn a_cancelled_run() {
    let lab = Lab::new(ENDLESS);
    let cancel = CancellationToken::new();
    let mut sink = When::new("it began", {
        let cancel = cancel.clone();
        move || cancel.cancel()
    });
    let prepared = lab.prepare().await.unwrap();
    let ended = prepared.run(&plan(), &mut sink, &cancel).await;
    assert!(matches!(ended, Err(ComposeError::Cancelled)), "{ended:?}");
    assert!(sink.has_happened());
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn a_cancelled_build() {
    let lab = Lab::new("services:\n  tests:\n    build: slow\n");
    let image = dogi_testkit::docker::Context::busybox("RUN echo it began; sleep 600\n").unwrap();
    image.write_to(&lab.checkout().join("slow")).unwrap();
    let cancel = CancellationToken::new();
    let mut sink = When::new("it began", {
        let cancel = cancel.clone();
        move || cancel.cancel()
    });
    let prepared = lab.prepare().await.unwrap();
    let ended = prepared.run(&plan(), &mut sink, &cancel).await;
    assert!(matches!(ended, Err(ComposeError::Cancelled)), "{ended:?}");
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn a_token_that_was_cancelled_before() {
    let lab = Lab::new(ENDLESS);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let prepared = lab
        .compose()
        .await
        .prepare(&lab.project, &mut Vec::new(), &cancel)
        .await;
    assert!(matches!(prepared, Err(ComposeError::Cancelled)));
}

/// As after a crash: the programs are killed, and a later life knows no more than the name.
#[tokio::test]
async fn a_run_of_which_only_the_name_is_known() {
    let lab = Lab::new(ENDLESS);
    let (began, when_begun) = oneshot::channel();
    let mut sink = When::new("it began", move || began.send(()).unwrap());
    let prepared = lab.prepare().await.unwrap();
    let (plan, cancel) = (plan(), CancellationToken::new());
    tokio::select! {
        ended = prepared.run(&plan, &mut sink, &cancel) => panic!("{ended:?}"),
        begun = when_begun => begun.unwrap(),
    }
    assert!(lab.left().len() >= 5, "{:?}", lab.left());
    let empty = tempfile::tempdir().unwrap();
    down(lab.compose().await, &lab.project, empty.path()).await;
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn the_checkout_is_gone_when_it_is_taken_down() {
    let lab = Lab::new(ENDLESS.replace("it began; exec sleep 600", "done").as_str());
    let (outcome, log) = lab.run(service("tests")).await;
    assert!(outcome.unwrap().tests.success(), "{log}");
    std::fs::remove_dir_all(lab.checkout()).unwrap();
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
}
