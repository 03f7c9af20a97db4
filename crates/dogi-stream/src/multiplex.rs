//! Several followers, one body.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use crate::cursor::Cursor;
use crate::follow::Follower;
use crate::framing::{Framer, Framing};

/// Pieces that one output may give in a row while another waits: long stretches keep text readable
/// and have few headers, but nobody is shut out.
const IN_A_ROW: usize = 8;

/// Follows several outputs at once and frames what they yield.
///
/// Ends when all of them have ended; [`push_status`](Self::push_status) adds what comes last. It
/// holds at most one piece and one frame: nothing is read from a log before it can be handed on.
#[derive(Debug)]
pub struct Multiplexer {
    framing: Framing,
    framer: Framer,
    /// By the framer's index; `None` once ended.
    followers: Vec<Option<Follower>>,
    turn: usize,
    in_a_row: usize,
}

impl Multiplexer {
    /// A body for outputs of `run`, the token that its cursors carry.
    pub fn new(framing: Framing, run: impl Into<String>) -> Self {
        let framer = Framer::new(framing, run);
        Self {
            framing,
            framer,
            followers: Vec::new(),
            turn: 0,
            in_a_row: 0,
        }
    }

    /// Adds an output, from where its follower stands.
    pub fn add(&mut self, name: &str, follower: Follower) {
        self.framer.add(name, follower.position());
        self.followers.push(Some(follower));
    }

    /// The framing of this body.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// What the frames handed out so far stand for.
    pub fn cursor(&self) -> &Cursor {
        self.framer.cursor()
    }

    /// Adds the status of the run; see [`Framer::push_status`]. The next frame is it when all
    /// outputs have ended before.
    pub fn push_status(&mut self, json: impl Into<String>) {
        self.framer.push_status(json);
    }

    /// The next frame; `None` when all outputs have ended and everything is framed (a status can
    /// be added even then).
    ///
    /// Cancel safe: a frame is either handed out or still to come.
    ///
    /// # Errors
    /// When a log can't be read. Calling again tries again.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            if let Some(frame) = self.framer.next_frame() {
                return Poll::Ready(Ok(Some(frame)));
            }
            if self.followers.iter().all(Option::is_none) {
                return Poll::Ready(Ok(None));
            }
            match self.poll_followers(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Pushes one piece, or the end of one output, to the framer.
    fn poll_followers(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.in_a_row >= IN_A_ROW {
            self.take_turn(self.turn + 1);
        }
        for step in 0..self.followers.len() {
            let index = (self.turn + step) % self.followers.len();
            let Some(follower) = &mut self.followers[index] else {
                continue;
            };
            match follower.poll_piece(cx)? {
                Poll::Pending => continue,
                Poll::Ready(Some(piece)) => self.framer.push(index, piece),
                Poll::Ready(None) => {
                    self.followers[index] = None;
                    self.framer.end(index);
                }
            }
            if index != self.turn {
                self.take_turn(index);
            }
            self.in_a_row += 1;
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn take_turn(&mut self, index: usize) {
        self.turn = index % self.followers.len();
        self.in_a_row = 0;
    }
}

impl Stream for Multiplexer {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_frame(cx).map(Result::transpose)
    }
}
