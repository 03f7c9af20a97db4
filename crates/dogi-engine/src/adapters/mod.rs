//! The real world behind the ports.

#[cfg(feature = "deliver")]
mod callback;
#[cfg(any(feature = "docker", feature = "compose"))]
mod coverage;
#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "git")]
mod git;
#[cfg(feature = "command")]
mod host;
#[cfg(feature = "compose")]
mod local;
#[cfg(feature = "git")]
mod mirrors;
#[cfg(feature = "deliver")]
mod notifier;
#[cfg(feature = "command")]
mod program;
#[cfg(feature = "store")]
mod store;

#[cfg(any(feature = "git", feature = "docker"))]
use crate::chain;

#[cfg(feature = "deliver")]
pub use callback::{CallbackDeliverer, Payload};
#[cfg(feature = "docker")]
pub use docker::{DockerOptions, DockerRunner};
#[cfg(feature = "git")]
pub use git::GitSource;
#[cfg(feature = "command")]
pub use host::{CommandDetails, FileDetails, HostRunner, Text};
#[cfg(feature = "compose")]
pub use local::{LocalOptions, LocalRunner, SharedDir};
#[cfg(feature = "deliver")]
pub use notifier::{ForgeNotifier, LogLink};
#[cfg(feature = "store")]
pub use store::SqliteStore;
