use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use dogi_url::{GroupName, GroupPolicy};

use crate::RunId;

/// How many runs may be under way and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Runs under way at once; at least one is let in whatever stands here.
    pub running: usize,
    /// Runs that wait.
    pub queued: usize,
}

/// A run that wants to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The run.
    pub run: RunId,
    /// Runs with the same key take turns with runs of other keys: the repository.
    pub fairness_key: String,
    /// Runs of one group come one at a time.
    pub group: Option<GroupName>,
    /// What happens when the group is busy.
    pub group_policy: GroupPolicy,
}

/// A ticket was refused; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many runs wait already.
    #[error("{waiting} jobs wait already, which is as many as may")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// The group is busy and the request said `group_policy=reject`.
    #[error(
        "the group {:?} is busy with the run {run}, and group_policy=reject was asked for",
        group.as_str()
    )]
    GroupBusy {
        /// The group.
        group: GroupName,
        /// The run that holds it, or waits for it.
        run: RunId,
    },
}

/// The queue in front of the machine: who may run now, and who is next.
///
/// Repositories take turns; within one repository, first submitted, first served. A run whose group is
/// busy lets others pass.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    running: HashMap<RunId, Option<GroupName>>,
    busy: HashSet<GroupName>,
    queues: BTreeMap<String, VecDeque<Ticket>>,
    turns: VecDeque<String>,
    waiting: usize,
    /// Places beside those of the runs, for further containers of theirs.
    lent: usize,
}

impl Admission {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            running: HashMap::new(),
            busy: HashSet::new(),
            queues: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            lent: 0,
        }
    }

    /// Lends a place to a run that is under way, for one more container of it, if there is one that
    /// nobody waits for. One whose container is there already is lent `anyway`.
    pub fn lend(&mut self, anyway: bool) -> bool {
        let lends = anyway || (self.has_room() && self.nobody_could_have_it());
        self.lent += usize::from(lends);
        lends
    }

    /// Takes back places that were lent. Returns the runs that may start now.
    pub fn take_back(&mut self, places: usize) -> Vec<RunId> {
        self.lent = self.lent.saturating_sub(places);
        self.admit()
    }

    /// Other limits hold from now on; nobody loses a place.
    pub fn set_limits(&mut self, limits: AdmissionLimits) {
        self.limits = limits;
    }

    /// Takes a ticket: `true` if the run starts at once, `false` if it waits. What it is to replace
    /// in its group is for the caller to stop: runs that wait elsewhere are not known here.
    ///
    /// # Errors
    /// When the queue is full, or the group is busy and the ticket says to reject then.
    pub fn request(&mut self, ticket: Ticket) -> Result<bool, Refusal> {
        self.check_group(&ticket, |_| true)?;
        if self.waiting >= self.limits.queued && !self.may_start(&ticket) {
            return Err(Refusal::QueueFull {
                waiting: self.waiting,
            });
        }
        Ok(self.take(ticket))
    }

    /// Takes the ticket of a run that was accepted before and had to wait for something else: it
    /// starts (`true`) or waits, however long the queue is and whoever is in its group by now. Who
    /// came into the group after it is not stopped for it. A run that has its place already keeps
    /// that one (`false`).
    pub fn take(&mut self, ticket: Ticket) -> bool {
        if self.is_known(&ticket) {
            return false;
        }
        let now = self.may_start(&ticket);
        match now {
            true => self.start(&ticket),
            false => self.enqueue(ticket),
        }
        now
    }

    /// Whether the ticket's group lets it in: one that is to be rejected where the group is busy is
    /// not, if there is a member that `counts`.
    ///
    /// # Errors
    /// When it is not; nothing has changed.
    pub fn check_group(
        &self,
        ticket: &Ticket,
        counts: impl Fn(&RunId) -> bool,
    ) -> Result<(), Refusal> {
        let (Some(group), GroupPolicy::Reject) = (&ticket.group, ticket.group_policy) else {
            return Ok(());
        };
        match self.members(group).into_iter().find(counts) {
            Some(run) => Err(Refusal::GroupBusy {
                group: group.clone(),
                run,
            }),
            None => Ok(()),
        }
    }

    /// A run that an earlier life of the server let in: it has its place, whatever the limits are
    /// now.
    pub fn restore(&mut self, ticket: &Ticket) {
        self.start(ticket);
    }

    /// A run that waited in an earlier life of the server. It was promised a place: it waits on,
    /// whatever the limits are now. They are to come in the order in which they would be let in.
    /// One that has its place already keeps that one.
    pub fn restore_waiting(&mut self, ticket: Ticket) {
        if !self.is_known(&ticket) {
            self.enqueue(ticket);
        }
    }

    /// Lets in whoever has room.
    pub fn fill(&mut self) -> Vec<RunId> {
        self.admit()
    }

    /// `run` is over, or no longer wants in. Returns the runs that may start now.
    pub fn release(&mut self, run: &RunId) -> Vec<RunId> {
        if let Some(group) = self.running.remove(run) {
            if let Some(group) = group {
                self.busy.remove(&group);
            }
        } else {
            self.leave_queue(run);
        }
        self.admit()
    }

    /// The place of a waiting run, counted from 1, if all groups were free.
    #[must_use]
    pub fn position(&self, run: &RunId) -> Option<usize> {
        let (mine, index) = self.queues.iter().find_map(|(key, queue)| {
            queue
                .iter()
                .position(|ticket| ticket.run == *run)
                .map(|index| (key, index))
        })?;
        let my_turn = self.turns.iter().position(|key| key == mine)?;
        let ahead = self.turns.iter().enumerate().map(|(turn, key)| {
            let length = self.queues.get(key).map_or(0, VecDeque::len);
            let rounds = index + usize::from(turn < my_turn);
            length.min(if turn == my_turn { index } else { rounds })
        });
        Some(ahead.sum::<usize>() + 1)
    }

    /// The runs that wait, in the order of their places: what [`position`](Self::position) says of
    /// each, for all of them in one go.
    #[must_use]
    pub fn line(&self) -> Vec<&RunId> {
        let queues = self.turns.iter().filter_map(|key| self.queues.get(key));
        let mut queues: Vec<_> = queues.map(VecDeque::iter).collect();
        let mut line = Vec::with_capacity(self.waiting);
        while !queues.is_empty() {
            queues.retain_mut(|queue| {
                let next = queue.next();
                line.extend(next.map(|ticket| &ticket.run));
                next.is_some()
            });
        }
        line
    }

    /// How many runs are under way.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many runs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The runs of a group that are under way or wait.
    #[must_use]
    pub fn members(&self, group: &GroupName) -> Vec<RunId> {
        let running = self
            .running
            .iter()
            .filter(|(_, of)| of.as_ref() == Some(group))
            .map(|(run, _)| run.clone());
        let waiting = self
            .queues
            .values()
            .flatten()
            .filter(|ticket| ticket.group.as_ref() == Some(group))
            .map(|ticket| ticket.run.clone());
        running.chain(waiting).collect()
    }

    /// Whether the run is under way or waits: a second place would never be given back.
    fn is_known(&self, ticket: &Ticket) -> bool {
        let queue = self.queues.get(&ticket.fairness_key);
        let waits = |queue: &VecDeque<Ticket>| {
            queue
                .binary_search_by(|waiting| waiting.run.cmp(&ticket.run))
                .is_ok()
        };
        self.running.contains_key(&ticket.run) || queue.is_some_and(waits)
    }

    fn may_start(&self, ticket: &Ticket) -> bool {
        let first = self.has_room() && self.waiting == 0 && self.group_is_free(ticket);
        first || self.may_pass(ticket)
    }

    fn has_room(&self) -> bool {
        self.running.len() + self.lent < self.limits.running.max(1)
    }

    fn group_is_free(&self, ticket: &Ticket) -> bool {
        ticket
            .group
            .as_ref()
            .is_none_or(|group| !self.busy.contains(group))
    }

    /// Everybody who waits has room and waits for a group only: who needs none of these passes.
    fn may_pass(&self, ticket: &Ticket) -> bool {
        self.has_room() && self.group_is_free(ticket) && self.nobody_could_have_it()
    }

    /// A place that is free is of no use to those who wait: they wait for their groups.
    fn nobody_could_have_it(&self) -> bool {
        let mut waiting = self.queues.values().flatten();
        waiting.all(|waiting| !self.group_is_free(waiting))
    }

    fn start(&mut self, ticket: &Ticket) {
        self.busy.extend(ticket.group.clone());
        self.running
            .insert(ticket.run.clone(), ticket.group.clone());
    }

    fn enqueue(&mut self, ticket: Ticket) {
        let key = ticket.fairness_key.clone();
        let queue = self.queues.entry(key.clone()).or_default();
        if queue.is_empty() {
            self.turns.push_back(key);
        }
        // By submission, which ids sort by: of those that come at once, any may be here first, and
        // the order is to be the same when they come back after a restart.
        let place = queue.partition_point(|waiting| waiting.run < ticket.run);
        queue.insert(place, ticket);
        self.waiting += 1;
    }

    fn leave_queue(&mut self, run: &RunId) {
        let found = self.queues.iter().find_map(|(key, queue)| {
            queue
                .iter()
                .position(|ticket| ticket.run == *run)
                .map(|index| (key.clone(), index))
        });
        if let Some((key, index)) = found {
            self.take_out(&key, index);
        }
    }

    fn take_out(&mut self, key: &str, index: usize) -> Option<Ticket> {
        let queue = self.queues.get_mut(key)?;
        let ticket = queue.remove(index)?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.queues.remove(key);
            self.turns.retain(|turn| turn != key);
        }
        Some(ticket)
    }

    fn admit(&mut self) -> Vec<RunId> {
        let mut admitted = Vec::new();
        while self.has_room() {
            let Some(ticket) = self.next() else { break };
            self.start(&ticket);
            admitted.push(ticket.run);
        }
        admitted
    }

    /// The next ticket whose group is free; its repository goes to the end of the round.
    fn next(&mut self) -> Option<Ticket> {
        let (turn, index) = self.turns.iter().enumerate().find_map(|(turn, key)| {
            let queue = self.queues.get(key)?;
            let index = queue.iter().position(|ticket| self.group_is_free(ticket))?;
            Some((turn, index))
        })?;
        let key = self.turns.remove(turn)?;
        self.turns.push_back(key.clone());
        self.take_out(&key, index)
    }
}
