//! Where the engine's machine sees the directory that checkouts stand in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use dogi_compose::{Shared, container_ids};
use dogi_docker::{ContainerId, Docker, EngineError};
use tokio::sync::OnceCell;

use crate::chain;

/// Where the engine's machine sees a directory of this process.
#[derive(Clone, Debug)]
pub enum SharedDir {
    /// There.
    At(Shared),
    /// At the same place; if this process runs in a container of the engine, the engine is asked for that
    /// container's mounts.
    Find {
        /// The engine.
        docker: Docker,
        /// The directory.
        here: PathBuf,
    },
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The same place.
    Same,
    There(Shared),
    /// This process runs in a container, and nobody says where its directories are.
    Unknown,
}

impl Found {
    pub(super) fn shared(&self) -> Option<Shared> {
        match self {
            Self::There(shared) => Some(shared.clone()),
            Self::Same | Self::Unknown => None,
        }
    }
}

/// Asks once; again only if the engine did not answer.
pub(super) async fn find(known: &OnceCell<Found>, dir: &SharedDir) -> Found {
    let (docker, here) = match dir {
        SharedDir::At(shared) => return Found::There(shared.clone()),
        SharedDir::Find { docker, here } => (docker, here),
    };
    match known.get_or_try_init(|| ask(docker, here)).await {
        Ok(found) => found.clone(),
        Err(error) => {
            tracing::warn!(
                reason = chain(&error),
                "where the engine sees DATA_DIR is not known"
            );
            Found::Unknown
        }
    }
}

async fn ask(docker: &Docker, here: &Path) -> Result<Found, EngineError> {
    // A system without these has no containers.
    let proc = |file: &str| fs::read_to_string(Path::new("/proc").join(file)).unwrap_or_default();
    let mountinfo = proc("self/mountinfo");
    let ids = container_ids(
        &mountinfo,
        &proc("self/cgroup"),
        &proc("sys/kernel/hostname"),
    );
    let dir = real(here);
    for id in ids.iter().filter_map(|id| ContainerId::parse(id)) {
        let mounts = match docker.mounts(&id).await {
            Ok(mounts) => mounts.into_iter(),
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let mounts: Vec<_> = mounts
            .map(|(there, inside)| (there, real(&inside)))
            .collect();
        if let Some(Shared { there, .. }) = Shared::of_container(&dir, &mountinfo, &mounts) {
            let place = there.display();
            tracing::info!(container = %id, there = %place, "the engine's machine sees DATA_DIR there");
            let here = here.to_owned();
            return Ok(Found::There(Shared { here, there }));
        }
    }
    // A name alone may be a machine's.
    let contained =
        ids.iter().any(|id| id.len() == 64) || MARKS.iter().any(|mark| Path::new(mark).exists());
    Ok(match contained {
        true => Found::Unknown,
        false => Found::Same,
    })
}

/// As the kernel names it: without links.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What engines put into containers.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
