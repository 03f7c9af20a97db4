//! A Docker engine of the test's own.

use std::process::Command;

use dogi_testkit::{docker::Context, engine::Engine, proc};

fn docker(engine: &Engine, arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.args(["--host", &engine.host()]).args(arguments);
    let printed = proc::run(&mut command, "docker.io").expect("docker works");
    String::from_utf8_lossy(&printed).trim().to_owned()
}

#[tokio::test]
async fn containers_outlive_the_daemon_only_with_live_restore() {
    for live_restore in [true, false] {
        let mut engine = Engine::start(live_restore).await.expect("it starts");
        let context = tempfile::tempdir().expect("a directory");
        let files = Context::busybox("RUN echo built\n").expect("busybox is installed");
        files.write_to(context.path()).expect("written");
        let path = context.path().display().to_string();
        docker(&engine, &["build", "--quiet", "--tag", "bb", &path]);
        docker(
            &engine,
            &[
                "run", "--detach", "--name", "it", "--init", "bb", "sleep", "600",
            ],
        );
        engine.stop().await.expect("it stops");
        engine.start_again().await.expect("it starts again");
        let running = docker(&engine, &["ps", "--quiet", "--filter", "name=it"]);
        assert_eq!(!running.is_empty(), live_restore);
    }
}
