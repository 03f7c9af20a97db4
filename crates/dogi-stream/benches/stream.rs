//! Measures by hand: `cargo bench -p dogi-stream`. Prints a table; asserts nothing but that every
//! byte arrived.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement is to be seen"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use dogi_stream::mask::{Masker, Masks};
use dogi_stream::{Channel, Framing, Log, LogWriter, Multiplexer, NdjsonDecoder, Piece, Position};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 1600;

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

fn chunk() -> Vec<u8> {
    let line = [&[b'x'; 99][..], b"\n"].concat();
    line.iter().copied().cycle().take(CHUNK).collect()
}

fn create(directory: &TempDir) -> (LogWriter, Log) {
    LogWriter::create(&directory.path().join("log")).unwrap()
}

fn write(mut writer: LogWriter) {
    let chunk = chunk();
    for _ in 0..CHUNKS {
        writer.append(Channel::Stdout, &chunk).unwrap();
    }
}

/// Processor time of this process, user and system, in hundredths of a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn measured(what: &str, run: impl FnOnce()) {
    let (begun, before) = (Instant::now(), ticks());
    run();
    let (wall, cpu) = (
        begun.elapsed(),
        Duration::from_millis(10 * (ticks() - before)),
    );
    println!(
        "{what:<58} {:>7.0} ms {:>7} ms cpu",
        wall.as_secs_f64() * 1e3,
        cpu.as_millis()
    );
}

async fn drain(framing: Framing, log: &Log) -> usize {
    let mut body = Multiplexer::new(framing, "run");
    body.add("log", log.follow(Position::START));
    let mut bytes = 0;
    while let Some(frame) = body.next().await.unwrap() {
        bytes += frame.len();
    }
    assert!(bytes >= CHUNK * CHUNKS);
    bytes
}

/// 100 MB of lines of 100 bytes.
fn throughput() {
    measured("100 MB: write to a plain file", || {
        use std::io::Write as _;
        let directory = TempDir::new().unwrap();
        let mut file = std::fs::File::create(directory.path().join("file")).unwrap();
        let chunk = chunk();
        (0..CHUNKS).for_each(|_| file.write_all(&chunk).unwrap());
    });
    measured("100 MB: append, nobody follows", || {
        let directory = TempDir::new().unwrap();
        write(create(&directory).0);
    });
    for framing in [Framing::Text, Framing::Sse, Framing::Ndjson] {
        let directory = TempDir::new().unwrap();
        let (writer, log) = create(&directory);
        measured(
            &format!("100 MB: append, one follows as {framing:?}"),
            || {
                runtime().block_on(async {
                    let reading = tokio::spawn(async move { drain(framing, &log).await });
                    tokio::task::spawn_blocking(|| write(writer)).await.unwrap();
                    reading.await.unwrap();
                });
            },
        );
        let log = Log::open_finished(&directory.path().join("log")).unwrap();
        measured(
            &format!("100 MB: read a finished log as {framing:?}"),
            || {
                runtime().block_on(async { drain(framing, &log).await });
            },
        );
    }
}

fn decoding() {
    let directory = TempDir::new().unwrap();
    let (writer, log) = create(&directory);
    write(writer);
    let body = runtime().block_on(async {
        let mut frames = Vec::new();
        let mut body = Multiplexer::new(Framing::Ndjson, "run");
        body.add("log", log.follow(Position::START));
        while let Some(frame) = body.next().await.unwrap() {
            frames.push(frame);
        }
        frames
    });
    measured("100 MB: decode NDJSON", || {
        let mut decoder = NdjsonDecoder::new();
        let mut messages = 0;
        for frame in &body {
            decoder.feed(frame);
            while decoder.next_message().unwrap().is_some() {
                messages += 1;
            }
        }
        assert_eq!(messages, body.len());
    });
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// How long an append of a line takes, and how long until the last of the followers has it.
fn latency(followers: usize) {
    let directory = TempDir::new().unwrap();
    let (mut writer, log) = create(&directory);
    runtime().block_on(async {
        let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..followers {
            let (mut follower, arrived) = (log.follow(Position::START), arrived.clone());
            tokio::spawn(async move {
                while let Some(Piece::Data { position_after, .. }) = follower.next().await.unwrap()
                {
                    let _ = arrived.send((position_after, Instant::now()));
                }
            });
        }
        let (mut appends, mut delays) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let begun = Instant::now();
            let position = writer.append(Channel::Stdout, &[b'x'; 100]).unwrap();
            appends.push(begun.elapsed());
            let mut last = begun;
            for _ in 0..followers {
                let (at, when) = arrivals.recv().await.unwrap();
                assert_eq!(at, position);
                last = last.max(when);
            }
            delays.push(last - begun);
        }
        appends.sort();
        delays.sort();
        println!(
            "{followers:>5} followers, a line: append p50 {:>6.1} µs, p99 {:>7.1} µs; \
             last arrival p50 {:>7.1} µs, p99 {:>7.1} µs",
            percentile(&appends, 50),
            percentile(&appends, 99),
            percentile(&delays, 50),
            percentile(&delays, 99),
        );
    });
}

/// Followers beside a writer that doesn't wait for them.
async fn crowd(followers: usize, chunks: usize) {
    let directory = TempDir::new().unwrap();
    let (mut writer, log) = create(&directory);
    let readers: Vec<_> = (0..followers)
        .map(|_| {
            let mut follower = log.follow(Position::START);
            tokio::spawn(async move {
                while follower.next().await.unwrap().is_some() {}
                follower.position()
            })
        })
        .collect();
    let begun = Instant::now();
    let writing = tokio::task::spawn_blocking(move || {
        let chunk = chunk();
        for _ in 0..chunks {
            writer.append(Channel::Stdout, &chunk).unwrap();
        }
        begun.elapsed()
    });
    let written = writing.await.unwrap();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), log.position());
    }
    println!(
        "{followers:>5} followers, {} MB: written in {:.0} ms, read by all in {:.0} ms",
        chunks * CHUNK / 1_000_000,
        written.as_secs_f64() * 1e3,
        begun.elapsed().as_secs_f64() * 1e3
    );
}

/// 100 MB of text without a secret, in search of a token and a key of 3 KB.
fn masking() {
    let mut builder = Masks::builder();
    let key: Vec<String> = (0..48_u64)
        .map(|n| format!("{:064x}", u128::from(n + 1).pow(9)))
        .collect();
    for secret in ["npm_3fK9x0ZQ7vT1bL5c", &key.join("\n")] {
        let _ = builder.add(secret.as_bytes());
    }
    let mut masks = None;
    measured("making masks", || masks = Some(builder.build().unwrap()));
    let mut masker = Masker::new(&masks.unwrap());
    let lines = (0..).map(|n| format!("{n:08} Compiling crate-{n} v1.{n}.0 (/build/crates/{n})\n"));
    let text: Vec<u8> = lines.flat_map(String::into_bytes).take(CHUNK).collect();
    let text = Bytes::from(text);
    let mut shown = 0;
    measured("masking 100 MB", || {
        for _ in 0..CHUNKS {
            shown += masker.push(text.clone()).len();
        }
    });
    assert_eq!(shown + masker.finish().len(), CHUNK * CHUNKS);
}

fn main() {
    throughput();
    masking();
    decoding();
    [1, 10, 100, 1000].into_iter().for_each(latency);
    for followers in [0, 1, 100, 1000] {
        runtime().block_on(crowd(followers, 160));
    }
}
