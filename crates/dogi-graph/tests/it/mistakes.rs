//! What is wrong with a file, in the very words.

use crate::support::{mistakes, read};

const A: &str = "a: {img: x, run: y}\n";

#[test]
fn of_one_node() {
    let cases: &[(&str, &[&str])] = &[
        (
            "n: {img: x, run: y, nolog: true}",
            &["f:1: n.nolog: unknown key; did you mean \"noLog\"?"],
        ),
        (
            "n: {img: x, run: y, command: z}",
            &["f:1: n.command: unknown key"],
        ),
        (
            "n: {img: x, run: y, \"a\\nb\": z}",
            &["f:1: n: \"a\\nb\": unknown key"],
        ),
        (
            "n:\n  img: x",
            &["f:1: n: has `img` but no `run`: what shall run in the image?"],
        ),
        (
            "n:\n  run: x\n  after: []",
            &["f:1: n: has `run` but no `img`: in which image shall it run?"],
        ),
        (
            "n:\n  img: X y\n  run: ' '",
            &[
                "f:2: n.img: \"X y\": expected [registry[:port]/]name[:tag][@digest], lower case, as `python:3.12`; \"X y\" can't be a part of its name",
                "f:3: n.run: expected a command for /bin/sh",
            ],
        ),
        (
            "n: {img: x, run: \"a\\0b\"}",
            &["f:1: n.run: holds a NUL, which no command can"],
        ),
        (
            "n: {img: [x], run: {y: z}}",
            &[
                "f:1: n.img: expected an image, not a list",
                "f:1: n.run: expected a command for /bin/sh, not a mapping",
            ],
        ),
        (
            "n: {img: x, run: y, dir: app}",
            &[
                "f:1: n.dir: \"app\": expected the absolute path of a directory, as `/code/app`; it does not begin with '/'",
            ],
        ),
        (
            "n: {img: x, run: y, dir: /}",
            &[
                "f:1: n.dir: \"/\": expected the absolute path of a directory, as `/code/app`; it is the root",
            ],
        ),
        (
            "n: {img: x, run: y, dir: /a/../b}",
            &[
                "f:1: n.dir: \"/a/../b\": expected the absolute path of a directory, as `/code/app`; it holds \"..\"",
            ],
        ),
        (
            "n: {img: x, run: y, noLog: yes, neverFail: 1}",
            &[
                "f:1: n.noLog: \"yes\": expected one of true, false",
                "f:1: n.neverFail: \"1\": expected one of true, false",
            ],
        ),
        (
            "n: {img: x, run: y, after: {a: b}, on: [code], env: }",
            &[
                "f:1: n.after: expected the name of a node, not a mapping",
                "f:1: n.on: expected the name of a node, or `code`, not a list",
                "f:1: n.env: expected the name of a node or of a variable, not nothing",
            ],
        ),
        (
            "n:\n  img: x\n  run: y\n  vol:\n    - code\n    - [code]",
            &["f:6: n.vol[1]: expected the name of a node, or `code`, not a list"],
        ),
        (
            "n: 1",
            &["f:1: n: expected a node, which is a mapping, not a single value"],
        ),
        (
            "- n",
            &["f:1: expected a mapping of names to nodes, not a list"],
        ),
        (
            "n: {dir: /a, noLog: false, neverFail: true}",
            &[
                "f:1: n: `dir` means nothing without `img` and `run`",
                "f:1: n: `noLog` means nothing without `img` and `run`",
                "f:1: n: `neverFail` means nothing without `img` and `run`",
            ],
        ),
        (
            "n: {triggers: src/}",
            &["f:1: n: `triggers` of an outside variable: there is nothing to run"],
        ),
        (
            "1st:",
            &[
                "f:1: 1st: has no `img`, `run` or dependency, which makes it a variable from outside: expected letters, digits, `_`, `.`, `-`, beginning with a letter or `_`; it begins with '1'",
            ],
        ),
        (
            "OUT:",
            &[
                "f:1: OUT: has no `img`, `run` or dependency, which makes it a variable from outside: $OUT is the node's own volume",
            ],
        ),
    ];
    check("", cases);
}

#[test]
fn of_names() {
    let cases: &[(&str, &[&str])] = &[
        (
            "code: {img: x, run: y}\nout:",
            &[
                "f:1: code: the name is reserved: `code` is the checkout",
                "f:2: out: the name is reserved: /out holds what nodes print",
            ],
        ),
        (
            "usr: {img: x, run: y}",
            &["f:1: usr: the node's volume would be mounted at /usr, over what images have there"],
        ),
        (
            "größe: {img: x, run: y}",
            &[
                "f:1: größe: expected letters, digits, `_`, `.`, `-`, beginning with a letter, a digit or `_`; it holds 'ö'",
            ],
        ),
        (
            "\"a\\nb\": {img: x, run: y}",
            &[
                "f:1: \"a\\nb\": expected letters, digits, `_`, `.`, `-`, beginning with a letter, a digit or `_`; it holds '\\n'",
            ],
        ),
        (
            "meta: {tags: x, subgraphs: [alpine, X!]}",
            &[
                "f:1: meta.tags: unknown key; known here: subgraphs",
                "f:1: meta.subgraphs[1]: \"X!\": expected [registry[:port]/]name[:tag][@digest], lower case, as `python:3.12`; \"X!\" can't be a part of its name",
                "f:1: meta.subgraphs: \"alpine\": the subgraph was not read",
            ],
        ),
        (
            "meta: x",
            &["f:1: meta: expected a mapping, not a single value"],
        ),
    ];
    check("", cases);
}

#[test]
fn of_what_is_named() {
    let cases: &[(&str, &[&str])] = &[
        (
            "bb: {img: x, run: y, after: bbb, vol: [cod, zzzzzz], on: a b}",
            &[
                "f:2: bb.after: \"bbb\": no node has this name; did you mean \"bb\"?",
                "f:2: bb.vol[0]: \"cod\": no node has this name; did you mean \"code\"?",
                "f:2: bb.vol[1]: \"zzzzzz\": no node has this name",
                "f:2: bb.on: \"a b\": expected letters, digits, `_`, `.`, `-`, beginning with a letter, a digit or `_`; it holds ' '",
            ],
        ),
        (
            "n: {img: x, run: y, after: code, env: code}",
            &[
                "f:2: n.after: \"code\": the checkout is there before any node: there is nothing to wait for",
                "f:2: n.env: \"code\": the checkout is no variable; it can stand in `vol` and `on`",
            ],
        ),
        (
            "n: {img: x, run: y, vol: [k, j], on: j, env: j}\nk:\nj: {after: a}",
            &[
                "f:2: n.vol[0]: \"k\": is a variable from outside: it has no volume",
                "f:2: n.vol[1]: \"j\": only joins other nodes: it has no volume",
                "f:2: n.on: \"j\": only joins other nodes: it has no volume",
                "f:2: n.env: \"j\": only joins other nodes: it prints nothing",
            ],
        ),
        (
            "n: {img: x, run: y, env: [K=v, 1st, a b, out]}\n1st: {img: x, run: y}",
            &[
                "f:2: n.env[0]: \"K=v\": a value can't be given here: expected the name of a node or of a variable",
                "f:2: n.env[1]: \"1st\": expected letters, digits, `_`, `.`, `-`, beginning with a letter or `_`; it begins with '1'",
                "f:2: n.env[2]: \"a b\": expected letters, digits, `_`, `.`, `-`, beginning with a letter or `_`; it holds ' '",
                "f:2: n.env[3]: \"out\": $OUT is the node's own volume",
            ],
        ),
        (
            "a-b: {img: x, run: y}\na_b: {img: x, run: y}\nn: {img: x, run: y, env: [a-b, a-b, a_b, A.B]}",
            &[
                "f:4: n.env[2]: \"a_b\": gives $A_B, as \"a-b\" does",
                "f:4: n.env[3]: \"A.B\": gives $A_B, as \"a_b\" does",
            ],
        ),
        (
            "n: {img: x, run: y, triggers: ['', /src, '!src', 'a[', './', 'ok/**']}",
            &[
                "f:2: n.triggers[0]: \"\": expected a glob such as src/**, *.toml or docs/",
                "f:2: n.triggers[1]: \"/src\": begins with '/': globs are relative to the repository's root",
                "f:2: n.triggers[2]: \"!src\": begins with '!': triggers exclude nothing; write \\! for a file called so",
                "f:2: n.triggers[3]: \"a[\": not a glob: unclosed character class; missing ']'",
                "f:2: n.triggers[4]: \"./\": expected a glob such as src/**, *.toml or docs/",
            ],
        ),
    ];
    check(A, cases);
}

#[test]
fn of_several_files_at_once() {
    let told = read(&[
        ("b.graphci.yaml", "\na: {img: x, run: y}\nb: {img: x}"),
        ("a.graphci.yaml", "c: {after: nobody}\na: {img: x, run: y}"),
        ("evil\n\u{1b}[m.graphci.yaml", "d: ["),
    ])
    .unwrap_err();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(
        told[0],
        "a.graphci.yaml:2: a: is a node already, at b.graphci.yaml:2"
    );
    assert_eq!(
        told[1],
        "b.graphci.yaml:3: b: has `img` but no `run`: what shall run in the image?"
    );
    // Where something could not be read, nobody knows which names there are: `nobody` is not told.
    assert!(
        told[2].starts_with("evil\\n\\u{1b}[m.graphci.yaml:1: not valid YAML: "),
        "{}",
        told[2]
    );
}

#[test]
fn a_node_that_is_mistaken_is_a_node() {
    let told = mistakes("a: {img: X, run: y}\nb: {img: x, run: y, after: a, vol: a, env: a}");
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn a_name_that_stands_twice_in_a_file() {
    let told = mistakes("n: {img: x, run: y}\nn: {img: x, run: y}");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("f:2: not valid YAML: "), "{told:?}");
}

#[test]
fn what_is_no_text() {
    let mut reader = dogi_graph::Reader::new();
    reader.file("f", b"a: {img: x, run: y}\n# \xff\n");
    let error = reader.finish().unwrap_err();
    assert_eq!(error.to_string(), "f:2: not valid UTF-8");
    assert_eq!(error.mistakes().len(), 1);
}

fn check(before: &str, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(mistakes(&format!("{before}{text}")), *expected, "{text}");
    }
}
