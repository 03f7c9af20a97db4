use std::{fmt, time::Duration};

/// What came of telling something once: a commit status to a forge, a mail to a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Told,
    /// It may be taken later.
    Retry {
        /// How long the other side asked to be left alone; `None` where it did not say.
        after: Option<Duration>,
        /// Why it was not taken, for people; without secrets.
        reason: String,
    },
    /// It will not be taken, however often it is tried.
    Refused {
        /// Why, for people; without secrets.
        reason: String,
    },
}

#[cfg(any(feature = "deliver", feature = "mail"))]
impl Outcome {
    pub(crate) fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            reason: reason.into(),
        }
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("told"),
            Self::Retry { reason, .. } => write!(f, "not now: {reason}"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
        }
    }
}
