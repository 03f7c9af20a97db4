use std::path::Path;

use dogi_yaml::{Node, Value, parse};
use proptest::prelude::*;

/// The tree in one line: scalars quoted, with their lines.
fn show(node: &Node) -> String {
    let items = |items: Vec<String>| items.join(", ");
    match &node.value {
        Value::Null => format!("null@{}", node.line),
        Value::Scalar(text) => format!("{text:?}@{}", node.line),
        Value::List(nodes) => format!("[{}]", items(nodes.iter().map(show).collect())),
        Value::Map(entries) => {
            let entry = |(key, node): &(dogi_yaml::Key, Node)| {
                format!("{}@{}: {}", key.text, key.line, show(node))
            };
            format!("{{{}}}", items(entries.iter().map(entry).collect()))
        }
    }
}

fn read(text: &str) -> String {
    match parse(Path::new("f"), text) {
        Ok(node) => show(&node),
        Err(mistake) => mistake.to_string(),
    }
}

#[test]
fn trees() {
    let cases = [
        ("", "null@1"),
        ("# nothing\n\n", "null@1"),
        ("\u{feff}a: 1\n", r#"{a@1: "1"@1}"#),
        (
            "a: 1\nb:\n  - x\n  - y\n",
            r#"{a@1: "1"@1, b@2: ["x"@3, "y"@4]}"#,
        ),
        // As they are spelled, in YAML 1.2.
        (
            "[0755, 1.50, 1e3, true, True, yes, 0x1F, +1, .5, 12e4567, .inf, !!int \"12\"]",
            r#"["0755"@1, "1.50"@1, "1e3"@1, "true"@1, "True"@1, "yes"@1, "0x1F"@1, "+1"@1, ".5"@1, "12e4567"@1, ".inf"@1, "12"@1]"#,
        ),
        ("['1', \"true\", '']", r#"["1"@1, "true"@1, ""@1]"#),
        ("[null, ~, ]", "[null@1, null@1]"),
        ("a: |\n  x\n  y\n", r#"{a@1: "x\ny\n"@2}"#),
        ("- &x {a: 1}\n- *x\n", r#"[{a@1: "1"@1}, {a@2: "1"@2}]"#),
        (
            "a: &x {k: 01}\nb:\n  <<: *x\n  l: 2\n",
            r#"{a@1: {k@1: "01"@1}, b@2: {l@4: "2"@4, k@3: "01"@3}}"#,
        ),
        // JSON, with tabs.
        (
            "[\n\t{\n\t\t\"a\":\t1,\n\t\t\"b\": \"x\\ty\\u0000\"\n\t}\n]\n",
            r#"[{a@3: "1"@3, b@4: "x\ty\0"@4}]"#,
        ),
        (r#"{"a":{"b":[]}}"#, "{a@1: {b@1: []}}"),
    ];
    for (text, wanted) in cases {
        assert_eq!(read(text), wanted, "{text:?}");
    }
}

#[test]
fn mistakes() {
    for (text, line) in [
        ("a: [\n", ""),
        ("a: 1\nb: 2\na: 3\n", ":3"),
        ("a:\n\t- x\n", ":2"),
        ("a: *nowhere\n", ":1"),
        ("][", ":1"),
        ("--- a\n--- b\n", ""),
    ] {
        let read = read(text);
        let begin = format!("f{line}");
        assert!(
            read.starts_with(&begin) && read.contains(": not valid YAML: ") && !read.contains('\n'),
            "{text:?}: {read}"
        );
    }
}

#[test]
fn aliases_do_not_explode() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(read(&bomb).contains("not valid YAML"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| "{a: ".repeat(levels) + "x" + &"}".repeat(levels);
    assert!(read(&nested(40)).starts_with("{a@1"));
    for deep in [
        nested(41),
        nested(100_000),
        "[".repeat(100_000),
        "- ".repeat(10_000),
    ] {
        assert!(read(&deep).contains("not valid YAML"));
    }
}

/// With a search through all keys for each of them this does not end within minutes.
#[test]
fn many_keys_cost_no_more_than_their_number() {
    let keys = |last: &str| -> String {
        let lines = (0..100_000).map(|key| format!("k{key}: \n"));
        lines.chain([last.to_owned()]).collect()
    };
    let node = parse(Path::new("f"), &keys("")).expect("keys of a mapping");
    assert!(matches!(node.value, Value::Map(keys) if keys.len() == 100_000));
    let twice = parse(Path::new("f"), &keys("k7: x\n")).expect_err("a key twice");
    assert!(twice.to_string().contains("k7"), "{twice}");
}

proptest! {
    #[test]
    fn whatever_it_is(text in "[-a-c:{}\\[\\]&*!|>'\"#%, \n\t0-9]{0,60}") {
        let _ = read(&text);
    }

    /// A scalar in quotes is what it is.
    #[test]
    fn quoted_texts(text in "[ -~]{0,20}") {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        let node = parse(Path::new("f"), &quoted).unwrap();
        prop_assert_eq!(node.value, Value::Scalar(text));
    }
}
