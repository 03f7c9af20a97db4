//! Files followed in real containers.

use std::time::{Duration, Instant};

use dogi_docker::{
    Container, ContainerSpec, FileEvent, FollowError, FollowStream, Injection, PathKind,
};
use futures::StreamExt;

use crate::support::{Fixture, within};

/// What a reader of the followed files ends up with.
#[derive(Debug, Default)]
struct Seen {
    content: Vec<Vec<u8>>,
    restarts: Vec<usize>,
    kinds: Vec<Option<PathKind>>,
}

impl Seen {
    fn new(files: usize) -> Seen {
        Seen {
            content: vec![Vec::new(); files],
            restarts: vec![0; files],
            kinds: vec![None; files],
        }
    }

    fn take(&mut self, event: FileEvent) {
        match event {
            FileEvent::Data { file, bytes } => {
                assert!(!bytes.is_empty() && bytes.len() <= 64 * 1024);
                self.content[file].extend_from_slice(&bytes);
            }
            FileEvent::Restarted { file } => {
                self.restarts[file] += 1;
                self.content[file].clear();
            }
            FileEvent::NotAFile { file, kind } => {
                assert_ne!(self.kinds[file].replace(kind), Some(kind), "told once");
            }
            FileEvent::Unreadable { .. } => {}
        }
    }

    async fn until(&mut self, stream: &mut FollowStream, what: &str, done: impl Fn(&Seen) -> bool) {
        while !done(self) {
            let event = within(20, what, stream.next()).await;
            self.take(
                event
                    .unwrap_or_else(|| panic!("{what}: ended, {self:?}"))
                    .unwrap(),
            );
        }
    }

    async fn rest(&mut self, stream: &mut FollowStream) {
        while let Some(event) = within(60, "the end of the files", stream.next()).await {
            self.take(event.expect("an event"));
        }
    }

    fn text(&self, file: usize) -> String {
        String::from_utf8_lossy(&self.content[file]).into_owned()
    }
}

struct Job {
    container: Container,
    stream: FollowStream,
    seen: Seen,
    output: dogi_docker::Output,
}

/// Starts a container and follows files in it.
async fn start(fixture: &Fixture, spec: &ContainerSpec, paths: &[&str], inject: bool) -> Job {
    let container = fixture.create(spec).await;
    if inject {
        assert_eq!(container.inject_helper().await.unwrap(), Injection::Ready);
    }
    let output = container.start_attached().await.unwrap().output;
    let files: Vec<_> = paths.iter().copied().enumerate().collect();
    let stream = container.follow(&files).unwrap();
    Job {
        container,
        stream,
        seen: Seen::new(paths.len()),
        output,
    }
}

async fn run(fixture: &Fixture, spec: &ContainerSpec, paths: &[&str], inject: bool) -> Seen {
    let mut job = start(fixture, spec, paths, inject).await;
    job.seen.rest(&mut job.stream).await;
    job.container.remove().await.unwrap();
    job.seen
}

/// Lets a script go on that waits for `/tmp/go`.
async fn go(container: &Container) {
    let go = crate::support::Tar::new()
        .file("tmp/go", 0o644, b"")
        .bytes();
    container
        .upload("/", futures::stream::iter([Ok(go)]))
        .await
        .unwrap();
}

fn user(spec: ContainerSpec, user: &str) -> ContainerSpec {
    ContainerSpec {
        user: Some(user.to_owned()),
        ..spec
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_exits_at_once_loses_nothing() {
    let fixture = Fixture::new().await;
    let runs = futures::stream::iter(0..80).map(|run| {
        let fixture = &fixture;
        async move {
            let newline = if run % 2 == 0 { "\\n" } else { "" };
            let script = format!("printf 'a{run}\\n' > /tmp/f; printf 'last{newline}' >> /tmp/f");
            // With the helper, and by the archive alone.
            let seen = run_with(fixture, &script, run % 4 != 3).await;
            let end = if run % 2 == 0 { "\n" } else { "" };
            assert_eq!(seen.text(0), format!("a{run}\nlast{end}"), "run {run}");
        }
    });
    runs.buffer_unordered(4).collect::<Vec<()>>().await;
}

async fn run_with(fixture: &Fixture, script: &str, inject: bool) -> Seen {
    run(
        fixture,
        &user(fixture.sh(script), "1000"),
        &["/tmp/f"],
        inject,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_which_a_file_changes() {
    let fixture = Fixture::new().await;
    // (script that begins with a pause, and at SEEN waits until something of the first file was
    // seen; paths, final contents, least restarts)
    let cases: &[(&str, &[&str], &[&str], &[usize])] = &[
        (
            "mkdir /tmp/d; sleep 0.1; printf late > /tmp/d/f",
            &["/tmp/d/f"],
            &["late"],
            &[0],
        ),
        (
            "for i in 1 2 3 4 5; do echo $i >> /tmp/f; sleep 0.05; done",
            &["/tmp/f"],
            &["1\n2\n3\n4\n5\n"],
            &[0],
        ),
        (
            "echo a long beginning > /tmp/f; SEEN; echo b > /tmp/f; sleep 0.2; echo c >> /tmp/f",
            &["/tmp/f"],
            &["b\nc\n"],
            &[1],
        ),
        (
            "echo a > /tmp/f; SEEN; echo b > /tmp/g; mv /tmp/g /tmp/f; sleep 0.2; echo c >> /tmp/f",
            &["/tmp/f"],
            &["b\nc\n"],
            &[1],
        ),
        (
            "echo a > /tmp/f; SEEN; echo longer than before > /tmp/f",
            &["/tmp/f"],
            &["longer than before\n"],
            &[1],
        ),
        // Changed at the very end: only the archive can tell.
        (
            "echo a > /tmp/f; SEEN; echo other > /tmp/g; mv /tmp/g /tmp/f",
            &["/tmp/f"],
            &["other\n"],
            &[1],
        ),
        // What was delivered of a file that is gone at the end stays.
        (
            "echo a > /tmp/f; SEEN; rm /tmp/f",
            &["/tmp/f"],
            &["a\n"],
            &[0],
        ),
        (
            "echo 1 > /tmp/a; echo 2 > /tmp/b; sleep 0.1; echo 3 >> /tmp/a",
            &["/tmp/a", "/tmp/b", "/tmp/c"],
            &["1\n3\n", "2\n", ""],
            &[0, 0, 0],
        ),
        (
            "echo in memory > /dev/shm/f; sleep 0.3",
            &["/dev/shm/f"],
            &["in memory\n"],
            &[0],
        ),
        (
            "echo x > /tmp/f; ln -s f /tmp/link; sleep 0.2; echo y >> /tmp/f",
            &["/tmp/link"],
            &["x\ny\n"],
            &[0],
        ),
        (
            "mkdir /tmp/real; ln -s real /tmp/dir; echo x > /tmp/dir/f; sleep 0.1; echo y >> /tmp/real/f",
            &["/tmp/dir/f"],
            &["x\ny\n"],
            &[0],
        ),
        // Links lead nowhere but into the container: the image's passwd, not this machine's.
        (
            "ln -s /etc/passwd /tmp/f; ln -s ../../../../../etc/passwd /tmp/g; sleep 0.1",
            &["/tmp/f", "/tmp/g"],
            &[
                "root:x:0:0::/:/bin/sh\njob:x:1000:1000::/:/bin/sh\n",
                "root:x:0:0::/:/bin/sh\njob:x:1000:1000::/:/bin/sh\n",
            ],
            &[0, 0],
        ),
    ];
    for (script, paths, wanted, restarts) in cases {
        let waits = script.replace("SEEN", "while ! test -e /tmp/go; do sleep 0.02; done");
        let spec = user(fixture.sh(&format!("sleep 0.1; {waits}")), "1000");
        let mut job = start(&fixture, &spec, paths, true).await;
        if waits != *script {
            let first = |seen: &Seen| !seen.content[0].is_empty();
            job.seen.until(&mut job.stream, script, first).await;
            go(&job.container).await;
        }
        job.seen.rest(&mut job.stream).await;
        job.container.remove().await.unwrap();
        let seen = job.seen;
        for (index, wanted) in wanted.iter().enumerate() {
            assert_eq!(seen.text(index), *wanted, "{script}: {}", paths[index]);
            assert!(
                seen.restarts[index] >= restarts[index],
                "{script}: {seen:?}"
            );
            if restarts[index] == 0 {
                assert_eq!(seen.restarts[index], 0, "{script}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_any_user_beside_an_unwritable_parent() {
    let fixture = Fixture::new().await;
    // `/locked` belongs to root; the job may write the one file in it that root has left there.
    let script = "test -w /locked && exit 9; test -w /.dogi && exit 8; \
                  echo mine > /locked/f; while ! test -e /tmp/go; do sleep 0.02; done; echo more >> /locked/f; sleep 0.2; id -u > /tmp/u";
    for uid in ["1000", "12345:54321", "job"] {
        let container = fixture.create(&user(fixture.sh(script), uid)).await;
        let file = crate::support::Tar::new()
            .file("locked/f", 0o666, b"")
            .bytes();
        container
            .upload("/", futures::stream::iter([Ok(file)]))
            .await
            .unwrap();
        assert_eq!(container.inject_helper().await.unwrap(), Injection::Ready);
        let _output = container.start_attached().await.unwrap();
        let mut stream = container
            .follow(&[(0, "/locked/f"), (1, "/tmp/u")])
            .unwrap();
        let mut seen = Seen::new(2);
        seen.until(&mut stream, "the first line", |seen| {
            seen.text(0) == "mine\n"
        })
        .await;
        go(&container).await;
        seen.rest(&mut stream).await;
        assert_eq!(seen.text(0), "mine\nmore\n", "{uid}");
        assert_eq!(container.wait().await.unwrap().code, 0, "{uid}");
        container.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_user_cannot_read_comes_at_the_end() {
    let fixture = Fixture::new().await;
    let container = fixture
        .create(&user(
            fixture.sh("while ! test -e /tmp/go; do sleep 0.02; done"),
            "1000",
        ))
        .await;
    let file = crate::support::Tar::new()
        .file("locked/secret", 0o600, b"for root\n")
        .bytes();
    container
        .upload("/", futures::stream::iter([Ok(file)]))
        .await
        .unwrap();
    container.inject_helper().await.unwrap();
    let _output = container.start_attached().await.unwrap();
    let mut stream = container.follow(&[(0, "/locked/secret")]).unwrap();
    let first = within(20, "the complaint", stream.next())
        .await
        .unwrap()
        .unwrap();
    assert!(
        matches!(&first, FileEvent::Unreadable { file: 0, reason } if reason.contains("denied")),
        "{first:?}"
    );
    go(&container).await;
    let mut seen = Seen::new(1);
    seen.rest(&mut stream).await;
    assert_eq!(seen.text(0), "for root\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_told_and_never_waited_for() {
    let fixture = Fixture::new().await;
    let script = "mkdir /tmp/dir; echo x > /tmp/dir/x; mkfifo /tmp/fifo; ln -s loop /tmp/loop; \
                  ln -s /dev/zero /tmp/zero; ln -s gone /tmp/dangling; sleep 0.5";
    let paths = [
        "/tmp/dir",
        "/tmp/fifo",
        "/dev/zero",
        "/tmp/zero",
        "/tmp/loop",
        "/tmp/dangling",
        "/etc/passwd/x",
    ];
    for inject in [true, false] {
        let begun = Instant::now();
        let seen = run(&fixture, &fixture.sh(script), &paths, inject).await;
        // Who waits for a FIFO or reads a device waits for ever; a machine that has other things to do
        // takes a while for two containers.
        assert!(
            begun.elapsed() < Duration::from_secs(45),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(
            seen.kinds[..2],
            [Some(PathKind::Directory), Some(PathKind::Fifo)],
            "{inject}"
        );
        if inject {
            assert_eq!(seen.kinds[2..4], [Some(PathKind::Device); 2]);
        }
        assert!(seen.content.iter().all(Vec::is_empty), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_on_the_engines_machine_are_nobodys_business() {
    let fixture = Fixture::new().await;
    let script = "mkdir -p /tmp/merged; ln -s loop /tmp/merged/loop";
    let container = fixture.create(&fixture.sh(script)).await;
    let mut output = container.start_attached().await.unwrap().output;
    while output.next().await.is_some() {}
    container.wait().await.unwrap();
    let upload = container
        .upload("/tmp/merged/loop", futures::stream::iter([]))
        .await;
    let error = crate::output::chain(&upload.unwrap_err());
    assert!(
        error.contains("/tmp/merged/loop") && !error.contains("overlay2"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_helper_cannot_run_files_are_polled() {
    let fixture = Fixture::new().await;
    let script = "echo one > /tmp/f; while ! test -e /tmp/go; do sleep 0.02; done; echo two >> /tmp/f; \
                  sleep 0.5; echo three > /tmp/g; mv /tmp/g /tmp/f; sleep 0.5; printf four >> /tmp/f";
    let mut job = start(&fixture, &fixture.sh(script), &["/tmp/f"], false).await;
    // Live, not only at the end.
    job.seen
        .until(&mut job.stream, "the first line", |seen| {
            seen.text(0) == "one\n"
        })
        .await;
    go(&job.container).await;
    job.seen.rest(&mut job.stream).await;
    assert_eq!(job.seen.text(0), "three\nfour");
    assert!(job.seen.restarts[0] >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_root_refuses_the_helper_and_files_still_come() {
    let fixture = Fixture::new().await;
    let spec = ContainerSpec {
        read_only: true,
        ..fixture.sh("sleep 0.3; cat /etc/passwd")
    };
    let container = fixture.create(&spec).await;
    let injection = container.inject_helper().await.unwrap();
    assert!(
        matches!(&injection, Injection::Unavailable { reason } if reason.contains("read-only")),
        "{injection:?}"
    );
    let _output = container.start_attached().await.unwrap();
    let mut stream = container.follow(&[(0, "/etc/passwd")]).unwrap();
    let mut seen = Seen::new(1);
    seen.rest(&mut stream).await;
    assert!(seen.text(0).starts_with("root:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_cannot_be_executed_is_no_obstacle() {
    let fixture = Fixture::new().await;
    let container =
        fixture
            .create(&fixture.sh(
                "echo a > /tmp/f; while ! test -e /tmp/go; do sleep 0.02; done; echo b >> /tmp/f",
            ))
            .await;
    // As on an engine of another architecture: something that is no program for it.
    let junk = crate::support::Tar::new()
        .file(
            dogi_docker::HELPER_PATH.trim_start_matches('/'),
            0o555,
            b"\x7fELF junk",
        )
        .bytes();
    container
        .upload("/", futures::stream::iter([Ok(junk)]))
        .await
        .unwrap();
    let _output = container.start_attached().await.unwrap();
    let mut stream = container.follow(&[(0, "/tmp/f")]).unwrap();
    let mut seen = Seen::new(1);
    seen.until(&mut stream, "the first line", |seen| seen.text(0) == "a\n")
        .await;
    go(&container).await;
    seen.rest(&mut stream).await;
    assert_eq!(seen.text(0), "a\nb\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_the_helper_is_followed_nevertheless() {
    let fixture = Fixture::new().await;
    let script = "echo a > /tmp/f; while ! test -e /tmp/go; do sleep 0.02; done; kill -9 -1; \
                  echo b >> /tmp/f; sleep 1; kill -9 -1; echo c >> /tmp/f; sleep 1; echo d >> /tmp/f";
    let mut job = start(&fixture, &fixture.sh(script), &["/tmp/f"], true).await;
    job.seen
        .until(&mut job.stream, "the first line", |seen| {
            seen.text(0) == "a\n"
        })
        .await;
    go(&job.container).await;
    job.seen
        .until(&mut job.stream, "after a kill", |seen| {
            seen.text(0) == "a\nb\nc\n"
        })
        .await;
    job.seen.rest(&mut job.stream).await;
    assert_eq!(job.seen.text(0), "a\nb\nc\nd\n");
    assert_eq!(job.seen.restarts, [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_whole_with_or_without_the_helper() {
    let fixture = Fixture::new().await;
    for inject in [true, false] {
        let mut job = start(
            &fixture,
            &fixture.sh("seq 1 2000000 > /tmp/f"),
            &["/tmp/f"],
            inject,
        )
        .await;
        job.seen.rest(&mut job.stream).await;
        let wanted: String = (1..=2_000_000).map(|n| format!("{n}\n")).collect();
        assert!(
            job.seen.content[0] == wanted.as_bytes(),
            "{} bytes",
            job.seen.content[0].len()
        );
        job.container.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_reaches_the_follower_within_fifty_milliseconds() {
    let fixture = Fixture::new().await;
    let script = "i=0; while [ $i -lt 200 ]; do read -r up rest < /proc/uptime; echo $up >> /tmp/f; \
                  i=$((i+1)); usleep 17000; done";
    let mut job = start(&fixture, &fixture.sh(script), &["/tmp/f"], true).await;
    let mut delays = Vec::new();
    let mut lines = 0;
    while let Some(event) = job.stream.next().await {
        job.seen.take(event.unwrap());
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let now: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let text = job.seen.text(0);
        for line in text.lines().skip(lines) {
            delays.push(now - line.parse::<f64>().unwrap());
        }
        lines = text.lines().count();
    }
    assert_eq!(lines, 200);
    // The first ones wait for the helper to be started; the clock counts hundredths.
    let mut steady = delays[delays.len() / 4..].to_vec();
    steady.sort_by(f64::total_cmp);
    let p50 = steady[steady.len() / 2];
    assert!(p50 < 0.06, "{steady:?}");
    job.output.next().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_paths_are_refused_and_a_dropped_stream_ends_the_helper() {
    let fixture = Fixture::new().await;
    let container = fixture.create(&fixture.sh("sleep 60")).await;
    container.inject_helper().await.unwrap();
    let _output = container.start_attached().await.unwrap();
    let long = format!("/{}", "x".repeat(5000));
    for path in ["relative", "", "/a\0b", &long] {
        let error = container.follow(&[(0, path)]).unwrap_err();
        assert!(matches!(error, FollowError::BadPath { .. }), "{error:?}");
    }
    let mut stream = container.follow(&[(0, "/etc/passwd")]).unwrap();
    within(20, "the file", stream.next())
        .await
        .unwrap()
        .unwrap();
    drop(stream);
    // The brackets keep the script from finding itself.
    let script =
        "while :; do case \"$(ps)\" in */.dogi/tai[l]-*) sleep 0.05;; *) exit 0;; esac; done";
    let command = ["sh", "-c", script].map(str::to_owned).into();
    let spec = dogi_docker::ExecSpec {
        command,
        ..Default::default()
    };
    let mut exec = container.exec(&spec).await.unwrap();
    within(20, "the helper's end", async {
        while exec.output.next().await.is_some() {}
    })
    .await;
    container.remove().await.unwrap();
}
