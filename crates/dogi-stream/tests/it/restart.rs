//! Truncation and replacement: a new generation.

use dogi_stream::{Channel, Piece, Position};
use futures::FutureExt as _;

use crate::support::{Place, bytes_from, told};

#[tokio::test]
async fn a_follower_reads_the_old_generation_to_its_end() {
    for len in [10, 100_000, 1_000_000] {
        let place = Place::new();
        let (mut writer, log) = place.create();
        let old = vec![b'o'; len];
        writer.append(Channel::Stdout, &old).unwrap();
        let mut follower = log.follow(Position::new(0, 3));
        let first = follower.next().await.unwrap();
        let Some(Piece::Data { bytes: first, .. }) = first else {
            panic!("{first:?}")
        };
        assert_eq!(writer.restart().unwrap(), Position::new(1, 0));
        writer.append(Channel::Stderr, b"new").unwrap();

        let mut rest = first.to_vec();
        loop {
            match follower.next().await.unwrap().unwrap() {
                Piece::Data {
                    bytes,
                    position_after,
                    ..
                } => {
                    assert_eq!(position_after.generation, 0);
                    rest.extend_from_slice(&bytes);
                }
                Piece::Restarted { generation } => {
                    assert_eq!(generation, 1);
                    break;
                }
            }
        }
        assert_eq!(rest.len(), len - 3);
        assert_eq!(follower.position(), Position::new(1, 0));
        drop(writer);
        assert_eq!(
            told(&mut follower).await.runs,
            [(Channel::Stderr, b"new".to_vec())]
        );
        assert_eq!(std::fs::read(place.path()).unwrap(), b"new");
        assert_eq!(place.names(), [".log.marks", "log"]);
    }
}

#[tokio::test]
async fn a_waiting_follower_is_told() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let mut follower = log.follow(Position::START);
    assert!(follower.next().now_or_never().is_none());
    writer.restart().unwrap();
    assert_eq!(
        follower.next().await.unwrap(),
        Some(Piece::Restarted { generation: 1 })
    );
    drop(writer);
    assert_eq!(follower.next().await.unwrap(), None);
}

/// Whoever is far behind goes on with the newest generation; none in between is told as such.
#[tokio::test]
async fn several_restarts_at_once() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"zero").unwrap();
    let mut follower = log.follow(Position::START);
    for generation in 1..=3 {
        writer.restart().unwrap();
        writer
            .append(Channel::Stdout, format!("gen {generation}").as_bytes())
            .unwrap();
    }
    let zero = follower.next().await.unwrap().unwrap();
    assert!(matches!(zero, Piece::Data { bytes, .. } if bytes == "zero"));
    drop(writer);
    let told = told(&mut follower).await;
    assert_eq!((told.bytes, told.restarts), (b"gen 3".to_vec(), vec![3]));
}

/// A stopped reader can't make a log that starts over again and again fill the disk.
#[tokio::test]
async fn old_generations_are_given_up_in_time() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    let mut stopped = Vec::new();
    for generation in 0..20_u8 {
        writer
            .append(Channel::Stdout, &vec![generation; 100_000])
            .unwrap();
        stopped.push(log.follow(Position::START));
        writer.restart().unwrap();
    }
    writer.append(Channel::Stdout, b"last").unwrap();
    drop(writer);
    let mut complete = 0;
    for follower in &mut stopped {
        let mut old = 0;
        while let Piece::Data { bytes, .. } = follower.next().await.unwrap().unwrap() {
            old += bytes.len();
        }
        assert!(old == 0 || old == 100_000, "{old}");
        complete += usize::from(old > 0);
        assert_eq!(told(follower).await.bytes, b"last");
    }
    assert_eq!(complete, 4);
}

#[tokio::test]
async fn a_range_ends_with_an_error_when_its_generation_is_given_up() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer
        .append(Channel::Stdout, &vec![b'x'; 1_000_000])
        .unwrap();
    let mut kept = log.range(0..900_000);
    let mut lost = log.range(0..900_000);
    writer.restart().unwrap();
    assert_eq!(told(&mut kept).await.bytes.len(), 900_000);
    // Keeps the generations that follow wanted.
    let _others: Vec<_> = (0..5)
        .map(|_| {
            let follower = log.follow(Position::START);
            writer.append(Channel::Stdout, b"y").unwrap();
            writer.restart().unwrap();
            follower
        })
        .collect();
    let error = lost.next().await.err().map(|error| error.kind());
    assert_eq!(error, Some(std::io::ErrorKind::NotFound));
}

#[tokio::test]
async fn lengths_and_channels_begin_again() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stderr, b"old").unwrap();
    writer.restart().unwrap();
    assert_eq!(writer.lengths().total(), 0);
    writer.append(Channel::Stderr, b"new").unwrap();
    drop(writer);
    let told = told(&mut log.follow(Position::START)).await;
    assert_eq!(told.runs, [(Channel::Stderr, b"new".to_vec())]);
}

/// The directory went away: the old generation goes on.
#[tokio::test]
async fn a_restart_that_fails_changes_nothing() {
    let place = Place::new();
    let (mut writer, log) = place.create();
    writer.append(Channel::Stdout, b"old").unwrap();
    let away = place.path().parent().unwrap().with_extension("away");
    std::fs::rename(place.path().parent().unwrap(), &away).unwrap();
    writer.restart().unwrap_err();
    std::fs::rename(&away, place.path().parent().unwrap()).unwrap();
    assert_eq!(
        writer.append(Channel::Stdout, b" and more").unwrap(),
        Position::new(0, 12)
    );
    assert_eq!(writer.restart().unwrap(), Position::new(1, 0));
    writer.append(Channel::Stdout, b"new").unwrap();
    drop(writer);
    assert_eq!(bytes_from(&log, Position::START).await, b"new");
}
