use serde::{Deserialize, Serialize};

use crate::Phase;

/// Why a run did not succeed, as told to whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was going on.
    pub phase: Phase,
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// One sentence: what was wrong with which value, and what is allowed. No secrets, no paths
    /// of the host.
    pub message: String,
}

impl Failure {
    /// A failure of `kind` during `phase`.
    pub fn new(phase: Phase, kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            phase,
            kind,
            message: message.into(),
        }
    }
}

/// What sort of failure ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The repository, its revision or a submodule could not be had.
    Source,
    /// The image could not be built or pulled.
    Build,
    /// The container could not be created or started.
    Start,
    /// The program ended with another code than 0.
    ExitCode,
    /// The kernel ended the container because its memory was used up.
    OutOfMemory,
    /// It printed more than is kept, and the operator wants such runs to end.
    OutputLimit,
    /// The Docker engine does not answer.
    EngineUnavailable,
    /// The callback was refused or could not be delivered.
    Callback,
    /// The disk of the server is full.
    DiskFull,
    /// A policy of the operator forbids it.
    Forbidden,
    /// A fault of the server itself.
    Internal,
}
