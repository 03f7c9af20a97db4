//! The last of a disk, which is the database's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::space::{Room, Space};

/// As much is kept back on a large disk: thousands of events.
const MOST: u64 = 16 << 20;
/// This part of a small one.
const PART: u64 = 16;

/// Bytes that may be written between two looks at the disk.
const STEP: u64 = 8 << 20;
/// A look at the disk is good for so long: others write to it, too.
const FRESH: Duration = Duration::from_millis(500);

/// Keeps the last of a disk free, 16 MiB or a sixteenth of a small one, so that what happens can
/// still be recorded. The engine asks one before it writes outputs; whatever else writes a lot to
/// the same disk should do so, too.
///
/// Writers ask before they write. To look at the disk costs a system call, so it is done once for
/// many writes: what was found free is shared out in small steps.
#[derive(Debug)]
pub struct Reserve {
    space: Arc<dyn Space>,
    seen: Mutex<Option<Seen>>,
}

/// What the last look at the disk found.
#[derive(Debug)]
struct Seen {
    at: Instant,
    /// Bytes that may be written before the next look.
    allowed: u64,
}

impl Reserve {
    /// On the disk that `space` tells of.
    #[must_use]
    pub fn new(space: Arc<dyn Space>) -> Self {
        Self {
            space,
            seen: Mutex::new(None),
        }
    }

    /// Bytes that are kept back on a disk of this size.
    pub(crate) fn of(room: Room) -> u64 {
        MOST.min(room.total / PART)
    }

    /// Bytes that may be written now, by all together. A disk that does not tell has room: it says
    /// itself when it is full.
    #[must_use]
    pub fn spare(&self) -> u64 {
        let room = self.space.room();
        room.map_or(u64::MAX, |room| room.free.saturating_sub(Self::of(room)))
    }

    /// Whether this many bytes may be written. Does not wait; costs a system call now and then.
    #[must_use]
    pub fn take(&self, bytes: u64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = seen.as_mut().filter(|seen| seen.at.elapsed() < FRESH);
        if let Some(seen) = fresh
            && let Some(left) = seen.allowed.checked_sub(bytes)
        {
            seen.allowed = left;
            return true;
        }
        let left = self.spare().checked_sub(bytes);
        *seen = Some(Seen {
            at: Instant::now(),
            allowed: left.map_or(0, |left| (left / 2).min(STEP)),
        });
        left.is_some()
    }
}
