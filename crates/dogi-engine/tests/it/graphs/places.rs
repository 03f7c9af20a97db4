//! How many containers of nodes run at the same time.

use dogi_engine::EngineConfig;
use dogi_job::{NodeState, State, Submit};

use super::submit;
use crate::{
    fakes::{engine_with, spec},
    lives::Machine,
};

const THREE: &str = "a: {img: i, run: r}\nb: {img: i, run: r}\nc: {img: i, run: r}";

fn two_places(config: &mut EngineConfig) {
    config.admission.running = 2;
}

#[tokio::test]
async fn as_many_run_as_there_are_places_and_the_next_when_one_has_ended() {
    let (engine, fake, _directory) = engine_with(two_places).await;
    let graphs = &fake.0.graphs;
    graphs.set_file(THREE);
    let run = submit(&engine, "x").await;
    graphs.are_running(run.id(), &["a", "b"]).await;
    graphs.ends("a", 0);
    graphs.are_running(run.id(), &["b", "c"]).await;
    graphs.ends("b", 0);
    graphs.ends("c", 0);
    let status = run.finished().await;
    assert_eq!(status.state, State::Succeeded);
    assert_eq!(graphs.most(), 2);
}

#[tokio::test]
async fn whoever_waits_for_a_place_gets_it_before_a_further_node() {
    let (engine, fake, _directory) = engine_with(two_places).await;
    let graphs = &fake.0.graphs;
    graphs.set_file(THREE);
    let run = submit(&engine, "x").await;
    graphs.are_running(run.id(), &["a", "b"]).await;
    let other = engine.submit(spec("action=run&id=other"), Submit::Run);
    let other = other.await.expect("it is taken").run;
    assert_eq!(other.status().state, State::Queued);

    graphs.ends("a", 0);
    let running = |status: &std::sync::Arc<dogi_job::RunStatus>| status.state == State::Running;
    let mut its = other.subscribe();
    its.wait_for(running).await.expect("it is let in");
    graphs.are_running(run.id(), &["b"]).await;
    fake.let_end(1);
    assert_eq!(other.finished().await.state, State::Succeeded);
    // Its place is free, and nobody waits.
    graphs.are_running(run.id(), &["b", "c"]).await;
    graphs.ends("b", 0);
    graphs.ends("c", 0);
    assert_eq!(run.finished().await.state, State::Succeeded);
}

#[tokio::test]
async fn an_aborted_run_gives_its_places_back() {
    let (engine, fake, _directory) = engine_with(two_places).await;
    let graphs = &fake.0.graphs;
    graphs.set_file(THREE);
    for id in ["first", "second", "third"] {
        let run = submit(&engine, id).await;
        graphs.are_running(run.id(), &["a", "b"]).await;
        engine.abort(run.instance()).await.expect("it is known");
        let status = run.finished().await;
        assert_eq!(status.state, State::Aborted);
        let nodes = status.nodes.as_deref().expect("the graph was read");
        let states: Vec<_> = nodes.iter().map(|node| node.state).collect();
        let aborted = NodeState::Aborted;
        assert_eq!(states, [aborted, aborted, NodeState::Skipped]);
        graphs.are_running(run.id(), &[]).await;
    }
    // Two plain runs fit in again, and no third.
    let mut runs = Vec::new();
    for id in ["x", "y", "z"] {
        let spec = spec(&format!("action=run&id={id}"));
        let submitted = engine.submit(spec, Submit::Run).await;
        runs.push(submitted.expect("it is taken").run);
    }
    fake.let_end(3);
    for run in runs {
        assert_eq!(run.finished().await.state, State::Succeeded);
    }
    assert_eq!(graphs.most(), 2);
}

#[test]
fn containers_of_an_earlier_life_have_their_places_before_anybody_else_is_let_in() {
    let mut machine = Machine::new();
    let two = "a: {img: i, run: r}\nb: {img: i, run: r}";
    machine.fake.0.graphs.set_file(two);
    machine.running = 2;
    let (id, waiting) = machine.life(async |engine| {
        let run = submit(&engine, "x").await;
        let graphs = &machine.fake.0.graphs;
        graphs.are_running(run.id(), &["a", "b"]).await;
        let other = engine.submit(spec("action=run&id=other"), Submit::Run);
        let other = other.await.expect("it is taken").run;
        assert_eq!(other.status().state, State::Queued);
        (run.id().clone(), other.id().clone())
    });
    machine.life(async |engine| {
        let graphs = &machine.fake.0.graphs;
        let run = engine.run(&id).expect("it is known");
        let other = engine.run(&waiting).expect("it is known");
        graphs.are_running(&id, &["a", "b"]).await;
        assert_eq!(other.status().state, State::Queued, "there is no place");
        graphs.ends("a", 0);
        let let_in = |status: &std::sync::Arc<dogi_job::RunStatus>| status.started_at.is_some();
        let mut its = other.subscribe();
        its.wait_for(let_in).await.expect("`a` has left its place");
        graphs.ends("b", 0);
        assert_eq!(run.finished().await.state, State::Succeeded);
        machine.fake.let_end(1);
        assert_eq!(other.finished().await.state, State::Succeeded);
    });
}
