//! Why a text is not a repository.

use crate::query::EscapeError;
use crate::text::{nearest, quote};

/// Why a text is not the URL of a repository. No message holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// The scheme is not one of git's, or not one of those that are safe.
    #[error(
        "{scheme} is not a scheme of a repository; allowed: https, http, ssh (git and file only where the operator allows them)"
    )]
    UnknownScheme {
        /// The scheme, quoted.
        scheme: String,
        /// The scheme that is probably meant.
        nearest: Option<&'static str>,
    },
    /// It has a bad escape.
    #[error("the repository URL has a bad escape: {0}")]
    Escape(EscapeError),
    /// It holds a user or a password.
    #[error(
        "the repository URL holds credentials, which would end up in logs; leave them out (the operator configures how private repositories are reached)"
    )]
    Credentials,
    /// The host is not one.
    #[error("{host} is not a host of a repository: {reason}")]
    Host {
        /// The host, quoted.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The port is not one.
    #[error("{port} is not a port; allowed: 1 to 65535")]
    Port {
        /// The port, quoted.
        port: String,
    },
    /// The user of an ssh URL is not one.
    #[error(
        "{user} is not a user of an ssh URL; allowed: letters, digits, `_`, `.`, `-`, not beginning with `-`"
    )]
    User {
        /// The user, quoted.
        user: String,
    },
    /// The path is not one.
    #[error("{path} is not the path of a repository: {reason}")]
    Path {
        /// The path, quoted.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An ssh repository that is not written as dogi reads it.
    #[error(
        "{text} is not an ssh repository; allowed: `git@host:owner/repo.git` or `git@host:port/path`"
    )]
    SshForm {
        /// The text, quoted.
        text: String,
    },
    /// It is too long.
    #[error("the repository URL has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
}

impl RepoError {
    pub(super) fn unknown_scheme(scheme: &str) -> Self {
        let nearest = nearest(scheme, ["https", "http", "ssh"]);
        Self::UnknownScheme {
            scheme: quote(scheme),
            nearest,
        }
    }
}

// Not a `source`: the message says it all.
impl From<EscapeError> for RepoError {
    fn from(error: EscapeError) -> Self {
        Self::Escape(error)
    }
}

/// Why a relative URL does not lead to a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It is not relative.
    #[error("{relative} does not begin with \"./\" or \"../\"")]
    NotRelative {
        /// The text, quoted.
        relative: String,
    },
    /// It goes up further than there is a path.
    #[error("{relative} leaves the host, seen from {base}")]
    AboveRoot {
        /// The text, quoted.
        relative: String,
        /// The repository that it was to be joined to.
        base: String,
    },
    /// What it leads to is no good.
    #[error(transparent)]
    Repo(#[from] RepoError),
}
