use std::path::Path;

use dogi_yaml::{Mistake, Reader, Value, did_you_mean, index, join, parse};

/// What a reading of the key `k` complains about.
fn complaints(text: &str, read: impl Fn(&mut Reader<'_>, dogi_yaml::Node)) -> Vec<String> {
    let file = Path::new("f.yaml");
    let root = parse(file, text).unwrap();
    let mut mistakes = Vec::new();
    let mut reader = Reader::new(file, &mut mistakes);
    let [node] = reader.fields(root, "", ["k"]);
    if let Some(node) = node {
        read(&mut reader, node);
    }
    assert_eq!(reader.count(), mistakes.len());
    mistakes.iter().map(Mistake::to_string).collect()
}

#[test]
fn what_is_expected() {
    type Read = fn(&mut Reader<'_>, dogi_yaml::Node);
    let scalar: Read = |reader, node| drop(reader.scalar(node, "k", "a name"));
    let list: Read = |reader, node| drop(reader.list(node, "k", "a list of names"));
    let map: Read = |reader, node| drop(reader.map(node, "k"));
    let choice: Read = |reader, node| {
        reader.choice(node, "k", &[("strict", 1), ("lax", 2)]);
    };
    let cases: [(&str, Read, &str); 9] = [
        (
            "\nk: []",
            scalar,
            "f.yaml:2: k: expected a name, not a list",
        ),
        ("k: ~", scalar, "f.yaml:1: k: expected a name, not nothing"),
        (
            "k: a",
            list,
            "f.yaml:1: k: expected a list of names, not a single value",
        ),
        (
            "k: {}",
            list,
            "f.yaml:1: k: expected a list of names, not a mapping",
        ),
        ("k: [a]", map, "f.yaml:1: k: expected a mapping, not a list"),
        ("k:", map, ""),
        (
            "k: stritc",
            choice,
            "f.yaml:1: k: \"stritc\": expected one of strict, lax; did you mean \"strict\"?",
        ),
        ("k: lax", choice, ""),
        (
            "j: 1",
            scalar,
            "f.yaml:1: j: unknown key; did you mean \"k\"?",
        ),
    ];
    for (text, read, wanted) in cases {
        assert_eq!(complaints(text, read).join("\n"), wanted, "{text:?}");
    }
}

#[test]
fn one_or_many() {
    for (text, wanted) in [("k: a", vec!["a"]), ("k: [a, b]", vec!["a", "b"])] {
        complaints(text, |reader, node| {
            let texts = reader.scalars(node, "k", "names");
            let texts: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, wanted);
        });
    }
}

#[test]
fn texts() {
    let long = "é".repeat(200);
    let mistake = Mistake::new(Path::new("f"), 0, "", "is wrong").with_value(long);
    assert_eq!(
        mistake.to_string(),
        format!("f: \"{}…\": is wrong", "é".repeat(120))
    );
    assert_eq!(join(&index(&join("", "a"), 3), "b"), "a[3].b");
    assert_eq!(
        did_you_mean("tigger", ["trigger", "x"]),
        "; did you mean \"trigger\"?"
    );
    assert_eq!(did_you_mean("zzzzzz", ["trigger"]), "");
    assert_eq!(Value::List(Vec::new()).kind(), "a list");
}
