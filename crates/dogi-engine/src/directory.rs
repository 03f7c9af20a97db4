//! Which runs there are: pure bookkeeping, under one lock that is never held over an await.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Weak,
};

use dogi_job::{
    AdmissionLimits, Refusal, RunId, RunStatus, Slot, SlotDecision, Spec, Standing, StopCause,
    Submit, UnixMillis,
};
use dogi_url::{GroupName, GroupPolicy, InstanceId};
use tokio::sync::watch;

use crate::{
    EngineConfig, RunHandle, left_behind::LeftBehind, outputs::RunDirectory, queues::Queues,
};

#[derive(Debug)]
pub(crate) struct Directory {
    queues: Queues,
    slots: HashMap<InstanceId, Slot>,
    /// Ids sort by time of submission.
    runs: BTreeMap<RunId, RunHandle>,
    finished: HashMap<InstanceId, BTreeSet<RunId>>,
    history: History,
    unfinished: HashSet<RunId>,
    pub(crate) left_behind: LeftBehind,
    /// Of all runs that ever were, as far as is known.
    greatest_id: u128,
    /// The files of runs that are forgotten, as long as somebody reads them.
    lingering: HashMap<RunId, Weak<RunDirectory>>,
    /// Told when a place becomes free.
    freed: watch::Sender<()>,
}

/// What came of a submission.
#[derive(Debug)]
pub(crate) enum Entered {
    /// The instance is alive already; the submitted run is not needed.
    Attached(RunHandle),
    /// The run is in the books.
    Started,
}

impl Directory {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        Self {
            queues: Queues::new(limits),
            slots: HashMap::new(),
            runs: BTreeMap::new(),
            finished: HashMap::new(),
            history: History::default(),
            unfinished: HashSet::new(),
            left_behind: LeftBehind::default(),
            greatest_id: 0,
            lingering: HashMap::new(),
            freed: watch::Sender::new(()),
        }
    }

    /// Lends a place for one more container of a run that is under way, if there is one that nobody
    /// waits for; one that is taken already is lent `anyway`.
    pub(crate) fn lend_place(&mut self, anyway: bool) -> bool {
        self.queues.lend(anyway)
    }

    /// Takes back places that were lent: whoever waited for one may go on.
    pub(crate) fn return_places(&mut self, places: usize) {
        let admitted = self.queues.take_back(places);
        self.admit(&admitted);
        self.freed.send_replace(());
    }

    /// Tells when it is worth asking for a place again.
    pub(crate) fn places(&self) -> watch::Receiver<()> {
        self.freed.subscribe()
    }

    /// The id of a new run: greater than that of every run before it, wherever the clock was set to.
    pub(crate) fn next_id(&mut self, now: UnixMillis) -> RunId {
        let random = uuid::Uuid::now_v7();
        let tail = random.as_bytes().last_chunk().expect("a UUID has 16 bytes");
        let made = uuid::Builder::from_unix_timestamp_millis(now.0, tail).into_uuid();
        let next = made.as_u128().max(self.greatest_id + 1);
        self.greatest_id = next;
        RunId::from_bytes(next.to_be_bytes())
    }

    /// The run that a submission would attach to.
    pub(crate) fn attachable(&self, instance: &InstanceId, how: Submit) -> Option<RunHandle> {
        let run = self.slots.get(instance)?.attachable(how)?;
        self.runs.get(run).cloned()
    }

    /// Enters `handle` in the books and sets in motion what follows.
    pub(crate) fn enter(&mut self, handle: &RunHandle, how: Submit) -> Result<Entered, Refusal> {
        let before = self.slots.get(handle.instance()).cloned();
        if before
            .as_ref()
            .is_none_or(|slot| slot.attachable(how).is_none())
        {
            // What it replaces is none of its rivals.
            let rival = |run: &RunId| {
                let run = self.runs.get(run);
                run.is_none_or(|run| run.instance() != handle.instance())
            };
            self.queues.check_group(handle, rival)?;
        }
        let slot = self.slots.entry(handle.instance().clone()).or_default();
        match slot.submit(handle.id().clone(), how) {
            SlotDecision::Attach(run) => {
                if let Some(alive) = self.runs.get(&run) {
                    return Ok(Entered::Attached(alive.clone()));
                }
                unreachable!("a slot holds only runs that are in the books");
            }
            SlotDecision::Start => {
                if let Err(refusal) = self.ask(handle) {
                    self.put_back(handle.instance(), before);
                    return Err(refusal);
                }
            }
            SlotDecision::Wait { superseded } => {
                for run in superseded {
                    self.stop(&run, StopCause::Superseded);
                }
            }
        }
        self.unfinished.insert(handle.id().clone());
        self.runs.insert(handle.id().clone(), handle.clone());
        self.replace_group(handle);
        Ok(Entered::Started)
    }

    /// Takes in a run of an earlier life of the server; the oldest come first.
    pub(crate) fn restore(&mut self, handle: &RunHandle, standing: Standing) {
        let slot = self.slots.entry(handle.instance().clone()).or_default();
        slot.restore(handle.id().clone(), standing);
        self.greatest_id = self.greatest_id.max(number_of(handle.id()));
        self.runs.insert(handle.id().clone(), handle.clone());
        if !handle.status().state.is_final() {
            self.unfinished.insert(handle.id().clone());
        }
        if matches!(standing, Standing::UnderWay | Standing::Stopping) && !handle.status().stopped {
            self.queues.restore(handle);
        }
    }

    /// Lets the runs that waited in an earlier life wait on, in this order, except those that wait
    /// for their instance, or for nothing any more. To be called before any of them goes on.
    pub(crate) fn restore_waiting(&mut self, waiting: &[RunHandle]) {
        for handle in waiting {
            let slot = self.slots.get(handle.instance());
            let has_its_turn =
                slot.is_some_and(|slot| slot.is_current(handle.id()) && slot.goes_on(handle.id()));
            if has_its_turn && self.waits(handle) {
                self.queues.restore_waiting(handle);
            }
        }
        let admitted = self.queues.fill();
        self.admit(&admitted);
    }

    /// Stops the older runs of a group that `handle` is submitted to replace, those that wait for
    /// their instance included. One that was told already, or has its result, is not told: its
    /// callback is owed. (The status may lag behind the result; then the run itself takes no notice.)
    fn replace_group(&mut self, handle: &RunHandle) {
        let Some(group) = replaced_group(handle.spec()) else {
            return;
        };
        let replaced = |run: &RunHandle| {
            let slot = self.slots.get(run.instance());
            run.id() < handle.id()
                && run.spec().group.as_ref() == Some(group)
                && slot.is_some_and(|slot| slot.goes_on(run.id()))
                && !is_decided(&run.status())
        };
        let mut older = self.unfinished();
        older.retain(replaced);
        for run in older {
            self.stop(run.id(), StopCause::Replaced);
        }
    }

    /// Whether the run is in the books and not over.
    pub(crate) fn is_unfinished(&self, run: &RunId) -> bool {
        self.unfinished.contains(run)
    }

    /// Tells a run to stop.
    pub(crate) fn stop(&mut self, run: &RunId, cause: StopCause) {
        let Some(handle) = self.runs.get(run) else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(handle.instance()) {
            slot.stopping(run);
        }
        handle.stop(cause);
    }

    /// `run` takes no room any more: whoever waited for room may go on.
    pub(crate) fn stopped(&mut self, run: &RunId) {
        let Some(handle) = self.runs.get(run) else {
            return;
        };
        let admitted = self.queues.release(handle);
        self.admit(&admitted);
        self.freed.send_replace(());
    }

    /// `run` is over, its callback too: whoever waited for its place may go on.
    pub(crate) fn left(&mut self, run: &RunId) {
        let next = self
            .runs
            .get(run)
            .and_then(|handle| self.slots.get_mut(handle.instance()))
            .and_then(|slot| slot.release(run))
            .and_then(|next| self.runs.get(&next).cloned());
        if let Some(next) = next {
            self.keep_promise(&next);
        }
    }

    /// Nothing is left to do for `run`. Returns the runs whose history is to be forgotten for it.
    pub(crate) fn finished(&mut self, run: &RunId, keep: &EngineConfig) -> Vec<RunHandle> {
        self.unfinished.remove(run);
        let Some(handle) = self.runs.get(run) else {
            return Vec::new();
        };
        let finished = self.finished.entry(handle.instance().clone()).or_default();
        // By submission: of a run and the one after it, either may end first.
        finished.insert(run.clone());
        let surplus = finished.len().saturating_sub(keep.keep_runs.max(1));
        let mut old: Vec<RunId> = finished.iter().take(surplus).cloned().collect();
        self.history.add(run.clone(), handle.size());
        old.iter().for_each(|run| self.history.remove(run));
        old.extend(self.history.surplus(keep.keep_total, keep.keep_bytes));
        old.iter().filter_map(|run| self.forget(run)).collect()
    }

    /// The runs that are over.
    pub(crate) fn over(&self) -> impl Iterator<Item = &RunHandle> {
        let over = self.runs.iter();
        over.filter(|(run, _)| !self.unfinished.contains(*run))
            .map(|(_, handle)| handle)
    }

    /// Forgets a run, if it is over and nobody holds it.
    pub(crate) fn take(&mut self, run: &RunId) -> Option<RunHandle> {
        let handle = self.runs.get(run)?;
        if self.unfinished.contains(run) || handle.is_held() {
            return None;
        }
        self.history.remove(run);
        self.forget(run)
    }

    /// Whether a run's files are wanted: by the books or by somebody who reads them.
    pub(crate) fn has_files(&self, run: &RunId) -> bool {
        let read = self.lingering.get(run);
        self.runs.contains_key(run) || read.is_some_and(|files| files.strong_count() > 0)
    }

    /// The newest run of an instance.
    pub(crate) fn newest(&self, instance: &InstanceId) -> Option<RunHandle> {
        self.runs.get(self.slots.get(instance)?.newest()?).cloned()
    }

    /// The runs of an instance that are not over, the oldest first: those that hold its place or
    /// wait for it, and those that only call back.
    pub(crate) fn alive(&self, instance: &InstanceId) -> Vec<RunHandle> {
        let mut runs = self.unfinished();
        runs.retain(|run| run.instance() == instance);
        runs
    }

    pub(crate) fn run(&self, run: &RunId) -> Option<RunHandle> {
        self.runs.get(run).cloned()
    }

    /// Runs older than `before`, the newest first.
    pub(crate) fn page(&self, before: Option<&RunId>, limit: usize) -> Vec<RunHandle> {
        let older = |run: &RunId| before.is_none_or(|before| run < before);
        let newest_first = self.runs.iter().rev();
        newest_first
            .filter(|(run, _)| older(run))
            .take(limit)
            .map(|(_, handle)| handle.clone())
            .collect()
    }

    /// The newest run of every instance, by instance.
    pub(crate) fn instances(&self) -> BTreeMap<InstanceId, RunHandle> {
        self.slots
            .iter()
            .filter_map(|(instance, slot)| {
                Some((instance.clone(), self.runs.get(slot.newest()?)?.clone()))
            })
            .collect()
    }

    /// Runs that are not over, the oldest first.
    pub(crate) fn unfinished(&self) -> Vec<RunHandle> {
        let mut runs: Vec<_> = self
            .unfinished
            .iter()
            .filter_map(|run| self.run(run))
            .filter(|run| !run.status().state.is_final())
            .collect();
        runs.sort_by(|a, b| a.id().cmp(b.id()));
        runs
    }

    pub(crate) fn position(&self, run: &RunId) -> Option<usize> {
        self.queues.position(self.runs.get(run)?)
    }

    /// The place of each run that waits.
    pub(crate) fn positions(&self) -> HashMap<RunId, usize> {
        self.queues.positions()
    }

    pub(crate) fn counts(&self) -> (usize, usize) {
        self.queues.containers()
    }

    /// Why a run would not be taken, as far as that is certain.
    pub(crate) fn certainly_refuses(&self, spec: &Spec) -> Option<Refusal> {
        self.queues.certainly_refuses(spec)
    }

    /// No command on this machine begins any more.
    pub(crate) fn close_commands(&mut self) {
        self.queues.close_commands();
    }

    /// How many commands on this machine are under way or wait.
    pub(crate) fn commands(&self) -> usize {
        self.queues.commands()
    }

    fn ask(&mut self, handle: &RunHandle) -> Result<(), Refusal> {
        let others = self.queues.prepare(handle);
        self.admit(&others);
        if self.queues.request(handle)? {
            handle.admit();
        }
        Ok(())
    }

    /// A run that waited for its instance was promised a start.
    fn keep_promise(&mut self, handle: &RunHandle) {
        if self.waits(handle) && self.queues.take(handle) {
            handle.admit();
        }
    }

    /// Whether it may have a place in a queue: one that is over would keep it for ever.
    fn waits(&self, handle: &RunHandle) -> bool {
        self.unfinished.contains(handle.id()) && !handle.status().stopped
    }

    fn admit(&self, runs: &[RunId]) {
        runs.iter()
            .filter_map(|run| self.runs.get(run))
            .for_each(RunHandle::admit);
    }

    /// Puts the place of an instance back as it was; one that never was is no place at all.
    fn put_back(&mut self, instance: &InstanceId, before: Option<Slot>) {
        match before {
            Some(slot) => self.slots.insert(instance.clone(), slot),
            None => self.slots.remove(instance),
        };
    }

    fn forget(&mut self, run: &RunId) -> Option<RunHandle> {
        let handle = self.runs.remove(run)?;
        self.lingering.retain(|_, files| files.strong_count() > 0);
        self.lingering.insert(run.clone(), handle.files());
        if let Some(finished) = self.finished.get_mut(handle.instance()) {
            finished.remove(run);
            if finished.is_empty() {
                self.finished.remove(handle.instance());
            }
        }
        if let Some(slot) = self.slots.get_mut(handle.instance()) {
            slot.forget(run);
            if slot.alive().next().is_none() && slot.newest().is_none() {
                self.slots.remove(handle.instance());
            }
        }
        Some(handle)
    }
}

fn number_of(run: &RunId) -> u128 {
    u128::from_str_radix(run.as_str(), 16).expect("a run id is made of 32 hexadecimal digits")
}

/// Whether what the run comes to, its callback left aside, is known.
fn is_decided(status: &RunStatus) -> bool {
    status.stopped || status.exit_code.is_some() || !status.errors.is_empty()
}

/// The group whose older runs are to stop for a run with `spec`.
pub(crate) fn replaced_group(spec: &Spec) -> Option<&GroupName> {
    let replaces = spec.group_policy == GroupPolicy::Replace;
    spec.group.as_ref().filter(|_| replaces)
}

/// Finished runs of all instances with the bytes of their outputs, in the order of their ends.
#[derive(Debug, Default)]
struct History {
    runs: VecDeque<(RunId, u64)>,
    bytes: u64,
}

impl History {
    fn add(&mut self, run: RunId, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.runs.push_back((run, bytes));
    }

    fn remove(&mut self, run: &RunId) {
        let at = self.runs.iter().position(|(known, _)| known == run);
        if let Some((_, bytes)) = at.and_then(|at| self.runs.remove(at)) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Takes out what is too much; what ended last stays.
    fn surplus(&mut self, most: usize, bytes: u64) -> Vec<RunId> {
        let mut old = Vec::new();
        while self.runs.len() > 1 && (self.runs.len() > most || self.bytes > bytes) {
            if let Some((run, size)) = self.runs.pop_front() {
                self.bytes = self.bytes.saturating_sub(size);
                old.push(run);
            }
        }
        old
    }
}
