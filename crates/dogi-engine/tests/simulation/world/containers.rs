//! Containers that do what their script says, whoever looks. What they have printed and whether
//! they have ended follows from the time.

use std::collections::{BTreeMap, BTreeSet};

use dogi_job::{RunId, Spec};
use dogi_url::InstanceId;

use crate::spec::{Script, script_of};

#[derive(Debug, Default)]
pub(crate) struct Containers {
    there: BTreeMap<String, Container>,
    made: usize,
    started: BTreeSet<RunId>,
    stopped: BTreeSet<RunId>,
    /// The engine's stops that have been reckoned with.
    stopped_until: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) run: RunId,
    instance: InstanceId,
    /// Of the operation that submitted its run.
    number: usize,
    script: Script,
    started: Option<u64>,
    /// Somebody or something ended it before its time.
    cut: Option<(u64, Ended)>,
}

/// How a container came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    ByItself {
        code: i64,
    },
    Stopped,
    /// The engine stopped, or the machine.
    WithTheEngine,
}

/// What can be seen of a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Gone,
    Created,
    Running { printed: String, next: u64 },
    Ended { printed: String, how: Ended },
}

/// What came of starting a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Started {
    Fine,
    Gone,
    /// That must never happen.
    Wrong(String),
}

impl Container {
    fn end(&self) -> Option<(u64, Ended)> {
        let by_itself = Ended::ByItself {
            code: self.script.code,
        };
        let natural = (self.started? + self.script.end(), by_itself);
        Some(
            self.cut
                .filter(|(at, _)| *at < natural.0)
                .unwrap_or(natural),
        )
    }

    fn is_live(&self, now: u64) -> bool {
        self.started.is_some_and(|started| started <= now)
            && self.end().is_some_and(|(end, _)| now < end)
    }

    fn look(&self, now: u64) -> Look {
        let Some((started, (end, how))) = self.started.zip(self.end()) else {
            return Look::Created;
        };
        let printed = self.script.printed(now.min(end).saturating_sub(started));
        if end <= now {
            return Look::Ended { printed, how };
        }
        let line = self.script.every.max(1);
        let next = started + ((now - started) / line + 1) * line;
        Look::Running {
            printed,
            next: next.min(end),
        }
    }
}

impl Containers {
    pub(crate) fn create(&mut self, run: &RunId, spec: &Spec) -> String {
        // One that was made and not started is in the way.
        self.there.retain(|_, other| other.run != *run);
        self.made += 1;
        let id = format!("c{}", self.made);
        let (number, script) = script_of(spec);
        let container = Container {
            run: run.clone(),
            instance: spec.instance.clone(),
            number,
            script,
            started: None,
            cut: None,
        };
        self.there.insert(id.clone(), container);
        id
    }

    pub(crate) fn start(&mut self, id: &str, now: u64) -> Started {
        let Some(container) = self.there.get(id).cloned() else {
            return Started::Gone;
        };
        if container.started.is_some() || !self.started.insert(container.run.clone()) {
            return Started::Wrong("two containers were started for one run".to_owned());
        }
        let beside = self
            .there
            .values()
            .find(|other| other.instance == container.instance && other.is_live(now))
            .map(|other| other.number);
        if let Some(there) = self.there.get_mut(id) {
            there.started = Some(now);
        }
        match beside {
            Some(other) => {
                Started::Wrong(format!("another container of its instance lives: r{other}"))
            }
            None => Started::Fine,
        }
    }

    pub(crate) fn look(&self, id: &str, now: u64) -> Look {
        self.there
            .get(id)
            .map_or(Look::Gone, |container| container.look(now))
    }

    pub(crate) fn stop(&mut self, id: &str, now: u64) {
        if let Some(container) = self.there.get_mut(id) {
            container.cut.get_or_insert((now, Ended::Stopped));
            self.stopped.insert(container.run.clone());
        }
    }

    /// Whether somebody ordered the container of this run to stop.
    pub(crate) fn was_stopped(&self, run: &RunId) -> bool {
        self.stopped.contains(run)
    }

    /// The engine stops at `at`: what runs then ends.
    pub(crate) fn stop_all(&mut self, at: u64) {
        if at < self.stopped_until {
            return;
        }
        self.stopped_until = at + 1;
        for container in self
            .there
            .values_mut()
            .filter(|container| container.is_live(at))
        {
            container.cut = Some((at, Ended::WithTheEngine));
        }
    }

    /// Nothing is left of them.
    pub(crate) fn vanish(&mut self) {
        self.there.clear();
    }

    pub(crate) fn remove_of(&mut self, run: &RunId) {
        self.there.retain(|_, container| container.run != *run);
    }

    pub(crate) fn runs(&self) -> BTreeSet<RunId> {
        self.there
            .values()
            .map(|container| container.run.clone())
            .collect()
    }

    pub(crate) fn live_of(&self, run: &RunId, now: u64) -> bool {
        let mut of_run = self
            .there
            .values()
            .filter(|container| container.run == *run);
        of_run.any(|container| container.is_live(now))
    }

    pub(crate) fn was_started(&self, run: &RunId) -> bool {
        self.started.contains(run)
    }
}
