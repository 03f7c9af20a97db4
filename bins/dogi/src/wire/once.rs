//! An engine for one job of a command, beside servers and other commands on the same machine.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use dogi_docker::Docker;
use dogi_engine::Engine;
use dogi_engine::adapters::DockerRunner;
use dogi_engine::ports::Runner as _;
use dogi_job::RunId;

use super::{
    ONCE, Place, Role, WireError, docker_options, endpoint, engine, lock, private_dir, server_id,
    unique,
};
use crate::config::Settings;
use crate::http::Links;

/// The file with the id of the run that a directory belongs to.
const RUN: &str = "run";

/// An engine in a directory of its own, which is removed with it.
///
/// A command that is killed leaves its directory behind: the next one finds that nobody holds its
/// lock, and removes it together with what its run left in Docker.
#[derive(Debug)]
pub(crate) struct Once {
    pub(crate) engine: Engine,
    dir: PathBuf,
    _lock: File,
}

impl Once {
    pub(crate) async fn new(settings: &Settings, links: &Links) -> Result<Self, WireError> {
        let all = settings.storage.data_dir.join(ONCE);
        let failed = |source| WireError::DataDir {
            path: all.clone(),
            source,
        };
        private_dir(&all)?;
        let server = server_id(&all).map_err(failed)?;
        let (dir, _lock) = own_directory(&all)?;
        let place = Place {
            dir: dir.clone(),
            server,
            role: Role::Once,
            store: None,
        };
        remove_abandoned(settings, &all, &place).await;
        let metrics = crate::Metrics::new();
        let (engine, _) = engine(settings, links, &place, &metrics).await?;
        Ok(Self { engine, dir, _lock })
    }

    /// Notes the run, for whoever finds the directory without this process.
    pub(crate) fn remember(&self, run: &RunId) -> io::Result<()> {
        std::fs::write(self.dir.join(RUN), run.as_str())
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, dir = %self.dir.display(), "cannot remove the run's directory");
        }
    }
}

/// A new directory, locked. Another command may take it for an abandoned one in the moment before
/// it is locked: then there is another.
fn own_directory(all: &Path) -> Result<(PathBuf, File), WireError> {
    loop {
        let dir = all.join(unique());
        match lock(&dir) {
            Ok(file) => return Ok((dir, file)),
            Err(WireError::InUse { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// At best effort: whatever can't be removed now is found again by the next command.
async fn remove_abandoned(settings: &Settings, all: &Path, place: &Place) {
    let Ok(entries) = std::fs::read_dir(all) else {
        return;
    };
    let dirs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && *path != place.dir)
        .collect();
    for dir in dirs {
        let Ok(_lock) = lock(&dir) else { continue };
        let run = std::fs::read_to_string(dir.join(RUN)).ok();
        let gone = match run.and_then(|text| text.parse::<RunId>().ok()) {
            Some(run) => remove_run(settings, place, &run).await,
            None => true,
        };
        if gone {
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
}

async fn remove_run(settings: &Settings, place: &Place, run: &RunId) -> bool {
    let Ok(docker) = Docker::connect(&endpoint(settings)) else {
        return false;
    };
    let runner = DockerRunner::new(docker, docker_options(settings, place));
    runner.cleanup(run).await.is_ok()
}
