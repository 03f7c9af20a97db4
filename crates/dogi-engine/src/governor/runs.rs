//! Finished runs as things that are kept.

use std::{path::PathBuf, sync::Arc, time::Duration};

use dogi_job::{RunId, UnixMillis};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    RunHandle,
    engine::Shared,
    ports::{KeepError, Keeper, Kept, KeptKind, Leftover, Removal, Sweep},
};

/// The least that a file or directory takes on disk.
const BLOCK: u64 = 4096;

/// A directory this young may belong to a run that is being submitted.
const YOUNG: Duration = Duration::from_secs(600);

/// The engine's own history.
#[derive(Debug)]
pub(super) struct RunKeeper {
    pub(super) shared: Arc<Shared>,
}

impl Keeper for RunKeeper {
    fn kind(&self) -> KeptKind {
        KeptKind::Runs
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Kept>, KeepError>> {
        let kept = self.shared.directory().over().map(describe).collect();
        async { Ok(kept) }.boxed()
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Removal, KeepError>> {
        async move {
            let Some(run) = RunId::parse(id).ok() else {
                return Ok(Removal::Removed { bytes: 0 });
            };
            let taken = self.shared.directory().take(&run);
            let Some(handle) = taken else {
                let known = self.shared.directory().run(&run).is_some();
                return Ok(match known {
                    true => Removal::InUse,
                    false => Removal::Removed { bytes: 0 },
                });
            };
            let bytes = size(&handle);
            // The record first: files that nobody knows of are found and removed, a record
            // without files would be shown.
            self.shared.forget(&run).await;
            if handle.spec().keep {
                self.shared.clean_up_later(&run, handle.spec());
            }
            handle.discard(&*self.shared.workers).await;
            Ok(Removal::Removed { bytes })
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, sweep: Sweep<'a>) -> BoxFuture<'a, Result<Vec<Leftover>, KeepError>> {
        async move {
            let runs = self.shared.runs_directory();
            let now = self.shared.clock.now();
            let found = blocking(&self.shared, move || directories(&runs)).await?;
            let strangers = found
                .into_iter()
                .filter(|(run, _)| now.saturating_since(made(run)) > YOUNG)
                // A run that was forgotten keeps its files while somebody reads them.
                .filter(|(run, _)| !self.shared.directory().has_files(run));
            let mut left = Vec::new();
            for (run, path) in strangers {
                let bytes = blocking(&self.shared, move || remove(path, sweep.remove)).await?;
                left.push(Leftover {
                    what: format!("outputs of run {run}, which is not on record"),
                    bytes,
                });
            }
            Ok(left)
        }
        .boxed()
    }
}

fn describe(run: &RunHandle) -> Kept {
    let status = run.status();
    Kept {
        id: run.id().to_string(),
        label: format!("{} run {}", run.spec().fairness_key(), run.id()),
        bytes: size(run),
        last_used: status.finished_at.unwrap_or(status.queued_at),
        in_use: run.is_held(),
    }
}

/// Its outputs, each with the file that tells its streams apart, in their directory.
fn size(run: &RunHandle) -> u64 {
    let files = run.outputs().count() as u64 * 2;
    run.size().saturating_add(BLOCK * (files + 1))
}

/// The time that is part of an id.
fn made(run: &RunId) -> UnixMillis {
    let digits = run.as_str().get(..12).unwrap_or_default();
    UnixMillis(u64::from_str_radix(digits, 16).unwrap_or(0))
}

fn directories(runs: &std::path::Path) -> std::io::Result<Vec<(RunId, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runs)? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(run) = name.to_str().and_then(|name| RunId::parse(name).ok()) {
            found.push((run, entry.path()));
        }
    }
    Ok(found)
}

/// Bytes that the directory takes, or took.
fn remove(path: PathBuf, remove: bool) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(&path)? {
        bytes += entry?.metadata()?.len();
    }
    if remove {
        std::fs::remove_dir_all(path)?;
    }
    Ok(bytes)
}

async fn blocking<T: Send + 'static>(
    shared: &Shared,
    act: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, KeepError> {
    let acted = shared.workers.complete(act).await;
    acted
        .flatten()
        .map_err(|error| KeepError::new("look after the outputs of runs", error))
}
