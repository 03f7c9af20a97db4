//! Keeps the disk from filling up: mirrors, images and finished runs are kept within budgets, and
//! beyond them as long as there is room.
//!
//! [`plan()`] decides what goes. The engine asks it at its start, after runs ended, every minute,
//! and when a run is submitted to a disk that is nearly full.

mod collect;
mod plan;
mod report;
mod reserve;
mod runs;
mod space;
mod watch;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    Engine, EngineConfig,
    engine::Shared,
    ports::{Keeper, KeptKind, Runner, Source},
};

pub use plan::{Budgets, Item, plan};
pub use report::{CollectReport, CollectRequest, Collected, DiskUsage, Usage};
pub use reserve::Reserve;
pub use space::{DiskSpace, Room, Space};

use collect::collect;
pub(crate) use watch::{admit, watch};

/// There is not enough room for another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk of the server has {free} bytes left, and {floor} are kept free: no new jobs")]
pub struct NoRoom {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that have to be.
    pub floor: u64,
}

/// What the engine knows of its disk.
#[derive(Debug)]
pub(crate) struct Governor {
    keepers: Vec<Arc<dyn Keeper>>,
    budgets: Budgets,
    floor: u64,
    space: Arc<dyn Space>,
    pub(crate) reserve: Arc<Reserve>,
    /// Held by whoever collects.
    turn: tokio::sync::Mutex<()>,
    /// What was kept when somebody last looked.
    kept: Mutex<Kept>,
    /// When room was made, or not, for want of any.
    relieved: Mutex<Option<Instant>>,
    wake: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    mirrors: Usage,
    images: Usage,
    runs: Usage,
    database: u64,
}

impl Governor {
    pub(crate) fn new(
        config: &EngineConfig,
        space: Option<Arc<dyn Space>>,
        source: &dyn Source,
        runner: &dyn Runner,
    ) -> Self {
        let space = space.unwrap_or_else(|| Arc::new(DiskSpace::new(&config.data_dir)));
        Self {
            keepers: source.keeper().into_iter().chain(runner.keeper()).collect(),
            budgets: Budgets {
                mirrors: config.keep_mirror_bytes,
                images: config.keep_image_bytes,
                runs: config.keep_bytes,
            },
            floor: config.min_free_bytes,
            reserve: Arc::new(Reserve::new(space.clone())),
            space,
            turn: tokio::sync::Mutex::default(),
            kept: Mutex::default(),
            relieved: Mutex::default(),
            wake: Arc::default(),
        }
    }

    /// A run ended, or something else happened after which there may be too much.
    pub(crate) fn nudge(&self) {
        self.wake.notify_one();
    }

    /// What there is on disk; looks no further than at the free space.
    pub(crate) fn usage(&self) -> DiskUsage {
        let kept = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.space.room();
        DiskUsage {
            mirrors: kept.mirrors,
            images: kept.images,
            runs: kept.runs,
            database: kept.database,
            free: room.map(|room| room.free),
            floor: room.map_or(self.floor, |room| self.floor_of(room)),
        }
    }

    /// That there is room for another run. A disk that does not tell is not a full one.
    pub(crate) fn has_room(&self) -> Result<(), NoRoom> {
        let Some(room) = self.space.room() else {
            return Ok(());
        };
        let (free, floor) = (room.free, self.floor_of(room));
        match free >= floor {
            true => Ok(()),
            false => Err(NoRoom { free, floor }),
        }
    }

    /// Bytes that are lacking to the floor.
    fn lacking(&self) -> u64 {
        self.has_room()
            .err()
            .map_or(0, |full| full.floor.saturating_sub(full.free))
    }

    /// A run that is let in must be able to write something before it comes to the reserve.
    fn floor_of(&self, room: Room) -> u64 {
        self.floor.max(Reserve::of(room) * 2)
    }

    fn keepers(&self, shared: &Arc<Shared>) -> Vec<Arc<dyn Keeper>> {
        let runs = runs::RunKeeper {
            shared: shared.clone(),
        };
        let mut keepers = self.keepers.clone();
        keepers.push(Arc::new(runs));
        keepers
    }

    /// Notes how much there is of the kinds that could be listed; what could not is as it was.
    fn note(&self, items: &[Item], listed: &[KeptKind], data_dir: &Path) {
        let database = files_in(data_dir);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.database = database;
        for kind in listed {
            let usage = usage_of(*kind, items);
            match kind {
                KeptKind::Mirrors => kept.mirrors = usage,
                KeptKind::Images => kept.images = usage,
                KeptKind::Runs => kept.runs = usage,
            }
        }
    }
}

fn usage_of(kind: KeptKind, items: &[Item]) -> Usage {
    let of_kind = items.iter().filter(|item| item.kind == kind);
    of_kind.fold(Usage::default(), |usage, item| Usage {
        bytes: usage.bytes.saturating_add(item.kept.bytes),
        count: usage.count + 1,
    })
}

impl Engine {
    /// Makes room: removes what belongs to nobody, then what was not used for longest, until
    /// mirrors, images and runs are within their budgets and enough of the disk is free. What is
    /// in use stays. The engine does the same by itself, except for what belongs to nobody.
    ///
    /// Dropping the future stops between two removals.
    pub async fn collect(&self, request: CollectRequest) -> CollectReport {
        collect(self.shared(), request).await
    }

    /// What is on disk. Costs a look at the free space; the rest is what the last collection saw,
    /// about a minute ago at most.
    #[must_use]
    pub fn disk(&self) -> DiskUsage {
        self.shared().governor.usage()
    }
}

/// Bytes of the files that lie in a directory itself.
fn files_in(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    });
    sizes.sum()
}
