//! Files that are written for a program.

use std::{fs, path::Path};

use dogi_testkit::wait;
use tempfile::TempDir;

use crate::support::{command, file, is_there, number, printed, read_until, run, sh};

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

async fn until_empty(directory: &Path) {
    wait::until("the files to be removed", || async {
        is_empty(directory).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_variable_has_the_path() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("echo $PAYLOAD; stat -c %a $PAYLOAD; cat $PAYLOAD $OTHER");
    spec.files = vec![
        file("PAYLOAD", b"{\"a\":1}\n", place.path()),
        file("OTHER", b"other\0\xff", place.path()),
    ];
    let running = spec.spawn().await.unwrap();
    let (output, _) = running.collect(1000).await.unwrap();
    // It is gone when the end is told.
    assert!(is_empty(place.path()));
    let mut lines = output.bytes.split(|byte| *byte == b'\n');
    let path = Path::new(std::str::from_utf8(lines.next().unwrap()).unwrap());
    assert_eq!(path.parent(), Some(place.path()));
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("PAYLOAD") && name.len() >= "PAYLOAD".len() + 6,
        "{name}"
    );
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest, [&b"600"[..], b"{\"a\":1}", b"other\0\xff"]);
}

#[tokio::test]
async fn names_that_are_no_file_names() {
    let place = TempDir::new().unwrap();
    let long = "L".repeat(1000);
    for variable in ["A/../B", ".", "*", long.as_str()] {
        let mut spec = command("env", []);
        spec.environment.clear();
        spec.files = vec![file(variable, b"x", place.path())];
        let printed = printed(spec).await;
        let begin = format!("{variable}={}/", place.path().display());
        assert!(printed.starts_with(&begin), "{printed}");
        assert!(!printed[begin.len()..].contains('/'), "{printed}");
    }
    assert!(is_empty(place.path()));
}

#[tokio::test]
async fn a_relative_directory_becomes_an_absolute_path() {
    let here = std::env::current_dir().unwrap();
    let place = TempDir::new_in(&here).unwrap();
    let relative = Path::new(place.path().file_name().unwrap());
    let mut spec = sh("cat $FILE");
    spec.working_directory = Some("/".into());
    spec.files = vec![file("FILE", b"found", relative)];
    assert_eq!(printed(spec).await, "found");
}

#[tokio::test]
async fn a_file_wins_over_a_variable() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("cat $FILE");
    spec.environment.push(("FILE".into(), "/missing".into()));
    spec.files = vec![
        file("FILE", b"first", place.path()),
        file("FILE", b"second", place.path()),
    ];
    assert_eq!(printed(spec).await, "second");
    assert!(is_empty(place.path()));
}

#[tokio::test]
async fn they_go_when_the_program_removed_them_itself() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("rm $FILE && echo removed");
    spec.files = vec![file("FILE", b"x", place.path())];
    assert_eq!(printed(spec).await, "removed\n");
}

#[tokio::test]
async fn they_go_with_a_dropped_program() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("cat $FILE; exec sleep 1000");
    spec.files = vec![file("FILE", b"x\n", place.path())];
    let mut running = spec.spawn().await.unwrap();
    read_until(&mut running.output, "x\n").await;
    assert!(!is_empty(place.path()));
    drop(running);
    until_empty(place.path()).await;
}

#[tokio::test]
async fn they_go_when_nothing_is_started() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("true");
    spec.files = vec![
        file("FILE", b"x", place.path()),
        file("BAD", b"x", Path::new("/missing")),
    ];
    assert!(spec.spawn().await.is_err());
    assert!(is_empty(place.path()));

    let mut spec = sh("true");
    spec.environment
        .push(("BIG".into(), "x".repeat(300_000).into()));
    spec.files = vec![file("FILE", b"x", place.path())];
    assert!(spec.spawn().await.is_err());
    assert!(is_empty(place.path()));
}

#[tokio::test]
async fn they_go_when_starting_is_given_up() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("true");
    spec.files = vec![file("FILE", &[b'x'; 1 << 20], place.path())];
    let mut starting = Box::pin(spec.spawn());
    // Usually the file is being written now; a fast pool may be done with it.
    drop(futures::poll!(&mut starting));
    drop(starting);
    until_empty(place.path()).await;
}

#[tokio::test]
async fn they_go_with_the_program_and_not_with_what_it_leaves() {
    let place = TempDir::new().unwrap();
    let mut spec = sh("sleep 1000 >/dev/null 2>&1 & echo $!");
    spec.files = vec![file("FILE", b"x", place.path())];
    let mut running = spec.spawn().await.unwrap();
    let left = number(&read_until(&mut running.output, "\n").await);
    assert!(running.wait().await.unwrap().success());
    assert!(is_empty(place.path()) && is_there(left));
    assert!(run(command("kill", [&left.to_string()])).await.1.success());
}
