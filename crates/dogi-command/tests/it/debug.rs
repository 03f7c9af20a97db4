//! What may be a secret is not shown.

use crate::support::{file, sh};

#[tokio::test]
async fn debug_shows_names_and_sizes() {
    let place = tempfile::TempDir::new().unwrap();
    let mut spec = sh("echo s3cret");
    spec.environment.push(("TOKEN".into(), "s3cret".into()));
    spec.files = vec![file("PAYLOAD", b"s3cret", place.path())];
    let shown = format!("{spec:?}");
    for expected in [
        "TOKEN",
        "PAYLOAD",
        "content_bytes: 6",
        "argument_bytes: [2, 11]",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    let running = spec.clone().spawn().await.unwrap();
    let shown = [
        shown,
        format!("{running:?} {:?}", running.process.stopper()),
    ];
    let (output, _) = running.collect(100).await.unwrap();
    assert_eq!(output.bytes, "s3cret\n");
    for shown in shown.into_iter().chain([format!("{output:?}")]) {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
