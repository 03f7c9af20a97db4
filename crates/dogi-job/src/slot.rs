use serde::{Deserialize, Serialize};

use crate::RunId;

/// How a run is submitted to its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Submit {
    /// Start, or attach to the run that is alive.
    Run,
    /// Stop the run that is alive, then start.
    Restart,
    /// Start beside whatever is alive: the instance is no place that one run holds, but a name that
    /// many have.
    Beside,
}

/// One instance's place: the run that is alive, and the one that follows when it has stopped.
///
/// Of several restarts only the last one's run ever starts: each takes the place of the one
/// before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    current: Option<RunId>,
    stopping: bool,
    next: Option<RunId>,
    newest: Option<RunId>,
}

/// Where a run of an earlier life of the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not let in yet.
    Waiting,
    /// Let in, and to go on.
    UnderWay,
    /// Let in, and told to stop; or it only calls back.
    Stopping,
    /// It is over, or was told to stop before it was let in.
    Out,
}

/// What follows from a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotDecision {
    /// The instance is alive already: attach to this run. The submitted one is forgotten.
    Attach(RunId),
    /// The place was free: the submitted run starts.
    Start,
    /// The submitted run starts when the current one is over.
    Wait {
        /// The runs that are to end because this one takes their place, in the order of their age.
        superseded: Vec<RunId>,
    },
}

impl Slot {
    /// Takes in `run`.
    pub fn submit(&mut self, run: RunId, how: Submit) -> SlotDecision {
        if how == Submit::Beside {
            self.newest = Some(run);
            return SlotDecision::Start;
        }
        let Some(current) = self.current.clone() else {
            self.current = Some(run.clone());
            self.newest = Some(run);
            return SlotDecision::Start;
        };
        if let Some(alive) = self.attachable(how) {
            return SlotDecision::Attach(alive.clone());
        }
        let mut superseded = Vec::new();
        if !self.stopping {
            self.stopping = true;
            superseded.push(current);
        }
        superseded.extend(self.next.replace(run.clone()));
        self.newest = Some(run);
        SlotDecision::Wait { superseded }
    }

    /// Takes in a run of an earlier life of the server; the oldest come first.
    pub fn restore(&mut self, run: RunId, standing: Standing) {
        match standing {
            Standing::Waiting if self.current.is_some() => self.next = Some(run.clone()),
            Standing::Waiting | Standing::UnderWay => {
                self.current = Some(run.clone());
                self.stopping = false;
            }
            Standing::Stopping => {
                self.current = Some(run.clone());
                self.stopping = true;
            }
            Standing::Out => {}
        }
        self.newest = Some(run);
    }

    /// `run` was told to stop: nobody attaches to it any more, and a submission waits for its end.
    pub fn stopping(&mut self, run: &RunId) {
        if self.current.as_ref() == Some(run) {
            self.stopping = true;
        }
        if self.next.as_ref() == Some(run) {
            self.next = None;
        }
    }

    /// `run` holds its place no longer: it is over, or will never start. Returns the run that
    /// starts now.
    pub fn release(&mut self, run: &RunId) -> Option<RunId> {
        if self.next.as_ref() == Some(run) {
            self.next = None;
        }
        if self.current.as_ref() != Some(run) {
            return None;
        }
        self.stopping = false;
        self.current = self.next.take();
        self.current.clone()
    }

    /// The history of `run` is gone: the instance shows it no longer.
    pub fn forget(&mut self, run: &RunId) {
        if self.newest.as_ref() == Some(run) {
            self.newest = None;
        }
    }

    /// Whether `run` holds the place.
    #[must_use]
    pub fn is_current(&self, run: &RunId) -> bool {
        self.current.as_ref() == Some(run)
    }

    /// The run that stands for the instance: the newest that was submitted.
    #[must_use]
    pub fn newest(&self) -> Option<&RunId> {
        self.newest.as_ref()
    }

    /// Whether `run` holds a place, or is to have the next one, and was not told to stop.
    #[must_use]
    pub fn goes_on(&self, run: &RunId) -> bool {
        self.next.as_ref() == Some(run) || (self.is_current(run) && !self.stopping)
    }

    /// The runs that hold a place: the current one and the one that follows.
    pub fn alive(&self) -> impl Iterator<Item = &RunId> {
        self.current.iter().chain(self.next.iter())
    }

    /// The run that a submission would attach to.
    #[must_use]
    pub fn attachable(&self, how: Submit) -> Option<&RunId> {
        match (how, &self.next, self.stopping) {
            (Submit::Restart | Submit::Beside, ..) | (Submit::Run, None, true) => None,
            (Submit::Run, Some(next), _) => Some(next),
            (Submit::Run, None, false) => self.current.as_ref(),
        }
    }
}
