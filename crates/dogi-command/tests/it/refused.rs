//! What is not started, and what the error says.

use std::{error::Error as _, fs::File, os::unix::ffi::OsStringExt as _};

use dogi_command::{CommandSpec, Program, SpawnError};
use tempfile::TempDir;

use crate::support::{command, file, script};

async fn refused(spec: CommandSpec) -> SpawnError {
    spec.spawn().await.expect_err("it must not start")
}

#[tokio::test]
async fn what_the_kernel_would_misread() {
    type Change = fn(&mut CommandSpec);
    let cases: [(Change, &str); 9] = [
        (
            |spec| spec.name = "true\0".into(),
            "argument 0 contains a NUL byte",
        ),
        (
            |spec| spec.arguments = vec!["a".into(), "secret\0b".into()],
            "argument 2 contains a NUL byte",
        ),
        (
            |spec| spec.environment.push(("".into(), "x".into())),
            "variable \"\"",
        ),
        (
            |spec| spec.environment.push(("A=B".into(), "x".into())),
            "variable \"A=B\"",
        ),
        (
            |spec| spec.environment.push(("A\0".into(), "x".into())),
            "variable \"A\\0\"",
        ),
        (
            |spec| spec.environment.push(("A".into(), "secret\0".into())),
            "the value of the environment variable \"A\" contains a NUL byte",
        ),
        (
            |spec| {
                spec.files
                    .push(file("", b"x", std::path::Path::new("/tmp")))
            },
            "variable \"\"",
        ),
        (
            |spec| spec.working_directory = Some("/missing".into()),
            "the working directory \"/missing\" can't be used",
        ),
        (
            |spec| spec.working_directory = Some("/bin/true".into()),
            "the working directory \"/bin/true\" can't be used",
        ),
    ];
    for (change, expected) in cases {
        let mut spec = command("true", []);
        change(&mut spec);
        let error = refused(spec).await.to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn odd_variables_of_a_parent_are_passed_on() {
    let mut spec = command("env", []);
    spec.environment = vec![("=C:".into(), "x".into())];
    assert_eq!(crate::support::printed(spec).await, "=C:=x\n");
}

#[tokio::test]
async fn more_than_the_system_takes() {
    let mut spec = command("true", []);
    spec.environment = vec![("BIG".into(), "x".repeat(300_000).into())];
    spec.arguments = vec!["y".repeat(1000).into()];
    let error = refused(spec).await;
    let SpawnError::TooLong {
        arguments,
        environment,
        longest,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((arguments, environment, longest), (1004, 300_004, 300_004));
}

#[tokio::test]
async fn programs_that_are_none() {
    let place = TempDir::new().unwrap();
    let cases = [
        (
            "no-first-line",
            "echo no shell guesses\n",
            "no script that begins with `#!`",
        ),
        ("no-interpreter", "#!/missing/python\n", "interpreter"),
    ];
    for (name, content, expected) in cases {
        let path = script(place.path(), name, content);
        let program = Program::find(path.as_os_str(), None, "".as_ref()).unwrap();
        let error = refused(CommandSpec::new(program, name)).await.to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_being_written_for_long() {
    let place = TempDir::new().unwrap();
    let path = script(place.path(), "tool", "#!/bin/sh\n");
    let _writer = File::options().append(true).open(&path).unwrap();
    let program = Program::find(path.as_os_str(), None, "".as_ref()).unwrap();
    let error = refused(CommandSpec::new(program, "tool")).await;
    assert!(matches!(error, SpawnError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn a_program_that_has_gone() {
    let place = TempDir::new().unwrap();
    let path = script(place.path(), "tool", "#!/bin/sh\n");
    let program = Program::find(path.as_os_str(), None, "".as_ref()).unwrap();
    drop(place);
    let error = refused(CommandSpec::new(program, "tool")).await;
    assert!(matches!(error, SpawnError::Start { .. }), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_file_that_can_not_be_written() {
    let mut spec = command("true", []);
    let missing = std::path::Path::new("/missing");
    spec.files = vec![file("PAYLOAD", b"secret", missing)];
    let error = refused(spec).await;
    let expected = "the file for the variable \"PAYLOAD\" could not be written in \"/missing\"";
    assert_eq!(error.to_string(), expected);
    let source = error.source().unwrap().to_string();
    assert!(source.contains("No such file"), "{source}");
}

#[tokio::test]
async fn paths_with_a_nul_byte() {
    let mut spec = command("true", []);
    spec.working_directory = Some(std::ffi::OsString::from_vec(b"/tmp\0".to_vec()).into());
    let error = refused(spec).await;
    assert!(
        matches!(error, SpawnError::WorkingDirectory { .. }),
        "{error}"
    );
}
