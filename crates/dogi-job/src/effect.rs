use std::{collections::BTreeMap, fmt};

use dogi_url::{Commit, NodeName, OutputName};
use serde::{Deserialize, Serialize};

use crate::UnixMillis;

/// The parts of a step, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Resolve the revision and have its objects.
    Checkout,
    /// Have the image: build, reuse or pull it.
    Build,
    /// Run the container.
    Run,
    /// Tell the result to the callback URL.
    Callback,
    /// Remove what the step made.
    Cleanup,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkout => "checkout",
            Self::Build => "build",
            Self::Run => "run",
            Self::Callback => "callback",
            Self::Cleanup => "cleanup",
        })
    }
}

/// Names one step of a run's plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepName(String);

impl StepName {
    /// The one step of a run that is a single container.
    #[must_use]
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// The step that is a node of a container graph.
    #[must_use]
    pub fn of_node(node: &NodeName) -> Self {
        Self(OutputName::Node(node.clone()).to_string())
    }

    /// The name as text, as it stands in the label `dogi.step`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an effect does something or undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Perform {
    /// Does a part of the step.
    Perform,
    /// Removes what the step left.
    Cleanup,
}

/// Identifies one effect of one run: the same key is the same piece of work, however often
/// [`crate::Run::wanted`] names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectKey {
    /// The step it belongs to.
    pub step: StepName,
    /// The part of the step.
    pub phase: Phase,
    /// Counts from 0; a retry is another effect.
    pub attempt: u32,
    /// Doing or undoing.
    pub perform: Perform,
}

/// A piece of work that should be going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Resolve the revision and have its objects. Ends in
    /// [`Event::CheckedOut`](crate::Event::CheckedOut) or `Failed`.
    Checkout,
    /// Have the image for `commit`. Ends in [`Event::Built`](crate::Event::Built) or `Failed`.
    Build {
        /// The commit; `None` for a work tree that is not committed.
        commit: Option<Commit>,
    },
    /// Run a container of `image` to its end. Records
    /// [`Event::Started`](crate::Event::Started) on its way and ends in `Exited` or `Failed`.
    Run {
        /// The id of the image.
        image: String,
        /// The container, if it was made already.
        container: Option<String>,
    },
    /// Read the container graph of the checkout and pick what the run does of it. Ends in
    /// [`Event::Planned`](crate::Event::Planned) or `Failed`.
    Plan,
    /// Have the image of a node. Ends in a [`NodeEvent::Built`](crate::NodeEvent::Built) or `Failed` of
    /// that node.
    NodeImage {
        /// The node.
        node: NodeName,
    },
    /// Run the container of a node to its end. Records
    /// [`NodeEvent::Started`](crate::NodeEvent::Started) on its way and ends in `Exited` or `Failed` of
    /// that node.
    NodeRun {
        /// The node.
        node: NodeName,
        /// The id of the image.
        image: String,
        /// The container, if it was made already.
        container: Option<String>,
    },
    /// Run the command on this machine to its end. Records
    /// [`Event::Started`](crate::Event::Started) on its way and ends in `Exited` or `Failed`.
    Command,
    /// Run the programs of this machine in the checkout to their end. Records
    /// [`Event::Started`](crate::Event::Started) on its way and ends in `Exited` or `Failed`.
    Local,
    /// Call the callback URL once. Ends in [`Event::Attempted`](crate::Event::Attempted).
    Deliver {
        /// Counts from 0.
        attempt: u32,
    },
    /// Remove the step's container. Must not begin before every performing effect of the step has
    /// ended. Ends in [`Event::CleanedUp`](crate::Event::CleanedUp).
    Cleanup,
}

/// What should be going on, and when to ask again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Everything that should be under way now.
    pub effects: BTreeMap<EffectKey, Effect>,
    /// When something changes without an event: a time limit or a retry falls due.
    pub wake: Option<UnixMillis>,
}
