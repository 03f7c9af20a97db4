//! How many commands of a hook run at once while somebody waits for their output, and how many wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The lines of all hooks, by id.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Line>>>);

/// How many at once, and how many wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineLimits {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

#[derive(Debug, Default)]
struct Line(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    limits: LineLimits,
    running: usize,
    /// In the order of their coming. Who does not wait any more has closed its end.
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to run one command; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Line>);

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
        let line = self.lines().entry(hook.to_owned()).or_default().clone();
        match line.enter(limits)? {
            Entered::Now(turn) => Ok(turn),
            Entered::Waits(turn) => match turn.await {
                Ok(turn) => Ok(turn),
                Err(_) => unreachable!("a line that somebody holds lets go of nobody"),
            },
        }
    }

    /// Other hooks may be there from now on: the lines of those that are gone go when nobody is in
    /// them.
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.lines()
            .retain(|hook, line| known(hook) || Arc::strong_count(line) > 1);
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    Now(Turn),
    Waits(oneshot::Receiver<Turn>),
}

impl Line {
    /// The limits are those of the hook as it is now, for all who are in its line.
    fn enter(self: &Arc<Self>, limits: LineLimits) -> Result<Entered, LineFull> {
        let mut places = self.places();
        places.limits = limits;
        places.waiting.retain(|waiting| !waiting.is_closed());
        let granted = self.grant(&mut places);
        let entered = if places.running < limits.running {
            places.running += 1;
            Ok(Entered::Now(Turn(self.clone())))
        } else if places.waiting.len() >= limits.waiting {
            let waiting = places.waiting.len();
            Err(LineFull { waiting })
        } else {
            let (turn, waits) = oneshot::channel();
            places.waiting.push_back(turn);
            Ok(Entered::Waits(waits))
        };
        drop(places);
        // Those who have left meanwhile give theirs back, which takes the lock.
        drop(granted);
        entered
    }

    fn leave(self: &Arc<Self>) {
        let mut places = self.places();
        places.running = places.running.saturating_sub(1);
        let granted = self.grant(&mut places);
        drop(places);
        drop(granted);
    }

    /// Gives turns to those who wait, as far as there is room. Returns the turns of those who have
    /// left.
    fn grant(self: &Arc<Self>, places: &mut Places) -> Vec<Turn> {
        let mut unwanted = Vec::new();
        while places.running < places.limits.running
            && let Some(next) = places.waiting.pop_front()
        {
            places.running += 1;
            unwanted.extend(next.send(Turn(self.clone())).err());
        }
        unwanted
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.leave();
    }
}
