//! What a follower costs. In a process of its own, since it looks at the memory of the process.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use bytes::Bytes;
use dogi_stream::{Channel, Framing, LogWriter, Multiplexer, Position};

const FOLLOWERS: usize = 1000;
/// For each follower, in bytes.
const BOUND: usize = 20_000;

/// Resident memory of this process that is not backed by files, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .unwrap()
        * 1024
}

/// A thousand readers that stop at a thousand different places of a long log, each with what it
/// had in its hand: the follower, the block it holds, and the frame made of that.
async fn stopped(framing: Framing) -> (usize, Vec<(Multiplexer, Bytes)>) {
    let directory = tempfile::TempDir::new().unwrap();
    let (mut writer, log) = LogWriter::create(&directory.path().join("log")).unwrap();
    let line = [&[b'x'; 99][..], b"\n"].concat();
    let chunk: Vec<u8> = line.iter().copied().cycle().take(64 * 1024).collect();
    // Starts the threads and buffers that are there once, however many follow.
    writer.append(Channel::Stdout, &chunk).unwrap();
    log.follow(Position::START).next().await.unwrap();
    let before = resident();
    let mut stopped = Vec::with_capacity(FOLLOWERS);
    for index in 0..FOLLOWERS as u64 {
        writer.append(Channel::Stdout, &chunk).unwrap();
        // Half of them in the newest bytes, half of them in old ones.
        let offset = if index % 2 == 0 {
            log.position().offset - 30_000
        } else {
            index * 32_768
        };
        let mut body = Multiplexer::new(framing, "run");
        body.add("log", log.follow(Position::new(0, offset)));
        let frame = body.next().await.unwrap().unwrap();
        stopped.push((body, frame));
    }
    ((resident() - before) / FOLLOWERS, stopped)
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a measurement is to be seen")]
async fn a_stopped_follower_costs_less_than_20_kb() {
    // Kept to the end, so that the next ones can't use their memory again.
    let mut kept = Vec::new();
    for framing in [Framing::Text, Framing::Sse, Framing::Ndjson] {
        let (each, stopped) = stopped(framing).await;
        println!("{framing:?}: {each} bytes for each follower");
        assert!(each <= BOUND, "{framing:?}: {each} bytes for each follower");
        kept.push(stopped);
    }
}
