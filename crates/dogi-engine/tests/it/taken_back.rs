//! Submissions that come to nothing, and those that come at once. Found by the simulation.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dogi_engine::{
    Clock, Engine, EngineConfig, SubmitError,
    ports::{Entry, History, Safety, Store, StoreError},
    store::MemoryStore,
};
use dogi_job::{AdmissionLimits, RunId, State, Submit, UnixMillis};
use futures::{FutureExt as _, future::BoxFuture};

use crate::fakes::{Fake, spec, spec_of};

/// A store with a writer of its own, which goes on when nobody waits for it.
#[derive(Debug, Clone, Default)]
struct Slow {
    store: MemoryStore,
    /// How long each append takes, from the last one on.
    delays: Arc<Mutex<Vec<Duration>>>,
    forgets_fail: Arc<AtomicUsize>,
    forgotten: Arc<Mutex<Vec<Safety>>>,
}

impl Slow {
    async fn kept(&self) -> usize {
        self.store.load(None, 100).await.expect("it reads").len()
    }
}

impl Store for Slow {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        let delay = self.delays.lock().expect("not poisoned").pop();
        let (store, run) = (self.store.clone(), run.clone());
        let writing = tokio::spawn(async move {
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            store.append(&run, entry).await
        });
        async { writing.await.expect("the writer does not panic") }.boxed()
    }

    fn load<'a>(
        &'a self,
        after: Option<&'a RunId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<History, StoreError>> {
        self.store.load(after, limit)
    }

    fn forget<'a>(
        &'a self,
        run: &'a RunId,
        safety: Safety,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let less = |left: usize| left.checked_sub(1);
        let fails = &self.forgets_fail;
        if fails
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
        {
            let refused = StoreError {
                what: "forget a run".to_owned(),
                full: true,
                source: "the disk is full".into(),
            };
            return async { Err(refused) }.boxed();
        }
        self.forgotten.lock().expect("not poisoned").push(safety);
        self.store.forget(run, safety)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.ready()
    }
}

async fn engine(
    store: Slow,
    change: impl FnOnce(&mut EngineConfig),
) -> (Engine, Fake, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut config = EngineConfig::new(directory.path());
    change(&mut config);
    let fake = Fake::new();
    let engine = Engine::builder(config)
        .source(fake.clone())
        .runner(fake.clone())
        .deliverer(fake.clone())
        .store(store)
        .build()
        .await
        .expect("the engine can be put together");
    (engine, fake, directory)
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_nobody_waits_for_is_not_on_record() {
    let store = Slow::default();
    store
        .delays
        .lock()
        .expect("not poisoned")
        .push(Duration::from_secs(1));
    let (engine, _fake, directory) = engine(store.clone(), |_| {}).await;
    let submitting = engine.submit(spec(""), Submit::Run);
    let dropped = tokio::time::timeout(Duration::from_millis(500), submitting).await;
    assert!(dropped.is_err(), "it is being recorded");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        store.kept().await,
        0,
        "a restart of the server would make the run"
    );
    assert!(engine.runs(None, 10).is_empty());
    let left = std::fs::read_dir(directory.path().join("runs")).expect("it is there");
    assert_eq!(left.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_refusal_that_a_restart_would_not_know_of() {
    let store = Slow::default();
    let (engine, fake, _directory) = engine(store.clone(), |config| {
        config.admission = AdmissionLimits {
            running: 1,
            queued: 0,
        };
    })
    .await;
    let first = engine.submit(spec_of("https/h/a", ""), Submit::Run).await;
    store.forgets_fail.store(3, Ordering::SeqCst);
    let refused = engine.submit(spec_of("https/h/b", ""), Submit::Run).await;
    assert!(
        matches!(refused, Err(SubmitError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(store.kept().await, 1);
    let forgotten = store.forgotten.lock().expect("not poisoned").clone();
    assert_eq!(
        forgotten,
        [Safety::Synced],
        "a power cut would bring it back"
    );
    fake.let_end(1);
    let first = first.expect("taken").run;
    assert_eq!(first.finished().await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn restarts_that_come_at_once_replace_each_other_in_the_order_of_their_ids() {
    let store = Slow::default();
    // The record of the first takes longest.
    let delays = (0..5).map(|n| Duration::from_millis(n * 100)).collect();
    *store.delays.lock().expect("not poisoned") = delays;
    let (engine, fake, _directory) = engine(store, |_| {}).await;
    let submissions = (0..5).map(|_| engine.submit(spec(""), Submit::Restart));
    let submitted = futures::future::try_join_all(submissions).await;
    let mut runs: Vec<_> = submitted
        .expect("taken")
        .into_iter()
        .map(|one| one.run)
        .collect();
    runs.sort_by_key(|run| run.id().clone());
    let last = runs.pop().expect("there are five");
    for run in runs {
        assert_eq!(run.finished().await.state, State::Superseded);
    }
    fake.let_end(1);
    assert_eq!(last.finished().await.state, State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn history_that_the_store_keeps_is_forgotten_later() {
    let store = Slow::default();
    store.forgets_fail.store(2, Ordering::SeqCst);
    let (engine, fake, _directory) = engine(store.clone(), |config| config.keep_runs = 1).await;
    fake.let_end(2);
    for _ in 0..2 {
        let run = engine
            .submit(spec(""), Submit::Run)
            .await
            .expect("taken")
            .run;
        run.finished().await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(engine.runs(None, 10).len(), 1);
    assert_eq!(store.kept().await, 1);
}

/// A clock that somebody sets.
#[derive(Debug, Clone)]
struct Set(Arc<AtomicU64>);

impl Clock for Set {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_change_the_order_of_runs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (store, fake) = (MemoryStore::new(), Fake::new());
    let clock = Set(Arc::new(AtomicU64::new(1_800_000_000_000)));
    fake.let_end(4);
    let mut ids = Vec::new();
    for _life in 0..2 {
        let engine = Engine::builder(EngineConfig::new(directory.path()))
            .source(fake.clone())
            .runner(fake.clone())
            .deliverer(fake.clone())
            .store(store.clone())
            .clock(clock.clone())
            .build()
            .await
            .expect("the engine can be put together");
        for _ in 0..2 {
            let run = engine
                .submit(spec(""), Submit::Restart)
                .await
                .expect("taken")
                .run;
            run.finished().await;
            ids.push(run.id().clone());
            clock.0.fetch_sub(60_000, Ordering::SeqCst);
        }
        let newest_first: Vec<_> = engine
            .runs(None, 10)
            .iter()
            .map(|run| run.id().clone())
            .collect();
        assert_eq!(newest_first, ids.iter().rev().cloned().collect::<Vec<_>>());
    }
    assert!(ids.is_sorted(), "{ids:?}");
}
