//! Output taken up again: nothing lost, nothing repeated, per channel; a gap is told.

use std::io;

use bytes::Bytes;
use dogi_docker::{Adopted, Adoption, Channel, Container, ContainerSpec, Gap, Prior};
use futures::StreamExt;

use crate::support::{Fixture, within};

/// What was kept of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) gaps: Vec<Gap>,
}

impl Kept {
    pub(crate) fn add(&mut self, channel: Channel, bytes: &[u8]) {
        match channel {
            Channel::Stdout => self.out.extend_from_slice(bytes),
            Channel::Stderr => self.err.extend_from_slice(bytes),
        }
    }

    pub(crate) fn prior(&self) -> Prior {
        let stream = |bytes: &[u8]| {
            let chunks: Vec<io::Result<Bytes>> = bytes
                .chunks(1000)
                .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
                .collect();
            futures::stream::iter(chunks).boxed()
        };
        Prior {
            stdout: stream(&self.out),
            stderr: stream(&self.err),
        }
    }

    /// Reads on until there are `enough` bytes of stdout, or to the end.
    pub(crate) async fn read(&mut self, adoption: &mut Adoption, enough: usize) {
        while self.out.len() < enough {
            match adoption.next().await {
                Some(Ok(Adopted::Output(channel, bytes))) => self.add(channel, &bytes),
                Some(Ok(Adopted::Gap(gap))) => self.gaps.push(gap),
                Some(Err(error)) => panic!("{error:?}"),
                None => return,
            }
        }
    }
}

/// Starts it, and reads at least so many bytes of stdout by attach.
async fn begin(container: &Container, enough: usize) -> Kept {
    let mut kept = Kept::default();
    let mut output = container.start_attached().await.unwrap().output;
    while kept.out.len() < enough {
        match output.next().await {
            Some(piece) => {
                let (channel, bytes) = piece.unwrap();
                kept.add(channel, &bytes);
            }
            None => break,
        }
    }
    kept
}

/// Waits until the engine's own copy of stdout has come to this line: what is attached hears of output
/// before that.
pub(crate) async fn copied(container: &Container, line: &str) {
    let ends = async {
        loop {
            let mut docker = tokio::process::Command::new("docker");
            docker.args(["logs", "--tail", "20", container.id().as_str()]);
            let last = docker.output().await.expect("the docker command");
            if last.stdout.ends_with(line.as_bytes()) {
                return;
            }
        }
    };
    within(30, "the engine copies the output", ends).await;
}

pub(crate) fn assert_same(found: &[u8], wanted: &[u8], label: &str) {
    let at = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let from = at.saturating_sub(40).min(bytes.len());
        bytes[from..bytes.len().min(at + 40)]
            .escape_ascii()
            .to_string()
    };
    assert!(
        found == wanted,
        "{label}: {} bytes instead of {}, other at {at}: {:?} instead of {:?}",
        found.len(),
        wanted.len(),
        around(found),
        around(wanted)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_printed_is_there_once() {
    let fixture = Fixture::new().await;
    let lines = "for i in $(seq 300); do echo line $i; echo err $i >&2; test $((i % 50)) = 0 && usleep 30000; done";
    let long = "for n in 16383 16384 16385 20000 32768 40000; do \
                head -c $n /dev/zero | tr '\\0' x; echo; echo after $n; usleep 10000; done; echo end";
    let binary =
        "seq 1 20000; head -c 100000 /bin/busybox; head -c 50000 /bin/busybox >&2; printf 'no end'";
    let cases = [lines, long, binary].into_iter().flat_map(|script| {
        let cuts = [0, 700, 33_000];
        cuts.map(|enough| [(script, false, enough), (script, true, enough)])
    });
    let runs = cases
        .flatten()
        .map(|(script, tty, enough)| interrupted(&fixture, script, tty, enough));
    futures::stream::iter(runs)
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
}

/// Reads so much by attach, and is interrupted once more while it takes up the rest.
async fn interrupted(fixture: &Fixture, script: &str, tty: bool, enough: usize) {
    let label = format!("{script:.40} tty {tty} after {enough}");
    let spec = ContainerSpec {
        tty,
        ..fixture.sh(script)
    };
    let (out, err, _) = within(60, &label, fixture.run(&spec)).await;
    let container = fixture.create(&spec).await;
    let mut kept = begin(&container, enough).await;
    let mut adoption = container.adopt(kept.prior());
    within(60, &label, kept.read(&mut adoption, enough + 20_000)).await;
    drop(adoption);
    let mut adoption = container.adopt(kept.prior());
    within(60, &label, kept.read(&mut adoption, usize::MAX)).await;
    assert_eq!(kept.gaps, [], "{label}");
    assert_same(&kept.out, &out, &label);
    assert_same(&kept.err, &err, &label);
    container.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_meanwhile_is_read_to_its_end() {
    let fixture = Fixture::new().await;
    let container = fixture.create(&fixture.sh("seq 1 5000; exit 3")).await;
    let mut kept = begin(&container, 100).await;
    assert_eq!(container.wait().await.unwrap().code, 3);
    within(
        60,
        "the rest",
        kept.read(&mut container.adopt(kept.prior()), usize::MAX),
    )
    .await;
    let wanted: String = (1..=5000).map(|n| format!("{n}\n")).collect();
    assert_same(&kept.out, wanted.as_bytes(), "ended");
    let ending = container.ending().await.unwrap();
    assert!(!ending.by_engine && ending.witnessed, "{ending:?}");

    // Nothing more the next time, and nothing of one that was never started.
    let again = kept.clone();
    kept.read(&mut container.adopt(kept.prior()), usize::MAX)
        .await;
    assert_eq!(kept, again);
    let created = fixture.create(&fixture.sh("echo no")).await;
    assert!(created.adopt(Prior::none()).next().await.is_none());
    created.remove().await.unwrap();
    let error = created.adopt(Prior::none()).next().await.unwrap();
    assert!(matches!(
        error,
        Err(dogi_docker::AdoptError::Engine(error)) if error.is_not_found()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_is_not_its_engines_fault() {
    let fixture = Fixture::new().await;
    let container = fixture.create(&fixture.sh("echo ready; sleep 60")).await;
    begin(&container, 6).await;
    container.kill().await.unwrap();
    let ending = within(30, "the verdict", container.ending()).await.unwrap();
    assert_eq!(ending.exit.code, 137);
    assert!(!ending.by_engine && ending.witnessed, "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_has_lost_its_beginning_is_told_and_never_guessed() {
    let fixture = Fixture::new().await;
    let wait = "until test -e /tmp/go; do usleep 10000; done";
    let spec = ContainerSpec {
        log_max_bytes: Some(20_000),
        ..fixture.sh(&format!(
            "seq 1 9000; echo ready >&2; {wait}; seq 10001 10200"
        ))
    };
    let lines = |range: std::ops::RangeInclusive<u32>| -> String {
        range.map(|n| format!("{n}\n")).collect()
    };
    let cases = [
        (10, false),
        (10, true),
        (usize::MAX, false),
        (0, false),
        (0, true),
    ];
    for (enough, ended) in cases {
        let label = format!("{enough} {ended}");
        let container = fixture.create(&spec).await;
        let mut kept = Kept::default();
        let mut output = container.start_attached().await.unwrap().output;
        // All of it was printed; that much was kept.
        while kept.err.is_empty() || kept.out.len() < lines(1..=9000).len() {
            let (channel, bytes) = output.next().await.unwrap().unwrap();
            kept.add(channel, &bytes);
        }
        drop(output);
        copied(&container, "9000\n").await;
        kept.out.truncate(enough);
        let before = kept.out.clone();
        let go = || crate::support::Tar::new().file("go", 0o644, b"");
        let mut adoption = container.adopt(kept.prior());
        if ended {
            drop(adoption);
            let tar = crate::support::context(go());
            container.upload("/tmp", tar).await.unwrap();
            container.wait().await.unwrap();
            adoption = container.adopt(kept.prior());
        } else {
            let tar = crate::support::context(go());
            container.upload("/tmp", tar).await.unwrap();
        }
        within(60, &label, kept.read(&mut adoption, usize::MAX)).await;
        assert_eq!(kept.gaps, [Gap::Dropped], "{label}");
        let new = String::from_utf8(kept.out[before.len()..].to_vec()).unwrap();
        let printed = lines(1..=9000) + &lines(10_001..=10_200);
        let unknown = &printed[before.len()..];
        // What is new was not known, comes once and in its order, and goes up to the very end; or it is
        // nothing. Where it begins is for the engine's times to say: of what was printed before `ready`,
        // the engine may have written the times later.
        assert!(unknown.ends_with(&new), "{label}: {new}");
    }
}
