use std::{
    io,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use dogi_stream::{Channel, Log};

use super::OutputWriter;

/// The longest line that is waited for, in bytes. What is longer comes in parts.
const LONGEST: usize = 64 * 1024;

/// Repeats what is written to one output in another, line by line, each with its source in front:
/// lines of several outputs that are written at once stay whole.
#[derive(Debug)]
pub(super) struct Echo {
    to: OutputWriter,
    prefix: String,
    pending: Mutex<Pending>,
}

/// What is no whole line yet.
#[derive(Debug, Default)]
struct Pending {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    system: Vec<u8>,
}

impl Echo {
    pub(super) fn new(to: OutputWriter, source: &str) -> Self {
        Self {
            to,
            prefix: format!("{source} | "),
            pending: Mutex::default(),
        }
    }

    /// Takes up where an earlier life of the server ended: a line that had begun then is repeated when
    /// it is whole; blocking.
    pub(super) fn resume(&self, of: &Log) -> io::Result<()> {
        let end = of.position().offset;
        let mut pending = self.lock();
        for (channel, bytes) in of.read(end.saturating_sub(LONGEST as u64))? {
            let buffer = pending.of(channel);
            match bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => *buffer = bytes[last + 1..].to_vec(),
                None => buffer.extend_from_slice(&bytes),
            }
        }
        Ok(())
    }

    /// Repeats the lines that are whole by now; blocking.
    pub(super) fn push(&self, pieces: &[(Channel, Bytes)]) {
        let mut pending = self.lock();
        let mut lines = Vec::new();
        for (channel, bytes) in pieces {
            let buffer = pending.of(*channel);
            buffer.extend_from_slice(bytes);
            while let Some(length) = whole_line(buffer) {
                let rest = buffer.split_off(length);
                let line = std::mem::replace(buffer, rest);
                lines.push((*channel, self.line(&line)));
            }
        }
        // Under the lock, so that lines of one source keep their order.
        self.to.append_now(&lines);
    }

    /// There is no more: a line without an end is one; blocking.
    pub(super) fn finish(&self) {
        let mut pending = self.lock();
        let channels = [Channel::Stdout, Channel::Stderr, Channel::System];
        let rest = channels.map(|channel| (channel, std::mem::take(pending.of(channel))));
        let lines: Vec<_> = rest
            .into_iter()
            .filter(|(_, line)| !line.is_empty())
            .map(|(channel, line)| (channel, self.line(&line)))
            .collect();
        self.to.append_now(&lines);
    }

    fn line(&self, line: &[u8]) -> Bytes {
        let mut whole = Vec::with_capacity(self.prefix.len() + line.len() + 1);
        whole.extend_from_slice(self.prefix.as_bytes());
        whole.extend_from_slice(line);
        if line.last() != Some(&b'\n') {
            whole.push(b'\n');
        }
        Bytes::from(whole)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn of(&mut self, channel: Channel) -> &mut Vec<u8> {
        match channel {
            Channel::Stdout => &mut self.stdout,
            Channel::Stderr => &mut self.stderr,
            Channel::System => &mut self.system,
        }
    }
}

/// How many bytes the first line has, its end included.
fn whole_line(buffer: &[u8]) -> Option<usize> {
    let end = buffer.iter().position(|byte| *byte == b'\n');
    let end = end.map(|end| end + 1);
    match end {
        Some(length) if length <= LONGEST => Some(length),
        _ if buffer.len() > LONGEST => Some(LONGEST),
        _ => None,
    }
}
