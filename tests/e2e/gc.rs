//! `dogi gc`, with and without a server.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command, process::Output};

use dogi_testkit::proc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::harness::{Dogi, Repos, cli, encode, wait_until_gone};

fn gc(data: &Path, more: &[(&str, &str)], arguments: &[&str]) -> Output {
    let data = data.display().to_string();
    let mut variables = vec![("DATA_DIR", data.as_str())];
    variables.extend(more);
    cli(&variables, &[&["gc"], arguments].concat())
}

/// What was printed; it must have gone well.
fn told(output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines of the table, as kind and what.
fn rows(printed: &str) -> Vec<(String, String)> {
    let kinds = ["mirrors", "images", "runs", "leftovers"];
    let row = |line: &str| {
        let kind = line.split_whitespace().next()?.to_owned();
        let what = line.rsplit("  ").next()?.trim().to_owned();
        kinds.contains(&kind.as_str()).then_some((kind, what))
    };
    printed.lines().filter_map(row).collect()
}

fn kinds(printed: &str) -> Vec<String> {
    let mut kinds: Vec<_> = rows(printed).into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    kinds
}

fn docker(arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.args(arguments);
    text(&proc::run(&mut command, "docker.io").expect("docker works"))
}

fn has_image(id: &str) -> bool {
    let listed = docker(&["images", "--all", "--no-trunc", "--quiet"]);
    listed.lines().any(|line| line == id)
}

fn directories(path: &Path) -> usize {
    let entries = std::fs::read_dir(path).expect("it is there");
    let directories = entries.filter(|entry| entry.as_ref().is_ok_and(|one| one.path().is_dir()));
    directories.count()
}

#[tokio::test]
async fn a_running_server_is_asked_and_what_is_in_use_stays() {
    let mut repos = Repos::start().await;
    // An image that no other test builds.
    let unique = format!("ENV UNIQUE={}\n", std::process::id());
    let path = repos.add("demo.git", &format!("{unique}RUN echo served > /served\n"));
    let dogi = Dogi::start().await;
    let data = dogi.data.path().join("data");
    let mode = std::fs::metadata(data.join("control.sock"))
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let over = dogi
        .get(&format!("{path}?action=run&id=over&output=status&cmd=true"))
        .await
        .json();
    let image = over["image"].as_str().expect("an image").to_owned();
    let finished = over["run"].as_str().expect("an id").to_owned();
    let script = encode("echo begun; sleep 600");
    let mut running = dogi
        .open(&format!("{path}?action=run&id=on&tty=false&bashc={script}"))
        .await;
    while let Some(chunk) = running.chunk().await.expect("it is open") {
        if text(&chunk).contains("begun") {
            break;
        }
    }
    assert!(has_image(&image));
    let nothing = told(&gc(&data, &[], &["--dry-run"]));
    assert_eq!(
        nothing, "would free 0 B (0 things)\n",
        "all is within the budgets"
    );

    let dry = told(&gc(&data, &[], &["--all", "--dry-run"]));
    assert_eq!(kinds(&dry), ["runs"], "{dry}");
    assert!(
        dry.contains(&finished) && dry.contains("would free "),
        "{dry}"
    );
    assert_eq!(dogi.get(&format!("/runs/{finished}")).await.status, 200);
    let all = told(&gc(&data, &[], &["--all"]));
    assert_eq!(rows(&all), rows(&dry));
    assert_eq!(dogi.get(&format!("/runs/{finished}")).await.status, 404);
    assert!(has_image(&image), "a run needs it");

    drop(running);
    let aborted = dogi.get(&format!("{path}?action=abort&id=on")).await;
    assert_eq!(aborted.status, 200, "{}", aborted.text());
    wait_until_gone(&dogi.namespace).await;
    let rest = told(&gc(&data, &[], &["--all"]));
    assert_eq!(kinds(&rest), ["images", "mirrors", "runs"], "{rest}");
    let url = repos.server.url("demo.git");
    assert!(
        rest.contains(&url),
        "a mirror is named by its repository: {rest}"
    );
    assert!(!has_image(&image));
    assert_eq!(directories(&data.join("mirrors")), 0);
    assert_eq!(directories(&data.join("runs")), 0);
    assert_eq!(told(&gc(&data, &[], &["--all"])), "freed 0 B (0 things)\n");

    // All of it comes again.
    let again = dogi
        .get(&format!("{path}?action=run&id=over&output=status&cmd=true"))
        .await;
    assert_eq!(again.status, 200, "{}", again.text());
    told(&gc(&data, &[], &["--all"]));
}

#[tokio::test]
async fn without_a_server_the_command_does_it_also_without_docker() {
    let mut repos = Repos::start().await;
    let unique = format!("ENV UNIQUE={}\n", std::process::id());
    let path = repos.add("demo.git", &format!("{unique}RUN echo alone > /alone\n"));
    let mut dogi = Dogi::start().await;
    let data = dogi.data.path().join("data");
    let over = dogi
        .get(&format!("{path}?action=run&output=status&cmd=true"))
        .await
        .json();
    let image = over["image"].as_str().expect("an image").to_owned();
    dogi.process.kill();

    let server = std::fs::read_to_string(data.join("server-id")).expect("it has a name");
    let volume = format!("leftover{}", std::process::id());
    let label = format!("dogi.server={}", server.trim());
    docker(&["volume", "create", "--label", &label, &volume]);
    std::fs::write(
        data.join("mirrors")
            .join(format!("{}.gone", "0".repeat(40))),
        "half",
    )
    .expect("written");
    let stranger = data.join("runs/01900000000070008000000000000000");
    std::fs::create_dir(&stranger).expect("made");

    let away = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let output = gc(&data, &away, &["--dry-run"]);
    let printed = told(&output);
    assert_eq!(kinds(&printed), ["leftovers", "leftovers"], "{printed}");
    let left_out = text(&output.stderr);
    assert!(
        left_out.contains("left out: cannot list the images"),
        "{left_out}"
    );

    let dry = told(&gc(&data, &[], &["--dry-run"]));
    assert_eq!(
        kinds(&dry),
        ["leftovers", "leftovers", "leftovers"],
        "{dry}"
    );
    assert!(dry.contains(&volume) && stranger.exists(), "{dry}");
    let done = told(&gc(&data, &[("KEEP_MIRROR_BYTES", "1")], &[]));
    assert_eq!(
        kinds(&done),
        ["leftovers", "leftovers", "leftovers", "mirrors"],
        "{done}"
    );
    assert!(!stranger.exists());
    assert!(!docker(&["volume", "ls", "--quiet"]).contains(&volume));
    assert_eq!(directories(&data.join("mirrors")), 0);
    assert!(has_image(&image), "within its budget");

    let all = told(&gc(&data, &[], &["--all"]));
    assert_eq!(kinds(&all), ["images", "runs"], "{all}");
    assert!(!has_image(&image));
}

#[tokio::test]
async fn the_socket_answers_plain_http_and_refuses_what_it_does_not_know() {
    let dogi = Dogi::start().await;
    let socket = dogi.data.path().join("data/control.sock");
    // The port takes connections before all of the server is there; what it answers comes after.
    assert_eq!(dogi.get("/healthz").await.status, 200);
    let ask = async |line: &str| {
        let mut stream = UnixStream::connect(&socket).await.expect("it listens");
        let request = format!("{line} HTTP/1.1\r\nHost: dogi\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    for (line, status) in [
        ("POST /gc?dry_run=true&all=false", "200"),
        ("POST /gc?dry_run=maybe", "400"),
        ("POST /gc?dryrun=true", "400"),
        ("GET /gc", "405"),
        ("POST /runs", "404"),
    ] {
        let answer = ask(line).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
    }
    let answer = ask("POST /gc?dry_run=true").await;
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    let report: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let expected = serde_json::json!({"dry_run": true, "removed": [], "skipped": [], "failed": []});
    assert_eq!(report, expected);
}

#[test]
fn a_server_that_does_not_answer_is_told() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let lock = std::fs::File::create(data.path().join("lock")).expect("a file");
    lock.try_lock().expect("nobody has it");
    let output = gc(data.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(69));
    let told = text(&output.stderr);
    assert!(told.contains("the server does not answer on"), "{told}");
}

#[test]
fn where_no_server_has_worked_nothing_is_made_and_the_directory_is_named() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    for data in [place.path().join("missing/data"), empty] {
        for arguments in [&["--dry-run"][..], &[], &["--all"]] {
            let output = gc(&data, &[], arguments);
            assert_eq!(output.status.code(), Some(69), "{data:?} {arguments:?}");
            let told = text(&output.stderr);
            let expected = format!("no dogi has worked in {} (DATA_DIR)", data.display());
            assert!(told.contains(&expected), "{told}");
            assert_eq!(text(&output.stdout), "");
        }
    }
    let left: Vec<_> = walk(place.path());
    assert_eq!(left, [place.path().join("empty")]);
}

/// Everything below a directory.
fn walk(path: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it is read").path());
    paths
        .flat_map(|path| {
            let below = if path.is_dir() {
                walk(&path)
            } else {
                Vec::new()
            };
            [vec![path], below].concat()
        })
        .collect()
}
