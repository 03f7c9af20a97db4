//! What a restart of the server changes for nodes.

use dogi_job::{Effect, Event, State};

use super::{built, exited, plan, planned, ran, run_of, run_with, started, states, wants};
use crate::events::{at, checked_out, feed, wanted};

const GRAPH: &str = "
a: {img: i, run: r}
b: {img: i, run: r}
c: {img: i, run: r}
z: {img: i, run: r, after: [a, b, c]}";

#[test]
fn without_a_container_everything_begins_again_and_the_plan_is_forgotten() {
    let befores = [
        vec![],
        vec![built("a")],
        vec![built("a"), built("b"), built("c")],
    ];
    for before in befores {
        let mut run = run_with("timeout=90s", GRAPH);
        feed(&mut run, &before);
        assert!(run.begins_again(), "{before:?}");
        run.apply(at(80_000), &Event::Resumed);
        assert_eq!(run.state(), State::Cloning, "{before:?}");
        assert_eq!(wanted(&run, 80_000), [Effect::Checkout]);
        assert!(run.plan().is_none() && run.status().nodes.is_none());
        assert_eq!(run.due(at(169_999)), None, "it has its whole time");
        assert!(run.due(at(170_000)).is_some());

        // The files may say something else by now.
        let another = plan("x: {img: i, run: r}");
        feed(&mut run, &[checked_out(), planned(another)]);
        assert_eq!(wants(&run), ["image x"], "{before:?}");
    }
}

#[test]
fn containers_are_taken_up_and_the_images_of_the_others_are_looked_for_again() {
    let mut run = run_of(GRAPH);
    feed(&mut run, &ran("c", 0));
    feed(&mut run, &[built("a"), started("a"), built("b")]);
    assert_eq!(wants(&run), ["run a in c-a", "run b"]);
    assert!(!run.begins_again());
    run.apply(at(20), &Event::Resumed);
    assert_eq!(run.state(), State::Running);
    assert_eq!(wants(&run), ["run a in c-a", "image b"]);
    assert_eq!(states(&run), "a=running b=building c=succeeded z=waiting");

    feed(&mut run, &[exited("a", 0)]);
    feed(&mut run, &ran("b", 0));
    assert_eq!(wants(&run), ["image z"]);
    feed(&mut run, &ran("z", 0));
    feed(&mut run, &[Event::CleanedUp]);
    assert_eq!(run.state(), State::Succeeded);
}

#[test]
fn a_node_whose_container_has_ended_is_not_begun_again() {
    let mut run = run_of("a: {img: i, run: r}\nz: {img: i, run: r, after: a}");
    feed(&mut run, &ran("a", 0));
    feed(&mut run, &[built("z")]);
    for life in 2..4 {
        run.apply(at(20), &Event::Resumed);
        assert_eq!(wants(&run), ["image z"], "life {life}");
        assert_eq!(states(&run), "a=succeeded z=building");
    }
}

#[test]
fn there_is_a_moment_to_look_at_the_containers() {
    let mut run = run_with("timeout=90s", GRAPH);
    feed(&mut run, &[built("a"), started("a")]);
    run.apply(at(3_600_000), &Event::Resumed);
    assert_eq!(run.due(at(3_629_999)), None, "it may have ended in time");
    assert!(run.due(at(3_630_000)).is_some());
}
