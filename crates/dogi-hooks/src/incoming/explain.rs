//! What is worth knowing about a hook, though it is no mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::hook::{Action, Hook};
use super::rule::{Algorithm, Match, contradiction, is_guarded, questions, unguarded_alternatives};
use super::{Rule, Source};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It could be better.
    Advice,
    /// The hook never runs.
    Never,
    /// Strangers can run the hook.
    Open,
}

/// Something worth knowing about a hook. Its text is one line: `file:line: key: what it is`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file as the operator named it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The key, such as `[0].trigger-rule.or[1]`.
    pub key: String,
    /// The hook's id.
    pub hook: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, line, key, ..
        } = self;
        write!(f, "{}:{line}: {key}: {}", file.display(), self.message)
    }
}

/// A key that has no effect where it stands.
#[derive(Debug)]
pub(super) struct Idle {
    line: u64,
    key: String,
    why: Option<&'static str>,
}

impl Idle {
    /// One that obviously means nothing there.
    pub(super) fn new(line: u64, key: String) -> Self {
        let why = None;
        Self { line, key, why }
    }

    /// One that means nothing for this reason.
    pub(super) fn because(line: u64, key: String, why: &'static str) -> Self {
        let why = Some(why);
        Self { line, key, why }
    }
}

/// A hook and where its parts stand.
pub(super) struct Explanation<'h> {
    pub(super) hook: &'h Hook,
    /// The lines of its rules by path.
    pub(super) lines: &'h BTreeMap<String, u64>,
    /// Paths of matches with an old name.
    pub(super) old_names: &'h [String],
    /// Keys without effect.
    pub(super) idle: &'h [Idle],
    /// The line of the first argument that the request gives.
    pub(super) first_from_request: Option<u64>,
}

impl Explanation<'_> {
    /// All findings, in the order of the file.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        match self.hook.rule() {
            None => found.push(self.finding(
                self.hook.line(),
                self.hook.path().to_owned(),
                Severity::Open,
                "every request runs this hook: it has no trigger-rule",
            )),
            Some(rule) => self.rule(rule, &mut found),
        }
        self.action(&mut found);
        for Idle { line, key, why } in self.idle {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let message = format!("has no effect here{why}");
            found.push(self.finding(*line, key.clone(), Severity::Advice, message));
        }
        found.sort_by_key(|finding| finding.line);
        found
    }

    fn finding(
        &self,
        line: u64,
        key: String,
        severity: Severity,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            file: self.hook.file().to_path_buf(),
            line,
            key,
            hook: self.hook.id().to_owned(),
            severity,
            message: message.into(),
        }
    }

    fn of_rule(&self, path: &str, severity: Severity, message: impl Into<String>) -> Finding {
        let line = self.lines.get(path).copied();
        self.finding(
            line.unwrap_or(self.hook.line()),
            self.hook.key(path),
            severity,
            message,
        )
    }

    fn rule(&self, rule: &Rule, found: &mut Vec<Finding>) {
        let root = "trigger-rule";
        if let Some(contradiction) = contradiction(rule, root) {
            let message = format!(
                "never true, so that the hook never runs: {}",
                contradiction.why
            );
            found.push(self.of_rule(&contradiction.path, Severity::Never, message));
        } else if !is_guarded(rule) {
            let open = unguarded_alternatives(rule, root);
            for path in &open {
                let message = "true without the signature, address or token that another \
                               alternative asks for";
                found.push(self.of_rule(path, Severity::Open, message));
            }
            if open.is_empty() {
                let message = "true without any signature, address or token: strangers can run \
                               this hook";
                found.push(self.of_rule(root, Severity::Open, message));
            }
        }
        self.old_signatures(rule, found);
    }

    fn old_signatures(&self, rule: &Rule, found: &mut Vec<Finding>) {
        let mut all = Vec::new();
        questions(rule, "trigger-rule", &mut all);
        for (path, question) in all {
            let Match::Hmac(hmac) = question else {
                continue;
            };
            let algorithm = match hmac.algorithm() {
                Algorithm::Sha1 => "sha1",
                Algorithm::Sha256 => "sha256",
                Algorithm::Sha512 => "sha512",
            };
            if self.old_names.contains(&path) {
                let message =
                    format!("payload-hash-{algorithm} is an old name of payload-hmac-{algorithm}");
                found.push(self.of_rule(&path, Severity::Advice, message));
            }
            if hmac.algorithm() == Algorithm::Sha1 {
                let message = "SHA-1 is old: payload-hmac-sha256 where the sender has it";
                found.push(self.of_rule(&path, Severity::Advice, message));
            }
        }
    }

    fn action(&self, found: &mut Vec<Finding>) {
        match self.hook.action() {
            Action::Execute(execute) if !execute.rejects_leading_dash => {
                let finding = |line| {
                    self.finding(
                        line,
                        self.hook.key("pass-arguments-to-command"),
                        Severity::Advice,
                        "a value of the request that begins with '-' may be taken for an option: \
                         `reject-leading-dash: true` refuses it",
                    )
                };
                found.extend(self.first_from_request.map(finding));
            }
            Action::Execute(_) => {}
            Action::Dogi(dogi) => {
                let repos = dogi.parameters.iter().filter(|parameter| {
                    let is_own = matches!(parameter.value.source, Source::Literal(_));
                    parameter.name == "repo" && !is_own
                });
                found.extend(repos.map(|parameter| {
                    self.finding(
                        parameter.line,
                        self.hook.key("dogi.repo"),
                        Severity::Advice,
                        "whoever runs this hook chooses the repository",
                    )
                }));
            }
        }
    }
}
