//! Building an image from a context that is streamed to the engine.

mod classic;
mod failure;
mod progress;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;
use futures::Stream;
use tokio_util::sync::CancellationToken;

pub use failure::BuildError;
pub use progress::Progress;

pub(crate) use classic::status_line;

use crate::auth::RegistryAuth;
use crate::client::Docker;

/// An image to build.
#[derive(Debug, Clone, Default)]
pub struct BuildSpec {
    /// Path of the Dockerfile inside the context; empty: `Dockerfile`.
    pub dockerfile: String,
    /// Stage to stop at; `None`: the last.
    pub target: Option<String>,
    /// Values for `ARG`.
    pub args: BTreeMap<String, String>,
    /// Platform such as `linux/arm64`; `None`: the engine's.
    pub platform: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Whether to ignore the engine's cache.
    pub no_cache: bool,
    /// Whether to ask the registry for newer base images.
    pub pull: bool,
    /// Which builder to use.
    pub builder: Builder,
    /// Where credentials for private base images are.
    pub registry_auth: RegistryAuth,
    /// Registries (as [`crate::ImageName::registry`] names them) whose credentials the build may need.
    /// `None`: all that are known.
    pub registries: Option<BTreeSet<String>>,
}

/// Which builder makes the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit where the engine has it, the classic builder otherwise.
    #[default]
    Auto,
    /// The classic builder.
    Classic,
    /// BuildKit; the classic builder where the engine has none, and the log says so.
    BuildKit,
}

/// The engine's id of an image: `sha256:` and 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(String);

impl ImageId {
    /// Takes an id as the engine gives it; `None` for anything else.
    pub fn parse(text: &str) -> Option<ImageId> {
        let hex = text.strip_prefix("sha256:")?;
        let digits = hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (digits && hex.len() == 64).then(|| ImageId(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ImageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Docker {
    /// Builds an image. `context` is a tar (plain or gzip) and is read once; `log` gets readable text,
    /// whole lines or parts of them, as the build goes on.
    ///
    /// Cancelling stops the build at once; the answer comes when the engine has stopped working on it as
    /// far as can be seen from outside (the classic builder's containers are gone, BuildKit has ended the
    /// build), within a few seconds. Dropping the future stops the build too, without waiting.
    ///
    /// # Errors
    /// See [`BuildError`]. Layers that were built stay in the engine's cache.
    pub async fn build(
        &self,
        spec: &BuildSpec,
        context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        log: &mut (dyn FnMut(&[u8]) + Send),
        cancel: &CancellationToken,
    ) -> Result<ImageId, BuildError> {
        run::build(self, spec, Box::pin(context), log, cancel).await
    }
}
