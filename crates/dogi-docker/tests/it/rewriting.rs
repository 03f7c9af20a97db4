//! Output and files that are rewritten before they are kept, taken up and followed on from that.

use bytes::Bytes;
use dogi_docker::{
    Channel, Container, ContainerSpec, FileEvent, FollowStream, Gap, LiveFile, Rewrite, Rewriting,
};

use crate::adopt::{Kept, assert_same, copied};
use crate::support::{Fixture, Tar, context, within};

/// Puts a dot in the place of each `secret`, and holds back what may be the beginning of one.
#[derive(Default)]
struct Dots {
    held: Vec<u8>,
}

const SECRET: &[u8] = b"secret";

impl Dots {
    fn all(text: &[u8]) -> Vec<u8> {
        let mut dots = Dots::default();
        let begin = dots.push(Bytes::copy_from_slice(text));
        [begin, dots.finish()].concat()
    }
}

impl Rewrite for Dots {
    fn push(&mut self, bytes: Bytes) -> Bytes {
        let mut shown = Vec::new();
        for byte in bytes {
            self.held.push(byte);
            while !SECRET.starts_with(&self.held) {
                shown.push(self.held.remove(0));
            }
            if self.held == SECRET {
                shown.push(b'.');
                self.held.clear();
            }
        }
        shown.into()
    }

    fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }
}

fn dots() -> Rewriting {
    Rewriting::new(|| Box::new(Dots::default()))
}

/// Starts it, and keeps at least so many bytes of stdout, rewritten.
async fn begin(container: &Container, enough: usize) -> Kept {
    let mut kept = Kept::default();
    let mut output = container.start_attached().await.unwrap().output;
    let (mut out, mut err) = (Dots::default(), Dots::default());
    while kept.out.len() < enough
        && let Some(piece) = output.next().await
    {
        match piece.unwrap() {
            (Channel::Stdout, bytes) => kept.add(Channel::Stdout, &out.push(bytes)),
            (Channel::Stderr, bytes) => kept.add(Channel::Stderr, &err.push(bytes)),
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_rewritten_is_taken_up_rewritten() {
    let fixture = Fixture::new().await;
    let halves = "for i in $(seq 200); do printf \"$i sec\"; printf \"$i sec\" >&2; usleep 2000; \
                  echo ret; echo ret >&2; done; printf sec; printf secre >&2";
    let many = "seq 1 3000 | while read i; do echo secret $i secret; done; printf sec";
    for (script, tty) in [(halves, false), (halves, true), (many, false)] {
        let spec = ContainerSpec {
            tty,
            ..fixture.sh(script)
        };
        let (out, err, _) = within(60, script, fixture.run(&spec)).await;
        for enough in [0, 1501] {
            let label = format!("{script:.40} tty {tty} after {enough}");
            let container = fixture.create(&spec).await;
            let mut kept = begin(&container, enough).await;
            for more in [100, 101, 700, usize::MAX] {
                let enough = kept.out.len().saturating_add(more);
                let mut adoption = container.adopt_with(kept.prior(), dots());
                within(60, &label, kept.read(&mut adoption, enough)).await;
            }
            // Once more, from the very end.
            let mut adoption = container.adopt_with(kept.prior(), dots());
            within(60, &label, kept.read(&mut adoption, usize::MAX)).await;
            assert_eq!(kept.gaps, [], "{label}");
            if !tty {
                assert_same(&kept.err, &Dots::all(&err), &label);
                assert_same(&kept.out, &Dots::all(&out), &label);
            }
            let text = String::from_utf8_lossy(&kept.out).replace('\r', "");
            assert!(!text.contains("secret"), "{label}: {text}");
            assert!(text.ends_with("sec") || tty, "{label}: {text}");
            assert_eq!(tty, kept.err.is_empty() && script == halves, "{label}");
            container.remove().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_has_lost_its_beginning_is_told_of_rewritten_output_too() {
    let fixture = Fixture::new().await;
    let wait = "until test -e /tmp/go; do usleep 10000; done";
    let line = "while read i; do echo secret $i; done";
    let spec = ContainerSpec {
        log_max_bytes: Some(20_000),
        ..fixture.sh(&format!(
            "seq 1 3000 | {line}; {wait}; seq 10001 10200 | {line}"
        ))
    };
    let lines = |range: std::ops::RangeInclusive<u32>| -> String {
        range.map(|n| format!(". {n}\n")).collect()
    };
    for enough in [10, usize::MAX] {
        let container = fixture.create(&spec).await;
        let mut kept = begin(&container, lines(1..=3000).len()).await;
        copied(&container, "secret 3000\n").await;
        kept.out.truncate(enough);
        let before = kept.out.clone();
        let mut adoption = container.adopt_with(kept.prior(), dots());
        let go = Tar::new().file("go", 0o644, b"");
        container.upload("/tmp", context(go)).await.unwrap();
        within(60, "the end", kept.read(&mut adoption, usize::MAX)).await;
        assert_eq!(kept.gaps, [Gap::Dropped], "after {enough}");
        let new = String::from_utf8(kept.out[before.len()..].to_vec()).unwrap();
        assert!(
            lines(10_001..=10_200).ends_with(&new),
            "after {enough}: {new}"
        );
    }
}

/// What was kept of each followed file, and how often it started over.
#[derive(Debug, Clone, Default)]
struct Files {
    content: [Vec<u8>; 3],
    restarts: [usize; 3],
}

const PATHS: [&str; 3] = ["/tmp/grows", "/tmp/changes", "/tmp/goes"];

impl Files {
    fn follow(&self, container: &Container) -> FollowStream {
        let known = PATHS.iter().zip(&self.content).enumerate();
        let files = known.map(|(key, (path, content))| {
            let mut live = LiveFile::new();
            live.record(content);
            (key, *path, live)
        });
        container.follow_on_with(files, &dots()).unwrap()
    }

    /// Reads on until it is enough, or to the end.
    async fn read(&mut self, files: &mut FollowStream, enough: impl Fn(&Files) -> bool) {
        while !enough(self)
            && let Some(event) = within(60, "an event", files.next()).await
        {
            match event.unwrap() {
                FileEvent::Data { file, bytes } => self.content[file].extend_from_slice(&bytes),
                FileEvent::Restarted { file } => {
                    self.content[file].clear();
                    self.restarts[file] += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn text(&self, file: usize) -> &str {
        std::str::from_utf8(&self.content[file]).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_kept_rewritten_is_followed_on() {
    let fixture = Fixture::new().await;
    let wait = |name| format!("until test -e /tmp/{name}; do usleep 10000; done");
    let script = format!(
        "echo first secret > /tmp/changes; echo gone secret > /tmp/goes; {}
         for i in $(seq 200); do printf \"$i sec\" >> /tmp/grows; usleep 3000; echo ret >> /tmp/grows; done
         {}; echo secret > /tmp/changes; rm /tmp/goes; touch /tmp/done; {}; printf secre >> /tmp/grows",
        wait("begin"),
        wait("go"),
        wait("end"),
    );
    let grown: String = (1..=200).map(|n| format!("{n} .\n")).collect();
    for helper in [true, false] {
        let container = fixture.create(&fixture.sh(&script)).await;
        if helper {
            container.inject_helper().await.unwrap();
        }
        let _output = container.start_attached().await.unwrap();
        let tell = async |name| {
            let tar = Tar::new().file(name, 0o644, b"");
            container.upload("/tmp", context(tar)).await.unwrap();
        };
        let mut kept = Files::default();
        let mut files = kept.follow(&container);
        let both = |kept: &Files| kept.content[1..].iter().all(|file| file.ends_with(b".\n"));
        kept.read(&mut files, both).await;
        tell("begin").await;
        // Interrupted again and again.
        for lines in [1, 20, 21, 60, 200] {
            let enough = |kept: &Files| kept.text(0).matches('\n').count() >= lines;
            kept.read(&mut files, enough).await;
            drop(files);
            files = kept.follow(&container);
        }
        assert_eq!(kept.text(0), grown, "helper {helper}");
        assert_eq!(kept.restarts, [0; 3], "helper {helper}");
        drop(files);
        // Nobody follows while this happens.
        tell("go").await;
        let done = || async { container.stat("/tmp/done").await.unwrap().map(drop) };
        let limit = std::time::Duration::from_secs(30);
        dogi_testkit::wait::within(limit, "the change", done)
            .await
            .unwrap();
        let mut files = kept.follow(&container);
        kept.read(&mut files, |kept| kept.text(1) == ".\n").await;
        assert_eq!(kept.restarts, [0, 1, 0], "helper {helper}");
        tell("end").await;
        kept.read(&mut files, |_| false).await;
        for _ in 0..2 {
            assert_eq!(kept.text(0), format!("{grown}secre"), "helper {helper}");
            assert_eq!(kept.text(1), ".\n");
            assert_eq!(kept.text(2), "gone .\n", "what was kept stays");
            assert_eq!(kept.restarts, [0, 1, 0], "helper {helper}");
            // The container has ended: all is there.
            let mut files = kept.follow(&container);
            kept.read(&mut files, |_| false).await;
        }
        container.remove().await.unwrap();
    }
}
