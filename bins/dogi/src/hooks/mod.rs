//! Generic webhooks: the hooks that the operator's files say, and what running them needs. The
//! answers over HTTP are in `http/hook.rs`, rules and definitions in `dogi_hooks::incoming`.

mod deliveries;
mod files;
mod jobs;
pub(crate) mod launch;
mod room;
mod turns;

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use dogi_engine::adapters::HostRunner;
use dogi_hooks::incoming::Hooks;
use tokio_util::sync::CancellationToken;

use crate::config::{Report, Settings, secret_variables};

pub(crate) use deliveries::{Deliveries, Delivery, Outcome};
pub(crate) use files::{HookFiles, Loaded, Stamps};
pub(crate) use launch::{Captured, LaunchError};
pub(crate) use room::{ALL_BODIES, BodyPermit, BodyRoom, is_large};
pub(crate) use turns::{LineFull, LineLimits, Turn, Turns};

pub(crate) use jobs::{JobError, request as job_request};

/// How often the files are looked at for changes. Looking works for every way of changing a file
/// (written over, renamed to, a link that leads elsewhere) and on every file system, network ones
/// included.
const LOOK: Duration = Duration::from_millis(500);

/// The files of hooks that the settings name.
pub(crate) fn files(settings: &Settings) -> HookFiles {
    let hooks = &settings.hooks;
    HookFiles::new(
        hooks.files.clone(),
        hooks.environment.clone(),
        settings.jobs.timeout,
    )
}

/// What commands of the operator's inherit: the server's own environment less the server's secrets.
/// Those that the files of hooks name are taken away from each command ([`launch::details`]).
pub(crate) fn host(settings: &Settings) -> HostRunner {
    let environment = &settings.hooks.environment;
    let temporary = environment.raw("TMPDIR").unwrap_or("/tmp".as_ref());
    HostRunner::new(inherited(settings), temporary)
}

/// The server's own environment less the server's secrets.
pub(crate) fn inherited(settings: &Settings) -> Vec<(OsString, OsString)> {
    let mut hidden = secret_variables();
    hidden.extend(settings.file.secret_variables.iter().map(String::as_str));
    settings.hooks.environment.without(&hidden).collect()
}

/// The hooks there are, and what running them needs.
#[derive(Debug)]
pub(crate) struct HookService {
    files: HookFiles,
    current: RwLock<Arc<Loaded>>,
    stamps: Mutex<Stamps>,
    pub(crate) host: HostRunner,
    pub(crate) turns: Turns,
    pub(crate) deliveries: Deliveries,
    pub(crate) room: BodyRoom,
    /// Bytes of a body.
    pub(crate) max_body: usize,
    /// The most that a command may take.
    pub(crate) max_timeout: Duration,
}

impl HookService {
    /// Reads the files; blocking.
    ///
    /// # Errors
    /// With every mistake in any of them.
    pub(crate) fn load(settings: &Settings) -> Result<Self, Report> {
        let files = files(settings);
        let (read, stamps) = files.read();
        let loaded = read?;
        tell(&loaded.hooks);
        Ok(Self {
            files,
            current: RwLock::new(Arc::new(loaded)),
            stamps: Mutex::new(stamps),
            host: host(settings),
            turns: Turns::default(),
            deliveries: Deliveries::default(),
            room: BodyRoom::new(),
            max_body: usize::try_from(settings.hooks.max_body).unwrap_or(usize::MAX),
            max_timeout: settings.jobs.timeout,
        })
    }

    /// The hooks as they are now.
    pub(crate) fn current(&self) -> Arc<Loaded> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the files again. Where there is a mistake in any of them it is told, and all hooks stay
    /// as they were. Not cancel safe: what was begun goes on.
    pub(crate) async fn reload(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || this.read_again());
        if let Err(error) = reading.await {
            tracing::error!(%error, "hooks were not read again");
        }
    }

    fn read_again(&self) {
        let mut known = self.stamps();
        let (read, stamps) = self.files.read_again();
        if stamps.again() != stamps {
            // Half of a file may be a good file, with hooks that lack their rules.
            tracing::info!("hooks are being written, and will be read when they are whole");
            return;
        }
        *known = stamps;
        match read {
            Ok(loaded) => {
                let loaded = Arc::new(loaded);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&loaded);
                // Told when it is so: whoever reads that may ask at once.
                let hooks = &loaded.hooks;
                self.turns.keep(|hook| hooks.get(hook).is_some());
                tracing::info!(hooks = hooks.len(), "hooks were read again");
                tell(hooks);
            }
            Err(report) => {
                for problem in &report.0 {
                    tracing::error!("{problem}");
                }
                tracing::error!("hooks stay as they were: there are mistakes in their files");
            }
        }
    }

    /// Reads the files again whenever they have changed, until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        if *self.stamps() == Stamps::default() {
            return;
        }
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = None;
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            let this = Arc::clone(&self);
            let looking = tokio::task::spawn_blocking(move || {
                let known = this.stamps().clone();
                let now = known.again();
                (now != known).then_some(now)
            });
            let changed = looking.await.unwrap_or(None);
            // Twice the same: whoever writes them has come to an end.
            if changed.is_some() && changed == seen {
                self.reload().await;
                seen = None;
            } else {
                seen = changed;
            }
        }
    }

    fn stamps(&self) -> MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is worth knowing about hooks, into the log: one that strangers can run above all.
fn tell(hooks: &Hooks) {
    use dogi_hooks::incoming::Severity;
    for finding in hooks.explain() {
        match finding.severity {
            Severity::Open | Severity::Never => tracing::warn!(hook = finding.hook, "{finding}"),
            Severity::Advice => tracing::debug!(hook = finding.hook, "{finding}"),
        }
    }
}
