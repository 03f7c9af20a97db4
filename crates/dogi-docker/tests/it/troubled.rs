//! Taking up output from an engine that answers, and fails or breaks off: it is asked again, with
//! pauses and not for ever. The engine is made up: a real one can't be told to fail.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dogi_docker::{
    Adopted, Channel, Container, ContainerId, Docker, Endpoint, Gap, Prior, StartError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::adopt::Kept;
use crate::support::{Fixture, within};

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ENDED: &str = r#"{"Id":"ID","State":{"Status":"exited","Running":false,"ExitCode":0}}"#;
const RUNNING: &str = r#"{"Id":"ID","State":{"Status":"running","Running":true}}"#;

/// What is asked of the engine in an adoption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Ping,
    State,
    Tail,
    Logs,
    Wait,
    Info,
    Events,
    Top,
}

impl Call {
    fn of(path: &str) -> Call {
        match path {
            path if path.contains("_ping") => Call::Ping,
            path if path.contains("tail=1") => Call::Tail,
            path if path.contains("/logs") => Call::Logs,
            path if path.contains("/wait") => Call::Wait,
            path if path.ends_with("/info") => Call::Info,
            path if path.contains("/events") => Call::Events,
            path if path.contains("/top") => Call::Top,
            _ => Call::State,
        }
    }
}

/// One container with one line of output, as an engine without trouble tells of it.
fn well(call: Call, state: &str) -> Vec<u8> {
    let line = b"2024-01-01T00:00:00.000000001Z hello\n";
    let mut frame = vec![1, 0, 0, 0, 0, 0, 0, u8::try_from(line.len()).unwrap()];
    frame.extend_from_slice(line);
    match call {
        Call::Ping => answer("200 OK", b"OK"),
        Call::State => answer("200 OK", state.replace("ID", ID).as_bytes()),
        Call::Tail | Call::Logs => answer("200 OK", &frame),
        Call::Wait => answer("200 OK", br#"{"StatusCode":0}"#),
        Call::Info => answer("200 OK", b"{}"),
        Call::Events => answer("200 OK", b""),
        Call::Top => answer("200 OK", br#"{"Titles":[],"Processes":[]}"#),
    }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    text
}

/// An answer that ends within a frame.
fn broken() -> Vec<u8> {
    answer("200 OK", &[1, 0, 0, 0])
}

type Asked = Arc<Mutex<Vec<Call>>>;

/// An engine that answers each request by `respond`, which is told how often that call came before.
struct Troubled {
    docker: Docker,
    asked: Asked,
    _task: AbortOnDropHandle<()>,
}

impl Troubled {
    async fn start(respond: impl Fn(Call, usize) -> Vec<u8> + Send + Sync + 'static) -> Troubled {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Asked::default();
        let seen = Arc::clone(&asked);
        let respond = Arc::new(respond);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (seen, respond) = (Arc::clone(&seen), Arc::clone(&respond));
                tokio::spawn(async move { serve(tcp, &seen, respond.as_ref()).await });
            }
        });
        Troubled {
            docker: Docker::connect(&Endpoint::new(format!("tcp://127.0.0.1:{port}"))).unwrap(),
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    async fn container(&self) -> Container {
        let id = ContainerId::parse(ID).unwrap();
        let found = self.docker.container(&id).await.unwrap();
        self.asked.lock().unwrap().clear();
        found
    }

    fn count(&self, call: Call) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| **asked == call).count()
    }
}

/// One request for each connection; none of them has a body.
async fn serve(
    mut tcp: TcpStream,
    seen: &Asked,
    respond: &(dyn Fn(Call, usize) -> Vec<u8> + Sync),
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if tcp.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let call = Call::of(head.split(' ').nth(1).unwrap_or_default());
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(call);
        seen.iter().filter(|other| **other == call).count() - 1
    };
    // A client that is gone asked for nothing.
    let _ = tcp.write_all(&respond(call, before)).await;
    let _ = tcp.shutdown().await;
}

async fn adopted(container: &Container, label: &str) -> Kept {
    let mut kept = Kept::default();
    let mut adoption = container.adopt(Prior::none());
    within(60, label, kept.read(&mut adoption, usize::MAX)).await;
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_always_breaks_off_is_given_up_after_pauses() {
    let cases = [("ended", ENDED), ("running", RUNNING)];
    futures::future::join_all(cases.map(|(label, state)| always_broken(label, state))).await;
}

async fn always_broken(label: &str, state: &'static str) {
    let engine = Troubled::start(move |call, _| match call {
        Call::Logs => broken(),
        call => well(call, state),
    })
    .await;
    let container = engine.container().await;
    let begun = Instant::now();
    let kept = adopted(&container, label).await;
    assert!(
        matches!(kept.gaps[..], [Gap::Unreadable { .. }]),
        "{label}: {kept:?}"
    );
    let asked = engine.count(Call::Logs);
    assert!((5..=50).contains(&asked), "{label}: asked {asked} times");
    let pauses = Duration::from_secs(2);
    assert!(begun.elapsed() > pauses, "{label}: no pauses");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_passes_costs_no_output() {
    let refused = || answer("500 Internal Server Error", br#"{"message":"busy"}"#);
    let cases: [(&str, Call, fn() -> Vec<u8>); 5] = [
        ("the state is refused", Call::State, refused),
        ("the copy's end is refused", Call::Tail, refused),
        ("the copy is refused", Call::Logs, refused),
        ("the copy's end breaks off", Call::Tail, broken),
        ("the copy breaks off", Call::Logs, broken),
    ];
    for (label, troubled, trouble) in cases {
        // The container is found before the trouble begins.
        let first = usize::from(troubled == Call::State);
        let engine = Troubled::start(move |call, before| {
            if call == troubled && (first..first + 3).contains(&before) {
                trouble()
            } else {
                well(call, ENDED)
            }
        })
        .await;
        let id = ContainerId::parse(ID).unwrap();
        let container = engine.docker.container(&id).await.unwrap();
        let kept = adopted(&container, label).await;
        assert_eq!(kept.gaps, [], "{label}");
        assert_eq!(kept.out, b"hello\n", "{label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_the_engine_can_never_give_is_given_up_at_once() {
    let engine = Troubled::start(|call, _| match call {
        Call::Tail | Call::Logs => answer("501 Not Implemented", br#"{"message":"no reading"}"#),
        call => well(call, ENDED),
    })
    .await;
    let container = engine.container().await;
    let kept = adopted(&container, "no reading").await;
    let reason = "no reading".to_owned();
    assert_eq!(kept.gaps, [Gap::Unreadable { reason }]);
    assert_eq!(engine.count(Call::Tail), 1);
}

const OUT: u8 = 1;
const ERR: u8 = 2;

/// What comes of a copy's lines, numbered in time, on standard output.
fn copy_of(lines: impl IntoIterator<Item = u32>) -> Vec<u8> {
    copy_on(lines.into_iter().map(|n| (OUT, n)))
}

/// The same on the channels that are named.
fn copy_on(lines: impl IntoIterator<Item = (u8, u32)>) -> Vec<u8> {
    answer("200 OK", &frames(lines))
}

fn frames(lines: impl IntoIterator<Item = (u8, u32)>) -> Vec<u8> {
    let frames = lines.into_iter().flat_map(|(channel, n)| {
        let line = format!("2024-01-01T00:00:00.{n:09}Z line {n:>80}\n");
        let length = u8::try_from(line.len()).unwrap();
        let mut frame = vec![channel, 0, 0, 0, 0, 0, 0, length];
        frame.extend_from_slice(line.as_bytes());
        frame
    });
    frames.collect()
}

/// What an adoption gives, in its order: lines of output, and gaps.
async fn pieces(container: &Container, kept: &Kept, label: &str) -> Vec<String> {
    let mut adoption = container.adopt(kept.prior());
    let reading = async {
        let mut pieces = Vec::new();
        while let Some(piece) = adoption.next().await {
            pieces.push(match piece.unwrap() {
                Adopted::Output(Channel::Stdout, bytes) => format!("out {}", number_of(&bytes)),
                Adopted::Output(Channel::Stderr, bytes) => format!("err {}", number_of(&bytes)),
                Adopted::Gap(gap) => format!("{gap:?}"),
            });
        }
        pieces
    };
    within(60, label, reading).await
}

fn number_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.split_whitespace().last().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_its_beginning_is_told_before_anything_of_either_channel() {
    let kept = |out: &str, err: &str| Kept {
        out: out.into(),
        err: err.into(),
        ..Kept::default()
    };
    let whole = [(OUT, 1), (ERR, 2), (OUT, 3), (ERR, 4), (OUT, 5)];
    // (what is kept, from which line on the copy is there, what comes)
    let cases: [(Kept, usize, &[&str]); 5] = [
        (
            kept(&lines(1..=1), ""),
            0,
            &["err 2", "out 3", "err 4", "out 5"],
        ),
        (
            kept(&(lines(1..=1) + &lines(3..=3)), ""),
            0,
            &["err 2", "err 4", "out 5"],
        ),
        (
            kept(&lines(1..=1), &lines(2..=2)),
            0,
            &["out 3", "err 4", "out 5"],
        ),
        // The copy has lost line 1, or 1 and 2; nothing of it is known to be new.
        (kept(&lines(1..=1), ""), 1, &["Dropped"]),
        (kept("", &lines(2..=2)), 2, &["Dropped"]),
    ];
    for (kept, from, wanted) in cases {
        let label = format!("{kept:?} {from}");
        let engine = Troubled::start(move |call, _| match call {
            Call::Tail | Call::Logs => copy_on(whole[from..].iter().copied()),
            call => well(call, ENDED),
        })
        .await;
        let container = engine.container().await;
        assert_eq!(pieces(&container, &kept, &label).await, wanted, "{label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_has_not_ended_does_not_hold_up_the_other_channel() {
    let engine = Troubled::start(|call, before| match (call, before) {
        (Call::State, 0..4) => well(call, RUNNING),
        (Call::Tail | Call::Logs, 0) => copy_on([(OUT, 1), (ERR, 2)]),
        (Call::Tail | Call::Logs, _) => copy_on([(OUT, 1), (ERR, 2), (OUT, 3)]),
        (call, _) => well(call, ENDED),
    })
    .await;
    let container = engine.container().await;
    let kept = Kept {
        out: (lines(1..=1) + "line").into_bytes(),
        ..Kept::default()
    };
    let wanted = ["err 2", "out 3"];
    assert_eq!(pieces(&container, &kept, "half a line").await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_copy_as_large_as_one_of_its_files_is_doubted_where_what_is_known_tells_nothing() {
    // (the most that a file of the copy may have, what is known, whether a gap is told)
    let cases = [
        (1_200, 0, true),
        (1_400, 0, false),
        (2_000_000, 0, false),
        (1_200, 1, true),
        (1_200, 20, false),
    ];
    for (most, known, told) in cases {
        let label = format!("{most} {known}");
        let state = format!(
            r#"{{"Id":"ID","State":{{"Status":"exited","Running":false,"ExitCode":0}},
            "HostConfig":{{"LogConfig":{{"Type":"local","Config":{{"max-size":"{most}"}}}}}}}}"#
        );
        let all = if known < 10 { 10 } else { 30 };
        let engine = Troubled::start(move |call, _| match call {
            Call::Tail | Call::Logs => copy_of(1..=all),
            call => well(call, &state),
        })
        .await;
        let container = engine.container().await;
        let mut kept = Kept {
            out: lines(1..=known).into_bytes(),
            ..Kept::default()
        };
        let mut adoption = container.adopt(kept.prior());
        within(30, &label, kept.read(&mut adoption, usize::MAX)).await;
        let wanted: &[Gap] = if told { &[Gap::Dropped] } else { &[] };
        assert_eq!(kept.gaps, wanted, "{label}");
        assert_eq!(String::from_utf8(kept.out).unwrap(), lines(1..=all));
    }
}

/// Events of containers as the engine remembers them: whose, what, and when, in nanoseconds of 2024.
fn events(of: impl IntoIterator<Item = (&'static str, &'static str, u32)>) -> Vec<u8> {
    let event = |(id, action, at): (&str, &str, u32)| {
        let nano = 1_704_067_200_000_000_000_u64 + u64::from(at);
        format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}"}},"timeNano":{nano}}}"#
        )
    };
    let text: Vec<_> = of.into_iter().map(event).collect();
    answer("200 OK", (text.join("\n") + "\n").as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_memory_that_shows_a_restart_tells_one() {
    const OTHER: &str = "bb";
    let checks = (0..200).map(|n| (OTHER, "exec_start", 100 + n));
    let refused = answer("400 Bad Request", br#"{"message":"no such filter"}"#);
    // The copy has lines 1 to 10, each at its own time.
    let cases = [
        (
            "the start is remembered",
            events([(ID, "start", 0), (ID, "die", 20)]),
            false,
        ),
        (
            "restarted, and heard since",
            events([(OTHER, "start", 5), (ID, "die", 20)]),
            false,
        ),
        (
            "restarted, and not heard since",
            events([(OTHER, "start", 15), (ID, "die", 20)]),
            true,
        ),
        (
            "its end alone tells nothing",
            events([(ID, "die", 20)]),
            false,
        ),
        (
            "the start may be forgotten",
            events(checks.chain([(ID, "die", 320)])),
            false,
        ),
        ("the memory can't be read", refused, false),
        ("the memory makes no sense", answer("200 OK", b"no"), false),
    ];
    for (label, remembered, told) in cases {
        let engine = Troubled::start(move |call, _| match call {
            Call::Tail | Call::Logs => copy_of(1..=10),
            Call::Info => restoring(),
            Call::Events => remembered.clone(),
            call => well(call, ENDED),
        })
        .await;
        let container = engine.container().await;
        let kept = adopted(&container, label).await;
        let wanted: &[Gap] = if told { &[Gap::Unheard] } else { &[] };
        assert_eq!(kept.gaps, wanted, "{label}");
        assert_eq!(String::from_utf8(kept.out).unwrap(), lines(1..=10));
    }
}

fn restoring() -> Vec<u8> {
    let info = br#"{"LiveRestoreEnabled":true,"SystemTime":"2024-01-01T00:01:00.000000000Z"}"#;
    answer("200 OK", info)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_life_of_an_engine_whose_socket_always_answers_is_noticed() {
    // The first life heard the job from line 5 on; the second one, which begins while the copy is read,
    // hears nothing. Pings are answered all the time.
    let whole: [_; 10] = std::array::from_fn(|n| (OUT, u32::try_from(n + 1).unwrap()));
    for breaks in [true, false] {
        let engine = Troubled::start(move |call, before| match (call, before) {
            (Call::Logs, 0) if breaks => answer("200 OK", &[frames(whole), vec![OUT]].concat()),
            (Call::Tail | Call::Logs, _) => answer("200 OK", &frames(whole)),
            (Call::Info, _) => restoring(),
            (Call::Events, 0) => events([("bb", "start", 5)]),
            (Call::Events, _) => events([("bb", "start", 15), (ID, "die", 20)]),
            (Call::State, 0..3) => well(call, RUNNING),
            (call, _) => well(call, ENDED),
        })
        .await;
        let container = engine.container().await;
        let kept = adopted(&container, "two lives").await;
        assert_eq!(kept.gaps, [Gap::Unheard], "breaks {breaks}");
        assert_eq!(String::from_utf8(kept.out).unwrap(), lines(1..=10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_copy_had_not_taken_yet_does_not_come_again() {
    // Attach told lines up to 50. The copy has lost its beginning, and is at 45 when it is looked at.
    // Lines 51 to 90 come while that shows: they are in the gap.
    let engine = Troubled::start(|call, before| match (call, before) {
        (Call::State, 0..4) => well(call, RUNNING),
        (Call::Tail, 0..3) => copy_of(30..=45),
        (Call::Tail, 3) => copy_of(30..=90),
        (Call::Logs, 0) => copy_of(30..=90),
        (Call::Tail | Call::Logs, _) => copy_of(30..=100),
        (call, _) => well(call, ENDED),
    })
    .await;
    let container = engine.container().await;
    let mut kept = Kept {
        out: lines(1..=50).into_bytes(),
        ..Kept::default()
    };
    let mut adoption = container.adopt(kept.prior());
    within(60, "the rest", kept.read(&mut adoption, usize::MAX)).await;
    assert_eq!(kept.gaps, [Gap::Dropped]);
    assert_eq!(
        String::from_utf8(kept.out).unwrap(),
        lines(1..=50) + &lines(91..=100)
    );
}

fn lines(range: std::ops::RangeInclusive<u32>) -> String {
    range.map(|n| format!("line {n:>80}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_runs_already_is_told_and_left_alone() {
    let fixture = Fixture::new().await;
    let container = fixture.create(&fixture.sh("echo once; sleep 60")).await;
    // As an earlier life of the server does whose request takes effect late.
    drop(container.start_attached().await.unwrap());
    let again = within(30, "the answer", container.start_attached()).await;
    assert!(
        matches!(again, Err(StartError::AlreadyStarted { .. })),
        "{again:?}"
    );
    let mut kept = Kept::default();
    let mut adoption = container.adopt(Prior::none());
    within(30, "its output", kept.read(&mut adoption, 5)).await;
    assert_eq!(kept.out, b"once\n");
    container.remove().await.unwrap();
}
