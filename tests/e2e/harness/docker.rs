//! A look into Docker, by its own program.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use dogi_testkit::{Error, proc, wait};

/// An engine, as its own program sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engine {
    host: Option<String>,
}

impl Engine {
    /// The engine at `host`, as `DOCKER_HOST` names it.
    pub(crate) fn at(host: &str) -> Self {
        Self {
            host: Some(host.to_owned()),
        }
    }

    /// Runs `docker` with these arguments and returns the lines that it printed.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Vec<String> {
        let mut command = self.command(arguments);
        let printed = proc::run(&mut command, "docker.io").expect("docker works");
        let printed = String::from_utf8_lossy(&printed);
        printed.lines().map(str::to_owned).collect()
    }

    /// Builds an image of this name from a directory, with the builder of the Docker CLI. The classic one
    /// fails where an image that it met in its cache is removed at that moment, by another test: then again.
    pub(crate) fn build(&self, name: &str, path: &str) {
        let mut command = self.command(&["build", "--quiet", "--tag", name, path]);
        for _ in 0..20 {
            match proc::run(&mut command, "docker.io") {
                Ok(_) => return,
                Err(Error::Failed { output, .. })
                    if output.contains("unable to find image \"sha256:") => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the image {name} can't be built: its cache is removed again and again");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command.args(["--host", host]);
        }
        command.args(arguments);
        command
    }

    /// The ids of the containers with a label, running or not.
    pub(crate) fn containers(&self, label: &str) -> Vec<String> {
        let filter = format!("label={label}");
        self.docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])
    }

    /// The ids of the containers with a label that run.
    pub(crate) fn running(&self, label: &str) -> Vec<String> {
        let filter = format!("label={label}");
        self.docker(&["ps", "--quiet", "--no-trunc", "--filter", &filter])
    }

    /// A running container's root directory, as the kernel shows it: engine or not.
    pub(crate) fn root(&self, container: &str) -> PathBuf {
        let process = self.docker(&["inspect", "--format", "{{.State.Pid}}", container]);
        PathBuf::from(format!("/proc/{}/root", process[0]))
    }

    /// The volumes of containers; of those that are gone meanwhile, none.
    pub(crate) fn volumes_of(&self, containers: &[String]) -> BTreeSet<String> {
        let volumes = "{{range .Mounts}}{{.Name}} {{end}}";
        let look = |container: &String| {
            let mut command = Command::new("docker");
            if let Some(host) = &self.host {
                command.args(["--host", host]);
            }
            command.args(["inspect", "--format", volumes, container]);
            proc::run(&mut command, "docker.io").unwrap_or_default()
        };
        let names: Vec<_> = containers.iter().map(look).collect();
        names
            .iter()
            .flat_map(|names| {
                let names = String::from_utf8_lossy(names);
                names
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The names of all volumes.
    pub(crate) fn volumes(&self) -> BTreeSet<String> {
        self.docker(&["volume", "ls", "--quiet"])
            .into_iter()
            .collect()
    }

    /// The networks with a label.
    pub(crate) fn networks(&self, label: &str) -> Vec<String> {
        let filter = format!("label={label}");
        self.docker(&["network", "ls", "--quiet", "--filter", &filter])
    }

    /// The images with a label.
    pub(crate) fn images(&self, label: &str) -> BTreeSet<String> {
        let filter = format!("label={label}");
        let images = self.docker(&[
            "images",
            "--all",
            "--quiet",
            "--no-trunc",
            "--filter",
            &filter,
        ]);
        images.into_iter().collect()
    }
}

/// The label of everything that a server of this namespace makes.
pub(crate) fn of_namespace(namespace: &str) -> String {
    format!("dogi.namespace={namespace}")
}

/// The ids of the containers of a namespace, running or not.
pub(crate) fn containers(namespace: &str) -> Vec<String> {
    Engine::default().containers(&of_namespace(namespace))
}

/// Removes the containers of a namespace by force.
pub(crate) fn remove_containers(namespace: &str) {
    for container in containers(namespace) {
        // Whatever removes it meanwhile does the same.
        let _ = Command::new("docker")
            .args(["rm", "--force", "--volumes", &container])
            .output();
    }
}

/// Waits until no container of a namespace is left.
pub(crate) async fn wait_until_gone(namespace: &str) {
    wait::until("the containers to be gone", || async {
        containers(namespace).is_empty().then_some(())
    })
    .await
    .expect("nothing is left behind");
}
