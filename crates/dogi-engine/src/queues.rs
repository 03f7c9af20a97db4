//! The queues that runs wait in: one for containers, and one for the commands of each name.

use std::collections::HashMap;

use dogi_job::{Admission, AdmissionLimits, HostCommand, Refusal, RunId, Spec, Ticket};

use crate::RunHandle;

#[derive(Debug)]
pub(crate) struct Queues {
    containers: Admission,
    /// There while somebody is in them.
    commands: HashMap<String, Admission>,
    /// No command begins any more.
    closed: bool,
}

impl Queues {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        Self {
            containers: Admission::new(limits),
            commands: HashMap::new(),
            closed: false,
        }
    }

    fn of(&mut self, handle: &RunHandle) -> &mut Admission {
        match handle.spec().host_command() {
            None => &mut self.containers,
            Some(command) => self.of_command(command),
        }
    }

    /// The operator may have changed the limits since the last command came.
    fn of_command(&mut self, command: &HostCommand) -> &mut Admission {
        let limits = AdmissionLimits {
            running: command.running,
            queued: command.queued,
        };
        let queue = self
            .commands
            .entry(command.name.clone())
            .or_insert_with(|| Admission::new(limits));
        queue.set_limits(limits);
        queue
    }

    /// No command begins any more: what waits is for nobody to cut off half-way.
    pub(crate) fn close_commands(&mut self) {
        self.closed = true;
    }

    /// That there is no place in the queue of a command, as far as that is certain.
    pub(crate) fn certainly_refuses(&self, spec: &Spec) -> Option<Refusal> {
        let command = spec.host_command()?;
        let queue = self.commands.get(&command.name)?;
        let waiting = queue.waiting();
        (waiting >= command.queued && queue.running() >= command.running)
            .then_some(Refusal::QueueFull { waiting })
    }

    /// Before a run asks: other limits may hold from now on, by which others may start.
    pub(crate) fn prepare(&mut self, handle: &RunHandle) -> Vec<RunId> {
        match handle.spec().host_command() {
            Some(command) if !self.closed => self.of_command(command).fill(),
            _ => Vec::new(),
        }
    }

    /// Takes its ticket: whether it starts at once; otherwise it waits.
    pub(crate) fn request(&mut self, handle: &RunHandle) -> Result<bool, Refusal> {
        let requested = self.of(handle).request(ticket(handle));
        if requested.is_err() {
            self.tidy(handle);
        }
        requested
    }

    /// The same for a run that was accepted before, however long the queue is by now.
    pub(crate) fn take(&mut self, handle: &RunHandle) -> bool {
        self.of(handle).take(ticket(handle))
    }

    pub(crate) fn check_group(
        &self,
        handle: &RunHandle,
        counts: impl Fn(&RunId) -> bool,
    ) -> Result<(), Refusal> {
        self.containers.check_group(&ticket(handle), counts)
    }

    /// A run of an earlier life that is under way.
    pub(crate) fn restore(&mut self, handle: &RunHandle) {
        self.of(handle).restore(&ticket(handle));
    }

    /// A run of an earlier life that waits.
    pub(crate) fn restore_waiting(&mut self, handle: &RunHandle) {
        self.of(handle).restore_waiting(ticket(handle));
    }

    /// Lends a place for a container.
    pub(crate) fn lend(&mut self, anyway: bool) -> bool {
        self.containers.lend(anyway)
    }

    /// Takes back places that were lent. Returns the runs that may start now.
    pub(crate) fn take_back(&mut self, places: usize) -> Vec<RunId> {
        self.containers.take_back(places)
    }

    /// Lets in whoever has room for a container.
    pub(crate) fn fill(&mut self) -> Vec<RunId> {
        self.containers.fill()
    }

    /// The run takes no room any more. Returns those that may start now.
    pub(crate) fn release(&mut self, handle: &RunHandle) -> Vec<RunId> {
        let admitted = match handle.spec().host_command() {
            None => self.containers.release(handle.id()),
            Some(command) => self
                .commands
                .get_mut(&command.name)
                .map(|queue| queue.release(handle.id()))
                .unwrap_or_default(),
        };
        self.tidy(handle);
        match handle.spec().host_command() {
            // They keep their places, and are never told.
            Some(_) if self.closed => Vec::new(),
            _ => admitted,
        }
    }

    /// A queue that nobody is in is none.
    fn tidy(&mut self, handle: &RunHandle) {
        if let Some(command) = handle.spec().host_command()
            && self
                .commands
                .get(&command.name)
                .is_some_and(|queue| queue.running() + queue.waiting() == 0)
        {
            self.commands.remove(&command.name);
        }
    }

    pub(crate) fn position(&self, handle: &RunHandle) -> Option<usize> {
        match handle.spec().host_command() {
            None => self.containers.position(handle.id()),
            Some(command) => self.commands.get(&command.name)?.position(handle.id()),
        }
    }

    /// The place of each run that waits, in its own queue.
    pub(crate) fn positions(&self) -> HashMap<RunId, usize> {
        std::iter::once(&self.containers)
            .chain(self.commands.values())
            .flat_map(|queue| queue.line().into_iter().zip(1..))
            .map(|(run, place)| (run.clone(), place))
            .collect()
    }

    /// How many containers are under way, and how many runs wait for one.
    pub(crate) fn containers(&self) -> (usize, usize) {
        (self.containers.running(), self.containers.waiting())
    }

    /// How many commands are under way or wait.
    pub(crate) fn commands(&self) -> usize {
        let queues = self.commands.values();
        queues.map(|queue| queue.running() + queue.waiting()).sum()
    }
}

fn ticket(handle: &RunHandle) -> Ticket {
    let spec = handle.spec();
    Ticket {
        run: handle.id().clone(),
        fairness_key: spec.fairness_key(),
        group: spec.group.clone(),
        group_policy: spec.group_policy,
    }
}
