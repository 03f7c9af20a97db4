//! What one hook is.

mod action;
mod command;
mod read;
mod read_action;
mod response;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, StatusCode};

use super::rule::Signatures;
use super::{Finding, PayloadShape, Request, Rule, Verdict};

pub use action::{Action, Dogi, Execute, FileArgument, Parameter, Variable};
pub use command::{Command, CommandError, File, Job, Prepared};
pub(super) use read::HookReader;
pub use response::{Output, Response};

/// One hook: who may trigger it, what it does, how it answers.
#[derive(Clone, Debug)]
pub struct Hook {
    id: String,
    file: PathBuf,
    line: u64,
    /// Its path in the file: `[0]`.
    path: String,
    action: Action,
    methods: Vec<Method>,
    shape: PayloadShape,
    rule: Option<Rule>,
    response: Response,
    limits: Limits,
    has_soft_signatures: bool,
    image: Option<String>,
    findings: Vec<Finding>,
}

/// How much of a hook's command may go on at once; a job's limits are those of all jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `max-concurrent`: how many of it run at once.
    pub max_concurrent: Option<NonZeroU32>,
    /// `max-queued`: how many more wait.
    pub max_queued: Option<u32>,
    /// `timeout`: how long one may take.
    pub timeout: Option<Duration>,
}

impl Hook {
    /// Its id: what stands after `/hooks/` in its URL, decoded.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file it stands in, as the operator named it.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line it begins at.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Its path in its file: `[0]`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where a key of it stands in its file, for mistakes that are found in it later:
    /// `[0].timeout`.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        dogi_yaml::join(&self.path, key)
    }

    /// What it does.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The methods it is called with; empty: whatever the server allows.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// How its payloads are to be read.
    #[must_use]
    pub fn shape(&self) -> &PayloadShape {
        &self.shape
    }

    /// Its rule; `None`: every request triggers it.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// How it answers.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// How much of it may go on at once.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The image that a repository's own hook wants to run in (`image`).
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// What is worth knowing about it, though nothing of it is a mistake.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether a request triggers it.
    #[must_use]
    pub fn evaluate(&self, request: &Request) -> Verdict {
        self.evaluate_with(request, Signatures::Checked)
    }

    /// The same, where somebody else may have verified the request.
    #[must_use]
    pub fn evaluate_with(&self, request: &Request, signatures: Signatures) -> Verdict {
        self.rule.as_ref().map_or(Verdict::True, |rule| {
            rule.evaluate_with(request, signatures)
        })
    }

    /// The code of the answer to a request that did not trigger it:
    /// `trigger-rule-mismatch-http-response-code`, else 401 for a wrong signature unless
    /// `trigger-signature-soft-failures` is set, else 200.
    #[must_use]
    pub fn mismatch_status(&self, verdict: &Verdict) -> StatusCode {
        if let Some(status) = self.response.mismatch {
            return status;
        }
        match verdict.wrong_signature() && !self.has_soft_signatures {
            true => StatusCode::UNAUTHORIZED,
            false => StatusCode::OK,
        }
    }
}
