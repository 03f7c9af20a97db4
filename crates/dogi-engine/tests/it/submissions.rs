//! Instances, restarts, queue and groups.

use std::{sync::atomic::Ordering, time::Duration};

use dogi_engine::{RunHandle, SubmitError};
use dogi_job::{AdmissionLimits, State, Submit};
use futures::future::join_all;

use crate::fakes::{engine, engine_with, spec, spec_of};

#[tokio::test]
async fn run_joins_what_is_alive_and_ignores_its_own_parameters() {
    let (engine, fake, _directory) = engine().await;
    let first = engine
        .submit(spec("action=run&env_A=1"), Submit::Run)
        .await
        .expect("taken");
    let second = engine
        .submit(spec("action=run&env_A=2"), Submit::Run)
        .await
        .expect("taken");
    assert!(second.joined);
    assert_eq!(first.run.id(), second.run.id());
    fake.let_end(1);
    assert_eq!(
        second
            .run
            .finished()
            .await
            .env
            .values()
            .next()
            .map(String::as_str),
        Some("1")
    );
}

#[tokio::test]
async fn instances_of_one_repository_run_beside_each_other() {
    let (engine, fake, _directory) = engine().await;
    let one = engine
        .submit(spec("action=run&id=one"), Submit::Run)
        .await
        .expect("taken")
        .run;
    let two = engine
        .submit(spec("action=run&id=two"), Submit::Run)
        .await
        .expect("taken")
        .run;
    for run in [&one, &two] {
        run.subscribe()
            .wait_for(|status| status.state == State::Running)
            .await
            .expect("it runs");
    }
    fake.let_end(2);
    assert_ne!(one.instance(), two.instance());
    assert_eq!(one.finished().await.state, State::Succeeded);
    assert_eq!(two.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn only_the_last_of_many_restarts_finishes() {
    let (engine, fake, _directory) = engine().await;
    *fake.0.removal.lock().expect("not poisoned") = Duration::from_millis(2);
    let submissions = (0..50).map(|_| engine.submit(spec("action=restart"), Submit::Restart));
    let runs = join_all(submissions)
        .await
        .into_iter()
        .map(|run| run.expect("taken").run);
    let mut runs: Vec<_> = runs.collect();
    let last = engine
        .peek(runs[0].instance())
        .expect("the instance is known");
    runs.retain(|run| run.id() != last.id());
    assert_eq!(runs.len(), 49);
    for run in runs {
        let status = run.finished().await;
        assert_eq!(status.state, State::Superseded);
        assert_eq!(status.errors, ["Killed by subsequent restart"]);
    }
    // Not earlier: one that is to stop might take the permit.
    fake.let_end(1);
    assert_eq!(last.finished().await.state, State::Succeeded);
    assert_eq!(fake.0.most.load(Ordering::SeqCst), 1, "never two at once");
    assert_eq!(fake.containers(), 0);
}

#[tokio::test]
async fn what_does_not_fit_waits_and_what_does_not_fit_in_the_queue_is_refused() {
    let limits = AdmissionLimits {
        running: 1,
        queued: 1,
    };
    let (engine, fake, directory) = engine_with(|config| config.admission = limits).await;
    let first = engine
        .submit(spec_of("https/h/a", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    let second = engine
        .submit(spec_of("https/h/b", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    let third = engine.submit(spec_of("https/h/c", ""), Submit::Run).await;
    assert!(matches!(third, Err(SubmitError::Refused(_))), "{third:?}");
    assert_eq!(engine.status(&second).queue_position, Some(1));
    assert_eq!(engine.counts(), (1, 1));
    let directories = std::fs::read_dir(directory.path().join("runs"))
        .expect("there")
        .count();
    assert_eq!(directories, 2, "nothing is left of the refused one");
    fake.let_end(2);
    first.finished().await;
    assert_eq!(second.finished().await.state, State::Succeeded);
    assert_eq!(fake.0.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_run_that_waits_can_be_aborted_and_lets_the_next_one_in() {
    let limits = AdmissionLimits {
        running: 1,
        queued: 10,
    };
    let (engine, fake, _directory) = engine_with(|config| config.admission = limits).await;
    let first = engine
        .submit(spec_of("https/h/a", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    let second = engine
        .submit(spec_of("https/h/b", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    let third = engine
        .submit(spec_of("https/h/c", ""), Submit::Run)
        .await
        .expect("taken")
        .run;
    engine.abort(second.instance()).await;
    assert_eq!(second.finished().await.state, State::Aborted);
    fake.let_end(2);
    assert_eq!(first.finished().await.state, State::Succeeded);
    assert_eq!(third.finished().await.state, State::Succeeded);
    assert!(
        !fake
            .0
            .started
            .lock()
            .expect("not poisoned")
            .contains(second.id())
    );
}

#[tokio::test]
async fn a_group_runs_one_at_a_time_by_its_policy() {
    let (engine, fake, _directory) = engine().await;
    let submit = |repo: &'static str, policy: &'static str| {
        let spec = spec_of(repo, &format!("group=deploy&group_policy={policy}"));
        let engine = engine.clone();
        async move { engine.submit(spec, Submit::Run).await }
    };
    let first = submit("https/h/a", "queue").await.expect("taken").run;
    let second = submit("https/h/b", "queue").await.expect("taken").run;
    assert!(matches!(
        submit("https/h/c", "reject").await,
        Err(SubmitError::Refused(_))
    ));
    let third = submit("https/h/d", "replace").await.expect("taken").run;
    assert_eq!(first.finished().await.state, State::Superseded);
    assert_eq!(second.finished().await.state, State::Superseded);
    fake.let_end(1);
    assert_eq!(third.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn a_group_is_replaced_by_its_newest_whoever_waits_for_its_instance() {
    let (engine, fake, _directory) = engine().await;
    let submit = |repo: &'static str, params: &'static str, how| {
        let engine = engine.clone();
        async move { engine.submit(spec_of(repo, params), how).await }
    };
    let replace = "group=g&group_policy=replace";
    let holder = submit("https/h/a", "", Submit::Run).await;
    let holder = holder.expect("taken").run;
    let member = submit("https/h/b", "group=g", Submit::Run).await;
    let member = member.expect("taken").run;
    *fake.0.removal.lock().expect("not poisoned") = Duration::from_millis(300);
    // It waits for the holder to be gone; what it replaces is told at once.
    let waits = submit("https/h/a", replace, Submit::Restart).await;
    let waits = waits.expect("taken").run;
    assert_eq!(member.finished().await.state, State::Superseded);
    let newest = submit("https/h/c", replace, Submit::Run).await;
    let newest = newest.expect("taken").run;
    assert_eq!(waits.finished().await.state, State::Superseded);
    assert_eq!(holder.finished().await.state, State::Superseded);
    fake.let_end(1);
    assert_eq!(newest.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn a_member_that_is_replaced_twice_still_calls_back() {
    let (engine, fake, _directory) = engine().await;
    let submit = |repo: &'static str, params: &'static str| {
        let engine = engine.clone();
        async move {
            let spec = spec_of(repo, params);
            engine.submit(spec, Submit::Run).await.expect("taken").run
        }
    };
    *fake.0.removal.lock().expect("not poisoned") = Duration::from_millis(300);
    let callback = "group=g&cb=https://example.com/cb&cb_on=always";
    let member = submit("https/h/a", callback).await;
    let first = submit("https/h/b", "group=g&group_policy=replace").await;
    let second = submit("https/h/c", "group=g&group_policy=replace").await;
    assert_eq!(member.finished().await.state, State::Superseded);
    assert_eq!(first.finished().await.state, State::Superseded);
    fake.let_end(1);
    assert_eq!(second.finished().await.state, State::Succeeded);
    assert_eq!(fake.0.delivered.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_member_that_has_ended_keeps_its_result_and_its_callback() {
    for (removal, retry) in [(300, 1), (0, 300)] {
        let (engine, fake, _directory) = engine().await;
        *fake.0.removal.lock().expect("not poisoned") = Duration::from_millis(removal);
        *fake.0.patience.lock().expect("not poisoned") = Duration::from_millis(retry);
        fake.0.answers.lock().expect("not poisoned").push_back(503);
        let submit = async |repo, params| {
            let spec = spec_of(repo, params);
            engine.submit(spec, Submit::Run).await.expect("taken").run
        };
        let member = submit("https/h/a", "group=g&cb=https://example.com/cb").await;
        fake.let_end(1);
        let mut status = member.subscribe();
        let ended = status.wait_for(|status| match removal {
            // It is being removed, or waits for the next try of its callback.
            0 => status.stopped && status.callback.is_some(),
            _ => status.exit_code == Some(0),
        });
        ended.await.expect("it ends");
        let newest = submit("https/h/b", "group=g&group_policy=replace").await;
        let status = member.finished().await;
        assert_eq!(status.state, State::Succeeded, "{:?}", status.errors);
        let delivered = fake.0.delivered.lock().expect("not poisoned").clone();
        assert_eq!(delivered.len(), 2, "refused, then accepted");
        fake.let_end(1);
        assert_eq!(newest.finished().await.state, State::Succeeded);
    }
}

#[tokio::test]
async fn a_restart_that_its_group_rejects_leaves_the_running_job_alone() {
    let (engine, fake, _directory) = engine().await;
    let submit = |repo: &'static str, params: &'static str, how| {
        let engine = engine.clone();
        async move { engine.submit(spec_of(repo, params), how).await }
    };
    let rival = submit("https/h/a", "group=g", Submit::Run).await;
    let rival = rival.expect("taken").run;
    let healthy = submit("https/h/b", "", Submit::Run)
        .await
        .expect("taken")
        .run;
    let rejected = "group=g&group_policy=reject";
    let refused = submit("https/h/b", rejected, Submit::Restart).await;
    let refused = refused.expect_err("the group is busy").to_string();
    assert!(
        refused.starts_with("the group \"g\" is busy with the run "),
        "{refused}"
    );
    assert_eq!(
        engine.peek(healthy.instance()).expect("known").id(),
        healthy.id()
    );
    fake.let_end(2);
    assert_eq!(healthy.finished().await.state, State::Succeeded);
    rival.finished().await;

    // What it replaces itself is none of its rivals; and what was taken is never refused later.
    let member = submit("https/h/b", "group=g", Submit::Run).await;
    let member = member.expect("taken").run;
    let next = submit("https/h/b", rejected, Submit::Restart).await;
    let next = next.expect("taken").run;
    assert_eq!(member.finished().await.state, State::Superseded);
    fake.let_end(1);
    assert_eq!(next.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn peek_knows_the_newest_run_and_nothing_of_an_unknown_instance() {
    let (engine, fake, _directory) = engine().await;
    let spec = spec("action=run");
    assert!(engine.peek(&spec.instance).is_none());
    fake.let_end(1);
    let run = engine
        .submit(spec.clone(), Submit::Run)
        .await
        .expect("taken")
        .run;
    run.finished().await;
    assert_eq!(engine.peek(&spec.instance).expect("known").id(), run.id());
}

/// A run that is done but for its callback, which is to be tried again in a minute.
async fn calling_back() -> (
    dogi_engine::Engine,
    crate::fakes::Fake,
    tempfile::TempDir,
    RunHandle,
) {
    let (engine, fake, directory) = engine().await;
    fake.let_end(1);
    *fake.0.patience.lock().expect("not poisoned") = Duration::from_secs(60);
    fake.0.answers.lock().expect("not poisoned").extend([503]);
    let spec = spec("action=run&cb=https://example.com/cb");
    let run = engine.submit(spec, Submit::Run).await.expect("taken").run;
    run.subscribe()
        .wait_for(|status| status.state == State::CallingBack && status.stopped)
        .await
        .expect("it calls back");
    (engine, fake, directory, run)
}

#[tokio::test]
async fn a_run_that_calls_back_is_alive_and_joined() {
    let (engine, _fake, _directory, run) = calling_back().await;
    let joined = engine
        .submit(spec("action=run"), Submit::Run)
        .await
        .expect("taken");
    assert!(joined.joined);
    assert_eq!(joined.run.id(), run.id());
    engine.abort(run.instance()).await;
}

#[tokio::test]
async fn a_restart_takes_the_place_of_a_run_that_calls_back() {
    let (engine, fake, _directory, run) = calling_back().await;
    fake.let_end(1);
    let restarted = engine
        .submit(spec("action=restart"), Submit::Restart)
        .await
        .expect("taken");
    assert_eq!(run.finished().await.state, State::Superseded);
    assert_eq!(restarted.run.finished().await.state, State::Succeeded);
}
