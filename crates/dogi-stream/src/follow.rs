//! Reading a log while it grows.

use std::future::{Future, poll_fn};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use tokio_stream::wrappers::WatchStream;

use crate::blocks::Block;
use crate::channel::Channel;
use crate::files::{Extent, Files};
use crate::position::Position;
use crate::shared::{Found, Shared, State};

/// What a follower yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next bytes, never empty, at most 8 KiB.
    Data {
        /// Where to resume after these bytes.
        position_after: Position,
        /// Where they came from.
        channel: Channel,
        /// The bytes, shared with other readers where they keep up.
        bytes: Bytes,
    },
    /// The content starts over: what was read so far has been truncated or replaced. The next
    /// bytes are the first of this generation.
    Restarted {
        /// The generation that begins.
        generation: u64,
    },
}

struct Begin {
    at: Position,
    announce: Option<u64>,
    limit: Option<u64>,
}

impl Begin {
    /// Goes on at a position of the current generation. Any other is out of date, and that must be
    /// announced unless nothing was read before it.
    fn resume(from: Position, state: &State, limit: Option<u64>) -> Self {
        let resumable = from.generation == state.generation && from.offset <= state.extent.len;
        let (at, announce) = match (resumable, from.offset) {
            (true, _) => (from, None),
            (false, 0) => (Position::new(state.generation, 0), None),
            (false, _) => (from, Some(state.generation)),
        };
        Self {
            at,
            announce,
            limit,
        }
    }
}

type Loading = Pin<Box<dyn Future<Output = io::Result<(Arc<Files>, Arc<Block>)>> + Send>>;

/// A reader of one log, made by [`Log::follow`](crate::Log::follow).
///
/// It holds a position and at most one block of 8 KiB: a slow or stopped one costs next to nothing
/// and is never waited for. No byte published before the log was finished is ever missed.
pub struct Follower {
    shared: Arc<Shared>,
    changes: WatchStream<()>,
    at: Position,
    /// The files of the generation that is read; missing only until a finished log is opened.
    files: Option<Arc<Files>>,
    block: Option<Arc<Block>>,
    loading: Option<Loading>,
    /// A generation to announce before anything of it is read: that of the files. Until then the
    /// position is the one before, so that whoever stops now and resumes is told, too.
    announce: Option<u64>,
    /// Where to end, in the generation that is read: there is no following then.
    limit: Option<u64>,
}

impl Follower {
    /// Follows without end.
    pub(crate) fn new(shared: Arc<Shared>, from: Position) -> Self {
        Self::begin(shared, |state| Begin::resume(from, state, None))
    }

    /// Ends where the log ends now.
    pub(crate) fn snapshot(shared: Arc<Shared>, from: Position) -> Self {
        Self::begin(shared, |state| {
            Begin::resume(from, state, Some(state.extent.len))
        })
    }

    pub(crate) fn range(shared: Arc<Shared>, range: Range<u64>) -> Self {
        Self::begin(shared, |state| {
            let within =
                |offset: u64| Position::new(state.generation, offset.min(state.extent.len));
            Begin::resume(within(range.start), state, Some(within(range.end).offset))
        })
    }

    fn begin(shared: Arc<Shared>, begin: impl FnOnce(&State) -> Begin) -> Self {
        // Subscribed before anything is looked at: no change can fall in between.
        let changes = WatchStream::from_changes(shared.subscribe());
        let mut state = shared.lock();
        state.join();
        let begin = begin(&state);
        let files = state.files();
        drop(state);
        let Begin {
            at,
            announce,
            limit,
        } = begin;
        Self {
            shared,
            changes,
            at,
            files,
            block: None,
            loading: None,
            announce,
            limit,
        }
    }

    /// Where this follower stands: everything before has been yielded.
    pub fn position(&self) -> Position {
        self.at
    }

    /// The next piece; `None` when the log is finished and everything has been yielded. Waits for
    /// the writer where there is nothing new.
    ///
    /// Cancel safe: a piece is either yielded or still to come.
    ///
    /// # Errors
    /// When the disk can't be read. The follower stays where it is; calling again tries again.
    pub async fn next(&mut self) -> io::Result<Option<Piece>> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Piece>>> {
        let coop = ready!(tokio::task::coop::poll_proceed(cx));
        let polled = self.poll_uncooperatively(cx);
        if polled.is_ready() {
            coop.made_progress();
        }
        polled
    }

    fn poll_uncooperatively(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Piece>>> {
        loop {
            if let Some(generation) = self.announce.take() {
                self.at = Position::new(generation, 0);
                return Poll::Ready(Ok(Some(Piece::Restarted { generation })));
            }
            ready!(self.poll_loading(cx))?;
            if self.limit.is_some_and(|limit| self.at.offset >= limit) {
                return Poll::Ready(Ok(None));
            }
            if let Some(piece) = self.take_from_block() {
                return Poll::Ready(Ok(Some(piece)));
            }
            let found = self.look();
            match found {
                Found::Piece(channel, bytes) => {
                    return Poll::Ready(Ok(Some(self.advance(channel, bytes))));
                }
                Found::Block(block) => self.block = Some(block),
                Found::OnDisk(extent) => self.load(extent),
                Found::Replaced => self.start_over(),
                Found::End => return Poll::Ready(Ok(None)),
                Found::Wait => {
                    if ready!(Pin::new(&mut self.changes).poll_next(cx)).is_none() {
                        return Poll::Ready(Ok(None));
                    }
                }
            }
        }
    }

    fn look(&mut self) -> Found {
        let mut state = self.shared.lock();
        // Of a log that was not begun when the follower came.
        if self.files.is_none() && self.at.generation == state.generation {
            self.files = state.files();
        }
        state.look(self.at, self.files.as_deref())
    }

    fn load(&mut self, extent: Extent) {
        let loading = self
            .shared
            .clone()
            .load(self.files.clone(), self.at.offset, extent);
        self.loading = Some(Box::pin(loading));
    }

    fn poll_loading(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(loading) = &mut self.loading else {
            return Poll::Ready(Ok(()));
        };
        let loaded = ready!(loading.as_mut().poll(cx));
        self.loading = None;
        match loaded {
            Ok((files, block)) => {
                self.files = Some(files);
                self.block = Some(block);
                Poll::Ready(Ok(()))
            }
            Err(_) if self.limit.is_none() && self.is_gone() => {
                self.start_over();
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn is_gone(&self) -> bool {
        self.files.as_ref().is_some_and(|files| files.is_gone())
    }

    /// Goes on with the current generation, which is announced next.
    fn start_over(&mut self) {
        let state = self.shared.lock();
        self.announce = Some(state.generation);
        self.files = state.files();
        self.block = None;
    }

    fn take_from_block(&mut self) -> Option<Piece> {
        self.block
            .take_if(|block| !block.holds(self.at.generation, self.at.offset));
        let (channel, bytes) = self.block.as_ref()?.piece_at(self.at.offset);
        Some(self.advance(channel, bytes))
    }

    fn advance(&mut self, channel: Channel, mut bytes: Bytes) -> Piece {
        if let Some(limit) = self.limit {
            bytes.truncate((limit - self.at.offset).try_into().unwrap_or(usize::MAX));
        }
        self.at.offset += bytes.len() as u64;
        self.block.take_if(|block| block.end() <= self.at.offset);
        Piece::Data {
            position_after: self.at,
            channel,
            bytes,
        }
    }
}

impl Stream for Follower {
    type Item = io::Result<Piece>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_piece(cx).map(Result::transpose)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.lock().leave();
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("path", &self.shared.names.content)
            .field("position", &self.at)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
