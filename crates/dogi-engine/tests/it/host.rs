//! Commands as processes of this machine.

use std::ffi::OsString;

use dogi_engine::{
    Engine, EngineConfig,
    adapters::{CommandDetails, FileDetails, HostRunner, Text},
};
use dogi_job::{HostCommand, RunStatus, Spec, State};
use dogi_url::Namespace;

use crate::{fakes::Fake, lives::log_of};

fn text(text: &str) -> Text {
    Text(OsString::from(text))
}

/// A line of shell.
fn shell(line: &str) -> CommandDetails {
    CommandDetails {
        command: text("sh"),
        arguments: vec![text("-c"), text(line)],
        environment: vec![(text("OF_THE_HOOK"), text("a; b"))],
        files: vec![FileDetails {
            variable: text("F"),
            content: Text::from(vec![0xff, b'\n']),
        }],
        working_directory: None,
    }
}

async fn run(details: &CommandDetails) -> (RunStatus, String) {
    let disk = tempfile::tempdir().expect("a directory");
    let path = std::env::var_os("PATH").expect("set where tests run");
    let inherited = [
        (OsString::from("PATH"), path),
        (OsString::from("INHERITED"), OsString::from("yes")),
    ];
    let fake = Fake::new();
    let engine = Engine::builder(EngineConfig::new(disk.path()))
        .source(fake.clone())
        .runner(fake.clone())
        .deliverer(fake)
        .host(HostRunner::new(inherited, disk.path()))
        .build()
        .await
        .expect("an engine");
    let command = HostCommand {
        name: "h".to_owned(),
        running: 1,
        queued: 0,
    };
    let spec = Spec::of_command(&Namespace::default(), command);
    let details = details.to_bytes().expect("JSON");
    let run = engine.submit_command(spec, details).await.expect("taken");
    let status = run.finished().await;
    ((*status).clone(), log_of(&run).await)
}

#[tokio::test]
async fn a_command_gets_what_it_inherits_and_what_is_its_own() {
    let line = "echo $INHERITED $OF_THE_HOOK; od -An -tx1 $F; echo err >&2";
    let (status, log) = run(&shell(line)).await;
    assert_eq!(
        (status.state, status.exit_code),
        (State::Succeeded, Some(0))
    );
    assert_eq!(log, "yes a; b\n ff 0a\nerr\n");
}

#[tokio::test]
async fn how_it_failed_is_told() {
    let (status, _) = run(&shell("exit 5")).await;
    assert_eq!(status.errors, ["Execution failed with code 5"]);
    let (status, _) = run(&shell("kill -KILL $$")).await;
    assert_eq!((status.state, status.exit_code), (State::Failed, Some(137)));
    let missing = CommandDetails {
        command: text("no-such-program-anywhere"),
        ..shell("")
    };
    let (status, log) = run(&missing).await;
    assert_eq!((status.state, status.exit_code), (State::Failed, None));
    assert!(log.contains("no-such-program-anywhere"), "{log}");
}

#[test]
fn details_are_written_without_loss_and_shown_without_values() {
    let details = CommandDetails {
        arguments: vec![
            text("plain"),
            text("{\"hex\": \"00\"}"),
            Text::from(vec![0xff, 0]),
        ],
        ..shell("echo secret")
    };
    let bytes = details.to_bytes().expect("JSON");
    let read: CommandDetails = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(read, details);
    let shown = format!("{:?}", shell("echo secret"));
    assert!(
        !shown.contains("secret") && !shown.contains("a; b"),
        "{shown}"
    );
}
