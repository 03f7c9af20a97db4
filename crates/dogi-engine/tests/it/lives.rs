//! Lives of the server, one after the other, on one machine.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use dogi_engine::{
    Engine, EngineConfig, RunHandle,
    ports::{Entry, History, Safety, Store, StoreError},
    store::MemoryStore,
};
use dogi_job::{AdmissionLimits, RunId, State, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;
use futures::{FutureExt as _, future::BoxFuture};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    fakes::{Fake, spec},
    reports::Recorder,
};

/// What outlives the server: Docker and the rest of the world, the disk, the database.
pub(crate) struct Machine {
    pub(crate) fake: Fake,
    pub(crate) store: MemoryStore,
    pub(crate) disk: TempDir,
    pub(crate) running: usize,
    pub(crate) notifier: Recorder,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            fake: Fake::new(),
            store: MemoryStore::new(),
            disk: tempfile::tempdir().expect("a directory"),
            running: 10,
            notifier: Recorder::default(),
        }
    }

    /// One life of the server. At its end everything that goes on is dropped where it stands.
    pub(crate) fn life<T>(&self, act: impl AsyncFnOnce(Engine) -> T) -> T {
        self.life_over(self.store.clone(), act)
    }

    pub(crate) fn life_over<T>(
        &self,
        store: impl Store + 'static,
        act: impl AsyncFnOnce(Engine) -> T,
    ) -> T {
        let runtime = Runtime::new().expect("a runtime");
        let mut config = EngineConfig::new(self.disk.path());
        config.admission = AdmissionLimits {
            running: self.running,
            queued: 1000,
        };
        let told = runtime.block_on(async {
            let engine = Engine::builder(config)
                .source(self.fake.clone())
                .runner(self.fake.clone())
                .deliverer(self.fake.clone())
                .host(self.fake.clone())
                .notifier(self.notifier.clone())
                .values(Arc::new(self.store.clone()))
                .store(store)
                .build()
                .await
                .expect("an engine");
            let told = act(engine.clone()).await;
            engine.halt();
            told
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
        told
    }

    /// The store of one life, over what is kept.
    pub(crate) fn moody(&self, mood: Mood) -> Moody {
        Moody {
            store: self.store.clone(),
            mood: Arc::new(Mutex::new(mood)),
        }
    }

    pub(crate) fn directories(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.disk.path().join("runs")).expect("the runs");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        names.map(|name| name.expect("text")).collect()
    }
}

pub(crate) async fn submit(engine: &Engine, params: &str) -> RunHandle {
    let how = match params.contains("action=restart") {
        true => Submit::Restart,
        false => Submit::Run,
    };
    engine.submit(spec(params), how).await.expect("taken").run
}

pub(crate) async fn reaches(run: &RunHandle, state: State) {
    let mut status = run.subscribe();
    status
        .wait_for(|status| status.state == state)
        .await
        .unwrap_or_else(|_| panic!("{state} was expected"));
}

pub(crate) fn again(engine: &Engine, run: &RunId) -> RunHandle {
    engine.run(run).expect("the run is known")
}

pub(crate) async fn log_of(run: &RunHandle) -> String {
    let log = run.output(&OutputName::Log).expect("a log");
    let mut follower = log.follow(Position::START);
    let mut text = Vec::new();
    while let Some(piece) = follower.next().await.expect("readable") {
        if let Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    String::from_utf8(text).expect("text")
}

pub(crate) fn log_has(run: &RunHandle, text: &str) -> bool {
    let log = run.output(&OutputName::Log).expect("a log");
    std::fs::read_to_string(log.path()).is_ok_and(|log| log.contains(text))
}

/// How a store treats what is to be recorded.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    /// It takes everything.
    Good,
    /// It refuses everything: its disk is full.
    Full,
    /// It takes so many entries more, and then nothing ever comes back: as if the server had died.
    DiesAfter(usize),
    /// Nothing ever comes back of what concerns this run.
    DeafTo(RunId),
    /// It takes submissions; nothing ever comes back of anything else.
    OnlySubmissions,
}

/// A store whose mood can be turned.
#[derive(Debug, Clone)]
pub(crate) struct Moody {
    store: MemoryStore,
    mood: Arc<Mutex<Mood>>,
}

impl Moody {
    pub(crate) fn turn(&self, mood: Mood) {
        *self.mood.lock().expect("not poisoned") = mood;
    }
}

impl Store for Moody {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut mood = self.mood.lock().expect("not poisoned");
        match &mut *mood {
            Mood::Good => self.store.append(run, entry),
            Mood::Full => async {
                Err(StoreError {
                    what: "add a record".to_owned(),
                    full: true,
                    source: "no room".into(),
                })
            }
            .boxed(),
            Mood::DiesAfter(0) => std::future::pending().boxed(),
            Mood::DiesAfter(left) => {
                *left -= 1;
                self.store.append(run, entry)
            }
            Mood::DeafTo(deaf_to) if deaf_to == run => std::future::pending().boxed(),
            Mood::OnlySubmissions if entry.sequence > 0 => std::future::pending().boxed(),
            Mood::DeafTo(_) | Mood::OnlySubmissions => self.store.append(run, entry),
        }
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
        self.store.forget(run, safety)
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.ready()
    }
}
