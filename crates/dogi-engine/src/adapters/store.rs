//! History in SQLite.

use std::error::Error;

use dogi_job::{RunId, UnixMillis};
use dogi_store::{Append, AppendError, Durability, NewEvent, OutboxChange};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;

use crate::{
    ports::{
        Entry, History, PromiseChange, Recorded, Safety, Store, StoreError, ValueError, Values,
    },
    store::codec,
};

/// Keeps runs, promises and values in a database. Clones share it.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    store: dogi_store::Store,
}

impl SqliteStore {
    /// Over a database that is open. A run is a stream of its own; a promise is a row of the
    /// outbox.
    #[must_use]
    pub fn new(store: dogi_store::Store) -> Self {
        Self { store }
    }

    async fn add(&self, run: &RunId, entry: Entry) -> Result<(), StoreError> {
        let what = || format!("add record {} to run {run}", entry.sequence);
        let written = codec::encode(&entry.recorded.record).map_err(|e| fault(what(), false, e))?;
        let event = NewEvent {
            kind: written.kind,
            version: written.version,
            at_ms: entry.recorded.at.0,
            body: written.body,
        };
        let append = Append {
            stream: run.to_string(),
            expected: entry.sequence,
            events: vec![event.clone()],
            outbox: entry.promises.iter().map(outbox_change).collect(),
            durability: match entry.safety {
                Safety::Written => Durability::Written,
                Safety::Synced => Durability::Synced,
            },
        };
        match self.store.append(append).await {
            Ok(_) => Ok(()),
            // An earlier try came further than its answer told.
            Err(AppendError::Conflict { found, .. })
                if found == entry.sequence + 1 && self.ends_with(run, &event).await =>
            {
                Ok(())
            }
            Err(error) => {
                let full = matches!(error, AppendError::Full { .. });
                Err(fault(what(), full, error))
            }
        }
    }

    async fn ends_with(&self, run: &RunId, wanted: &NewEvent) -> bool {
        let events = self.store.read(run.as_str()).await.unwrap_or_default();
        events.last().is_some_and(|last| {
            last.kind == wanted.kind && last.at_ms == wanted.at_ms && last.body == wanted.body
        })
    }

    async fn page(&self, after: Option<&RunId>, limit: usize) -> Result<History, StoreError> {
        let streams = self.store.read_all(after.map(RunId::as_str), limit).await;
        let streams = streams.map_err(|e| fault("read runs".to_owned(), false, e))?;
        let runs = streams.into_iter().map(|stream| {
            let what = || format!("read run {:?}", stream.name);
            let run = RunId::parse(&stream.name).map_err(|e| fault(what(), false, e))?;
            let records = stream.events.iter().map(|event| {
                let record = codec::decode(&event.kind, event.version, &event.body);
                Ok(Recorded {
                    at: UnixMillis(event.at_ms),
                    record: record.map_err(|e| fault(what(), false, e))?,
                })
            });
            Ok((run, records.collect::<Result<_, StoreError>>()?))
        });
        runs.collect()
    }
}

/// What is told stands in the run; the row says that it is owed.
fn outbox_change(change: &PromiseChange) -> OutboxChange {
    match change {
        PromiseChange::Made(promise) => OutboxChange::Add {
            id: promise.id.clone(),
            lane: promise.lane.clone(),
            due_ms: promise.at.0,
            body: json!({}).to_string().into_bytes(),
        },
        PromiseChange::Settled { id } => OutboxChange::Done { id: id.clone() },
    }
}

fn fault(what: String, full: bool, source: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError {
        what,
        full,
        source: Box::new(source),
    }
}

fn value_fault(
    what: &'static str,
    space: &str,
    source: impl Error + Send + Sync + 'static,
) -> ValueError {
    ValueError {
        what,
        space: space.to_owned(),
        source: Box::new(source),
    }
}

impl Store for SqliteStore {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        self.add(run, entry).boxed()
    }

    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<History, StoreError>> {
        self.page(after, limit).boxed()
    }

    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let failed = |error| fault(format!("forget run {run}"), false, error);
            self.store.forget(&[run.as_str()]).await.map_err(failed)?;
            match safety {
                Safety::Written => Ok(()),
                // A commit that is synced takes everything before it along.
                Safety::Synced => self.ready().await,
            }
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async {
            let ready = self.store.ping().await;
            ready.map_err(|error| fault("write".to_owned(), false, error))
        }
        .boxed()
    }
}

impl Values for SqliteStore {
    fn put<'a>(
        &'a self,
        space: &'a str,
        key: &'a str,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        async move {
            let put = self.store.put(space, key, value).await;
            put.map_err(|error| value_fault("put", space, error))
        }
        .boxed()
    }

    fn remove<'a>(&'a self, space: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), ValueError>> {
        async move {
            let removed = self.store.remove(space, key).await;
            removed
                .map(drop)
                .map_err(|error| value_fault("remove", space, error))
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        space: &'a str,
    ) -> BoxFuture<'a, Result<crate::ports::Listed, ValueError>> {
        async move {
            let listed = self.store.list(space).await;
            listed.map_err(|error| value_fault("list", space, error))
        }
        .boxed()
    }
}
