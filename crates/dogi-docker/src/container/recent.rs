//! The end of the engine's copy, and whether what is known ends in it. Pure.

use std::collections::VecDeque;

use memchr::memmem;

use super::Channel;
use super::messages::{Part, Stamp};
use super::pass::Side;

/// Bytes of a channel that are kept in mind.
const WINDOW: usize = 256 * 1024;

/// The last messages of a copy, the bytes of each channel bounded.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The time of the newest of them.
    pub(super) until: Stamp,
    sides: [Window; 2],
}

#[derive(Debug, Default)]
struct Window {
    parts: VecDeque<Part>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, channel: Channel, part: Part) {
        self.until = self.until.max(part.stamp);
        self.sides[channel.index()].push(part);
    }

    /// When the engine took the last of what is known; `None`: it can't be told that it has.
    pub(super) fn holds(&self, stdout: &Side, stderr: &Side) -> Option<Stamp> {
        let [first, second] = &self.sides;
        let (first, second) = (first.find(stdout.tail())?, second.find(stderr.tail())?);
        Some(first.max(second))
    }
}

impl Window {
    fn push(&mut self, part: Part) {
        self.bytes += part.bytes.len();
        self.parts.push_back(part);
        while let Some(oldest) = self.parts.front()
            && self.bytes - oldest.bytes.len() >= WINDOW
        {
            self.bytes -= oldest.bytes.len();
            self.parts.pop_front();
        }
    }

    /// The time of the message in which `tail` ends. It is to stand there once, so that it is not an
    /// earlier line that reads the same.
    fn find(&self, tail: &[u8]) -> Option<Stamp> {
        if tail.is_empty() {
            return Some(Stamp::default());
        }
        let mut bytes = Vec::with_capacity(self.bytes);
        for part in &self.parts {
            bytes.extend_from_slice(&part.bytes);
        }
        let finder = memmem::Finder::new(tail);
        let at = finder.find(&bytes)?;
        if finder.find(&bytes[at + 1..]).is_some() {
            return None;
        }
        let mut left = at + tail.len();
        let ends_in = self.parts.iter().find(|part| {
            let here = left <= part.bytes.len();
            left = left.saturating_sub(part.bytes.len());
            here
        });
        ends_in.map(|part| part.stamp)
    }
}
