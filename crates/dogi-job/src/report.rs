use dogi_url::Commit;
use serde::{Deserialize, Serialize};

use crate::{FailureKind, RunStatus, State};

/// Somebody who is told what becomes of a run, and has no part in its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// A status that stands beside a commit on its forge.
    Status(StatusReport),
    /// A mail with the result.
    Mail(MailReport),
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The host of the repository's clone URL, with its port if it has one: the operator's settings say
    /// what it speaks.
    pub forge: String,
    /// The path of the repository there: `owner/name`.
    pub repo: String,
    /// The commit; `None`: the one that the run turns out to be of.
    pub commit: Option<Commit>,
    /// What tells this status from others of the commit.
    pub context: String,
}

/// A mail about a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailReport {
    /// Addresses.
    pub to: Vec<String>,
    /// When it is sent.
    pub on: MailOn,
    /// The path of the repository: `owner/name`.
    pub repo: String,
    /// The commit; `None`: the one that the run turns out to be of.
    pub commit: Option<Commit>,
    /// What was pushed: a branch or a tag.
    #[serde(default)]
    pub branch: Option<String>,
    /// The first line of the commit's message.
    #[serde(default)]
    pub subject: Option<String>,
    /// Who wrote the commit.
    #[serde(default)]
    pub author: Option<String>,
}

/// When a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailOn {
    /// Whatever came of it.
    #[default]
    Always,
    /// It did not succeed.
    Failure,
    /// It succeeded.
    Success,
}

/// What a run came to, in the words that all forges know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is not over.
    Pending,
    /// It succeeded.
    Success,
    /// What was run failed.
    Failure,
    /// It was not run to its end, or could not be: that says nothing about the commit.
    Error,
}

impl Outcome {
    /// As it stands in statuses and subjects.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }

    /// Of a run that stands so.
    #[must_use]
    pub fn of(status: &RunStatus) -> Self {
        match status.state {
            State::Succeeded => Self::Success,
            State::TimedOut => Self::Failure,
            State::Failed => match status.failure {
                Some(
                    FailureKind::ExitCode
                    | FailureKind::OutOfMemory
                    | FailureKind::OutputLimit
                    | FailureKind::Build
                    | FailureKind::Callback,
                ) => Self::Failure,
                _ => Self::Error,
            },
            State::Aborted | State::Superseded | State::Lost => Self::Error,
            State::Queued
            | State::Cloning
            | State::Building
            | State::Running
            | State::CallingBack => Self::Pending,
        }
    }
}

impl Report {
    /// What is to be told of a run that stands so; `None`: nothing.
    #[must_use]
    pub fn due(&self, status: &RunStatus) -> Option<Outcome> {
        let outcome = Outcome::of(status);
        // Before it is checked out there is nothing to be told of, and afterwards perhaps neither.
        self.commit(status)?;
        let wanted = match (self, outcome) {
            (Self::Status(_), _) => true,
            (Self::Mail(_), Outcome::Pending) => false,
            (Self::Mail(mail), _) => match mail.on {
                MailOn::Always => true,
                MailOn::Failure => outcome != Outcome::Success,
                MailOn::Success => outcome == Outcome::Success,
            },
        };
        wanted.then_some(outcome)
    }

    /// The commit that it is about, once that is known.
    #[must_use]
    pub fn commit<'a>(&'a self, status: &'a RunStatus) -> Option<&'a Commit> {
        let named = match self {
            Self::Status(report) => &report.commit,
            Self::Mail(report) => &report.commit,
        };
        named.as_ref().or(status.commit.as_ref())
    }

    /// Whether it can't be told of what before the run is checked out.
    #[must_use]
    pub fn awaits_commit(&self) -> bool {
        match self {
            Self::Status(report) => report.commit.is_none(),
            Self::Mail(report) => report.commit.is_none(),
        }
    }

    /// What it says of one thing is told in order, and only the newest: the thing.
    #[must_use]
    pub fn subject(&self, status: &RunStatus) -> String {
        match self {
            Self::Status(report) => {
                let commit = self.commit(status).map_or("", Commit::as_str);
                let StatusReport {
                    forge,
                    repo,
                    context,
                    ..
                } = report;
                format!("status {forge} {repo} {commit} {context}")
            }
            Self::Mail(mail) => format!("mail {} {}", status.run, mail.to.join(",")),
        }
    }
}
