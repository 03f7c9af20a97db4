use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dogi_graph::Plan;
use dogi_url::{CallbackOn, Commit, NodeName, OutputName};

use crate::nodes::Nodes;
use crate::verdict::{Verdict, failure_of};
use crate::words::{describe_refusal, describe_stop};
use crate::{
    CallbackProgress, Effect, EffectKey, Event, Failure, FailureKind, NodeEvent, Perform, Phase,
    RunId, RunStatus, Spec, State, StepName, StopCause, UnixMillis, Wanted,
};

/// How long after a restart of the server there is to find out how a container is, before its time
/// limit counts again.
const TO_LOOK: Duration = Duration::from_secs(30);

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code of its first process.
    pub code: i64,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
}

/// One run: the fold of its events.
///
/// Any order of events ends in a final state that never changes again; events that make no sense
/// where the run stands have no effect.
#[derive(Debug, Clone)]
pub struct Run {
    id: RunId,
    spec: Arc<Spec>,
    queued_at: UnixMillis,
    started_at: Option<UnixMillis>,
    /// When the server was started again while the container was there.
    resumed_at: Option<UnixMillis>,
    finished_at: Option<UnixMillis>,
    commit: Option<Commit>,
    /// The objects of the commit are there.
    checked_out: bool,
    image: Option<String>,
    container: Option<String>,
    /// Of its container graph, once that was read.
    nodes: Option<Nodes>,
    exit: Option<Exit>,
    verdict: Option<Verdict>,
    callback: CallbackProgress,
    callback_failure: Option<String>,
    cleaned: bool,
}

impl Run {
    /// A run that was just submitted.
    #[must_use]
    pub fn new(id: RunId, spec: impl Into<Arc<Spec>>, queued_at: UnixMillis) -> Self {
        Self {
            id,
            spec: spec.into(),
            queued_at,
            started_at: None,
            resumed_at: None,
            finished_at: None,
            commit: None,
            checked_out: false,
            image: None,
            container: None,
            nodes: None,
            exit: None,
            verdict: None,
            callback: CallbackProgress::default(),
            callback_failure: None,
            cleaned: false,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// What it was submitted with.
    #[must_use]
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// Whether it was let in.
    #[must_use]
    pub fn was_admitted(&self) -> bool {
        self.started_at.is_some()
    }

    /// Whether it was under way without having come as far as a container: after a restart of the
    /// server it begins again.
    #[must_use]
    pub fn begins_again(&self) -> bool {
        self.started_at.is_some() && self.container().is_none() && self.verdict.is_none()
    }

    /// Whether it is to stop, or has.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.verdict.is_some()
    }

    /// The container, once it was made; one of several, if it has several.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        let of_nodes = || self.nodes.as_ref().and_then(Nodes::container);
        self.container.as_deref().or_else(of_nodes)
    }

    /// How many containers of its are under way beside the first: each has a place of its own.
    #[must_use]
    pub fn further_containers(&self) -> usize {
        match (&self.nodes, &self.verdict) {
            (Some(nodes), None) => nodes.running().saturating_sub(1),
            _ => 0,
        }
    }

    /// What is done of its container graph, once that was read.
    #[must_use]
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        self.nodes.as_ref().map(Nodes::plan)
    }

    /// Takes in what happened at `at`.
    pub fn apply(&mut self, at: UnixMillis, event: &Event) {
        if self.finished_at.is_some() {
            return;
        }
        match event {
            // A run that was stopped while it waited never begins.
            Event::Admitted if self.verdict.is_none() => {
                self.started_at = self.started_at.or(Some(at));
            }
            Event::Admitted => {}
            Event::Resumed => self.resume(at),
            Event::CheckedOut { commit, .. } => {
                self.commit = commit.clone();
                self.checked_out = true;
            }
            Event::Built { image, .. } => self.image = Some(image.clone()),
            Event::Planned { plan } if self.nodes.is_none() => {
                self.nodes = Some(Nodes::new((**plan).clone(), at));
                self.decide_by_nodes();
            }
            // What has begun goes by the graph that it began with.
            Event::Planned { .. } => {}
            Event::Node { node, happened } => self.node(at, node, happened),
            Event::Started { container } => self.container = Some(container.clone()),
            Event::Exited {
                code,
                out_of_memory,
            } => {
                let exit = Exit {
                    code: *code,
                    out_of_memory: *out_of_memory,
                };
                self.exit = self.exit.or(Some(exit));
                self.decide(Verdict::of(exit, &self.spec));
            }
            Event::Failed { failure } => self.fail(failure),
            Event::StopRequested { cause } => self.stop(cause.clone()),
            Event::Attempted {
                exchange,
                accepted,
                retry_in_ms,
            } if self.owes_callback() => {
                self.callback.attempts += 1;
                self.callback.first_at = self.callback.first_at.or(Some(at));
                self.callback.last = Some(exchange.clone());
                self.callback.next_at =
                    retry_in_ms.map(|ms| at.saturating_add(Duration::from_millis(ms)));
                self.callback.settled = *accepted || retry_in_ms.is_none();
                if self.callback.settled && !accepted {
                    self.callback_failure = Some(describe_refusal(exchange));
                }
            }
            // A callback that was given up is not taken up again.
            Event::Attempted { .. } => {}
            Event::CleanedUp | Event::CleanupFailed { .. } => {
                self.cleaned = self.verdict.is_some();
            }
        }
        if self.is_over() {
            self.finished_at = Some(at);
        }
    }

    /// What should be going on at `now`, and when to ask again.
    #[must_use]
    pub fn wanted(&self, now: UnixMillis) -> Wanted {
        if self.finished_at.is_some() {
            return Wanted::default();
        }
        match self.verdict {
            None => self.wanted_on_the_way(),
            Some(_) => self.wanted_at_the_end(now),
        }
    }

    /// The event that time alone brings about by `now`: the time limit was passed.
    #[must_use]
    pub fn due(&self, now: UnixMillis) -> Option<Event> {
        let limit = self.spec.limits.timeout?;
        let deadline = self.deadline()?;
        (self.verdict.is_none() && now >= deadline).then(|| Event::StopRequested {
            cause: StopCause::TimedOut {
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            },
        })
    }

    /// Where the run stands.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.verdict {
            Some(_) if self.finished_at.is_none() && self.owes_callback() => State::CallingBack,
            Some(verdict) if self.finished_at.is_some() => {
                verdict.state(self.callback_failure.is_some())
            }
            _ => self.state_on_the_way(),
        }
    }

    /// Whether nothing of the run is going on or left in Docker and git. It may still be calling
    /// back.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.verdict.is_some() && (self.cleaned || self.started_at.is_none())
    }

    /// Whether a callback is promised and neither accepted nor given up.
    #[must_use]
    pub fn owes_callback(&self) -> bool {
        let Some((callback, verdict)) = self.spec.callback.as_ref().zip(self.verdict.as_ref())
        else {
            return false;
        };
        let due = match callback.on {
            CallbackOn::Success => *verdict == Verdict::Succeeded,
            CallbackOn::Failure => *verdict != Verdict::Succeeded,
            CallbackOn::Always => true,
        };
        due && !self.callback.settled
    }

    /// Everything that can be told about the run.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        RunStatus {
            run: self.id.clone(),
            instance: self.spec.instance.clone(),
            id: self.spec.id.clone(),
            hook: self.spec.host_command().map(|command| command.name.clone()),
            state: self.state(),
            stopped: self.has_stopped(),
            queue_position: None,
            env: self.spec.env.clone(),
            outputs: self.spec.outputs().chain(self.node_outputs()).collect(),
            callback: self.callback.last.clone(),
            errors: self.errors(),
            failure: self.failure_kind(),
            exit_code: self.exit.map(|exit| exit.code),
            commit: self.commit.clone(),
            image: self.image.clone(),
            nodes: self
                .nodes
                .as_ref()
                .map(|nodes| nodes.statuses(self.has_stopped())),
            queued_at: self.queued_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        }
    }

    /// How far the callback has come.
    #[must_use]
    pub fn callback(&self) -> &CallbackProgress {
        &self.callback
    }

    /// What a callback tells: the status with the state that the run ends in if the callback is
    /// accepted.
    #[must_use]
    pub fn status_for_callback(&self) -> RunStatus {
        let state = self
            .verdict
            .as_ref()
            .map(|verdict| verdict.state(self.callback_failure.is_some()));
        RunStatus {
            state: state.unwrap_or(self.state()),
            callback: None,
            ..self.status()
        }
    }

    fn node_outputs(&self) -> impl Iterator<Item = OutputName> {
        let nodes = self.nodes.as_ref().map(Nodes::logged).unwrap_or_default();
        nodes.into_iter().map(OutputName::Node)
    }

    /// What an earlier life of the server had at hand is gone, but for the container.
    fn resume(&mut self, at: UnixMillis) {
        if self.begins_again() {
            self.started_at = Some(at);
            self.checked_out = false;
            self.image = None;
            self.nodes = None;
        } else if self.verdict.is_none() {
            self.resumed_at = Some(at);
            self.nodes.iter_mut().for_each(Nodes::resume);
        }
    }

    fn node(&mut self, at: UnixMillis, node: &NodeName, happened: &NodeEvent) {
        if let Some(nodes) = &mut self.nodes {
            let spec = &self.spec;
            nodes.apply(at, node, happened, |exit| failure_of(exit, spec));
            self.decide_by_nodes();
        }
    }

    /// The run comes to its end with the last of its nodes.
    fn decide_by_nodes(&mut self) {
        let Some(nodes) = self.nodes.as_ref().filter(|nodes| nodes.are_over()) else {
            return;
        };
        let (failure, exit) = nodes.verdict();
        if self.verdict.is_none() {
            self.exit = Some(exit);
            self.verdict = Some(failure.map_or(Verdict::Succeeded, Verdict::Failed));
        }
    }

    /// A callback that can't even be tried is given up; whatever else fails decides the run.
    fn fail(&mut self, failure: &Failure) {
        if failure.phase != Phase::Callback {
            self.decide(Verdict::Failed(failure.clone()));
        } else if self.owes_callback() {
            self.callback.settled = true;
            self.callback_failure = Some(failure.message.clone());
        }
    }

    fn decide(&mut self, verdict: Verdict) {
        self.verdict.get_or_insert(verdict);
    }

    /// An abort and a restart also end a run that waits for its callback: nobody wants that answer any
    /// more. A group is no such word about the run itself.
    fn stop(&mut self, cause: StopCause) {
        let calling_back = self.owes_callback();
        match &self.verdict {
            None => self.verdict = Some(Verdict::Stopped(cause)),
            Some(_)
                if calling_back && matches!(cause, StopCause::Abort | StopCause::Superseded) =>
            {
                self.callback.settled = true;
                self.verdict = Some(Verdict::Stopped(cause));
            }
            Some(_) => {}
        }
    }

    fn is_over(&self) -> bool {
        self.has_stopped() && !self.owes_callback()
    }

    fn wanted_on_the_way(&self) -> Wanted {
        if self.started_at.is_none() {
            return Wanted::default();
        }
        if self.spec.host_command().is_some() {
            return Wanted {
                effects: BTreeMap::from([(key(Phase::Run, 0, Perform::Perform), Effect::Command)]),
                wake: self.deadline(),
            };
        }
        if let Some(nodes) = &self.nodes {
            return Wanted {
                effects: nodes.wanted(),
                wake: self.deadline(),
            };
        }
        let (phase, effect) = match (self.checked_out, &self.image) {
            (false, _) => (Phase::Checkout, Effect::Checkout),
            (true, _) if self.spec.local().is_some() => (Phase::Run, Effect::Local),
            (true, _) if self.spec.graph().is_some() => (Phase::Build, Effect::Plan),
            (true, None) => (
                Phase::Build,
                Effect::Build {
                    commit: self.commit.clone(),
                },
            ),
            (true, Some(image)) => (
                Phase::Run,
                Effect::Run {
                    image: image.clone(),
                    container: self.container.clone(),
                },
            ),
        };
        let key = key(phase, 0, Perform::Perform);
        Wanted {
            effects: BTreeMap::from([(key, effect)]),
            wake: self.deadline(),
        }
    }

    fn wanted_at_the_end(&self, now: UnixMillis) -> Wanted {
        let mut wanted = Wanted::default();
        if !self.has_stopped() {
            wanted
                .effects
                .insert(key(Phase::Cleanup, 0, Perform::Cleanup), Effect::Cleanup);
        }
        if self.owes_callback() {
            let attempt = self.callback.attempts;
            match self.callback.next_at {
                Some(at) if at > now => wanted.wake = Some(at),
                _ => {
                    let key = key(Phase::Callback, attempt, Perform::Perform);
                    wanted.effects.insert(key, Effect::Deliver { attempt });
                }
            }
        }
        wanted
    }

    fn deadline(&self) -> Option<UnixMillis> {
        let deadline = self.started_at?.saturating_add(self.spec.limits.timeout?);
        // A container that ended in time while the server was away is to be found so.
        let looked = self.resumed_at.map(|at| at.saturating_add(TO_LOOK));
        Some(looked.map_or(deadline, |looked| looked.max(deadline)))
    }

    fn state_on_the_way(&self) -> State {
        match (self.started_at, self.checked_out, &self.image) {
            (None, ..) => State::Queued,
            (Some(_), ..) if self.spec.host_command().is_some() => State::Running,
            (Some(_), ..) if self.nodes.is_some() => State::Running,
            (Some(_), false, _) => State::Cloning,
            (Some(_), true, _) if self.spec.local().is_some() => State::Running,
            (Some(_), true, None) => State::Building,
            (Some(_), true, Some(_)) => State::Running,
        }
    }

    fn errors(&self) -> Vec<String> {
        let of_nodes = self.nodes.as_ref().map(Nodes::errors).unwrap_or_default();
        let verdict = match &self.verdict {
            None | Some(Verdict::Succeeded) => Vec::new(),
            Some(Verdict::Failed(failure)) if of_nodes.contains(&failure.message) => of_nodes,
            Some(Verdict::Failed(failure)) => vec![failure.message.clone()],
            Some(Verdict::Stopped(cause)) => vec![describe_stop(cause)],
        };
        verdict
            .into_iter()
            .chain(self.callback_failure.clone())
            .collect()
    }

    fn failure_kind(&self) -> Option<FailureKind> {
        match &self.verdict {
            Some(Verdict::Failed(failure)) => Some(failure.kind),
            _ => self
                .callback_failure
                .as_ref()
                .map(|_| FailureKind::Callback),
        }
    }
}

fn key(phase: Phase, attempt: u32, perform: Perform) -> EffectKey {
    EffectKey {
        step: StepName::main(),
        phase,
        attempt,
        perform,
    }
}
