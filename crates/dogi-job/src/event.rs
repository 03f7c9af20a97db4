use dogi_graph::Plan;
use dogi_url::{Commit, NodeName};
use serde::{Deserialize, Serialize};

use crate::{CallbackExchange, Failure};

/// Something that happened to a run.
///
/// Events are recorded before what follows from them is done, so every variant can be written
/// down and read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The queue let the run in.
    Admitted,
    /// The commit is known and its objects are there.
    CheckedOut {
        /// The commit; `None` for a work tree that is not committed.
        commit: Option<Commit>,
        /// The branch or tag that it was found by.
        revision: Option<String>,
    },
    /// The image is there.
    Built {
        /// The id of the image.
        image: String,
        /// Whether an earlier build of the same content was used.
        reused: bool,
    },
    /// The container graph was read, and what the run does of it is settled.
    Planned {
        /// What it does.
        plan: Box<Plan>,
    },
    /// Something happened to a node of the graph.
    Node {
        /// The node.
        node: NodeName,
        /// What.
        happened: NodeEvent,
    },
    /// The server was started again while the run was under way. What had not come as far as a
    /// container begins again, with its whole time before it.
    Resumed,
    /// The container is made and is about to start: from here on the run is never begun again.
    Started {
        /// The id of the container; for a command on the machine itself, words that name it.
        container: String,
    },
    /// The container ended by itself.
    Exited {
        /// The exit code of its first process.
        code: i64,
        /// Whether the kernel ended it for want of memory.
        out_of_memory: bool,
    },
    /// A part of the run failed.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// Somebody or something wants the run to stop.
    StopRequested {
        /// Who or what.
        cause: StopCause,
    },
    /// The callback was tried.
    Attempted {
        /// What was sent and what came back.
        exchange: CallbackExchange,
        /// Whether it was accepted (2xx).
        accepted: bool,
        /// Milliseconds until the next try; `None`: it is not tried again.
        retry_in_ms: Option<u64>,
    },
    /// Nothing of the step is left.
    CleanedUp,
    /// What the step left could not be removed; it is left to the collector.
    CleanupFailed {
        /// Why.
        message: String,
    },
}

impl Event {
    /// The names of all kinds of events, as they are written down.
    pub const KINDS: &[&str] = &[
        "admitted",
        "resumed",
        "checked_out",
        "built",
        "planned",
        "node",
        "started",
        "exited",
        "failed",
        "stop_requested",
        "attempted",
        "cleaned_up",
        "cleanup_failed",
    ];
}

/// Something that happened to a node of a container graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeEvent {
    /// Its image is there.
    Built {
        /// The id of the image.
        image: String,
        /// Whether it was there before.
        reused: bool,
    },
    /// Its container is made and is about to start: from here on the node is never begun again.
    Started {
        /// The id of the container.
        container: String,
    },
    /// Its container ended by itself.
    Exited {
        /// The exit code of its first process.
        code: i64,
        /// Whether the kernel ended it for want of memory.
        out_of_memory: bool,
    },
    /// A part of it failed.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Why a run is to stop before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// `action=abort`, or the operator.
    Abort,
    /// The connection of an attached client closed.
    Disconnect,
    /// A later restart of the same instance. (Of the group, too, in records of earlier versions.)
    Superseded,
    /// A later member of its group that replaces the others. It ends only what has no result yet: who
    /// was promised that one is told it.
    Replaced,
    /// It ran for longer than allowed.
    TimedOut {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// It can't go on, through no fault of its own: the engine stopped, the server crashed.
    Lost {
        /// What happened.
        reason: String,
    },
}
