//! The helper that follows files from inside a container.
//!
//! One file, `std` alone, linked statically: it has to run in an image that holds nothing else. It is
//! started by an exec as the job's own user with arguments `OFFSET PATH [OFFSET PATH …]` and writes
//! frames to its standard output:
//!
//! ```text
//! MAGIC                                     once
//! kind: u8, file: u32, len: u32, payload    file = which PATH; numbers big-endian
//! ```
//!
//! | kind | payload | meaning |
//! |---|---|---|
//! | 1 | bytes | what comes next in the file |
//! | 2 | empty | the file starts over: truncated, rewritten or replaced |
//! | 3 | one word | what stands at the path is no regular file, but this |
//! | 4 | text | the file can't be read, and why |
//!
//! It looks every few milliseconds and never blocks on what it finds: pipes and devices are not read. A
//! replaced file is read to its end before the new one. It ends when its standard input does, and with
//! the container at the latest.

#![forbid(unsafe_code)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::process::exit;
use std::thread;
use std::time::{Duration, Instant};

/// Everything before it is not ours: some engines write exec errors into the stream.
const MAGIC: &[u8] = b"\0dogi-tail 1\n";
const DATA: u8 = 1;
const RESTART: u8 = 2;
const NOT_A_FILE: u8 = 3;
const UNREADABLE: u8 = 4;

const CHUNK: usize = 64 * 1024;
/// Read from one file before the others get their turn.
const TURN: usize = 16 * CHUNK;
/// So many bytes before the position are compared whenever a file has changed: a file that was
/// rewritten and has grown past the position since would look like an append otherwise.
const OVERLAP: usize = 64;

const BUSY: Duration = Duration::from_millis(8);
const IDLE: Duration = Duration::from_millis(20);
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// Linux on every architecture that Docker has a name for, MIPS aside.
const O_NONBLOCK: i32 = 0o4000;

fn main() {
    let mut files = match parse(std::env::args_os().skip(1)) {
        Some(files) => files,
        None => exit(64),
    };
    let mut out = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(fd) => Out(File::from(fd)),
        Err(_) => exit(70),
    };
    end_with_stdin();
    if out.0.write_all(MAGIC).is_err() {
        exit(0);
    }
    follow(&mut files, &mut out);
}

fn parse(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Option<Vec<Followed>> {
    let mut files = Vec::new();
    while let Some(offset) = arguments.next() {
        let start = offset.to_str()?.parse().ok()?;
        files.push(Followed { path: arguments.next()?.into(), start, open: None, told: None });
    }
    Some(files)
}

/// Whoever reads is gone when standard input ends. Without a thread to spare, the container's end
/// has to do.
fn end_with_stdin() {
    let _ = thread::Builder::new().stack_size(64 * 1024).spawn(|| {
        let mut buffer = [0; 64];
        while matches!(io::stdin().lock().read(&mut buffer), Ok(1..)) {}
        exit(0);
    });
}

fn follow(files: &mut [Followed], out: &mut Out) {
    let mut buffer = vec![0; CHUNK];
    let mut changed_at = Instant::now();
    loop {
        let mut more = false;
        let mut changed = false;
        for (index, file) in files.iter_mut().enumerate() {
            match file.look(out.at(index), &mut buffer) {
                Ok(Progress::None) => {}
                Ok(Progress::Some) => changed = true,
                Ok(Progress::More) => (changed, more) = (true, true),
                // Only writing fails: nobody reads any more.
                Err(_) => exit(0),
            }
        }
        if changed {
            changed_at = Instant::now();
        }
        if !more {
            thread::sleep(if changed_at.elapsed() < IDLE_AFTER { BUSY } else { IDLE });
        }
    }
}

/// Standard output, without the line buffer that Rust's own has.
struct Out(File);

impl Out {
    fn at(&mut self, index: usize) -> Frames<'_> {
        Frames { out: &mut self.0, index: index as u32 }
    }
}

struct Frames<'a> {
    out: &'a mut File,
    index: u32,
}

impl Frames<'_> {
    fn send(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(9 + payload.len());
        frame.push(kind);
        frame.extend_from_slice(&self.index.to_be_bytes());
        frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frame.extend_from_slice(payload);
        self.out.write_all(&frame)
    }
}

enum Progress {
    None,
    Some,
    /// There is more to read at once.
    More,
}

struct Followed {
    path: std::path::PathBuf,
    /// Where the first file that is found continues.
    start: u64,
    open: Option<Open>,
    /// The last complaint, so that it is made once.
    told: Option<String>,
}

struct Open {
    file: File,
    identity: (u64, u64),
    offset: u64,
    /// The bytes before the offset, at most [`OVERLAP`].
    last: Vec<u8>,
    /// Length and times when it was last read to its end.
    seen: Option<(u64, i64, i64, i64, i64)>,
}

impl Followed {
    fn look(&mut self, mut out: Frames<'_>, buffer: &mut [u8]) -> io::Result<Progress> {
        let found = fs::metadata(&self.path);
        let same = match (&found, &self.open) {
            (Ok(meta), Some(open)) => identity(meta) == open.identity,
            _ => false,
        };
        // Whatever stands at the path now: what was written to the file that is open comes first.
        if let Some(open) = &mut self.open {
            let progress = open.read(&mut out, buffer)?;
            if same || matches!(progress, Progress::More) {
                return Ok(progress);
            }
        }
        match found {
            Ok(meta) if meta.is_file() => self.switch(&mut out, buffer),
            Ok(meta) => self.complain(&mut out, NOT_A_FILE, kind(&meta)),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                self.told = None;
                Ok(Progress::None)
            }
            Err(err) => self.complain(&mut out, UNREADABLE, &err.to_string()),
        }
    }

    /// Opens what stands at the path now, in place of what was open.
    fn switch(&mut self, out: &mut Frames<'_>, buffer: &mut [u8]) -> io::Result<Progress> {
        // Without waiting: somebody may have put a pipe there since.
        let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Progress::None),
            Err(err) => return self.complain(out, UNREADABLE, &err.to_string()),
        };
        let meta = match file.metadata() {
            Ok(meta) if meta.is_file() => meta,
            _ => return Ok(Progress::None),
        };
        self.told = None;
        if self.open.take().is_some_and(|old| old.offset > 0) {
            out.send(RESTART, &[])?;
        }
        let mut open = Open {
            file,
            identity: identity(&meta),
            offset: std::mem::take(&mut self.start),
            last: Vec::new(),
            seen: None,
        };
        let progress = open.read(out, buffer)?;
        self.open = Some(open);
        Ok(match progress {
            Progress::None => Progress::Some,
            other => other,
        })
    }

    fn complain(&mut self, out: &mut Frames<'_>, code: u8, text: &str) -> io::Result<Progress> {
        if self.told.as_deref() != Some(text) {
            out.send(code, text.as_bytes())?;
            self.told = Some(text.to_owned());
        }
        Ok(Progress::None)
    }
}

impl Open {
    /// Sends what is new.
    fn read(&mut self, out: &mut Frames<'_>, buffer: &mut [u8]) -> io::Result<Progress> {
        let Ok(meta) = self.file.metadata() else { return Ok(Progress::None) };
        let now = (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
        if self.seen == Some(now) {
            return Ok(Progress::None);
        }
        if meta.len() < self.offset {
            self.start_over(out)?;
        }
        let mut read = 0;
        while read < TURN {
            let from = self.offset - self.last.len() as u64;
            let Ok(len) = self.file.read_at(buffer, from) else { return Ok(Progress::Some) };
            if !buffer[..len].starts_with(&self.last) {
                self.start_over(out)?;
                continue;
            }
            let fresh = &buffer[self.last.len()..len];
            if fresh.is_empty() {
                // The times are those from before the reading: a change since then is seen next time.
                self.seen = Some(now);
                return Ok(Progress::Some);
            }
            out.send(DATA, fresh)?;
            read += fresh.len();
            self.offset += fresh.len() as u64;
            self.last = buffer[len - len.min(OVERLAP)..len].to_vec();
        }
        Ok(Progress::More)
    }

    fn start_over(&mut self, out: &mut Frames<'_>) -> io::Result<()> {
        if self.offset > 0 {
            out.send(RESTART, &[])?;
        }
        self.offset = 0;
        self.last.clear();
        Ok(())
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}
