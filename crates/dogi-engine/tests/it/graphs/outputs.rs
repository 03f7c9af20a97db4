//! What nodes print: their own logs, that of the run, and what is kept from everybody.

use std::path::Path;

use dogi_engine::RunHandle;
use dogi_job::State;
use dogi_stream::{Piece, Position};
use dogi_url::OutputName;

use super::submit;
use crate::{fakes::engine, lives::Machine};

fn node(name: &str) -> OutputName {
    OutputName::Node(name.parse().expect("a name of a node"))
}

async fn text_of(run: &RunHandle, output: &OutputName) -> String {
    let log = run.output(output).expect("it has this output");
    let mut follower = log.follow(Position::START);
    let mut text = Vec::new();
    while let Some(piece) = follower.next().await.expect("it can be read") {
        if let Piece::Data { bytes, .. } = piece {
            text.extend_from_slice(&bytes);
        }
    }
    String::from_utf8(text).expect("the fake prints text")
}

/// How often each of these lines stands in the text.
fn count<'a>(text: &str, lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let count = |line: &&'a str| (*line, text.lines().filter(|found| found == line).count());
    lines.iter().map(count).collect()
}

/// Whether a file below `directory` holds the text.
fn holds(directory: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries.into_iter().any(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => holds(&path, text),
            false => {
                let bytes = std::fs::read(&path).expect("a file");
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            }
        }
    })
}

#[tokio::test]
async fn each_line_of_a_node_stands_in_its_log_and_once_in_that_of_the_run() {
    let (engine, fake, _directory) = engine().await;
    let graphs = &fake.0.graphs;
    graphs.set_file("a: {img: i, run: r}\nb: {img: i, run: r, env: a}");
    graphs.prints("a", "one\n\nno end");
    graphs.prints("b", "one\n");
    for name in ["a", "b"] {
        graphs.ends(name, 0);
    }
    let run = submit(&engine, "x").await;
    assert_eq!(run.finished().await.state, State::Succeeded);
    assert_eq!(text_of(&run, &node("a")).await, "one\n\nno end");
    assert_eq!(text_of(&run, &node("b")).await, "one\n");
    assert_eq!(graphs.given("b", "A").as_deref(), Some("one\n\nno end"));
    let log = text_of(&run, &OutputName::Log).await;
    let lines = [
        "a | one",
        "a | ",
        "a | no end",
        "b | one",
        "dogi: nodes: a, b",
    ];
    assert_eq!(count(&log, &lines), lines.map(|line| (line, 1)), "{log}");
    assert_eq!(log.lines().filter(|line| line.contains(" | ")).count(), 4);
}

#[test]
fn a_line_that_one_life_begins_and_the_next_one_ends_is_told_once_and_whole() {
    let machine = Machine::new();
    let graphs = &machine.fake.0.graphs;
    graphs.set_file("a: {img: i, run: r}");
    graphs.prints("a", "first\nsec");
    graphs.prints("a", "ond\nthird\n");
    let id = machine.life(async |engine| {
        let run = submit(&engine, "x").await;
        graphs.are_running(run.id(), &["a"]).await;
        run.id().clone()
    });
    machine.life(async |engine| {
        let run = engine.run(&id).expect("it is known");
        graphs.ends("a", 0);
        assert_eq!(run.finished().await.state, State::Succeeded);
        let log = text_of(&run, &OutputName::Log).await;
        let lines = ["a | first", "a | second", "a | third"];
        assert_eq!(count(&log, &lines), lines.map(|line| (line, 1)), "{log}");
        assert_eq!(log.lines().filter(|line| line.contains(" | ")).count(), 3);
        assert_eq!(text_of(&run, &node("a")).await, "first\nsecond\nthird\n");
    });
}

#[tokio::test]
async fn what_is_not_logged_is_read_by_nodes_alone_and_gone_when_the_run_is_over() {
    for aborted in [false, true] {
        let (engine, fake, directory) = engine().await;
        let graphs = &fake.0.graphs;
        graphs.set_file("key: {img: i, run: r, noLog: true}\nb: {img: i, run: r, env: key}");
        graphs.prints("key", "hunter2-hunter2\n");
        graphs.ends("key", 0);
        let run = submit(&engine, "x").await;
        graphs.are_running(run.id(), &["b"]).await;
        let given = graphs.given("b", "KEY");
        assert_eq!(given.as_deref(), Some("secret hunter2-hunter2"));
        assert!(
            holds(directory.path(), "hunter2"),
            "`b` may want to read it"
        );

        if aborted {
            engine.abort(run.instance()).await.expect("it is known");
        } else {
            graphs.ends("b", 0);
        }
        run.finished().await;
        assert!(!holds(directory.path(), "hunter2"), "aborted: {aborted}");
        assert!(run.output(&node("key")).is_none());
        assert!(run.output(&node("b")).is_some());
    }
}
