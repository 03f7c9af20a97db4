//! The real world behind the ports.

#[cfg(feature = "deliver")]
mod callback;
#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "git")]
mod git;

#[cfg(feature = "deliver")]
pub use callback::{CallbackDeliverer, Payload};
#[cfg(feature = "docker")]
pub use docker::{DockerOptions, DockerRunner};
#[cfg(feature = "git")]
pub use git::GitSource;

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
