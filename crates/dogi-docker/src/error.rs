//! What can go wrong between this program and the engine, whatever is being done.

use std::io;

use bollard::errors::Error as BollardError;

/// A request to the engine that failed.
///
/// The first three say where the trouble is: nobody there, somebody who went away while working, or
/// somebody who keeps silent. `Refused` is the engine's own answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing accepts a connection (or it can't be secured): nothing was sent.
    #[error("no Docker engine can be reached at {endpoint}")]
    Unreachable {
        /// The address as configured.
        endpoint: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke after the request was sent: whether it was carried out is not known.
    #[error("the Docker engine at {endpoint} went away while it was to {what}")]
    Lost {
        /// The address as configured.
        endpoint: String,
        /// The operation, e.g. "build the image".
        what: String,
        /// How it broke.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine accepted the request and did not begin an answer in time.
    #[error("the Docker engine at {endpoint} did not answer in time when it was to {what}")]
    TimedOut {
        /// The address as configured.
        endpoint: String,
        /// The operation.
        what: String,
    },
    /// The engine answered that it won't or can't.
    #[error("the Docker engine could not {what}: {message}")]
    Refused {
        /// The operation.
        what: String,
        /// HTTP status of the answer; 0 where an error came inside a stream.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer makes no sense to this client.
    #[error("the Docker engine's answer can't be understood ({what}): {reason}")]
    Garbled {
        /// The operation.
        what: String,
        /// What was wrong with it.
        reason: String,
    },
}

impl EngineError {
    /// HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            EngineError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the thing asked about does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the engine is not there (any more), as opposed to having answered.
    pub fn is_engine_gone(&self) -> bool {
        matches!(
            self,
            EngineError::Unreachable { .. }
                | EngineError::Lost { .. }
                | EngineError::TimedOut { .. }
        )
    }
}

/// Carried inside an `io::Error` by the transport to tell "could not connect" from "broke later".
#[derive(Debug, thiserror::Error)]
#[error("can't connect")]
pub(crate) struct NotConnected(#[source] pub(crate) io::Error);

impl NotConnected {
    pub(crate) fn wrap(source: io::Error) -> io::Error {
        io::Error::new(source.kind(), NotConnected(source))
    }
}

/// Turns a client error into ours.
pub(crate) fn translate(endpoint: &str, what: &str, error: BollardError) -> EngineError {
    let endpoint = endpoint.to_owned();
    let what = what.to_owned();
    match error {
        BollardError::DockerResponseServerError {
            status_code,
            message,
        } => EngineError::Refused {
            what,
            status: status_code,
            message: tidy(&message),
        },
        BollardError::DockerStreamError { error } => EngineError::Refused {
            what,
            status: 0,
            message: tidy(&error),
        },
        BollardError::RequestTimeoutError => EngineError::TimedOut { endpoint, what },
        BollardError::IOError { err } => translate_io(endpoint, what, err),
        BollardError::HyperResponseError { err } => EngineError::Lost {
            endpoint,
            what,
            source: Box::new(err),
        },
        other => EngineError::Garbled {
            what,
            reason: other.to_string(),
        },
    }
}

fn translate_io(endpoint: String, what: String, err: io::Error) -> EngineError {
    if err
        .get_ref()
        .is_some_and(|inner| inner.is::<NotConnected>())
    {
        let kind = err.kind();
        let source = match err
            .into_inner()
            .and_then(|inner| inner.downcast::<NotConnected>().ok())
        {
            Some(inner) => inner.0,
            None => kind.into(),
        };
        return EngineError::Unreachable { endpoint, source };
    }
    EngineError::Lost {
        endpoint,
        what,
        source: Box::new(err),
    }
}

/// What the engine said, without the line break that it ends some messages with, and without the places
/// on its machine where it keeps containers and contexts: they concern nobody who reads this.
pub(crate) fn tidy(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message.trim();
    while let Some(begin) = rest.find('/') {
        let end = rest[begin..]
            .find(|c| !is_path(c))
            .map_or(rest.len(), |len| begin + len);
        text.push_str(&rest[..begin]);
        text.push_str(inner_path(&rest[begin..end]));
        rest = &rest[end..];
    }
    text.push_str(rest);
    if text.is_empty() {
        "no reason was given".to_owned()
    } else {
        text
    }
}

/// The part of a path on the engine's machine that is inside a container or a context.
fn inner_path(path: &str) -> &str {
    for (place, root) in [("/overlay", "/merged"), ("/tmp", "/docker-builder")] {
        let Some((before, behind)) = path.split_once(root) else {
            continue;
        };
        // A builder's directory has a number in its name.
        let inner = behind.trim_start_matches(|c: char| c.is_ascii_digit());
        if before.contains(place) && (inner.is_empty() || inner.starts_with('/')) {
            return inner;
        }
    }
    path
}

fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@')
}
