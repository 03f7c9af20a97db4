//! The sidecar that says which channel each byte of the content came from.
//!
//! A header, then records of equal size, so that one can be found by bisection without holding
//! them in memory: a job that alternates between its streams writes millions. A record
//! `(offset, channel)` says that the bytes from `offset` on, up to the next record's, came from
//! `channel`. It is written when the channel changes, *before* the bytes it speaks of: whatever a
//! crash leaves is a correct prefix. Bytes before the first record count as standard output.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::channel::Channel;

const MAGIC: [u8; 8] = *b"dogimrk1";
/// Magic and generation (little endian).
pub(crate) const HEADER: u64 = 16;
/// Offset (little endian) and channel.
pub(crate) const RECORD: u64 = 9;
/// Records read at once: 4.5 KiB.
const BATCH: u64 = 512;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: u64,
    pub(crate) channel: Channel,
}

impl Mark {
    fn encode(self) -> [u8; RECORD as usize] {
        let mut record = [0; RECORD as usize];
        record[..8].copy_from_slice(&self.offset.to_le_bytes());
        record[8] = self.channel as u8;
        record
    }

    /// `None` for a channel that does not exist, such as in a block of zeros after a power cut.
    fn decode(record: &[u8]) -> Option<Self> {
        let (offset, channel) = record.split_first_chunk::<8>()?;
        let channel = Channel::from_byte(*channel.first()?)?;
        Some(Self {
            offset: u64::from_le_bytes(*offset),
            channel,
        })
    }
}

/// Bytes from one channel, up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) end: u64,
    pub(crate) channel: Channel,
}

pub(crate) fn write_header(file: &File, generation: u64) -> io::Result<()> {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..].copy_from_slice(&generation.to_le_bytes());
    file.write_all_at(&header, 0)
}

/// The generation, or `None` when the header is missing, torn or foreign.
pub(crate) fn read_header(file: &File) -> io::Result<Option<u64>> {
    let mut header = [0; HEADER as usize];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (magic, generation) = header.split_at(8);
    let generation = generation
        .try_into()
        .expect("the header's second half is eight bytes");
    Ok((magic == MAGIC).then(|| u64::from_le_bytes(generation)))
}

/// Whole records in the file, right or wrong.
pub(crate) fn stored(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len().saturating_sub(HEADER) / RECORD)
}

/// Puts a record at an index. A second write to the same place repairs a torn first one.
pub(crate) fn write(file: &File, index: u64, mark: Mark) -> io::Result<()> {
    file.write_all_at(&mark.encode(), HEADER + index * RECORD)
}

fn read(file: &File, index: u64) -> io::Result<Option<Mark>> {
    let mut record = [0; RECORD as usize];
    file.read_exact_at(&mut record, HEADER + index * RECORD)?;
    Ok(Mark::decode(&record))
}

/// Calls `visit` for the records from `index` on, until it returns false, a record is not one, or
/// `count` is reached.
pub(crate) fn visit(
    file: &File,
    mut index: u64,
    count: u64,
    mut visit: impl FnMut(Mark) -> bool,
) -> io::Result<()> {
    let mut records = vec![0; (BATCH.min(count.saturating_sub(index)) * RECORD) as usize];
    while index < count {
        let batch = (BATCH.min(count - index) * RECORD) as usize;
        file.read_exact_at(&mut records[..batch], HEADER + index * RECORD)?;
        for record in records[..batch].chunks_exact(RECORD as usize) {
            let Some(mark) = Mark::decode(record) else {
                return Ok(());
            };
            if !visit(mark) {
                return Ok(());
            }
            index += 1;
        }
    }
    Ok(())
}

/// The runs that make up `start..end`, the first `count` records being valid.
pub(crate) fn runs(file: &File, count: u64, start: u64, end: u64) -> io::Result<Vec<Run>> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match read(file, middle)? {
            Some(mark) if mark.offset <= start => low = middle + 1,
            _ => high = middle,
        }
    }
    let mut channel = Channel::Stdout;
    let mut runs = Vec::new();
    visit(file, low.saturating_sub(1), count, |mark| {
        if mark.offset >= end {
            return false;
        }
        if mark.offset > start && mark.channel != channel {
            runs.push(Run {
                end: mark.offset,
                channel,
            });
        }
        channel = mark.channel;
        true
    })?;
    runs.push(Run { end, channel });
    Ok(runs)
}
