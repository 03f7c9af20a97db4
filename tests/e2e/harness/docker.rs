//! A look into Docker, by its own program.

use std::process::Command;

use dogi_testkit::{proc, wait};

/// The ids of the containers of a namespace, running or not.
pub(crate) fn containers(namespace: &str) -> Vec<String> {
    let filter = format!("label=dogi.namespace={namespace}");
    let mut command = Command::new("docker");
    command.args(["ps", "--all", "--quiet", "--filter", &filter]);
    let ids = proc::run(&mut command, "docker.io").expect("docker ps works");
    String::from_utf8_lossy(&ids)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Waits until no container of a namespace is left.
pub(crate) async fn wait_until_gone(namespace: &str) {
    wait::until("the containers to be gone", || async {
        containers(namespace).is_empty().then_some(())
    })
    .await
    .expect("nothing is left behind");
}
