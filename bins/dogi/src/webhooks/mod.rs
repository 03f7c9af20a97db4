//! Webhooks of forges: who may send them, what they start, and what came of each. The answers over HTTP are
//! in `http/webhook.rs`, payloads and rules in `dogi_hooks`.

mod book;
mod ci;
mod plan;
mod prepare;
mod repo_hooks;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use dogi_engine::Engine;
use dogi_engine::ports::Values;
use dogi_git::Mirrors;
use dogi_hooks::forge::{Event, EventKind, Forge, Secrets};
use dogi_hooks::rules::{Changed, Decision, decide_for};
use dogi_job::{SourceRef, Spec, UnixMillis};
use dogi_url::{Namespace, RepoUrl};
use tokio::sync::Semaphore;

use crate::config::{ForgeKind, RepoRule, Settings};

pub(crate) use book::{Book, BookError, Outcome, Record, Started};
pub(crate) use plan::{PlanError, before, secret_name};
pub(crate) use prepare::{Promised, StartError};
pub(crate) use request::Request;

use ci::ComposeCi;

/// In the data directory: the requests of deliveries.
pub(crate) const DELIVERIES: &str = "deliveries";
/// Each may clone, and holds a payload.
const PLANNED_AT_ONCE: usize = 4;

/// What is needed to take deliveries of forges.
#[derive(Debug)]
pub(crate) struct WebhookService {
    pub(crate) secrets: Secrets,
    rules: Vec<RepoRule>,
    compose_ci: Option<ComposeCi>,
    /// The hosts that there is a token for.
    tellable: BTreeSet<String>,
    /// What the hosts speak that the settings name.
    kinds: BTreeMap<String, ForgeKind>,
    mail_to: Vec<String>,
    namespace: Namespace,
    mirrors: Mirrors,
    /// So many deliveries are looked at at once.
    planning: Semaphore,
    pub(crate) book: Book,
}

/// A verified delivery that says what happened.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) event: Event,
    /// As the forge calls it.
    pub(crate) event_name: String,
    pub(crate) request: Request,
}

/// What is to be done about a delivery.
#[derive(Debug)]
pub(crate) enum Judged {
    /// Nothing.
    Unstarted(Unstarted),
    /// Something, as far as can be told without the repository.
    Something { repo: RepoUrl, rule: Chosen },
}

/// Why a delivery starts nothing.
#[derive(Debug)]
pub(crate) enum Unstarted {
    /// All is well, and nothing waits for it.
    Nothing { reason: String },
    /// The repository is not listed, or of another forge than the sender.
    Forbidden { reason: String },
}

impl Unstarted {
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Nothing { reason } | Self::Forbidden { reason } => reason,
        }
    }
}

fn nothing(reason: impl Into<String>) -> Judged {
    let reason = reason.into();
    Judged::Unstarted(Unstarted::Nothing { reason })
}

fn forbidden(reason: String) -> Judged {
    Judged::Unstarted(Unstarted::Forbidden { reason })
}

/// What says what is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// A rule of `repos`, by its number; whether changed files have to be asked for first.
    Rule { index: usize, needs_paths: bool },
    /// compose-ci's variables.
    ComposeCi,
}

impl WebhookService {
    /// Reads what earlier lives have taken.
    ///
    /// # Errors
    /// When that can't be read.
    pub(crate) async fn open(
        settings: &Settings,
        mirrors: Mirrors,
        values: Arc<dyn Values>,
    ) -> Result<Self, BookError> {
        let compose_ci = ComposeCi::of(settings);
        let token = settings.compose_ci.iter().map(|ci| &ci.token);
        let mail = settings.mail.iter();
        let dir: PathBuf = settings.storage.data_dir.join(DELIVERIES);
        Ok(Self {
            secrets: settings.file.webhooks.secrets(token),
            rules: settings.file.repos.clone(),
            compose_ci,
            tellable: crate::wire::tellable(settings),
            kinds: crate::wire::kinds(settings),
            mail_to: mail
                .flat_map(|mail| mail.to.iter().map(|to| to.as_str().to_owned()))
                .collect(),
            namespace: settings.storage.namespace.clone(),
            mirrors,
            planning: Semaphore::new(PLANNED_AT_ONCE),
            book: Book::open(values, dir).await?,
        })
    }

    /// What is to be done about an event.
    ///
    /// `sender`: who was proven to have sent it, by a secret that is only for that forge.
    pub(crate) fn judge(&self, event: &Event, sender: Option<Forge>) -> Result<Judged, PlanError> {
        if matches!(event.kind, EventKind::Ping) {
            return Ok(nothing("pong"));
        }
        let repo = match self.repo_of(event) {
            Some(repo) => repo,
            None if event.is_ignored() => {
                return Ok(nothing("nothing waits for such an event"));
            }
            None => return Err(PlanError::NoRepository),
        };
        let key = repo.match_key();
        let host = plan::host(&repo);
        if let (Some(sender), Some(kind)) = (sender, self.kinds.get(&host))
            && !is_kind(sender, *kind)
        {
            let reason = format!("{host} is no host of {sender}, which sent this");
            return Ok(forbidden(reason));
        }
        if let Some(ci) = &self.compose_ci {
            let rule = [ci.rule()];
            let decision = decide_for(rule, Some(&key), event, Changed::AsTold);
            let chosen = Chosen::ComposeCi;
            return Ok(judged(decision, key, repo, |_| chosen));
        }
        let rules = self.rules.iter().map(|rule| &rule.rule);
        let decision = decide_for(rules, Some(&key), event, Changed::AsTold);
        let needs_paths = matches!(decision, Decision::NeedsChangedPaths { .. });
        Ok(judged(decision, key, repo, |index| Chosen::Rule {
            index,
            needs_paths,
        }))
    }

    /// Whether what a run did may be done today.
    pub(crate) fn still_allows(&self, spec: &Spec) -> bool {
        let SourceRef::Repo { url, .. } = &spec.source else {
            return true;
        };
        if let Some(ci) = &self.compose_ci {
            return ci.repo() == url && ci.is_it(&spec.origin);
        }
        let key = url.match_key();
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.rule.pattern.matches(&key));
        rule.is_some_and(|rule| match spec.local() {
            None => true,
            Some(local) => plan::locals(rule, spec.stranger).contains(local),
        })
    }

    /// Where the event's repository is cloned from: by https, and only where there is none of that by ssh.
    fn repo_of(&self, event: &Event) -> Option<RepoUrl> {
        match &event.repository {
            Some(repository) => repository.https.clone().or_else(|| repository.ssh.clone()),
            None => self.compose_ci.as_ref().map(|ci| ci.repo().clone()),
        }
    }

    /// Goes on with what an earlier life has taken and not come to.
    pub(crate) async fn resume(self: &Arc<Self>, engine: &Engine) {
        for record in self.book.unfinished() {
            let (service, engine) = (Arc::clone(self), engine.clone());
            tokio::spawn(async move {
                let id = record.id.clone();
                // A copy of it may be coming just now.
                let _turn = match &record.key {
                    Some(key) => Some(service.book.turn(key).await),
                    None => None,
                };
                if service.book.is_settled(&id) {
                    return;
                }
                match service.told(&id).await {
                    Ok(told) => {
                        tracing::info!(delivery = id, "a delivery is taken up again");
                        let done = service.start(&engine, &id, &told, &Promised::made()).await;
                        if let Err(error) = done {
                            let reason = crate::chain(&error);
                            tracing::warn!(delivery = id, reason, "nothing was started");
                        }
                    }
                    Err(reason) => {
                        tracing::warn!(delivery = id, reason, "a delivery can't be taken up");
                        let outcome = Outcome::Refused { reason };
                        if let Err(error) = service.book.settle(&id, outcome).await {
                            tracing::warn!(delivery = id, %error, "not on record");
                        }
                    }
                }
            });
        }
    }

    /// What a delivery was, read again.
    pub(crate) async fn told(&self, id: &str) -> Result<Told, String> {
        let request = self.book.request(id).await;
        let request = request.map_err(|error| format!("it is not kept any more: {error}"))?;
        let verified = request.verified();
        let event = verified.event().map_err(|error| crate::chain(&error))?;
        let event_name = event_name(verified.event_name());
        Ok(Told {
            event,
            event_name,
            request,
        })
    }
}

/// Each forge has a secret of its own, which speaks for its own repositories alone.
fn is_kind(sender: Forge, kind: ForgeKind) -> bool {
    match sender {
        Forge::GitHub => kind == ForgeKind::Github,
        Forge::Gitea | Forge::Forgejo => kind == ForgeKind::Gitea,
        Forge::GitLab => kind == ForgeKind::Gitlab,
    }
}

/// What somebody sends by hand is named after what it starts in GitHub.
pub(crate) fn event_name(name: Option<&dogi_hooks::forge::Word>) -> String {
    name.map_or("workflow_dispatch", |name| name.as_str())
        .to_owned()
}

fn judged(
    decision: Decision,
    key: String,
    repo: RepoUrl,
    chosen: impl Fn(usize) -> Chosen,
) -> Judged {
    match decision {
        Decision::Hit { rule } | Decision::NeedsChangedPaths { rule } => Judged::Something {
            repo,
            rule: chosen(rule),
        },
        Decision::NotListed => forbidden(format!(
            "{key} is not among the repositories that this server runs (`repos` in dogi.yaml)"
        )),
        Decision::Unwanted { why, .. } => nothing(why.to_string()),
        other => nothing(other.to_string()),
    }
}

/// The record of a delivery that is being taken.
pub(crate) fn record(told: &Told, key: Option<String>, forge: Option<String>) -> Record {
    let repository = told.event.repository.as_ref();
    Record {
        id: uuid::Uuid::now_v7().simple().to_string(),
        at: UnixMillis(crate::unix_now_ms()),
        key,
        forge,
        event: told.event_name.clone(),
        repo: told
            .event
            .match_key()
            .or_else(|| repository.map(|repository| repository.full_name.to_string())),
        client: told.request.client(),
        replay_of: None,
        outcome: Outcome::Taken,
    }
}
