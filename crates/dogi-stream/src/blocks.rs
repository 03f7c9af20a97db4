//! Blocks of content read back from disk, shared by the readers that need them at the same time.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::channel::Channel;
use crate::marks::Run;

/// The largest piece that a reader is given, in bytes, and with it the most content that a reader
/// which has stopped can hold in memory. Each block is an allocation of its own.
pub(crate) const BLOCK: u64 = 8 * 1024;
/// Content read ahead with one trip to the disk, in bytes.
pub(crate) const READ_AHEAD: u64 = 8 * BLOCK;
/// Blocks kept for other readers: 256 KiB.
const KEPT: usize = 32;

/// A stretch of content with its channels.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) generation: u64,
    pub(crate) start: u64,
    pub(crate) bytes: Bytes,
    /// Runs in order; the last one ends where the block does.
    pub(crate) runs: Box<[Run]>,
}

impl Block {
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    pub(crate) fn holds(&self, generation: u64, offset: u64) -> bool {
        self.generation == generation && (self.start..self.end()).contains(&offset)
    }

    /// The bytes from `offset` on that came from one channel; `offset` must be inside.
    pub(crate) fn piece_at(&self, offset: u64) -> (Channel, Bytes) {
        let next = self.runs.partition_point(|run| run.end <= offset);
        let run = self.runs[next];
        let range = (offset - self.start) as usize..(run.end.min(self.end()) - self.start) as usize;
        (run.channel, self.bytes.slice(range))
    }
}

/// The newest few blocks that were read.
///
/// Readers that start together go through an old log side by side: one of them reads, the others
/// find the block here.
#[derive(Debug, Default)]
pub(crate) struct BlockCache {
    blocks: VecDeque<Arc<Block>>,
}

impl BlockCache {
    pub(crate) fn find(&self, generation: u64, offset: u64) -> Option<Arc<Block>> {
        self.blocks
            .iter()
            .rev()
            .find(|block| block.holds(generation, offset))
            .cloned()
    }

    pub(crate) fn insert(&mut self, block: Arc<Block>) {
        self.blocks
            .retain(|old| !block.holds(old.generation, old.start));
        if self.blocks.len() >= KEPT {
            self.blocks.pop_front();
        }
        self.blocks.push_back(block);
    }

    pub(crate) fn clear(&mut self) {
        self.blocks = VecDeque::new();
    }
}
