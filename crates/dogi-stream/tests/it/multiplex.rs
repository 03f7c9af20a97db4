//! Several logs in one body.

use dogi_stream::{Channel, Cursor, Framing, Log, LogWriter, Multiplexer, Position};
use futures::{FutureExt as _, StreamExt as _};

use crate::sse::{Event, normalised, parse};
use crate::support::{Numbers, Place};

fn two(place: &Place) -> [(LogWriter, Log); 2] {
    ["a", "b"].map(|name| LogWriter::create(&place.path().with_file_name(name)).unwrap())
}

fn multiplexer(framing: Framing, logs: &[(&str, &Log)], cursor: &Cursor) -> Multiplexer {
    let mut multiplexer = Multiplexer::new(framing, cursor.run());
    for (name, log) in logs {
        multiplexer.add(name, log.follow(cursor.position(name)));
    }
    multiplexer
}

async fn body(multiplexer: &mut Multiplexer) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(frame) = multiplexer.next().await.unwrap() {
        body.extend_from_slice(&frame);
    }
    body
}

#[tokio::test]
async fn it_ends_with_the_last_output_and_then_the_status() {
    let place = Place::new();
    let [(mut a, log_a), (mut b, log_b)] = two(&place);
    let logs = [("a", &log_a), ("b", &log_b)];
    let mut text = multiplexer(Framing::Text, &logs, &Cursor::new("r"));
    assert!(text.next().now_or_never().is_none());
    a.append(Channel::Stdout, b"one").unwrap();
    assert_eq!(text.next().await.unwrap().unwrap(), "==> a <==\n");
    assert_eq!(text.next().await.unwrap().unwrap(), "one");
    drop(a);
    assert!(text.next().now_or_never().is_none());
    b.append(Channel::Stdout, b"two").unwrap();
    drop(b);
    assert_eq!(body(&mut text).await, b"\n==> b <==\ntwo");
    assert_eq!(text.cursor().to_string(), "r;a=0:3;b=0:3");
    text.push_status("{}");
    assert_eq!(body(&mut text).await, b"\n==> status <==\n{}\n");

    let frames: Vec<_> = multiplexer(Framing::Ndjson, &logs, &Cursor::new("r"))
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(frames.len(), 2);
}

#[tokio::test]
async fn nothing_to_follow() {
    let mut multiplexer = Multiplexer::new(Framing::Sse, "r");
    assert_eq!(multiplexer.framing(), Framing::Sse);
    assert_eq!(multiplexer.next().await.unwrap(), None);
    multiplexer.push_status("{}");
    assert_eq!(
        multiplexer.next().await.unwrap().unwrap(),
        "event: status\ndata: {}\nid: r\n\n"
    );
}

/// An output that always has something doesn't keep the other one out.
#[tokio::test]
async fn outputs_take_turns() {
    let place = Place::new();
    let [(mut a, log_a), (mut b, log_b)] = two(&place);
    a.append(Channel::Stdout, &vec![b'a'; 1_000_000]).unwrap();
    b.append(Channel::Stdout, &vec![b'b'; 1_000_000]).unwrap();
    drop((a, b));
    let logs = [("a", &log_a), ("b", &log_b)];
    let body = body(&mut multiplexer(Framing::Text, &logs, &Cursor::new("r"))).await;
    let text = String::from_utf8(body).unwrap();
    let headers = text.matches("==> ").count();
    assert!((2..=40).contains(&headers), "{headers} headers");
    assert_eq!(
        text.matches('b').count(),
        1_000_000 + text.matches("==> b <==").count()
    );
    assert_eq!(
        text.matches('a').count(),
        1_000_000 + text.matches("==> a <==").count()
    );
}

/// Connections that break at every frame: each resumes by the id that came last, and what all of
/// them got together is every output once.
#[tokio::test]
async fn resuming_by_last_event_id() {
    for seed in 0..20 {
        let place = Place::new();
        let mut numbers = Numbers::new(seed);
        let [(mut a, log_a), (mut b, log_b)] = two(&place);
        let (mut bytes_a, mut bytes_b) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            let (writer, all) = if numbers.below(2) == 0 {
                (&mut a, &mut bytes_a)
            } else {
                (&mut b, &mut bytes_b)
            };
            let mut bytes = numbers.bytes(3000);
            if numbers.below(2) == 0 {
                bytes = "ä\r\n€\r😀".repeat(bytes.len() / 10).into_bytes();
                bytes.truncate(bytes.len().saturating_sub(numbers.below(4) as usize));
            }
            writer.append(numbers.channel(), &bytes).unwrap();
            all.extend(bytes);
        }
        drop((a, b));
        let logs = [("a", &log_a), ("b", &log_b)];
        let mut last_event_id = "r".to_owned();
        let (mut got_a, mut got_b) = (String::new(), String::new());
        loop {
            let cursor = last_event_id.parse().unwrap();
            let mut connection = multiplexer(Framing::Sse, &logs, &cursor);
            let mut ended = false;
            for _ in 0..1 + numbers.below(3) {
                let Some(frame) = connection.next().await.unwrap() else {
                    ended = true;
                    break;
                };
                for Event { name, data, id } in parse(&frame) {
                    last_event_id = id;
                    if name == "a" {
                        got_a += &data
                    } else {
                        got_b += &data
                    }
                }
            }
            if ended {
                break;
            }
        }
        assert!(got_a == normalised(&bytes_a), "seed {seed}: a differs");
        assert!(got_b == normalised(&bytes_b), "seed {seed}: b differs");
    }
}

/// The connection breaks after another output's frame, before the one that tells of the restart.
#[tokio::test]
async fn a_restart_is_told_even_when_the_connection_breaks_before() {
    let place = Place::new();
    let [(mut a, log_a), (mut b, log_b)] = two(&place);
    b.append(Channel::Stdout, b"old").unwrap();
    b.restart().unwrap();
    // Whoever follows keeps the bytes in memory, so that they come at once below.
    let _follower = log_a.follow(Position::START);
    a.append(Channel::Stdout, b"a").unwrap();
    let logs = [("a", &log_a), ("b", &log_b)];
    let mut first = multiplexer(Framing::Sse, &logs, &"r;b=0:3".parse().unwrap());
    let frame = first.next().await.unwrap().unwrap();
    let id = parse(&frame).remove(0).id;
    assert_eq!(id, "r;a=0:1;b=0:3");
    drop((first, a, b));
    let mut second = multiplexer(Framing::Sse, &logs, &id.parse().unwrap());
    let events = parse(&body(&mut second).await);
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0].name[..], &events[0].id[..]),
        ("truncated", "r;a=0:1;b=1:0")
    );
    assert_eq!(Position::new(1, 0), log_b.position());
}
