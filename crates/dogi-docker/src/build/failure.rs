//! Why an image could not be built.

use std::io;

use crate::error::{EngineError, tidy};

/// A build that gave no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A command of the Dockerfile failed.
    #[error("the build's command {command:?} failed with exit code {code}")]
    Command {
        /// The command as the builder ran it, e.g. `/bin/sh -c make`.
        command: String,
        /// Its exit code.
        code: i64,
    },
    /// The context has no file of that name.
    #[error("there is no Dockerfile {path:?} in the build context")]
    NoDockerfile {
        /// As asked for.
        path: String,
    },
    /// The Dockerfile does not parse.
    #[error("{path:?} is no valid Dockerfile: {reason}")]
    Syntax {
        /// The Dockerfile.
        path: String,
        /// What the builder said.
        reason: String,
    },
    /// There is no such stage.
    #[error("the Dockerfile has no stage {target:?}")]
    NoTarget {
        /// As asked for.
        target: String,
    },
    /// The classic builder was about to build on an image of its cache that has been removed meanwhile: it
    /// looks at those of other builds, too. The same build again goes well.
    #[error(
        "the classic builder found the image {image:?} in its cache, and it was removed meanwhile"
    )]
    CacheRemoved {
        /// The image's id.
        image: String,
    },
    /// The build stopped at something else: a base image that can't be had, a file to copy that is
    /// missing…
    #[error("the build failed: {reason}")]
    Failed {
        /// What the builder said.
        reason: String,
    },
    /// The context could not be read to its end.
    #[error("the build context could not be read")]
    Context(#[source] io::Error),
    /// It was cancelled, and has stopped.
    #[error("the build was cancelled")]
    Cancelled,
    /// The engine is not there (any more), or makes no sense.
    #[error("the image could not be built")]
    Engine(#[source] EngineError),
}

impl BuildError {
    /// The classic builder does not say which step failed; its log does.
    pub(super) fn at_step(self, step: Option<&str>) -> BuildError {
        match (self, step) {
            (BuildError::Failed { reason }, Some(step)) if !reason.contains(step) => {
                BuildError::Failed {
                    reason: format!("{step}: {reason}"),
                }
            }
            (error, _) => error,
        }
    }

    /// Sorts what a builder said. Both write their messages for people: what is not recognised is
    /// passed on as it is.
    pub(super) fn from_message(
        message: &str,
        dockerfile: &str,
        target: Option<&str>,
    ) -> BuildError {
        let reason = tidy(message);
        if let Some((command, code)) = failed_command(&reason) {
            return BuildError::Command { command, code };
        }
        if let Some(image) = removed_image(&reason) {
            return BuildError::CacheRemoved { image };
        }
        if is_missing_dockerfile(&reason, dockerfile) {
            return BuildError::NoDockerfile {
                path: dockerfile.to_owned(),
            };
        }
        if let Some(target) = target
            && (reason.contains("failed to reach build target")
                || (reason.contains("target stage") && reason.contains("could not be found")))
        {
            return BuildError::NoTarget {
                target: target.to_owned(),
            };
        }
        let stripped = strip_layers(&reason);
        if is_syntax(stripped) {
            let reason = stripped.to_owned();
            return BuildError::Syntax {
                path: dockerfile.to_owned(),
                reason,
            };
        }
        BuildError::Failed {
            reason: stripped.to_owned(),
        }
    }
}

/// Classic: `The command '/bin/sh -c false' returned a non-zero code: 1`.
/// BuildKit: `process "/bin/sh -c false" did not complete successfully: exit code: 1`, and up to 20.10
/// `executor failed running [/bin/sh -c false]: exit code: 1` (or `runc did not terminate…`).
fn failed_command(message: &str) -> Option<(String, i64)> {
    let forms = [
        ("The command '", "' returned a non-zero code: "),
        (
            "process \"",
            "\" did not complete successfully: exit code: ",
        ),
        ("executor failed running [", "]: exit code: "),
    ];
    forms.iter().find_map(|(before, between)| {
        let (_, rest) = message.split_once(before)?;
        let (command, code) = rest.rsplit_once(between)?;
        let digits = code.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((command.to_owned(), digits.parse().ok()?))
    })
}

/// `unable to find image "sha256:…"`, as the classic builder (20.10.24) says of an image that its search for a
/// cached step met. Names are not meant: those are what a Dockerfile asks for.
fn removed_image(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unable to find image \"")?;
    let image = rest.strip_suffix('"')?;
    image.starts_with("sha256:").then(|| image.to_owned())
}

fn is_missing_dockerfile(message: &str, dockerfile: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("cannot locate specified dockerfile")
        || message.contains("failed to read dockerfile")
        || (message.contains("no such file or directory")
            && message.contains(&dockerfile.to_ascii_lowercase())
            && message.contains("dockerfile"))
}

fn strip_layers(message: &str) -> &str {
    const LAYERS: &[&str] = &[
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to solve: ",
        "failed to create LLB definition: ",
        "rpc error: code = Unknown desc = ",
        "rpc error: code = InvalidArgument desc = ",
    ];
    let mut text = message;
    while let Some(rest) = LAYERS.iter().find_map(|layer| text.strip_prefix(layer)) {
        text = rest;
    }
    text
}

fn is_syntax(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    [
        "dockerfile parse error",
        "unknown instruction",
        "no build stage in current context",
        "the dockerfile cannot be empty",
        "file with no instructions",
        "dockerfile.parse",
        "unterminated heredoc",
    ]
    .iter()
    .any(|known| lower.contains(known))
}
