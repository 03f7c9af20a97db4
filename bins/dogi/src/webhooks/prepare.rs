//! From a delivery that was taken to the runs that it starts.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dogi_engine::{Engine, RunHandle, SubmitError};
use dogi_git::Checkout;
use dogi_hooks::forge::Event;
use dogi_hooks::rules::{Changed, Decision, decide_for};
use dogi_job::{Refusal, Spec};
use dogi_url::{RepoUrl, Revision};
use tokio_util::sync::CancellationToken;

use super::plan::{self, PlanError, Planned, Trigger};
use super::{BookError, Chosen, Judged, Outcome, Started, Told, WebhookService, repo_hooks};
use crate::config::{Pipeline, RepoRule, RunEntry, Work};

/// How long a repository may take to be looked at before a run is started that says so itself.
const TO_LOOK: Duration = Duration::from_secs(600);

/// Nothing was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The event can't be made a run of.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The engine does not take it.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// What came of it is not on record.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// How long after a run that was not taken it is tried again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether the sender is told that all is well before it is known, or the error. Whoever comes first decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promised(Arc<OnceLock<bool>>);

impl Promised {
    pub(crate) fn made() -> Self {
        Self(Arc::new(OnceLock::from(true)))
    }

    /// False where the sender is to be told an error, which is about to be known.
    pub(crate) fn make(&self) -> bool {
        *self.0.get_or_init(|| true)
    }

    /// Whether it was made; if not, it never is.
    fn stands(&self) -> bool {
        *self.0.get_or_init(|| false)
    }
}

/// Submits a run; one that was promised is submitted again and again where the engine has no room for it
/// now. `promised` is asked when there is an error.
async fn submit_one(
    engine: &Engine,
    spec: Spec,
    told: &Told,
    promised: impl Fn() -> bool,
) -> Result<RunHandle, SubmitError> {
    let mut pause = FIRST_PAUSE;
    loop {
        let event = told.request.payload.to_vec();
        match engine.submit_event(spec.clone(), event).await {
            Ok(submitted) => return Ok(submitted.run),
            Err(error) if passes(&error) && promised() => {
                tracing::info!(%error, ?pause, "a run of a delivery is started later");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// As [`submit_one`]; where a run that was promised is refused for good, another takes its place that only
/// tells why.
async fn submit_or_tell(
    engine: &Engine,
    spec: Spec,
    told: &Told,
    promised: impl Fn() -> bool,
) -> Result<RunHandle, SubmitError> {
    match submit_one(engine, spec.clone(), told, &promised).await {
        Err(error @ (SubmitError::OverCeiling(_) | SubmitError::Refused(_))) if promised() => {
            let reason = crate::chain(&error);
            submit_one(engine, plan::instead_of(spec, reason), told, promised).await
        }
        submitted => submitted,
    }
}

/// Whether there may be room later.
fn passes(error: &SubmitError) -> bool {
    match error {
        SubmitError::OverCeiling(_) | SubmitError::Closing => false,
        SubmitError::Refused(refusal) => matches!(refusal, Refusal::QueueFull { .. }),
        SubmitError::NoRoom(_) | SubmitError::Disk(_) | SubmitError::Store(_) => true,
    }
}

/// What a delivery comes to.
enum Plan {
    Runs(Vec<Planned>),
    Nothing { reason: String },
}

impl WebhookService {
    /// Starts what a delivery starts, and puts that on record.
    ///
    /// Not cancel safe: what was begun goes on at the next start.
    pub(crate) async fn start(
        self: &Arc<Self>,
        engine: &Engine,
        id: &str,
        told: &Told,
        promised: &Promised,
    ) -> Result<Outcome, StartError> {
        let planned = {
            // What was looked at of repositories takes room, and so does what waits for it.
            let _turn = self.planning.acquire().await;
            self.plan(id, told).await
        };
        let started = match planned {
            Ok(Plan::Nothing { reason }) => Ok(Outcome::NotTriggered { reason }),
            Ok(Plan::Runs(runs)) => self.submit(engine, runs, told, promised).await,
            Err(error) => Err(StartError::Plan(error)),
        };
        if started.is_err() {
            // Who still waits is told the error, however long it takes to put it on record.
            promised.stands();
        }
        let outcome = match &started {
            Ok(outcome) => outcome.clone(),
            // The next life tries again.
            Err(StartError::Submit(SubmitError::Closing)) => return started,
            Err(error) => Outcome::Refused {
                reason: crate::chain(error),
            },
        };
        self.book.settle(id, outcome).await?;
        started
    }

    async fn submit(
        &self,
        engine: &Engine,
        runs: Vec<Planned>,
        told: &Told,
        promised: &Promised,
    ) -> Result<Outcome, StartError> {
        let mut started: Vec<Started> = Vec::new();
        for Planned { context, spec } in runs {
            // An earlier life may have come so far.
            let known = engine.peek(&spec.instance);
            let run = match known {
                Some(run) => run,
                None => {
                    // Half of a delivery is not taken back.
                    let is_promised = || !started.is_empty() || promised.stands();
                    submit_or_tell(engine, spec, told, is_promised).await?
                }
            };
            started.push(Started {
                run: run.id().clone(),
                context,
            });
        }
        Ok(Outcome::Started { runs: started })
    }

    async fn plan(&self, id: &str, told: &Told) -> Result<Plan, PlanError> {
        let (repo, rule) = match self.judge(&told.event, None)? {
            Judged::Something { repo, rule } => (repo, rule),
            Judged::Unstarted(why) => {
                let reason = why.reason();
                return Ok(Plan::Nothing { reason });
            }
        };
        let full_name = full_name(&told.event, &repo);
        let trigger = Trigger {
            id,
            event_name: &told.event_name,
            event: &told.event,
            repo: &repo,
            full_name: &full_name,
            namespace: &self.namespace,
            can_tell: self.tellable.contains(&plan::host(&repo)),
            mail_to: &self.mail_to,
        };
        let (index, needs_paths) = match (rule, &self.compose_ci) {
            (Chosen::ComposeCi, Some(ci)) => return Ok(Plan::Runs(vec![ci.plan(&trigger)?])),
            (Chosen::ComposeCi, None) => return Err(PlanError::NoRepository),
            (Chosen::Rule { index, needs_paths }, _) => (index, needs_paths),
        };
        let rule = &self.rules[index];
        let changed = match needs_paths || asks_for_changes(rule) {
            true => self.changed_files(&trigger).await,
            false => None,
        };
        if needs_paths && let Some(reason) = unwanted_by_paths(rule, &trigger, changed.as_ref()) {
            return Ok(Plan::Nothing { reason });
        }
        self.runs(&trigger, rule, told, changed.as_ref()).await
    }

    async fn runs(
        &self,
        trigger: &Trigger<'_>,
        rule: &RepoRule,
        told: &Told,
        changed: Option<&BTreeSet<String>>,
    ) -> Result<Plan, PlanError> {
        let mut runs = Vec::new();
        let mut others = Vec::new();
        for entry in &rule.runs {
            match &entry.work {
                Work::Hooks { file, .. } => {
                    let asked = self.repo_hooks(trigger, file.as_str(), told).await;
                    self.of_hooks(trigger, (rule, entry), asked, (&mut runs, &mut others))?;
                }
                _ => {
                    let planned = match plan::of_entry(trigger, rule, entry, changed, runs.len()) {
                        // The others are run.
                        Err(error @ (PlanError::Stranger(_) | PlanError::Value(_))) => {
                            plan::refused(trigger, rule, entry, error.to_string(), runs.len())
                        }
                        planned => planned,
                    };
                    runs.push(planned?);
                }
            }
        }
        match runs.is_empty() {
            false => Ok(Plan::Runs(runs)),
            true => Ok(Plan::Nothing {
                reason: match others.is_empty() {
                    true => "the repository has no hooks".to_owned(),
                    false => format!(
                        "no hook of the repository was triggered: {}",
                        others.join("; ")
                    ),
                },
            }),
        }
    }

    fn of_hooks(
        &self,
        trigger: &Trigger<'_>,
        (rule, entry): (&RepoRule, &RunEntry),
        asked: Result<repo_hooks::Asked, String>,
        (runs, others): (&mut Vec<Planned>, &mut Vec<String>),
    ) -> Result<(), PlanError> {
        let asked = match asked {
            Ok(asked) => asked,
            Err(reason) => {
                runs.push(plan::refused(trigger, rule, entry, reason, runs.len())?);
                return Ok(());
            }
        };
        others.extend(asked.others);
        for hook in &asked.triggered {
            let planned = plan::of_hook(trigger, rule, entry, hook, runs.len());
            let planned = match planned {
                Err(PlanError::Value(reason)) => {
                    let reason = format!("the hook {:?} can't be run: {reason}", hook.id);
                    plan::refused(trigger, rule, entry, reason, runs.len())
                }
                planned => planned,
            };
            runs.push(planned?);
        }
        Ok(())
    }

    /// What the repository's own hooks make of the delivery, or why they can't be asked.
    async fn repo_hooks(
        &self,
        trigger: &Trigger<'_>,
        file: &str,
        told: &Told,
    ) -> Result<repo_hooks::Asked, String> {
        let revision = trigger.revision().map_err(|error| error.to_string())?;
        let strangers = trigger.is_strangers();
        let checkout = self.look(trigger.repo, &revision, strangers).await?;
        let content = checkout.read_file(file).await;
        let content = content.map_err(|error| format!("{file}: {}", crate::chain(&error)))?;
        let received = told.request.received();
        let asked = repo_hooks::ask(file, content, &received);
        asked.map_err(|error| crate::chain(&error))
    }

    /// The files that the event changed: those of the payload if it has all of them, else what git says.
    /// `None`: nobody can tell.
    async fn changed_files(&self, trigger: &Trigger<'_>) -> Option<BTreeSet<String>> {
        if let Some(told) = &trigger.event.paths {
            return Some(told.clone());
        }
        match self.changed(trigger).await {
            Ok(changed) => changed,
            Err(reason) => {
                tracing::info!(delivery = trigger.id, reason, "changed files are not known");
                None
            }
        }
    }

    async fn changed(&self, trigger: &Trigger<'_>) -> Result<Option<BTreeSet<String>>, String> {
        let Some(before) = plan::before(trigger.event) else {
            return Ok(None);
        };
        let before = Revision::new(before.as_str()).map_err(|error| error.to_string())?;
        let after = trigger.revision().map_err(|error| error.to_string())?;
        let strangers = trigger.is_strangers();
        let after = self.look(trigger.repo, &after, strangers).await?;
        // Of the repository's own, whoever proposes something.
        let before = self.look(trigger.repo, &before, false).await?;
        let changed = after.changed_since(&before).await;
        changed.map_err(|error| crate::chain(&error))
    }

    /// `strangers`: the commit may be of somebody who may not see all that this server may.
    async fn look(
        &self,
        repo: &RepoUrl,
        revision: &Revision,
        strangers: bool,
    ) -> Result<Checkout, String> {
        let (cancel, quiet) = (CancellationToken::new(), |_: &str| {});
        let mirrors = match strangers {
            true => self.mirrors.for_strangers(),
            false => self.mirrors.clone(),
        };
        let looking = mirrors.checkout(repo, Some(revision), &cancel, &quiet);
        match tokio::time::timeout(TO_LOOK, looking).await {
            Ok(checkout) => checkout.map_err(|error| crate::chain(&error)),
            Err(_) => Err("the repository can't be read in time".to_owned()),
        }
    }
}

/// Whether an entry of the rule wants to know what changed.
fn asks_for_changes(rule: &RepoRule) -> bool {
    let mut works = rule.runs.iter().map(|entry| &entry.work);
    works.any(|work| matches!(work, Work::Pipeline(Pipeline::Triggered)))
}

/// Why the changed files are not among those that the rule waits for; `None`: they are, or nobody can tell.
fn unwanted_by_paths(
    rule: &RepoRule,
    trigger: &Trigger<'_>,
    changed: Option<&BTreeSet<String>>,
) -> Option<String> {
    let changed = changed.map_or(Changed::Unknown, Changed::Files);
    let key = trigger.repo.match_key();
    match decide_for([&rule.rule], Some(&key), trigger.event, changed) {
        Decision::Unwanted { why, .. } => Some(why.to_string()),
        _ => None,
    }
}

fn full_name(event: &Event, repo: &RepoUrl) -> String {
    match &event.repository {
        Some(repository) => repository.full_name.to_string(),
        None => {
            let path = repo.path().trim_start_matches('/');
            path.strip_suffix(".git").unwrap_or(path).to_owned()
        }
    }
}
