//! The server put together from settings, with the real things behind its ports.

use std::os::unix::fs::PermissionsExt;

use dogi::App;
use dogi::config::{Environment, Flags, Purpose, Settings};

#[tokio::test]
async fn a_new_data_directory_is_nobody_else_s_to_read() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let data = place.path().join("not/there");
    let env: Environment = [
        ("BYPASS_SIGNATURES", "true"),
        ("LISTEN", "127.0.0.1:0"),
        ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
        ("DATA_DIR", data.to_str().expect("UTF-8")),
    ]
    .into_iter()
    .collect();
    let settings = Settings::load(&Flags::new(), &env, Purpose::Serve).expect("good settings");
    let _app = App::build(&settings).await.expect("it can be built");
    let mode = std::fs::metadata(&data).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_silent_engine_does_not_keep_the_server_from_starting() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let silent = dogi_testkit::silent::Server::start()
        .await
        .expect("it listens");
    let host = format!("tcp://{}", silent.address());
    let env: Environment = [
        ("BYPASS_SIGNATURES", "true"),
        ("LISTEN", "127.0.0.1:0"),
        ("DOCKER_HOST", host.as_str()),
        ("DATA_DIR", data.path().to_str().expect("UTF-8")),
    ]
    .into_iter()
    .collect();
    let settings = Settings::load(&Flags::new(), &env, Purpose::Serve).expect("good settings");
    let app = crate::within(App::build(&settings)).await;
    assert!(app.expect("it can be built").local_addr().is_ok());
    assert!(silent.connections() > 0, "it was asked");
}
