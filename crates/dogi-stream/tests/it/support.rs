//! What several tests need.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dogi_stream::{Channel, Follower, Log, LogWriter, Piece, Position};
use tempfile::TempDir;

/// A directory for one log.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    pub(crate) fn marks(&self) -> PathBuf {
        self.directory.path().join(".log.marks")
    }

    pub(crate) fn create(&self) -> (LogWriter, Log) {
        LogWriter::create(&self.path()).unwrap()
    }

    pub(crate) fn recover(&self) -> (LogWriter, Log) {
        LogWriter::recover(&self.path()).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// What a follower told, put together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Bytes of the last generation.
    pub(crate) bytes: Vec<u8>,
    /// The same with channels, adjacent runs joined.
    pub(crate) runs: Vec<(Channel, Vec<u8>)>,
    /// Generations that were announced.
    pub(crate) restarts: Vec<u64>,
}

impl Told {
    /// Adds a piece, checking that positions are without gaps.
    pub(crate) fn add(&mut self, before: Position, piece: Piece) {
        match piece {
            Piece::Data {
                position_after,
                channel,
                bytes,
            } => {
                assert!(
                    !bytes.is_empty() && bytes.len() <= 8192,
                    "{} bytes",
                    bytes.len()
                );
                let end = Position::new(before.generation, before.offset + bytes.len() as u64);
                assert_eq!(position_after, end);
                match self.runs.last_mut() {
                    Some((last, run)) if *last == channel => run.extend_from_slice(&bytes),
                    _ => self.runs.push((channel, bytes.to_vec())),
                }
                self.bytes.extend_from_slice(&bytes);
            }
            Piece::Restarted { generation } => {
                self.restarts.push(generation);
                self.bytes.clear();
                self.runs.clear();
            }
        }
    }
}

/// Everything to the end.
pub(crate) async fn told(follower: &mut Follower) -> Told {
    let mut told = Told::default();
    loop {
        let before = follower.position();
        match follower.next().await.unwrap() {
            Some(piece) => told.add(before, piece),
            None => return told,
        }
    }
}

pub(crate) async fn bytes_from(log: &Log, from: Position) -> Vec<u8> {
    told(&mut log.follow(from)).await.bytes
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    pub(crate) fn channel(&mut self) -> Channel {
        [Channel::Stdout, Channel::Stderr, Channel::System][self.below(3) as usize]
    }

    pub(crate) fn bytes(&mut self, max: u64) -> Vec<u8> {
        let len = 1 + self.below(max);
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// Runs one of this binary's ignored tests in a process of its own, which gets `path` on its
/// standard input; `shell` is what a shell does before.
pub(crate) fn child(test: &str, path: &Path, shell: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new("bash")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(program)
        .args(["--ignored", "--exact", "--nocapture", test])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, path.to_str().unwrap().as_bytes()).unwrap();
    child
}

/// The path that [`child`] gave.
pub(crate) fn path_from_parent() -> Option<PathBuf> {
    let path = std::io::read_to_string(std::io::stdin()).unwrap();
    Path::new(&path).is_absolute().then(|| path.into())
}
