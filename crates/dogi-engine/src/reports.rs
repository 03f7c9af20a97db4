//! Tells forges and people what becomes of runs.
//!
//! What is to be told is a level: what a run's reports want of it as it stands now, less what was told
//! already. So there is nothing to lose in a crash: the next life looks at every run and goes on. What was
//! told is kept as a small value beside the history; told twice is told the same, with the same id.
//!
//! Things are told one after the other for each subject (a commit and a context), and only the newest: a
//! late "pending" never takes the place of a result, nor an older run's result that of a newer one's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dogi_job::{Outcome, Report, RunId, RunStatus};
use dogi_url::OutputName;
use tokio::sync::Notify;

use crate::{
    RunHandle,
    delivery_id::delivery_id,
    engine::Shared,
    ports::{Notice, Told, ValueError, Values},
};

/// Where it is kept what was told: by run and number of the report.
const SPACE: &str = "reports";

#[derive(Debug)]
pub(crate) struct Reports {
    values: Arc<dyn Values>,
    state: Mutex<State>,
    /// There is something new to be told.
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What each report was told last.
    told: HashMap<Key, Outcome>,
    /// The newest run that has something to say of a subject: older ones have not any more.
    newest: HashMap<String, RunId>,
    /// What is to be told next, by subject.
    due: HashMap<String, Due>,
    /// The subjects that somebody is telling.
    busy: HashSet<String>,
}

type Key = (RunId, usize);

/// Something to be told.
#[derive(Debug, Clone)]
struct Due {
    run: RunHandle,
    index: usize,
    outcome: Outcome,
    status: Arc<RunStatus>,
}

impl Due {
    fn key(&self) -> Key {
        (self.run.id().clone(), self.index)
    }

    fn report(&self) -> Option<&Report> {
        self.run.spec().reports.get(self.index)
    }
}

impl Reports {
    pub(crate) fn new(values: Arc<dyn Values>) -> Self {
        Self {
            values,
            state: Mutex::default(),
            news: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what earlier lives have told.
    pub(crate) async fn load(&self) -> Result<(), ValueError> {
        let listed = self.values.list(SPACE).await?;
        let told = listed.into_iter().filter_map(|(key, value)| {
            let (run, index) = key.split_once(' ')?;
            let key = (RunId::parse(run).ok()?, index.parse().ok()?);
            Some((key, serde_json::from_slice(&value).ok()?))
        });
        self.state().told = told.collect();
        Ok(())
    }

    /// It is told, or never will be.
    async fn settled(&self, due: &Due) {
        let (run, index) = due.key();
        let name = format!("{run} {index}");
        self.state().told.insert((run, index), due.outcome);
        let value = serde_json::to_vec(&due.outcome).unwrap_or_default();
        if let Err(error) = self.values.put(SPACE, &name, value).await {
            // Then the next life tells it again.
            tracing::warn!(run = %due.run.id(), %error, "that a report was made is not on record");
        }
    }

    /// The run's history goes.
    pub(crate) async fn forget(&self, run: &RunId) {
        let keys: Vec<Key> = {
            let mut state = self.state();
            state.newest.retain(|_, newest| newest != run);
            let keys: Vec<_> = state
                .told
                .keys()
                .filter(|(of, _)| of == run)
                .cloned()
                .collect();
            for key in &keys {
                state.told.remove(key);
            }
            keys
        };
        for (run, index) in keys {
            if let Err(error) = self.values.remove(SPACE, &format!("{run} {index}")).await {
                tracing::debug!(%run, %error, "a value of a forgotten run stays");
            }
        }
    }

    /// What is to be told next of a subject; nobody tells it any more if there is nothing.
    fn next(&self, subject: &str) -> Option<Due> {
        let mut state = self.state();
        let next = state.due.remove(subject);
        if next.is_none() {
            state.busy.remove(subject);
        }
        next
    }

    /// Waits so long, or until there is something newer to be told.
    async fn wait(&self, subject: &str, time: Duration) {
        let newer = async {
            loop {
                let news = self.news.notified();
                if self.is_outdated(subject) {
                    return;
                }
                news.await;
            }
        };
        // It is asked after this whether there is.
        let _ = tokio::time::timeout(time, newer).await;
    }

    fn is_outdated(&self, subject: &str) -> bool {
        self.state().due.contains_key(subject)
    }
}

impl Shared {
    /// Has everybody told who is to be, as the run stands now.
    pub(crate) fn report(self: &Arc<Self>, run: &RunHandle) {
        let status = run.status();
        for (index, report) in run.spec().reports.iter().enumerate() {
            let Some(outcome) = report.due(&status) else {
                continue;
            };
            let due = Due {
                run: run.clone(),
                index,
                outcome,
                status: status.clone(),
            };
            let subject = report.subject(&status);
            let mut state = self.reports.state();
            let newest = state.newest.entry(subject.clone());
            let newest = newest.or_insert_with(|| run.id().clone());
            if run.id() < newest {
                continue;
            }
            newest.clone_from(run.id());
            if state.told.get(&due.key()) == Some(&outcome) {
                continue;
            }
            state.due.insert(subject.clone(), due);
            self.reports.news.notify_waiters();
            if state.busy.insert(subject.clone()) {
                tokio::spawn(tell_all(self.clone(), subject));
            }
        }
    }
}

/// Tells what is due of a subject, the newest thing each time, until there is nothing more.
async fn tell_all(shared: Arc<Shared>, subject: String) {
    while let Some(due) = shared.reports.next(&subject) {
        if shared.is_halted() {
            return;
        }
        let settled = tell(&shared, &subject, &due).await;
        if settled && !shared.is_halted() {
            shared.reports.settled(&due).await;
        }
    }
}

/// Tells one thing; false where something newer came in its place.
async fn tell(shared: &Shared, subject: &str, due: &Due) -> bool {
    let (Some(report), Some(log)) = (due.report(), due.run.output(&OutputName::Log)) else {
        return true;
    };
    let id = delivery_id(due.run.id(), "report", subject, due.outcome.as_str());
    let first = shared.clock.now();
    for attempt in 0.. {
        let notice = Notice {
            id: &id,
            report,
            outcome: due.outcome,
            status: &due.status,
            log,
            attempt,
            since_first: shared.clock.now().saturating_since(first),
        };
        let run = due.run.id();
        match shared.notifier.tell(notice).await {
            Told::Accepted => return true,
            Told::GivenUp { reason } => {
                tracing::warn!(%run, subject, outcome = due.outcome.as_str(), reason, "not told");
                return true;
            }
            Told::Retry { after, reason } => {
                tracing::info!(%run, subject, reason, ?after, "told later");
                shared.reports.wait(subject, after).await;
            }
        }
        if shared.is_halted() || shared.reports.is_outdated(subject) {
            return false;
        }
    }
    true
}
