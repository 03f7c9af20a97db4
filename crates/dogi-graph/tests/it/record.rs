//! Plans and selections as they are recorded: what was written once is read for ever.

use dogi_graph::{Plan, Selection};

use crate::support::{all, graph, node};

#[test]
fn a_plan() {
    let plan = all(&graph(
        "a: {img: x, run: y}
key:
join: {after: a}
full: {img: x, run: y, dir: /d, env: [a, key, b], vol: [a, code], on: code, after: join, noLog: true, neverFail: true}
",
    ));
    let written = serde_json::to_string(&plan).unwrap();
    let expected = concat!(
        r#"{"nodes":{"a":{"work":{"container":{"image":"x","run":"y"}}},"#,
        r#""full":{"after":["a","join","key"],"work":{"container":{"image":"x","run":"y","dir":"/d","#,
        r#""env":{"A":{"output":"a"},"B":{"outside":"B"},"KEY":{"outside":"KEY"}},"#,
        r#""volumes":["code",{"node":"a"}],"on":"code","no_log":true,"never_fail":true}}},"#,
        r#""join":{"after":["a"],"work":"join"},"#,
        r#""key":{"work":{"variable":"KEY"}}}}"#,
    );
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_str::<Plan>(&written).unwrap(), plan);
    assert!(serde_json::from_str::<Plan>("{}").unwrap().is_empty());
}

#[test]
fn a_selection() {
    for (selection, text) in [
        (Selection::All, r#""all""#),
        (Selection::Triggered, r#""triggered""#),
        (
            Selection::Nodes(vec![node("a"), node("b")]),
            r#"{"nodes":["a","b"]}"#,
        ),
        (
            Selection::Touched(vec!["a/b".to_owned()]),
            r#"{"touched":["a/b"]}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&selection).unwrap(), text);
        assert_eq!(serde_json::from_str::<Selection>(text).unwrap(), selection);
    }
    assert!(serde_json::from_str::<Selection>(r#"{"nodes":["/"]}"#).is_err());
}
