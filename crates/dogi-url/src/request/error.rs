//! What can be wrong with a request.

use std::fmt;

use super::BodyError;
use crate::query::EscapeError;
use crate::{InvalidValue, RepoError};

/// Where a parameter stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the query of the URL.
    Query,
    /// In the body.
    Body,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "the query",
            Self::Body => "the body",
        })
    }
}

/// Why a URL is not a run request. The message says everything; the parts are there as well, for
/// answers that machines read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The path does not name a repository.
    #[error(transparent)]
    Repo(RepoError),
    /// A name or a value can't be decoded.
    #[error("parameter `{parameter}` in {place}: {problem}")]
    Escape {
        /// The name of the parameter as it was sent, shortened.
        parameter: String,
        /// Where it stood.
        place: Place,
        /// What can't be decoded.
        problem: EscapeError,
    },
    /// There is no such parameter.
    #[error("unknown parameter `{parameter}` in {place}{}", did_you_mean(.nearest))]
    Unknown {
        /// The name, shortened.
        parameter: String,
        /// Where it stood.
        place: Place,
        /// The name that is probably meant.
        nearest: Option<String>,
    },
    /// A parameter is given twice.
    #[error("parameter `{parameter}` is given {count} times in {place}; allowed: once")]
    Repeated {
        /// Its name.
        parameter: String,
        /// Where it stood.
        place: Place,
        /// How many there are.
        count: usize,
    },
    /// A value is not one that the parameter takes.
    #[error("parameter `{parameter}`: {problem}")]
    BadValue {
        /// Its name.
        parameter: String,
        /// What was given, and what is allowed.
        problem: InvalidValue,
    },
    /// Two parameters exclude each other.
    #[error("`{parameter}` and `{other}` can't be given together: {reason}")]
    Conflict {
        /// One of them.
        parameter: String,
        /// The other.
        other: String,
        /// Why.
        reason: &'static str,
    },
    /// A parameter makes no sense without another.
    #[error("`{parameter}` needs `{needs}`: {reason}")]
    Needs {
        /// The one that is given.
        parameter: String,
        /// The one that is missing.
        needs: String,
        /// Why.
        reason: &'static str,
    },
    /// There are too many parameters of a kind.
    #[error("there are {count} `{family}` parameters; allowed: at most {limit}")]
    TooMany {
        /// What their names begin with.
        family: &'static str,
        /// How many there are.
        count: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// A parameter that belongs into the URL stands in the body.
    #[error("`{parameter}` belongs into the URL, not into the body")]
    NotInBody {
        /// Its name.
        parameter: &'static str,
    },
    /// The body can't be read.
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl RequestError {
    /// The name of the parameter that is wrong.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Escape { parameter, .. }
            | Self::Unknown { parameter, .. }
            | Self::Repeated { parameter, .. }
            | Self::BadValue { parameter, .. }
            | Self::Conflict { parameter, .. }
            | Self::Needs { parameter, .. } => Some(parameter),
            Self::TooMany { family, .. } => Some(family),
            Self::NotInBody { parameter } => Some(parameter),
            Self::Body(error) => error.parameter(),
            Self::Repo(_) => None,
        }
    }

    /// The value that was given, escaped and shortened.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::BadValue { problem, .. } => Some(problem.value()),
            _ => None,
        }
    }

    /// What would have been allowed.
    pub fn allowed(&self) -> Option<&str> {
        match self {
            Self::BadValue { problem, .. } => Some(problem.allowed()),
            _ => None,
        }
    }

    /// The name or word that is probably meant.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Self::Unknown { nearest, .. } => nearest.as_deref(),
            Self::BadValue { problem, .. } => problem.nearest(),
            Self::Repo(RepoError::UnknownScheme { nearest, .. }) => *nearest,
            _ => None,
        }
    }
}

/// Why a request can't be written as a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrintError {
    /// An argument is empty or holds a space.
    #[error(
        "the argument {argument} can't be written in `cmd`, which is split at spaces; send a JSON body, or use `bashc`"
    )]
    Argument {
        /// The argument, quoted.
        argument: String,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; allowed: {}", super::fields::NAMES.join(", ")),
    }
}
