//! Containers: what they are made from, and the handle to one.

mod adopt;
mod attach;
mod copy;
mod create;
mod demux;
mod ending;
mod exec;
mod hearing;
mod logs;
mod messages;
mod mounts;
mod pass;
mod recent;
mod refusal;
mod rewriting;
mod spec;
mod stop;
mod wait;

pub use adopt::{AdoptError, Adopted, Adoption, Gap, Prior};
pub use attach::{Attached, Channel, Output, OutputError, StartError};
pub use copy::{FinalFile, PathKind, PathStat, UploadError};
pub use create::CreateError;
pub use ending::{Ending, Evidence};
pub use exec::{Exec, ExecError, ExecSpec};
pub use rewriting::{Rewrite, Rewriting};
pub use spec::{ContainerSpec, Limits};
pub use wait::{ContainerState, Exit};

pub(crate) use demux::{Demux, Source};
pub(crate) use rewriting::Rewriter;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::client::Docker;

/// A handle to one container. Cheap to clone; dropping it does nothing to the container.
#[derive(Debug, Clone)]
pub struct Container {
    docker: Docker,
    id: ContainerId,
    tty: bool,
    /// What is run, for error messages.
    command: String,
    /// Set once this handle, or a clone of it, has asked for its end.
    told_to_end: Arc<AtomicBool>,
}

/// The engine's id of a container: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

impl ContainerId {
    /// Takes an id as the engine gives it (short ids are fine too). `None` for anything else than
    /// 12 to 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<ContainerId> {
        let digits = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (digits && (12..=64).contains(&text.len())).then(|| ContainerId(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ContainerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Container {
    /// The engine's id.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The engine that it lives on.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Whether it has a pseudo-terminal: then stdout and stderr are one.
    pub fn tty(&self) -> bool {
        self.tty
    }

    /// Path of an API call about this container.
    pub(crate) fn path(&self, call: &str) -> String {
        format!("/containers/{}/{call}", self.id)
    }
}
