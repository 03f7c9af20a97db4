//! How many commands of a hook run at once while somebody waits for their output, and how many wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The lines of all hooks, by id.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Line>>>);

/// How many at once, and how many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineLimits {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

#[derive(Debug)]
struct Line {
    limits: LineLimits,
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right to run one command; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// As many wait as may.
#[derive(Debug, thiserror::Error)]
#[error("{waiting} requests wait for the hook already, which is as many as may (max-queued)")]
pub(crate) struct LineFull {
    waiting: usize,
}

impl Turns {
    /// Waits for its turn. Cancel safe: whoever does not wait any more has left the line.
    ///
    /// # Errors
    /// When the line is full.
    pub(crate) async fn take(&self, hook: &str, limits: LineLimits) -> Result<Turn, LineFull> {
        let line = self.line(hook, limits);
        if let Ok(permit) = line.room.clone().try_acquire_owned() {
            return Ok(Turn { _permit: permit });
        }
        let _waiting = Waiting::begin(&line)?;
        match line.room.clone().acquire_owned().await {
            Ok(permit) => Ok(Turn { _permit: permit }),
            Err(_) => unreachable!("no line is ever closed"),
        }
    }

    /// Forgets the lines of hooks that there are no more.
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.lines().retain(|hook, _| known(hook));
    }

    /// A hook whose limits were changed has a new line; the old one is served to its end.
    fn line(&self, hook: &str, limits: LineLimits) -> Arc<Line> {
        let mut lines = self.lines();
        match lines.get(hook) {
            Some(line) if line.limits == limits => line.clone(),
            _ => {
                let line = Arc::new(Line {
                    limits,
                    room: Arc::new(Semaphore::new(limits.running.min(Semaphore::MAX_PERMITS))),
                    waiting: AtomicUsize::new(0),
                });
                lines.insert(hook.to_owned(), line.clone());
                line
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line.
struct Waiting<'a>(&'a Line);

impl<'a> Waiting<'a> {
    fn begin(line: &'a Line) -> Result<Self, LineFull> {
        let most = line.limits.waiting;
        let more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        line.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .map(|_| Self(line))
            .map_err(|waiting| LineFull { waiting })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
