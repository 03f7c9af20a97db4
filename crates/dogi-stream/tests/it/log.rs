//! Writing, and what is on disk then.

use std::io::ErrorKind;

use bytes::Bytes;
use dogi_stream::{Channel, Lengths, Log, LogWriter, Position};

use crate::support::{Place, bytes_from, told};

#[test]
fn content_on_disk_is_the_raw_bytes() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    assert_eq!(log.position(), Position::START);
    assert_eq!(
        writer.append(Channel::Stdout, b"one\n").unwrap(),
        Position::new(0, 4)
    );
    assert_eq!(
        writer.append(Channel::Stderr, b"\xff\0").unwrap(),
        Position::new(0, 6)
    );
    assert_eq!(std::fs::read(log.path()).unwrap(), b"one\n\xff\0");
    assert_eq!(log.position(), Position::new(0, 6));
    assert_eq!(
        writer.lengths(),
        Lengths {
            stdout: 4,
            stderr: 2,
            system: 0
        }
    );
    assert_eq!(place.names(), [".log.marks", "log"]);
    assert!(!log.is_finished());
    assert_eq!(writer.finish(), Position::new(0, 6));
    assert!(log.is_finished());
}

#[test]
fn marks_are_written_only_when_the_channel_changes() {
    let place = Place::new();
    let (mut writer, _log) = place.create();
    for _ in 0..1000 {
        writer.append(Channel::Stdout, b"line\n").unwrap();
    }
    assert_eq!(std::fs::metadata(place.marks()).unwrap().len(), 16 + 9);
    writer.append(Channel::Stderr, b"x").unwrap();
    assert_eq!(std::fs::metadata(place.marks()).unwrap().len(), 16 + 2 * 9);
    assert_eq!(writer.disk_len(), 5001 + 16 + 2 * 9);
}

#[test]
fn output_is_nobody_elses_business() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let (_writer, log) = place.create();
    for path in [log.path(), &place.marks()] {
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn an_existing_file_is_left_alone() {
    let place = Place::new();
    std::fs::write(place.path(), "mine").unwrap();
    let error = LogWriter::create(&place.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(place.path()).unwrap(), b"mine");
    assert_eq!(place.names(), ["log"]);
}

#[test]
fn a_path_without_a_name_is_refused() {
    let error = LogWriter::create("/".as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "`/` names no file");
    assert_eq!(
        Log::open_finished("..".as_ref()).unwrap_err().to_string(),
        "`..` names no file"
    );
}

#[tokio::test]
async fn appending_nothing_changes_nothing() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stderr, b"").unwrap();
    writer.append_all(&[]).unwrap();
    writer
        .append_all(&[(Channel::System, Bytes::new())])
        .unwrap();
    assert_eq!(std::fs::metadata(place.marks()).unwrap().len(), 16);
    drop(writer);
    assert_eq!(bytes_from(&log, Position::START).await, b"");
}

#[tokio::test]
async fn several_runs_are_appended_at_once() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let mut follower = log.follow(Position::START);
    let runs = [
        (Channel::Stdout, Bytes::from_static(b"a")),
        (Channel::Stderr, Bytes::from(vec![b'b'; 20_000])),
        (Channel::Stderr, Bytes::from_static(b"c")),
        (Channel::System, Bytes::from_static(b"d")),
    ];
    assert_eq!(writer.append_all(&runs).unwrap(), Position::new(0, 20_003));
    drop(writer);
    let expected = vec![
        (Channel::Stdout, b"a".to_vec()),
        (Channel::Stderr, [vec![b'b'; 20_000], vec![b'c']].concat()),
        (Channel::System, b"d".to_vec()),
    ];
    assert_eq!(told(&mut follower).await.runs, expected);
    assert_eq!(told(&mut log.follow(Position::START)).await.runs, expected);
}

#[tokio::test]
async fn a_finished_log_is_opened_later() {
    let place = Place::new();
    let (mut writer, _) = place.create();
    writer.append(Channel::Stdout, b"out").unwrap();
    writer.restart().unwrap();
    writer.append(Channel::Stderr, b"err").unwrap();
    writer.append(Channel::Stdout, b"out").unwrap();
    drop(writer);
    let log = Log::open_finished(&place.path()).unwrap();
    assert!(log.is_finished());
    assert_eq!(log.position(), Position::new(1, 6));
    let expected = vec![
        (Channel::Stderr, b"err".to_vec()),
        (Channel::Stdout, b"out".to_vec()),
    ];
    assert_eq!(told(&mut log.follow(Position::START)).await.runs, expected);
    assert_eq!(bytes_from(&log, Position::new(1, 4)).await, b"ut");
}

#[tokio::test]
async fn content_without_marks_counts_as_standard_output() {
    let place = Place::new();
    for marks in [
        None,
        Some(&b"dogimrk"[..]),
        Some(b"something else entirely"),
    ] {
        std::fs::write(place.path(), "text").unwrap();
        if let Some(marks) = marks {
            std::fs::write(place.marks(), marks).unwrap();
        }
        let log = Log::open_finished(&place.path()).unwrap();
        assert_eq!(log.position(), Position::new(0, 4));
        let told = told(&mut log.follow(Position::START)).await;
        assert_eq!(told.runs, [(Channel::Stdout, b"text".to_vec())]);
    }
}

#[tokio::test]
async fn ranges_and_snapshots_end_where_the_log_ends_now() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let content: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    writer.append(Channel::Stdout, &content).unwrap();
    let cases = [
        (0, 0),
        (0, 1),
        (7, 8),
        (0, 8192),
        (8191, 8193),
        (100, 150_000),
        (199_999, 1 << 40),
    ];
    for (start, end) in cases {
        let mut range = log.range(start..end);
        let expected = &content[start as usize..content.len().min(end as usize)];
        assert_eq!(told(&mut range).await.bytes, expected, "{start}..{end}");
    }
    assert_eq!(told(&mut log.range(300_000..400_000)).await.bytes, b"");
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may ask for it")]
    let reversed = log.range(9..3);
    assert_eq!(told(&mut { reversed }).await.bytes, b"");

    let mut snapshot = log.snapshot(Position::new(0, 10));
    let mut follower = log.follow(Position::new(0, 10));
    writer.append(Channel::Stdout, b"more").unwrap();
    assert_eq!(told(&mut snapshot).await.bytes, &content[10..]);
    drop(writer);
    assert_eq!(
        told(&mut follower).await.bytes,
        [&content[10..], b"more"].concat()
    );
}

#[tokio::test]
async fn a_finished_log_that_nobody_follows_holds_no_files() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"text").unwrap();
    drop(writer);
    assert_eq!(bytes_from(&log, Position::START).await, b"text");
    // Under `cargo test` other tests have files open, but not these.
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let ours = open
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.starts_with(place.path().parent().unwrap()))
        .count();
    assert_eq!(ours, 0);
    assert_eq!(bytes_from(&log, Position::START).await, b"text");
}

#[tokio::test]
async fn a_lost_file_is_an_error_and_not_an_end() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"text").unwrap();
    drop(writer);
    std::fs::remove_file(place.path()).unwrap();
    let mut follower = log.follow(Position::START);
    assert_eq!(
        follower.next().await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    std::fs::write(place.path(), "te").unwrap();
    assert_eq!(
        follower.next().await.unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    // It can be tried again.
    std::fs::write(place.path(), "text").unwrap();
    assert_eq!(told(&mut follower).await.bytes, b"text");
}

#[test]
fn what_is_there_can_be_read_at_once() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("log");
    let (reserved, log) = Log::reserve(&path).unwrap();
    assert!(log.read(0).unwrap().is_empty(), "nobody has begun it");
    let mut writer = reserved.begin().unwrap();
    let long = vec![b'x'; 100_000];
    writer.append(Channel::Stdout, b"out").unwrap();
    writer.append(Channel::System, b"own").unwrap();
    writer.append(Channel::Stderr, &long).unwrap();
    let of = |offset, channel| -> Vec<u8> {
        let pieces = log.read(offset).unwrap();
        let pieces = pieces.into_iter().filter(|(of, _)| *of == channel);
        pieces.flat_map(|(_, bytes)| bytes).collect()
    };
    let check = || {
        assert_eq!(of(0, Channel::Stdout), b"out");
        assert_eq!(of(4, Channel::System), b"wn");
        assert_eq!(of(0, Channel::Stderr), long);
        assert!(log.read(100_006).unwrap().is_empty());
    };
    check();
    writer.finish();
    check();
}
