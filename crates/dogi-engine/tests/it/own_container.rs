//! What a process in a container finds out about it, with a real engine.

use std::{path::Path, process::Command};

use dogi_compose::{Shared, container_ids};
use dogi_docker::{ContainerId, Docker, Endpoint};
use dogi_testkit::{docker::Context, proc};

fn docker(words: &[&str]) -> String {
    let output = proc::run(Command::new("docker").args(words), "docker.io").expect("it works");
    String::from_utf8(output).expect("UTF-8").trim().to_owned()
}

/// An image and a container, which go with it.
struct Made {
    image: String,
    container: String,
}

impl Made {
    /// Of a program that says what `/proc` says, with these mounts.
    fn with(mounts: &[&str]) -> Self {
        let context = tempfile::tempdir().expect("a directory");
        // Nobody else's image is made of it, so that it can go.
        let own = format!("LABEL dogi.test={}\n", std::process::id());
        let busybox = Context::busybox(&own).expect("busybox is installed");
        busybox.write_to(context.path()).expect("written");
        let image = docker(&["build", "--quiet", &context.path().display().to_string()]);
        let mut words = vec!["create"];
        words.extend(mounts.iter().flat_map(|mount| ["--volume", *mount]));
        let tell = "cat /proc/self/mountinfo; echo ---; cat /proc/self/cgroup; echo ---; \
                    cat /proc/sys/kernel/hostname";
        words.extend(["--", &image, "/bin/sh", "-c", tell]);
        let container = docker(&words);
        Self { image, container }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", "--", &self.container]);
        docker(&["image", "rm", "--force", "--", &self.image]);
    }
}

#[tokio::test]
async fn a_directory_of_a_container_is_found_on_the_engines_machine() {
    let host = tempfile::tempdir().expect("a directory");
    let host = host.path().canonicalize().expect("it is there");
    let bind = format!("{}:/data", host.display());
    let made = Made::with(&[&bind, "/volume"]);
    let told = docker(&["start", "--attach", "--", &made.container]);
    let parts: Vec<&str> = told.split("---\n").collect();
    let [mountinfo, cgroup, hostname] = parts[..] else {
        panic!("{told}");
    };
    let ids = container_ids(mountinfo, cgroup, hostname);
    assert_eq!(ids.first(), Some(&made.container), "{told}");
    let engine = Docker::connect(&Endpoint::default()).expect("the endpoint is fine");
    let id = ContainerId::parse(&ids[0]).expect("an id");
    let mounts = engine.mounts(&id).await.expect("it is there");
    let seen = |here: &str| {
        let shared = Shared::of_container(Path::new(here), mountinfo, &mounts);
        shared.map(|shared| shared.there)
    };
    assert_eq!(seen("/data"), Some(host.clone()), "{mountinfo}");
    assert_eq!(seen("/data/dogi"), Some(host.join("dogi")));
    let volume = seen("/volume/x").expect("it is a mount");
    assert!(volume.ends_with("_data/x"), "{}", volume.display());
    assert_eq!(seen("/elsewhere"), None);

    let gone = ContainerId::parse(&"0".repeat(64)).expect("an id");
    assert!(
        engine
            .mounts(&gone)
            .await
            .is_err_and(|error| error.is_not_found())
    );
}
