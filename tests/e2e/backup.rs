//! Backup and restore as docs/operations.md has them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use dogi_testkit::{docker::Context, forges::Kind, proc};

use crate::harness::{Dogi, Repos, Webhooks, cli, encode, wait_until_gone};

fn backup(data: &Path, to: &Path) -> Output {
    let (data, to) = (data.display().to_string(), to.display().to_string());
    cli(&[("DATA_DIR", &data)], &["backup", &to])
}

#[track_caller]
fn backed_up(data: &Path, to: &Path) {
    let output = backup(data, to);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    assert!(out.starts_with(&format!("{}: ", to.display())), "{out}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("it is there");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("read"))).collect();
    names.sort();
    names
}

/// The restore, as it is documented. (What an earlier one put aside goes.)
fn restore(from: &Path, data: &Path) {
    let old = PathBuf::from(format!("{}.old", data.display()));
    for command in [
        Command::new("rm").arg("-rf").arg(&old),
        Command::new("mv").args([data, &old]),
        Command::new("cp").arg("-a").args([from, data]),
    ] {
        proc::run(command, "coreutils").expect("it works");
    }
}

#[tokio::test]
async fn a_backup_of_a_working_server_is_restored_into_a_fresh_directory() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::start().await;
    let (data, id) = (dogi.data_dir(), dogi.server_id());
    let backups = tempfile::tempdir().expect("a temporary directory");
    let script = encode("echo told; echo kept > /data");
    let run = format!("{path}?action=run&output=status&tty=false&file_data=/data&bashc={script}");
    let over = dogi.get(&format!("{run}&id=over")).await.json();
    assert_eq!(over["state"], "succeeded", "{over:#}");
    let over = over["run"].as_str().expect("an id");
    let script = encode("echo begun; while ! test -e /go; do sleep 0.1; done; echo ended");
    let mut on = dogi
        .open(&format!("{path}?action=run&id=on&tty=false&bashc={script}"))
        .await;
    let mut seen = String::new();
    while !seen.contains("begun\n") {
        let chunk = on.chunk().await.expect("it streams").expect("it goes on");
        seen.push_str(&text(&chunk));
    }

    let [first, second] = ["first", "second"].map(|name| backups.path().join(name));
    backed_up(&data, &first);
    let again = backup(&data, &first);
    assert_eq!(again.status.code(), Some(64));
    let told = text(&again.stderr);
    assert!(told.contains("a backup overwrites nothing"), "{told}");
    backed_up(&data, &second);
    let after = dogi.get(&format!("{run}&id=after")).await.json();
    let after = after["run"].as_str().expect("an id");
    assert_eq!(names(backups.path()), ["first", "second"]);
    assert_eq!(
        names(&second),
        ["deliveries", "dogi.db", "runs", "server-id"]
    );

    dogi.kill();
    drop(on);
    restore(&second, &data);
    dogi.restart().await;
    assert_eq!(dogi.server_id(), id);
    assert_eq!((mode(&data), mode(&data.join("dogi.db"))), (0o700, 0o600));
    let history = dogi.get("/runs").await.json();
    let history: Vec<_> = history["runs"].as_array().expect("runs").iter().collect();
    let ids: Vec<_> = history.iter().map(|run| &run["id"]).collect();
    assert_eq!(ids, ["on", "over"], "the newest first");
    assert_eq!(dogi.get(&format!("/runs/{after}")).await.status, 404);
    let log = dogi.get(&format!("/runs/{over}/log")).await.text();
    assert!(log.ends_with("\ntold\n"), "{log}");
    let file = dogi.get(&format!("/runs/{over}/file_data")).await;
    assert_eq!(file.text(), "kept\n");

    // What was under way is taken up: here its container is still there.
    let aborted = dogi.get(&format!("{path}?action=abort&id=on")).await.json();
    assert_eq!(aborted["state"], "aborted", "{aborted:#}");
    let log = dogi.get(&format!("{path}?id=on&output_type=async")).await;
    assert_eq!(log.text().matches("begun\n").count(), 1, "{}", log.text());
    wait_until_gone(&dogi.namespace).await;

    // Nobody works there: the same way.
    assert_eq!(dogi.terminate().await, Some(0));
    let third = backups.path().join("third");
    backed_up(&data, &third);
    restore(&third, &data);
    dogi.restart().await;
    let file = dogi.get(&format!("/runs/{over}/file_data")).await;
    assert_eq!(file.text(), "kept\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_known_after_a_restore() {
    let repo = Context::bash("").and_then(|context| context.repo());
    let rule = "    run: {dockerfile: Dockerfile, cmd: [/bin/bash, -c, 'echo done']}\n";
    let mut place = Webhooks::start(Kind::GitHub, repo.expect("git works"), rule).await;
    let push = place.push("main");
    let first = place.github("push", "first", &push).await.json();
    let run = first["run"].as_str().expect("a run").to_owned();
    place.ended(&run).await;
    let backups = tempfile::tempdir().expect("a temporary directory");
    let (data, to) = (place.dogi.data_dir(), backups.path().join("to"));
    backed_up(&data, &to);
    // As one that was sent while the backup was made: its request is there, it is not on record.
    fs::write(to.join("deliveries/0later"), "half of it").expect("written");
    let later = place.github("push", "later", &push).await.json();
    place.ended(later["run"].as_str().expect("a run")).await;

    place.dogi.kill();
    restore(&to, &data);
    place.dogi.restart().await;
    let list = place.dogi.get("/deliveries").await.json();
    let list = list["deliveries"].as_array().expect("deliveries");
    let [delivery] = &list[..] else {
        panic!("{list:#?}");
    };
    assert_eq!(
        (&delivery["delivery"], &delivery["run"]),
        (&"first".into(), &first["run"])
    );
    let id = delivery["id"].as_str().expect("an id");
    let kept = data.join("deliveries");
    assert_eq!(names(&kept), [id]);
    assert_eq!((mode(&kept), mode(&kept.join(id))), (0o700, 0o600));
    let again = place.github("push", "first", &push).await;
    assert_eq!((again.status, &again.json()["run"]), (202, &first["run"]));
    let replay = format!("/deliveries/{id}/replay");
    let replayed = place.dogi.ask(place.dogi.request("POST", &replay)).await;
    assert_eq!(replayed.status, 202, "{}", replayed.text());
    let replayed = replayed.json();
    assert_ne!(replayed["run"], first["run"]);
    let status = place.ended(replayed["run"].as_str().expect("a run")).await;
    assert_eq!(status["state"], "succeeded", "{status:#}");
}

#[test]
fn what_can_t_be_backed_up_is_told_and_nothing_is_left() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (missing, data) = (place.path().join("missing"), place.path().join("data"));
    fs::create_dir(&data).expect("made");
    fs::write(data.join("dogi.db"), "no database").expect("written");
    let to = place.path().join("to");
    for (data, to, code, told) in [
        (&missing, to.clone(), 69, "no dogi has worked in"),
        (&data, to.clone(), 69, "could not write the backup"),
        (&data, data.join("to"), 64, "is within"),
        (&data, place.path().join("none/to"), 69, "cannot find"),
        (&data, place.path().join(".."), 64, "can't be the name"),
    ] {
        let output = backup(data, &to);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(told), "{err}");
    }
    assert_eq!(names(place.path()), ["data"]);
    assert_eq!(names(&data), ["dogi.db"]);
}
