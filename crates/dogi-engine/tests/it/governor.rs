//! The disk is kept from filling up, and what is wanted stays.

use std::{sync::atomic::Ordering, time::Duration};

use dogi_engine::{
    Engine, SubmitError,
    governor::{CollectRequest, Usage},
};
use dogi_job::{State, Submit};
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;

use crate::{
    fakes::{spec, spec_of},
    small_disk::{MIB, World},
};

async fn wait_until(done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it never came true");
}

async fn ended(engine: &Engine, repo: &str) -> dogi_engine::RunHandle {
    let run = engine.submit(spec_of(repo, ""), Submit::Run).await;
    let run = run.expect("taken").run;
    assert_eq!(run.finished().await.state, State::Succeeded);
    run
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_until_the_budget_is_kept() {
    let world = World::new();
    // It does nothing by itself.
    let engine = world.build(|_| {}, true).await;
    for (id, last_used, in_use) in [
        ("a", 5, false),
        ("b", 1, true),
        ("c", 2, false),
        ("d", 3, false),
    ] {
        world.disk.put(id, 20, last_used, in_use);
    }
    world
        .disk
        .leftovers
        .lock()
        .expect("not poisoned")
        .push("half a mirror".to_owned());
    let dry = engine
        .collect(CollectRequest {
            dry_run: true,
            ..CollectRequest::default()
        })
        .await;
    assert_eq!(world.disk.names(), "a b c d", "a dry run does nothing");
    let report = engine.collect(CollectRequest::default()).await;
    assert_eq!(report.removed, dry.removed, "and tells what would be done");
    assert_eq!(report.failed, [] as [&str; 0]);
    let told: Vec<_> = report
        .removed
        .iter()
        .map(|one| format!("{} {} {}", one.kind, one.what, one.bytes))
        .collect();
    assert_eq!(
        told,
        [
            "leftovers half a mirror 7".to_owned(),
            format!("mirrors the mirror c {}", 20 * MIB),
            format!("mirrors the mirror d {}", 20 * MIB),
        ]
    );
    assert_eq!(report.freed(), 40 * MIB + 7);
    assert_eq!(world.disk.names(), "a b");
    let left = Usage {
        bytes: 40 * MIB,
        count: 2,
    };
    assert_eq!(engine.disk().mirrors, left);
    let again = engine.collect(CollectRequest::default()).await;
    assert_eq!((again.removed.len(), again.freed()), (0, 0));
}

#[tokio::test]
async fn the_engine_keeps_to_the_budgets_by_itself() {
    let world = World::new();
    world.disk.put("old", 30, 1, false);
    world.disk.put("new", 30, 2, false);
    let engine = world.engine(|_| {}).await;
    wait_until(|| world.disk.names() == "new").await;
    // After a run, too.
    world.disk.put("newer", 30, 3, false);
    world.fake.let_end(1);
    ended(&engine, "https/h/a").await;
    wait_until(|| world.disk.names() == "newer").await;
    wait_until(|| engine.disk().mirrors.count == 1 && engine.disk().runs.count == 1).await;
    assert_eq!(engine.disk().free, Some(70 * MIB));
    assert_eq!(engine.disk().floor, 20 * MIB);
}

#[tokio::test]
async fn what_came_into_use_meanwhile_stays_and_the_next_one_goes() {
    let world = World::new();
    // It does nothing by itself.
    let engine = world.build(|_| {}, true).await;
    world
        .disk
        .wanted
        .lock()
        .expect("not poisoned")
        .push("a".to_owned());
    for (id, last_used) in [("a", 1), ("b", 2), ("c", 3)] {
        world.disk.put(id, 20, last_used, false);
    }
    let report = engine.collect(CollectRequest::default()).await;
    assert_eq!(world.disk.names(), "a c");
    assert_eq!(report.freed(), 20 * MIB);
}

#[tokio::test]
async fn below_the_floor_room_is_made_for_a_run_beyond_the_budgets() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    world.disk.put("old", 10, 1, false);
    world.disk.put("new", 10, 2, false);
    world.disk.others.store(65 * MIB, Ordering::SeqCst);
    world.fake.let_end(1);
    ended(&engine, "https/h/a").await;
    assert_eq!(world.disk.names(), "new", "no more went than was needed");
}

#[tokio::test(start_paused = true)]
async fn a_submission_waits_for_room_on_an_engine_that_is_slow_to_list_what_it_keeps() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    world.disk.put("old", 10, 1, false);
    world.disk.put("new", 10, 2, false);
    world.disk.others.store(65 * MIB, Ordering::SeqCst);
    world.disk.slow.store(5, Ordering::SeqCst);
    let submitted = engine.submit(spec(""), Submit::Run).await;
    submitted.expect("room is made within the time that a submission waits");
    assert_eq!(world.disk.names(), "new");
}

#[tokio::test]
async fn a_run_is_refused_when_no_room_can_be_made_and_taken_when_there_is_some() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    world.disk.put("used", 10, 1, true);
    world.disk.others.store(75 * MIB, Ordering::SeqCst);
    let refused = engine.submit(spec(""), Submit::Run).await;
    let Err(SubmitError::NoRoom(full)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((full.free, full.floor), (15 * MIB, 20 * MIB));
    assert_eq!(world.directories(), 0, "nothing is left of it");

    world.disk.others.store(0, Ordering::SeqCst);
    let first = engine
        .submit(spec(""), Submit::Run)
        .await
        .expect("there is room again")
        .run;
    world.disk.others.store(75 * MIB, Ordering::SeqCst);
    let joined = engine.submit(spec(""), Submit::Run).await;
    assert!(joined.expect("joining takes no room").joined);
    world.fake.let_end(1);
    assert_eq!(
        first.finished().await.state,
        State::Succeeded,
        "what runs goes on"
    );
}

#[tokio::test]
async fn the_floor_leaves_room_above_the_reserve() {
    let world = World::new();
    let engine = world.engine(|config| config.min_free_bytes = 0).await;
    // A sixteenth of the 100 MiB is kept back for the database, twice that for a run to begin.
    assert_eq!(engine.disk().floor, 12 * MIB + MIB / 2);
    world.disk.others.store(90 * MIB, Ordering::SeqCst);
    let refused = engine.submit(spec(""), Submit::Run).await;
    assert!(
        matches!(refused, Err(SubmitError::NoRoom(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_output_that_reaches_the_reserve_is_cut_visibly_and_the_job_goes_on() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    // More than one look at the disk is good for.
    *world.fake.0.prints.lock().expect("not poisoned") = vec![b'x'; 9 << 20];
    world
        .disk
        .fills_at_checkout
        .store(93 * MIB, Ordering::SeqCst);
    world.fake.let_end(1);
    let run = ended(&engine, "https/h/a").await;
    let log = run.output(&OutputName::Log).expect("a log");
    let mut text = Vec::new();
    let mut follower = log.follow(Position::START);
    while let Some(piece) = follower.next().await.expect("readable") {
        if let Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mark = "dogi: cut here: the server could not write it";
    assert!(text.contains(mark), "{} bytes", text.len());
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
}

#[tokio::test]
async fn everything_means_all_that_nobody_holds() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    world.fake.let_end(3);
    world.disk.put("small", 0, 1, false);
    let held = ended(&engine, "https/h/a").await;
    drop(ended(&engine, "https/h/b").await);
    let alive = engine
        .submit(spec_of("https/h/c", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    let _ = alive.finished().await;
    drop(alive);
    let running = {
        let submitted = engine.submit(spec_of("https/h/d", ""), Submit::Run).await;
        submitted.expect("taken").run
    };
    wait_until(|| engine.jobs().len() == 1).await;
    let all = CollectRequest {
        everything: true,
        ..CollectRequest::default()
    };
    // The drivers of runs that just ended let go of them in a moment.
    let gone = async {
        while engine.runs(None, 10).len() > 2 {
            let report = engine.collect(all).await;
            assert_eq!(report.failed, [] as [&str; 0]);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("they go");
    assert_eq!(world.disk.names(), "");
    assert_eq!(world.directories(), 2);
    assert!(engine.run(held.id()).is_some(), "somebody holds it");
    world.fake.let_end(1);
    assert_eq!(running.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn directories_of_no_run_are_found_unless_they_may_be_wanted() {
    let world = World::new();
    let engine = world.engine(|config| config.keep_runs = 1).await;
    world.fake.let_end(2);
    let read = ended(&engine, "https/h/a").await;
    ended(&engine, "https/h/a").await;
    wait_until(|| engine.runs(None, 10).len() == 1).await;
    let runs = world.directory.path().join("runs");
    let old = "01900000000070008000000000000000";
    std::fs::create_dir(runs.join(old)).expect("made");
    std::fs::write(runs.join(old).join("log"), "hello").expect("written");
    std::fs::create_dir(runs.join("not-ours")).expect("made");
    let report = engine.collect(CollectRequest::default()).await;
    let told: Vec<_> = report
        .removed
        .iter()
        .map(|one| (&*one.what, one.bytes))
        .collect();
    assert_eq!(
        told,
        [(&*format!("outputs of run {old}, which is not on record"), 5)]
    );
    assert!(!runs.join(old).exists());
    assert!(runs.join("not-ours").exists());
    assert!(
        runs.join(read.id().as_str()).exists(),
        "forgotten, but somebody reads it"
    );
}

#[tokio::test]
async fn an_idle_engine_collects_and_takes_nothing_up() {
    let world = World::new();
    let unfinished = {
        let engine = world.engine(|_| {}).await;
        world.fake.let_end(1);
        drop(ended(&engine, "https/h/a").await);
        let run = engine.submit(spec_of("https/h/b", ""), Submit::Run).await;
        let run = run.expect("taken").run;
        run.subscribe()
            .wait_for(|status| status.state == State::Running)
            .await
            .expect("it runs");
        run.id().clone()
    };
    let started = world.fake.0.started.lock().expect("not poisoned").len();
    let idle = world.build(|_| {}, true).await;
    let refused = idle.submit(spec(""), Submit::Run).await;
    assert!(matches!(refused, Err(SubmitError::Closing)), "{refused:?}");
    let dry = CollectRequest {
        dry_run: true,
        everything: true,
    };
    let report = idle.collect(dry).await;
    assert_eq!(report.removed.len(), 1, "{report:?}");
    assert_eq!(world.directories(), 2);
    let report = idle
        .collect(CollectRequest {
            dry_run: false,
            ..dry
        })
        .await;
    assert_eq!(
        (report.removed.len(), report.failed.len()),
        (1, 0),
        "{report:?}"
    );
    let left = world
        .directory
        .path()
        .join("runs")
        .join(unfinished.as_str());
    assert!(left.exists(), "what is not over stays");
    assert_eq!(world.directories(), 1);
    assert_eq!(
        world.fake.0.started.lock().expect("not poisoned").len(),
        started
    );
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_no_run_is_looked_for_again_now_and_then() {
    let world = World::new();
    let engine = world.engine(|_| {}).await;
    assert_eq!(
        world.fake.0.sweeps.load(Ordering::SeqCst),
        1,
        "at the start"
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let sweeps = world.fake.0.sweeps.load(Ordering::SeqCst);
    assert!((5..10).contains(&sweeps), "{sweeps} in an hour");

    drop(engine);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let sweeps = world.fake.0.sweeps.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let later = world.fake.0.sweeps.load(Ordering::SeqCst);
    assert_eq!(later, sweeps, "nobody has the engine any more");
}
