//! A disk of 100 MiB, things that are kept on it, and an engine that looks after them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dogi_engine::{
    Engine, EngineConfig, MemoryStore,
    governor::{Room, Space},
    ports::{
        Checkout, CheckoutRequest, KeepError, Keeper, Kept, KeptKind, Leftover, Removal, Source,
        StepError, Sweep, Work,
    },
};
use dogi_job::UnixMillis;
use futures::{FutureExt, future::BoxFuture};

use crate::fakes::Fake;

pub(crate) const MIB: u64 = 1 << 20;

/// A disk of 100 MiB on which a keeper has things.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) things: Mutex<BTreeMap<String, Kept>>,
    /// Bytes that something else takes.
    pub(crate) others: AtomicU64,
    /// As much is taken as soon as a run gets its files, if it is not 0.
    pub(crate) fills_at_checkout: AtomicU64,
    /// Seconds that it takes to list what is there.
    pub(crate) slow: AtomicU64,
    /// What comes into use as soon as it is to be removed.
    pub(crate) wanted: Mutex<Vec<String>>,
    pub(crate) leftovers: Mutex<Vec<String>>,
}

impl Disk {
    pub(crate) fn things(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.things.lock().expect("not poisoned")
    }

    pub(crate) fn put(&self, id: &str, mebibytes: u64, last_used: u64, in_use: bool) {
        let kept = Kept {
            id: id.to_owned(),
            label: format!("the mirror {id}"),
            bytes: mebibytes * MIB,
            last_used: UnixMillis(last_used),
            in_use,
        };
        self.things().insert(id.to_owned(), kept);
    }

    pub(crate) fn names(&self) -> String {
        self.things().keys().cloned().collect::<Vec<_>>().join(" ")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FakeDisk(Arc<Disk>);

impl Space for FakeDisk {
    fn room(&self) -> Option<Room> {
        let kept: u64 = self.0.things().values().map(|kept| kept.bytes).sum();
        let taken = kept + self.0.others.load(Ordering::SeqCst);
        Some(Room {
            free: (100 * MIB).saturating_sub(taken),
            total: 100 * MIB,
        })
    }
}

impl Keeper for FakeDisk {
    fn kind(&self) -> KeptKind {
        KeptKind::Mirrors
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Kept>, KeepError>> {
        async {
            let seconds = self.0.slow.load(Ordering::SeqCst);
            if seconds > 0 {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Ok(self.0.things().values().cloned().collect())
        }
        .boxed()
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Removal, KeepError>> {
        async move {
            if self
                .0
                .wanted
                .lock()
                .expect("not poisoned")
                .iter()
                .any(|one| one == id)
            {
                return Ok(Removal::InUse);
            }
            let bytes = self.0.things().remove(id).map_or(0, |kept| kept.bytes);
            Ok(Removal::Removed { bytes })
        }
        .boxed()
    }

    fn sweep<'a>(&'a self, sweep: Sweep<'a>) -> BoxFuture<'a, Result<Vec<Leftover>, KeepError>> {
        async move {
            let mut leftovers = self.0.leftovers.lock().expect("not poisoned");
            let found = leftovers.iter().map(|what| Leftover {
                what: what.clone(),
                bytes: 7,
            });
            let found = found.collect();
            if sweep.remove {
                leftovers.clear();
            }
            Ok(found)
        }
        .boxed()
    }
}

/// The fake source, with files that are kept on the fake disk.
#[derive(Debug)]
pub(crate) struct KeptSource(Fake, FakeDisk);

impl Source for KeptSource {
    fn checkout<'a>(
        &'a self,
        request: CheckoutRequest<'a>,
        work: &'a Work,
    ) -> BoxFuture<'a, Result<Arc<dyn Checkout>, StepError>> {
        let fills = self.1.0.fills_at_checkout.load(Ordering::SeqCst);
        if fills > 0 {
            self.1.0.others.store(fills, Ordering::SeqCst);
        }
        self.0.checkout(request, work)
    }

    fn keeper(&self) -> Option<Arc<dyn Keeper>> {
        Some(Arc::new(self.1.clone()))
    }
}

pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) disk: Arc<Disk>,
    pub(crate) store: MemoryStore,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            fake: Fake::new(),
            disk: Arc::default(),
            store: MemoryStore::new(),
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub(crate) async fn engine(&self, change: impl FnOnce(&mut EngineConfig)) -> Engine {
        self.build(change, false).await
    }

    pub(crate) async fn build(&self, change: impl FnOnce(&mut EngineConfig), idle: bool) -> Engine {
        let mut config = EngineConfig::new(self.directory.path());
        config.keep_mirror_bytes = 50 * MIB;
        config.min_free_bytes = 20 * MIB;
        change(&mut config);
        let disk = FakeDisk(self.disk.clone());
        let builder = Engine::builder(config)
            .source(KeptSource(self.fake.clone(), disk.clone()))
            .runner(self.fake.clone())
            .deliverer(self.fake.clone())
            .store(self.store.clone())
            .space(disk);
        let builder = if idle { builder.idle() } else { builder };
        builder
            .build()
            .await
            .expect("the engine can be put together")
    }

    pub(crate) fn directories(&self) -> usize {
        let runs = self.directory.path().join("runs");
        std::fs::read_dir(runs).expect("it is there").count()
    }
}
