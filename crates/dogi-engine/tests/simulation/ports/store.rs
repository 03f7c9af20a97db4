//! A store that is slow, fails and dies, but keeps its word.

use dogi_engine::ports::{Entry, Record, Recorded, Safety, Store, StoreError};
use dogi_job::{Event, RunId};
use futures::{FutureExt, future::BoxFuture};

use super::Ports;
use crate::world::{State, word};

fn refused(what: &str) -> StoreError {
    StoreError {
        what: what.to_owned(),
        full: true,
        source: "the simulation wants it so".into(),
    }
}

fn append(state: &mut State, run: &RunId, entry: Entry) -> Result<(), StoreError> {
    if state.store_fails() {
        return Err(refused("append"));
    }
    let what = word(&entry.recorded.record);
    let ended = matches!(&entry.recorded.record, Record::Event(Event::Exited { .. }));
    if let Err(reason) = state.disk.append(run, entry) {
        let name = state.name(run);
        state.violate(format!("{name}: {reason}"));
    }
    let name = state.name(run);
    state.note(format!("{name} {what}"));
    if ended {
        let life = state.life();
        state.clients.exited.insert(run.clone(), life);
    }
    Ok(())
}

impl Store for Ports {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let (world, run) = (self.0.clone(), run.clone());
            if entry.recorded.record == Record::Event(Event::Admitted) {
                let admit = |state: &mut State| {
                    let life = state.life();
                    state.clients.admit(&run, life);
                };
                world.alive(admit).await;
            }
            // A writer has taken it, whether or not somebody waits for it.
            let writing = tokio::spawn(async move {
                world
                    .act("append", |state| append(state, &run, entry))
                    .await
            });
            writing.await.expect("the writer does not panic")
        }
        .boxed()
    }

    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(RunId, Vec<Recorded>)>, StoreError>> {
        async move {
            let load = |state: &mut State| {
                if state.store_fails() {
                    return Err(refused("load"));
                }
                let runs = &state.disk.kept().runs;
                let later = runs
                    .iter()
                    .filter(|(run, _)| after.is_none_or(|after| *run > after));
                let page = later.take(limit.min(3));
                Ok(page
                    .map(|(run, records)| (run.clone(), records.clone()))
                    .collect())
            };
            self.0.act("load", load).await
        }
        .boxed()
    }

    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let (world, run) = (self.0.clone(), run.clone());
            let writing = tokio::spawn(async move {
                let forget = |state: &mut State| {
                    if state.store_fails() {
                        return Err(refused("forget"));
                    }
                    let name = state.name(&run);
                    state.note(format!("{name} forgotten"));
                    state.disk.forget(&run, safety);
                    Ok(())
                };
                world.act("forget", forget).await
            });
            writing.await.expect("the writer does not panic")
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }
}
