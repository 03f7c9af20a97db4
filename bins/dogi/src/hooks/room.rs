//! Memory for bodies of requests to hooks.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which memory is counted.
const UNIT: usize = 1024;
/// What all bodies together may take: a few of the largest, or thousands of ordinary ones.
pub(crate) const ALL_BODIES: usize = 256 << 20;
/// So many bodies that are [large](is_large) are read and looked at at once: what they are parsed
/// into takes a multiple of them.
const LARGE_AT_ONCE: usize = 2;
/// From here on a body is looked at beside the async threads, which it would hold up.
const LARGE: usize = 128 << 10;

/// What bodies may take together. Cloning gives another handle to the same room.
#[derive(Clone, Debug)]
pub(crate) struct BodyRoom {
    bytes: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Memory that one body takes; given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct BodyPermit {
    bytes: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl BodyRoom {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(ALL_BODIES / UNIT)),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
        }
    }

    /// Takes room for `more` bytes of a body; `false` where there is none now.
    pub(crate) fn take(&self, permit: &mut BodyPermit, more: usize) -> bool {
        let before = permit.bytes.div_ceil(UNIT);
        let after = (permit.bytes + more).div_ceil(UNIT);
        let Ok(units) = u32::try_from(after - before) else {
            return false;
        };
        if units > 0 {
            let Ok(taken) = self.bytes.clone().try_acquire_many_owned(units) else {
                return false;
            };
            match &mut permit.taken {
                Some(before) => before.merge(taken),
                none => *none = Some(taken),
            }
        }
        permit.bytes += more;
        true
    }

    /// Waits until a large body may be looked at. Cancel safe.
    pub(crate) async fn look_at_large(&self) -> Option<OwnedSemaphorePermit> {
        self.large.clone().acquire_owned().await.ok()
    }
}

/// Whether a body of this length is looked at beside the async threads.
pub(crate) fn is_large(length: usize) -> bool {
    length >= LARGE
}
