//! Nodes that depend on themselves.

use std::fmt::Write as _;

use crate::support::mistakes;

#[test]
fn the_whole_way_is_told() {
    let cases: &[(&str, &[&str])] = &[
        (
            "a: {img: x, run: y, vol: a}",
            &["f:1: a.vol: depends on itself: a → a"],
        ),
        (
            "b:\n  img: x\n  run: y\n  after: [z, a]\na: {img: x, run: y, env: b}\nz: {img: x, run: y}",
            &["f:5: a.env: depends on itself: a → b → a"],
        ),
        (
            "c: {img: x, run: y, on: a}\na: {img: x, run: y, after: b}\nb: {after: c}\nbehind: {after: c}\nbefore: {img: x, run: y}",
            &["f:2: a.after: depends on itself: a → b → c → a"],
        ),
        (
            "a: {after: [b]}\nb: {after: [a]}\nc: {after: [a, d]}\nd: {after: [c]}",
            &[
                "f:1: a.after[0]: depends on itself: a → b → a",
                "f:3: c.after[1]: depends on itself: c → d → c",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
}

#[test]
fn long_ways_and_many_end_soon() {
    let names: Vec<String> = (0..256).map(|at| format!("n{at:03}")).collect();
    let mut ring = String::new();
    for (at, name) in names.iter().enumerate() {
        writeln!(ring, "{name}: {{after: {}}}", names[(at + 1) % 256]).unwrap();
    }
    let told = mistakes(&ring);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].matches(" → ").count(), 256);

    let names = &names[..60];
    let all = names.join(",");
    let each = |text: String, name: &String| format!("{text}{name}: {{after: [{all}]}}\n");
    let everything = names.iter().fold(String::new(), each);
    let told = mistakes(&everything);
    assert!(
        told[0].starts_with("f:1: n000.after[0]: depends on itself: n000 → n000"),
        "{}",
        told[0]
    );
}
