//! What a crash leaves, and how it goes on.

use std::io::{BufRead, BufReader, ErrorKind};

use dogi_stream::{Channel, Lengths, LogWriter, Position};

use crate::support::{Numbers, Place, bytes_from, child, path_from_parent, told};

#[test]
fn nothing_there() {
    let error = LogWriter::recover(&Place::new().path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn goes_on_at_the_end() {
    let place = Place::new();
    let (mut writer, _) = place.create();
    writer.append(Channel::Stdout, b"out").unwrap();
    writer.append(Channel::Stderr, b"error").unwrap();
    drop(writer);
    let (mut writer, log) = place.recover();
    assert_eq!(writer.position(), Position::new(0, 8));
    assert_eq!(
        writer.lengths(),
        Lengths {
            stdout: 3,
            stderr: 5,
            system: 0
        }
    );
    let marks = std::fs::metadata(place.marks()).unwrap().len();
    writer.append(Channel::Stderr, b"s").unwrap();
    assert_eq!(
        std::fs::metadata(place.marks()).unwrap().len(),
        marks,
        "same channel, no mark"
    );
    writer.append(Channel::Stdout, b"out").unwrap();
    drop(writer);
    let expected = [
        (Channel::Stdout, b"out".to_vec()),
        (Channel::Stderr, b"errors".to_vec()),
        (Channel::Stdout, b"out".to_vec()),
    ];
    assert_eq!(told(&mut log.follow(Position::START)).await.runs, expected);
    assert_eq!(bytes_from(&log, Position::new(0, 5)).await, b"rorsout");
}

/// The states between the single writes of an append and of a restart.
#[tokio::test]
async fn every_state_between_two_writes() {
    fn mark(offset: u64, channel: u8) -> Vec<u8> {
        [&offset.to_le_bytes()[..], &[channel]].concat()
    }
    fn marks(generation: u64, records: &[Vec<u8>]) -> Vec<u8> {
        [
            b"dogimrk1".to_vec(),
            generation.to_le_bytes().to_vec(),
            records.concat(),
        ]
        .concat()
    }
    let whole = marks(4, &[mark(0, 1), mark(3, 2)]);
    let torn = |len: usize| whole[..len].to_vec();
    let lengths = |stdout, stderr| Lengths {
        stdout,
        stderr,
        system: 0,
    };
    type Case = (
        &'static str,
        &'static [u8],
        Option<Vec<u8>>,
        Position,
        Lengths,
    );
    let cases: Vec<Case> = vec![
        (
            "whole",
            b"outerror",
            Some(whole.clone()),
            Position::new(4, 8),
            lengths(3, 5),
        ),
        (
            "part of the bytes",
            b"oute",
            Some(whole.clone()),
            Position::new(4, 4),
            lengths(3, 1),
        ),
        (
            "mark but no bytes",
            b"out",
            Some(whole.clone()),
            Position::new(4, 3),
            lengths(3, 0),
        ),
        (
            "torn mark",
            b"out",
            Some(torn(33)),
            Position::new(4, 3),
            lengths(3, 0),
        ),
        (
            "no second mark",
            b"out",
            Some(torn(25)),
            Position::new(4, 3),
            lengths(3, 0),
        ),
        (
            "torn first mark",
            b"",
            Some(torn(20)),
            Position::new(4, 0),
            lengths(0, 0),
        ),
        (
            "torn header",
            b"",
            Some(torn(9)),
            Position::new(0, 0),
            lengths(0, 0),
        ),
        (
            "no marks yet",
            b"",
            None,
            Position::new(0, 0),
            lengths(0, 0),
        ),
        // After a power cut.
        (
            "bytes missing",
            b"ou",
            Some(whole.clone()),
            Position::new(5, 2),
            lengths(2, 0),
        ),
        (
            "all bytes missing",
            b"",
            Some(whole.clone()),
            Position::new(5, 0),
            lengths(0, 0),
        ),
        (
            "zeros",
            b"out",
            Some(marks(4, &[mark(0, 2), vec![0; 90]])),
            Position::new(4, 3),
            lengths(0, 3),
        ),
        (
            "marks lost",
            b"out",
            Some(vec![]),
            Position::new(0, 3),
            lengths(3, 0),
        ),
        (
            "backwards",
            b"outerr",
            Some(marks(4, &[mark(0, 1), mark(3, 2), mark(1, 1)])),
            Position::new(4, 6),
            lengths(3, 3),
        ),
    ];
    for (what, content, marks, position, lengths) in cases {
        let place = Place::new();
        std::fs::write(place.path(), content).unwrap();
        if let Some(marks) = marks {
            std::fs::write(place.marks(), marks).unwrap();
        }
        let (mut writer, log) = place.recover();
        assert_eq!(
            (writer.position(), writer.lengths()),
            (position, lengths),
            "{what}"
        );
        writer.append(Channel::System, b"!").unwrap();
        drop(writer);
        let told = told(&mut log.follow(Position::START)).await;
        assert_eq!(told.bytes, [content, b"!"].concat(), "{what}");
        assert_eq!(
            told.runs.last(),
            Some(&(Channel::System, b"!".to_vec())),
            "{what}"
        );
        let (writer, _) = place.recover();
        assert_eq!(
            writer.lengths(),
            Lengths {
                system: 1,
                ..lengths
            },
            "{what}, again"
        );
        assert_eq!(
            writer.position().generation,
            position.generation,
            "{what}, again"
        );
        assert_eq!(place.names(), [".log.marks", "log"], "{what}");
    }
}

/// A restart makes files, then renames the content, then the marks.
#[test]
fn every_state_of_a_restart() {
    let old_marks = [
        &b"dogimrk1\x07\0\0\0\0\0\0\0"[..],
        &[0, 0, 0, 0, 0, 0, 0, 0, 2],
    ]
    .concat();
    let new_marks = b"dogimrk1\x08\0\0\0\0\0\0\0".to_vec();
    let lengths = |stderr| Lengths {
        stdout: 0,
        stderr,
        system: 0,
    };
    // Content, next marks, next content -> position.
    let cases = [
        (
            "torn next marks",
            "old",
            Some(&new_marks[..7]),
            None,
            Position::new(7, 3),
        ),
        (
            "next marks",
            "old",
            Some(&new_marks[..]),
            None,
            Position::new(7, 3),
        ),
        (
            "next content",
            "old",
            Some(&new_marks[..]),
            Some(""),
            Position::new(7, 3),
        ),
        (
            "content in place",
            "",
            Some(&new_marks[..]),
            None,
            Position::new(8, 0),
        ),
    ];
    for (what, content, next_marks, next_content, position) in cases {
        let place = Place::new();
        std::fs::write(place.path(), content).unwrap();
        std::fs::write(place.marks(), &old_marks).unwrap();
        let beside = |name| place.path().with_file_name(name);
        if let Some(marks) = next_marks {
            std::fs::write(beside(".log.marks.next"), marks).unwrap();
        }
        if let Some(content) = next_content {
            std::fs::write(beside(".log.next"), content).unwrap();
        }
        let (writer, _) = place.recover();
        assert_eq!(writer.position(), position, "{what}");
        assert_eq!(writer.lengths(), lengths(position.offset), "{what}");
        assert_eq!(place.names(), [".log.marks", "log"], "{what}");
    }
}

#[tokio::test]
async fn positions_stay_valid_and_lost_bytes_are_told() {
    let place = Place::new();
    let (mut writer, _) = place.create();
    writer.append(Channel::Stdout, b"out").unwrap();
    writer.append(Channel::Stderr, b"error").unwrap();
    drop(writer);
    // A power cut took bytes that a reader has seen.
    std::fs::OpenOptions::new()
        .write(true)
        .open(place.path())
        .unwrap()
        .set_len(2)
        .unwrap();
    let (mut writer, log) = place.recover();
    writer
        .append(Channel::Stdout, b"t, and other bytes")
        .unwrap();
    drop(writer);
    let told = told(&mut log.follow(Position::new(0, 8))).await;
    assert_eq!(
        (told.restarts, told.bytes),
        (vec![1], b"out, and other bytes".to_vec())
    );
}

/// What the child writes: every channel has its letter, so that the parent can check it. Ends by
/// itself, for the case that nobody kills it.
fn write_much(writer: &mut LogWriter) {
    let end = writer.position().offset + 10_000_000;
    let mut numbers = Numbers::new(end);
    while writer.position().offset < end {
        let (channel, letter) = match numbers.below(2) {
            0 => (Channel::Stdout, b'o'),
            _ => (Channel::Stderr, b'e'),
        };
        let bytes = vec![letter; 1 + numbers.below(500) as usize];
        writer.append(channel, &bytes).unwrap();
    }
}

#[test]
#[ignore = "the process that `killed_at_any_time` kills"]
#[expect(clippy::print_stdout, reason = "tells the parent")]
fn writing_process() {
    let Some(path) = path_from_parent() else {
        return;
    };
    let (mut writer, _log) = LogWriter::recover(&path).unwrap();
    println!("ready");
    write_much(&mut writer);
}

/// A real process, really killed while it writes, again and again over the same log.
#[tokio::test]
async fn killed_at_any_time() {
    let place = Place::new();
    drop(place.create());
    let mut before = Vec::new();
    for round in 0..20_u64 {
        let mut process = child("recover::writing_process", &place.path(), "");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        let enough = before.len() as u64 + Numbers::new(round).below(200_000);
        while std::fs::metadata(place.path()).unwrap().len() < enough {
            assert!(
                process.try_wait().unwrap().is_none(),
                "round {round}: it ended early"
            );
            tokio::task::yield_now().await;
        }
        process.kill().unwrap();
        process.wait().unwrap();

        let (writer, log) = place.recover();
        let lengths = writer.lengths();
        assert_eq!(writer.position().generation, 0);
        drop(writer);
        let told = told(&mut log.follow(Position::START)).await;
        assert!(
            told.bytes.starts_with(&before),
            "round {round}: what was there changed"
        );
        let mut counted = Lengths::default();
        for (channel, bytes) in told.runs {
            let (letter, count) = match channel {
                Channel::Stdout => (b'o', &mut counted.stdout),
                _ => (b'e', &mut counted.stderr),
            };
            assert!(
                bytes.iter().all(|byte| *byte == letter),
                "round {round}: wrong channel"
            );
            *count += bytes.len() as u64;
        }
        assert_eq!(counted, lengths);
        before = told.bytes;
    }
}
