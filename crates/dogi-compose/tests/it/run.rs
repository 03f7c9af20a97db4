//! On a real engine.

use std::fs;

use dogi_command::Status;
use dogi_compose::ComposeError;

use crate::support::{Lab, docker, project, service};

const SERVED: &str = r#"
version: "3.7"
services:
  db:
    build: img
    container_name: the-only-db
    restart: always
    ports: ["127.0.0.1:47811:80"]
    volumes: ["data:/data"]
    networks: [back]
    command: ["sh", "-c", "echo ${WHO} > /data/who; trap exit TERM; sleep 600 & wait"]
  tests:
    build: img
    depends_on: [db]
    volumes: ["data:/data"]
    networks: [back]
    command: ["sh", "-c", "until test -s /data/who; do sleep 0.1; done; echo I see $$(cat /data/who); exit ${CODE}"]
networks:
  back: {name: the-only-network}
volumes:
  data: {name: the-only-volume}
"#;

fn lab(who: &str, code: &str) -> Lab {
    let mut lab = Lab::new(SERVED);
    lab.project.environment.insert("WHO".into(), who.into());
    lab.project.environment.insert("CODE".into(), code.into());
    lab
}

#[tokio::test]
async fn tests_pass_and_nothing_is_published() {
    let lab = lab("me", "0");
    let (outcome, log) = lab.run(service("tests")).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}\n{log}"));
    assert!(outcome.tests.success(), "{log}");
    assert!(log.contains("I see me"), "{log}");

    let label = format!("label=com.docker.compose.project={}", lab.name());
    let db = docker(&["container", "ls", "--quiet", "--filter", &label]);
    assert_eq!(db.lines().count(), 1, "{db}");
    let format = "{{json .HostConfig.PortBindings}} {{.HostConfig.RestartPolicy.Name}} \
                  {{.HostConfig.PidsLimit}} {{.HostConfig.SecurityOpt}} \
                  {{index .Config.Labels \"dogi.test\"}}";
    assert_eq!(
        docker(&["container", "inspect", "--format", format, &db]),
        "{} no 4096 [no-new-privileges:true] compose $x"
    );
    for kind in ["network", "volume"] {
        let both = ["--filter", &label, "--filter", "label=dogi.test=compose $x"];
        let list = [&[kind, "ls", "--quiet"], &both[..]].concat();
        assert_eq!(docker(&list).lines().count(), 1, "{kind}");
    }
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
    // Nothing is left to take down, which is no error.
    lab.down().await;
}

#[tokio::test]
async fn the_exit_code_of_the_tests_is_the_result() {
    let lab = lab("me", "3");
    let (outcome, log) = lab.run(service("tests")).await;
    assert_eq!(outcome.unwrap().tests.status, Status::Code(3), "{log}");
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn two_projects_of_one_file_do_not_meet() {
    let first = lab("first", "0");
    let mut other = project(first.dir.path(), "other");
    other.environment = first.project.environment.clone();
    other.environment.insert("WHO".into(), "second".into());
    let second = Lab::of(tempfile::tempdir().unwrap(), other);
    let (one, two) = tokio::join!(first.run(service("tests")), second.run(service("tests")));
    assert!(one.0.unwrap().tests.success());
    assert!(two.0.unwrap().tests.success());
    assert!(
        one.1.contains("I see first") && !one.1.contains("second"),
        "{}",
        one.1
    );
    assert!(
        two.1.contains("I see second") && !two.1.contains("I see first"),
        "{}",
        two.1
    );
    first.down().await;
    assert_eq!(first.left(), [""; 0]);
    assert!(second.left().len() > 2, "it goes on");
    second.down().await;
    assert_eq!(second.left(), [""; 0]);
}

#[tokio::test]
async fn a_bind_inside_the_checkout() {
    let lab = Lab::new(
        "services:\n  tests:\n    build: img\n    volumes: ['./data:/data']\n    \
         command: ['sh', '-c', 'cat /data/in > /data/out']\n",
    );
    lab.write("data/in", "both ways");
    let (outcome, log) = lab.run(service("tests")).await;
    assert!(outcome.unwrap().tests.success(), "{log}");
    let out = fs::read_to_string(lab.checkout().join("data/out")).unwrap();
    assert_eq!(out, "both ways");
    lab.down().await;
}

#[tokio::test]
async fn a_service_of_a_profile_is_built_and_can_be_the_tests() {
    let lab = Lab::new(
        "services:\n  tests: {build: img, profiles: [ci], command: [echo, in a profile]}\n  \
         other: {build: img, profiles: [dev], command: [echo, never]}\n",
    );
    let (outcome, log) = lab.run(service("tests")).await;
    assert!(outcome.unwrap().tests.success(), "{log}");
    assert!(log.contains("in a profile"), "{log}");
    lab.down().await;
    assert_eq!(lab.left(), [""; 0]);
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    let lab = lab("me", "0");
    let (outcome, _) = lab.run(service("test")).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, ComposeError::Service { .. }));
    assert!(
        error
            .to_string()
            .ends_with("has no service \"test\"; it has: db, tests"),
        "{error}"
    );
}

#[tokio::test]
async fn a_build_that_fails_names_the_step() {
    let lab = Lab::new("services:\n  tests:\n    build: bad\n");
    lab.write("bad/Dockerfile", "FROM scratch\nCOPY nothing /\n");
    let (outcome, log) = lab.run(service("tests")).await;
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.contains("docker-compose build") || error.contains("docker compose build"),
        "{error}"
    );
    assert!(log.contains("nothing"), "{log}");
    lab.down().await;
}
