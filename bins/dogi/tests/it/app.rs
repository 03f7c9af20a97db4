//! The server put together from settings, with the real things behind its ports.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use dogi::config::{Environment, Flags, Purpose, Settings};
use dogi::{App, BuildError};
use dogi_testkit::wait;

fn settings(data: &Path, docker: &str) -> Settings {
    let env: Environment = [
        ("BYPASS_SIGNATURES", "true"),
        ("LISTEN", "127.0.0.1:0"),
        ("DOCKER_HOST", docker),
        ("DATA_DIR", data.to_str().expect("UTF-8")),
    ]
    .into_iter()
    .collect();
    Settings::load(&Flags::new(), &env, Purpose::Serve).expect("good settings")
}

/// Builds a server in that directory, and ends it. What one before it has begun may end a moment later.
async fn build(data: &Path) {
    let settings = settings(data, "unix:///nowhere/docker.sock");
    let built = || async {
        match App::build(&settings).await {
            Ok(app) => Some(app),
            Err(BuildError::Engine(error)) if format!("{error:?}").contains("InUse") => None,
            Err(error) => panic!("it can be built: {error:?}"),
        }
    };
    let built = wait::within(Duration::from_secs(10), "the directory to be free", built);
    drop(built.await.expect("it can be built"));
}

fn mode(path: &Path) -> u32 {
    let found = fs::metadata(path).expect("it is there").permissions();
    found.mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it can be set");
}

#[tokio::test]
async fn a_new_data_directory_is_nobody_else_s_to_read() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let data = place.path().join("not/there");
    build(&data).await;
    assert_eq!(mode(&data), 0o700);
}

#[tokio::test]
async fn what_is_in_the_data_directory_is_private_even_where_the_directory_is_not() {
    let private = [("runs", 0o700), ("mirrors", 0o700), ("lock", 0o600)];
    for existed in [false, true] {
        let data = tempfile::tempdir().expect("a temporary directory");
        let data = data.path();
        if existed {
            build(data).await;
            for (name, _) in private {
                set_mode(&data.join(name), 0o777);
            }
        }
        set_mode(data, 0o755);
        build(data).await;
        for (name, wanted) in private {
            let found = mode(&data.join(name));
            assert_eq!(found, wanted, "{name}, existed: {existed}: {found:o}");
        }
        assert_eq!(mode(data), 0o755, "the operator's to say");
    }
}

#[tokio::test]
async fn a_data_directory_keeps_its_name() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let id = data.path().join("server-id");
    let read = || fs::read_to_string(&id).expect("it is there");
    build(data.path()).await;
    let first = read();
    build(data.path()).await;
    assert_eq!(read(), first);

    // What a power cut may have left of a write that was not synced.
    fs::write(&id, "").expect("it can be written");
    build(data.path()).await;
    let second = read();
    assert!(second.trim().len() == 32 && second != first, "{second:?}");

    let names = fs::read_dir(data.path()).expect("it can be read");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let of_id: Vec<_> = names
        .filter(|name| name.to_string_lossy().contains("server-id"))
        .collect();
    assert_eq!(of_id, ["server-id"], "nothing else is left");
}

#[tokio::test]
async fn a_silent_engine_does_not_keep_the_server_from_starting() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let silent = dogi_testkit::silent::Server::start()
        .await
        .expect("it listens");
    let host = format!("tcp://{}", silent.address());
    let settings = settings(data.path(), &host);
    let app = crate::within(App::build(&settings)).await;
    assert!(app.expect("it can be built").local_addr().is_ok());
    assert!(silent.connections() > 0, "it was asked");
}
