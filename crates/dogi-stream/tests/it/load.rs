//! One slow reader, a stopped one and a thousand fast ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dogi_stream::{Channel, Follower, Piece, Position};

use crate::support::{Place, told};

const FAST: usize = 1000;
const APPENDS: u64 = 200;
const APPEND: usize = 20_000;

fn content() -> Vec<u8> {
    (0..APPEND).map(|index| (index * 7 % 251) as u8).collect()
}

/// Counts what it gets and checks it against the content that is repeated.
async fn read(mut follower: Follower, content: Arc<Vec<u8>>, total: Arc<AtomicU64>) {
    let mut offset = 0;
    while let Some(piece) = follower.next().await.unwrap() {
        let Piece::Data { bytes, .. } = piece else {
            panic!("{piece:?}")
        };
        let at = offset % APPEND;
        let run = bytes.len().min(APPEND - at);
        assert!(content[at..at + run] == bytes[..run]);
        assert!(content[..bytes.len() - run] == bytes[run..]);
        offset += bytes.len();
    }
    total.fetch_add(offset as u64, Ordering::Relaxed);
}

/// The longest that one append took, in a thread of its own, as a container's output has one.
fn write(mut writer: dogi_stream::LogWriter, content: Arc<Vec<u8>>) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..APPENDS {
        let begun = Instant::now();
        writer.append(Channel::Stdout, &content).unwrap();
        longest = longest.max(begun.elapsed());
    }
    longest
}

#[test]
fn nobody_waits_for_a_slow_reader() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let place = Place::new();
    runtime.block_on(async {
        let (writer, log) = place.create();
        let content = Arc::new(content());
        let total = Arc::new(AtomicU64::new(0));
        let mut stopped = log.follow(Position::START);
        let mut slow = log.follow(Position::START);
        let fast: Vec<_> = (0..FAST)
            .map(|_| log.follow(Position::START))
            .map(|follower| tokio::spawn(read(follower, content.clone(), total.clone())))
            .collect();
        let writing = std::thread::spawn({
            let content = content.clone();
            move || write(writer, content)
        });
        // The stopped one takes a piece and no more; the slow one takes one now and then.
        stopped.next().await.unwrap();
        let mut slow_bytes = 0;
        for reader in fast {
            reader.await.unwrap();
            if slow_bytes < 100_000 {
                let Some(Piece::Data { bytes, .. }) = slow.next().await.unwrap() else {
                    panic!()
                };
                slow_bytes += bytes.len();
            }
        }
        let longest = tokio::task::spawn_blocking(|| writing.join().unwrap())
            .await
            .unwrap();
        let length = APPENDS * APPEND as u64;
        assert_eq!(total.load(Ordering::Relaxed), FAST as u64 * length);
        // A reader that held the writer up would do so until the end: the slow one has not even
        // begun to finish. The bound is for a machine that is busy with other tests.
        assert!(
            longest < Duration::from_secs(5),
            "an append took {longest:?}"
        );
        let rest = told(&mut slow).await.bytes.len();
        assert_eq!((slow_bytes + rest) as u64, length);
        assert_eq!(slow.position(), log.position());
        let before = stopped.position().offset;
        assert_eq!(told(&mut stopped).await.bytes.len() as u64, length - before);
    });
}
