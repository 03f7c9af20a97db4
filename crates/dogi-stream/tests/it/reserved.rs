//! Logs that are announced before their first byte.

use dogi_stream::{Channel, Follower, Log, LogWriter, Piece, Position};

async fn text_of(mut follower: Follower) -> String {
    let mut text = Vec::new();
    while let Some(piece) = follower.next().await.expect("readable") {
        if let Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn a_reserved_log_touches_no_disk_and_its_followers_read_what_comes() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let (reserved, log) = Log::reserve(&path).expect("a name");
    let early = log.follow(Position::START);
    assert_eq!(
        std::fs::read_dir(directory.path())
            .expect("a directory")
            .count(),
        0
    );
    assert!(!log.is_finished());
    assert_eq!(log.position(), Position::START);

    let mut writer = reserved.begin().expect("a writer");
    writer.append(Channel::Stdout, b"one\n").expect("room");
    writer.append(Channel::Stderr, b"two\n").expect("room");
    let late = log.follow(Position::START);
    writer.finish();

    assert_eq!(text_of(early).await, "one\ntwo\n");
    assert_eq!(text_of(late).await, "one\ntwo\n");
    assert!(log.is_finished());
}

#[tokio::test]
async fn a_log_that_is_never_begun_ends_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let (reserved, log) = Log::reserve(&directory.path().join("log")).expect("a name");
    let follower = log.follow(Position::START);
    drop(reserved);
    assert_eq!(text_of(follower).await, "");
    assert!(log.is_finished());
}

#[tokio::test]
async fn a_follower_from_before_the_beginning_learns_of_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let (reserved, log) = Log::reserve(&directory.path().join("log")).expect("a name");
    let mut follower = log.follow(Position::START);
    let mut writer = reserved.begin().expect("a writer");
    writer.append(Channel::Stdout, b"old").expect("room");
    let Ok(Some(Piece::Data { bytes, .. })) = follower.next().await else {
        panic!("the first bytes were expected");
    };
    assert_eq!(bytes, "old");
    writer
        .append(Channel::Stdout, b" and its end")
        .expect("room");
    writer.restart().expect("room");
    writer.append(Channel::Stdout, b"new").expect("room");
    writer.finish();
    let mut pieces = Vec::new();
    while let Some(piece) = follower.next().await.expect("readable") {
        pieces.push(match piece {
            Piece::Data { bytes, .. } => String::from_utf8_lossy(&bytes).into_owned(),
            Piece::Restarted { generation } => format!("generation {generation}"),
        });
    }
    assert_eq!(pieces, [" and its end", "generation 1", "new"]);
}

#[test]
fn what_is_in_its_place_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let (mut writer, _) = LogWriter::create(&path).expect("a log");
    writer.append(Channel::Stdout, b"kept").expect("room");
    drop(writer);
    let (reserved, log) = Log::reserve(&path).expect("a name");
    let error = reserved.begin().expect_err("there is a log already");
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert!(log.is_finished());
    assert_eq!(std::fs::read(&path).expect("readable"), b"kept");
}
