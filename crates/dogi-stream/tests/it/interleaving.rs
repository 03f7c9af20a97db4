//! Writers and readers in every order that many seeds bring about.

use dogi_stream::{Channel, Follower, Log, LogWriter, Piece, Position};

use crate::support::{Numbers, Place};

/// Every generation's content is a function of its number and offset, so that each reader can
/// check what it gets by itself.
fn byte_at(generation: u64, offset: u64) -> u8 {
    (offset.wrapping_mul(31) ^ (offset >> 8) ^ generation.wrapping_mul(97)) as u8
}

fn channel_at(offset: u64) -> Channel {
    [Channel::Stdout, Channel::Stderr, Channel::System][(offset / 1000 % 3) as usize]
}

fn append(writer: &mut LogWriter, len: u64) {
    let Position {
        generation,
        mut offset,
    } = writer.position();
    let mut runs = Vec::new();
    let end = offset + len;
    while offset < end {
        let run_end = end.min(offset / 1000 * 1000 + 1000);
        let bytes: Vec<u8> = (offset..run_end)
            .map(|at| byte_at(generation, at))
            .collect();
        runs.push((channel_at(offset), bytes.into()));
        offset = run_end;
    }
    writer.append_all(&runs).unwrap();
}

async fn write(mut writer: LogWriter, seed: u64, restarts: bool) -> Position {
    let mut numbers = Numbers::new(seed);
    for _ in 0..numbers.below(60) {
        match numbers.below(10) {
            0 if restarts => drop(writer.restart().unwrap()),
            1..=2 => tokio::task::yield_now().await,
            3 => append(&mut writer, numbers.below(100_000)),
            4..=6 => append(&mut writer, numbers.below(3000)),
            _ => append(&mut writer, 1 + numbers.below(3)),
        }
    }
    writer.finish()
}

fn check(before: Position, piece: &Piece) {
    match piece {
        Piece::Data {
            position_after,
            channel,
            bytes,
        } => {
            assert_eq!(position_after.generation, before.generation);
            assert_eq!(position_after.offset, before.offset + bytes.len() as u64);
            for (offset, byte) in (before.offset..).zip(bytes) {
                assert_eq!(
                    *byte,
                    byte_at(before.generation, offset),
                    "{before} at {offset}"
                );
                assert_eq!(*channel, channel_at(offset), "{before} at {offset}");
            }
        }
        Piece::Restarted { generation } => assert!(
            *generation > before.generation,
            "{before} and then {generation}"
        ),
    }
}

/// Follows with pauses and new starts from where it stands, and checks every byte.
async fn read(log: Log, seed: u64) -> Position {
    let mut numbers = Numbers::new(seed);
    let mut follower = log.follow(Position::START);
    loop {
        let before = follower.position();
        match follower.next().await.unwrap() {
            Some(piece) => check(before, &piece),
            None => return follower.position(),
        }
        match numbers.below(20) {
            0 => follower = resume(&log, follower).await,
            1..=5 => tokio::task::yield_now().await,
            _ => {}
        }
    }
}

/// Drops a follower and begins again where it was. What follows is a restart only when the log
/// started over.
async fn resume(log: &Log, old: Follower) -> Follower {
    let at = old.position();
    drop(old);
    log.follow(at)
}

fn run(seeds: std::ops::Range<u64>, restarts: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    runtime.block_on(async {
        for seed in seeds {
            let place = Place::new();
            let (writer, log) = place.create();
            let readers: Vec<_> = (0..1 + seed % 7)
                .map(|reader| tokio::spawn(read(log.clone(), seed * 100 + reader)))
                .collect();
            let end = tokio::spawn(write(writer, seed, restarts)).await.unwrap();
            for reader in readers {
                assert_eq!(reader.await.unwrap(), end, "seed {seed}");
            }
            assert_eq!(read(log, seed).await, end);
        }
    });
}

#[test]
fn appends_and_readers() {
    run(0..300, false);
}

#[test]
fn appends_restarts_and_readers() {
    run(1000..1300, true);
}
