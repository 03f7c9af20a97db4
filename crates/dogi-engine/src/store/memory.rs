use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use dogi_job::RunId;
use futures::{FutureExt, future::BoxFuture};

use crate::ports::{Recorded, Store, StoreError};

/// Keeps everything in memory: for embedders that need no history over a restart, and for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    runs: Mutex<HashMap<RunId, Vec<Recorded>>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<RunId, Vec<Recorded>>) -> T) -> T {
        act(&mut self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    fn append<'a>(
        &'a self,
        run: &'a RunId,
        _sequence: u64,
        record: Recorded,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|runs| runs.entry(run.clone()).or_default().push(record));
        async { Ok(()) }.boxed()
    }

    fn load<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        let records = self.with(|runs| runs.get(run).cloned().unwrap_or_default());
        async { Ok(records) }.boxed()
    }

    fn forget<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|runs| runs.remove(run));
        async { Ok(()) }.boxed()
    }
}
