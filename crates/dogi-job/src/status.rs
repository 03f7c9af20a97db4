use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use dogi_url::{Commit, EnvName, InstanceId, NodeName, OutputName, RequestId};
use serde::{Deserialize, Serialize};

use crate::{CallbackExchange, FailureKind, RunId, UnixMillis};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits to be let in.
    Queued,
    /// Fetches the commit.
    Cloning,
    /// Builds or pulls the image.
    Building,
    /// The container runs.
    Running,
    /// The result is being told to the callback URL.
    CallingBack,
    /// Ended with exit code 0, and the callback was accepted if there was one.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// Was stopped by somebody.
    Aborted,
    /// Ran for longer than allowed.
    TimedOut,
    /// Was stopped by a later restart.
    Superseded,
    /// Could not go on, through no fault of its own.
    Lost,
}

impl State {
    /// Whether nothing will happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Succeeded
    }

    /// The name in answers, events and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Cloning => "cloning",
            Self::Building => "building",
            Self::Running => "running",
            Self::CallingBack => "calling_back",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::TimedOut => "timed_out",
            Self::Superseded => "superseded",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can be told about a run at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStatus {
    /// The run.
    pub run: RunId,
    /// Its instance.
    pub instance: InstanceId,
    /// The `id` of the request.
    pub id: Option<RequestId>,
    /// The hook whose command it is, if it is one on the server's machine.
    pub hook: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Whether nothing of it is going on in Docker or git any more and nothing is left there. A
    /// run that is calling back may have stopped already.
    pub stopped: bool,
    /// Its place in the queue, counted from 1, while it waits.
    pub queue_position: Option<usize>,
    /// The environment that the request gave.
    pub env: BTreeMap<EnvName, String>,
    /// Its outputs, `status` left out.
    pub outputs: Vec<OutputName>,
    /// The newest try of the callback.
    pub callback: Option<CallbackExchange>,
    /// Why it did not succeed, one sentence each.
    pub errors: Vec<String>,
    /// What sort of failure ended it.
    pub failure: Option<FailureKind>,
    /// The exit code of the container.
    pub exit_code: Option<i64>,
    /// The commit.
    pub commit: Option<Commit>,
    /// The id of the image.
    pub image: Option<String>,
    /// The nodes of its container graph, once that was read; `None` for other runs and before.
    pub nodes: Option<Vec<NodeStatus>>,
    /// When it was submitted.
    pub queued_at: UnixMillis,
    /// When it was let in.
    pub started_at: Option<UnixMillis>,
    /// When it ended.
    pub finished_at: Option<UnixMillis>,
}

/// What can be told about a node of a container graph at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node.
    pub name: NodeName,
    /// Where it stands.
    pub state: NodeState,
    /// What it comes after.
    pub after: BTreeSet<NodeName>,
    /// Whether it has a log that can be read.
    pub has_log: bool,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// The exit code of its container.
    pub exit_code: Option<i64>,
    /// The id of its image.
    pub image: Option<String>,
    /// When its container was made.
    pub started_at: Option<UnixMillis>,
    /// When it ended.
    pub finished_at: Option<UnixMillis>,
}

/// Where a node of a container graph stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Waits for what it comes after.
    Waiting,
    /// Has its image pulled, waits for a place, or has its container made.
    Building,
    /// The container runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// What it comes after did not succeed, or the run was over before its turn.
    Skipped,
    /// Was cut off with its run.
    Aborted,
}

impl NodeState {
    /// Whether nothing will happen to it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Succeeded
    }

    /// The name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Building => "building",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Aborted => "aborted",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
