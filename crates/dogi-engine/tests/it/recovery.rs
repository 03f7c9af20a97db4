//! What becomes of runs when the server ends at any moment and is started again.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
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

use crate::fakes::{Fake, spec, spec_of};

/// What outlives the server: Docker and the rest of the world, the disk, the database.
struct Machine {
    fake: Fake,
    store: MemoryStore,
    disk: TempDir,
    running: usize,
}

impl Machine {
    fn new() -> Self {
        Self {
            fake: Fake::new(),
            store: MemoryStore::new(),
            disk: tempfile::tempdir().expect("a directory"),
            running: 10,
        }
    }

    /// One life of the server. At its end everything that goes on is dropped where it stands.
    fn life<T>(&self, act: impl AsyncFnOnce(Engine) -> T) -> T {
        self.life_over(self.store.clone(), act)
    }

    fn life_over<T>(&self, store: impl Store + 'static, act: impl AsyncFnOnce(Engine) -> T) -> T {
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

    fn directories(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.disk.path().join("runs")).expect("the runs");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        names.map(|name| name.expect("text")).collect()
    }
}

async fn submit(engine: &Engine, params: &str) -> RunHandle {
    let how = match params.contains("action=restart") {
        true => Submit::Restart,
        false => Submit::Run,
    };
    engine.submit(spec(params), how).await.expect("taken").run
}

async fn reaches(run: &RunHandle, state: State) {
    let mut status = run.subscribe();
    status
        .wait_for(|status| status.state == state)
        .await
        .unwrap_or_else(|_| panic!("{state} was expected"));
}

fn again(engine: &Engine, run: &RunId) -> RunHandle {
    engine.run(run).expect("the run is known")
}

async fn log_of(run: &RunHandle) -> String {
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

#[test]
fn finished_runs_are_history_again_with_their_outputs() {
    let machine = Machine::new();
    machine.fake.ends_with(Ok(3));
    let before = machine.life(async |engine| {
        let run = submit(&engine, "action=run&env_A=b").await;
        let status = run.finished().await;
        (run.id().clone(), status, log_of(&run).await)
    });
    let (id, status, log) = before;
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.status(), status);
        assert_eq!(log_of(&run).await, log);
        assert_eq!(engine.peek(run.instance()).expect("known").id(), &id);
        assert!(engine.jobs().is_empty());
        assert_eq!(engine.runs(None, 10).len(), 1);
    });
}

#[test]
fn a_clone_that_was_cut_off_begins_again_and_the_log_says_so() {
    let machine = Machine::new();
    machine.fake.0.checkouts_hang.store(1, Ordering::SeqCst);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        reaches(&run, State::Cloning).await;
        while !log_has(&run, "cloning") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.finished().await.state, State::Succeeded);
        assert_eq!(
            log_of(&run).await,
            "cloning\ndogi: the server was started again, and so is this run\ncloning\nhello\n"
        );
    });
    assert_eq!(machine.fake.containers(), 0);
}

fn log_has(run: &RunHandle, text: &str) -> bool {
    let log = run.output(&OutputName::Log).expect("a log");
    std::fs::read_to_string(log.path()).is_ok_and(|log| log.contains(text))
}

#[test]
fn a_container_that_runs_is_taken_up_and_never_started_twice() {
    let machine = Machine::new();
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    // Several lives, each cut short.
    for _ in 0..3 {
        machine.life(async |engine| {
            let run = again(&engine, &id);
            assert_eq!(run.status().state, State::Running);
            let position = run.output(&OutputName::Log).expect("a log").position();
            assert!(position.offset > 0, "followers resume where they were");
        });
    }
    machine.fake.ends_with(Ok(7));
    machine.life(async |engine| {
        let run = again(&engine, &id);
        let status = run.finished().await;
        assert_eq!((status.state, status.exit_code), (State::Failed, Some(7)));
        assert_eq!(
            log_of(&run).await,
            "cloning\nhello\ndogi: Execution failed with code 7\n"
        );
    });
    assert_eq!(
        machine.fake.0.started.lock().expect("not poisoned").len(),
        1
    );
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn a_container_that_vanished_is_lost() {
    let machine = Machine::new();
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        run.id().clone()
    });
    machine
        .fake
        .0
        .containers
        .lock()
        .expect("not poisoned")
        .clear();
    machine.life(async |engine| {
        let run = again(&engine, &id);
        let status = run.finished().await;
        assert_eq!(status.state, State::Lost);
        assert_eq!(
            status.errors,
            ["Lost: engine stopped: its container is gone"]
        );
        let log = log_of(&run).await;
        assert_eq!(log.matches("hello").count(), 1, "{log}");
        assert_eq!(log.matches("dogi: Lost:").count(), 1, "{log}");
    });
}

#[test]
fn an_unconfirmed_callback_is_made_again_with_the_same_id() {
    let machine = Machine::new();
    *machine.fake.0.patience.lock().expect("not poisoned") = Duration::from_secs(3600);
    machine
        .fake
        .0
        .answers
        .lock()
        .expect("not poisoned")
        .push_back(503);
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
        let mut status = run.subscribe();
        let tried = status.wait_for(|status| status.callback.is_some()).await;
        tried.expect("it is tried");
        run.id().clone()
    });
    assert_eq!(machine.store.promises().len(), 1);
    // It is not due for an hour: what is under way is only that it waits.
    machine.life(async |engine| {
        assert_eq!(again(&engine, &id).status().state, State::CallingBack);
    });
    let given_up = machine.life(async |engine| {
        let run = again(&engine, &id);
        let newest = engine.abort(run.instance()).await.expect("known");
        newest.status().state
    });
    assert_eq!(given_up, State::Aborted, "an abort ends the waiting too");
    assert!(machine.store.promises().is_empty());

    *machine.fake.0.patience.lock().expect("not poisoned") = Duration::from_millis(300);
    machine
        .fake
        .0
        .delivered
        .lock()
        .expect("not poisoned")
        .clear();
    machine
        .fake
        .0
        .answers
        .lock()
        .expect("not poisoned")
        .push_back(503);
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
        let mut status = run.subscribe();
        let tried = status.wait_for(|status| status.callback.is_some()).await;
        tried.expect("it is tried");
        run.id().clone()
    });
    machine.life(async |engine| {
        let status = again(&engine, &id).finished().await;
        assert_eq!(status.state, State::Succeeded);
    });
    let delivered = machine
        .fake
        .0
        .delivered
        .lock()
        .expect("not poisoned")
        .clone();
    assert_eq!(delivered.len(), 2);
    assert_eq!(delivered[0], delivered[1]);
    assert!(machine.store.promises().is_empty());
}

#[test]
fn the_queue_keeps_its_order_and_its_turns() {
    let mut machine = Machine::new();
    machine.running = 1;
    let repos = ["https/a.example/o/r.git", "https/b.example/o/r.git"];
    let names = machine.life(async |engine| {
        let mut names = Vec::new();
        let blocker = submit(&engine, "action=run&id=blocker").await;
        reaches(&blocker, State::Running).await;
        // Three of one repository, then two of another: they take turns.
        for (repo, id) in [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)] {
            let spec = spec_of(repos[repo], &format!("action=run&id={id}"));
            let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
            names.push((run.id().clone(), id));
        }
        names
    });
    // Nobody moves up while the blocker holds the only place.
    machine.life(async |engine| {
        let positions: Vec<_> = names
            .iter()
            .map(|(run, _)| engine.status(&again(&engine, run)).queue_position)
            .collect();
        let wanted = [1, 3, 5, 2, 4];
        assert_eq!(positions, wanted.map(Some));
    });
    machine.fake.let_end(2);
    // The first one starts and ends; then there is another life.
    machine.life(async |engine| {
        again(&engine, &names[0].0).finished().await;
    });
    machine.fake.let_end(10);
    machine.life(async |engine| {
        for (run, _) in &names {
            again(&engine, run).finished().await;
        }
    });
    let started = machine.fake.0.started.lock().expect("not poisoned").clone();
    let order: Vec<u32> = started
        .iter()
        .filter_map(|run| names.iter().find(|(known, _)| known == run))
        .map(|(_, id)| *id)
        .collect();
    assert_eq!(order, [1, 4, 2, 5, 3]);
}

/// Takes nothing after a number of entries, as if the server had died there.
#[derive(Debug)]
struct Dying {
    store: MemoryStore,
    left: std::sync::atomic::AtomicUsize,
}

impl Store for Dying {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        let less = |left: usize| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        {
            Ok(_) => self.store.append(run, entry),
            Err(_) => std::future::pending().boxed(),
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

#[test]
fn a_restart_ends_what_it_replaces_wherever_the_crash_came() {
    let machine = Machine::new();
    // Submitted, admitted, checked out, built, started; then the submission of the restart.
    let dying = Dying {
        store: machine.store.clone(),
        left: std::sync::atomic::AtomicUsize::new(6),
    };
    let (old, new) = machine.life_over(dying, async |engine| {
        let old = submit(&engine, "action=run").await;
        while !log_has(&old, "hello") {
            tokio::task::yield_now().await;
        }
        let new = submit(&engine, "action=restart").await;
        (old.id().clone(), new.id().clone())
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let (old, new) = (again(&engine, &old), again(&engine, &new));
        assert_eq!(new.finished().await.state, State::Succeeded);
        assert_eq!(old.finished().await.state, State::Superseded);
        assert_eq!(engine.peek(new.instance()).expect("known").id(), new.id());
    });
    assert_eq!(machine.fake.containers(), 0);
}

/// Takes nothing of one run any more.
#[derive(Debug, Clone)]
struct Deaf {
    store: MemoryStore,
    to: Arc<Mutex<Option<RunId>>>,
}

impl Store for Deaf {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        match self.to.lock().expect("not poisoned").as_ref() == Some(run) {
            true => std::future::pending().boxed(),
            false => self.store.append(run, entry),
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

#[test]
fn a_restart_that_was_aborted_has_ended_what_it_replaced() {
    let machine = Machine::new();
    let deaf = Deaf {
        store: machine.store.clone(),
        to: Arc::default(),
    };
    let (old, new) = machine.life_over(deaf.clone(), async |engine| {
        let old = submit(&engine, "action=run").await;
        while !log_has(&old, "hello") {
            tokio::task::yield_now().await;
        }
        *deaf.to.lock().expect("not poisoned") = Some(old.id().clone());
        let new = submit(&engine, "action=restart").await;
        engine.abort_run(new.id()).await.expect("known");
        (old.id().clone(), new.id().clone())
    });
    machine.fake.let_end(1);
    machine.life(async |engine| {
        let (old, new) = (again(&engine, &old), again(&engine, &new));
        assert_eq!(old.finished().await.state, State::Superseded);
        assert_eq!(new.finished().await.state, State::Aborted);
    });
    assert_eq!(machine.fake.containers(), 0);
}

#[test]
fn every_crash_between_two_records_ends_well() {
    // One run has eight records; a crash after each of them.
    for left in 1..=8 {
        let machine = Machine::new();
        machine.fake.let_end(1);
        let dying = Dying {
            store: machine.store.clone(),
            left: std::sync::atomic::AtomicUsize::new(left),
        };
        let id = machine.life_over(dying, async |engine| {
            let run = submit(&engine, "action=run&cb=https://example.com/cb").await;
            // The store stands still for ever from some moment on, and so does the run.
            let _ = tokio::time::timeout(Duration::from_millis(200), run.finished()).await;
            run.id().clone()
        });
        machine.fake.let_end(1);
        machine.life(async |engine| {
            let run = again(&engine, &id);
            let status = tokio::time::timeout(Duration::from_secs(20), run.finished()).await;
            let status = status.unwrap_or_else(|_| panic!("no end after {left} records"));
            assert_eq!(
                status.state,
                State::Succeeded,
                "{left}: {:?}",
                status.errors
            );
            let log = log_of(&run).await;
            assert_eq!(log.matches("hello").count(), 1, "{left}: {log}");
        });
        let started = machine.fake.0.started.lock().expect("not poisoned").len();
        assert_eq!(machine.fake.containers(), 0, "{left}");
        assert_eq!(started, 1, "{left}");
        let delivered = machine
            .fake
            .0
            .delivered
            .lock()
            .expect("not poisoned")
            .clone();
        assert!(!delivered.is_empty(), "{left}");
        assert!(delivered.iter().all(|id| *id == delivered[0]), "{left}");
        assert!(machine.store.promises().is_empty(), "{left}");
    }
}

/// Refuses everything while it is full.
#[derive(Debug, Clone)]
struct Full {
    store: MemoryStore,
    full: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Store for Full {
    fn append<'a>(&'a self, run: &'a RunId, entry: Entry) -> BoxFuture<'a, Result<(), StoreError>> {
        if self.full.load(Ordering::SeqCst) {
            let error = StoreError {
                what: "add a record".to_owned(),
                full: true,
                source: "no room".into(),
            };
            return async { Err(error) }.boxed();
        }
        self.store.append(run, entry)
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

#[test]
fn while_nothing_can_be_recorded_runs_stand_still_and_then_go_on() {
    let machine = Machine::new();
    let full = Full {
        store: machine.store.clone(),
        full: std::sync::Arc::default(),
    };
    let switch = full.full.clone();
    machine.life_over(full, async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        switch.store(true, Ordering::SeqCst);
        machine.fake.let_end(1);
        let refused = engine
            .submit(spec("action=run&id=other"), Submit::Run)
            .await;
        refused.expect_err("nothing can be recorded");
        let waiting = tokio::time::timeout(Duration::from_millis(300), run.finished()).await;
        waiting.expect_err("its end is not on record");
        assert_eq!(
            machine.fake.containers(),
            1,
            "nothing is removed before that"
        );
        switch.store(false, Ordering::SeqCst);
        assert_eq!(run.finished().await.state, State::Succeeded);
    });
    assert_eq!(machine.fake.containers(), 0);
    assert_eq!(machine.directories().len(), 1, "none of what was refused");
}

#[test]
fn a_job_is_stopped_even_while_nothing_can_be_recorded() {
    for (params, state) in [
        ("action=run", State::Aborted),
        ("action=run&timeout=1s", State::TimedOut),
    ] {
        let machine = Machine::new();
        let full = Full {
            store: machine.store.clone(),
            full: std::sync::Arc::default(),
        };
        let switch = full.full.clone();
        machine.life_over(full, async |engine| {
            let run = submit(&engine, params).await;
            while !log_has(&run, "hello") {
                tokio::task::yield_now().await;
            }
            switch.store(true, Ordering::SeqCst);
            let abort = async {
                if state == State::Aborted {
                    engine.abort(run.instance()).await;
                }
            };
            let watched = async {
                // The fake's container listens to nothing but its token.
                while machine.fake.0.cancelled.load(Ordering::SeqCst) == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                assert!(!run.status().state.is_final(), "that is not on record");
                switch.store(false, Ordering::SeqCst);
                assert_eq!(run.finished().await.state, state);
            };
            let both = futures::future::join(abort, watched);
            let done = tokio::time::timeout(Duration::from_secs(20), both).await;
            done.expect("it is stopped");
        });
        assert_eq!(machine.fake.containers(), 0);
    }
}

#[test]
fn a_stop_that_a_crash_cut_off_says_that_output_may_be_missing() {
    let machine = Machine::new();
    // The crash comes after the stop was recorded and before the container was removed.
    let removal = |takes| *machine.fake.0.removal.lock().expect("not poisoned") = takes;
    removal(Duration::from_secs(3600));
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        while !log_has(&run, "hello") {
            tokio::task::yield_now().await;
        }
        let abort = engine.abort(run.instance());
        let answered = tokio::time::timeout(Duration::from_millis(300), abort).await;
        answered.expect_err("the container is still there");
        run.id().clone()
    });
    removal(Duration::ZERO);
    machine.life(async |engine| {
        let run = again(&engine, &id);
        assert_eq!(run.finished().await.state, State::Aborted);
        let log = log_of(&run).await;
        let mark = "hello\ndogi: output may be missing here: the server ended while the job was to stop\n\
            dogi: Killed by abort\n";
        assert!(log.ends_with(mark), "{log}");
    });
}

#[test]
fn directories_of_no_run_are_removed_at_a_start() {
    let machine = Machine::new();
    let runs = machine.disk.path().join("runs");
    for name in ["0190aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "nonsense"] {
        std::fs::create_dir_all(runs.join(name)).expect("a directory");
    }
    machine.fake.let_end(1);
    let id = machine.life(async |engine| {
        let run = submit(&engine, "action=run").await;
        run.finished().await;
        run.id().to_string()
    });
    machine.life(async |_| {});
    assert_eq!(machine.directories(), [id]);
}
