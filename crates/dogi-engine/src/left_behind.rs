//! What runs left in Docker because it could not be removed when they ended.

use std::collections::BTreeMap;

use dogi_job::{RunId, Spec};
use dogi_url::{GroupName, InstanceId};

/// Runs of which something is perhaps left, and with whom it would collide: a container that could
/// not be stopped goes on, and nothing of the same instance or group may run beside it.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    runs: BTreeMap<RunId, (InstanceId, Option<GroupName>)>,
}

impl LeftBehind {
    pub(crate) fn add(&mut self, run: &RunId, spec: &Spec) {
        let place = (spec.instance.clone(), spec.group.clone());
        self.runs.insert(run.clone(), place);
    }

    /// Nothing is left of `run`.
    pub(crate) fn remove(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// The runs that are in the way of a run of `spec`.
    pub(crate) fn in_the_way_of(&self, spec: &Spec) -> Vec<RunId> {
        let collide = |(instance, group): &(InstanceId, Option<GroupName>)| {
            *instance == spec.instance || (group.is_some() && *group == spec.group)
        };
        let runs = self.runs.iter().filter(|(_, place)| collide(place));
        runs.map(|(run, _)| run.clone()).collect()
    }
}
