use std::{fmt, time::Duration};

use crate::Data;

/// What came of sending a callback once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver answered, whatever it said.
    Answered(Answer),
    /// There is no answer.
    Failed(Failure),
}

/// What a receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status. Redirects are answers: they are not followed.
    pub status: u16,
    /// How long the receiver asked to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, as far as it was read.
    pub data: Data,
    /// Whether there was more than was read.
    pub truncated: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// The reason, for people; without the URL.
    pub reason: String,
}

/// What sort of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The policy does not let callbacks go there. Trying again changes nothing.
    Denied,
    /// The message can't be sent as it is. Trying again changes nothing.
    Invalid,
    /// No connection could be made.
    Connect,
    /// The connection broke, or what came over it was not HTTP.
    Broken,
    /// There was no whole answer in time.
    TimedOut,
}

impl Attempt {
    /// An answer with this status and nothing else.
    pub fn answered(status: u16) -> Self {
        let data = Data::Text(String::new());
        Self::Answered(Answer {
            status,
            retry_after: None,
            data,
            truncated: false,
        })
    }

    /// A failure.
    pub fn failed(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self::Failed(Failure {
            kind,
            reason: reason.into(),
        })
    }

    /// Whether the receiver took the message: it answered 2xx.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Answered(Answer {
                status: 200..=299,
                ..
            })
        )
    }

    /// Whether it may be otherwise a little later: 429, 502, 503, 504 and failures of
    /// the connection.
    pub fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Answered(answer) => matches!(answer.status, 429 | 502 | 503 | 504),
            Self::Failed(failure) => failure.kind.is_worth_repeating(),
        }
    }
}

impl FailureKind {
    /// Whether it may be otherwise a little later.
    pub fn is_worth_repeating(self) -> bool {
        match self {
            Self::Denied | Self::Invalid => false,
            Self::Connect | Self::Broken | Self::TimedOut => true,
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(f, "answered {}", answer.status),
            Self::Failed(failure) => f.write_str(&failure.reason),
        }
    }
}
