//! Graphs that images print.

use dogi_graph::{Reader, VolumeSource};
use dogi_url::ImageRef;

use crate::support::{all, container, names, node};

fn image(name: &str) -> ImageRef {
    name.parse().unwrap()
}

#[test]
fn are_wanted_in_order_until_they_are_there() {
    let mut reader = Reader::new();
    assert!(reader.wanted().is_empty());
    reader.file("a", b"meta: {subgraphs: [one:1, two]}\nown: {after: first}");
    reader.file("b", b"meta: {subgraphs: two}");
    assert_eq!(reader.wanted(), [image("one:1"), image("two")]);
    reader.subgraph(
        &image("one:1"),
        b"first: {img: x, run: y}\nmeta: {subgraphs: [three, one:1]}",
    );
    assert_eq!(reader.wanted(), [image("two"), image("three")]);
    reader.subgraph(&image("two"), b"");
    reader.subgraph(&image("three"), b"third: {img: x, run: y, vol: first}");
    assert!(reader.wanted().is_empty());
    let graph = reader.finish().unwrap();
    assert_eq!(names(graph.names()), ["first", "own", "third"]);
    let plan = all(&graph);
    assert_eq!(
        container(&plan, "third").volumes,
        [VolumeSource::Node(node("first"))].into()
    );
}

#[test]
fn who_wins() {
    let mut reader = Reader::new();
    reader.file("a", b"meta: {subgraphs: [one, two]}\na: {img: own, run: y}");
    // Not in the order in which they were named.
    reader.subgraph(
        &image("two"),
        b"a: {img: two, run: y}\nb: {img: two, run: y}\nc: {img: two, run: y}",
    );
    reader.subgraph(
        &image("one"),
        b"a: {img: one, run: y}\nb: {img: one, run: y}",
    );
    // The first that was given counts.
    reader.subgraph(&image("one"), b"b: {img: again, run: y}");
    let plan = all(&reader.finish().unwrap());
    let images = ["a", "b", "c"].map(|name| container(&plan, name).image.as_str().to_owned());
    assert_eq!(images, ["own", "one", "two"]);
}

#[test]
fn their_mistakes_name_them() {
    let mut reader = Reader::new();
    reader.file(
        "a",
        b"x:\n  after: y\nmeta:\n  subgraphs:\n    - one\n    - two:2\n    - three",
    );
    reader.subgraph(&image("one"), b"Docker says hello");
    reader.subgraph(&image("two:2"), b"y: {img: x, run: z, on: q}");
    let told = reader.finish().unwrap_err().to_string();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        [
            "a:7: meta.subgraphs: \"three\": the subgraph was not read",
            "subgraph one:1: expected a mapping of names to nodes, not a single value",
        ]
    );
}
