//! Output by attach: whole, exact, and how it ended.

use std::time::Duration;

use dogi_docker::{ContainerSpec, CreateError, OutputError, StartError};
use futures::StreamExt;

use crate::support::{Fixture, within};

#[tokio::test(flavor = "multi_thread")]
async fn the_last_byte_of_fast_containers_is_never_lost() {
    let fixture = Fixture::new().await;
    let runs = futures::stream::iter(0..240).map(|run| {
        let fixture = &fixture;
        async move {
            let (tty, newline) = (run % 2 == 0, run % 4 < 2);
            let text = format!("first {run}\nlast {run}{}", if newline { "\n" } else { "" });
            let spec = ContainerSpec {
                tty,
                ..fixture.spec(&["/bin/printf", "%s", &text])
            };
            let (out, err, exit) = within(60, "a run", fixture.run(&spec)).await;
            let wanted = if tty {
                text.replace('\n', "\r\n")
            } else {
                text
            };
            assert_eq!(String::from_utf8_lossy(&out), wanted, "run {run}");
            assert!(err.is_empty());
            assert_eq!(exit.code, 0);
        }
    });
    runs.buffer_unordered(8).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_exact_and_told_apart() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(40_000);
    // (command, tty, stdout, stderr, exit code)
    let cases: Vec<(String, bool, Vec<u8>, Vec<u8>, i64)> = vec![
        (
            "echo a; echo b >&2; echo c; exit 3".into(),
            false,
            b"a\nc\n".into(),
            b"b\n".into(),
            3,
        ),
        (
            "echo a; echo b >&2".into(),
            true,
            b"a\r\nb\r\n".into(),
            b"".into(),
            0,
        ),
        ("".into(), false, b"".into(), b"".into(), 0),
        (
            "sh -c 'kill -9 $$'; exit $?".into(),
            false,
            b"".into(),
            b"Killed\n".into(),
            137,
        ),
        (
            r"printf '\377\376\000\001\002\003\n'".into(),
            false,
            b"\xff\xfe\0\x01\x02\x03\n".into(),
            b"".into(),
            0,
        ),
        // What a decoder that guesses takes for a frame.
        (
            r"printf '\001\000\000\000\000\000\000\005abc'".into(),
            true,
            b"\x01\0\0\0\0\0\0\x05abc".into(),
            b"".into(),
            0,
        ),
        (
            r"printf '\000'; sleep 0.05; printf '\002no end of line'".into(),
            true,
            b"\0\x02no end of line".into(),
            b"".into(),
            0,
        ),
        (
            format!("printf {long}"),
            false,
            long.clone().into(),
            b"".into(),
            0,
        ),
    ];
    for (script, tty, out, err, code) in cases {
        let spec = ContainerSpec {
            tty,
            ..fixture.sh(&script)
        };
        let (got_out, got_err, exit) = fixture.run(&spec).await;
        let label = &script[..script.len().min(60)];
        assert_eq!(
            got_out.escape_ascii().to_string(),
            out.escape_ascii().to_string(),
            "{label}"
        );
        assert_eq!(
            got_err.escape_ascii().to_string(),
            err.escape_ascii().to_string(),
            "{label}"
        );
        assert_eq!(exit.code, code, "{label}");
        assert!(!exit.oom_killed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn much_output_keeps_its_length_and_pieces_are_bounded() {
    let fixture = Fixture::new().await;
    let container = fixture
        .create(&fixture.sh("yes 0123456789 | head -c 20000000"))
        .await;
    let mut output = container.start_attached().await.unwrap().output;
    let mut total = 0;
    while let Some(piece) = output.next().await {
        let (_, bytes) = piece.unwrap();
        assert!(!bytes.is_empty() && bytes.len() <= 64 * 1024);
        total += bytes.len();
    }
    assert_eq!(total, 20_000_000);
    assert_eq!(container.wait().await.unwrap().code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_without_a_newline_comes_at_once() {
    let fixture = Fixture::new().await;
    for tty in [false, true] {
        let spec = ContainerSpec {
            tty,
            ..fixture.sh("printf 'name? '; sleep 60")
        };
        let container = fixture.create(&spec).await;
        let mut output = container.start_attached().await.unwrap().output;
        let (_, bytes) = within(10, "the prompt", output.next())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&bytes[..], b"name? ");
        container.kill().await.unwrap();
        container.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    let spec = |command: &[&str]| fixture.spec(command);
    let cases: Vec<(ContainerSpec, &[&str])> = vec![
        (spec(&["bash", "-c", "echo hi"]), &["bash", "not found"]),
        (
            spec(&["/no/such"]),
            &["/no/such", "no such file or directory"],
        ),
        (
            spec(&["/etc/passwd"]),
            &["/etc/passwd", "permission denied"],
        ),
        (spec(&["/tmp"]), &["/tmp"]),
        (
            ContainerSpec {
                working_dir: Some("/bin/busybox".into()),
                ..spec(&["true"])
            },
            &["true", "not a directory"],
        ),
        (
            ContainerSpec {
                user: Some("nobody-here".into()),
                ..spec(&["true"])
            },
            &["nobody-here"],
        ),
        (
            ContainerSpec {
                entrypoint: Some(vec!["/gone".into()]),
                ..spec(&["true"])
            },
            &["/gone", "true"],
        ),
    ];
    for (spec, wanted) in cases {
        let error = match fixture.docker.create(&spec).await {
            Ok(container) => {
                let error = within(30, "the start", container.start_attached())
                    .await
                    .unwrap_err();
                assert!(matches!(error, StartError::Command { .. }), "{error:?}");
                error.to_string()
            }
            // Some engines look at the working directory when the container is made.
            Err(error) => chain(&error),
        };
        for part in wanted {
            assert!(
                error.to_lowercase().contains(part),
                "{error:?} should say {part:?}"
            );
        }
        assert!(
            !error.contains("OCI runtime") && !error.contains("/var/lib"),
            "{error}"
        );
    }
    assert_eq!(fixture.containers().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_created_says_why() {
    let fixture = Fixture::new().await;
    let gone = ContainerSpec::new("dogi-no-such-image:1");
    let error = fixture.docker.create(&gone).await.unwrap_err();
    assert!(
        matches!(&error, CreateError::NoSuchImage { image } if image == "dogi-no-such-image:1")
    );

    let nothing = ContainerSpec {
        command: None,
        ..fixture.spec(&[])
    };
    let error = fixture.docker.create(&nothing).await.unwrap_err();
    assert!(matches!(error, CreateError::NoCommand { .. }), "{error:?}");

    let name = format!("dogi-{}", fixture.mark);
    let named = ContainerSpec {
        name: Some(name.clone()),
        ..fixture.sh("true")
    };
    let first = fixture.create(&named).await;
    let error = fixture.docker.create(&named).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("a container named {name:?} exists already")
    );
    first.remove().await.unwrap();

    let tiny = ContainerSpec {
        limits: dogi_docker::Limits {
            memory: Some(4096),
            ..Default::default()
        },
        ..fixture.sh("true")
    };
    let error = chain(&fixture.docker.create(&tiny).await.unwrap_err());
    assert!(error.to_lowercase().contains("memory"), "{error}");
}

/// The messages of an error and its sources.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_pauses_loses_nothing() {
    let fixture = Fixture::new().await;
    let container = fixture.create(&fixture.sh("seq 1 300000")).await;
    let mut output = container.start_attached().await.unwrap().output;
    let (_, first) = output.next().await.unwrap().unwrap();
    // Long enough for the read-ahead and the engine's buffers to fill.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut all = first.to_vec();
    while let Some(piece) = output.next().await {
        all.extend_from_slice(&piece.unwrap().1);
    }
    let wanted: String = (1..=300_000).map(|n| format!("{n}\n")).collect();
    assert!(all == wanted.as_bytes(), "{} bytes", all.len());
    container.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_running_container_ends_its_output() {
    let fixture = Fixture::new().await;
    let container = fixture
        .create(&fixture.sh("while :; do echo x; sleep 0.01; done"))
        .await;
    let mut output = container.start_attached().await.unwrap().output;
    output.next().await.unwrap().unwrap();
    container.remove().await.unwrap();
    let rest = within(10, "the end", async {
        let mut last = None;
        while let Some(piece) = output.next().await {
            last = Some(piece);
        }
        last
    });
    assert!(!matches!(rest.await, Some(Err(OutputError::Engine { .. }))));
    assert!(container.wait().await.unwrap_err().is_not_found());
}
