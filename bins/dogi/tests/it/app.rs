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
