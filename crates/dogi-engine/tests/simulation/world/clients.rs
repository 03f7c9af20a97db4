//! What clients asked for, and what they were told.

use std::collections::{BTreeMap, BTreeSet};

use dogi_job::RunId;
use dogi_stream::Position;

#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// When an operation was asked for.
    pub(crate) called: BTreeMap<usize, Moment>,
    /// When it was answered, and how.
    pub(crate) answered: BTreeMap<usize, (Moment, Answer)>,
    /// Runs whose abort was answered.
    pub(crate) aborted: BTreeSet<RunId>,
    /// First time that each run was let in.
    pub(crate) admitted: BTreeMap<RunId, usize>,
    /// The life in which it was recorded that a run ended by itself.
    pub(crate) exited: BTreeMap<RunId, usize>,
    pub(crate) followers: BTreeMap<usize, Follower>,
    steps: usize,
}

/// A place in the order of everything, and the life in which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) step: usize,
    pub(crate) life: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken(RunId),
    Joined(RunId),
    /// Neither this run nor a later one comes of it.
    Refused,
    /// An abort was done.
    Done,
    /// The client did not wait for it.
    Unheard,
}

/// Somebody reads a log, over all lives of the server.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    pub(crate) run: RunId,
    pub(crate) position: Position,
    pub(crate) read: Vec<u8>,
    pub(crate) at_end: bool,
}

/// A container that must not be started any more, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LateStart {
    AbortWasAnswered,
    WasRefused,
}

impl Clients {
    pub(crate) fn moment(&mut self, life: usize) -> Moment {
        self.steps += 1;
        Moment {
            step: self.steps,
            life,
        }
    }

    pub(crate) fn call(&mut self, operation: usize, life: usize) {
        let moment = self.moment(life);
        self.called.insert(operation, moment);
    }

    pub(crate) fn answer(&mut self, operation: usize, life: usize, answer: Answer) {
        let moment = self.moment(life);
        self.answered.insert(operation, (moment, answer));
    }

    pub(crate) fn admit(&mut self, run: &RunId, life: usize) {
        let step = self.moment(life).step;
        self.admitted.entry(run.clone()).or_insert(step);
    }

    /// Whether a container of `run`, which `operation` submitted, comes too late.
    pub(crate) fn late_start(&self, run: &RunId, operation: usize) -> Option<LateStart> {
        if self.aborted.contains(run) {
            return Some(LateStart::AbortWasAnswered);
        }
        match self.answered.get(&operation) {
            Some((_, Answer::Refused | Answer::Joined(_))) => Some(LateStart::WasRefused),
            _ => None,
        }
    }

    /// The run that came of an operation.
    pub(crate) fn run_of(&self, operation: usize) -> Option<&RunId> {
        match self.answered.get(&operation)? {
            (_, Answer::Taken(run) | Answer::Joined(run)) => Some(run),
            _ => None,
        }
    }
}
