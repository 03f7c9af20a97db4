use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use dogi_job::RunId;
use futures::{FutureExt, future::BoxFuture};

use crate::ports::{
    Entry, History, Listed, Promise, PromiseChange, Recorded, Safety, Store, StoreError,
    ValueError, Values,
};

/// Keeps everything in memory: for embedders that need no history over a restart, and for tests.
/// Clones share what they keep, so that one can outlive an engine.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<RunId, Vec<Recorded>>,
    promises: BTreeMap<String, Promise>,
    values: BTreeMap<(String, String), Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The promises that were made and not settled.
    #[must_use]
    pub fn promises(&self) -> Vec<Promise> {
        self.with(|kept| kept.promises.values().cloned().collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn append(&mut self, run: &RunId, entry: Entry) -> Result<(), StoreError> {
        let records = self.runs.entry(run.clone()).or_default();
        if records.len() as u64 != entry.sequence {
            return Err(StoreError {
                what: format!("add record {} to run {run}", entry.sequence),
                full: false,
                source: format!("it has {} records", records.len()).into(),
            });
        }
        records.push(entry.recorded);
        for change in entry.promises {
            match change {
                PromiseChange::Made(promise) => {
                    self.promises.insert(promise.id.clone(), promise);
                }
                PromiseChange::Settled { id } => {
                    self.promises.remove(&id);
                }
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        let appended = self.with(|kept| kept.append(run, entry));
        async { appended }.boxed()
    }

    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<History, StoreError>> {
        let page = self.with(|kept| {
            let later = kept
                .runs
                .iter()
                .filter(|(run, _)| after.is_none_or(|after| *run > after));
            let page = later.take(limit);
            page.map(|(run, records)| (run.clone(), records.clone()))
                .collect()
        });
        async { Ok(page) }.boxed()
    }

    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        _safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|kept| kept.runs.remove(run));
        async { Ok(()) }.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }
}

impl Values for MemoryStore {
    fn put<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        let key = (space.to_owned(), key.to_owned());
        self.with(|kept| kept.values.insert(key, value));
        async { Ok(()) }.boxed()
    }

    fn remove<'a>(&'a self, space: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), ValueError>> {
        let key = (space.to_owned(), key.to_owned());
        self.with(|kept| kept.values.remove(&key));
        async { Ok(()) }.boxed()
    }

    fn list<'a>(&'a self, space: &'a str) -> BoxFuture<'a, Result<Listed, ValueError>> {
        let values = self.with(|kept| {
            let of_space = kept.values.iter().filter(|((of, _), _)| of == space);
            of_space
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect()
        });
        async { Ok(values) }.boxed()
    }
}
