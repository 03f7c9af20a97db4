//! What the writer and the readers of one log share in memory.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::blocks::{Block, BlockCache};
use crate::channel::Channel;
use crate::files::{Extent, Files, Names};
use crate::position::Position;
use crate::tail::Tail;

/// Readers of one log that use the disk at the same time.
const DISK_READERS: usize = 4;
/// Replaced generations whose disk space is kept for readers that still want them.
const RETIRED_KEPT: usize = 4;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) names: Names,
    state: Mutex<State>,
    changes: watch::Sender<()>,
    disk: Semaphore,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) generation: u64,
    pub(crate) extent: Extent,
    pub(crate) finished: bool,
    files: Handle,
    tail: Tail,
    cache: BlockCache,
    followers: usize,
    retired: VecDeque<Weak<Files>>,
}

/// The open files of the current generation. A log that is finished or not yet begun has none while
/// nobody reads it, so that any number of them can be kept at hand.
#[derive(Debug)]
enum Handle {
    Live(Arc<Files>),
    Idle(Weak<Files>),
}

/// What a reader finds at its position.
#[derive(Debug)]
pub(crate) enum Found {
    /// The next bytes.
    Piece(Channel, Bytes),
    /// A block that begins with, or holds, the next bytes.
    Block(Arc<Block>),
    /// The next bytes are on disk.
    OnDisk(Extent),
    /// Nothing yet.
    Wait,
    /// The generation has been read to its end, and there is a newer one.
    Replaced,
    /// Nothing more will come.
    End,
}

impl Shared {
    pub(crate) fn live(names: Names, files: Arc<Files>, extent: Extent) -> Arc<Self> {
        Self::new(names, files.generation, Handle::Live(files), extent, false)
    }

    pub(crate) fn finished(names: Names, generation: u64, extent: Extent) -> Arc<Self> {
        Self::new(names, generation, Handle::Idle(Weak::new()), extent, true)
    }

    /// A log that nobody has begun.
    pub(crate) fn reserved(names: Names) -> Arc<Self> {
        let files = Handle::Idle(Weak::new());
        Self::new(names, 0, files, Extent::default(), false)
    }

    /// The reserved log has files now.
    pub(crate) fn begin(&self, files: Arc<Files>) {
        self.lock().files = Handle::Live(files);
    }

    fn new(
        names: Names,
        generation: u64,
        files: Handle,
        extent: Extent,
        finished: bool,
    ) -> Arc<Self> {
        let state = State {
            generation,
            extent,
            finished,
            files,
            tail: Tail::default(),
            cache: BlockCache::default(),
            followers: 0,
            retired: VecDeque::new(),
        };
        Arc::new(Self {
            names,
            state: Mutex::new(state),
            changes: watch::Sender::new(()),
            disk: Semaphore::new(DISK_READERS),
        })
    }

    /// No code that can panic half-way runs under the lock: a poisoned one holds good data.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn position(&self) -> Position {
        let state = self.lock();
        Position::new(state.generation, state.extent.len)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Wakes the readers that wait. One wake-up stands for any number of changes.
    pub(crate) fn notify(&self) {
        self.changes.send_replace(());
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.changes.receiver_count() > 0
    }

    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.finished = true;
        if let Handle::Live(files) = &state.files {
            state.files = Handle::Idle(Arc::downgrade(files));
        }
        drop(state);
        self.notify();
    }

    pub(crate) fn restart(&self, files: Arc<Files>) {
        let mut state = self.lock();
        let end = state.extent;
        state.generation = files.generation;
        state.extent = Extent::default();
        state.tail.clear();
        if let Handle::Live(old) = std::mem::replace(&mut state.files, Handle::Live(files)) {
            // Set once: only the writer replaces a generation.
            let _ = old.end.set(end);
            state.retired.push_back(Arc::downgrade(&old));
        }
        state.retired.retain(|files| files.strong_count() > 0);
        let discarded = match state.retired.len() > RETIRED_KEPT {
            true => state.retired.pop_front().and_then(|files| files.upgrade()),
            false => None,
        };
        drop(state);
        self.notify();
        if let Some(files) = discarded {
            files.discard();
        }
    }

    /// Opens the files of a finished log, or finds them open. Blocking.
    pub(crate) fn open(&self) -> io::Result<Arc<Files>> {
        if let Some(files) = self.lock().files() {
            return Ok(files);
        }
        let (files, _) = Files::open_finished(&self.names)?;
        let files = Arc::new(files);
        let mut state = self.lock();
        if let Handle::Idle(known) = &mut state.files {
            *known = Arc::downgrade(&files);
        }
        Ok(files)
    }

    /// What there is of the current generation from `offset` on. Blocking.
    pub(crate) fn read(&self, offset: u64) -> io::Result<Vec<(Channel, Bytes)>> {
        let extent = self.lock().extent;
        let mut pieces = Vec::new();
        let mut at = offset;
        while at < extent.len {
            for block in self.open()?.read_blocks(at, extent)? {
                while at < block.end() {
                    let (channel, bytes) = block.piece_at(at);
                    at += bytes.len() as u64;
                    pieces.push((channel, bytes));
                }
            }
        }
        Ok(pieces)
    }

    /// Reads the block at `offset` from the disk, with few other readers beside this one.
    ///
    /// Cancel safe: a read that is under way goes on and is of use to others.
    pub(crate) async fn load(
        self: Arc<Self>,
        files: Option<Arc<Files>>,
        offset: u64,
        extent: Extent,
    ) -> io::Result<(Arc<Files>, Arc<Block>)> {
        let _permit = self.disk.acquire().await.map_err(io::Error::other)?;
        if let Some(files) = &files
            && let Some(block) = self.lock().cache.find(files.generation, offset)
        {
            return Ok((files.clone(), block));
        }
        let shared = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let files = match files {
                Some(files) => files,
                None => shared.open()?,
            };
            let blocks = files.read_blocks(offset, extent)?;
            let first = blocks
                .first()
                .cloned()
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            shared.lock().keep(blocks);
            Ok((files, first))
        });
        reading.await.map_err(io::Error::other)?
    }
}

impl State {
    /// The open files, if there are any.
    pub(crate) fn files(&self) -> Option<Arc<Files>> {
        match &self.files {
            Handle::Live(files) => Some(files.clone()),
            Handle::Idle(files) => files.upgrade(),
        }
    }

    /// Makes appended bytes visible; `chunks` are those bytes, or nothing when nobody follows.
    pub(crate) fn publish(&mut self, extent: Extent, chunks: Vec<(Channel, Bytes)>) {
        let mut at = extent.len
            - chunks
                .iter()
                .map(|(_, bytes)| bytes.len() as u64)
                .sum::<u64>();
        for (channel, bytes) in chunks {
            let len = bytes.len() as u64;
            self.tail.push(at, channel, bytes);
            at += len;
        }
        self.extent = extent;
    }

    /// What there is for a reader at a position, with the files that it holds.
    pub(crate) fn look(&mut self, at: Position, files: Option<&Files>) -> Found {
        let Position { generation, offset } = at;
        let current = generation == self.generation;
        let extent = if current {
            self.extent
        } else {
            // Only a live log starts over, and its readers hold its files from the beginning.
            files
                .and_then(|files| files.end.get().copied())
                .unwrap_or_default()
        };
        if offset < extent.len {
            if current && let Some((channel, bytes)) = self.tail.read(offset) {
                return Found::Piece(channel, bytes);
            }
            return match self.cache.find(generation, offset) {
                Some(block) => Found::Block(block),
                None => Found::OnDisk(extent),
            };
        }
        match (current, self.finished) {
            (false, _) => Found::Replaced,
            (true, true) => Found::End,
            (true, false) => Found::Wait,
        }
    }

    fn keep(&mut self, blocks: Vec<Arc<Block>>) {
        if self.followers > 0 {
            blocks
                .into_iter()
                .for_each(|block| self.cache.insert(block));
        }
    }

    pub(crate) fn join(&mut self) {
        self.followers += 1;
    }

    /// Memory is spent on a log only while somebody reads it.
    pub(crate) fn leave(&mut self) {
        self.followers -= 1;
        if self.followers == 0 {
            self.tail.clear();
            self.cache.clear();
        }
    }
}
