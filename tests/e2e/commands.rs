//! The commands, as processes: `dogi run`, `dogi tail`, the signals of `dogi serve`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use dogi_testkit::docker::Context;
use dogi_testkit::proc::{self, Process};
use dogi_testkit::wait;
use tempfile::TempDir;

use crate::harness::{Dogi, Image, PROGRAM, Repos, cli, containers, encode, wait_until_gone};

/// A directory for `dogi run`, and a namespace that no other test has.
struct Home {
    data: TempDir,
    namespace: String,
}

impl Home {
    fn new(name: &str) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        Self {
            data,
            namespace: format!("e2e{}run{name}", std::process::id()),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("run")
            .args(args)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", self.data.path())
            .env("DATA_DIR", self.data.path().join("data"))
            .env("NAMESPACE", &self.namespace)
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("no panic")
            .expect("dogi can be started")
    }

    /// What runs have left: nothing but mirrors, and the name of this installation.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.data.path().join("data/once")).expect("a directory");
        entries
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name != "server-id")
            .collect()
    }
}

fn checkout(more_dockerfile: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    Context::bash(more_dockerfile)
        .and_then(|context| context.write_to(directory.path()))
        .expect("busybox is installed");
    directory
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test]
async fn a_checkout_runs_as_it_is_on_disk() {
    let home = Home::new("checkout");
    let directory = checkout("COPY note /note\n");
    std::fs::write(directory.path().join("note"), "not committed\n").expect("written");
    let script = "cat /note; echo problem >&2; echo to file > /data; printf last; exit 3";
    let directory = utf8(directory.path());
    let output = home.run(&[directory, "--bashc", script]).await;
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "not committed\nlast");
    let err = text(&output.stderr);
    assert!(
        err.contains("problem\n") && err.contains("COPY note"),
        "{err}"
    );
    assert!(
        err.ends_with("dogi: Execution failed with code 3\n"),
        "{err}"
    );

    let file = ["--quiet", "--file", "data=/data", "--output", "file_data"];
    let output = home
        .run(&[&[directory, "--bashc", script], &file[..]].concat())
        .await;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "to file\n");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(home.left(), [""; 0]);
    wait_until_gone(&home.namespace).await;
}

#[tokio::test]
async fn a_url_runs_at_a_ref_and_failures_have_their_code() {
    let mut repos = Repos::start().await;
    repos.add("demo.git", "CMD [\"echo\", \"old\"]\n");
    let repo = repos.repo(0);
    repo.tag("v1").expect("a tag");
    repo.write("Dockerfile", "FROM broken syntax here\n")
        .expect("written");
    repo.commit("Break it").expect("committed");
    let url = repos.server.url("demo.git");
    let home = Home::new("url");
    let good = home.run(&[&url, "--ref", "v1"]).await;
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    assert_eq!(text(&good.stdout), "old\n");
    let cases = [
        (vec![url.as_str()], 125, "Dockerfile"),
        (vec![url.as_str(), "--ref", "nope"], 125, "nope"),
        (
            vec![url.as_str(), "--ref", "v1", "--cmd", "/no/program"],
            125,
            "/no/program",
        ),
        (
            vec![
                url.as_str(),
                "--ref",
                "v1",
                "--cmd",
                "sleep 60",
                "--timeout",
                "1s",
            ],
            124,
            "1s",
        ),
        (
            vec![url.as_str(), "--cmd", "a", "--bashc", "b"],
            64,
            "--bashc",
        ),
        (vec!["https://user:secret@github.com/o/r.git"], 64, "REPO"),
    ];
    for (args, code, wanted) in cases {
        let quiet = home.run(&[&args[..], &["--quiet"]].concat()).await;
        let err = text(&quiet.stderr);
        assert_eq!(quiet.status.code(), Some(code), "{args:?}: {err}");
        assert!(
            err.contains(wanted) && !err.contains("secret@"),
            "{args:?}: {err}"
        );
    }
    assert_eq!(home.left(), [""; 0]);
    wait_until_gone(&home.namespace).await;
}

fn send(signal: &str, process: u32) {
    let mut command = Command::new("kill");
    proc::run(command.args([signal, &process.to_string()]), "procps").expect("kill works");
}

#[tokio::test]
async fn an_interrupt_stops_the_container_first() {
    let home = Home::new("interrupt");
    let directory = checkout("CMD [\"sleep\", \"600\"]\n");
    let mut child = home
        .command(&[utf8(directory.path())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("dogi can be started");
    wait::until("the container", || async {
        (!containers(&home.namespace).is_empty()).then_some(())
    })
    .await
    .expect("it starts");
    send("-INT", child.id());
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .expect("no panic");
    assert_eq!(status.expect("it ends").code(), Some(130));
    assert_eq!(containers(&home.namespace), [""; 0], "gone before dogi is");
    assert_eq!(home.left(), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_run_left_is_removed_by_the_next_one() {
    let home = Home::new("killed");
    let directory = checkout("CMD [\"sleep\", \"600\"]\n");
    let directory = utf8(directory.path());
    let mut command = home.command(&[directory]);
    let mut process = Process::spawn(&mut command, "none: it is dogi itself").expect("it starts");
    wait::until("the container", || async {
        (!containers(&home.namespace).is_empty()).then_some(())
    })
    .await
    .expect("it starts");
    process.kill();
    assert_eq!(home.left().len(), 1);
    let next = home.run(&[directory, "--cmd", "true"]).await;
    assert_eq!(next.status.code(), Some(0), "{}", text(&next.stderr));
    assert_eq!(home.left(), [""; 0]);
    wait_until_gone(&home.namespace).await;
}

#[tokio::test]
async fn a_terminated_server_leaves_containers_running_and_a_second_signal_ends_it_at_once() {
    let (_repos, path) = Repos::one("").await;
    let mut dogi = Dogi::with(&[("BYPASS_SIGNATURES", "true"), ("STOP_GRACE", "1h")]).await;
    let script = encode("echo begun; sleep 600");
    let mut running = dogi
        .open(&format!(
            "{path}?action=run&attach=1&tty=false&bashc={script}"
        ))
        .await;
    while !text(
        &running
            .chunk()
            .await
            .expect("it streams")
            .expect("not over"),
    )
    .contains("begun")
    {}
    send("-TERM", dogi.process.id());
    wait::until("the listener to close", || async {
        tokio::net::TcpStream::connect(dogi.address)
            .await
            .is_err()
            .then_some(())
    })
    .await
    .expect("it stops accepting");
    assert!(dogi.process.is_running(), "the response may finish");
    send("-TERM", dogi.process.id());
    let mut stopped = false;
    wait::until("the process to end", || {
        stopped = stopped || !dogi.process.is_running();
        let stopped = stopped;
        async move { stopped.then_some(()) }
    })
    .await
    .expect("the second signal ends it");
    let left = containers(&dogi.namespace);
    assert_eq!(left.len(), 1, "it goes on");
    let mut remove = Command::new("docker");
    proc::run(remove.args(["rm", "--force"]).args(left), "docker.io").expect("removed");
}

#[tokio::test]
async fn options_are_what_parameters_are_in_a_url() {
    let (repos, _) = Repos::one("").await;
    let url = repos.server.url("demo.git");
    let arguments = [
        "run",
        &url,
        "--env",
        "GREETING=hello there",
        "--file",
        "data=/data",
        "--output",
        "file_data",
        "--quiet",
        "--bashc",
        "echo $GREETING > /data",
    ];
    let output = cli(&[("EGRESS_ALLOW", "loopback")], &arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello there\n");
}

#[tokio::test]
async fn a_commit_of_a_checkout_runs_as_it_was_committed() {
    let context = Context::busybox("COPY text /text\nCMD [\"cat\", \"/text\"]\n").expect("busybox");
    let repo = context
        .file("text", "committed\n")
        .repo()
        .expect("git works");
    repo.write("text", "not committed\n").expect("written");
    let path = repo.path().display().to_string();
    let committed = cli(&[], &["run", &path, "--quiet", "--ref", "main"]);
    assert_eq!(
        String::from_utf8_lossy(&committed.stdout).trim_end(),
        "committed",
        "{committed:?}"
    );
}

#[tokio::test]
async fn tail_prints_an_output_and_exits_with_the_jobs_code() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let url = dogi.url(&format!(
        "{path}?action=run&tty=false&bashc=echo+tailed;+exit+5"
    ));
    let output = tokio::task::spawn_blocking(move || cli(&[], &["tail", &url])).await;
    let output = output.expect("it does not panic");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).ends_with("tailed\n"),
        "{output:?}"
    );
}

#[test]
fn help_names_every_command() {
    let help = cli(&[], &["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8_lossy(&help.stdout);
    for command in ["serve", "run", "tail", "sign", "check"] {
        assert!(help.contains(command), "{command}: {help}");
    }
}

#[test]
fn check_explains_what_a_delivery_would_start() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let config = write(
        "dogi.yaml",
        "webhooks: {github: {secret: {env: HOOK_SECRET}}}
repos:
  - match: github.com/acme/*
    on: {push: {branches: [main]}}
    run: {image: 'busybox:1', cmd: echo hello}
",
    );
    let payload = |branch: &str| {
        let (before, after) = ("1".repeat(40), "2".repeat(40));
        format!(
            r#"{{"ref": "refs/heads/{branch}", "before": "{before}", "after": "{after}",
                "repository": {{"full_name": "acme/app", "clone_url": "https://github.com/acme/app.git"}}}}"#
        )
    };
    for (branch, wanted) in [
        (
            "main",
            "dogi/image: runs [\"echo\", \"hello\"] in busybox:1",
        ),
        (
            "dev",
            "line 3: not wanted: the branch \"dev\" is not among `branches`: main",
        ),
    ] {
        let payload = write("push.json", &payload(branch));
        let output = cli(
            &[("HOOK_SECRET", "very secret")],
            &[
                "check",
                "--config",
                &config,
                "--event",
                "push",
                "--payload",
                &payload,
            ],
        );
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains(wanted), "wanted {wanted}, got {said}");
    }
    let output = cli(&[], &["check", "--config", &config]);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("dogi.yaml:1: webhooks.github.secret.env: $HOOK_SECRET is not set"),
        "{said}"
    );
}

#[tokio::test]
async fn a_graph_runs_from_a_checkout_with_variables_of_the_terminal() {
    let image = Image::build("rungraph", "", &[]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let graph = r#"
mine:
  img: IMG
  env: [colour, size]
  vol: code
  run: echo "$COLOUR $SIZE"; cat code/note
other:
  img: IMG
  env: mine
  run: echo "[$MINE] [$COLOUR]" >&2; exit 5
"#;
    let graph = graph.replace("IMG", &image.name);
    std::fs::write(directory.path().join("x.graphci.yaml"), graph).expect("written");
    std::fs::write(directory.path().join("note"), "not committed\n").expect("written");
    let home = Home::new("graph");
    let run = |args: &[&str]| {
        let mut command = home.command(&[&[utf8(directory.path())], args].concat());
        command.env("COLOUR", "red");
        tokio::task::spawn_blocking(move || command.output())
    };
    let output = run(&["--pipeline", "other", "--env", "SIZE=big"]).await;
    let output = output.expect("no panic").expect("dogi can be started");
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert_eq!(out, "mine | red big\nmine | not committed\n");
    let err = text(&output.stderr);
    assert!(
        err.contains("other | [red big\nother | not committed] []\n"),
        "{err}"
    );
    assert!(
        err.contains("node other: Execution failed with code 5"),
        "{err}"
    );

    let one = [
        "--quiet",
        "--pipeline",
        "mine",
        "--output",
        "node_mine",
        "--env",
        "SIZE=big",
    ];
    let output = run(&one)
        .await
        .expect("no panic")
        .expect("dogi can be started");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "red big\nnot committed\n");
    assert_eq!(text(&output.stderr), "");

    let output = run(&["--pipeline", "mine"]).await;
    let output = output.expect("no panic").expect("dogi can be started");
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("SIZE"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(home.left(), [""; 0]);
    wait_until_gone(&home.namespace).await;
}
