//! The disk that the store writes to: what is written survives the server, what is synced survives
//! a power cut.

use std::collections::{BTreeMap, BTreeSet};

use dogi_engine::ports::{Entry, PromiseChange, Record, Recorded, Safety};
use dogi_job::{Event, RunId, Spec, StopCause};

use crate::{chance::Chance, spec::script_of};

#[derive(Debug, Default)]
pub(crate) struct Disk {
    changes: Vec<Change>,
    synced: usize,
    kept: Kept,
    /// Which operation submitted a run, even if it was forgotten since.
    operations: BTreeMap<RunId, (usize, Spec)>,
    forgotten: BTreeSet<RunId>,
}

#[derive(Debug, Clone)]
enum Change {
    Append(RunId, Box<Entry>),
    Forget(RunId),
}

/// What a reader finds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    pub(crate) runs: BTreeMap<RunId, Vec<Recorded>>,
    pub(crate) promises: BTreeSet<String>,
}

impl Disk {
    /// Adds an entry.
    ///
    /// # Errors
    /// When its number is not the next one.
    pub(crate) fn append(&mut self, run: &RunId, entry: Entry) -> Result<(), String> {
        let next = self.kept.runs.get(run).map_or(0, Vec::len) as u64;
        if entry.sequence != next {
            return Err(format!(
                "record {} comes where {next} is next",
                entry.sequence
            ));
        }
        if let Record::Submitted(submission) = &entry.recorded.record {
            let spec = &*submission.spec;
            let (operation, _) = script_of(spec);
            self.operations
                .insert(run.clone(), (operation, spec.clone()));
        }
        let safety = entry.safety;
        self.change(Change::Append(run.clone(), Box::new(entry)));
        self.sync(safety);
        Ok(())
    }

    fn sync(&mut self, safety: Safety) {
        if safety == Safety::Synced {
            self.synced = self.changes.len();
        }
    }

    pub(crate) fn forget(&mut self, run: &RunId, safety: Safety) {
        self.forgotten.insert(run.clone());
        self.change(Change::Forget(run.clone()));
        self.sync(safety);
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(crate) fn operation(&self, run: &RunId) -> Option<usize> {
        self.operations.get(run).map(|(operation, _)| *operation)
    }

    pub(crate) fn was_forgotten(&self, run: &RunId) -> bool {
        self.forgotten.contains(run)
    }

    /// Every event that stands on the disk or stood there.
    pub(crate) fn events(&self, run: &RunId) -> Vec<Event> {
        let of_run = self.changes.iter().filter_map(|change| match change {
            Change::Append(of, entry) if of == run => Some(&entry.recorded.record),
            Change::Append(..) | Change::Forget(_) => None,
        });
        of_run
            .filter_map(|record| match record {
                Record::Event(event) => Some(event.clone()),
                Record::Submitted(_) => None,
            })
            .collect()
    }

    /// Whether something of the run could not be removed.
    pub(crate) fn was_left_behind(&self, run: &RunId) -> bool {
        let failed = |event: &Event| matches!(event, Event::CleanupFailed { .. });
        self.events(run).iter().any(failed)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = (&RunId, usize, &Spec)> {
        let operations = self.operations.iter();
        operations.map(|(run, (operation, spec))| (run, *operation, spec))
    }

    /// Loses some of what was written and not synced: a suffix.
    pub(crate) fn lose_power(&mut self, chance: &mut Chance) {
        let unsynced = self.changes.len() - self.synced;
        let lost = usize::try_from(chance.below(unsynced as u64 + 1)).expect("an index");
        self.changes.truncate(self.changes.len() - lost);
        self.kept = Kept::default();
        self.forgotten.clear();
        for change in self.changes.clone() {
            if let Change::Forget(run) = &change {
                self.forgotten.insert(run.clone());
            }
            self.kept.take_in(change);
        }
    }

    fn change(&mut self, change: Change) {
        self.kept.take_in(change.clone());
        self.changes.push(change);
    }
}

impl Kept {
    fn take_in(&mut self, change: Change) {
        match change {
            Change::Append(run, entry) => {
                self.runs.entry(run).or_default().push(entry.recorded);
                for change in entry.promises {
                    match change {
                        PromiseChange::Made(promise) => self.promises.insert(promise.id),
                        PromiseChange::Settled { id } => self.promises.remove(&id),
                    };
                }
            }
            Change::Forget(run) => {
                self.runs.remove(&run);
            }
        }
    }
}

/// What happened, in a word, for the trace.
pub(crate) fn word(record: &Record) -> String {
    match record {
        Record::Submitted(_) => "submitted".to_owned(),
        Record::Event(Event::StopRequested { cause }) => match cause {
            StopCause::Lost { reason } => format!("lost: {reason}"),
            cause => format!("stop: {cause:?}"),
        },
        Record::Event(Event::Attempted { accepted, .. }) => format!("attempted: {accepted}"),
        Record::Event(Event::Failed { failure }) => format!("failed: {:?}", failure.kind),
        Record::Event(Event::CheckedOut { .. }) => "checked out".to_owned(),
        Record::Event(Event::Started { .. }) => "started".to_owned(),
        Record::Event(event) => format!("{event:?}"),
    }
}
