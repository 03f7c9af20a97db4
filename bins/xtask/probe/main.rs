//! The program inside the benchmark's containers. `cargo xtask bench` compiles it as
//! a static executable, so that it runs in an image made from nothing.

use std::{
    env,
    fs::File,
    io::{self, Write},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    match arguments.first().map(String::as_str) {
        Some("lines") => lines(number(1), number(2)),
        Some("stamps") => match arguments.get(4) {
            Some(path) => stamps(File::create(path)?, number(1), number(2), number(3)),
            None => stamps(io::stdout(), number(1), number(2), number(3)),
        },
        _ => Ok(()),
    }
}

/// So many bytes in lines of 100, in writes of `chunk` bytes.
fn lines(bytes: u64, chunk: u64) -> io::Result<()> {
    let line = [&[b'x'; 99][..], b"\n"].concat();
    let chunk = line.repeat(usize::try_from(chunk / 100).unwrap_or(1).max(1));
    let mut out = File::from(std::os::fd::OwnedFd::from(
        std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?,
    ));
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let size = left.min(chunk.len());
        out.write_all(&chunk[..size])?;
        left -= size;
    }
    Ok(())
}

/// After `delay` ms, every `interval` µs a line with the time in ns: its way to the
/// reader is what the reader's clock, the same clock, says more.
fn stamps(mut out: impl Write, count: u64, interval: u64, delay: u64) -> io::Result<()> {
    thread::sleep(Duration::from_millis(delay));
    let start = Instant::now();
    for n in 0..count {
        let at = Duration::from_micros(interval * n);
        thread::sleep(at.saturating_sub(start.elapsed()));
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let line = format!("@{}\n", now.as_nanos());
        out.write_all(line.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}
