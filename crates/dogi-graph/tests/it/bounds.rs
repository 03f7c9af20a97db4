//! How much a graph may be. What is hostile is told of, soon.

use std::fmt::Write as _;

use dogi_graph::{
    MAX_BYTES, MAX_FILE, MAX_FILES, MAX_MISTAKES, MAX_NODES, MAX_SUBGRAPHS, MAX_TRIGGERS, Reader,
};

use crate::support::{mistakes, read};

fn nodes(range: std::ops::Range<usize>) -> String {
    range.fold(String::new(), |mut text, at| {
        writeln!(text, "n{at:04}: {{img: x, run: y}}").unwrap();
        text
    })
}

#[test]
fn files() {
    let full = |bytes: u64| {
        let mut text = b"a: {img: x, run: y}\n#".to_vec();
        text.resize(usize::try_from(bytes).unwrap(), b'.');
        text
    };
    let mut reader = Reader::new();
    reader.file("f", &full(MAX_FILE));
    assert!(reader.finish().is_ok());

    let mut reader = Reader::new();
    reader.file("f", &full(MAX_FILE + 1));
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "f: has 1048577 bytes, the limit is 1048576"
    );

    let mut reader = Reader::new();
    let comment = vec![b'#'; usize::try_from(MAX_FILE).unwrap()];
    for _ in 0..MAX_BYTES / MAX_FILE {
        reader.file("f", &comment);
    }
    reader.file("g", b"#");
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "g: with it the graph has more than 4194304 bytes, which is the limit"
    );

    let mut reader = Reader::new();
    for at in 0..MAX_FILES + 10 {
        reader.file(&format!("f{at}"), b"");
    }
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "f256: more than 256 graph files, which is the limit"
    );
}

#[test]
fn lines() {
    let text = format!("a: {{{}}}", "k,".repeat(dogi_graph::MAX_LINES + 1));
    assert_eq!(
        mistakes(&text),
        ["f: with it the graph has more than 30000 lines and commas, which is the limit"]
    );
}

#[test]
fn numbers_of_nodes() {
    let (half, all) = (MAX_NODES / 2, MAX_NODES);
    assert!(read(&[("f", &nodes(0..all))]).is_ok());
    assert!(read(&[("f", &nodes(0..half)), ("g", &nodes(half..all))]).is_ok());
    let told = "f:257: more than 256 nodes, which is the limit of a graph";
    assert_eq!(mistakes(&nodes(0..all + 9)), [told]);
    let told = read(&[("f", &nodes(0..half)), ("g", &nodes(half..all + 1))]);
    assert_eq!(
        told.unwrap_err(),
        "g:129: more than 256 nodes, which is the limit of a graph"
    );
}

#[test]
fn lists() {
    let names = vec!["a"; MAX_NODES + 1].join(",");
    let globs = vec!["a"; MAX_TRIGGERS + 1].join(",");
    let text = format!("a: {{img: x, run: y}}\nb: {{after: [{names}], triggers: [{globs}]}}");
    assert_eq!(
        mistakes(&text),
        [
            "f:2: b.after: a list of 257, the limit is 256",
            "f:2: b.triggers: a list of 65, the limit is 64",
        ]
    );
    let keys = (0..100).fold(String::new(), |text, at| format!("{text}, k{at}: v"));
    let told = mistakes(&format!("a: {{img: x, run: y{keys}}}"));
    assert_eq!(told[0], "f:1: a: has 102 keys; a node knows 10");
    let run = "x".repeat(131_072);
    assert_eq!(
        mistakes(&format!("a: {{img: x, run: {run}}}")),
        ["f:1: a.run: has 131072 bytes, the limit is 131071"]
    );
    let glob = "x".repeat(1025);
    let told = mistakes(&format!("a: {{img: x, run: y, triggers: {glob}}}"));
    assert!(
        told[0].ends_with(": has 1025 bytes, the limit of a glob is 1024"),
        "{told:?}"
    );
}

#[test]
fn triggers() {
    let globs = vec!["x".repeat(1000); MAX_TRIGGERS].join(",");
    let node = |name: &str| format!("{name}: {{img: x, run: y, triggers: [{globs}]}}\n");
    let told = mistakes(&(node("a") + &node("b")));
    assert_eq!(told.len(), 63, "{}", told.len());
    assert!(
        told[0].ends_with(
            ": with it the triggers of all nodes have more than 65536 bytes, which is the limit"
        ),
        "{}",
        told[0]
    );
}

#[test]
fn subgraphs() {
    let images = (0..=MAX_SUBGRAPHS).map(|at| format!("i{at}"));
    let images: Vec<String> = images.collect();
    let (first, rest) = images.split_at(20);
    let mut reader = Reader::new();
    for (path, images) in [("f", first), ("g", rest)] {
        let text = format!("meta: {{subgraphs: [{}]}}", images.join(","));
        reader.file(path, text.as_bytes());
    }
    let wanted = reader.wanted();
    assert_eq!(wanted.len(), MAX_SUBGRAPHS);
    for image in &wanted {
        reader.subgraph(image, b"");
    }
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "g:1: meta.subgraphs[12]: \"i32\": more than 32 subgraphs, which is the limit"
    );
}

#[test]
fn only_so_many_mistakes_are_told() {
    let unknown: Vec<String> = (0..MAX_NODES)
        .map(|at| format!("{}{at}", "u".repeat(60)))
        .collect();
    let list = unknown.join(",");
    let text =
        nodes(0..MAX_NODES).replace("run: y", &format!("run: y, after: [{list}], vol: [{list}]"));
    let (text, _) = text[..900_000].rsplit_once('\n').unwrap();
    let told = read(&[("f", text)]).unwrap_err();
    assert_eq!(told.lines().count(), MAX_MISTAKES + 1);
    let last = told.lines().last().unwrap();
    assert!(
        last.ends_with(": and more: only 100 mistakes are told"),
        "{last}"
    );
}

#[test]
fn deep_and_wide_files_end_soon() {
    for text in [
        format!("a: {}", "[".repeat(500_000)),
        format!("a: {{img: x, run: y, triggers: \"{}\"}}", "{".repeat(1000)),
        format!("a: {{img: x, run: y, triggers: \"{}\"}}", "**a".repeat(340)),
        format!("? {}\n: b", "k".repeat(900_000)),
        format!("a: {{{}: 1}}", "k".repeat(900_000)),
        format!("a: {{img: x, run: y, after: {}}}", "k".repeat(900_000)),
        format!("a: {{img: {}, run: y}}", "k".repeat(900_000)),
    ] {
        let told = read(&[("f", &text)]);
        if let Err(told) = told {
            assert!(told.lines().all(|line| line.len() < 4000), "{}", text.len());
        }
    }
}

#[test]
fn dependencies_are_counted() {
    let names: Vec<String> = (0..100).map(|at| format!("n{at:02}")).collect();
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        text.push_str(&format!("{name}: {{after: [{}]}}\n", names[..at].join(",")));
    }
    let told = mistakes(&text);
    let wanted = "the nodes have 4950 dependencies together; 4096 is the limit";
    assert!(told.iter().any(|told| told.contains(wanted)), "{told:?}");
}
