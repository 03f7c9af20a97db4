//! `tail -f`.

use std::sync::Arc;
use std::task::Poll;

use dogi_stream::{Channel, Piece, Position};
use futures::{FutureExt as _, StreamExt as _};
use proptest::prelude::*;
use tokio::sync::Barrier;

use crate::support::{Numbers, Place, bytes_from, told};

#[tokio::test]
async fn a_follower_waits_and_is_woken() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let mut follower = log.follow(Position::START);
    assert!(follower.next().now_or_never().is_none());
    writer.append(Channel::Stderr, b"no newline").unwrap();
    let piece = Piece::Data {
        position_after: Position::new(0, 10),
        channel: Channel::Stderr,
        bytes: "no newline".into(),
    };
    assert_eq!(follower.next().await.unwrap(), Some(piece));
    assert!(follower.next().now_or_never().is_none());
    drop(writer);
    assert_eq!(follower.next().await.unwrap(), None);
    assert_eq!(follower.next().await.unwrap(), None);
}

/// A job that writes a word without a newline and is gone: followers from before, during and
/// after all get the whole of it, ten thousand times.
#[test]
fn ten_thousand_very_short_runs() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    let place = Place::new();
    runtime.block_on(async {
        for run in 0..10_000_u64 {
            let path = place.path().with_file_name(format!("log{run}"));
            let (mut writer, log) = dogi_stream::LogWriter::create(&path).unwrap();
            let word = format!("run {run}");
            let mut before = log.follow(Position::START);
            let before = tokio::spawn(async move { told(&mut before).await.bytes });
            let gate = Arc::new(Barrier::new(2));
            let during = {
                let (log, gate) = (log.clone(), gate.clone());
                tokio::spawn(async move {
                    gate.wait().await;
                    bytes_from(&log, Position::START).await
                })
            };
            let writing = {
                let word = word.clone();
                tokio::spawn(async move {
                    gate.wait().await;
                    if run % 3 == 0 {
                        let (first, rest) = word.as_bytes().split_at(3);
                        writer.append(Channel::Stdout, first).unwrap();
                        writer.append(Channel::Stdout, rest).unwrap();
                    } else {
                        writer.append(Channel::Stdout, word.as_bytes()).unwrap();
                    }
                    if run % 2 == 0 {
                        writer.finish();
                    }
                })
            };
            assert_eq!(before.await.unwrap(), word.as_bytes(), "before, run {run}");
            assert_eq!(during.await.unwrap(), word.as_bytes(), "during, run {run}");
            writing.await.unwrap();
            assert_eq!(
                bytes_from(&log, Position::START).await,
                word.as_bytes(),
                "after {run}"
            );
            std::fs::remove_file(path).unwrap();
        }
    });
}

/// An append and the end before the follower is ever polled again: one wake-up for both.
#[tokio::test]
async fn the_last_byte_comes_before_the_end() {
    for len in [1, 8191, 8192, 8193, 300_000] {
        let place = Place::new();
        let (mut writer, log) = place.create();
        let mut follower = log.follow(Position::START);
        assert!(follower.next().now_or_never().is_none());
        let content = vec![b'x'; len];
        writer.append(Channel::Stdout, &content).unwrap();
        drop(writer);
        assert_eq!(told(&mut follower).await.bytes, content);
    }
}

/// Cancelling `next` at any point loses nothing.
#[tokio::test]
async fn next_is_cancel_safe() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let content = Numbers::new(5).bytes(2_000_000);
    writer.append(Channel::Stdout, &content).unwrap();
    let mut follower = log.follow(Position::START);
    let mut got = Vec::new();
    let mut polls = 0;
    while got.len() < content.len() {
        polls += 1;
        // Polled once and dropped, while a block may be on its way from the disk.
        match follower.next().now_or_never() {
            Some(Ok(Some(Piece::Data { bytes, .. }))) => got.extend_from_slice(&bytes),
            Some(other) => panic!("{other:?}"),
            None => tokio::task::yield_now().await,
        }
    }
    assert!(
        got == content,
        "{} bytes differ after {polls} polls",
        got.len()
    );
    drop(writer);
    assert_eq!(follower.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_follower_is_a_stream() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"a").unwrap();
    writer.append(Channel::Stderr, b"b").unwrap();
    drop(writer);
    let pieces: Vec<_> = log
        .follow(Position::START)
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(pieces.len(), 2);
}

/// A follower that always finds something still lets other tasks run.
#[tokio::test(flavor = "current_thread")]
async fn a_busy_follower_yields() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let mut follower = log.follow(Position::START);
    for byte in 0..1000 {
        let channel = if byte % 2 == 0 {
            Channel::Stdout
        } else {
            Channel::Stderr
        };
        writer.append(channel, b"x").unwrap();
    }
    let mut yielded = false;
    for _ in 0..1000 {
        let polled = futures::poll!(std::pin::pin!(follower.next()));
        yielded |= matches!(polled, Poll::Pending);
    }
    assert!(yielded);
}

#[tokio::test]
async fn positions_that_cannot_be_resumed_begin_again() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"old").unwrap();
    writer.restart().unwrap();
    writer.append(Channel::Stdout, b"new content").unwrap();
    drop(writer);
    let cases: [(&str, &[u8], &[u64]); 10] = [
        // Valid ones.
        ("1:0", b"new content", &[]),
        ("1:4", b"content", &[]),
        ("1:11", b"", &[]),
        // Nothing seen: nothing to be out of date.
        ("0:0", b"new content", &[]),
        ("7:0", b"new content", &[]),
        // Beyond the end.
        ("1:12", b"new content", &[1]),
        ("1:18446744073709551615", b"new content", &[1]),
        // Generations of the past and of somebody else.
        ("0:2", b"new content", &[1]),
        ("2:1", b"new content", &[1]),
        ("18446744073709551615:5", b"new content", &[1]),
    ];
    for (from, bytes, restarts) in cases {
        let mut follower = log.follow(from.parse().unwrap());
        let told = told(&mut follower).await;
        assert_eq!(
            (&told.bytes[..], &told.restarts[..]),
            (bytes, restarts),
            "{from}"
        );
        assert_eq!(follower.position(), Position::new(1, 11));
    }
}

/// Beyond the end of a log that still grows: the answer doesn't wait for it to grow that far.
#[tokio::test]
async fn a_position_beyond_the_end_of_a_growing_log() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"ab").unwrap();
    let mut follower = log.follow(Position::new(0, 3));
    // Until the reader has been told, it stands where it stood.
    assert_eq!(follower.position(), Position::new(0, 3));
    assert_eq!(
        follower.next().await.unwrap(),
        Some(Piece::Restarted { generation: 0 })
    );
    assert_eq!(follower.position(), Position::START);
    writer.append(Channel::Stdout, b"cd").unwrap();
    drop(writer);
    assert_eq!(told(&mut follower).await.bytes, b"abcd");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the bytes were appended and wherever reading starts, the rest is the rest, with
    /// its channels.
    #[test]
    fn resume_from_any_position(
        appends in prop::collection::vec((0..3_usize, 1..20_000_usize), 1..40),
        following: bool,
        starts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let (mut writer, log) = place.create();
            let mut numbers = Numbers::new(appends.len() as u64);
            let keeps_memory = following.then(|| log.follow(Position::START));
            let mut all = Vec::new();
            for (channel, len) in appends {
                let channel = [Channel::Stdout, Channel::Stderr, Channel::System][channel];
                let bytes: Vec<u8> = (0..len).map(|_| numbers.below(256) as u8).collect();
                writer.append(channel, &bytes).unwrap();
                all.extend(bytes.into_iter().map(|byte| (channel, byte)));
            }
            for start in starts {
                let start = start.index(all.len() + 1);
                let mut follower = log.snapshot(Position::new(0, start as u64));
                let runs = told(&mut follower).await.runs;
                let got: Vec<_> = runs
                    .into_iter()
                    .flat_map(|(channel, bytes)| bytes.into_iter().map(move |b| (channel, b)))
                    .collect();
                assert!(got == all[start..], "from {start}");
            }
            drop((keeps_memory, writer));
        });
    }
}
