//! Building, with both builders.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dogi_docker::{BuildError, BuildSpec, Builder, ContainerSpec, OwnedKind};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::output::chain;
use crate::support::{Fixture, LABEL, Tar, busybox, context, within};

const BOTH: [Builder; 2] = [Builder::Classic, Builder::BuildKit];

fn spec(builder: Builder) -> BuildSpec {
    BuildSpec {
        builder,
        ..BuildSpec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_and_runs_with_a_readable_log() {
    let fixture = Fixture::new().await;
    for builder in BOTH {
        let rest = format!(
            "ARG WHO=nobody\nRUN : {}; echo to stdout; echo to stderr >&2; printf 'no newline'\n\
             RUN echo \"hello $WHO\" > /greeting\nCMD [\"cat\", \"/greeting\"]\n",
            fixture.mark,
        );
        let files = fixture.shell(&rest);
        let spec = BuildSpec {
            args: [("WHO".to_owned(), "you".to_owned())].into(),
            ..spec(builder)
        };
        let (built, log) = within(60, "a build", fixture.build(&spec, files)).await;
        let image = built.unwrap_or_else(|err| panic!("{err:?}\n{log}"));
        assert!(fixture.docker.image_exists(&image).await.unwrap());
        let run = ContainerSpec {
            image: image.to_string(),
            labels: fixture.labels(),
            ..ContainerSpec::default()
        };
        assert_eq!(fixture.run(&run).await.0, b"hello you\n");
        for wanted in ["to stdout\n", "to stderr\n", "no newline"] {
            assert!(log.contains(wanted), "{builder:?}: {log}");
        }
        assert!(
            !log.contains('\x1b') && !log.contains("{\""),
            "{builder:?}: {log}"
        );
        match builder {
            Builder::Classic => assert!(log.contains("Step 1/"), "{log}"),
            _ => {
                for wanted in ["#1 [internal] load", "RUN echo \"hello you\"", " DONE 0."] {
                    assert!(log.contains(wanted), "{log}");
                }
                let line = log
                    .lines()
                    .find(|line| line.ends_with("to stdout"))
                    .unwrap();
                let words: Vec<&str> = line.split(' ').collect();
                assert!(
                    words[0].starts_with('#') && words[1].parse::<f64>().is_ok(),
                    "{line}"
                );
            }
        }
        // Again: nothing is done twice, and the log says so.
        let (again, log) = fixture.build(&spec, fixture.shell(&rest)).await;
        assert_eq!(again.unwrap(), image);
        let word = if builder == Builder::Classic {
            "Using cache"
        } else {
            " CACHED"
        };
        assert!(log.contains(word), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_say_what_was_wrong() {
    let fixture = Fixture::new().await;
    type Check = fn(&BuildError) -> bool;
    let plain = |dockerfile: &'static str| move || Tar::new().dockerfile(dockerfile);
    let cases: Vec<(&str, Box<dyn Fn() -> Tar + '_>, BuildSpec, Check)> = vec![
        (
            "a failing command",
            Box::new(|| fixture.shell("RUN echo before; exit 3\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Command { command, code: 3 } if command == "/bin/sh -c echo before; exit 3"),
        ),
        (
            "a command in JSON",
            Box::new(|| fixture.shell("RUN [\"sh\", \"-c\", \"exit 44\"]\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Command { command, code: 44 } if command == "sh -c exit 44"),
        ),
        (
            "no such program",
            Box::new(|| fixture.shell("RUN nothing-here\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Command { code: 127, .. }),
        ),
        (
            "no Dockerfile",
            Box::new(|| Tar::new().file("other", 0o644, b"x")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::NoDockerfile { path } if path == "Dockerfile"),
        ),
        (
            "no Dockerfile of that name",
            Box::new(plain("FROM scratch\n")),
            BuildSpec {
                dockerfile: "ci/Build.docker".into(),
                ..BuildSpec::default()
            },
            |err| matches!(err, BuildError::NoDockerfile { path } if path == "ci/Build.docker"),
        ),
        (
            "an unknown instruction",
            Box::new(plain("FROM scratch\nRUNN x\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Syntax { reason, .. } if reason.to_lowercase().contains("unknown instruction: runn")),
        ),
        (
            "an empty Dockerfile",
            Box::new(plain("# nothing\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Syntax { .. }),
        ),
        (
            "no FROM",
            Box::new(plain("RUN true\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Syntax { .. }),
        ),
        (
            "no such target",
            Box::new(plain("FROM scratch AS one\nCOPY Dockerfile /\n")),
            BuildSpec {
                target: Some("two".into()),
                ..BuildSpec::default()
            },
            |err| matches!(err, BuildError::NoTarget { target } if target == "two"),
        ),
        (
            "a missing file",
            Box::new(plain("FROM scratch\nCOPY not-there /\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Failed { reason } if reason.contains("not-there")),
        ),
        (
            "a base that can't be had",
            Box::new(plain("FROM 127.0.0.1:1/no/such:1\nCOPY Dockerfile /\n")),
            BuildSpec::default(),
            |err| matches!(err, BuildError::Failed { reason } if reason.contains("127.0.0.1:1")),
        ),
    ];
    for (name, files, spec, fits) in cases {
        for builder in BOTH {
            let spec = BuildSpec {
                builder,
                ..spec.clone()
            };
            let (built, log) = within(60, name, fixture.build(&spec, files())).await;
            let error = built.expect_err(name);
            assert!(fits(&error), "{name}, {builder:?}: {error:?}\n{log}");
            let text = chain(&error);
            assert!(
                !text.contains("rpc error") && !text.contains("/var/lib"),
                "{name}: {text}"
            );
            if name == "a failing command" {
                assert!(log.contains("before"), "{log}");
                assert!(text.contains("exit code 3"), "{text}");
            }
        }
    }
    assert_eq!(fixture.containers().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_breaks_off_is_told_as_such() {
    let fixture = Fixture::new().await;
    for builder in BOTH {
        let whole = fixture.shell("RUN true\n").bytes();
        let broken = std::io::Error::other("the disk is on fire");
        let (spec, never) = (spec(builder), CancellationToken::new());
        let parts = vec![Ok(whole.slice(..100_000)), Err(broken)];
        let mut log = |_: &[u8]| {};
        let built = fixture
            .docker
            .build(&spec, futures::stream::iter(parts), &mut log, &never);
        let error = within(30, "the end", built).await.unwrap_err();
        assert!(
            matches!(&error, BuildError::Context(err) if err.to_string() == "the disk is on fire"),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_stops_a_command_at_once_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    for builder in BOTH {
        let mark = format!("sleeping-{}-{builder:?}", fixture.mark);
        let begun = Instant::now();
        let spec = BuildSpec {
            labels: fixture.labels(),
            ..spec(builder)
        };
        let error = loop {
            let files = fixture.shell(&format!("RUN echo {mark}; sleep 1000\n"));
            let cancel = CancellationToken::new();
            let mut log = cancels_at(&mark, cancel.clone());
            let built = fixture
                .docker
                .build(&spec, context(files), &mut log, &cancel);
            match within(60, "the end of the build", built).await.unwrap_err() {
                // By another test, that cleans up.
                BuildError::CacheRemoved { .. } => {}
                error => break error,
            }
        };
        assert!(matches!(error, BuildError::Cancelled), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(40));
        assert_eq!(processes(&mark), Vec::<String>::new(), "{builder:?}");
    }
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let options = bollard::query_parameters::ListContainersOptions {
        all: true,
        ..Default::default()
    };
    for container in raw.list_containers(Some(options)).await.unwrap() {
        assert!(
            !container
                .command
                .unwrap_or_default()
                .contains(&fixture.mark)
        );
    }
}

/// A reader of a build's log that cancels it when the command has printed this.
fn cancels_at(mark: &str, cancel: CancellationToken) -> impl FnMut(&[u8]) + Send + use<> {
    let (needle, mut text) = (mark.to_owned(), String::new());
    move |bytes: &[u8]| {
        text.push_str(&String::from_utf8_lossy(bytes));
        // The command's own output, not its quotation in the step's name.
        let printed = |line: &str| line.ends_with(&needle) && !line.contains("echo");
        if text.lines().any(printed) {
            cancel.cancel();
        }
    }
}

/// Command lines on this machine (where the engine is) that contain this.
fn processes(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if entry.file_name() == *std::process::id().to_string() {
            continue;
        }
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(mark) {
            found.push(line);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_while_the_context_is_sent() {
    let fixture = Fixture::new().await;
    for builder in BOTH {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let spec = spec(builder);
        // A context that never ends.
        let head = futures::stream::iter([Ok(fixture.shell("").bytes().slice(..1024))]);
        let endless = head.chain(futures::stream::once(async move {
            stop.cancel();
            std::future::pending::<std::io::Result<Bytes>>().await
        }));
        let mut log = |_: &[u8]| {};
        let begun = Instant::now();
        let built = fixture.docker.build(&spec, endless, &mut log, &cancel);
        let error = within(30, "the end", built).await.unwrap_err();
        assert!(matches!(error, BuildError::Cancelled), "{error:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_before_it_began() {
    let fixture = Fixture::new().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let mut log = |_: &[u8]| panic!("nothing to say");
    let spec = spec(Builder::Auto);
    let built = fixture
        .docker
        .build(&spec, context(fixture.shell("")), &mut log, &cancel);
    assert!(matches!(built.await, Err(BuildError::Cancelled)));
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_leave_no_connections_open() {
    let sockets = || {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        fds.filter(|fd| {
            std::fs::read_link(fd.path())
                .is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
        })
        .count()
    };
    let before = sockets();
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        let (built, _) = fixture
            .build(&spec(Builder::BuildKit), fixture.shell("RUN true\n"))
            .await;
        built.unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while sockets() > before {
        assert!(Instant::now() < deadline, "{} sockets", sockets());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn target_dockerfile_labels_and_no_cache() {
    let fixture = Fixture::new().await;
    for builder in BOTH {
        let files = || {
            busybox().file(
                "ci/My.Dockerfile",
                0o644,
                format!("FROM scratch AS first\nLABEL {LABEL}={}\nCOPY root /\nRUN cat /proc/uptime > /made; echo one > /name\n\
                  FROM first AS second\nRUN echo two > /name\n", fixture.mark).as_bytes(),
            )
        };
        let base = BuildSpec {
            dockerfile: "ci/My.Dockerfile".into(),
            target: Some("first".into()),
            ..spec(builder)
        };
        let (built, log) = fixture.build(&base, files()).await;
        let first = built.unwrap_or_else(|err| panic!("{err:?}\n{log}"));
        let run = |image: &dogi_docker::ImageId, file: &str| ContainerSpec {
            image: image.to_string(),
            ..fixture.spec(&["cat", file])
        };
        assert_eq!(fixture.run(&run(&first, "/name")).await.0, b"one\n");
        let made = fixture.run(&run(&first, "/made")).await.0;
        let fresh = BuildSpec {
            no_cache: true,
            ..base.clone()
        };
        let other = fixture.build(&fresh, files()).await.0.unwrap();
        assert_ne!(fixture.run(&run(&other, "/made")).await.0, made);
        let owned = fixture.docker.owned(&fixture.filter()).await.unwrap();
        let mut images = owned.iter().filter(|it| it.kind == OwnedKind::Image);
        assert!(images.any(|it| it.id == first.as_str()), "{owned:?}");
    }
}
