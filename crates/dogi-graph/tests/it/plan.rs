//! Which nodes a run needs.

use dogi_graph::{EnvValue, Graph, NodeWork, Selection};
use dogi_url::EnvName;

use crate::support::{container, graph, names, node, plan, read};

fn sample() -> Graph {
    graph(
        "libs: {img: x, run: y, triggers: [lib/]}
test: {img: x, run: y, on: code, after: libs, triggers: ['src/**', Cargo.toml]}
docs: {img: x, run: y, vol: code, triggers: docs/*.md}
deploy: {img: x, run: y, env: [test, token], after: docs}
",
    )
}

#[test]
fn what_is_selected_comes_with_what_it_depends_on() {
    let touched = |path: &str| Selection::Touched(vec!["x".to_owned(), path.to_owned()]);
    for (selection, expected) in [
        (Selection::All, &["deploy", "docs", "libs", "test"][..]),
        (Selection::Triggered, &["docs", "libs", "test"]),
        (Selection::Nodes(vec![]), &[]),
        (Selection::Nodes(vec![node("docs")]), &["docs"]),
        (
            Selection::Nodes(vec![node("test"), node("test")]),
            &["libs", "test"],
        ),
        (Selection::Touched(vec![]), &[]),
        (touched("README"), &[]),
        (touched("src/a/b.rs"), &["libs", "test"]),
        (touched("lib/a"), &["libs"]),
        (touched("docs/a.md"), &["docs"]),
        (touched("docs/a/b.md"), &[]),
    ] {
        let plan = plan(&sample(), &selection).unwrap();
        assert_eq!(names(plan.nodes.keys()), expected, "{selection:?}");
        assert_eq!(plan.is_empty(), expected.is_empty());
    }
}

#[test]
fn who_comes_before() {
    let plan = plan(&sample(), &Selection::All).unwrap();
    assert_eq!(names(&plan.nodes["deploy"].after), ["docs", "test"]);
    assert_eq!(
        names(&plan.ancestors(&node("deploy"))),
        ["docs", "libs", "test"]
    );
    assert_eq!(names(&plan.ancestors(&node("libs"))), [""; 0]);
    assert_eq!(names(&plan.ancestors(&node("nobody"))), [""; 0]);
}

#[test]
fn who_needs_the_checkout() {
    for (name, needs) in [("libs", false), ("test", true), ("docs", true)] {
        let plan = plan(&sample(), &Selection::Nodes(vec![node(name)])).unwrap();
        let uses = plan.containers().any(|(_, node)| node.uses_code());
        assert_eq!(uses, needs, "{name}");
    }
}

#[test]
fn unknown_names() {
    let ask = |graph: &Graph, name: &str| {
        let asked = plan(graph, &Selection::Nodes(vec![node(name)]));
        asked.unwrap_err().to_string()
    };
    assert_eq!(
        ask(&sample(), "tset"),
        "\"tset\" is no node of the graph; did you mean \"test\"?; it has deploy, docs, libs, test"
    );
    assert_eq!(
        ask(&graph(""), "a"),
        "\"a\" is no node of the graph, which has none"
    );
    let many = (0..30).fold(String::new(), |text, at| format!("{text}n{at:02}:\n"));
    let told = ask(&graph(&many), "elephant");
    assert!(told.ends_with(", n18, n19, and 10 more"), "{told}");
}

#[test]
fn variables_from_outside() {
    let graph = graph("n: {img: x, run: y, env: [a.b-c, Mixed]}");
    let with = |given: &[&str]| {
        let given = |name: &EnvName| given.contains(&name.as_str());
        graph.plan(&Selection::All, &given)
    };
    let outside = |name: &str| EnvValue::Outside(name.parse().unwrap());
    for (given, expected) in [
        (&["A_B_C", "MIXED"][..], ["A_B_C", "MIXED"]),
        (&["a.b-c", "Mixed"], ["a.b-c", "Mixed"]),
        (
            &["a.b-c", "A_B_C", "Mixed", "MIXED", "mixed"],
            ["A_B_C", "MIXED"],
        ),
    ] {
        let plan = with(given).unwrap();
        let env = &container(&plan, "n").env;
        assert_eq!(env["A_B_C"], outside(expected[0]), "{given:?}");
        assert_eq!(env["MIXED"], outside(expected[1]), "{given:?}");
    }
    assert_eq!(
        with(&["mixed", "a_b_c"]).unwrap_err().to_string(),
        "f:1: the node \"n\" needs the variable A_B_C, which was not given; \
         f:1: the node \"n\" needs the variable MIXED, which was not given"
    );
}

#[test]
fn only_what_runs_needs_variables() {
    let graph = read(&[(
        "ci/a.graphci.yaml",
        "key:\nalone:\nuses:\n  img: x\n  run: y\n  env:\n    - key\njoins: {env: OTHER, after: uses}\nfree: {img: x, run: y}",
    )])
    .unwrap();
    let told = |names: &[&str], given: &[&str]| {
        let names = names.iter().map(|name| node(name)).collect();
        let given = |name: &EnvName| given.contains(&name.as_str());
        let plan = graph.plan(&Selection::Nodes(names), &given);
        plan.map_err(|error| error.to_string())
    };
    assert!(told(&["free"], &[]).is_ok());
    for (names, given, expected) in [
        (
            &["uses"][..],
            &[][..],
            "ci/a.graphci.yaml:7: the node \"uses\" needs the variable KEY, which was not given",
        ),
        (
            &["alone"],
            &[],
            "ci/a.graphci.yaml:2: the node \"alone\" needs the variable ALONE, which was not given",
        ),
        (
            &["joins"],
            &["KEY"],
            "ci/a.graphci.yaml:8: the node \"joins\" needs the variable OTHER, which was not given",
        ),
    ] {
        assert_eq!(told(names, given).unwrap_err(), expected);
    }
    let plan = told(&["uses"], &["key"]).unwrap();
    assert_eq!(
        plan.nodes["key"].work,
        NodeWork::Variable("key".parse().unwrap())
    );
    assert_eq!(
        container(&plan, "uses").env["KEY"],
        EnvValue::Outside("key".parse().unwrap())
    );
}
