//! Whatever a graph file is: mistakes that are each one line, or a graph whose plans are closed and
//! can be drawn; never a panic.

#![no_main]

use dogi_graph::{NodeView, Reader, Selection, svg};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new();
    reader.file("f", data);
    for image in reader.wanted() {
        reader.subgraph(&image, b"s: {img: x, run: y}");
    }
    let graph = match reader.finish() {
        Ok(graph) => graph,
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            for mistake in error.mistakes() {
                assert!(!mistake.to_string().contains('\n'), "{mistake}");
            }
            return;
        }
    };
    let touched = Selection::Touched(vec!["src/main.rs".to_owned(), "a".to_owned()]);
    for selection in [Selection::All, Selection::Triggered, touched] {
        let plan = graph
            .plan(&selection, &|_| true)
            .expect("every variable is given");
        let mut views = Vec::new();
        for (name, node) in &plan.nodes {
            assert!(!plan.ancestors(name).contains(name));
            assert!(node.after.iter().all(|before| plan.nodes.contains_key(before)));
            views.push(NodeView {
                name: name.as_str(),
                state: "waiting",
                after: node.after.iter().map(AsRef::as_ref).collect(),
                ..NodeView::default()
            });
        }
        drop(svg(&views));
    }
});
