//! Masks one stream.

use std::fmt;
use std::ops::Range;

use aho_corasick::automaton::StateID;
use bytes::{Bytes, BytesMut};

use super::masks::Finder;
use super::{Masks, REPLACEMENT};

/// Masks the secrets of a stream, which comes in pieces of any size.
///
/// It holds back no more than what may be the beginning of a secret: less than the longest form of one.
/// Printing it for debugging shows nothing of the stream.
pub struct Masker {
    masks: Masks,
    /// Where the search is; `None`: at its start.
    state: Option<StateID>,
    held: BytesMut,
    /// The parts of what is held that are secret, in order and apart from each other.
    secret: Vec<Range<usize>>,
    /// Whether the last byte before what is held is secret, and its replacement was given.
    masking: bool,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker")
            .field("masks", &self.masks)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

impl Masker {
    /// Begins a stream.
    #[must_use]
    pub fn new(masks: &Masks) -> Self {
        Self {
            masks: masks.clone(),
            state: None,
            held: BytesMut::new(),
            secret: Vec::new(),
            masking: false,
        }
    }

    /// Bytes that are held back, since they may be the beginning of a secret.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes, and gives what can be shown by now, perhaps nothing. Bytes without a secret
    /// are not copied.
    #[must_use = "what is given out does not come again"]
    pub fn push(&mut self, bytes: Bytes) -> Bytes {
        let Some(finder) = self.masks.finder.clone() else {
            return bytes;
        };
        let state = self.search(&finder, &bytes);
        self.state = Some(state);
        let open = finder.depth(state);
        if self.held.is_empty() && self.secret.is_empty() {
            let certain = bytes.len() - open.min(bytes.len());
            self.held.extend_from_slice(&bytes[certain..]);
            self.masking &= certain == 0;
            return bytes.slice(..certain);
        }
        self.held.extend_from_slice(&bytes);
        self.release(self.held.len() - open.min(self.held.len()))
    }

    /// The stream ends, and gives what was held back: it was no secret. Another stream may begin.
    #[must_use = "what is given out does not come again"]
    pub fn finish(&mut self) -> Bytes {
        let rest = self.release(self.held.len());
        self.state = None;
        self.masking = false;
        rest
    }

    /// Finds the secrets that end in `bytes`, which follow what is held.
    fn search(&mut self, finder: &Finder, bytes: &[u8]) -> StateID {
        let mut state = self.state.unwrap_or(finder.start);
        let mut at = 0;
        while at < bytes.len() {
            if state == finder.start {
                match bytes[at..].iter().position(|byte| finder.is_first(*byte)) {
                    Some(skip) => at += skip,
                    None => break,
                }
            }
            state = finder.next(state, bytes[at]);
            at += 1;
            if let Some(len) = finder.ends(state) {
                let end = self.held.len() + at;
                // What is not held any more of it was secret anyway.
                self.cover(end.saturating_sub(len)..end);
            }
        }
        state
    }

    /// This is secret, too. It ends after all that was found before.
    fn cover(&mut self, mut range: Range<usize>) {
        while let Some(last) = self.secret.pop_if(|last| last.end >= range.start) {
            range.start = range.start.min(last.start);
        }
        self.secret.push(range);
    }

    /// Gives what is held up to `certain`, where no secret can begin any more before that; and the secret
    /// that goes on there, whose replacement is the same however long it is.
    fn release(&mut self, certain: usize) -> Bytes {
        let mut shown = BytesMut::with_capacity(certain);
        let mut done = 0;
        let mut released = 0;
        for range in self
            .secret
            .iter()
            .take_while(|range| range.start <= certain)
        {
            if range.start > done {
                shown.extend_from_slice(&self.held[done..range.start]);
                self.masking = false;
            }
            if !std::mem::replace(&mut self.masking, true) {
                shown.extend_from_slice(REPLACEMENT);
            }
            done = range.end;
            released += 1;
        }
        if certain > done {
            shown.extend_from_slice(&self.held[done..certain]);
            self.masking = false;
            done = certain;
        }
        self.secret.drain(..released);
        for range in &mut self.secret {
            *range = range.start - done..range.end - done;
        }
        let _ = self.held.split_to(done);
        shown.freeze()
    }
}
