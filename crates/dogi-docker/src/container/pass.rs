//! What of one reading of the engine's copy is new.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bytes::{Buf, Bytes, BytesMut};

use super::messages::{Part, Stamp};
use crate::follow::{LiveFile, Mismatch, Reconciler};

/// One channel.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// All that was kept or delivered.
    pub(super) known: LiveFile,
    /// The same, up to its last newline: the copy gets a line when that has ended.
    lines: LiveFile,
    /// The time of what was delivered last, and how many bytes of that time were.
    pub(super) last: Option<(Stamp, u64)>,
    /// The end of what is known.
    tail: BytesMut,
    /// Hashes of lines that differ, the first few.
    different: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
}

/// What has so many different lines does not stand in an output a second time, later on.
const TELLING: usize = 16;

/// So much of the end of what is known is looked for in the copy.
const TAIL: usize = 1024;

impl Side {
    /// This is known now, too.
    pub(super) fn record(&mut self, bytes: &[u8]) {
        let lines = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        if lines > 0 {
            self.known.record(&bytes[..lines]);
            self.lines = self.known.clone();
        }
        self.known.record(&bytes[lines..]);
        self.tell_apart(bytes);
        self.tail
            .extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.advance(surplus);
    }

    /// Of lines that lie in two pieces nothing is noted: the pieces would differ where the lines do not.
    fn tell_apart(&mut self, bytes: &[u8]) {
        let mut ends = memchr::memchr_iter(b'\n', bytes);
        let Some(mut begin) = ends.next() else { return };
        for end in ends {
            if self.is_telling() {
                return;
            }
            self.different
                .insert(self.different.hasher().hash_one(&bytes[begin..end]));
            begin = end;
        }
    }

    /// Whether a copy that begins as what is known has its beginning: the rest of an output whose
    /// lines are all alike begins as the whole does.
    pub(super) fn is_telling(&self) -> bool {
        self.different.len() >= TELLING
    }

    /// The end of what is known.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }
}

/// Tells, in one reading of the copy, what of a channel is new.
pub(super) enum Pass {
    /// What was kept is the beginning, byte for byte.
    Count {
        left: u64,
        reconciler: Box<Reconciler>,
        /// Bytes of whole lines that are still to be compared.
        lines_left: u64,
        lines: Box<LiveFile>,
    },
    /// What is later than what was delivered last.
    Time { last: Stamp, skip: u64 },
}

impl Pass {
    pub(super) fn new(side: &Side, by_time: bool) -> Pass {
        match side.last {
            Some((last, skip)) if by_time => Pass::Time { last, skip },
            _ => Pass::Count {
                left: side.known.delivered(),
                reconciler: Box::new(Reconciler::of_unknown_size(&side.known)),
                lines_left: side.lines.delivered(),
                lines: Box::new(side.lines.clone()),
            },
        }
    }

    /// Bytes still to be compared.
    pub(super) fn left(&self) -> u64 {
        match self {
            Pass::Count { left, .. } => *left,
            Pass::Time { .. } => 0,
        }
    }

    /// Whether it is certain by now that the copy begins as what is known. Of a line that has not ended,
    /// the copy may have nothing for long.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Pass::Count { lines_left, .. } => *lines_left == 0,
            Pass::Time { .. } => true,
        }
    }

    /// What of it is new.
    pub(super) fn take(&mut self, part: &Part) -> Result<Option<Bytes>, Mismatch> {
        match self {
            Pass::Count {
                left,
                reconciler,
                lines_left,
                lines,
            } => {
                let mut bytes = part.bytes.clone();
                *left = left.saturating_sub(bytes.len() as u64);
                if *lines_left > 0 {
                    let whole = usize::try_from(*lines_left).unwrap_or(usize::MAX);
                    let whole = bytes.split_to(whole.min(bytes.len()));
                    *lines_left -= whole.len() as u64;
                    reconciler.push(whole)?;
                    if *lines_left == 0 && !reconciler.has_seen(lines) {
                        return Err(Mismatch);
                    }
                }
                reconciler.push(bytes)
            }
            Pass::Time { last, .. } if part.stamp > *last => Ok(Some(part.bytes.clone())),
            Pass::Time { last, .. } if part.stamp < *last => Ok(None),
            Pass::Time { skip, .. } => {
                let known = (*skip).min(part.bytes.len() as u64);
                *skip -= known;
                let known = usize::try_from(known).unwrap_or(usize::MAX);
                let rest = part.bytes.slice(known..);
                Ok((!rest.is_empty()).then_some(rest))
            }
        }
    }

    /// Whether all that is known was seen; `open`: the copy may lack a newline at its very end.
    pub(super) fn ends_well(&mut self, open: bool) -> bool {
        match self {
            Pass::Count { left: 0, .. } | Pass::Time { .. } => true,
            Pass::Count {
                left: 1,
                reconciler,
                ..
            } if open => reconciler.push(Bytes::from_static(b"\n")).is_ok(),
            Pass::Count { .. } => false,
        }
    }
}
