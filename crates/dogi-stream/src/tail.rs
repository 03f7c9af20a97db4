//! The newest bytes of a log, in memory, shared by all readers that keep up.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::blocks::BLOCK;
use crate::channel::Channel;

/// Bytes kept at most.
const MAX_BYTES: u64 = 256 * 1024;
/// Entries kept at most: bounds the overhead of a program that writes byte by byte.
const MAX_ENTRIES: usize = 1024;
/// A reader gets an entry of this size as it is; smaller ones are merged first.
const WORTH_SENDING: usize = 2 * 1024;

#[derive(Debug)]
struct Entry {
    start: u64,
    channel: Channel,
    bytes: Bytes,
}

impl Entry {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// A bounded window over the end of the current generation.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    entries: VecDeque<Entry>,
    bytes: u64,
}

impl Tail {
    /// Adds what was just appended at `start`. A gap before it (nobody was reading for a while)
    /// empties the window first.
    pub(crate) fn push(&mut self, start: u64, channel: Channel, bytes: Bytes) {
        if self.entries.back().is_some_and(|last| last.end() != start) {
            self.clear();
        }
        self.bytes += bytes.len() as u64;
        self.entries.push_back(Entry {
            start,
            channel,
            bytes,
        });
        while self.bytes > MAX_BYTES || self.entries.len() > MAX_ENTRIES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes.len() as u64;
        }
    }

    /// The bytes at `offset` from one channel, or `None` when they are not in the window.
    pub(crate) fn read(&mut self, offset: u64) -> Option<(Channel, Bytes)> {
        let index = self.entries.partition_point(|entry| entry.end() <= offset);
        if self.entries.get(index)?.start > offset {
            return None;
        }
        self.merge_from(index);
        let entry = self.entries.get(index)?;
        Some((
            entry.channel,
            entry.bytes.slice((offset - entry.start) as usize..),
        ))
    }

    /// Makes one entry of small neighbours, so that a reader which is a little behind gets them
    /// with one read, and every other reader too.
    fn merge_from(&mut self, index: usize) {
        let Some(first) = self.entries.get(index) else {
            return;
        };
        if first.bytes.len() >= WORTH_SENDING {
            return;
        }
        let (start, channel) = (first.start, first.channel);
        let mut size = 0;
        let count = self
            .entries
            .range(index..)
            .take_while(|entry| {
                size += entry.bytes.len();
                entry.channel == channel && size <= BLOCK as usize
            })
            .count();
        if count < 2 {
            return;
        }
        let mut merged = BytesMut::with_capacity(BLOCK.min(self.bytes) as usize);
        for entry in self.entries.drain(index..index + count) {
            merged.extend_from_slice(&entry.bytes);
        }
        let bytes = merged.freeze();
        self.entries.insert(
            index,
            Entry {
                start,
                channel,
                bytes,
            },
        );
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
