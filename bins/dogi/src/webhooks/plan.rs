//! From an event and the rule that it hits to the runs that it starts. Pure, but for the files of the
//! repository that somebody has looked at before.

use std::collections::{BTreeMap, BTreeSet};

use dogi_hooks::forge::{Event, EventKind, Ref};
use dogi_job::{
    Compose, ComposeAllow, ComposeTest, Local, MailOn, MailReport, Origin, Report, SecretName,
    SourceRef, Spec, StatusReport, Workspace,
};
use dogi_url::{
    BuildParams, Command, Commit, ContainerPath, EnvName, GroupPolicy, InstanceId, Limits,
    Namespace, RepoUrl, RequestId, Revision,
};

use super::repo_hooks::Triggered;
use crate::config::{Allowance, ComposeTests, MailOn as MailWhen, RepoRule, RunEntry, Work};

/// Where containers find the payload: where GitHub's own have it.
const EVENT_PATH: &str = "/github/workflow/event.json";

/// A run to be started.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) context: String,
    pub(crate) spec: Spec,
}

/// Why nothing can be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// The event names nothing that could be checked out.
    #[error("the event names no commit, branch or tag to check out")]
    NoRevision,
    /// It names no repository.
    #[error("the event names no repository, and GITHUB_REPO is not set")]
    NoRepository,
    /// A text in it can't be taken.
    #[error("{0}")]
    Value(String),
    /// A stranger's commit would run on the server's machine.
    #[error(
        "a pull request from a fork runs nothing on the server's machine itself: `{0}` is for commits \
         of the repository"
    )]
    Stranger(&'static str),
}

impl From<dogi_url::InvalidValue> for PlanError {
    fn from(error: dogi_url::InvalidValue) -> Self {
        Self::Value(error.to_string())
    }
}

/// What all runs of a delivery have in common.
#[derive(Debug)]
pub(crate) struct Trigger<'t> {
    /// Of the delivery.
    pub(crate) id: &'t str,
    /// As the forge calls the event.
    pub(crate) event_name: &'t str,
    pub(crate) event: &'t Event,
    pub(crate) repo: &'t RepoUrl,
    /// `owner/name`.
    pub(crate) full_name: &'t str,
    pub(crate) namespace: &'t Namespace,
    /// Whether there is a token to tell the forge with.
    pub(crate) can_tell: bool,
    /// Whom mails go to where a rule does not say.
    pub(crate) mail_to: &'t [String],
}

impl Trigger<'_> {
    /// What is to be checked out.
    pub(crate) fn revision(&self) -> Result<Revision, PlanError> {
        let named = || self.event.reference.as_ref().map(Ref::name).cloned();
        match &self.event.commit {
            Some(commit) => Ok(Revision::new(commit.as_str())?),
            None => named().ok_or(PlanError::NoRevision),
        }
    }

    /// Whether the commit may be of somebody who may not write to the repository.
    pub(crate) fn is_strangers(&self) -> bool {
        matches!(&self.event.kind, EventKind::PullRequest(request) if request.from_fork)
    }

    /// The environment of every run.
    fn environment(&self) -> Result<BTreeMap<EnvName, String>, PlanError> {
        let mut env = vec![
            ("CI", "true".to_owned()),
            ("GITHUB_EVENT_NAME", self.event_name.to_owned()),
            ("GITHUB_REPOSITORY", self.full_name.to_owned()),
        ];
        if let Some(commit) = &self.event.commit {
            let commit = commit.as_str();
            env.push(("commit", commit.to_owned()));
            env.push(("short_commit", short(commit).to_owned()));
            env.push(("GITHUB_SHA", commit.to_owned()));
        }
        let reference = match (&self.event.kind, &self.event.reference) {
            (EventKind::PullRequest(request), _) => {
                Some(format!("refs/pull/{}/head", request.number))
            }
            (_, reference) => reference.as_ref().map(ToString::to_string),
        };
        env.extend(reference.map(|reference| ("GITHUB_REF", reference)));
        let named = env
            .into_iter()
            .map(|(name, value)| Ok((EnvName::new(name)?, value)));
        named.collect()
    }

    fn reports(&self, context: &str, rule: &Reporting) -> Vec<Report> {
        let commit = &self.event.commit;
        let mut reports = Vec::new();
        if rule.status.unwrap_or(self.can_tell) {
            reports.push(Report::Status(StatusReport {
                forge: host(self.repo),
                repo: self.full_name.to_owned(),
                commit: commit.clone(),
                context: context.to_owned(),
            }));
        }
        reports.extend(self.mails(commit, rule).into_iter().map(Report::Mail));
        reports
    }

    /// One for each, so that one that is refused keeps nobody else from theirs.
    fn mails(&self, commit: &Option<Commit>, rule: &Reporting) -> Vec<MailReport> {
        let Some((to, on)) = rule.mail.as_ref() else {
            return Vec::new();
        };
        let to = match to.is_empty() {
            true => self.mail_to.to_vec(),
            false => to.clone(),
        };
        let line = |line: &Option<dogi_hooks::forge::Line>| {
            line.as_ref().map(|line| line.as_str().to_owned())
        };
        let branch = match &self.event.kind {
            EventKind::PullRequest(request) => Some(format!("pull request {}", request.number)),
            _ => self
                .event
                .reference
                .as_ref()
                .map(|name| name.name().to_string()),
        };
        let mail = |to| MailReport {
            to: vec![to],
            on: *on,
            repo: self.full_name.to_owned(),
            commit: commit.clone(),
            branch: branch.clone(),
            subject: line(&self.event.subject),
            author: line(&self.event.sender),
        };
        to.into_iter().map(mail).collect()
    }

    /// A run with what all have in common. `number` tells it apart from others of the delivery.
    fn run(&self, number: usize, context: &str, rule: &Reporting) -> Result<Spec, PlanError> {
        let id = RequestId::new(format!("{} {number} {context}", self.id))?;
        let instance = InstanceId::new(self.namespace, self.repo, Some(&id));
        let mut spec = Spec::new(instance, self.repo.clone());
        spec.id = Some(id);
        spec.source = SourceRef::Repo {
            url: self.repo.clone(),
            revision: Some(self.revision()?),
        };
        spec.tty = false;
        spec.stranger = self.is_strangers();
        spec.env = self.environment()?;
        spec.reports = self.reports(context, rule);
        Ok(spec)
    }
}

/// Who is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporting {
    pub(crate) status: Option<bool>,
    pub(crate) mail: Option<(Vec<String>, MailOn)>,
}

impl Reporting {
    fn of(rule: &RepoRule) -> Self {
        let mail = rule.mail.as_ref().map(|mail| {
            let to = mail.to.iter().map(|to| to.as_str().to_owned()).collect();
            let on = match mail.on {
                MailWhen::Always => MailOn::Always,
                MailWhen::Failure => MailOn::Failure,
                MailWhen::Success => MailOn::Success,
            };
            (to, on)
        });
        Self {
            status: rule.status,
            mail,
        }
    }
}

/// The commit that what an event changed is told from, if there is one.
pub(crate) fn before(event: &Event) -> Option<&Commit> {
    match &event.kind {
        EventKind::Push(push) => push.before.as_ref(),
        EventKind::PullRequest(request) => request.base.as_ref(),
        _ => None,
    }
}

/// The run of an entry of a rule. `changed`: the files that the event changed; `None`: nobody can tell,
/// or no entry of the rule asks.
pub(crate) fn of_entry(
    trigger: &Trigger<'_>,
    rule: &RepoRule,
    entry: &RunEntry,
    changed: Option<&BTreeSet<String>>,
    number: usize,
) -> Result<Planned, PlanError> {
    let context = entry.context();
    let mut spec = trigger.run(number, &context, &Reporting::of(rule))?;
    of_rule(&mut spec, trigger, rule, entry)?;
    match &entry.work {
        Work::Dockerfile {
            file,
            context,
            target,
            command,
        } => {
            spec.origin = Origin::Build(BuildParams {
                dockerfile: Some(file.clone()),
                context: context.clone(),
                target: target.clone(),
                ..BuildParams::default()
            });
            spec.command.clone_from(command);
            with_event(&mut spec)?;
        }
        Work::Image { image, command } => {
            spec.origin = Origin::Image(image.clone());
            spec.command.clone_from(command);
            with_event(&mut spec)?;
        }
        Work::Pipeline(pipeline) => {
            spec.origin = Origin::Graph(pipeline.selection(changed));
            // Those are of containers that other entries of the rule make.
            spec.files.clear();
            with_event(&mut spec)?;
        }
        Work::Compose { .. } | Work::Host { .. } => {
            spec.origin = Origin::Local(local(rule, &entry.work, trigger.is_strangers())?);
        }
        // Its file says what is run: see `of_hook`.
        Work::Hooks { .. } => {}
    }
    Ok(Planned { context, spec })
}

/// What an entry does on the server's machine.
fn local(rule: &RepoRule, work: &Work, stranger: bool) -> Result<Local, PlanError> {
    match work {
        Work::Compose { file, tests, push } => {
            let test = match tests {
                ComposeTests::Service(name) => ComposeTest::Service(name.as_str().to_owned()),
                ComposeTests::Command(_) if stranger => {
                    return Err(PlanError::Stranger("command"));
                }
                ComposeTests::Command(command) => ComposeTest::Command(command.argv()),
            };
            Ok(Local::Compose(Compose {
                file: file.to_string(),
                test,
                // What a stranger has built is not handed on in the operator's name.
                push: *push && !stranger,
                allow: allow(rule, stranger),
            }))
        }
        Work::Host { .. } if stranger => Err(PlanError::Stranger("command")),
        Work::Host { command } => Ok(Local::Command(command.argv())),
        _ => Err(PlanError::Value("the entry runs in a container".to_owned())),
    }
}

/// All that a rule does on the server's machine.
pub(crate) fn locals(rule: &RepoRule, stranger: bool) -> Vec<Local> {
    let works = rule.runs.iter().map(|entry| &entry.work);
    works
        .filter_map(|work| local(rule, work, stranger).ok())
        .collect()
}

/// The run of a hook in the repository's own file.
pub(crate) fn of_hook(
    trigger: &Trigger<'_>,
    rule: &RepoRule,
    entry: &RunEntry,
    hook: &Triggered,
    number: usize,
) -> Result<Planned, PlanError> {
    let context = format!("{}/{}", entry.context(), hook.id);
    let mut spec = trigger.run(number, &context, &Reporting::of(rule))?;
    of_rule(&mut spec, trigger, rule, entry)?;
    let Work::Hooks { image, .. } = &entry.work else {
        return Err(PlanError::Value(
            "the entry has no file of hooks".to_owned(),
        ));
    };
    spec.public_image = hook.image.is_some() && trigger.is_strangers();
    spec.origin = match hook.image.as_ref().or(image.as_ref()) {
        Some(image) => Origin::Image(image.clone()),
        None => Origin::Build(BuildParams::default()),
    };
    spec.command = Some(Command::args(hook.command.clone())?);
    for (name, value) in &hook.environment {
        spec.env.insert(EnvName::new(name.as_str())?, value.clone());
    }
    let path = ContainerPath::new(format!("/{}", trigger.repo.name()))?;
    let directory = match &hook.directory {
        Some(directory) if directory.starts_with('/') => ContainerPath::new(directory.as_str())?,
        Some(directory) => ContainerPath::new(format!("{path}/{directory}"))?,
        None => path.clone(),
    };
    spec.workspace = Some(Workspace { path, directory });
    with_event(&mut spec)?;
    Ok(Planned { context, spec })
}

/// A run that only tells why there is none.
pub(crate) fn refused(
    trigger: &Trigger<'_>,
    rule: &RepoRule,
    entry: &RunEntry,
    reason: String,
    number: usize,
) -> Result<Planned, PlanError> {
    let context = entry.context();
    let mut spec = trigger.run(number, &context, &Reporting::of(rule))?;
    spec.source = SourceRef::Refused { reason };
    Ok(Planned { context, spec })
}

/// What takes the place of a run that the engine refuses: it asks for nothing, and tells why there is none.
pub(crate) fn instead_of(spec: Spec, reason: String) -> Spec {
    Spec {
        source: SourceRef::Refused { reason },
        origin: Origin::Build(BuildParams::default()),
        command: None,
        secrets: BTreeMap::new(),
        files: BTreeMap::new(),
        limits: Limits::default(),
        group: None,
        group_policy: GroupPolicy::default(),
        workspace: None,
        event_path: None,
        keep: false,
        public_image: false,
        ..spec
    }
}

/// The variables of compose-ci beside those of every run.
pub(crate) fn of_compose_ci(
    trigger: &Trigger<'_>,
    compose: Compose,
    env: &BTreeMap<String, String>,
    keep: bool,
) -> Result<Planned, PlanError> {
    let context = "dogi/compose".to_owned();
    let mail = (!trigger.mail_to.is_empty()).then(|| (Vec::new(), MailOn::Always));
    let rule = Reporting { status: None, mail };
    let mut spec = trigger.run(0, &context, &rule)?;
    for (name, value) in env {
        spec.env.insert(EnvName::new(name.as_str())?, value.clone());
    }
    spec.origin = Origin::Local(Local::Compose(compose));
    spec.keep = keep;
    Ok(Planned { context, spec })
}

fn of_rule(
    spec: &mut Spec,
    trigger: &Trigger<'_>,
    rule: &RepoRule,
    entry: &RunEntry,
) -> Result<(), PlanError> {
    spec.env.extend(rule.env.clone());
    spec.files.clone_from(&rule.files);
    spec.group.clone_from(&rule.group);
    spec.group_policy = rule.group_policy;
    spec.limits = Limits {
        timeout: entry.timeout,
        memory: entry.memory,
        cpus: entry.cpus,
    };
    for name in rule
        .secrets_for(trigger.event)
        .into_iter()
        .flat_map(|all| all.keys())
    {
        let secret =
            secret_name(rule, name).map_err(|error| PlanError::Value(error.to_string()))?;
        spec.secrets.insert(name.clone(), secret);
    }
    Ok(())
}

/// What a secret of a rule is called: rules of the same pattern don't hide from each other which is meant,
/// for only the first of them ever decides.
pub(crate) fn secret_name(
    rule: &RepoRule,
    variable: &EnvName,
) -> Result<SecretName, dogi_job::SecretNameError> {
    SecretName::parse(&format!("{}#{variable}", rule.rule.pattern))
}

fn with_event(spec: &mut Spec) -> Result<(), PlanError> {
    let path = ContainerPath::new(EVENT_PATH)?;
    let name = EnvName::new("GITHUB_EVENT_PATH")?;
    spec.env.insert(name, path.to_string());
    spec.event_path = Some(path);
    Ok(())
}

fn allow(rule: &RepoRule, stranger: bool) -> ComposeAllow {
    let has = |allowance| !stranger && rule.allow.contains(&allowance);
    ComposeAllow {
        privileged: has(Allowance::Privileged),
        host_network: has(Allowance::HostNetwork),
        host_binds: has(Allowance::HostBinds),
    }
}

/// The first seven digits, as git shows a commit.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// `host` or `host:port` of a clone URL, as `forges` names it.
pub(crate) fn host(repo: &RepoUrl) -> String {
    let key = repo.match_key();
    key.split('/').next().unwrap_or_default().to_owned()
}
