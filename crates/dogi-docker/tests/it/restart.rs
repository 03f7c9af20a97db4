//! The engine stops, crashes and comes back while containers run.

use std::path::PathBuf;
use std::time::Duration;

use dogi_docker::{Container, Docker, Ending, Endpoint, FileEvent, Gap, Output, Prior};
use dogi_testkit::engine::Engine;

use crate::adopt::Kept;
use crate::support::{Fixture, within};

struct Place {
    // Dropped first: it removes what it made.
    fixture: Fixture,
    engine: Engine,
}

impl Place {
    async fn new(live_restore: bool) -> Place {
        let engine = Engine::start(live_restore).await.expect("an engine");
        let docker = Docker::connect(&Endpoint::new(engine.host())).expect("an endpoint");
        let fixture = Fixture::on(docker).await;
        Place { fixture, engine }
    }

    /// Starts it, and reads a first line.
    async fn begin(&self, script: &str) -> (Container, Output, Kept) {
        let container = self.fixture.create(&self.fixture.sh(script)).await;
        let mut output = container.start_attached().await.unwrap().output;
        let mut kept = Kept::default();
        while !kept.out.contains(&b'\n') {
            let (channel, bytes) = output.next().await.unwrap().unwrap();
            kept.add(channel, &bytes);
        }
        (container, output, kept)
    }

    /// The engine is gone and back.
    async fn restart(&mut self, how: How) {
        self.end(how).await;
        self.engine.start_again().await.unwrap();
    }

    async fn end(&mut self, how: How) {
        match how {
            How::Stop => self.engine.stop().await.unwrap(),
            How::Crash => self.engine.kill(),
        }
    }

    /// Waits until the engine's own copy of the output has this.
    async fn copied(&self, container: &Container, text: &str) {
        let mut copy = container.adopt(Prior::none());
        let mut copied = Kept::default();
        within(30, "the copy", copied.read(&mut copy, text.len())).await;
        let copied = String::from_utf8_lossy(&copied.out);
        assert!(copied.starts_with(text), "{copied}");
    }

    /// What the kernel shows of the container's first process.
    async fn process(&self, container: &Container) -> PathBuf {
        let socket = self.engine.host();
        let raw = bollard::Docker::connect_with_unix(
            socket.trim_start_matches("unix://"),
            60,
            bollard::API_DEFAULT_VERSION,
        )
        .unwrap();
        let inspected = raw.inspect_container(container.id().as_str(), None).await;
        let id = inspected.unwrap().state.unwrap().pid.unwrap();
        PathBuf::from(format!("/proc/{id}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Stop,
    Crash,
}

/// What attach still gives, then the rest by adopting; and the end.
async fn to_the_end(container: &Container, mut output: Output, kept: &mut Kept) -> Ending {
    within(60, "the end", async {
        while let Some(Ok((channel, bytes))) = output.next().await {
            kept.add(channel, &bytes);
        }
        let mut adoption = container.adopt(kept.prior());
        kept.read(&mut adoption, usize::MAX).await;
        container.ending().await.unwrap()
    })
    .await
}

fn lines(range: std::ops::RangeInclusive<u32>) -> String {
    range.map(|n| format!("{n}\n")).collect()
}

const POLITE: &str = "trap 'exit 0' TERM; for i in $(seq 100000); do echo $i; usleep 5000; done";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_ends_is_told_as_such_and_read_to_its_end() {
    let mut place = Place::new(false).await;
    for how in [How::Stop, How::Crash] {
        let own = place.begin("echo x; exit 3").await;
        assert_eq!(own.0.wait().await.unwrap().code, 3);
        let (container, output, mut kept) = match how {
            How::Stop => place.begin(POLITE).await,
            // Silent while the engine ends, see below.
            How::Crash => place.begin("seq 10; sleep 1000").await,
        };
        place.copied(&container, &lines(1..=10)).await;
        place.restart(how).await;
        let ending = to_the_end(&container, output, &mut kept).await;
        assert!(ending.by_engine, "{how:?} {ending:?}");
        assert_eq!(kept.gaps, [], "{how:?}");
        let count = u32::try_from(kept.out.split(|byte| *byte == b'\n').count()).unwrap() - 1;
        let text = String::from_utf8(kept.out).unwrap();
        assert!(text == lines(1..=count), "{how:?}: {text}");

        // One that had ended by itself keeps its code.
        let ending = own.0.ending().await.unwrap();
        assert_eq!((ending.exit.code, ending.by_engine), (3, false), "{how:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_live_restore_everything_goes_on() {
    let mut place = Place::new(true).await;
    for how in [How::Stop, How::Crash] {
        // Silent while the engine ends: what it has read and not passed on yet ends with it.
        let script = "seq 10; until test -e /tmp/go; do usleep 10000; done; \
                      for i in $(seq 11 400); do echo $i; usleep 10000; done; exit 5";
        let (container, output, mut kept) = place.begin(script).await;
        place.copied(&container, &lines(1..=10)).await;
        let root = place.process(&container).await.join("root");
        place.end(how).await;
        std::fs::write(root.join("tmp/go"), "").unwrap();
        place.engine.start_again().await.unwrap();
        let ending = to_the_end(&container, output, &mut kept).await;
        assert_eq!(
            (ending.exit.code, ending.by_engine, ending.witnessed),
            (5, false, true),
            "{how:?} {ending:?}"
        );
        assert_eq!(kept.gaps, [], "{how:?}");
        assert_eq!(String::from_utf8(kept.out).unwrap(), lines(1..=400));
    }
}

/// What an engine has read from a container, and not passed on at the moment of its own end, nobody has.
/// That is a line at most here, and not always.
#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_printed_while_the_engine_ends_nothing_comes_twice_or_in_disorder() {
    let mut place = Place::new(true).await;
    for how in [How::Stop, How::Crash] {
        let script = "for i in $(seq 400); do echo $i; usleep 10000; done; exit 5";
        let (container, output, mut kept) = place.begin(script).await;
        place.end(how).await;
        place.engine.start_again().await.unwrap();
        let ending = to_the_end(&container, output, &mut kept).await;
        assert_eq!((ending.exit.code, ending.by_engine), (5, false), "{how:?}");
        let text = String::from_utf8(kept.out).unwrap();
        let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{how:?}: {text}");
        assert_eq!(numbers.last(), Some(&400), "{how:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_read_an_output_again_is_told() {
    let mut place = Place::new(true).await;
    let wait = "until test -e /tmp/go; do usleep 10000; done";
    let script = format!("for i in $(seq 10); do echo $i; done; {wait}; seq 11 20; exit 7");
    let (container, output, mut kept) = place.begin(&script).await;
    place.copied(&container, &lines(1..=10)).await;
    place.engine.kill();
    // The next engine can't find out where the output is.
    place.engine.freeze().unwrap();
    place.engine.start_again().await.unwrap();
    place.engine.thaw().unwrap();
    let go = crate::support::context(crate::support::Tar::new().file("go", 0o644, b""));
    container.upload("/tmp", go).await.unwrap();
    let ending = to_the_end(&container, output, &mut kept).await;
    assert_eq!(
        (ending.exit.code, ending.by_engine),
        (7, false),
        "{ending:?}"
    );
    assert_eq!(kept.gaps, [Gap::Unheard]);
    assert_eq!(String::from_utf8(kept.out).unwrap(), lines(1..=10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_while_the_engine_is_away_is_not_said_to_be_witnessed() {
    let mut place = Place::new(true).await;
    let (container, output, mut kept) = place.begin("echo on; sleep 1; exit 6").await;
    let process = place.process(&container).await.join("exe");
    place.engine.kill();
    let ended = || async { (!process.exists()).then_some(()) };
    dogi_testkit::wait::within(Duration::from_secs(30), "the job's end", ended)
        .await
        .unwrap();
    place.engine.start_again().await.unwrap();
    let ending = to_the_end(&container, output, &mut kept).await;
    assert_eq!(
        (ending.exit.code, ending.by_engine, ending.witnessed),
        (6, false, false),
        "{ending:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_files_go_on() {
    let mut place = Place::new(true).await;
    let script = "echo on; for i in $(seq 500); do echo $i >> /tmp/data; usleep 10000; done";
    let (container, output, mut kept) = place.begin(script).await;
    let mut files = container.follow(&[(0, "/tmp/data")]).unwrap();
    let mut data = Vec::new();
    let first = within(30, "data", files.next()).await.unwrap().unwrap();
    let mut take = |event| match event {
        FileEvent::Data { bytes, .. } => data.extend_from_slice(&bytes),
        other => panic!("{other:?}"),
    };
    take(first);
    place.restart(How::Stop).await;
    within(60, "the files' end", async {
        while let Some(event) = files.next().await {
            take(event.unwrap());
        }
    })
    .await;
    assert_eq!(String::from_utf8(data).unwrap(), lines(1..=500));
    to_the_end(&container, output, &mut kept).await;
}
