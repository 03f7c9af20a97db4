//! Which files start a node.

use dogi_graph::Selection;

use crate::support::{graph, plan};

#[test]
fn globs() {
    for (glob, yes, no) in [
        ("*.rs", &["a.rs", ".rs"][..], &["a/b.rs", "a.rs2"][..]),
        ("**/*.rs", &["a.rs", "a/b/c.rs"], &["a.rsx"]),
        ("src/**", &["src/a", "src/a/b"], &["src", "lib/src/a"]),
        ("src/", &["src/a", "src/a/b"], &["src", "srcs/a", "a/src/b"]),
        ("./src/", &["src/a"], &["a"]),
        ("src", &["src"], &["src/a"]),
        ("a/*/c", &["a/b/c"], &["a/c", "a/b/b/c"]),
        ("a/**/c", &["a/c", "a/b/c", "a/b/b/c"], &["b/c"]),
        ("**", &["a", "a/b"], &[]),
        ("**.js", &["a.js", "a/b.js"], &["a.jsx"]),
        ("docs**", &["docs", "docs2", "docs/a/b"], &["doc"]),
        ("{a,b}/**", &["a/x", "b/x/y"], &["c/x"]),
        ("a?c", &["abc"], &["a/c", "ac"]),
        ("[ab].txt", &["a.txt", "b.txt", "[ab].txt"], &["c.txt"]),
        (
            "pages/[id].tsx",
            &["pages/[id].tsx", "pages/i.tsx"],
            &["pages/x.tsx"],
        ),
        ("[]*]x", &["*x", "]x"], &["ax", "a/x"]),
        ("\\\\*", &["*"], &["a"]),
        ("\\\\!a", &["!a"], &["a"]),
        ("Makefile", &["Makefile"], &["makefile", "a/Makefile"]),
    ] {
        let text = format!("n: {{img: x, run: y, triggers: \"{glob}\"}}");
        let graph = graph(&text);
        let matches = |path: &&&str| {
            let touched = Selection::Touched(vec![(**path).to_owned()]);
            !plan(&graph, &touched).unwrap().is_empty()
        };
        let missed: Vec<_> = yes.iter().filter(|path| !matches(path)).collect();
        let hit: Vec<_> = no.iter().filter(matches).collect();
        assert!(
            missed.is_empty() && hit.is_empty(),
            "{glob}: not {missed:?}, but {hit:?}"
        );
    }
}
