//! A disk that takes no more.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use dogi_stream::{Channel, LogWriter, Position};

use crate::support::{Place, child, path_from_parent, told};

/// Under a limit of 64 KiB for a file: the kernel writes what fits and fails then, as on a disk
/// that runs full in the middle of a write.
#[test]
#[ignore = "the process that `a_full_disk_is_an_error` starts under a limit"]
#[expect(clippy::print_stdout, reason = "tells the parent")]
fn limited_process() {
    let Some(path) = path_from_parent() else {
        return;
    };
    let (mut writer, log) = LogWriter::create(&path).unwrap();
    writer.append(Channel::Stdout, &[b'a'; 60_000]).unwrap();

    writer.append(Channel::Stderr, &[b'b'; 10_000]).unwrap_err();
    assert_eq!(writer.position(), Position::new(0, 60_000));
    assert_eq!(log.position(), Position::new(0, 60_000));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 60_000);
    assert_eq!(writer.lengths().stderr, 0);

    // What fits still goes, with the right channels; failures between leave no trace.
    writer.append(Channel::Stdout, &[b'c'; 100]).unwrap();
    for channel in [Channel::Stderr, Channel::System, Channel::Stderr] {
        writer.append(channel, &[b'd'; 10_000]).unwrap_err();
    }
    writer.append(Channel::System, &[b'e'; 100]).unwrap();

    // Of several, those before the one that fails.
    let run = |channel, byte, len| (channel, Bytes::from(vec![byte; len]));
    let runs = [
        run(Channel::Stderr, b'f', 100),
        run(Channel::Stdout, b'g', 10_000),
        run(Channel::Stdout, b'h', 1),
    ];
    writer.append_all(&runs).unwrap_err();
    assert_eq!(log.position(), Position::new(0, 60_300));

    // Starting over makes room.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let told = told(&mut log.snapshot(Position::START)).await;
        let expected = [
            (
                Channel::Stdout,
                [vec![b'a'; 60_000], vec![b'c'; 100]].concat(),
            ),
            (Channel::System, vec![b'e'; 100]),
            (Channel::Stderr, vec![b'f'; 100]),
        ];
        assert!(told.runs == expected);
    });
    drop(writer);
    println!("consistent");
}

#[tokio::test]
async fn a_full_disk_is_an_error() {
    let place = Place::new();
    let limit = "trap '' XFSZ; ulimit -f 64;";
    let mut process = child("disk_full::limited_process", &place.path(), limit);
    let mut output = String::new();
    process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    assert!(
        process.wait().unwrap().success() && output.contains("consistent"),
        "{output}"
    );
    let (writer, log) = place.recover();
    assert_eq!(writer.lengths().stdout, 60_100);
    assert_eq!(writer.lengths().stderr, 100);
    assert_eq!(writer.lengths().system, 100);
    drop(writer);
    assert_eq!(
        told(&mut log.follow(Position::new(0, 60_200))).await.bytes,
        vec![b'f'; 100]
    );
}

/// The directory takes no new file, so that not even an empty log can begin.
#[test]
fn a_log_that_cannot_begin_leaves_nothing() {
    let place = Place::new();
    // The marks can't be made where a directory is.
    std::fs::create_dir(place.marks()).unwrap();
    LogWriter::create(&place.path()).unwrap_err();
    assert_eq!(place.names(), [".log.marks"]);
    let mut left = std::fs::File::create(place.path()).unwrap();
    left.write_all(b"x").unwrap();
}
